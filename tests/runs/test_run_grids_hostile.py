"""Grids and configurations of a stranger's run: what they say of themselves is checked before it is used."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from recorded_runs import ROWS, recorded

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs.handing_over import Look, Samples, finish_samples, samples_at, write_samples
from gandam_studio.core.runs.samples import SampleSpot
from trainer.protocol.events import SamplesSaved
from trainer.protocol.run_directory import RunDirectory


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return recorded(tmp_path_factory.mktemp("runs") / "r1-x; echo $HOME", iterations=200)


@pytest.fixture
def saved(run: RunDirectory) -> SamplesSaved:
    return [event for event in run.events().read() if isinstance(event, SamplesSaved)][-1]


@pytest.mark.parametrize(("rows", "columns"), [(10_000, 10_000), (1_000, 1), (1, 65), (100, 100)])
def test_a_grid_cannot_hold_more_samples_than_pixels(
    run: RunDirectory, saved: SamplesSaved, rows: int, columns: int
) -> None:
    lying = dataclasses.replace(saved, rows=rows, columns=columns)
    with pytest.raises(UserError, match="do not fit"):
        SampleSpot(run, lying, "fixed", 0).png()
    with pytest.raises(UserError, match="do not fit"):
        samples_at(SampleSpot(run, lying, "fixed"))


def test_a_sample_beyond_the_grid_is_refused(run: RunDirectory, saved: SamplesSaved) -> None:
    assert SampleSpot(run, saved, "fixed", ROWS * saved.columns - 1).pixels().shape == (16, 16, 4)
    with pytest.raises(UserError, match="holds 16 samples"):
        SampleSpot(run, saved, "fixed", ROWS * saved.columns).pixels()


def test_a_grid_that_unpacks_to_a_gigabyte_is_refused(run: RunDirectory, saved: SamplesSaved) -> None:
    path = run.path / saved.random
    before = path.read_bytes()
    Image.new("1", (20_000, 20_000)).save(path)
    try:
        with pytest.raises(UserError, match="too many"):
            SampleSpot(run, saved, "random").pixels()
    finally:
        path.write_bytes(before)


def test_the_command_that_is_copied_holds_no_other(run: RunDirectory, saved: SamplesSaved) -> None:
    words = shlex.split(SampleSpot(run, saved, "fixed", 7).command("200"))
    assert words == [
        "gandam-studio", "sample", run.name, "--iteration", "200", "--latent", "fixed/7",
        "--out", f"{run.name}-{saved.iteration}-fixed-8.png",
    ]  # fmt: skip


@pytest.mark.parametrize("manifest", ["../../xx", "a/b/c/dd", "\0abc", "a\nb", "C:\\x"])
def test_what_a_configuration_says_leads_no_file_elsewhere(run: RunDirectory, tmp_path: Path, manifest: str) -> None:
    facts = {"run": "../r1", "iteration": "../3", "manifest": manifest}
    samples = Samples([np.full((8, 8, 4), 200, np.uint8)], ["7/3"], facts)
    write_samples(run, tmp_path / "out", finish_samples(run, samples, Look()))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert len(names) == 2
    assert all(letter.isalnum() or letter in "-_." for name in names for letter in name)
