"""Where the keys go: controls that leave the focus alone when clicked, and keys that a focused control needs itself."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QSlider,
    QTabBar,
    QTextEdit,
    QWidget,
)

_CONFIRM = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)


def clicks_keep_focus(root: QWidget) -> None:
    """Let clicks on buttons, sliders, tabs and plain combo boxes below `root` leave the focus where it is.

    So the keys of the gallery go on working after a click; Tab still reaches every control. Text fields take the focus.
    """
    for control in controls_of(root):
        if isinstance(control, QComboBox) and control.isEditable():
            continue
        if control.focusPolicy() & Qt.FocusPolicy.ClickFocus.value:
            control.setFocusPolicy(Qt.FocusPolicy.TabFocus)


def controls_of(root: QWidget) -> list[QWidget]:
    """The buttons, sliders, tabs and combo boxes below a widget, in no order.

    `findChildren` would make a Python object, and load the class, of all that these have inside, such as the list and
    the model of each combo box.
    """
    found: list[QWidget] = []
    below: list[QObject] = [root]
    while below:
        for child in below.pop().children():
            if isinstance(child, QAbstractButton | QComboBox | QSlider | QTabBar):
                found.append(child)
            elif isinstance(child, QWidget) and not isinstance(child, QLineEdit):
                below.append(child)
    return found


def takes_text(widget: QWidget | None) -> bool:
    """True for a field that text is typed into."""
    if isinstance(widget, QComboBox):
        return widget.isEditable()
    if isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit | QAbstractSpinBox):
        return widget.isEnabled() and not widget.isReadOnly()
    return False


def needs_key(widget: QWidget | None, key: int) -> bool:
    """True if a focused control uses this plain key itself: Space presses a button, Enter ends typing."""
    if key not in _CONFIRM:
        return False
    return isinstance(widget, QAbstractButton | QComboBox) or takes_text(widget)


def keep_plain_keys(event: QEvent) -> bool:
    """In a popup's `event`: claim keys without Ctrl or Alt, which would be shortcuts of the screen behind it."""
    if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.ShortcutOverride:
        return False
    if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
        return False
    event.accept()
    return True
