"""The verdict and four cards of a diagnosis: what it means, what to do, and the numbers in tool tips."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from gandam_studio.core.runs.diagnoses import GROUP, NEAREST, Finding
from gandam_studio.core.runs.diagnosis_numbers import numbers_of
from gandam_studio.qt import icons, theme
from gandam_studio.qt.widgets.outside_text import tip, wrapped
from trainer.protocol.diagnosis_cards import Card, cards, summary

SIGNS = {"good": ("success", "kept"), "bad": ("error", "dropped"), "neutral": ("info", "info")}
"""Tone of a card -> icon and colour."""
SIGN = QSize(18, 18)


class FindingCard(QFrame):
    """A finding: its subject, a sign, what was found, what it means and what to do.

    Attributes:
        sign: shows the tone. title, meaning, advice: the words. button: shows the pictures.

    Signals:
        pressed: the card or its button was clicked; only where there is a button.
    """

    pressed = Signal()

    def __init__(self, subject: str, button: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self._subject = subject
        self.sign = QLabel()
        self.sign.setFixedSize(SIGN)
        about = QLabel(subject)
        about.setProperty("role", "section")
        self.title = QLabel(wordWrap=True)
        self.title.setProperty("role", "title")
        self.meaning = QLabel(wordWrap=True)
        self.advice = QLabel(wordWrap=True)
        self.advice.setProperty("role", "secondary")
        for label in (self.title, self.meaning, self.advice):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.button = QPushButton(button)
        self.button.setProperty("role", "quiet")
        self.button.setAccessibleName(f"{subject}: {button}")
        self.button.clicked.connect(lambda _checked=False: self.pressed.emit())
        self.button.hide()
        about.setMinimumHeight(self.button.sizeHint().height())  # Titles of cards side by side stand at one height.
        header = QHBoxLayout()
        header.setSpacing(theme.HALF + 2)
        header.addWidget(self.sign)
        header.addWidget(about, 1)
        header.addWidget(self.button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, theme.HALF + 2, theme.HALF + 2, theme.SPACE)
        layout.setSpacing(theme.HALF)
        layout.addLayout(header)
        for label in (self.title, self.meaning, self.advice):
            layout.addWidget(label)
        layout.addStretch(1)

    def show_card(self, card: Card, numbers: str, *, has_pictures: bool) -> None:
        """Show a finding; `numbers` are its details."""
        icons.set_pixmap(self.sign, *_signed(card))
        self.title.setText(wrapped(card.title))
        self.meaning.setText(wrapped(card.meaning))
        self.advice.setText(wrapped(card.advice))
        self.advice.setVisible(bool(card.advice))
        self.button.setVisible(has_pictures)
        self.setToolTip(tip(numbers))
        tone = {"good": self.tr("Good"), "bad": self.tr("Bad")}.get(card.tone, self.tr("To know"))
        self.setAccessibleName(f"{self._subject}: {tone}. {card.title}. {card.meaning} {card.advice}")
        self.setAccessibleDescription(numbers)
        pointing = Qt.CursorShape.PointingHandCursor if has_pictures else Qt.CursorShape.ArrowCursor
        self.setCursor(pointing)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click anywhere on the card presses its button."""
        inside = self.rect().contains(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and inside and not self.button.isHidden():
            self.pressed.emit()


class DiagnosisCards(QWidget):
    """The verdict with its reason and advice, and the cards Variety, Copying, Quality and Drift below it.

    Attributes:
        title, meaning, advice: of the verdict. cards: name -> card. note: what is said while there is no diagnosis.

    Signals:
        pictures_wanted: the pictures behind Copying ("nearest") or Variety ("group").
        spike_wanted: the pictures around a spike.
    """

    pictures_wanted = Signal(str)
    spike_wanted = Signal()

    def __init__(self, parent: QWidget | None = None, *, with_drift: bool = True) -> None:
        """`with_drift`: whether there can be earlier samples to compare with; a single moment has none."""
        super().__init__(parent)
        self._sign = QLabel()
        self._sign.setFixedSize(SIGN)
        self.title = QLabel(wordWrap=True)
        self.title.setProperty("role", "title")
        self.meaning = QLabel(wordWrap=True)
        self.advice = QLabel(wordWrap=True)
        self.advice.setProperty("role", "secondary")
        self.note = QLabel(wordWrap=True)
        self.note.setProperty("role", "secondary")
        self.note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for label in (self.title, self.meaning, self.advice, self.note):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.cards = {
            "variety": FindingCard(self.tr("VARIETY"), self.tr("Show look-alikes")),
            "copying": FindingCard(self.tr("COPYING"), self.tr("Show pictures")),
            "quality": FindingCard(self.tr("QUALITY, TRAIN LONGER?")),
        }
        if with_drift:
            self.cards["drift"] = FindingCard(self.tr("DRIFT AND JUMPS"), self.tr("Show a jump"))
            self.cards["drift"].pressed.connect(self.spike_wanted)
        self.cards["variety"].pressed.connect(lambda: self.pictures_wanted.emit(GROUP))
        self.cards["copying"].pressed.connect(lambda: self.pictures_wanted.emit(NEAREST))
        self._found = QWidget()
        self._columns = 0
        self._lay_out()
        self.show_note("")

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(2)
        for label in (self.title, self.meaning, self.advice):
            words.addWidget(label)
        verdict = QHBoxLayout()
        verdict.setSpacing(theme.SPACE)
        verdict.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        verdict.addLayout(words, 1)
        self._grid = QGridLayout()
        self._grid.setSpacing(theme.SPACE)
        found = QVBoxLayout(self._found)
        found.setContentsMargins(0, 0, 0, 0)
        found.setSpacing(theme.SPACE)
        found.addLayout(verdict)
        found.addLayout(self._grid)
        found.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, theme.HALF, 0, 0)
        layout.addWidget(self._found, 1)
        layout.addWidget(self.note, 1)
        self._arrange(len(self.cards))

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for position, card in enumerate(self.cards.values()):
            self._grid.addWidget(card, position // columns, position % columns)
        for column in range(len(self.cards)):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)

    def minimumSizeHint(self) -> QSize:
        """As wide as one card: cards that have no room beside each other stand below each other."""
        return QSize(self._widest(), super().minimumSizeHint().height())

    def _widest(self) -> int:
        """The least width that every card can have."""
        return max(card.minimumSizeHint().width() for card in self.cards.values())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Rearrange the cards for the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Put all cards into a row, or two, or one."""
        room, needed = self.width() + theme.SPACE, self._widest() + theme.SPACE
        self._arrange(next((n for n in (len(self.cards), 2) if room >= n * needed), 1))

    def show_note(self, text: str) -> None:
        """Say why there is no diagnosis, instead of one."""
        self.note.setText(wrapped(text))
        self.note.show()
        self._found.hide()

    def show_finding(self, finding: Finding, *, where: str, spikes: str = "") -> None:
        """Show a diagnosis.

        where: its moment, beside the verdict's title; "" leaves both out, where they are seen elsewhere.
        spikes: what the card of drift says of them.
        """
        found = finding.diagnosis
        if found is None:
            self.show_note(self.tr("The diagnosis cannot be read: its values are damaged."))
            return
        verdict = summary(found)
        icons.set_pixmap(self._sign, *_signed(verdict))
        self.title.setText(wrapped(f"{verdict.title} · {where}"))
        self.title.setVisible(bool(where))
        # Without its title there is little room: one paragraph.
        self.meaning.setText(wrapped(verdict.meaning if where else f"{verdict.meaning} {verdict.advice}".strip()))
        self.advice.setText(wrapped(verdict.advice))
        self.advice.setVisible(bool(verdict.advice and where))
        numbers = numbers_of(found)
        shown = cards(found)
        if spikes:
            shown["drift"] = replace(shown["drift"], advice=f"{shown['drift'].advice} {spikes}".strip())
        has = {
            "variety": GROUP in finding.pictures and found.has_look_alikes,
            "copying": NEAREST in finding.pictures,
            "drift": bool(spikes),
        }
        for name, card in self.cards.items():
            card.show_card(shown[name], numbers[name], has_pictures=has.get(name, False))
        self.note.hide()
        self._found.show()
        self._fit()  # Buttons that came or went change the cards' widths.


def _signed(card: Card) -> tuple[str, QSize, str]:
    name, color = SIGNS.get(card.tone, SIGNS["neutral"])
    return name, SIGN, color
