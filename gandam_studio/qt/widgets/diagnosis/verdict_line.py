"""One line below a run's state: the verdict at the cursor, of which iteration it is, and Evaluate."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from gandam_studio.core.runs.diagnoses import Finding
from gandam_studio.qt import icons, theme
from gandam_studio.qt.widgets.diagnosis.cards import SIGN, SIGNS
from gandam_studio.qt.widgets.outside_text import OutsideLabel
from trainer.protocol.diagnosis_cards import summary


class VerdictLine(QWidget):
    """Attributes:
    title: the verdict. moment: its iteration. reason: why, elided. why_button, evaluate_button: see the signals.

    Signals:
        details_wanted: the cards are wanted. evaluation_wanted: the run is to be evaluated.
    """

    details_wanted = Signal()
    evaluation_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sign = QLabel()
        self._sign.setFixedSize(SIGN)
        self.title = OutsideLabel()
        self.title.setProperty("role", "title")
        self.title.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        self.moment = QLabel()
        self.moment.setProperty("role", "secondary")
        self.reason = OutsideLabel(elide=Qt.TextElideMode.ElideRight)
        self.reason.setProperty("role", "secondary")
        self.reason.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.why_button = self._button("info", self.tr("Why?"))
        self.why_button.setToolTip(self.tr("Show variety, copying, quality and drift of this moment"))
        self.why_button.clicked.connect(lambda _checked=False: self.details_wanted.emit())
        self.evaluate_button = self._button("search", self.tr("Evaluate…"))
        self.evaluate_button.clicked.connect(lambda _checked=False: self.evaluation_wanted.emit())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(self._sign)
        layout.addWidget(self.title)
        layout.addWidget(self.moment)
        layout.addWidget(self.reason, 1)
        layout.addWidget(self.why_button)
        layout.addWidget(self.evaluate_button)

    @staticmethod
    def _button(icon: str, text: str) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("role", "quiet")
        icons.set_icon(button, icon, "text", 16)
        return button

    def show_finding(self, finding: Finding) -> None:
        """Show the verdict of a moment."""
        when = self.tr("at iteration {0:,}").format(finding.iteration)
        if finding.diagnosis is None:
            self.show_note(self.tr("The diagnosis cannot be read"), when)
            return
        card = summary(finding.diagnosis)
        self._show(SIGNS.get(card.tone, SIGNS["neutral"]), card.title, when, card.meaning)

    def show_note(self, text: str, when: str = "") -> None:
        """Say why there is no verdict."""
        self._show(("help", "secondary"), text, when, "")

    def _show(self, sign: tuple[str, str], title: str, when: str, reason: str) -> None:
        icons.set_pixmap(self._sign, sign[0], SIGN, sign[1])
        self.title.setText(title)
        self.moment.setText(when)
        self.moment.setVisible(bool(when))
        self.reason.setText(reason)
        self.why_button.setVisible(bool(reason))
        self.setAccessibleName(" ".join(filter(None, (title, when, reason))))
