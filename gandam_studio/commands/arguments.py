"""Parameter types for the command line, and lists on standard input."""

from __future__ import annotations

import math
import os
import re
import sys
from typing import Any

import click

from gandam_studio.core.errors import UserError
from trainer.protocol.untrusted import MAX_INTEGER, UntrustedError, decode_text, shortened

LONGEST_LIST = 256 << 20  # bytes; a million ids take 65 MB


class _Text(click.ParamType):
    """Text in valid UTF-8."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value, or fail with one line about what is wrong with it."""
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            self.fail("not valid text: some of its bytes are not UTF-8", param, ctx)
        return value


class _Name(click.ParamType):
    """A file's name or a part of it; bytes that are not UTF-8 are written as an import writes them (`caf\\xe9.png`)."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value, or fail with one line about what is wrong with it."""
        if not isinstance(value, str) or value.isascii():
            return value
        from gandam_studio.core.texts import encodable

        return encodable(value)


class _Whole(click.IntRange):
    """A whole number of at most 64 bits."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value, or fail with one line about what is wrong with it."""
        number = super().convert(value, param, ctx)
        if abs(number) > MAX_INTEGER:
            self.fail(f"{shortened(str(value), 24)} is beyond 64 bits", param, ctx)
        return number


class _Finite(click.FloatRange):
    """A number that is neither infinite nor NaN."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value, or fail with one line about what is wrong with it."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number", param, ctx)
        return number


class _Path(click.Path):
    """A path that is valid on this system."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value, or fail with one line about what is wrong with it."""
        try:
            os.fsencode(value)
        except UnicodeError:
            self.fail("no path of this system", param, ctx)
        return super().convert(value, param, ctx)


TEXT, NAME = _Text(), _Name()


def strict(command: click.Command) -> click.Command:
    """Replace a command's parameter types by those above; called for each subcommand when it is loaded."""
    for parameter in command.params:
        kind = parameter.type
        if isinstance(kind, click.types.StringParamType):
            parameter.type = TEXT
        elif isinstance(kind, click.IntRange) and not isinstance(kind, _Whole):
            parameter.type = _Whole(kind.min, kind.max, kind.min_open, kind.max_open, kind.clamp)
        elif isinstance(kind, click.FloatRange) and not isinstance(kind, _Finite):
            parameter.type = _Finite(kind.min, kind.max, kind.min_open, kind.max_open, kind.clamp)
        elif type(kind) is click.Path:
            parameter.type = _Path(path_type=kind.type)
        elif isinstance(kind, click.Tuple):
            kind.types = [TEXT if isinstance(part, click.types.StringParamType) else part for part in kind.types]
    return command


def listed_names() -> tuple[str, ...]:
    """The names on standard input, one per line, in UTF-8 or, with a byte-order mark, UTF-16. Raises UserError."""
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        text = sys.stdin.read()
    else:
        data = stream.read(LONGEST_LIST + 1)
        if len(data) > LONGEST_LIST:
            raise UserError(f"the list is longer than {LONGEST_LIST >> 20} MiB")
        try:
            text = decode_text(data)
        except UntrustedError as error:
            raise UserError(f"the list cannot be read: {error}") from None
    # Not splitlines, since names can hold other characters that it treats as line ends.
    names = (line.strip() for line in re.split(r"\r\n|\n|\r", text))
    return tuple(name for name in names if name)
