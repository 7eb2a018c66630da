"""Filters compare text regardless of Unicode composition and case, and numbers by value."""

from __future__ import annotations

import random
import unicodedata

import pytest
from small_workspaces import add_sprites

from gandam_studio.core.texts import natural_key
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, SetValues, Tag
from gandam_studio.core.workspace.query import Filter
from gandam_studio.core.workspace.store import transaction


@pytest.fixture
def workspace(tmp_path):
    with Workspace.create(tmp_path / "w") as opened:
        add_sprites(opened, [1, 2, 3])
        yield opened


def rename(workspace: Workspace, names: dict[int, str]) -> None:
    with transaction(workspace.connection) as connection:
        connection.executemany(
            "UPDATE sprites SET name = ? WHERE seq = ?", [(name, seq) for seq, name in names.items()]
        )


@pytest.mark.parametrize("stored", ["Éclair", "Дракон", "Straße", "plain", "100%_a", "a\\b"])
@pytest.mark.parametrize("change", [str.upper, str.lower, lambda text: unicodedata.normalize("NFD", text)])
def test_every_filter_finds_the_same_letters(workspace: Workspace, stored: str, change) -> None:
    wanted = change(stored)
    workspace.apply(Tag([1], frozenset({stored, "other"})))
    workspace.apply(SetValues({"family": {1: stored}}, "x"))
    rename(workspace, {1: f"{stored}.png"})
    workspace.apply(Drop([1], stored))
    for chosen in (
        Filter(tag=wanted), Filter(family=wanted), Filter(reason=wanted), Filter(text=wanted), Filter(text=wanted[:3]),
    ):  # fmt: skip
        assert workspace.select(chosen).tolist() == [1], chosen
    assert workspace.select(Filter(tag=f"-{wanted}")).tolist() == [2, 3]
    # A part of a tag or family is not the whole.
    for chosen in (Filter(tag=wanted[1:]), Filter(family=wanted[:-1]), Filter(reason=f"{wanted}x")):
        assert workspace.select(chosen).tolist() == []


def test_names_sort_as_people_count(workspace: Workspace) -> None:
    rename(workspace, {1: "walk10.png", 2: "Walk2.png", 3: "walk1.png"})
    assert workspace.select(Filter(order="name")).tolist() == [3, 2, 1]
    assert workspace.select(Filter(order="name", descending=True)).tolist() == [1, 2, 3]
    assert len(workspace.select(Filter(order="source"))) == 3


def test_natural_keys() -> None:
    names = [
        "",
        "-1",
        "1",
        "a",
        "a1",
        "a1b",
        "a2",
        "a02b",
        "a10",
        "a10.5",
        "a99999999",
        "a100000000",
        "a" + "9" * 40,
        "b",
        "é2",
        "É10",
    ]
    shuffled = random.Random(1).sample(names, len(names))
    assert sorted(shuffled, key=natural_key) == names
    assert natural_key("a007") == natural_key("A7")
