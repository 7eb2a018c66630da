"""Log files for unexpected errors, one file for each, so that no traceback is shown to the user."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path


def log_folder() -> Path:
    """Return the folder for error logs: the platform's log folder, or the temporary folder if that cannot be made."""
    import tempfile

    import platformdirs

    folder = Path(platformdirs.user_log_dir("gandam-studio", appauthor=False))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir())
    return folder


def write_log(error: BaseException) -> Path | str:
    """Write an error's traceback to a new file and return its path, or "(no log could be written)" on failure."""
    from datetime import UTC, datetime

    from gandam_studio import __version__

    moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    path = log_folder() / f"error-{moment}-{os.getpid()}.log"
    head = f"GANdam Studio {__version__}, Python {sys.version}, {sys.platform}\n{sys.argv}\n\n"
    try:
        with path.open("x", encoding="utf-8", errors="replace") as stream:
            stream.write(head + "".join(traceback.format_exception(error)))
    except OSError:
        return "(no log could be written)"
    return path
