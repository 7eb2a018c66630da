"""Errors as shown in the window: one line each; for a bug, the line names the log."""

from __future__ import annotations

import sqlite3

from PySide6.QtCore import QCoreApplication

from gandam_studio.core.errors import UserError
from gandam_studio.core.failure_log import write_log
from trainer.protocol.errors import TrainerError
from trainer.protocol.untrusted import UntrustedError


def explain(error: BaseException) -> str:
    """Describe an error in one line; an unexpected error is written to a log first."""
    if isinstance(error, UserError | TrainerError | UntrustedError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}"
    if isinstance(error, sqlite3.DatabaseError):
        return QCoreApplication.translate("Failures", "The workspace's database cannot be used: {0}").format(error)
    if isinstance(error, MemoryError):
        return QCoreApplication.translate("Failures", "There is not enough memory for this.")
    text = QCoreApplication.translate("Failures", "Internal error in GANdam Studio; details are in {0}")
    return text.format(write_log(error))


def as_sentence(text: str) -> str:
    """A reason of the core as a sentence."""
    if not text:
        return ""
    start = text[0] if text[0] in "/\\" or text[1:2] == ":" else text[0].upper()
    return start + text[1:] + ("" if text.endswith((".", "…")) else ".")
