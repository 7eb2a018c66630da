"""What a run records about its version, and what `train --resume` accepts or refuses."""

from __future__ import annotations

import pytest
from studio_calls import Studio

from gandam_studio.core import runs, versions
from gandam_studio.core.runs import create_run
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Flip
from gandam_studio.qt.failures import explain
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import UntrustedError


def test_facing_is_asked_of_the_version_not_of_the_present(workspace: Workspace) -> None:
    before = versions.commit(workspace, "as imported")
    workspace.apply(Flip([3]))
    after = versions.commit(workspace, "flipped")
    workspace.apply(Flip([3]))
    config = load_preset("sprite-r3-cpu")
    assert create_run(workspace, before, config).config().origin.facing_curated is False
    assert create_run(workspace, after, config).config().origin.facing_curated is True


def test_a_long_preset_or_number_makes_no_impossible_name(workspace: Workspace) -> None:
    import dataclasses

    version = versions.commit(workspace, "first")
    folder = workspace.folder / "runs"
    (folder / ("r" + "9" * 240)).mkdir(parents=True)
    run = create_run(workspace, version, dataclasses.replace(load_preset("sprite-r3-cpu"), preset="p" * 64))
    assert len(run.name) < 100
    assert run.name.startswith("r1-")


@pytest.mark.parametrize("option", [["--version", "v1"], ["--parent", "r1"], ["--seed", "3"], ["--set", "seed=3"]])
def test_a_resumed_run_refuses_what_it_could_not_obey(workspace: Workspace, studio: Studio, option: list[str]) -> None:
    run = create_run(workspace, versions.commit(workspace, "first"), load_preset("sprite-r3-cpu"))
    place = str(workspace.folder)
    workspace.close()
    done = studio("train", "--resume", run.name, *option, "-w", place)
    assert done.code == 2
    assert "keeps its settings" in done.err


def test_a_resumed_run_is_given_its_new_device(
    workspace: Workspace, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(workspace, versions.commit(workspace, "first"), load_preset("sprite-r3-cpu"))
    place = str(workspace.folder)
    workspace.close()
    given: list[tuple[str, ...]] = []

    def started(_run: RunDirectory, *options: str) -> None:
        given.append(options)

    monkeypatch.setattr(runs, "start", started)
    assert studio("train", "--resume", run.name, "--device", "cpu", "--detach", "-w", place).code == 0
    assert given == [("--device", "cpu")]


def test_runs_lists_a_damaged_one_in_a_line(workspace: Workspace, studio: Studio) -> None:
    run = create_run(workspace, versions.commit(workspace, "first"), load_preset("sprite-r3-cpu"))
    run.config_path.write_text("[" * 100_000, encoding="utf-8")
    place = str(workspace.folder)
    workspace.close()
    (told,) = studio("runs", "-w", place, "--json").json
    assert told["state"] == "damaged"
    assert "\n" not in told["reason"]


def test_asking_a_run_whose_events_are_no_file_is_refused_in_a_line(workspace: Workspace, studio: Studio) -> None:
    run = create_run(workspace, versions.commit(workspace, "first"), load_preset("sprite-r3-cpu"))
    run.events_path.mkdir()
    assert "damaged" in studio("ask", run.name, "stop", "-w", workspace.folder).refusal


def test_what_is_no_file_is_told_in_a_line_wherever_it_comes_up(
    workspace: Workspace, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_workspace: Workspace) -> None:
        raise UntrustedError("events.jsonl is a named pipe, not a file")

    monkeypatch.setattr(runs, "runs", fail)
    assert studio("runs", "-w", workspace.folder).refusal == "events.jsonl is a named pipe, not a file"
    assert explain(UntrustedError("it is a folder")) == "it is a folder"
