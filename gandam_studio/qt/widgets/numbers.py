"""Number fields that accept both point and comma as the decimal separator, and never as a group separator.

Qt's own fields follow the system's locale: in German they read "1.5" as 15.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QLocale
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox, QWidget

_POINTS = ".,\u066b"  # the last one is Arabic
Answer = tuple[QValidator.State, str, int]


def with_point(text: str) -> str:
    """Replace the decimal separator with a point; text with several separators is invalid and left unchanged."""
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
    """A field for a decimal number, shown in the user's locale."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setLocale(_plain_locale())

    def validate(self, text: str, position: int) -> Answer:
        """Replace either separator with the locale's own while typing."""
        answer: Answer = super().validate(self._own(text), position)
        return answer

    def valueFromText(self, text: str) -> float:
        """Parse either separator."""
        return super().valueFromText(self._own(text))

    def _own(self, text: str) -> str:
        return text.translate(dict.fromkeys(map(ord, _POINTS), self.locale().decimalPoint()))


class WholeBox(QSpinBox):
    """A field for a whole number. Text with a separator is incomplete until the user removes it.

    `properties` are Qt's, such as `minimum` and `value`.
    """

    def __init__(self, parent: QWidget | None = None, **properties: Any) -> None:
        super().__init__(parent, **properties)
        self.setLocale(_plain_locale())

    def validate(self, text: str, position: int) -> Answer:
        """Accept separators as incomplete input: removing them would turn "1.5" into 15."""
        number = text.removeprefix(self.prefix()).removesuffix(self.suffix())
        if any(point in number for point in _POINTS):
            return QValidator.State.Intermediate, text, position
        answer: Answer = super().validate(text, position)
        return answer

    def fixup(self, text: str) -> str:
        """Restore the previous number; Qt's own version would remove group separators."""
        return text
