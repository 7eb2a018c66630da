"""The keys of the Assist mode, for its buttons, the table of keys (F1) and the documentation."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, Qt


@dataclass(frozen=True)
class ModeKey:
    """Attributes:
    key: the key.
    name: as it is written on the keyboard.
    text: what it does.
    """

    key: Qt.Key
    name: str
    text: str


def _tr(text: str) -> str:
    return QCoreApplication.translate("AssistKeys", text)


def mark() -> ModeKey:
    """Mark the current sprite, which a click does too; on every page."""
    return ModeKey(Qt.Key.Key_Space, _tr("Space"), _tr("Mark the sprite, or take that back"))


def accept() -> ModeKey:
    """Accept the page."""
    return ModeKey(Qt.Key.Key_Return, _tr("Enter"), _tr("Accept the page"))


def show_rest() -> ModeKey:
    """What Enter does as long as not all of the page was in view."""
    return ModeKey(Qt.Key.Key_Return, _tr("Enter"), _tr("Show the rest"))


def back() -> ModeKey:
    """Take the last page back."""
    return ModeKey(Qt.Key.Key_Backspace, _tr("Backspace"), _tr("Page before"))


def leave() -> ModeKey:
    """Leave the mode."""
    return ModeKey(Qt.Key.Key_Escape, _tr("Esc"), _tr("Leave"))


def question() -> tuple[ModeKey, ModeKey, ModeKey]:
    """The answers left, right and front."""
    return (
        ModeKey(Qt.Key.Key_L, "L", _tr("Left")),
        ModeKey(Qt.Key.Key_R, "R", _tr("Right")),
        ModeKey(Qt.Key.Key_V, "V", _tr("To the front")),
    )


def facing() -> tuple[ModeKey, ...]:
    """Turn the stack, turn the page, front, doubtful first, the other side."""
    return (
        ModeKey(Qt.Key.Key_G, "G", _tr("Turn the stack")),
        ModeKey(Qt.Key.Key_I, "I", _tr("Turn the page")),
        ModeKey(Qt.Key.Key_V, "V", _tr("Faces front")),
        ModeKey(Qt.Key.Key_D, "D", _tr("Doubtful first")),
        ModeKey(Qt.Key.Key_T, "T", _tr("Face the other side")),
    )


def mark_page() -> ModeKey:
    """Mark the page, where most of it is unfit."""
    return ModeKey(Qt.Key.Key_I, "I", _tr("Mark the page"))


def check() -> ModeKey:
    """Begin the random check."""
    return ModeKey(Qt.Key.Key_A, "A", _tr("Random check: may I stop?"))


def suspicious() -> ModeKey:
    """Go back to the ranked pages."""
    return ModeKey(Qt.Key.Key_S, "S", _tr("Back to the suspicious"))


def tables() -> list[tuple[str, list[ModeKey]]]:
    """(heading, keys) of the mode's pages."""
    return [
        (_tr("Assist: the first question"), [*question(), back(), leave()]),
        (_tr("Assist: turn all to face one way"), [mark(), accept(), *facing(), back(), leave()]),
        (_tr("Assist: find unfit sprites"), [mark(), accept(), mark_page(), check(), suspicious(), back(), leave()]),
    ]
