"""The chosen sample: its picture, what it is, and the real pictures nearest to it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs.drawing import Answer
from gandam_studio.core.runs.exploring import Pixels
from gandam_studio.qt import icons, theme
from gandam_studio.qt.explore.cells import Cell
from gandam_studio.qt.following.pictures import to_image
from gandam_studio.qt.widgets.diagnosis.sheet_dialog import GAP, SheetView
from gandam_studio.qt.widgets.outside_text import OutsideLabel
from gandam_studio.qt.widgets.picture_view import PictureView

SIDE = 128
NEAREST = 4
REAL_SIDE = 68
"""Logical side of a real picture, four of which fit side by side."""
SETTLED_MS = 250
"""How long a sample is chosen before its neighbours are looked for."""


class SamplePanel(QWidget):
    """Attributes:
    picture, name, about: the sample. keep_button, around_button, more_button: see the signals. warning: that it looks
        like a training picture. nearest: to be placed below; training, held_out: the pictures in it. nearest_picture:
        the training picture nearest to it, (H, W, C); None until it is known.

    Signals:
        keep_wanted, around_wanted, menu_wanted: buttons. nearest_wanted: a sample has been chosen for a while.
    """

    keep_wanted = Signal()
    around_wanted = Signal()
    menu_wanted = Signal()
    nearest_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cell: Cell | None = None
        self.nearest_picture: Pixels | None = None
        self.picture = PictureView(SIDE)
        self.picture.setAccessibleName(self.tr("The chosen sample"))
        self.name = OutsideLabel(elide=Qt.TextElideMode.ElideMiddle)
        self.name.setProperty("role", "title")
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.about = QLabel(wordWrap=True)
        self.about.setProperty("role", "secondary")
        self.keep_button = self._button("star", self.tr("Keep"), self.keep_wanted)
        self.around_button = self._button("sample", self.tr("Variations"), self.around_wanted)
        self.more_button = self._button("more", self.tr("More"), self.menu_wanted)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SPACE)
        for button in (self.keep_button, self.around_button, self.more_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        self.warning = QLabel(wordWrap=True)
        self.warning.setProperty("role", "error")
        words = QVBoxLayout()
        words.setSpacing(theme.HALF)
        words.addWidget(self.name)
        words.addWidget(self.about)
        words.addWidget(self.warning)
        words.addStretch(1)
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE + theme.HALF)
        top.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SPACE)
        layout.addLayout(top)
        layout.addLayout(buttons)
        self.nearest = QWidget()
        self._titles = [QLabel(self.tr("Nearest training pictures")), QLabel(self.tr("Nearest held-out pictures"))]
        self.training, self.held_out = SheetView(), SheetView()
        self.nearest_note = QLabel(wordWrap=True)
        self.nearest_note.setProperty("role", "secondary")
        column = QVBoxLayout(self.nearest)
        column.setContentsMargins(0, theme.HALF, 0, 0)
        column.setSpacing(theme.HALF)
        tip = self.tr("By the distance of the diagnosis, mirrored ones too. Below 1 two pictures look alike.")
        for title, view in zip(self._titles, (self.training, self.held_out), strict=True):
            title.setProperty("role", "section")
            title.setToolTip(tip)
            view.setAccessibleName(title.text())
            view.setToolTip(tip)
            view.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            column.addWidget(title)
            column.addWidget(view)
        column.addWidget(self.nearest_note)
        self._soon = QTimer(self, singleShot=True, interval=SETTLED_MS)
        self._soon.timeout.connect(self.nearest_wanted.emit)
        self.show_cell(None)

    def _button(self, icon: str, text: str, signal: Any) -> QPushButton:
        button = QPushButton(text)
        icons.set_icon(button, icon, "text", 16)
        button.clicked.connect(lambda _checked=False: signal.emit())
        return button

    def show_cell(self, cell: Cell | None, about: str = "") -> None:
        """Show another sample, or none."""
        self.cell = cell
        self.picture.show_image(QImage() if cell is None else cell.image())
        self.name.setText(cell.name if cell is not None else "")
        self.about.setText(about)
        for button in (self.keep_button, self.around_button, self.more_button):
            button.setEnabled(cell is not None)
        self._soon.start()
        if cell is None:
            self._soon.stop()
            self.show_nearest(None, "")

    def show_kept(self, kept: bool) -> None:
        """Say on the button whether the sample is among the favourites."""
        self.keep_button.setText(self.tr("Kept") if kept else self.tr("Keep"))
        icons.set_icon(self.keep_button, "star", "accent" if kept else "text", 16)
        self.keep_button.setToolTip(self.tr("Remove it from the favourites") if kept else "")

    def stop(self) -> None:
        """Look for no neighbours any more."""
        self._soon.stop()

    def show_nearest(self, answer: Answer | None, why: str) -> None:
        """Show the real pictures of an answer, or say why there are none."""
        sides: list[tuple[list[QImage], list[str]]] = [([], []), ([], [])]
        close = None
        self.nearest_picture = None
        if answer is not None:
            try:
                pictures = answer.pictures()
                facts = [(side, one) for side, key in enumerate(("training", "held_out")) for one in answer.values[key]]
                for picture, (side, one) in zip(pictures, facts, strict=True):
                    distance = float(one["distance"])
                    if side == 0 and close is None:
                        close, self.nearest_picture = distance, picture
                    mirrored = "\n" + self.tr("mirrored") if one["mirrored"] else ""
                    sides[side][0].append(to_image(picture))
                    sides[side][1].append(f"{distance:.2f}{mirrored}")
            except (UserError, KeyError, TypeError, ValueError):
                why = self.tr("They cannot be read.")
                sides = [([], []), ([], [])]
        for title, view, (images, captions) in zip(self._titles, (self.training, self.held_out), sides, strict=True):
            view.show_rows([("", images)] if images else [], captions)
            lines = max((1 + caption.count("\n") for caption in captions), default=1)
            view.setFixedHeight(REAL_SIDE + GAP + lines * self.fontMetrics().lineSpacing())
            view.setAccessibleDescription(", ".join(caption.replace("\n", " ") for caption in captions))
            title.setVisible(bool(images))
            view.setVisible(bool(images))
        copies = close is not None and close < 1
        if copies:
            self.warning.setText(
                self.tr("Looks like a training picture (distance {0}, below 1)").format(f"{close:.2f}")
            )
        self.warning.setVisible(copies)
        self.nearest_note.setText(why)
        self.nearest_note.setVisible(bool(why))
