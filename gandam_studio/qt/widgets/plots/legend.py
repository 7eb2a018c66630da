"""A plot's legend with the values at the cursor; painted, for a label would lay out the window at every move."""

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
"""The legend shrinks by no more than this to fit."""
DASHES = {"solid": Qt.PenStyle.SolidLine, "dash": Qt.PenStyle.DashLine, "dot": Qt.PenStyle.DotLine}


@dataclass(frozen=True)
class Entry:
    """A line's label, theme token, pen style's dash ("solid", "dash", "dot") and value as text."""

    label: str
    color: str
    dash: str
    value: str


class Legend(QWidget):
    """One row of entries, smaller where it would not fit; what does not fit even then is cut off at the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []
        self._measured: tuple[QFont, QFontMetricsF, QFontMetricsF] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """One line of text."""
        return QSize(60, self.fontMetrics().height())

    def show_entries(self, entries: list[Entry]) -> bool:
        """Show these; repaints only when something differs, and says whether it does."""
        if entries == self.entries:
            return False
        self.entries = entries
        self.update()
        return True

    def _measures(self) -> tuple[QFont, QFontMetricsF, QFontMetricsF]:
        """The bold font, and what measures plain and bold texts; made once a font."""
        if self._measured is None:
            bold = QFont(self.font())
            bold.setBold(True)
            self._measured = bold, QFontMetricsF(self.font()), QFontMetricsF(bold)
        return self._measured

    def changeEvent(self, event: QEvent) -> None:
        """Another font has other widths."""
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._measured = None
        super().changeEvent(event)

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """A piece of line, its label, its value."""
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
            # Even at its smallest it would not fit: less line and less room between.
            line, gap = LINE_PX // 2, GAP_PX // 2
            wanted = texts + len(widths) * (line + 5 + gap) - gap
        if wanted > self.width():
            share = max(SMALLEST, self.width() / wanted)
            # Centred on the line, or the smaller text would hang from its top.
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
