"""`open`: opens the window."""

from __future__ import annotations

from pathlib import Path

import click

from gandam_studio.commands.console import Output, chosen_folder, with_output, workspace_option
from gandam_studio.core.errors import UserError


@click.command("open")
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@workspace_option
@with_output
def open_(out: Output, directory: Path | None = None, folder: Path | None = None) -> int:
    """Open the window, on the workspace in DIR or in the current folder if there is one."""
    from gandam_studio.core.workspace import DATABASE

    chosen = directory or chosen_folder(folder)
    named = chosen != Path()
    if named and not (chosen / DATABASE).is_file():
        raise UserError(f"{chosen} is not a workspace; create one with: gandam-studio new {chosen}")
    from gandam_studio.qt.launch import open_window

    code = open_window(chosen if (chosen / DATABASE).is_file() else None)
    out.json({"workspace": str(chosen.absolute())})
    return code
