"""The line below the gallery: how many sprites are shown and selected, and which digit stands for which reason."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from gandam_studio.core.workspace.review import DIGITS
from gandam_studio.qt import theme
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.widgets.outside_text import tip
from trainer.protocol.untrusted import shortened


class Footer(QFrame):
    """Attributes:
    counts: the label with the numbers. reasons: the label with the digits.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.counts = QLabel()
        self.counts.setProperty("role", "secondary")
        self.counts.setAccessibleName(self.tr("Sprites shown and selected"))
        self.reasons = QLabel()
        self.reasons.setProperty("role", "secondary")
        self.reasons.setTextFormat(Qt.TextFormat.PlainText)
        self.reasons.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.reasons.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._reasons = ""
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 2, 12, 3)
        layout.setSpacing(2 * theme.SPACE)
        layout.addWidget(self.counts)
        layout.addWidget(self.reasons, 1)

    def show_counts(self, shown: int, total: int, selected: int) -> None:
        """Show the numbers of sprites that the filter shows, of all, and of those selected."""
        if shown == total:
            text = sprites(total)
        else:
            text = self.tr("{0} of {1} shown").format(f"{shown:,}", sprites(total))
        text += " · " + self.tr("{0:,} selected").format(selected)
        if text != self.counts.text():
            self.counts.setText(text)

    def show_reasons(self, reasons: Sequence[str]) -> None:
        """Show the digit of each reason."""
        some = [f"{number} = {shortened(reason, 24)}" for number, reason in enumerate(reasons[:DIGITS], 1)]
        self._reasons = self.tr("Drop with a digit:  {0}").format("   ".join(some)) if some else ""
        self.reasons.setToolTip(tip(self._reasons))
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut the reasons to the width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        metrics = self.reasons.fontMetrics()
        self.reasons.setText(
            metrics.elidedText(self._reasons, Qt.TextElideMode.ElideRight, max(0, self.reasons.width() - 2))
        )
