"""The colours of a palette as small squares."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QSize
from PySide6.QtGui import QAccessible, QColor, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_event

SIDE = 14


class Swatches(QWidget):
    """Colours in rows; hovering one shows its value.

    Attributes:
        colours: (red, green, blue) each.
    """

    accessible_role = QAccessible.Role.Graphic

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.colours: list[tuple[int, int, int]] = []
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(self.tr("Colours of the palette"))
        theme.notifier().changed.connect(self.update)

    def accessible_value(self) -> str:
        """How many colours there are."""
        return self.tr("{0} colours").format(len(self.colours))

    def set_colours(self, colours: Sequence[tuple[int, int, int]]) -> None:
        """Show these."""
        self.colours = list(colours)
        self.updateGeometry()
        self.update()

    def _columns(self, width: int) -> int:
        return max(1, width // SIDE)

    def heightForWidth(self, width: int) -> int:
        """As many rows as are needed."""
        return max(1, -(-len(self.colours) // self._columns(width))) * SIDE

    def sizeHint(self) -> QSize:
        """Sixteen in a row."""
        return QSize(16 * SIDE, self.heightForWidth(max(self.width(), 16 * SIDE)))

    def minimumSizeHint(self) -> QSize:
        """Room for all of them at the width that there is."""
        return QSize(8 * SIDE, self.heightForWidth(max(self.width(), 8 * SIDE)))

    def resizeEvent(self, event: object) -> None:
        """Another width may need other rows."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self.updateGeometry()

    def _cell(self, index: int) -> QRect:
        columns = self._columns(self.width())
        return QRect(index % columns * SIDE, index // columns * SIDE, SIDE, SIDE)

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Paint the squares."""
        painter.setPen(QPen(theme.color("border"), 1))
        for index, colour in enumerate(self.colours):
            cell = self._cell(index)
            painter.fillRect(cell, QColor(*colour))
            painter.drawRect(cell.adjusted(0, 0, -1, -1))

    def colour_at(self, point: QPoint) -> str:
        """The colour under a point as "#rrggbb", or ""."""
        for index, (red, green, blue) in enumerate(self.colours):
            if self._cell(index).contains(point):
                return f"#{red:02x}{green:02x}{blue:02x}"
        return ""

    def event(self, event: QEvent) -> bool:
        """Tell the colour under the pointer."""
        if isinstance(event, QHelpEvent):
            text = self.colour_at(event.pos())
            if text:
                QToolTip.showText(event.globalPos(), text, self)
                return True
        return super().event(event)
