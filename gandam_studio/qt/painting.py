"""Paint events that always end their painter: an error inside is reported.

A QPainter kept alive after its paint event, for instance by a traceback, crashes Qt at the next one.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPaintDevice, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from gandam_studio.qt import theme

FOCUS_WIDTH = 2
_reported: set[tuple[str, type]] = set()


@contextlib.contextmanager
def painting(device: QPaintDevice) -> Iterator[QPainter]:
    """A painter on a picture or widget that always ends with the block."""
    painter = QPainter(device)
    try:
        yield painter
    finally:
        if painter.isActive():
            painter.end()


def paint_event(method: Callable[[Any, QPaintEvent, QPainter], None]) -> Callable[[Any, QPaintEvent], None]:
    """Turn `method(self, event, painter)` into a `paintEvent`; a scroll area is painted on its viewport.

    A widget that has the focus gets a frame, unless its class sets `shows_focus` and shows the focus itself. One that
    paints the main part of its parent, which has the keys, sets `frames_parents_focus`.
    An error is reported once per widget class and type of error, because paint events repeat.
    """

    @functools.wraps(method)
    def paintEvent(self: Any, event: QPaintEvent) -> None:
        surface = self.viewport() if isinstance(self, QAbstractScrollArea) else self
        try:
            with painting(surface) as painter:
                method(self, event, painter)
                holder = self.parentWidget() if getattr(self, "frames_parents_focus", False) else self
                if holder.hasFocus() and not getattr(self, "shows_focus", False):
                    _draw_focus(painter, surface)
        except Exception as error:
            _report(self, error)

    return paintEvent


def _draw_focus(painter: QPainter, surface: QWidget) -> None:
    inset = FOCUS_WIDTH / 2
    painter.resetTransform()
    painter.setClipping(False)
    painter.setOpacity(1.0)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.color("accent"), FOCUS_WIDTH, j=Qt.PenJoinStyle.MiterJoin))
    painter.drawRect(QRectF(surface.rect()).adjusted(inset, inset, -inset, -inset))


def paint_item(method: Callable[..., None]) -> Callable[..., None]:
    """Turn `method(self, painter, option, index)` into a delegate's `paint` that restores the painter's state."""

    @functools.wraps(method)
    def paint(self: Any, painter: QPainter, option: Any, index: Any) -> None:
        painter.save()
        try:
            method(self, painter, option, index)
        except Exception as error:
            _report(self, error)
        finally:
            painter.restore()

    return paint


def _report(painted: Any, error: Exception) -> None:
    """Pass the error to `sys.excepthook`, without keeping references to its frames."""
    key = (type(painted).__qualname__, type(error))
    if key not in _reported:
        _reported.add(key)
        sys.excepthook(type(error), error, error.__traceback__)
    error.__traceback__ = None
