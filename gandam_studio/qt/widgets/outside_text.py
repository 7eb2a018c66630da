"""Display of text from data (names, messages, reasons, tags, paths): plain, bounded, never widening the window."""

from __future__ import annotations

import re

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from trainer.protocol.untrusted import one_line, shortened

LONGEST = 600
LONGEST_WORD = 64
WIDEST = 480
NARROWEST = 48
TIP_LINES, TIP_LINE = 40, 200


def wrapped(text: str, longest: int = LONGEST, word: int = LONGEST_WORD) -> str:
    """`text` for a wrapped label: at most `longest` characters, with break points in long words."""
    return re.sub(rf"(\S{{{word}}})(?=\S)", "\\1\u200b", shortened(text, longest))


def tip(text: str) -> str:
    """`text` for a tool tip: shown literally even if it looks like HTML, in a limited number of lines."""
    lines = [shortened(line, TIP_LINE) for line in text.splitlines()[:TIP_LINES]]
    plain = "\n".join(lines)
    if "<" not in plain:
        return plain
    import html  # not needed to open the window

    return "<br>".join(map(html.escape, lines))


class OutsideLabel(QLabel):
    """One line of text, such as from data, elided if too long; the tool tip then shows all of it, above its own."""

    def __init__(
        self, text: str = "", parent: QWidget | None = None, elide: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle
    ) -> None:
        super().__init__(parent)
        self._whole = self._tip = ""
        self._elide = elide
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setText(text)

    def text(self) -> str:
        """The full text, including elided parts."""
        return self._whole

    def setText(self, text: str) -> None:
        """Set the text."""
        whole = one_line(text[: 10 * LONGEST])
        if whole == self._whole:
            return
        self._whole = whole
        self.updateGeometry()
        self._show()

    def clear(self) -> None:
        """Show no text."""
        self.setText("")

    def sizeHint(self) -> QSize:
        """Size of the text, within bounds."""
        needed = self.fontMetrics().horizontalAdvance(self._whole[:LONGEST]) + 2
        return QSize(min(needed, WIDEST), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Size of a few letters."""
        return QSize(min(self.sizeHint().width(), NARROWEST), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Elide again for the new width."""
        super().resizeEvent(event)
        self._show()

    def _show(self) -> None:
        room = max(self.contentsRect().width(), NARROWEST)
        shown = self.fontMetrics().elidedText(self._whole[:LONGEST], self._elide, room)
        if shown != super().text():
            super().setText(shown)
        self._show_tip(shown != self._whole)

    def setToolTip(self, text: str) -> None:
        """Set what the tool tip says besides."""
        self._tip = text
        self._show_tip(super().text() != self._whole)

    def _show_tip(self, elided: bool) -> None:
        whole = tip(self._whole)
        lines = [whole] if elided and not self._tip.startswith(whole) else []
        super().setToolTip("\n".join([*lines, *([self._tip] if self._tip else [])]))
