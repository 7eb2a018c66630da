"""Files edited since their import: old sprites keep their origin, and decisions can be carried over."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from pictures import encoded, sprite, sprite_png

from gandam_studio.core import versions
from gandam_studio.core.duplicates.copies import exact_copies
from gandam_studio.core.importing import Grid, ImportOptions, ImportSummary, import_sources
from gandam_studio.core.places import (
    earlier_suffix,
    is_earlier,
    join_member,
    shown_place,
    split_earlier,
    split_member,
)
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, Flip, Keep, Rotate, SetCrop, SetFacing, SetValues, Tag
from gandam_studio.core.workspace.review import sources_of
from gandam_studio.core.workspace.sprite import Sprite

PLAIN = ImportOptions(workers=1)
CARRY = ImportOptions(workers=1, carry_over=True)
_CLOCK = iter(range(10**9, 2 * 10**9))


class Art:
    """A folder, or a zip of it, with files that can be changed."""

    def __init__(self, path: Path, *, zipped: bool) -> None:
        self.path = path.with_suffix(".zip") if zipped else path
        self._files: dict[str, bytes] = {}
        self._zipped = zipped

    def put(self, **files: bytes) -> Art:
        """Set the content of NAME.png."""
        self._files |= files
        if self._zipped:
            with zipfile.ZipFile(self.path, "w") as archive:
                for name, data in self._files.items():
                    archive.writestr(f"{name}.png", data)
            os.utime(self.path, (next(_CLOCK),) * 2)
        for name, data in {} if self._zipped else files.items():
            self.path.mkdir(exist_ok=True)
            (self.path / f"{name}.png").write_bytes(data)
            os.utime(self.path / f"{name}.png", (next(_CLOCK),) * 2)
        return self


@pytest.fixture(params=["folder", "zip"])
def art(request: pytest.FixtureRequest, tmp_path: Path) -> Art:
    return Art(tmp_path / "art", zipped=request.param == "zip").put(a=sprite_png(1), b=sprite_png(2))


@pytest.fixture
def loose(tmp_path: Path) -> Art:
    return Art(tmp_path / "art", zipped=False).put(a=sprite_png(1), b=sprite_png(2))


def run(workspace: Workspace, art: Art, options: ImportOptions = PLAIN) -> ImportSummary:
    return import_sources(workspace, [art.path], options=options)


def decided(sprite: Sprite) -> tuple[object, ...]:
    return (
        sprite.status, sprite.reason, sprite.flipped, sprite.rotation, sprite.crop, sprite.facing, sprite.tags,
        sprite.family, sprite.weight, sprite.split,
    )  # fmt: skip


def decide(workspace: Workspace, seq: int) -> None:
    """Set every field of a sprite."""
    workspace.apply(Keep([seq]))
    workspace.apply(Flip([seq]))
    workspace.apply(Rotate([seq], 2))
    workspace.apply(SetFacing([seq], "left"))
    workspace.apply(SetCrop([seq], (1, 2, 10, 11)))
    workspace.apply(Tag([seq], add=frozenset({"robot", "red"})))
    workspace.apply(SetValues({"family": {seq: "zaku"}, "weight": {seq: 0.5}, "split": {seq: "held-out"}}, "x"))


def test_the_old_sprite_still_says_where_it_came_from(workspace: Workspace, art: Art) -> None:
    run(workspace, art)
    before = sources_of(workspace, 1)
    old = workspace.sprite(1)
    summary = run(workspace, art.put(a=sprite_png(50)))
    assert (summary.imported, summary.already, summary.edited_count) == (1, 1, 1)
    (pair,) = summary.edited
    assert (pair.before, pair.after) == (old.id, workspace.sprite(3).id)
    assert pair.path.endswith("a.png")
    assert summary.to_json()["edited"] == [{"path": pair.path, "before": pair.before, "after": pair.after}]
    (kept,) = sources_of(workspace, 1)
    assert kept.startswith(before[0])
    assert old.blob[:12] in kept
    assert list(sources_of(workspace, 3)) == list(before)
    assert run(workspace, art).edited_count == 0, "told once"


def test_a_path_names_the_present_picture(workspace: Workspace, art: Art) -> None:
    run(workspace, art)
    run(workspace, art.put(a=sprite_png(50)))
    assert workspace.resolve(f"{art.path.name}/a.png") == 3
    assert workspace.resolve(f"{art.path.name}/A.PNG") == 3
    assert workspace.resolve("a.png") == 3
    from gandam_studio.core.workspace.query import Filter

    assert list(workspace.select(Filter(source="a.png"))) == [1, 3]


def test_an_earlier_place_is_no_copy_and_changes_no_digest(workspace: Workspace, loose: Art) -> None:
    run(workspace, loose.put(c=sprite_png(1)))
    (entry,) = [entry for entry in _entries(workspace) if entry.source == "a.png"]
    run(workspace, loose.put(a=sprite_png(50)))
    assert [copies.seq for copies in exact_copies(workspace)] == []
    assert entry in list(_entries(workspace))


def _entries(workspace: Workspace):
    from gandam_studio.core.versions import files

    return files.manifest_entries(workspace, versions.commit(workspace, "x"))


def test_decisions_are_carried_over_in_one_edit(workspace: Workspace, art: Art) -> None:
    run(workspace, art)
    decide(workspace, 1)
    wanted = decided(workspace.sprite(1))
    count = len(workspace.history.entries())
    summary = run(workspace, art.put(a=sprite_png(50)), CARRY)
    assert (summary.edited_count, summary.carried) == (1, 1)
    assert decided(workspace.sprite(3)) == wanted
    assert (workspace.sprite(1).status, workspace.sprite(1).reason) == ("dropped", "replaced")
    assert len(workspace.history.entries()) == count + 1
    workspace.undo()
    assert decided(workspace.sprite(1)) == wanted
    assert workspace.sprite(3).status == "undecided"


def test_the_offer_may_be_taken_at_a_later_import(workspace: Workspace, art: Art) -> None:
    run(workspace, art)
    workspace.apply(Drop([1], "text"))
    run(workspace, art.put(a=sprite_png(50)))
    other = Art(art.path.with_name("other"), zipped=False).put(z=sprite_png(9))
    assert run(workspace, other, CARRY).carried == 0, "of other files"
    summary = run(workspace, art, CARRY)
    assert (summary.imported, summary.edited_count, summary.carried) == (0, 1, 1)
    assert (workspace.sprite(3).status, workspace.sprite(3).reason) == ("dropped", "text")
    again = run(workspace, art, CARRY)
    assert (again.edited_count, again.carried) == (0, 0)


def test_a_crop_goes_along_where_the_size_is_equal(workspace: Workspace, art: Art) -> None:
    run(workspace, art)
    decide(workspace, 1)
    run(workspace, art.put(a=sprite_png(50, width=30)), CARRY)
    assert workspace.sprite(3).crop is None
    assert workspace.sprite(3).family == "zaku"


def test_edited_twice_and_carried_over_once(workspace: Workspace, art: Art) -> None:
    run(workspace, art)
    decide(workspace, 1)
    wanted = decided(workspace.sprite(1))
    run(workspace, art.put(a=sprite_png(50)))
    run(workspace, art.put(a=sprite_png(51)), CARRY)
    assert decided(workspace.sprite(4)) == wanted
    assert [workspace.sprite(seq).reason for seq in (1, 3)] == ["replaced", "replaced"]
    assert [len(sources_of(workspace, seq)) for seq in (1, 3, 4)] == [1, 1, 1]


def test_changed_back(workspace: Workspace, art: Art) -> None:
    run(workspace, art)
    decide(workspace, 1)
    wanted = decided(workspace.sprite(1))
    place = sources_of(workspace, 1)
    run(workspace, art.put(a=sprite_png(50)), CARRY)
    run(workspace, art.put(a=sprite_png(1)), CARRY)
    assert decided(workspace.sprite(1)) == wanted
    assert workspace.sprite(3).reason == "replaced"
    assert list(sources_of(workspace, 1)) == list(place)


def test_what_has_decisions_of_its_own_keeps_them(workspace: Workspace, loose: Art) -> None:
    run(workspace, loose)
    workspace.apply(Keep([1]))
    workspace.apply(Drop([2], "text"))
    summary = run(workspace, loose.put(a=sprite_png(2)), CARRY)
    assert (summary.edited_count, summary.carried) == (1, 0)
    assert [sprite.reason for sprite in workspace.sprites()] == ["", "text"]


def test_a_sprite_that_another_file_gives_still_is_not_dropped(workspace: Workspace, loose: Art) -> None:
    run(workspace, loose.put(c=sprite_png(1)))
    workspace.apply(Keep([1]))
    run(workspace, loose.put(a=sprite_png(50)), CARRY)
    assert [workspace.sprite(seq).status for seq in (1, 3)] == ["kept", "kept"]


def test_the_same_pixels_saved_again_are_no_edit(workspace: Workspace, art: Art) -> None:
    run(workspace, art)
    summary = run(workspace, art.put(a=encoded(sprite(1), compress_level=0)))
    assert (summary.imported, summary.edited_count) == (0, 0)
    assert len(sources_of(workspace, 1)) == 1


def test_a_file_that_became_unreadable_is_not_forgotten(workspace: Workspace, art: Art) -> None:
    run(workspace, art)
    summary = run(workspace, art.put(a=b"no picture"))
    assert (summary.rejected_count, summary.edited_count) == (1, 0)
    assert len(sources_of(workspace, 1)) == 1


def test_an_edited_cell_of_a_sheet(workspace: Workspace, loose: Art) -> None:
    import numpy as np

    def sheet(*numbers: int) -> bytes:
        return encoded(np.concatenate([sprite(number) for number in numbers], axis=1))

    options = ImportOptions(workers=1, sheet=Grid(24, 20))
    sheets = Art(loose.path / "sheets", zipped=False).put(walk=sheet(11, 12, 13))
    run(workspace, sheets, options)
    workspace.apply(Keep([2]))
    summary = run(workspace, sheets.put(walk=sheet(11, 60, 13)), options)
    assert [(pair.before, pair.after) for pair in summary.edited] == [(workspace.sprite(2).id, workspace.sprite(4).id)]
    assert [len(sources_of(workspace, seq)) for seq in (1, 2, 3, 4)] == [1, 1, 1, 1]
    carry = ImportOptions(workers=1, sheet=Grid(24, 20), carry_over=True)
    assert run(workspace, sheets, carry).carried == 1
    assert [sprite.status for sprite in workspace.sprites()] == ["undecided", "dropped", "undecided", "kept"]
    versions.commit(workspace, "names and parts of earlier places are told right")


@pytest.mark.parametrize("entry", ["", "knight/001.png", "a#b", "a#was=0123456789ab", "x#frame=1"])
@pytest.mark.parametrize("suffix", ["", "frame=3", "region=0,32,16,16", "region=0,0,8,8+turn=3+on=9,9,1,0+key=ff00ff"])
def test_earlier_places_can_be_read_again(entry: str, suffix: str) -> None:
    member = join_member(entry, earlier_suffix(suffix, "0123456789abcdef" * 4))
    found, rest = split_member(member)
    assert (found, *split_earlier(rest)) == (entry, suffix, "0123456789ab")
    assert is_earlier(member)
    assert not is_earlier(join_member(entry, suffix))
    assert "0123456789ab" in shown_place("/x/set.zip", member)


def test_folders_as_tags_do_not_count_as_decisions(workspace: Workspace, art: Art) -> None:
    tags = ImportOptions(workers=1, folders_as_tags=True)
    run(workspace, art, tags)
    workspace.apply(Keep([1]))
    workspace.apply(Tag([1], add=frozenset({"mine"})))
    run(workspace, art.put(a=sprite_png(50)), tags)
    assert workspace.sprite(3).tags == ("art",)
    both = ImportOptions(workers=1, folders_as_tags=True, carry_over=True)
    assert run(workspace, art.put(c=sprite_png(60)), both).carried == 1
    assert (workspace.sprite(3).status, workspace.sprite(3).tags) == ("kept", ("art", "mine"))
    assert workspace.sprite(4).tags == ("art",)
    workspace.undo()
    workspace.undo()
    assert [sprite.tags for sprite in workspace.sprites()] == [("art", "mine"), ("art",), ("art",), ()]
    assert workspace.sprite(1).status == "kept"
