"""Labels and buttons whose text changes without a new layout of the window each time."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtWidgets import QLabel, QPushButton

ROOM = 8
QWIDGETSIZE_MAX = (1 << 24) - 1  # Qt's own limit
WIDEST = 720


def set_steady_text(widget: QLabel | QPushButton, text: str) -> None:
    """Set a widget's text. The widget grows if needed and never shrinks, so that its neighbours rarely move.

    A widget of fixed size is not laid out again when its text changes.
    """
    if text == widget.text():
        return
    needed = widget.fontMetrics().horizontalAdvance(text) + (ROOM if isinstance(widget, QLabel) else 4 * ROOM)
    needed = min(needed, WIDEST)
    if needed > widget.maximumWidth() or widget.minimumWidth() != widget.maximumWidth():
        widget.setFixedSize(needed, max(widget.sizeHint().height(), 24))
    widget.setText(text)


def reserve_width(button: QPushButton, texts: Iterable[str]) -> None:
    """Make a button wide enough for any of these texts, so that its neighbours stay where they are."""
    shown = button.text()
    button.ensurePolished()
    widest = 0
    for text in texts:
        button.setText(text)
        widest = max(widest, button.sizeHint().width())
    button.setText(shown)
    button.setMinimumWidth(widest)


def release_width(widget: QLabel | QPushButton) -> None:
    """Clear the text, and let the next `set_steady_text` choose the width anew."""
    widget.setText("")
    widget.setMinimumSize(0, 0)
    widget.setMaximumSize(QWIDGETSIZE_MAX, QWIDGETSIZE_MAX)
