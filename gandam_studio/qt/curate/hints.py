"""Hints for new users, shown one at a time until dismissed."""

from __future__ import annotations

from PySide6.QtCore import QSettings, QSize
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from gandam_studio.qt import icons, theme

_KEY = "curate/hints_dismissed"


class HintBar(QFrame):
    """Hides itself once every hint has been dismissed.

    With `read_only` it only says what still works then.
    """

    def __init__(self, parent: QWidget | None = None, *, read_only: bool = False) -> None:
        super().__init__(parent)
        self.setProperty("role", "hint")
        self._key = f"{_KEY}_read_only" if read_only else _KEY
        self._hints = (
            (self.tr("Space opens the large view. Ctrl+K finds commands, F1 lists keys."),)
            if read_only
            else self._all_hints()
        )
        sign = QLabel()
        icons.set_pixmap(sign, "keyboard", QSize(18, 18), "accent")
        self.text = QLabel(wordWrap=True)
        self.dismiss_button = QToolButton()
        self.dismiss_button.setText(self.tr("Got it"))
        self.dismiss_button.setAccessibleName(self.tr("Dismiss this hint"))
        self.dismiss_button.clicked.connect(self.dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, theme.HALF, theme.SPACE, theme.HALF)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(sign)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.dismiss_button)
        self._show()

    def _all_hints(self) -> tuple[str, ...]:
        return (
            self.tr("U keeps, X drops, F flips, Z undoes. A decision moves on to the next undecided sprite."),
            self.tr("L and R say which way a sprite faces. Shift+L flips all to face left, Shift+K keeps all shown."),
            self.tr("Space opens the large view, Shift+X drops with a reason. Ctrl+K finds commands, F1 lists keys."),
        )

    def dismiss(self) -> None:
        """Dismiss the current hint for good."""
        QSettings().setValue(self._key, self._dismissed() + 1)
        self._show()

    def reset(self) -> None:
        """Show all hints again."""
        QSettings().setValue(self._key, 0)
        self._show()

    def _dismissed(self) -> int:
        try:
            return int(str(QSettings().value(self._key, 0)))
        except ValueError:
            return 0

    def _show(self) -> None:
        number = self._dismissed()
        left = number < len(self._hints)
        if left:
            self.text.setText(self._hints[number])
        # Without a parent yet, showing it would open a window of its own; it is shown with its parent.
        if self.parentWidget() is not None or not left:
            self.setVisible(left)
