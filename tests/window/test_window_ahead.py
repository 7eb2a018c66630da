"""Screens' modules are imported before their first visit, in a process of its own, where none is loaded yet."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys, threading
from PySide6.QtWidgets import QApplication
application = QApplication(["test"])
from gandam_studio.qt.ahead import ScreensAhead
from gandam_studio.qt.rail import PLACES

screens = [place.path.partition(":")[0] for place in PLACES]
assert not any(name in sys.modules for name in screens)
threads = set()

class Watch:
    def find_spec(self, name, path=None, target=None):
        threads.add(threading.current_thread())

sys.meta_path.insert(0, Watch())
ahead = ScreensAhead(delay_ms=0, pause_ms=0)
while not all(name in sys.modules for name in screens):
    application.processEvents()
assert threads == {threading.main_thread()}, threads
assert "torch" not in sys.modules
print("imported", *screens)
"""


def test_the_modules_of_every_screen_are_imported_while_nothing_happens() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.startswith("imported gandam_studio.qt.curate.screen"), done.stderr
