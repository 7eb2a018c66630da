"""Cards above the grids for a failed, interrupted or missing run: cause, what is safe, one action."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from gandam_studio.qt import icons, theme
from gandam_studio.qt.following.texts import Failure
from gandam_studio.qt.widgets.fitting import WrappingBar
from gandam_studio.qt.widgets.outside_text import wrapped


class FailureCard(WrappingBar):
    """An icon, a headline, two sentences and a button.

    Signals:
        action_chosen: the button was pressed (the action's name).
    """

    action_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self._icon = QLabel()
        self._action = ""
        self.headline = QLabel()
        self.headline.setProperty("role", "title")
        self.cause = QLabel(wordWrap=True)
        self.safe = QLabel(wordWrap=True)
        self.safe.setProperty("role", "secondary")
        for label in (self.headline, self.cause, self.safe):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.button = QPushButton()
        self.button.setProperty("role", "primary")
        self.button.clicked.connect(lambda _checked=False: self.action_chosen.emit(self._action))
        words = QVBoxLayout()
        words.setSpacing(2)
        for label in (self.headline, self.cause, self.safe):
            words.addWidget(label)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 10)
        layout.setSpacing(2 * theme.SPACE)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words, 1)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    def show_failure(self, headline: str, failure: Failure, *, severe: bool) -> None:
        """Show a failure."""
        icon, color = ("error", "dropped") if severe else ("warning", "warning")
        icons.set_pixmap(self._icon, icon, QSize(22, 22), color)
        self.headline.setText(wrapped(headline))
        self.cause.setText(wrapped(failure.cause))
        self.safe.setText(wrapped(failure.safe))
        self._action = failure.action
        self.button.setText(failure.action_label)
        self.button.setVisible(bool(failure.action))
        self.setAccessibleName(f"{headline}. {failure.cause} {failure.safe}")
        self.show()
