"""Using a modal dialog from a test, which waits while it is shown."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QDialog


def in_dialog(qtbot, kind: type[QDialog], story) -> list[QDialog]:  # type: ignore[no-untyped-def]
    """Run `story(dialog)` as soon as a dialog of that kind is shown; the returned list then holds it."""
    met: list[QDialog] = []

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, kind):
            QTimer.singleShot(10, look)
            return
        met.append(dialog)
        try:
            story(dialog)
        finally:
            if dialog.isVisible():
                dialog.done(0)

    QTimer.singleShot(0, look)
    return met
