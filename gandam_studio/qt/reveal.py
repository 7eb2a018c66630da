"""Shows a file or folder in the system's file manager."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices


def reveal(path: Path | str) -> bool:
    """Open the folder of `path` with it selected, where the file manager can do that; False if nothing was opened.

    On Linux, and where the file is gone, its folder is opened.
    """
    path = Path(path).absolute()
    folder = path if path.is_dir() else path.parent
    if path.exists() and sys.platform in ("win32", "darwin"):
        import subprocess  # not needed to open the window

        try:
            # Explorer wants the comma and the path as one argument, and ends with 1 although it worked.
            command = ["explorer", f"/select,{path}"] if sys.platform == "win32" else ["open", "-R", str(path)]
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return True
        except OSError:
            pass
    return folder.is_dir() and QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
