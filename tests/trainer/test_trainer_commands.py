"""Commands as flags: all known ones, the newer of two that contradict, and a missing folder."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from small_runs import small_config

from trainer.commands import Command, take_commands
from trainer.protocol import files
from trainer.protocol.run_directory import COMMANDS, RunDirectory

MakeRun = Callable[..., RunDirectory]


def send(run: RunDirectory, name: str, requested: float) -> None:
    run.commands_path.mkdir(exist_ok=True)
    files.write_json(run.commands_path / name, {"requested": requested})


def test_each_command_of_the_protocol_is_one_flag(make_run: MakeRun) -> None:
    run = make_run("r", small_config("dcgan"))
    assert take_commands(run, 0.0) == Command.NONE
    seen = Command.NONE
    for name in COMMANDS:
        run.request(name)
        taken = take_commands(run, 0.0)
        assert taken.name == name.upper()
        assert not taken & seen
        seen |= taken
    assert take_commands(run, 0.0) == Command.NONE


@pytest.mark.parametrize(("first", "second"), [("pause", "resume"), ("resume", "pause")])
def test_of_pause_and_resume_the_newer_one_counts(first: str, second: str, make_run: MakeRun) -> None:
    run = make_run("r", small_config("dcgan"))
    send(run, second, 20.0)
    send(run, first, 10.0)
    send(run, "sample", 15.0)
    send(run, "stop", 5.0)
    assert take_commands(run, 7.0) == Command.SAMPLE | Command[second.upper()]


def test_a_run_without_its_folder_is_abandoned(make_run: MakeRun) -> None:
    run = make_run("r", small_config("dcgan"))
    run.path.rename(run.path.with_name("elsewhere"))
    assert take_commands(run, 0.0) == Command.ABANDON
