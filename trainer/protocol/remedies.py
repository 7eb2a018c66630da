"""What helps against an error, where a command line has an option or a command for it and a window a control.

A message says what is wrong, and what to do as far as that is the same everywhere. The error names the remedy, and the
place that shows the message adds its own words: a command line `OPTIONS` or `gandam_studio.commands.remedies`, the
window `gandam_studio.qt.failures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Remedy(StrEnum):
    """What a person can do."""

    REPLACE = "write over what is there"
    COOL_DOWN = "end a run early by a cool-down"
    LIST_SETTINGS = "look up the names of settings"
    HOLD_OUT = "hold out more sprites of an experiment"
    NAMES = "choose how the names in an archive are read"
    PICTURES = "export pictures too"
    REASON = "say for which reason sprites are unfit"
    TRAIN = "train a run"
    SAVE_VERSION = "save a version"
    EXPERIMENT = "make an experiment"
    VERIFY = "check all files of the workspace"


OPTIONS: Mapping[Remedy, str] = {
    Remedy.REPLACE: "use --force to replace it",
    Remedy.COOL_DOWN: "--tail cool-down does that",
    Remedy.LIST_SETTINGS: "`python -m trainer describe --fields` lists all",
}
"""What the trainer's commands say. Those of the Studio have the same options."""


def with_remedy(message: str, remedy: Remedy | None, words: Mapping[Remedy, str]) -> str:
    """The message, and what helps in the words of a place; the message alone where that has none."""
    told = words.get(remedy, "") if remedy else ""
    return f"{message}; {told}" if told else message


def remedy_of(error: BaseException) -> Remedy | None:
    """What helps against an error, of any kind."""
    remedy = getattr(error, "remedy", None)
    return remedy if isinstance(remedy, Remedy) else None


def without_remedy(line: str) -> tuple[str, Remedy | None]:
    """The message and the remedy of a line that a command of the trainer has printed."""
    for remedy, told in OPTIONS.items():
        if line.endswith(f"; {told}"):
            return line.removesuffix(f"; {told}"), remedy
    return line, None
