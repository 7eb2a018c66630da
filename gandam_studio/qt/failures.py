"""Errors as shown in the window: one line each; for a bug, the line names the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from PySide6.QtCore import QCoreApplication

from gandam_studio.core.errors import UserError
from gandam_studio.core.failure_log import write_log
from trainer.protocol.errors import TrainerError
from trainer.protocol.remedies import Remedy, remedy_of, with_remedy
from trainer.protocol.untrusted import UntrustedError


def explain(error: BaseException) -> str:
    """Describe an error in one line; an unexpected error is written to a log first."""
    if isinstance(error, UserError | TrainerError | UntrustedError):
        return helped(str(error), remedy_of(error))
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}"
    if isinstance(error, sqlite3.DatabaseError):
        return QCoreApplication.translate("Failures", "The workspace's database cannot be used: {0}").format(error)
    if isinstance(error, MemoryError):
        return QCoreApplication.translate("Failures", "There is not enough memory for this.")
    text = QCoreApplication.translate("Failures", "Internal error in GANdam Studio; details are in {0}")
    return text.format(write_log(error))


def helped(message: str, remedy: Remedy | None) -> str:
    """A message, and which control of the window helps."""
    return with_remedy(message, remedy, words()) if remedy else message


def words() -> Mapping[Remedy, str]:
    """What helps, by the names of controls; "" where the message itself says all."""
    tr = QCoreApplication.translate
    return {
        Remedy.REPLACE: tr("Failures", "choose another name"),
        Remedy.HOLD_OUT: tr("Failures", "set that at Held out where you make an experiment"),
        Remedy.NAMES: tr(
            "Failures", "if they look wrong, import it into a new workspace, which asks how they are written"
        ),
        Remedy.PICTURES: tr("Failures", "choose some under Pictures"),
        Remedy.TRAIN: tr("Failures", "start one on Train"),
        Remedy.SAVE_VERSION: tr("Failures", "save one on Versions"),
        Remedy.EXPERIMENT: tr("Failures", "make one with New experiment…"),
        Remedy.VERIFY: tr("Failures", "Verify files on Versions tells more"),
        Remedy.COOL_DOWN: "",
        Remedy.REASON: "",
        Remedy.LIST_SETTINGS: "",
    }


def as_sentence(text: str) -> str:
    """A reason of the core as a sentence."""
    if not text:
        return ""
    start = text[0] if text[0] in "/\\" or text[1:2] == ":" else text[0].upper()
    return start + text[1:] + ("" if text.endswith((".", "…")) else ".")
