"""Sprites that come back into the workspace: tagged, with their lineage, in no version until a person keeps them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from recorded_runs import make_run

from gandam_studio.core import versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.finishing.aseprite_writing import aseprite_bytes
from gandam_studio.core.finishing.palette import Palette
from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.importing.scan import Pasted
from gandam_studio.core.runs.candidates import take_in
from gandam_studio.core.runs.checks import check_data, check_unseen
from gandam_studio.core.runs.handing_over import (
    FinishedSamples,
    HandOverPlan,
    Look,
    Samples,
    finish_samples,
    hand_over,
    write_samples,
)
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import SetSetting, SetStatus, SetValues, Tag
from gandam_studio.core.workspace.lineage import GENERATED, Lineage, is_marked, lineage_in, lineage_of
from gandam_studio.core.workspace.query import Filter
from gandam_studio.core.workspace.settings import SPLITS
from trainer.protocol.config import TrainConfig
from trainer.protocol.manifest import read_manifest
from trainer.protocol.run_directory import RunDirectory

DIGEST = "fedcba9876543210" * 4
WITH_MODEL = {"run": "r1-test", "iteration": 400, "weights": "ema", "seed": 7, "count": 5, "manifest": DIGEST}


def drawn(count: int, shade: int = 0) -> list[np.ndarray]:
    pictures = []
    for index in range(count):
        picture = np.zeros((16, 16, 4), np.uint8)
        picture[3:13, 4:12] = (40 + 9 * index, shade, 60, 255)
        picture[5:8, 5 + index % 3] = (250, 250, 0, 255)
        pictures.append(picture)
    return pictures


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return make_run(tmp_path / "runs" / "r1-test")


@pytest.fixture
def done(run: RunDirectory) -> FinishedSamples:
    return finish_samples(run, Samples(drawn(5), [f"7/{i}" for i in range(5)], WITH_MODEL), Look())


@pytest.fixture
def workspace(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A workspace with four sprites that a person has drawn."""
    with Workspace.create(tmp_path / "w") as made:
        (tmp_path / "own").mkdir()
        for index, picture in enumerate(drawn(4, shade=200)):
            Image.fromarray(picture).save(tmp_path / "own" / f"own-{index}.png")
        import_sources(made, [tmp_path / "own"], options=ImportOptions(workers=1))
        yield made


def test_they_are_candidates_with_their_lineage(workspace: Workspace, done: FinishedSamples) -> None:
    assert take_in(workspace, done) == 5
    sprites = list(workspace.sprites(workspace.select(Filter(tag=GENERATED))))
    assert [sprite.status for sprite in sprites] == ["undecided"] * 5
    assert sorted(sprite.name for sprite in sprites) == [f"r1-test-400-fedcba98-seed-7-{i:04d}.png" for i in range(5)]
    found = {lineage_of(workspace, sprite) for sprite in sprites}
    assert found == {Lineage("r1-test", 400, f"7/{index}", DIGEST, "ema") for index in range(5)}
    assert take_in(workspace, done) == 0
    own = next(iter(workspace.sprites(workspace.select(Filter(tag=f"-{GENERATED}")))))
    assert lineage_of(workspace, own) is None


def test_no_version_holds_them_unless_they_are_kept_and_that_is_said(
    workspace: Workspace, done: FinishedSamples
) -> None:
    before = versions.commit(workspace, "own sprites")
    take_in(workspace, done)
    assert versions.count_generated(workspace) == (0, 5)
    assert versions.commit(workspace, "again").unchanged
    chosen = workspace.select(Filter(tag=GENERATED))[:2]
    workspace.apply(SetStatus(chosen, "kept"))
    assert versions.count_generated(workspace) == (2, 3)
    assert versions.commit(workspace, "again").unchanged
    assert not versions.diff(workspace, before, None)
    assert len(versions.diff(workspace, before, None, with_generated=True).added) == 2
    version = versions.commit(workspace, "with two", with_generated=True)
    entries = list(read_manifest(workspace.manifest_path(version.digest)))
    assert (before.sprites, len(entries)) == (4, 6)
    assert sum(GENERATED in entry.tags for entry in entries) == 2
    for checks in (check_data(workspace, version, TrainConfig()), check_unseen(workspace, version)):
        (check,) = [check for check in checks if check.name == "generated"]
        assert check.level == "warning"
        assert "2 sprites were drawn by a run" in check.text
        assert check.shown is not None
        assert len(workspace.select(check.shown)) == 2
    assert not [check for check in check_data(workspace, before, TrainConfig()) if check.name == "generated"]


def test_they_are_never_held_out_to_measure_by(workspace: Workspace, done: FinishedSamples) -> None:
    take_in(workspace, done)
    drawn_ones = workspace.select(Filter(tag=GENERATED))
    workspace.apply(SetStatus(drawn_ones, "kept"))
    own = workspace.select(Filter(tag=f"-{GENERATED}"))
    for seed in range(6):
        workspace.apply(SetSetting(SPLITS, {"seed": seed, "held_out": 0.7}))
        plain = versions.commit(workspace)
        version = versions.commit(workspace, with_generated=True)
        entries = list(read_manifest(workspace.manifest_path(version.digest)))
        assert {entry.split for entry in entries if GENERATED in entry.tags} == {"train"}
        held_out = {entry.id for entry in entries if entry.split == "held-out"}
        assert held_out == {e.id for e in read_manifest(workspace.manifest_path(plain.digest)) if e.split == "held-out"}
    # One of a family stays with the family, wherever that is.
    family = {int(seq): "all" for seq in (*own, drawn_ones[0])}
    workspace.apply(SetValues({"family": family}, "Family"))
    version = versions.commit(workspace, with_generated=True)
    assert len({e.split for e in read_manifest(workspace.manifest_path(version.digest)) if e.family}) == 1


def test_restoring_a_version_without_them_does_not_drop_them(workspace: Workspace, done: FinishedSamples) -> None:
    take_in(workspace, done)
    drawn_ones = workspace.select(Filter(tag=GENERATED))
    workspace.apply(SetStatus(drawn_ones[:2], "kept"))
    first = versions.commit(workspace, "own sprites")
    workspace.apply(SetStatus(drawn_ones, "dropped"))
    workspace.apply(versions.restore_edit(workspace, first))
    assert [one.status for one in workspace.sprites(drawn_ones)] == ["kept"] * 2 + ["undecided"] * 3
    assert versions.commit(workspace).digest == first.digest


def test_only_kept_ones_are_counted_with_kept_only(workspace: Workspace, done: FinishedSamples) -> None:
    take_in(workspace, done)
    with pytest.raises(UserError, match="nothing to save"):
        versions.commit(workspace, kept_only=True)


def test_whoever_takes_the_tag_away_says_that_it_is_theirs(workspace: Workspace, done: FinishedSamples) -> None:
    take_in(workspace, done)
    workspace.apply(Tag(workspace.select(Filter(tag=GENERATED)), remove=frozenset({GENERATED})))
    assert versions.commit(workspace).sprites == 9
    take_in(workspace, done)
    assert not workspace.select(Filter(tag=GENERATED)).size


def test_exported_files_are_known_on_any_way_in(
    workspace: Workspace, done: FinishedSamples, run: RunDirectory, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    write_samples(run, out, done, HandOverPlan(sheet=True, aseprite=True))
    for name in ("sheet.json", "sheet.png", "sprites.aseprite"):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes((out / name).read_bytes())
    summary = import_sources(workspace, [tmp_path / "in"], options=ImportOptions(workers=1, frames="distinct"))
    assert summary.tagged == {GENERATED: 5}
    assert len(workspace.select(Filter(tag=GENERATED))) == 5


@pytest.mark.parametrize("suffix", [".png", ".aseprite", ".gif", ".webp", ".apng"])
def test_every_format_says_that_a_run_has_drawn_it(
    done: FinishedSamples, run: RunDirectory, tmp_path: Path, suffix: str
) -> None:
    write_samples(run, tmp_path / f"x{suffix}", done)
    assert is_marked((tmp_path / f"x{suffix}").read_bytes())


def test_a_document_tells_the_lineage_of_each_frame(done: FinishedSamples, run: RunDirectory, tmp_path: Path) -> None:
    write_samples(run, tmp_path / "x.ase", done)
    data = (tmp_path / "x.ase").read_bytes()
    assert lineage_in(data, 3) == Lineage("r1-test", 400, "7/3", DIGEST, "ema")
    assert lineage_in(data, 99) == Lineage("r1-test", 400, "", DIGEST, "ema")


def test_a_copy_of_a_sprite_that_was_there_stays_the_persons(
    workspace: Workspace, run: RunDirectory, tmp_path: Path
) -> None:
    copies = Samples(drawn(4, shade=200), [f"7/{i}" for i in range(4)], WITH_MODEL)
    assert take_in(workspace, finish_samples(run, copies, Look())) == 0
    assert not workspace.select(Filter(tag=GENERATED)).size


def test_what_is_not_known_hides_nothing_else(run: RunDirectory, workspace: Workspace) -> None:
    """Samples of Explore have no one seed and do not say which weights drew them."""
    facts = {**WITH_MODEL, "weights": None, "seed": None}
    take_in(workspace, finish_samples(run, Samples(drawn(2), ["7/0", "steered-9"], facts), Look()))
    sprites = workspace.sprites(workspace.select(Filter(tag=GENERATED)))
    assert {lineage_of(workspace, one) for one in sprites} == {
        Lineage("r1-test", 400, latent, DIGEST, "") for latent in ("7/0", "steered-9")
    }


@pytest.mark.parametrize(
    "text",
    [
        b"gandam {",
        b"gandam {}",
        b'gandam {"run": 5}',
        b'gandam {"iteration": -1, "seeds": 7}',
        b"gandam {" + b"[" * 90_000,
    ],
)
def test_marks_that_say_nonsense_tell_nothing(text: bytes) -> None:
    data = aseprite_bytes(drawn(1), Palette.of([(1, 2, 3)]), about=text[:60_000].decode())
    assert is_marked(data)
    found = lineage_in(data)
    assert found is None or (found.run, found.iteration, found.latent) == ("", None, "")


def test_pasted_samples_of_the_window_are_known(workspace: Workspace, run: RunDirectory, done: FinishedSamples) -> None:
    hand_over(run, None, lambda _folder: done.samples, Look())
    plain = Pasted("x.png", b"not a picture gandam {")
    assert import_sources(workspace, [plain], options=ImportOptions(workers=1)).imported == 0
