"""The rectangle dragged over the gallery; it scrolls on when the mouse leaves the edge."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from PySide6.QtCore import QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QApplication, QScrollBar, QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.widgets.selection import Selection

SCROLL_MS = 16
FASTEST = 48  # pixels a step


class BandView(Protocol):
    """The scrolling view a band is stretched over."""

    @property
    def selection(self) -> Selection:
        """What is selected."""

    def viewport(self) -> QWidget:
        """The part on screen."""

    def verticalScrollBar(self) -> QScrollBar:
        """Where it is scrolled to."""

    def select_band(self, band: QRect, before: np.ndarray | None) -> None:
        """Select what `band` (coordinates of the whole height) covers, added to `before`."""

    def turn_to_selection(self) -> None:
        """Make a selected sprite the current one."""


class RubberBand(QObject):
    """Selects what it covers in its gallery while the mouse moves.

    Attributes:
        is_active: True while a band is being stretched.
    """

    def __init__(self, gallery: BandView, parent: QObject) -> None:
        super().__init__(parent)
        self._gallery = gallery
        self._from: QPoint | None = None  # in coordinates of the whole height
        self._mouse = QPoint()
        self._keep = False
        self._before: np.ndarray | None = None
        self.is_active = False
        self._scroll = QTimer(self, interval=SCROLL_MS)
        self._scroll.timeout.connect(self._scroll_on)

    def press(self, point: QPoint, *, keep: bool) -> None:
        """The button went down; `keep` adds to the selection there is."""
        self._from = point + QPoint(0, self._scrolled)
        self._keep = keep

    def move(self, point: QPoint) -> None:
        """The mouse moved with the button down."""
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
        """The button came up."""
        self._from = None
        self._before = None
        self._scroll.stop()
        if self.is_active:
            self.is_active = False
            self._gallery.viewport().update()
            self._gallery.turn_to_selection()

    def paint(self, painter: QPainter, scrolled: int) -> None:
        """Draw the rectangle, if there is one."""
        if not self.is_active:
            return
        painter.setPen(QPen(theme.color("accent"), 1))
        painter.setBrush(theme.color("accent", 0.12))
        painter.drawRect(self._band().translated(0, -scrolled))
        painter.setBrush(Qt.BrushStyle.NoBrush)

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
