"""A frame shown over a widget while files are dragged over it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_event

INSET = 8  # logical pixels


class DropFrame(QWidget):
    """Covers its parent, lets the mouse through, and is hidden until `show_over`."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_over(self) -> None:
        """Show the frame, as large as the parent is now."""
        parent = self.parentWidget()
        assert parent is not None
        self.setGeometry(parent.rect())
        self.raise_()
        self.show()

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Draw a dashed frame over a light tint."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(theme.color("accent", 0.06))
        painter.setPen(QPen(theme.color("accent"), 2, Qt.PenStyle.DashLine))
        area = QRectF(self.rect()).adjusted(INSET, INSET, -INSET, -INSET)
        painter.drawRoundedRect(area, theme.RADIUS, theme.RADIUS)
