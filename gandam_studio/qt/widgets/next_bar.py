"""A slim bar that offers the next stage of the work; it can be dismissed."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from gandam_studio.qt import icons, theme


class NextBar(QFrame):
    """Hidden while there is nothing to offer.

    Attributes:
        text: what was reached. go_button: does what is offered. dismiss_button: hides the bar.

    Signals:
        accepted: the offer was taken.
        dismissed: the bar was dismissed.
    """

    accepted = Signal()
    dismissed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "next")
        sign = QLabel()
        icons.set_pixmap(sign, "chevron-right", QSize(16, 16), "accent")
        self.text = QLabel(wordWrap=True)
        self.go_button = QPushButton(self.tr("Continue"))
        self.go_button.clicked.connect(lambda _checked=False: self._accept())
        self.dismiss_button = QToolButton()
        icons.set_icon(self.dismiss_button, "close", "secondary", 14)
        self.dismiss_button.setToolTip(self.tr("Dismiss"))
        self.dismiss_button.setAccessibleName(self.tr("Dismiss this suggestion"))
        self.dismiss_button.clicked.connect(lambda _checked=False: self._dismiss())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, theme.HALF, theme.SPACE, theme.HALF)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(sign)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.go_button)
        layout.addWidget(self.dismiss_button)
        self.hide()

    def offer(self, text: str, button: str) -> None:
        """Show what was reached, and a button for what comes next."""
        self.text.setText(text)
        self.go_button.setText(button)
        self.show()

    def _accept(self) -> None:
        self.hide()
        self.accepted.emit()

    def _dismiss(self) -> None:
        self.hide()
        self.dismissed.emit()
