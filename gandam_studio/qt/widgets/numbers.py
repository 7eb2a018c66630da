"""Number fields that read what people type: point and comma both mean decimals, and neither ever groups digits.

Qt's own fields go by the system's language: in German "1.5" typed into them is 15.
"""

from __future__ import annotations

from PySide6.QtCore import QLocale
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox, QWidget

_POINTS = ".,\u066b"  # the last is Arabic's
Answer = tuple[QValidator.State, str, int]


def with_point(text: str) -> str:
    """A number as typed, with a decimal point; what has several separators is left as it is, which is no number."""
    return (
        text
        if sum(text.count(point) for point in _POINTS) != 1
        else text.translate(dict.fromkeys(map(ord, _POINTS), "."))
    )


def _plain_locale() -> QLocale:
    locale = QLocale()
    locale.setNumberOptions(QLocale.NumberOption.OmitGroupSeparator | QLocale.NumberOption.RejectGroupSeparator)
    return locale


class DecimalBox(QDoubleSpinBox):
    """A field for a number with decimals, shown as the person's language writes it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setLocale(_plain_locale())

    def validate(self, text: str, position: int) -> Answer:
        """See QAbstractSpinBox: either separator becomes the language's own while it is typed."""
        answer: Answer = super().validate(self._own(text), position)
        return answer

    def valueFromText(self, text: str) -> float:
        """See QDoubleSpinBox."""
        return super().valueFromText(self._own(text))

    def _own(self, text: str) -> str:
        return text.translate(dict.fromkeys(map(ord, _POINTS), self.locale().decimalPoint()))


class WholeBox(QSpinBox):
    """A field for a whole number. A separator in it is waited for to be taken away: what it meant is not guessed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setLocale(_plain_locale())

    def validate(self, text: str, position: int) -> Answer:
        """See QAbstractSpinBox. A separator dropped at once would make 15 of "1.5"."""
        number = text.removeprefix(self.prefix()).removesuffix(self.suffix())
        if any(point in number for point in _POINTS):
            return QValidator.State.Intermediate, text, position
        answer: Answer = super().validate(text, position)
        return answer

    def fixup(self, text: str) -> str:
        """See QAbstractSpinBox: Qt's own takes group separators out; the number before comes back instead."""
        return text
