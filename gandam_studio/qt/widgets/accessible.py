"""What screen readers are told about widgets that paint themselves: Qt knows a role only for its own classes.

A class says its role in `accessible_role`; one whose value can be changed also has `accessible_value()`.
"""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QAccessibleWidget, QWidget


class _Told(QAccessibleWidget):
    def __init__(self, widget: QWidget, role: QAccessible.Role) -> None:
        super().__init__(widget, role, widget.accessibleName())
        self._widget = widget

    def text(self, kind: QAccessible.Text) -> str:
        """The widget's value, or what Qt tells of any widget."""
        if kind == QAccessible.Text.Value and (value := getattr(self._widget, "accessible_value", None)) is not None:
            return str(value())
        if kind == QAccessible.Text.Name:
            return self._widget.accessibleName()  # it may have changed
        return super().text(kind)


def install() -> None:
    """Register the factory with Qt; call once per process."""
    global _installed
    if not _installed:
        _installed = True
        QAccessible.installFactory(_make)


_installed = False
# Python must keep a reference to what C++ only points to.
_made: dict[int, _Told] = {}


def _make(_class_name: str, subject: QObject) -> QAccessibleInterface | None:
    role = getattr(subject, "accessible_role", None)
    if not isinstance(subject, QWidget) or not isinstance(role, QAccessible.Role):
        return None
    key = id(subject)
    if key not in _made:
        _made[key] = _Told(subject, role)
        subject.destroyed.connect(lambda: _made.pop(key, None))
    return _made[key]
