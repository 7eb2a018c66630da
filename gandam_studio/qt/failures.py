"""Errors as the window tells them: the person's in one line, ours in one line that names the log."""

from __future__ import annotations

import sqlite3

from PySide6.QtCore import QCoreApplication

from gandam_studio.core.errors import UserError
from gandam_studio.core.failure_log import write_log
from trainer.protocol.errors import TrainerError
from trainer.protocol.untrusted import UntrustedError


def explain(error: BaseException) -> str:
    """One line for people; an unexpected error is written to a log first."""
    if isinstance(error, UserError | TrainerError | UntrustedError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}"
    if isinstance(error, sqlite3.DatabaseError):
        return QCoreApplication.translate("Failures", "The workspace's database cannot be used: {0}").format(error)
    if isinstance(error, MemoryError):
        return QCoreApplication.translate("Failures", "This machine has not enough memory for that.")
    text = QCoreApplication.translate("Failures", "Something went wrong inside GANdam Studio; the details are in {0}")
    return text.format(write_log(error))
