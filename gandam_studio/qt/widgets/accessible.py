"""What screen readers are told about widgets that paint themselves: Qt knows a role only for its own classes.

A class says its role in `accessible_role`; one whose value can be changed also has `accessible_value()`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QAccessibleWidget, QWidget


class _Told(QAccessibleWidget):
    def __init__(self, widget: QWidget, role: QAccessible.Role) -> None:
        super().__init__(widget, role, widget.accessibleName())
        self._widget = widget

    def text(self, kind: QAccessible.Text) -> str:
        """The widget's value, or what Qt says of any widget."""
        if kind == QAccessible.Text.Value and (value := getattr(self._widget, "accessible_value", None)) is not None:
            return str(value())
        if kind == QAccessible.Text.Name:
            return self._widget.accessibleName()  # it may have changed
        return super().text(kind)


def install_factory(make: Callable[[QObject], QAccessibleInterface | None]) -> None:
    """Register with Qt what makes the interfaces of some objects (None: not of this one); once per process and kind."""
    # Python must keep a reference to what C++ only points to.
    made: dict[int, QAccessibleInterface] = {}

    def factory(_class_name: str, subject: QObject) -> QAccessibleInterface | None:
        key = id(subject)
        if key not in made:
            found = make(subject)
            if found is None:
                return None
            made[key] = found
            subject.destroyed.connect(lambda: made.pop(key, None))
        return made[key]

    _factories.append(factory)
    QAccessible.installFactory(factory)


_factories: list[Callable[[str, QObject], QAccessibleInterface | None]] = []


@functools.cache
def install() -> None:
    """Register the interfaces of widgets that say their role."""
    install_factory(_told)


def _told(subject: QObject) -> QAccessibleInterface | None:
    role = getattr(subject, "accessible_role", None)
    if not isinstance(subject, QWidget) or not isinstance(role, QAccessible.Role):
        return None
    return _Told(subject, role)
