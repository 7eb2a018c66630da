"""Files dropped on a widget, and a frame shown over it while they are dragged over it."""

from __future__ import annotations

from abc import abstractmethod

from PySide6.QtCore import QMimeData, QRectF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QPainter, QPaintEvent, QPen
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


class TakesDrops:
    """Mixed into a widget that accepts drops, before its Qt class.

    Attributes:
        drop_frame: shown while something that can be taken is over the widget.
    """

    drop_frame: DropFrame

    @abstractmethod
    def can_take(self, data: QMimeData) -> bool:
        """Whether the widget has a use for what is dragged."""

    @abstractmethod
    def take(self, data: QMimeData) -> bool:
        """Use what was dropped; False if it was of no use after all."""

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept what can be taken, and show the frame."""
        if self.can_take(event.mimeData()):
            event.acceptProposedAction()
            self.drop_frame.show_over()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Hide the frame."""
        self.drop_frame.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Take what was dropped."""
        self.drop_frame.hide()
        if self.take(event.mimeData()):
            event.acceptProposedAction()
