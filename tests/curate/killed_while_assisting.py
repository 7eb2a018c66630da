"""Child of test_curate_assist: accepts two pages of the Assist mode in a window, prints them and waits to be killed."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtCore import QCoreApplication, QSettings, Qt
from PySide6.QtTest import QTest

from gandam_studio.qt.application import MainWindow, make_application


def main() -> None:
    folder = Path(sys.argv[1])
    make_application()
    QCoreApplication.setOrganizationName("GANdam Studio tests")
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder / "settings"))
    window = MainWindow()
    window.show()
    window.open_folder(folder)
    screen = window.screen_shown
    screen.turn_all()
    while screen.assist.assistant is None:
        QTest.qWait(10)
    grid = screen.work.assist_view.grid
    accepted = grid.order.tolist()
    QTest.keyClick(grid, Qt.Key.Key_L)
    for _ in range(2):
        page = grid.order.tolist()
        accepted += page
        while grid.order.tolist() == page:
            QTest.keyClick(grid, Qt.Key.Key_Return)
    print(json.dumps(accepted), flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main()
