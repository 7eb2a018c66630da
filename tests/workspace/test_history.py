"""Edits, undo and redo compared with a pure Python model, also after reopening."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace import schema
from gandam_studio.core.workspace.edits import (
    Drop,
    Edit,
    Flip,
    Keep,
    LookAlike,
    NotDuplicates,
    Rotate,
    SetCrop,
    SetFacing,
    SetSetting,
    SetValues,
    Tag,
    Together,
    Undecide,
)
from gandam_studio.core.workspace.history import History
from gandam_studio.core.workspace.store import connect, transaction

SPRITES = 12


def fill(connection: sqlite3.Connection, count: int = SPRITES) -> None:
    rows = [(f"{seq:064x}", f"s{seq}.png", "0" * 64, 20 + seq, 30) for seq in range(1, count + 1)]
    connection.executemany("INSERT INTO sprites (id, name, blob, width, height) VALUES (?, ?, ?, ?, ?)", rows)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "workspace.sqlite"
    connection = connect(path, create=True)
    schema.prepare(connection)
    fill(connection)
    connection.close()
    return path


@pytest.fixture
def connection(database: Path):
    opened = connect(database)
    yield opened
    opened.close()


def state(connection: sqlite3.Connection) -> list[tuple]:
    """Everything that an edit can change."""
    rows = [tuple(row) for row in connection.execute("SELECT * FROM sprites ORDER BY seq")]
    rows += [tuple(row) for row in connection.execute("SELECT * FROM pairs ORDER BY a, b")]
    return rows + [tuple(row) for row in connection.execute("SELECT * FROM settings ORDER BY key")]


def value(connection: sqlite3.Connection, seq: int, field: str):
    return connection.execute(f"SELECT {field} FROM sprites WHERE seq = ?", (seq,)).fetchone()[0]


selections = st.lists(st.integers(1, SPRITES), min_size=1, max_size=SPRITES, unique=True)
edits = st.one_of(
    selections.map(Flip),
    st.builds(Rotate, selections, st.integers(1, 3)),
    st.builds(Drop, selections, st.sampled_from(["", "non-bipedal", "text"])),
    selections.map(Keep),
    selections.map(Undecide),
    st.builds(Tag, selections, st.frozensets(st.sampled_from("abc")), st.frozensets(st.sampled_from("abc"))),
    st.builds(SetFacing, selections, st.sampled_from(["left", "right", "front", "unknown"])),
    st.builds(LookAlike, selections, st.sampled_from(["left", "right"])),
    st.builds(SetCrop, selections, st.sampled_from([None, (0, 0, 5, 5), (2, 3, 10, 9)])),
    st.builds(
        SetValues,
        st.fixed_dictionaries(
            {"weight": st.dictionaries(st.integers(1, SPRITES), st.sampled_from([0.5, 2.0]), min_size=1)}
        ),
        st.just("Weights"),
    ),
    st.lists(st.tuples(st.integers(1, SPRITES), st.integers(1, SPRITES)), max_size=4).map(
        lambda pairs: NotDuplicates(tuple(pairs))
    ),
    st.builds(SetSetting, st.just("recipe"), st.sampled_from([None, {"size": 32}, {"size": 64}])),
)
steps = st.lists(st.one_of(edits, st.just("undo"), st.just("redo"), st.just("restart")), max_size=25)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_any_sequence_agrees_with_a_model_that_keeps_whole_states(tmp_path_factory, sequence) -> None:
    path = tmp_path_factory.mktemp("model") / "workspace.sqlite"
    connection = connect(path, create=True)
    schema.prepare(connection)
    fill(connection)
    done, undone = [state(connection)], []
    for step in sequence:
        history = History(connection)
        if step == "undo":
            assert bool(history.undo()) == (len(done) > 1)
            if len(done) > 1:
                undone.append(done.pop())
        elif step == "redo":
            assert bool(history.redo()) == bool(undone)
            if undone:
                done.append(undone.pop())
        elif step == "restart":
            connection.close()
            connection = connect(path)
        elif history.apply(step):
            done.append(state(connection))
            undone.clear()
        assert state(connection) == done[-1]
    connection.close()


def test_flip_twice_is_no_flip_and_both_are_remembered(connection) -> None:
    history = History(connection)
    assert history.apply(Flip([3, 1])).seqs.tolist() == [1, 3]
    history.apply(Flip([1]))
    assert [value(connection, seq, "flipped") for seq in (1, 2, 3)] == [0, 0, 1]
    assert [entry.label for entry in history.entries()] == ["Flip 1 sprite", "Flip 2 sprites"]


def test_an_edit_without_effect_leaves_no_row_and_keeps_redo(connection) -> None:
    history = History(connection)
    history.apply(Keep([1]))
    history.undo()
    assert not history.apply(Undecide([1]))
    assert history.redo_label() == "Keep 1 sprite"


def test_nothing_to_undo_or_redo_changes_no_row(connection) -> None:
    for changes in (History(connection).undo(), History(connection).redo(), History(connection).apply(Undecide([1]))):
        assert not changes
        assert changes.seqs.tolist() == []
        assert changes.fields == frozenset()


def test_an_overtaken_edit_is_abandoned_but_still_readable(connection) -> None:
    history = History(connection)
    history.apply(Drop([1, 2], "text"))
    history.undo()
    history.apply(Keep([4]))
    assert not history.redo()
    assert {entry.label: entry.state for entry in history.entries()} == {
        "Drop 2 sprites (text)": "abandoned",
        "Keep 1 sprite": "done",
    }


def test_facing_is_said_of_the_picture_as_shown(connection) -> None:
    history = History(connection)
    history.apply(Flip([1]))
    history.apply(SetFacing([1, 2], "left"))
    assert (value(connection, 1, "facing"), value(connection, 2, "facing")) == ("right", "left")
    history.apply(Rotate([2], 2))
    assert value(connection, 2, "facing") == "right"


def test_rotating_a_flipped_picture_turns_what_is_shown(connection) -> None:
    history = History(connection)
    history.apply(Flip([1]))
    history.apply(Rotate([1], 1))
    # Mirror after the turn: showing a clockwise turn needs the opposite turn beneath the mirror.
    assert value(connection, 1, "rotation") == 3


@pytest.mark.parametrize(
    ("turns", "facing", "turned", "flipped"),
    [(1, "unknown", 1, 3), (2, "right", 2, 2), (3, "unknown", 3, 1), (4, "left", 0, 0), (-1, "unknown", 3, 1)],
)
def test_turns_and_the_facing_they_leave(connection, turns: int, facing: str, turned: int, flipped: int) -> None:
    history = History(connection)
    history.apply(SetFacing([1, 2], "left"))
    history.apply(Flip([2]))
    history.apply(Rotate([1, 2], turns))
    assert (value(connection, 1, "rotation"), value(connection, 1, "facing")) == (turned, facing)
    assert (value(connection, 2, "rotation"), value(connection, 2, "facing")) == (flipped, facing)
    history.apply(Rotate([1, 2], 4 - turns))
    assert [value(connection, seq, "rotation") for seq in (1, 2)] == [0, 0]


def test_together_is_one_step_and_refuses_to_touch_a_field_twice(connection) -> None:
    history = History(connection)
    before = state(connection)
    history.apply(Together((Flip([1]), Drop([2, 3], "duplicate")), "Flip and keep"))
    assert history.undo_label() == "Flip and keep (3 sprites)"
    history.undo()
    assert state(connection) == before
    with pytest.raises(ValueError, match="flipped of the same sprite"):
        history.apply(Together((Flip([1]), Flip([1, 2])), "Twice"))
    assert state(connection) == before


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Flip([99]), "not in this workspace"),
        (SetCrop([1], (0, 0, 500, 5)), "s1.png"),
    ],
)
def test_a_refused_edit_changes_nothing(connection, edit: Edit, message: str) -> None:
    before = state(connection)
    with pytest.raises(UserError, match=message):
        History(connection).apply(edit)
    assert state(connection) == before
    assert History(connection).entries() == []


def test_a_large_edit_is_one_small_row(connection) -> None:
    fill_more = [(f"{seq:064x}", "x.png", "0" * 64, 8, 8) for seq in range(SPRITES + 1, 10_001)]
    with transaction(connection):
        connection.executemany("INSERT INTO sprites (id, name, blob, width, height) VALUES (?, ?, ?, ?, ?)", fill_more)
    history = History(connection)
    odd = np.arange(1, 10_001, 2)
    assert len(history.apply(Flip(odd)).seqs) == 5_000
    (size,) = connection.execute("SELECT sum(length(seqs)) FROM deltas").fetchone()
    assert size < 1_000
    assert len(history.undo().seqs) == 5_000
    assert connection.execute("SELECT sum(flipped) FROM sprites").fetchone()[0] == 0


@given(steps=st.lists(st.tuples(edits, st.booleans()), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_an_edit_that_grows_is_taken_back_part_by_part_and_undone_whole(steps) -> None:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    opened.row_factory = sqlite3.Row
    schema.prepare(opened)
    fill(opened)
    history = History(opened)
    empty = state(opened)
    history.apply(Tag([1], frozenset("z")))
    begun, number, parts = state(opened), 0, 0
    marks = []
    for edit, back in steps:
        before = (number, parts, state(opened))
        changes = history.apply(edit, into=number)
        if changes:
            assert not number or changes.edit == number
            number, parts = changes.edit, changes.parts
            marks.append(before)
        if back and marks:
            earlier, kept, was = marks.pop()
            assert history.take_back(number, kept, edit.label)
            assert state(opened) == was
            number, parts = earlier, kept
    end = state(opened)
    assert sum(entry.state == "done" for entry in history.entries()) == 1 + bool(number)
    if number:
        assert history.undo().edit == number
        assert state(opened) == begun
        assert history.redo().edit == number
        assert state(opened) == end
        history.undo()
    history.undo()
    assert state(opened) == empty
    opened.close()


def test_an_edit_grows_only_while_it_is_the_newest_and_in_no_version(connection: sqlite3.Connection) -> None:
    history = History(connection)
    first = history.apply(Keep([1]))
    assert history.apply(Keep([2]), into=first.edit).edit == first.edit
    second = history.apply(Drop([3]))
    third = history.apply(Keep([4]), into=first.edit)
    assert third.edit not in (first.edit, second.edit)
    with pytest.raises(UserError):
        history.take_back(first.edit, 0, str)
    with transaction(connection):
        connection.execute(
            "INSERT INTO versions (digest, message, at, sprites, edit) VALUES ('', '', '', 0, ?)", (third.edit,)
        )
    assert history.apply(Keep([5]), into=third.edit).edit != third.edit
