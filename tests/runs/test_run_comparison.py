"""Comparison of runs: every difference in configuration and data, and nothing else."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs.comparison import compare, manifest_difference
from trainer.protocol.config import TrainConfig, fit_data
from trainer.protocol.events import EventWriter, RunStarted
from trainer.protocol.manifest import ManifestEntry, manifest_bytes
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.widening import settled


def _entries(count: int, **changes: object) -> list[ManifestEntry]:
    return [ManifestEntry(f"{i:064x}", f"{i}.png", "0" * 64, 32, 32, **changes) for i in range(count)]  # type: ignore[arg-type]


def _run(folder: Path, config: TrainConfig, entries: list[ManifestEntry]) -> Path:
    (folder.parent / "data.npy").write_bytes(b"")
    np.save(folder.parent / "data.npy", np.zeros((2, 32, 32, 3), np.uint8))
    (folder.parent / "data.json").write_text("{}")
    (folder.parent / "manifest").write_bytes(manifest_bytes(entries))
    names = ("data.npy", "data.json", "manifest")
    return RunDirectory.create(folder, config, *(folder.parent / name for name in names)).path


def _rows(*folders: Path) -> dict[str, tuple]:
    return {row.name: row.values for row in compare(folders).differences}


def test_equal_runs_have_no_rows(tmp_path: Path) -> None:
    preset = load_preset("dcgan")
    comparison = compare([_run(tmp_path / "r1", preset, _entries(5)), _run(tmp_path / "r2", preset, _entries(5))])
    assert comparison.differences == ()
    assert comparison.factors == 0


def test_one_changed_setting_is_one_row_and_one_factor(tmp_path: Path) -> None:
    preset = load_preset("dcgan")
    changed = apply_overrides(preset, ["optimiser.lr_g=1e-3"])
    comparison = compare([_run(tmp_path / "r1", preset, _entries(5)), _run(tmp_path / "r2", changed, _entries(5))])
    assert [(row.name, row.values) for row in comparison.differences] == [("optimiser.lr_g", (2e-4, 1e-3))]
    assert comparison.differences[0].meaning
    assert comparison.factors == 1


def test_how_the_networks_were_chosen_is_told_by_the_networks(tmp_path: Path) -> None:
    preset = load_preset("sprite-r3-cpu")
    values = preset.to_json()
    del values["architecture"]["wide_channels"], values["architecture"]["wide_from"]
    older, narrow, wide = TrainConfig.from_json(values), settled(preset, 0), settled(preset, None)
    runs = [_run(tmp_path / f"r{i}", config, _entries(5)) for i, config in enumerate((older, narrow, wide))]
    assert compare(runs[:2]).changed == ()
    both = ["architecture.generator_channels", "architecture.discriminator_channels"]
    assert [one.factor for one in compare(runs[1:]).changed] == both


def test_where_runs_were_trained_is_told_and_is_no_factor(tmp_path: Path) -> None:
    preset = load_preset("dcgan")
    runs = [_run(tmp_path / name, preset, _entries(5)) for name in ("r1", "r2", "r3")]
    told = (RunStarted(device="cpu", device_name="A", torch="2.0"), RunStarted(device="cpu", torch="2.1"))
    for run, started in zip(runs, told, strict=False):
        writer = EventWriter(RunDirectory(run).events_path)
        writer.write(started)
        writer.close()
    comparison = compare(runs[:2])
    # Where one does not tell, nothing is said to differ.
    assert [(row.group, row.name, row.values) for row in comparison.differences] == [
        ("environment", "PyTorch", ("2.0", "2.1"))
    ]
    assert [(one.factor, one.a, one.b) for one in comparison.environment] == [("PyTorch", "2.0", "2.1")]
    assert comparison.factors == 0
    assert comparison.changed == ()
    assert compare([runs[0], runs[2]]).differences == ()


def test_the_two_parts_of_the_project_differ_in_at_least_ten_factors(tmp_path: Path) -> None:
    first = _run(tmp_path / "r1", load_preset("gandam-part-1"), _entries(3))
    second = _run(tmp_path / "r2", load_preset("gandam-part-2"), _entries(3))
    comparison = compare([first, second])
    assert comparison.factors >= 10
    changed = {one.factor: (one.a, one.b) for one in comparison.changed}
    assert changed["architecture.latent"] == (300, 2048)
    assert {"data.size", "batch.size", "optimiser.lr_d"} <= changed.keys()
    assert not {"description", "preset", "schema_version"} & changed.keys()


def test_data_that_differs_is_shown_and_counts_as_one_factor(tmp_path: Path) -> None:
    preset = load_preset("dcgan")
    edited = [*_entries(5)[1:], ManifestEntry("f" * 64, "new.png", "0" * 64, 32, 32), *_entries(7)[5:]]
    edited[0] = dataclasses.replace(edited[0], flip=True, facing="left")
    comparison = compare([_run(tmp_path / "r1", preset, _entries(5)), _run(tmp_path / "r2", preset, edited)])
    rows = {row.name: row.values for row in comparison.differences}
    assert rows == {
        "sprites": (5, 7), "flipped": (0, 1), "facing left": (0, 1),
        "sprites added": (0, 3), "sprites removed": (0, 1), "sprites edited": (0, 1),
    }  # fmt: skip
    assert comparison.factors == 1
    assert [(one.factor, one.diff) for one in comparison.changed] == [
        ("data", "another version -> another version: +3, -1, 1 flipped, 1 facing")
    ]
    assert comparison.manifests[1].changed == ((f"{1:064x}", ("flip", "facing")),)


def test_other_data_are_no_luck_where_their_list_is_gone(tmp_path: Path) -> None:
    preset = load_preset("dcgan")
    runs = [
        _run(tmp_path / f"r{i}", dataclasses.replace(preset, origin=dataclasses.replace(
            preset.origin, version=f"v{i}", manifest=str(i) * 64)), _entries(2 + i))
        for i in (1, 2)
    ]  # fmt: skip
    assert compare(runs).factors == 1
    (runs[1] / "manifest.jsonl").unlink()
    comparison = compare(runs)
    assert comparison.factors == 1
    assert [(one.factor, one.a, one.b) for one in comparison.changed] == [("data", "v1", "v2")]
    assert compare([runs[1], runs[1]]).factors == 0


def test_a_recipe_that_differs_has_its_own_rows(tmp_path: Path) -> None:
    preset = load_preset("dcgan")
    runs = []
    for name, recipe in (("r1", {"trim": True, "margin": 0.0}), ("r2", {"trim": False, "margin": 0.0})):
        origin = dataclasses.replace(preset.origin, recipe=json.dumps(recipe))
        runs.append(_run(tmp_path / name, dataclasses.replace(preset, origin=origin), _entries(2)))
    assert _rows(*runs) == {"trim": (True, False)}


def test_a_run_of_a_newer_version_and_a_broken_one_stay_comparable(tmp_path: Path) -> None:
    preset = load_preset("dcgan")
    runs = [_run(tmp_path / f"r{i}", preset, _entries(2)) for i in range(3)]
    newer = json.loads((runs[1] / "config.json").read_text())
    newer["schema_version"] = 99
    newer["dreaming"] = {"depth": 4}
    (runs[1] / "config.json").write_text(json.dumps(newer))
    (runs[2] / "config.json").write_text("{ torn")
    (runs[2] / "manifest.jsonl").write_text("{ torn\n")
    rows = _rows(*runs)
    assert rows["dreaming.depth"] == (None, 4, None)
    assert rows["sprites"] == (2, 2, None)
    assert rows["batch.size"] == (128, 128, None)


def test_an_enlarged_flow_of_an_older_version_has_another_network(tmp_path: Path) -> None:
    """It took larger squares of pixels together where a new one has more stages; a continued one keeps its network."""
    new = fit_data(load_preset("sprite-flow-cpu"), 64, 3)
    older, now = (_run(tmp_path / name, new, _entries(2)) for name in ("older", "now"))
    values = json.loads((older / "config.json").read_text()) | {"schema_version": 1}
    (older / "config.json").write_text(json.dumps(values))
    continued = _run(tmp_path / "continued", TrainConfig.from_json(values), _entries(2))
    assert _rows(older, now) == {"architecture.size": (64, 32), "architecture.patch": (4, 2)}
    assert _rows(older, continued) == {}


@pytest.mark.parametrize("count", [0, 1, 5])
def test_only_two_to_four_runs(tmp_path: Path, count: int) -> None:
    with pytest.raises(UserError, match="two to 4"):
        compare([tmp_path] * count)


def test_an_unknown_manifest_differs_in_nothing() -> None:
    assert not manifest_difference(None, {})


def test_a_run_whose_files_are_gone_stays_comparable(tmp_path: Path) -> None:
    preset = load_preset("dcgan")
    runs = [_run(tmp_path / f"r{i}", preset, _entries(2)) for i in range(2)]
    for name in ("config.json", "manifest.jsonl"):
        (runs[1] / name).unlink()
    rows = _rows(*runs)
    assert rows["sprites"] == (2, None)
    assert rows["batch.size"] == (128, None)
