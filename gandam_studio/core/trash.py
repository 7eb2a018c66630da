"""Move a folder to the system's trash, from where the person can take it back."""

from __future__ import annotations

from pathlib import Path

from gandam_studio.core.errors import UserError


def to_trash(folder: Path) -> None:
    """Move a folder to the trash. Raises UserError where there is no trash, or for a folder that cannot be moved."""
    from send2trash import send2trash

    try:
        send2trash(str(folder))
    except Exception as error:
        # send2trash raises OSError or its own TrashPermissionError, depending on the system.
        raise UserError(f"{folder.name} could not be moved to the trash: {error}") from None
