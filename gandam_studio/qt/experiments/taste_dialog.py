"""The blind taste test: samples of two runs side by side, picked by the left and right keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QShortcut
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.tastes import Taste
from gandam_studio.core.experiments.tasting import Pictures
from gandam_studio.qt import theme
from gandam_studio.qt.failures import explain
from gandam_studio.qt.following.pictures import to_image
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.fitting import resize_within_screen
from gandam_studio.qt.widgets.outside_text import wrapped
from gandam_studio.qt.widgets.sprite_painting import draw_checkerboard, fitted_scale

GAP = 6


class TasteSide(QWidget):
    """Up to four pictures in a square.

    Signals:
        picked: it was clicked.
    """

    picked = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images: list[QImage] = []
        self.setMinimumSize(200, 200)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(name)

    def show_pictures(self, pictures: Sequence[np.ndarray[Any, Any]]) -> None:
        """Show these, uint8 (H, W, 3 or 4)."""
        self._images = [to_image(one) for one in pictures]
        self.update()

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Paint the pictures in a square."""
        side = min(self.width(), self.height()) - 2
        left, top = (self.width() - side) / 2, (self.height() - side) / 2
        columns = 1 if len(self._images) == 1 else 2
        cell = (side - GAP * (columns + 1)) / columns
        ratio = self.devicePixelRatioF()
        for number, image in enumerate(self._images):
            row, column = divmod(number, columns)
            x, y = left + GAP + column * (cell + GAP), top + GAP + row * (cell + GAP)
            room = QSize(int(cell * ratio), int(cell * ratio))
            scale = fitted_scale(image.size(), room) / ratio
            width, height = image.width() * scale, image.height() * scale
            area = QRectF(x + (cell - width) / 2, y + (cell - height) / 2, width, height)
            draw_checkerboard(painter, area)
            painter.drawImage(area, image)
        painter.setPen(QPen(theme.colors()["border"]))
        painter.drawRoundedRect(QRectF(left, top, side, side), 6, 6)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click picks this side."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.picked.emit()


class TasteDialog(QDialog):
    """Left and right pick, Backspace takes back. The leader is not shown before a verdict, unless it is asked for.

    Attributes:
        taste: the test, saved after every pick.

    Signals:
        round_needed: the pictures of this round are to be drawn and given to `take_round`.
    """

    round_needed = Signal(int)

    def __init__(
        self, taste: Taste, pictures: Pictures, parent: QWidget | None = None, names: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(parent)
        self.taste = taste
        self._names = names or {}
        self._rounds = {taste.round: pictures}
        self._asked: int | None = None
        self._revealed = False
        self.setWindowTitle(self.tr("Blind taste test"))
        self.question = QLabel(self.tr("Which side is better? Press ← or →, or click. Backspace takes back."))
        self.question.setProperty("role", "title")
        self.left, self.right = TasteSide(self.tr("Left side")), TasteSide(self.tr("Right side"))
        self.left.picked.connect(lambda: self.pick(True))
        self.right.picked.connect(lambda: self.pick(False))
        self.told = QLabel(wordWrap=True)
        self.told.setProperty("role", "secondary")
        self.reveal_button = QPushButton(self.tr("Show the verdict so far"))
        self.reveal_button.setAutoDefault(False)
        self.reveal_button.clicked.connect(lambda _checked=False: self.reveal())
        self.close_button = QPushButton(self.tr("Close"))
        self.close_button.setAutoDefault(False)
        self.close_button.clicked.connect(lambda _checked=False: self.accept())
        for button in (self.reveal_button, self.close_button):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        sides = QHBoxLayout()
        sides.setSpacing(2 * theme.SPACE)
        sides.addWidget(self.left, 1)
        sides.addWidget(self.right, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.told, 1)
        buttons.addWidget(self.reveal_button)
        buttons.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(self.question)
        layout.addLayout(sides, 1)
        layout.addLayout(buttons)
        for key, slot in (
            (Qt.Key.Key_Left, lambda: self.pick(True)), (Qt.Key.Key_Right, lambda: self.pick(False)),
            (Qt.Key.Key_Backspace, self.take_back),
        ):  # fmt: skip
            # Shortcuts, since arrows would walk among the buttons; a key that is held down picks once.
            shortcut = QShortcut(key, self)
            shortcut.setAutoRepeat(False)
            shortcut.activated.connect(slot)
        resize_within_screen(self, 900, 560)
        self._show_pair()

    @property
    def is_waiting(self) -> bool:
        """Whether the samples of the next pair are still being drawn, so that nothing can be picked."""
        return self.taste.round not in self._rounds

    def take_round(self, number: int, pictures: Pictures) -> None:
        """The pictures that were asked for."""
        self._rounds = {number: pictures}  # Earlier ones are drawn again if the user takes back that many picks.
        self._asked = None
        self._show_pair()

    def lose_round(self, reason: str) -> None:
        """Say why the pictures could not be drawn; a key or a click tries again."""
        self._asked = None
        self.told.setText(wrapped(reason, 400))

    def _ask_round(self) -> None:
        for panel in (self.left, self.right):
            panel.show_pictures([])
        self.told.setText(self.tr("Every sample is shown once: drawing new ones…"))
        if self._asked != self.taste.round:
            self._asked = self.taste.round
            self.round_needed.emit(self.taste.round)

    def _show_pair(self) -> None:
        if self.is_waiting:
            self._ask_round()
            return
        pair, pictures = self.taste.pair(len(self.taste.left_picked)), self._rounds[self.taste.round]
        for panel, (source, numbers) in ((self.left, pair.left), (self.right, pair.right)):
            panel.show_pictures([pictures[source][number] for number in numbers])
        now = self.taste.standing
        if self._revealed or now.verdict != "undecided" or self.taste.is_attentive is False:
            text = self.taste.told(self._names)
        else:
            text = self.tr("{0} picks. Stop whenever you like: the verdict stays right.").format(
                len(self.taste.left_picked)
            )
        self.told.setText(wrapped(text, 400))

    def pick(self, left: bool) -> None:
        """Note a pick and show the next pair; nothing, while that is being drawn."""
        if self.is_waiting:
            self._show_pair()
            return
        self._do(lambda: self.taste.pick(left))

    def take_back(self) -> None:
        """Take the newest pick back."""
        self._do(self.taste.take_back)

    def reveal(self) -> None:
        """Tell how it stands."""
        self._revealed = True
        if self.is_waiting:
            self.told.setText(wrapped(self.taste.told(self._names), 400))
        else:
            self._show_pair()

    def _do(self, what: Any) -> None:
        try:
            what()
        except UserError as error:
            self.told.setText(wrapped(explain(error), 400))
            return
        self._revealed = False
        self._show_pair()
