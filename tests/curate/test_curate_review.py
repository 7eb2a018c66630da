"""What the gallery gets from the core: pages, next undecided, saved filters, similarity."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from small_workspaces import add_sprites

from gandam_studio.core import versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.importing import Pasted, import_sources
from gandam_studio.core.versions.pictures import detected_background
from gandam_studio.core.workspace import Workspace, review
from gandam_studio.core.workspace.edits import Drop, Flip, Keep, LookAlike, SetFacing, SetSetting, SetValues, Tag
from gandam_studio.core.workspace.query import ORDERS, Filter
from gandam_studio.qt.widgets.selection import Selection


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "w") as made:
        add_sprites(made, list(range(30)))
        yield made


def test_a_page_keeps_the_order_asked_for_and_leaves_out_what_is_not_there(workspace: Workspace) -> None:
    for wanted in ([3, 4, 5], [9, 2, 30, 1], [7], []):
        page = review.page(workspace, np.array(wanted, dtype=np.int64))
        assert [sprite.seq for sprite in page] == wanted
    assert [s.seq for s in review.page(workspace, np.array([5, 99, 1]))] == [5, 1]


@pytest.mark.parametrize("few", [0, 2000])
def test_next_undecided_goes_on_and_comes_round(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(review, "FEW", few)
    order = workspace.select()
    workspace.apply(Keep([1, 2, 3, 6, 30]))
    find = lambda after: review.next_undecided(workspace, order, after)  # noqa: E731
    assert find(-1) == 3
    assert find(3) == 4
    assert find(4) == 6
    assert find(28) == 3
    assert review.next_undecided(workspace, order[:3], -1) is None
    assert review.next_undecided(workspace, order[::-1].copy(), 0) == 1
    workspace.apply(Keep(order))
    assert find(0) is None
    assert review.next_undecided(workspace, order[:0], -1) is None


def test_the_first_undecided_is_found_flipped_or_not(workspace: Workspace) -> None:
    def first() -> int | None:
        return review.first_undecided(workspace)

    assert first() == 1
    workspace.apply(Keep([1, 2]))
    workspace.apply(Flip([3, 20]))
    assert first() == 3
    workspace.apply(Drop([3], "text"))
    assert first() == 4
    workspace.apply(Keep([seq for seq in range(4, 31) if seq != 20]))
    assert first() == 20
    workspace.apply(Keep([20]))
    assert first() is None


def test_still_matching_is_what_a_new_selection_would_say(workspace: Workspace) -> None:
    workspace.apply(Drop([4, 5, 6], "text"))
    workspace.apply(Tag([1, 5], frozenset({"boss"})))
    for chosen in (Filter(status="dropped"), Filter(tag="boss"), Filter(tag="-boss", status="undecided")):
        everything = workspace.select(chosen)
        asked = np.arange(1, 12, dtype=np.int64)
        assert review.still_matching(workspace, chosen, asked).tolist() == [
            seq for seq in asked.tolist() if seq in everything
        ]


def test_the_detected_background_is_the_one_a_version_would_get(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "opaque") as workspace:
        assert review.detected_background(workspace) == "#ffffff"
        files = []
        for number, ground in enumerate([(9, 9, 200), (9, 9, 200), (250, 10, 10), (250, 10, 10), (250, 10, 10)]):
            rgb = np.full((20, 20, 3), ground, np.uint8)
            rgb[6:12, 6 : 8 + number] = (10, 200, 10)
            stream = io.BytesIO()
            Image.fromarray(rgb).save(stream, "PNG")
            files.append(Pasted(f"{number}.png", stream.getvalue()))
        import_sources(workspace, files)
        workspace.apply(Drop([4, 5], "text"))
        found = review.detected_background(workspace)
        assert found == "#0909c8"
        assert found == detected_background(workspace, versions.commit(workspace, "one"))


def test_reasons_keep_their_order_and_none_is_invented(workspace: Workspace) -> None:
    assert review.reasons_given(workspace) == review.known_reasons(workspace) == []
    workspace.apply(Drop([1]))
    assert review.reasons_given(workspace) == []
    workspace.apply(Drop([2], "zebra"))
    workspace.apply(Drop([3, 4, 5], "apple"))
    workspace.apply(SetValues({"status": {6: "dropped"}, "reason": {6: "from a version"}}, "Restore"))
    workspace.apply(Drop([7], "typo"))
    assert review.reasons_given(workspace) == ["zebra", "apple", "typo"]
    workspace.undo()
    assert review.reasons_given(workspace) == ["zebra", "apple"]
    assert review.known_reasons(workspace) == ["zebra", "apple", "from a version"]
    workspace.apply(Keep([2]))
    assert review.reasons_given(workspace) == ["zebra", "apple"], "a digit keeps its reason"


def test_turning_all_to_one_side_flips_only_those_that_face_the_other(workspace: Workspace) -> None:
    workspace.apply(SetFacing([1, 2, 3], "right"))
    workspace.apply(SetFacing([4, 5], "left"))
    workspace.apply(Flip([3, 5]))  # now 3 looks left and 5 looks right
    workspace.apply(SetFacing([6], "front"))
    changes = workspace.apply(LookAlike(range(1, 31), "left"))
    assert changes.seqs.tolist() == [1, 2, 5]
    assert {workspace.sprite(seq).shown_facing for seq in range(1, 6)} == {"left"}
    assert review.count_without_side(workspace, workspace.select()) == 25
    assert not workspace.apply(LookAlike(range(1, 31), "left"))
    assert workspace.history.seqs_of(changes.edit).tolist() == [1, 2, 5]
    workspace.undo()
    assert workspace.sprite(5).shown_facing == "right"


def test_the_next_without_facing_is_found_and_dropped_ones_are_passed(workspace: Workspace) -> None:
    order = workspace.select()
    workspace.apply(SetFacing([1, 2, 4], "left"))
    workspace.apply(Drop([3]))
    assert review.next_without_facing(workspace, order, -1) == 4
    assert review.next_without_facing(workspace, order[:6], 5) == 4
    assert review.next_without_facing(workspace, order[:4], 0) is None
    assert review.with_status(workspace, order, "not-dropped").tolist() == [1, 2, *range(4, 31)]


def test_words_in_use(workspace: Workspace) -> None:
    workspace.apply(Drop([1, 2], "too blurry"))
    workspace.apply(Tag([1], frozenset({"b", "a"})))
    assert review.known_tags(workspace) == ["a", "b"]
    assert review.known_reasons(workspace) == ["too blurry"]
    assert review.sources_of(workspace, 3) == ["art/sprite-00002.png"]


filters = st.builds(
    Filter,
    status=st.sampled_from(["", "kept", "not-dropped"]),
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5),
    flipped=st.sampled_from([None, True, False]),
    min_side=st.none() | st.integers(1, 64),
    max_aspect=st.none() | st.floats(0.1, 9, allow_nan=False),
    order=st.sampled_from(sorted(ORDERS)),
    descending=st.booleans(),
)


@given(filters)
def test_a_filter_comes_back_from_its_json(chosen: Filter) -> None:
    assert Filter.from_json(chosen.to_json()) == chosen


def test_a_saved_filter_of_an_unknown_shape_is_left_out(workspace: Workspace) -> None:
    workspace.apply(SetSetting(review.SAVED_FILTERS, {"good": {"status": "kept"}, "newer": {"mood": "blue"}, "x": 3}))
    stored = workspace.setting(review.SAVED_FILTERS)
    assert review.saved_filters(stored) == {"good": Filter(status="kept")}
    assert review.saved_filters(None) == {}
    with pytest.raises(ValueError, match="unknown order"):
        Filter.from_json({"order": "chance"})


def _picture(colour: tuple[int, int, int], box: tuple[int, int, int, int], name: str) -> Pasted:
    rgba = np.zeros((32, 32, 4), np.uint8)
    x, y, w, h = box
    rgba[y : y + h, x : x + w] = (*colour, 255)
    stream = io.BytesIO()
    Image.fromarray(rgba).save(stream, "PNG")
    return Pasted(name, stream.getvalue())


def test_the_most_alike_come_first_mirrored_ones_included(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "alike") as workspace:
        picture = np.zeros((32, 32, 4), np.uint8)
        picture[4:28, 4:12] = (200, 30, 30, 255)
        picture[4:10, 4:26] = (200, 30, 30, 255)
        mirrored = picture[:, ::-1]
        files = []
        for name, pixels in (("a.png", picture), ("m.png", mirrored)):
            stream = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG")
            files.append(Pasted(name, stream.getvalue()))
        others = [
            _picture((20, 200, 40), (2, 14, 28, 6), "far.png"),
            _picture((200, 30, 30), (4, 4, 8, 24), "near.png"),
        ]
        import_sources(workspace, [files[0], *others, files[1]])
        names = {sprite.seq: sprite.name for sprite in workspace.sprites()}
        order = workspace.select(Filter(order="similarity", like=1))
        assert [names[seq] for seq in order.tolist()] == ["a.png", "m.png", "near.png", "far.png"]
        backwards = workspace.select(Filter(order="similarity", like=1, descending=True))
        assert backwards.tolist() == order[::-1].tolist()
        with pytest.raises(UserError, match="needs a sprite"):
            workspace.select(Filter(order="similarity"))


def test_similarity_without_features_is_refused_in_one_line(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="no features"):
        workspace.select(Filter(order="similarity", like=1))


@given(
    st.lists(
        st.tuples(st.sampled_from(["set", "add", "remove", "keep", "toggle", "clear"]), st.sets(st.integers(1, 40)))
    )
)
def test_a_selection_is_a_set(steps: list[tuple[str, set[int]]]) -> None:
    selection, model = Selection(), set()
    for step, numbers in steps:
        seqs = np.array(sorted(numbers), dtype=np.int64)
        if step == "clear":
            selection.clear()
            model = set()
        elif step == "toggle":
            for number in numbers:
                selection.toggle(number)
                model ^= {number}
        else:
            getattr(selection, step)(seqs)
            model = {"set": numbers, "add": model | numbers, "remove": model - numbers, "keep": model & numbers}[step]
        assert selection.count == len(model)
        assert selection.seqs().tolist() == sorted(model)
    before = selection.snapshot()
    selection.add(np.array([77]))
    assert 77 in selection
    selection.restore(before)
    assert selection.seqs().tolist() == sorted(model)
