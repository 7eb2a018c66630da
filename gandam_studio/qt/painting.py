"""Painting that cannot leave a painter open: an error inside is reported, the painter always ends.

A QPainter that outlives its paint event, because a traceback still refers to it, crashes Qt at the next one.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtGui import QPaintDevice, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractScrollArea

_reported: set[tuple[str, type]] = set()


@contextlib.contextmanager
def painting(device: QPaintDevice) -> Iterator[QPainter]:
    """A painter on a picture or widget that ends with the block, however that ends."""
    painter = QPainter(device)
    try:
        yield painter
    finally:
        painter.end()


def paint_event(method: Callable[[Any, QPaintEvent, QPainter], None]) -> Callable[[Any, QPaintEvent], None]:
    """Make `method(self, event, painter)` a widget's `paintEvent`; a scroll area is painted on its viewport.

    An error is reported once a widget class and kind of error, since paint events come again and again.
    """

    @functools.wraps(method)
    def paintEvent(self: Any, event: QPaintEvent) -> None:
        surface = self.viewport() if isinstance(self, QAbstractScrollArea) else self
        try:
            with painting(surface) as painter:
                method(self, event, painter)
        except Exception as error:
            _report(self, error)

    return paintEvent


def paint_item(method: Callable[..., None]) -> Callable[..., None]:
    """Make `method(self, painter, option, index)` a delegate's `paint`: the painter is handed back as it came."""

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
    """Hand the error to the window's own report of bugs, without keeping what it refers to."""
    key = (type(painted).__qualname__, type(error))
    if key not in _reported:
        _reported.add(key)
        sys.excepthook(type(error), error, error.__traceback__)
    error.__traceback__ = None
