"""Desktop notifications when a run has ended or needs attention, shown only while the window is inactive."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from gandam_studio.qt import icons

SHOWN_MS = 10_000


class Notifier(QObject):
    """Shows notifications while no window of the application is active.

    Attributes:
        sent: (title, text) of the notifications shown, newest last.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.sent: list[tuple[str, str]] = []
        self._tray: QSystemTrayIcon | None = None

    def notify(self, window: QWidget | None, title: str, text: str) -> bool:
        """Show a notification; False if a window is active, so that it was not shown."""
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication) and QApplication.activeWindow() is not None:
            return False
        self.sent.append((title, text))
        if window is not None:
            QApplication.alert(window)
        if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            if self._tray is None:
                self._tray = QSystemTrayIcon(icons.application_icon(), self)
            self._tray.show()
            self._tray.showMessage(title, text, icons.application_icon(), SHOWN_MS)
        return True

    def close(self) -> None:
        """Remove the tray icon."""
        if self._tray is not None:
            self._tray.hide()
