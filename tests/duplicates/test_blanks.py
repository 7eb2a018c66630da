"""Blank pictures: those of one colour are a group in any size; unreadable ones are in none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_sprites import blob
from small_workspaces import png_bytes

from gandam_studio.core import duplicates as d
from gandam_studio.core.duplicates import blanks
from gandam_studio.core.duplicates.sources import ArraySource
from gandam_studio.core.importing import ImportOptions, Pasted, import_sources
from gandam_studio.core.workspace import Workspace
from trainer.protocol.files import write_bytes

CLEAR, RED, BLUE, WHITE, BLACK = (0, 0, 0, 0), (200, 0, 0, 255), (0, 0, 200, 255), (255,) * 4, (0, 0, 0, 255)


def plain(colour: tuple[int, ...], width: int, height: int) -> np.ndarray:
    return np.full((height, width, 4), colour, dtype=np.uint8)


def groups(report: d.DuplicateReport, names: list[str]) -> set[frozenset[str]]:
    return {frozenset(names[seq] for seq in (group.keeper, *(m.seq for m in group.members))) for group in report}


def imported(place: Path, pictures: dict[str, np.ndarray]) -> Workspace:
    made = Workspace.create(place)
    pasted = [Pasted(f"{name}.png", png_bytes(rgba)) for name, rgba in pictures.items()]
    import_sources(made, pasted, options=ImportOptions(workers=1))
    return made


def named(workspace: Workspace) -> list[str]:
    return ["", *(sprite.name.removesuffix(".png") for sprite in workspace.sprites())]


def test_blanks_of_one_colour_are_one_group_in_any_size():
    pictures = {
        "clear-a": plain(CLEAR, 16, 16), "clear-b": plain(CLEAR, 40, 9), "clear-c": plain(CLEAR, 16, 16),
        "red-a": plain(RED, 16, 16), "red-b": plain(RED, 16, 16), "red-c": plain(RED, 300, 500),
        "red-d": plain(RED, 3, 2),
        "blue": plain(BLUE, 16, 16), "white": plain(WHITE, 32, 32), "black-a": plain(BLACK, 1, 1),
        "black-b": plain(BLACK, 7, 7), "sprite": blob(3),
    }  # fmt: skip
    names = list(pictures)
    report = d.find_duplicates(ArraySource(list(pictures.values()), names))
    assert groups(report, names) == {
        frozenset(("clear-a", "clear-b", "clear-c")), frozenset(("red-a", "red-b", "red-c", "red-d")),
        frozenset(("black-a", "black-b")),
    }  # fmt: skip
    for link in report.links:
        first, second = (pictures[names[seq]] for seq in (link.i, link.j))
        same = first.shape == second.shape
        assert link.verdict.relation == ("exact" if same else "resized")
        assert (link.verdict.distance == 0) == same
        transform = link.verdict.transform
        assert (first.shape[1], first.shape[0]) == pytest.approx(
            (second.shape[1] * transform.scale_x, second.shape[0] * transform.scale_y)
        )
    red = next(group for group in report if names[group.keeper].startswith("red"))
    assert names[red.keeper] == "red-c"  # the larger one
    assert len(red.duplicates) == 3


def test_only_a_picture_with_one_colour_all_over_has_a_colour():
    shape = plain(CLEAR, 24, 24)
    shape[4:20, 6:18] = RED
    near = plain(RED, 16, 16)
    near[5, 5] = (203, 0, 0, 255)
    hidden = plain((9, 9, 9, 0), 4, 4)
    hidden[0, 0, :3] = 77
    assert blanks.colour_of(shape) is None
    assert blanks.colour_of(near) is None
    assert blanks.colour_of(np.zeros((0, 5, 4), dtype=np.uint8)) is None
    assert blanks.colour_of(hidden) == blanks.colour_of(plain(CLEAR, 9, 2)) == 0
    assert blanks.colour_of(plain(RED, 3, 1)) == blanks.colour_of(plain(RED, 8, 8)) != blanks.colour_of(near[5:6, 5:6])
    names = ["shape", "near", "red", "clear"]
    report = d.find_duplicates(ArraySource([shape, near, plain(RED, 30, 30), plain(CLEAR, 5, 5)], names))
    assert not any(group & {"near", "clear"} for group in groups(report, names))


def test_many_blanks_are_one_group_with_few_links():
    pictures = [plain(BLUE, 2 + n % 50, 2 + n // 50) for n in range(400)]
    report = d.find_duplicates(ArraySource(pictures))
    (group,) = report
    assert len(group.duplicates) == 399
    assert len(report.links) < 10 * len(pictures)


def test_later_blanks_join_and_nothing_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with imported(tmp_path / "ws", {"a": plain(CLEAR, 8, 8), "b": plain(CLEAR, 16, 16), "s": blob(1)}) as workspace:
        assert groups(d.find_duplicates(workspace), named(workspace)) == {frozenset("ab")}
        import_sources(workspace, [Pasted("c.png", png_bytes(plain(CLEAR, 9, 5)))], options=ImportOptions(workers=1))
        report = d.find_duplicates(workspace)
        assert groups(report, named(workspace)) == {frozenset("abc")}
        pairs = [(link.i, link.j) for link in report.links]
        assert len(pairs) == len(set(pairs)) == 3
        monkeypatch.setattr(blanks, "colour_of", lambda rgba: pytest.fail("read again"))
        again = d.find_duplicates(workspace)
        assert [(link.i, link.j) for link in again.links] == pairs


def test_what_cannot_be_read_is_in_no_group(tmp_path: Path):
    rng = np.random.default_rng(5)
    pictures = {name: plain(CLEAR, size, size) for name, size in (("a", 8), ("b", 16), ("c", 24))}
    pictures |= {name: rng.integers(0, 256, (20, 20, 4), dtype=np.uint8) for name in ("lost", "gone")}
    with imported(tmp_path / "ws", pictures) as workspace:
        lost = [sprite.blob for sprite in workspace.sprites() if sprite.name[:-4] in ("lost", "gone", "c")]
        files = [workspace.originals.read(digest) for digest in lost]
        # Described by an older program: all hashes are made from the pixels again, as far as there are any.
        workspace.connection.execute("UPDATE fingerprints SET hashes = x'00'")
        for pack in (workspace.folder / "originals" / "packs").glob("*.pack"):
            stored = bytearray(pack.read_bytes())
            for data in files:
                stored[stored.index(data) + 40] ^= 0xFF
            write_bytes(pack, bytes(stored))
        report = d.find_duplicates(workspace)
        assert groups(report, named(workspace)) == {frozenset("ab")}
        assert set(report.unreadable) == {"lost.png", "gone.png", "c.png"}


def test_only_pictures_that_may_be_blank_are_read_for_it(monkeypatch: pytest.MonkeyPatch):
    source = ArraySource([blob(seed) for seed in range(60)] + [plain(RED, 9, 9)])
    read: list[int] = []
    monkeypatch.setattr(source, "rgba", lambda row: (read.append(row), source.pictures[row])[1])
    assert blanks.blank_links(source, [], 0) == []
    assert read == [60]
    assert blanks.blank_links(source, [], 61) == []
    assert read == [60]
