"""Keys that work alike in every window and dialog.

Return presses the focused button: Qt's buttons react to Space, and Return goes to a dialog's default button or to a
screen's shortcut, even while another button is framed as focused.

Tab leaves every table: in Qt's tables it goes from cell to cell, and from the last to the first.
"""

from __future__ import annotations

import contextlib
import functools

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QPushButton, QToolButton, QWidget

_RETURN = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_SPLIT = QToolButton.ToolButtonPopupMode.MenuButtonPopup
_PLAIN = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)


class _FocusedKeys(QObject):
    """Watches the focused button only: a filter on the application would see every event."""

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._button: QPushButton | QToolButton | None = None
        application.focusChanged.connect(self._follow)

    def _follow(self, _before: QWidget | None, now: QWidget | None) -> None:
        if self._button is not None:
            with contextlib.suppress(RuntimeError):  # its C++ object was deleted
                self._button.removeEventFilter(self)
        if isinstance(now, QAbstractItemView):
            now.setTabKeyNavigation(False)
        self._button = now if isinstance(now, QPushButton | QToolButton) else None
        if self._button is not None:
            self._button.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Press the button, or open its menu; a shortcut on Return has to wait."""
        if not isinstance(event, QKeyEvent) or event.key() not in _RETURN or event.modifiers() not in _PLAIN:
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        button = self._button
        if event.type() == QEvent.Type.KeyPress and not event.isAutoRepeat() and button is not None:
            # Not by sending Space, which may be a shortcut too.
            if button.menu() is None or (isinstance(button, QToolButton) and button.popupMode() == _SPLIT):
                button.click()
            else:
                button.showMenu()
        return event.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)


@functools.cache
def install(application: QApplication) -> QObject:
    """Set this up for an application; further calls do nothing."""
    return _FocusedKeys(application)
