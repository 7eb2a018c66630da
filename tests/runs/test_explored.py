"""Favourites and directions of a run: read back as written, written whole, and never trusted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs.explored import FILE, Direction, Explored, Favourite, explored, keep
from trainer.protocol.sample_notes import LONGEST_VECTOR, text_of, vector_of
from trainer.protocol.untrusted import UntrustedError

VECTOR = np.arange(5, dtype=np.float32)


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    what = (
        Explored().with_favourite(Favourite("a", VECTOR, 3, "7/1", "red", "7/1")).with_favourite(Favourite("a", VECTOR))
    )
    what = what.with_direction(Direction("bulkier", VECTOR / 5, 3, "tag", "a note"))
    keep(tmp_path, what)
    found = explored(tmp_path)
    assert [one.name for one in found.favourites] == ["a", "a 2"]
    one, direction = found.favourites[0], found.directions[0]
    assert (one.iteration, one.origin, one.label, one.latent) == (3, "7/1", "red", "7/1")
    assert (direction.name, direction.kind, direction.note) == ("bulkier", "tag", "a note")
    assert np.array_equal(one.vector, VECTOR)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert explored(tmp_path / "nothing") == Explored()


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
def test_vectors_survive_their_text(values: list[float]) -> None:
    vector = np.array(values, np.float32)
    assert np.array_equal(vector_of(text_of(vector)), vector)


@pytest.mark.parametrize("text", ["", "x", "AAA", "AAAAAAA=", "AADAfw==", "ü"])
def test_what_is_no_vector_is_refused(text: str) -> None:
    with pytest.raises(UntrustedError):
        vector_of(text)


@pytest.mark.parametrize(
    "value",
    [[], {"favourites": 3}, {"favourites": [{"name": "a"}]}, {"favourites": [{"name": 3, "vector": "AAAAAA=="}]},
     {"directions": [{"name": "a", "vector": "AAAAAA==", "kind": "magic"}]}, {"schema_version": 99}],
)  # fmt: skip
def test_a_strange_file_is_one_line_and_is_not_replaced(tmp_path: Path, value: object) -> None:
    (tmp_path / FILE).write_text(json.dumps(value))
    with pytest.raises(UserError) as told:
        explored(tmp_path)
    assert "\n" not in str(told.value)


def test_no_more_is_kept_than_can_be_read_again(tmp_path: Path) -> None:
    """A latent of a flow is as large as its picture, and a file that is too large would hide all favourites."""
    long = np.zeros(LONGEST_VECTOR, np.float32)
    some = Explored(tuple(Favourite(str(n), long) for n in range(11)))
    keep(tmp_path, some)
    assert len(explored(tmp_path).favourites) == 11
    with pytest.raises(UserError, match="no room"):
        keep(tmp_path, some.with_favourite(Favourite("one more", long)))
    assert len(explored(tmp_path).favourites) == 11


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no run"):
        keep(tmp_path / "nothing", Explored())
    with pytest.raises(UserError, match="name"):
        keep(tmp_path, Explored((Favourite("", VECTOR),)))
    (tmp_path / "elsewhere").write_text("mine")
    try:
        (tmp_path / FILE).symlink_to(tmp_path / "elsewhere")
    except OSError:
        pytest.skip("links cannot be made here")
    with pytest.raises(UserError, match="symbolic link"):
        keep(tmp_path, Explored())
    assert (tmp_path / "elsewhere").read_text() == "mine"
