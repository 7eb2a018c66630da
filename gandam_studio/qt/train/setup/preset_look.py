"""A row of samples that shows what a preset draws: stored results of the contest in docs/contest.md, not picked."""

from __future__ import annotations

import functools

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.sample_grid import crisp
from trainer.protocol.presets import preset_names
from trainer.protocol.resources import resource_path

SIDE = 64  # logical pixels of a sample on screen
CAPTION = 18  # and of the line below
LEAST = 3  # samples in the narrowest window


SMALL, LARGE = 32, 64
"""Sides in pixels at which the contest was held."""


@functools.cache
def stored_look(preset: str, side: int = SMALL) -> QImage | None:
    """Samples of a bundled preset in a row, squares side by side; None for a preset that was not in the contest.

    Those of 64 px for pictures with more than 32 px on a `side`.
    """
    if preset not in preset_names():
        return None
    path = resource_path("looks", f"{preset}-{LARGE}.png" if side > SMALL else f"{preset}.png")
    if not path.is_file():
        return None
    image = QImage(str(path))
    return None if image.isNull() else image


class PresetLook(QWidget):
    """As many of a preset's stored samples as fit; hidden while there are none.

    Attributes:
        preset: whose samples are shown; "" for none. caption: the line below them.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.preset = ""
        self._image = QImage()
        self.caption = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.hide()

    def show_preset(self, preset: str, side: int = SMALL) -> None:
        """Show the samples of the preset of this name for pictures of `side` px, or nothing."""
        image = stored_look(preset, side)
        self.preset, self._image = (preset, image) if image is not None else ("", QImage())
        if side > SMALL:
            self.caption = self.tr("Drawn at 64 px after ten minutes with the sample mechas, not picked")
            told = self.tr(
                "The first samples of {0} at 64 px, none of them picked, after 600 seconds of one processor core with "
                "the sample mechas. Yours will look like your sprites."
            )
        else:
            self.caption = self.tr("Drawn after four minutes with the sample mechas, not picked")
            told = self.tr(
                "The first samples of {0}, none of them picked, after 240 seconds of one processor core with "
                "the sample mechas. Yours will look like your sprites."
            )
        said = told.format(self.preset) if self.preset else ""
        self.setToolTip(said)
        self.setAccessibleName(said)
        self.setVisible(bool(self.preset))
        self.update()

    @property
    def count(self) -> int:
        """Samples that fit at the present width."""
        stored = self._image.width() // self._image.height() if not self._image.isNull() else 0
        return min(stored, self.width() // SIDE)

    def sizeHint(self) -> QSize:
        """All of the samples."""
        stored = self._image.width() // self._image.height() if not self._image.isNull() else LEAST
        return QSize(stored * SIDE, SIDE + CAPTION)

    def minimumSizeHint(self) -> QSize:
        """A few of the samples."""
        return QSize(LEAST * SIDE, SIDE + CAPTION)

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Paint the samples without blur."""
        count, side = self.count, self._image.height()
        if not count:
            return
        ratio = self.devicePixelRatioF()
        shown = self._image.copy(0, 0, count * side, side)
        pixmap = QPixmap.fromImage(crisp(shown, round(count * SIDE * ratio), round(SIDE * ratio)))
        pixmap.setDevicePixelRatio(ratio)
        painter.drawPixmap(QPoint(0, 0), pixmap)
        font = self.font()
        font.setPixelSize(11)
        painter.setFont(font)
        painter.setPen(theme.color("secondary"))
        below = QRect(0, SIDE, self.width(), CAPTION)
        text = painter.fontMetrics().elidedText(self.caption, Qt.TextElideMode.ElideRight, below.width())
        painter.drawText(below, Qt.AlignmentFlag.AlignVCenter, text)
