"""A plot's legend with the values at the cursor; painted, since a label would trigger a new layout at every move."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_event

LINE_PX = 14
GAP_PX = 10
SMALLEST = 0.66
"""Smallest scale to which the legend shrinks to fit."""
DASHES = {"solid": Qt.PenStyle.SolidLine, "dash": Qt.PenStyle.DashLine, "dot": Qt.PenStyle.DotLine}


@dataclass(frozen=True)
class Entry:
    """A line's label, theme token, dash ("solid", "dash" or "dot") and value as text."""

    label: str
    color: str
    dash: str
    value: str


class Legend(QWidget):
    """One row of entries, scaled down to fit; entries that still do not fit are cut off."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []
        self._measured: tuple[QFont, QFontMetricsF, QFontMetricsF] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Height of one line of text."""
        return QSize(60, self.fontMetrics().height())

    def show_entries(self, entries: list[Entry]) -> bool:
        """Set the entries and repaint if they differ; returns whether they do."""
        if entries == self.entries:
            return False
        self.entries = entries
        self.update()
        return True

    def _measures(self) -> tuple[QFont, QFontMetricsF, QFontMetricsF]:
        """The bold font, and the metrics of plain and bold text; cached per font."""
        if self._measured is None:
            bold = QFont(self.font())
            bold.setBold(True)
            self._measured = bold, QFontMetricsF(self.font()), QFontMetricsF(bold)
        return self._measured

    def changeEvent(self, event: QEvent) -> None:
        """Measure again for another font."""
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._measured = None
        super().changeEvent(event)

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Paint a line sample, label and value per entry."""
        bold, plain_width, bold_width = self._measures()
        widths = [
            (
                plain_width.horizontalAdvance(entry.label) + (5 if entry.label else 0),
                bold_width.horizontalAdvance(entry.value),
            )
            for entry in self.entries
        ]
        texts = sum(label + value for label, value in widths)
        line, gap = LINE_PX, GAP_PX
        wanted = texts + len(widths) * (line + 5 + gap) - gap
        if SMALLEST * wanted > self.width():
            # Too wide even at the smallest scale: use shorter lines and gaps.
            line, gap = LINE_PX // 2, GAP_PX // 2
            wanted = texts + len(widths) * (line + 5 + gap) - gap
        if wanted > self.width():
            share = max(SMALLEST, self.width() / wanted)
            # Keep the smaller text vertically centred.
            painter.translate(0, self.height() * (1 - share) / 2)
            painter.scale(share, share)
        x, base, middle = 0.0, self.fontMetrics().ascent(), self.height() / 2
        for entry, (label, value) in zip(self.entries, widths, strict=True):
            painter.setPen(QPen(theme.color(entry.color), 2, DASHES[entry.dash]))
            painter.drawLine(QPointF(x, middle), QPointF(x + line, middle))
            x += line + 5
            painter.setPen(theme.color("text"))
            painter.setFont(self.font())
            painter.drawText(QPointF(x, base), entry.label)
            x += label
            painter.setFont(bold)
            painter.drawText(QPointF(x, base), entry.value)
            x += value + gap
