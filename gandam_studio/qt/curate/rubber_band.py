"""Rubber band selection in the gallery; scrolls while the mouse is beyond the edge."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from PySide6.QtCore import QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QApplication, QScrollBar, QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.widgets.selection import Selection

SCROLL_MS = 16
FASTEST = 48  # pixels per step


class BandView(Protocol):
    """The scrolling view that a rubber band belongs to."""

    @property
    def selection(self) -> Selection:
        """The selection."""

    def viewport(self) -> QWidget:
        """The visible part."""

    def verticalScrollBar(self) -> QScrollBar:
        """The vertical scroll bar."""

    def select_band(self, band: QRect, before: np.ndarray | None) -> None:
        """Select what `band` (content coordinates) covers, in addition to `before`."""

    def make_selection_current(self) -> None:
        """Make a selected sprite the current one."""


class RubberBand(QObject):
    """Selects the cells it covers while the mouse moves.

    Attributes:
        is_active: True while a band is being dragged.
    """

    def __init__(self, gallery: BandView, parent: QObject) -> None:
        super().__init__(parent)
        self._gallery = gallery
        self._from: QPoint | None = None  # in content coordinates
        self._mouse = QPoint()
        self._keep = False
        self._before: np.ndarray | None = None
        self.is_active = False
        self._scroll = QTimer(self, interval=SCROLL_MS)
        self._scroll.timeout.connect(self._scroll_on)

    def press(self, point: QPoint, *, keep: bool) -> None:
        """The mouse button was pressed; `keep` adds to the existing selection."""
        self._from = point + QPoint(0, self._scrolled)
        self._keep = keep

    def move(self, point: QPoint) -> None:
        """The mouse moved with the button pressed."""
        if self._from is None:
            return
        if not self.is_active:
            start = self._from - QPoint(0, self._scrolled)
            if (point - start).manhattanLength() < QApplication.startDragDistance():
                return
            self.is_active = True
            self._before = self._gallery.selection.snapshot() if self._keep else None
            self._scroll.start()
        self._mouse = point
        self._gallery.select_band(self._band(), self._before)

    def release(self) -> None:
        """The mouse button was released."""
        self._from = None
        self._before = None
        self._scroll.stop()
        if self.is_active:
            self.is_active = False
            self._gallery.viewport().update()
            self._gallery.make_selection_current()

    def paint(self, painter: QPainter, scrolled: int) -> None:
        """Draw the rectangle, if there is one."""
        if not self.is_active:
            return
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)  # not over the pictures
        painter.drawRect(self._band().translated(0, -scrolled))

    @property
    def _scrolled(self) -> int:
        return self._gallery.verticalScrollBar().value()

    def _band(self) -> QRect:
        assert self._from is not None
        return QRect(self._from, self._mouse + QPoint(0, self._scrolled)).normalized()

    def _scroll_on(self) -> None:
        height = self._gallery.viewport().height()
        beyond = min(0, self._mouse.y()) + max(0, self._mouse.y() - height)
        if beyond:
            bar = self._gallery.verticalScrollBar()
            bar.setValue(bar.value() + max(-FASTEST, min(FASTEST, beyond)))
            self._gallery.select_band(self._band(), self._before)
