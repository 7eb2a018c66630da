"""The README's command reference, made from the commands themselves: `python -m gandam_studio.reference`.

With a file's name, the part of it between the two marks is replaced.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

BEGIN, END = "<!-- commands: begin -->", "<!-- commands: end -->"


def reference() -> str:
    """Every command with its arguments, options and first lines of help, as Markdown."""
    from gandam_studio.cli import SUBCOMMANDS, studio

    context = click.Context(studio, info_name="gandam-studio")
    parts = []
    for name in SUBCOMMANDS:
        command = studio.get_command(context, name)
        assert command is not None
        parts.append("\n".join(_entry(name, command, context)))
    return "\n\n".join(parts) + "\n"


def _entry(name: str, command: click.Command, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    pieces = command.collect_usage_pieces(context)
    yield f"**`gandam-studio {name} {' '.join(piece for piece in pieces if piece != '[OPTIONS]')}`**".replace(" `", "`")
    yield ""
    yield " ".join((command.help or "").split())
    yield ""
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record:
            yield f"- `{record[0]}`: {' '.join(record[1].split())}"


def replaced(text: str) -> str:
    """`text` with the part between the marks made anew. Raises ValueError when the marks are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the marks {BEGIN} and {END} are missing")
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        page = Path(sys.argv[1])
        page.write_text(replaced(page.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        sys.stdout.write(reference())
