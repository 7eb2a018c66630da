"""The window's process from its start to its end, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gandam_studio.core.workspace import Workspace

STORY = """
import gc, logging, sys, time
from pathlib import Path
logging.basicConfig()
from PySide6.QtCore import QTimer
from gandam_studio.qt import launch, preload
from gandam_studio.qt.rail import PLACES

launch.SETTLED_MS = 0
shown, folder, quick = launch.show_window, Path(sys.argv[1]), sys.argv[2] == "quick"
modules = [place.path.partition(":")[0] for place in PLACES]

def show_window(where):
    application, window = shown(where)
    assert not gc.isenabled()
    print("at first", sum(name in sys.modules for name in modules))

    def look():
        if quick or gc.isenabled():  # The collector works from when all is there.
            print("at last", sum(name in sys.modules for name in modules))
            window.close()

    timer = QTimer(application, interval=1 if quick else 20)
    timer.timeout.connect(look)
    timer.start()
    return application, window

launch.show_window = show_window
print("ended", launch.open_window(folder))
"""


@pytest.mark.parametrize("how", ["patient", "quick"])
def test_other_screens_are_imported_once_the_window_is_up(tmp_path: Path, how: str) -> None:
    Workspace.create(tmp_path / "ws").close()
    command = [sys.executable, "-W", "error", "-c", STORY, str(tmp_path / "ws"), how]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    assert "at first 1\n" in told, "only the screen one sees is imported before it is painted"
    assert ("at last 5\n" in told) == (how == "patient"), told
    assert "ended 0" in told
    assert "Traceback" not in told
