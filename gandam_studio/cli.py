"""`gandam-studio`: finds the subcommand, and turns whatever goes wrong into one clear line and an exit code.

Nothing heavy is imported here: `--help` must answer at once.
"""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gandam_studio import __version__
from gandam_studio.commands.arguments import strict
from gandam_studio.commands.failures import ReaderLeft, exit_code_for
from trainer.protocol.loading import loading

# Subcommand -> "module:function" under gandam_studio.commands, in the order that help lists them.
SUBCOMMANDS = {
    "new": "workspaces:new",
    "import": "importing:import_",
    "list": "curation:list_",
    "show": "curation:show",
    "flip": "curation:flip",
    "drop": "curation:drop",
    "keep": "curation:keep",
    "undecide": "curation:undecide",
    "tag": "curation:tag",
    "facing": "curation:facing",
    "face": "suggesting:face",
    "suggest": "suggesting:suggest",
    "undo": "workspaces:undo",
    "redo": "workspaces:redo",
    "history": "workspaces:history",
    "dedupe": "duplicates:dedupe",
    "families": "duplicates:families_",
    "recipe": "preparing:recipe",
    "splits": "preparing:splits",
    "commit": "versioning:commit",
    "versions": "versioning:versions",
    "diff": "versioning:diff",
    "restore": "versioning:restore",
    "tag-version": "versioning:tag_version",
    "verify": "versioning:verify",
    "relink": "versioning:relink",
    "export-manifest": "exporting:export_manifest",
    "import-manifest": "exporting:import_manifest",
    "presets": "training:presets",
    "train": "training:train",
    "runs": "training:runs",
    "label": "training:label",
    "ask": "training:ask",
    "sample": "training:sample",
    "average": "exploring:average",
    "explore": "exploring:explore",
    "project": "exploring:project",
    "export-model": "exploring:export_model",
    "evaluate": "evaluating:evaluate",
    "report": "reporting:report",
    "experiment": "experimenting:experiment",
    "demo": "demo:demo",
    "doctor": "doctor:doctor",
    "open": "window:open_",
}


class Studio(click.Group):
    """Loads a subcommand's module when it is asked for, and no other."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All subcommands, in order of work."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand of that name, or None."""
        if cmd_name not in SUBCOMMANDS:
            return None
        module, function = SUBCOMMANDS[cmd_name].split(":")
        with loading():
            command: click.Command = getattr(importlib.import_module(f"gandam_studio.commands.{module}"), function)
        return strict(command)

    def invoke(self, ctx: click.Context) -> Any:
        """As click's, but a reader that has gone (`| head`) is told apart from click's own exits."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise ReaderLeft from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with close matches named when there is no such subcommand."""
        if args and args[0] not in SUBCOMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], SUBCOMMANDS, n=2, cutoff=0.5)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.command(cls=Studio, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-w", "--workspace", "folder", type=click.Path(path_type=Path), help="The workspace's folder.")
@click.version_option(__version__, message="GANdam Studio %(version)s")
@click.pass_context
def studio(ctx: click.Context, folder: Path | None) -> None:
    """Curate sprites, train a GAN on them on your own machine, and know what you are looking at.

    With no command, the window opens. Commands work in the current folder unless -w names another workspace. Every
    command takes --json; progress is shown on the error stream, so what is printed can be piped.
    """
    ctx.obj = {"folder": folder}
    if ctx.invoked_subcommand is None:
        from gandam_studio.commands.window import open_

        ctx.invoke(open_)


def run(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line (default: the process's own) and return the exit code: 0 done, 1 refused, 2 misused."""
    try:
        result: Any = studio.main(arguments, prog_name="gandam-studio", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        return exit_code_for(error)
    return result if isinstance(result, int) else 0


def main() -> None:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a letter of some file's name shows a question mark; nothing stops for it.
            stream.reconfigure(errors="replace")
    sys.exit(run())
