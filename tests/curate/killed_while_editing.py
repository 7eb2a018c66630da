"""Child of test_curate_crash: edits in a real window with real keys until killed, printing each edit."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtCore import QCoreApplication, QSettings, Qt
from PySide6.QtTest import QTest

from gandam_studio.qt.application import MainWindow, make_application


def main() -> None:
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    application = make_application()
    QCoreApplication.setOrganizationName("GANdam Studio tests")
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder / "settings"))
    window = MainWindow()
    window.resize(900, 600)
    window.show()
    window.open_folder(folder)
    window.activateWindow()
    QTest.qWaitForWindowActive(window)
    screen = window.screen_shown
    screen.focus_work()
    dice = random.Random(seed)
    key, shift, control = Qt.Key, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
    choices = [
        (key.Key_F, None), (key.Key_X, None), (key.Key_U, None), (key.Key_BracketRight, None), (key.Key_L, None),
        (key.Key_Right, None), (key.Key_Down, shift), (key.Key_Z, control), (key.Key_Z, control | shift),
    ]  # fmt: skip
    print("ready", flush=True)
    for _ in range(200):
        pressed, modifiers = dice.choice(choices)
        QTest.keyClick(screen.gallery, pressed, modifiers or Qt.KeyboardModifier.NoModifier)
        application.processEvents()
        newest = screen.session.workspace.connection.execute("SELECT max(edit) FROM edits").fetchone()[0] or 0
        print(newest, flush=True)
    print("all", flush=True)
    window.close()


if __name__ == "__main__":
    main()
