"""Tool tips that name their keys, made in one place from what a command is called, what it does and its shortcuts."""

from __future__ import annotations

import weakref

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QWidget
from shiboken6 import isValid


def plain_name(text: str) -> str:
    """A name without the mnemonic mark and the dots that announce a question."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip("…")


def name_of(action: QAction) -> str:
    """The action's plain name."""
    return plain_name(action.text())


def keys_of(action: QAction) -> str:
    """The action's shortcuts as the system writes them, separated by commas; "" without any."""
    return ", ".join(one.toString(QKeySequence.SequenceFormat.NativeText) for one in action.shortcuts())


def with_keys(text: str, action: QAction) -> str:
    """A tip followed by the action's keys in brackets."""
    keys = keys_of(action)
    return f"{text}  ({keys})" if keys else text


def tip_of(action: QAction) -> str:
    """What the action does, or else its name, and its keys."""
    return with_keys(action.statusTip() or name_of(action), action)


def show_keys(action: QAction) -> None:
    """Set the action's tool tip to `tip_of`; buttons made by `setDefaultAction` take it over."""
    action.setToolTip(tip_of(action))


def name_keys(control: QWidget, action: QAction, text: str = "") -> None:
    """Give a control that does the same as `action` a tool tip with the action's keys; `text` replaces its words.

    The control follows when the action's name or keys change. Its accessible name is set too, if it has none.
    """
    seen = weakref.ref(control)

    def follow() -> None:
        target = seen()
        if target is not None and isValid(target):
            target.setToolTip(with_keys(text or action.statusTip() or name_of(action), action))

    follow()
    action.changed.connect(follow)
    written = isinstance(control, QAbstractButton) and bool(control.text())
    if not control.accessibleName() and not written:
        control.setAccessibleName(name_of(action))
