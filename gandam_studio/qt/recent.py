"""The workspaces that were opened last, as the window's settings list them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings

RECENT = 6
_KEY = "window/recent"


def recent_folders() -> list[Path]:
    """Recently opened workspaces that still exist, newest first."""
    stored = QSettings().value(_KEY) or []
    names = [stored] if isinstance(stored, str) else list(stored)
    return [Path(name) for name in names if (Path(name) / "workspace.sqlite").is_file()][:RECENT]


def remember_folder(folder: Path) -> None:
    """Put a workspace first in the recent ones."""
    recent = recent_folders()
    if recent[:1] != [folder]:
        others = [str(other) for other in recent if other != folder]
        QSettings().setValue(_KEY, [str(folder), *others][:RECENT])
