"""Output of commands: one JSON document, or lines and tables."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from gandam_studio.core.texts import encodable

F = TypeVar("F", bound=Callable[..., Any])

workspace_option = click.option(
    "-w", "--workspace", "folder", type=click.Path(path_type=Path), help="The workspace's folder [default: this one]."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
force_option = click.option("--force", is_flag=True, help="Replace what is there.")


def printable(text: object) -> str:
    """Text that is safe to print: control characters and undecodable bytes are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in str(text))


def _plain(value: Any) -> Any:
    """Convert NumPy numbers for JSON."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, list):
        return [_encodable(one) for one in value]
    if isinstance(value, dict):
        return {encodable(key): _encodable(one) for key, one in value.items()}
    return value


class Output:
    """The output of a command.

    Attributes:
        as_json: only `json` prints anything.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def json(self, value: Any) -> None:
        """Print the JSON document, if `as_json`; in ASCII, so that any terminal can print it."""
        if self.as_json:
            text = json.dumps(value, default=_plain)
            if "\\ud" in text:  # Lone surrogates (undecodable bytes of a path) are not valid JSON.
                text = json.dumps(_encodable(json.loads(text)))
            print(text)

    def json_list(self, values: Iterable[Any]) -> None:
        """Print a JSON list, one element per line, without holding it in memory."""
        if self.as_json:
            first = True
            for value in values:
                print("[" if first else ",", json.dumps(value), sep="" if first else "\n", end="")
                first = False
            print("[]" if first else "]")

    def say(self, text: str) -> None:
        """Print a line, unless `as_json`. Text from outside in it can neither control the terminal nor begin a line."""
        if not self.as_json:
            print(printable(text))

    def note(self, text: str) -> None:
        """Print a note on the error stream."""
        tell(f"note: {text}")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> None:
        """Print a table, unless `as_json`; columns named in `right` are right-aligned."""
        if self.as_json:
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in columns:
            table.add_column(name, justify="right" if name in right else "left", no_wrap=name in ("id", "version"))
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(printable(cell)) for cell in row))
        # Piped output must not be cut off.
        width = None if sys.stdout.isatty() else 240
        Console(width=width, highlight=False).print(table)


def tell(text: str) -> None:
    """Print a line on the error stream, as `Output.say` does."""
    print(printable(text), file=sys.stderr, flush=True)


def counted(number: int, thing: str) -> str:
    """ "1 file", "2,023 files"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def with_output(function: F) -> F:
    """Give a command `--json` and an `Output` as its first argument."""

    @json_option
    @functools.wraps(function)
    def wrapped(*args: Any, as_json: bool, **options: Any) -> Any:
        return function(Output(as_json), *args, **options)

    return wrapped  # type: ignore[return-value]


def with_workspace(*, write: bool) -> Callable[[F], F]:
    """Give a command `-w` and `--json`, and an open workspace and an `Output` as its first arguments.

    Commands that only read take no lock and work while the window is open.
    """

    def decorate(function: F) -> F:
        @workspace_option
        @json_option
        @functools.wraps(function)
        def wrapped(*args: Any, folder: Path | None, as_json: bool, **options: Any) -> Any:
            from gandam_studio.core.workspace import Workspace

            with Workspace.open(chosen_folder(folder), read_only=not write) as workspace:
                return function(workspace, Output(as_json), *args, **options)

        return wrapped  # type: ignore[return-value]

    return decorate


def chosen_folder(folder: Path | None) -> Path:
    """The workspace given after the command or before it, or the current folder."""
    context = click.get_current_context(silent=True)
    before = (context.find_object(dict) or {}).get("folder") if context else None
    return folder or before or Path()


def given_among(*names: str) -> bool:
    """Whether one of these parameters of the current command was given, and not left to its default."""
    source = click.get_current_context().get_parameter_source
    return any(source(name) is click.core.ParameterSource.COMMANDLINE for name in names)
