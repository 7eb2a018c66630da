"""`new`, `undo`, `redo`, `history`: the workspace and its edits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gandam_studio.commands.console import Output, with_output, with_workspace
from gandam_studio.core.errors import NothingMatches, UserError

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace
    from gandam_studio.core.workspace.edits import Edit
    from gandam_studio.core.workspace.history import Changes


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@with_output
def new(out: Output, folder: Path) -> None:
    """Create an empty workspace in a new or empty folder."""
    from gandam_studio.core.workspace import Workspace

    with Workspace.create(folder) as workspace:
        out.json({"workspace": str(workspace.folder)})
        out.say(f"made {workspace.folder}")
        out.say(f"next: gandam-studio import PICTURES -w {folder}")


def report(out: Output, verb: str, changes: Changes) -> None:
    """Print what an edit, undo or redo has changed."""
    out.json({"edit": changes.edit, "label": changes.label, "sprites": len(changes.seqs)})
    out.say(f"{verb}{changes.label}" if changes else "no change")


def apply(workspace: Workspace, out: Output, edit: Callable[[], Edit]) -> None:
    """Apply an edit and print what it has changed; an edit of no sprites is refused, also in JSON."""
    try:
        made = edit()
    except NothingMatches:
        out.json({"edit": 0, "label": "", "sprites": 0})
        raise
    report(out, "", workspace.apply(made))


@click.command()
@with_workspace(write=True)
def undo(workspace: Workspace, out: Output) -> None:
    """Undo the newest edit, also after a restart."""
    changes = workspace.undo()
    if not changes:
        raise UserError("there is nothing to undo")
    report(out, "undone: ", changes)


@click.command()
@with_workspace(write=True)
def redo(workspace: Workspace, out: Output) -> None:
    """Redo the edit that was undone last."""
    changes = workspace.redo()
    if not changes:
        raise UserError("there is nothing to redo")
    report(out, "redone: ", changes)


@click.command()
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first.")
@with_workspace(write=False)
def history(workspace: Workspace, out: Output, limit: int) -> None:
    """List the edits: done, undone, or superseded."""
    entries = workspace.history.entries(limit)
    out.json(
        [
            {"edit": e.edit, "kind": e.kind, "label": e.label, "sprites": e.sprites, "at": e.at, "state": e.state}
            for e in entries
        ]
    )
    if entries:
        out.table(("edit", "at", "state", "what"), ((e.edit, e.at, e.state, e.label) for e in entries), right=("edit",))
    else:
        out.say("nothing has been decided yet")
