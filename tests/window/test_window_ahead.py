"""Screens are imported and built before their first visit, while keys and mouse rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from studio_window import OpenWindow

from gandam_studio.qt.ahead import ScreensAhead

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
ahead = ScreensAhead(lambda: False, delay_ms=0, pause_ms=0)
while not all(name in sys.modules for name in screens):
    application.processEvents()
assert threads == {threading.main_thread()}, threads
assert "torch" not in sys.modules
print("imported", *screens)
"""


def test_the_modules_of_every_screen_are_imported_while_nothing_happens() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.startswith("imported gandam_studio.qt.curate.screen"), done.stderr


def test_screens_are_built_once_keys_rest(folder: Path, open_window: OpenWindow, qtbot) -> None:
    window = open_window(folder)
    assert window.session is not None
    begun = len(window.screens)
    ahead = ScreensAhead(window.build_next, window.session, delay_ms=0, pause_ms=0, rest_s=0.3)
    assert ahead.parent() is window.session
    for _ in range(40):  # a person at work
        QTest.keyClick(window.windowHandle(), Qt.Key.Key_Right)
        QTest.qWait(5)
    assert len(window.screens) == begun
    shown = window.screen_shown
    qtbot.waitUntil(lambda: len(window.screens) == len(window.rail.places), timeout=20_000)
    assert window.screen_shown is shown
    assert not any(screen.isVisible() for screen in window.screens.values() if screen is not shown)
