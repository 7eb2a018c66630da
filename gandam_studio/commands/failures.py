"""Error messages: one line, never a traceback."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys

import click

from gandam_studio.commands.console import tell
from gandam_studio.commands.remedies import told
from gandam_studio.core.errors import UserError
from gandam_studio.core.failure_log import write_log
from gandam_studio.core.jobs import Cancelled
from gandam_studio.core.texts import encodable
from trainer.protocol.errors import TrainerError
from trainer.protocol.untrusted import UntrustedError, shortened

REFUSED, MISUSED = 1, 2

# Errors caused by the machine rather than the program.
_MACHINE = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than this disk allows",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EIO: "the disk reports an error",
    errno.EMFILE: "too many files are open",
}
# Primary result codes of SQLite, caused by the workspace's file.
_DATABASE = frozenset((
    sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_TOOBIG,
))  # fmt: skip


class ReaderLeft(Exception):
    """The reader of our output has closed the pipe."""


def exit_code_for(error: BaseException) -> int:
    """Print an error to stderr, in one line if it is not a bug; returns the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else REFUSED
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, BrokenPipeError | ReaderLeft):
        return _reader_left()
    if isinstance(error, click.UsageError):
        hint = f" (see: {error.ctx.command_path} --help)" if error.ctx else ""
        return _say(f"{error.format_message()}{hint}", MISUSED)
    if isinstance(error, click.ClickException):
        return _say(error.format_message(), REFUSED)
    if isinstance(error, Cancelled | KeyboardInterrupt | click.Abort):
        return _say("cancelled; everything finished so far is kept", REFUSED)
    if isinstance(error, UserError | TrainerError | UntrustedError):
        return _say(told(error), REFUSED)
    if isinstance(error, OSError) and error.strerror:
        where = f": {shortened(str(error.filename), 200)}" if error.filename else ""
        return _say(f"{_MACHINE.get(error.errno or 0, error.strerror.lower())}{where}", REFUSED)
    # An error without a code is raised by Python for text that is not UTF-8.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if isinstance(error, sqlite3.DatabaseError) and code in _DATABASE:
        return _say(f"the workspace's database cannot be used: {error}; see: gandam-studio doctor", REFUSED)
    if isinstance(error, MemoryError):
        return _say("this machine has not enough memory for that", REFUSED)
    return _say(f"something went wrong inside GANdam Studio; the details are in {write_log(error)}", REFUSED)


def _say(message: str, code: int) -> int:
    tell(f"gandam-studio: {encodable(' '.join(message.split()))}")
    return code


def _reader_left() -> int:
    """After the pipe was closed (`| head`), discard all output, also at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
