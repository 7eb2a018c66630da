"""`new`, `undo`, `redo`, `history`: the workspace itself and what was done in it."""

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
    """Make an empty workspace in a new or empty folder."""
    from gandam_studio.core.workspace import Workspace

    with Workspace.create(folder) as workspace:
        out.json({"workspace": str(workspace.folder)})
        out.say(f"made {workspace.folder}")
        out.say(f"next: gandam-studio import PICTURES -w {folder}")


def report(out: Output, verb: str, changes: Changes) -> None:
    """Tell what an edit, an undo or a redo touched."""
    out.json({"edit": changes.edit, "label": changes.label, "sprites": len(changes.seqs)})
    out.say(f"{verb}{changes.label}" if changes else "nothing to change: that is how it is already")


def apply(workspace: Workspace, out: Output, edit: Callable[[], Edit]) -> None:
    """Carry out an edit and tell what it touched. One that is about no sprite is refused; its JSON says so too."""
    try:
        made = edit()
    except NothingMatches:
        out.json({"edit": 0, "label": "", "sprites": 0})
        raise
    report(out, "", workspace.apply(made))


@click.command()
@with_workspace(write=True)
def undo(workspace: Workspace, out: Output) -> None:
    """Take back the newest decision; works after a restart too."""
    changes = workspace.undo()
    if not changes:
        raise UserError("there is nothing to undo")
    report(out, "undone: ", changes)


@click.command()
@with_workspace(write=True)
def redo(workspace: Workspace, out: Output) -> None:
    """Bring back the decision undone last."""
    changes = workspace.redo()
    if not changes:
        raise UserError("there is nothing to redo")
    report(out, "redone: ", changes)


@click.command()
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first.")
@with_workspace(write=False)
def history(workspace: Workspace, out: Output, limit: int) -> None:
    """List what was decided: done, undone, or overtaken by something newer."""
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
