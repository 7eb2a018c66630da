"""Rows are checked many at once, with the same answer as one after the other."""

from __future__ import annotations

from typing import Any

import pytest

from gandam_studio.core.errors import DamagedWorkspace
from gandam_studio.core.workspace.sprite import COLUMNS, Sprite, are_sound

NAMES = COLUMNS.split(", ")[:8]
SOUND: dict[str, list[Any]] = {
    "seq": [1, 1 << 40],
    "id": ["0123456789abcdef" * 4],
    "name": ["x.png", "", "ünïcode ザク.png", "a" * 10_000, "two\nlines"],
    "blob": ["f" * 64],
    "part": ["", "frame=3", "key=ff00ff", "region=0,32,16,16+turn=3"],
    "width": [1, 1_000_000],
    "height": [1, 1_000_000],
    "colors": [0, 4096],
}
DAMAGED: dict[str, list[Any]] = {
    "seq": [0, -1, 1.0, "1", None],
    "id": ["", "F" * 64, "f" * 63, "f" * 65, "g" * 64, b"f" * 64, None],
    "name": ["a" * 10_001, "a\0b", b"x.png", 3, None],
    "blob": ["", "f" * 63 + "\n", "f" * 128, None],
    "part": ["frame=", "key=FF00FF", " ", 3],
    "width": [0, -1, 1_000_001, 3.0, "3"],
    "height": [0, -1, 1_000_001, 3.0, "3"],
    "colors": [-1, 0.5, "24"],
}


def row(**changed: Any) -> tuple[Any, ...]:
    plain = {name: values[0] for name, values in SOUND.items()} | changed
    return (*(plain[name] for name in NAMES), 1, "", "undecided", "", 0, 0, "", "unknown", "", "", 1.0, "")


def sound(rows: list[tuple[Any, ...]]) -> bool:
    return are_sound(list(zip(*rows, strict=True))[:8])


@pytest.mark.parametrize("name", NAMES)
def test_all_that_is_valid_is_sound(name: str) -> None:
    rows = [row(**{name: value}) for value in SOUND[name]]
    assert [Sprite.from_row(one) for one in rows]
    assert sound(rows)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in DAMAGED.items() for value in values])
def test_one_invalid_value_among_many_is_found(name: str, value: Any) -> None:
    bad = row(**{name: value})
    with pytest.raises(DamagedWorkspace, match=name):
        Sprite.from_row(bad)
    assert not sound([row(), bad, row()])
    assert not sound([bad])
