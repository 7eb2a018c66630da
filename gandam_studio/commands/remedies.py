"""What helps against an error, as options and commands."""

from __future__ import annotations

from collections.abc import Mapping

from gandam_studio.core.errors import WorkspaceNotFound
from trainer.protocol.remedies import OPTIONS, Remedy, remedy_of, with_remedy

WORDS: Mapping[Remedy, str] = {
    **OPTIONS,
    Remedy.HOLD_OUT: "--held-out says how many",
    Remedy.NAMES: "if they look wrong, choose another with --names",
    Remedy.PICTURES: "add them with --pictures",
    Remedy.REASON: "for example --reason 'not bipedal'",
    Remedy.TRAIN: "start one with: gandam-studio train --preset NAME",
    Remedy.SAVE_VERSION: "create one with: gandam-studio commit -m 'why'",
    Remedy.EXPERIMENT: "make one with: gandam-studio experiment new",
    Remedy.VERIFY: "see: gandam-studio verify",
}


def helped(message: str, remedy: Remedy | None) -> str:
    """A message with what helps."""
    return with_remedy(message, remedy, WORDS)


def told(error: Exception) -> str:
    """An error in one line, with what helps."""
    if isinstance(error, WorkspaceNotFound):
        return f"{error}; create one with: gandam-studio new {error.folder}"
    return helped(str(error), remedy_of(error))
