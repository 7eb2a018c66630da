"""Shows one small picture, or plays several in turn."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, QTimer
from PySide6.QtGui import QHideEvent, QImage, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.sample_grid import crisp, paint_checker


class PictureView(QWidget):
    """One picture, crisp, on checkers where it is clear."""

    def __init__(self, side: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self._side = side
        self.setFixedSize(side, side)
        theme.notifier().changed.connect(self.update)

    @property
    def image(self) -> QImage:
        """What is shown."""
        return self._image

    def show_image(self, image: QImage) -> None:
        """Show another picture; a null one for none."""
        self._image = image
        self.update()

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(self._side, self._side)

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Paint it."""
        if self._image.isNull():
            painter.fillRect(self.rect(), theme.color("cell"))
        else:
            if self._image.hasAlphaChannel():
                paint_checker(painter, self.rect())
            ratio = self.devicePixelRatioF()
            scaled = crisp(self._image, round(self.width() * ratio), round(self.height() * ratio))
            scaled.setDevicePixelRatio(ratio)
            painter.drawImage(0, 0, scaled)
        painter.setPen(theme.color("border_strong"))
        painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))


class FilmView(PictureView):
    """Plays pictures again and again while it is visible.

    `at`: the number of the one that is shown.
    """

    def __init__(self, side: int, parent: QWidget | None = None) -> None:
        super().__init__(side, parent)
        self._frames: Sequence[QImage] = ()
        self._frame_ms = self._hold_ms = 0
        self.at = 0
        self._next = QTimer(self, singleShot=True)
        self._next.timeout.connect(lambda: self._show(self.at + 1))

    def play(self, frames: Sequence[QImage], frame_ms: int, hold_ms: int) -> None:
        """Play others, from the first: each for `frame_ms`, the last for `hold_ms`."""
        self._frames, self._frame_ms, self._hold_ms = frames, frame_ms, hold_ms
        self._show(0)

    def _show(self, number: int) -> None:
        if not self._frames:
            return
        self.at = number % len(self._frames)
        self.show_image(self._frames[self.at])
        if self.isVisible() and len(self._frames) > 1:
            self._next.start(self._hold_ms if self.at == len(self._frames) - 1 else self._frame_ms)

    def showEvent(self, event: QShowEvent) -> None:
        """Play on."""
        super().showEvent(event)
        self._show(self.at)

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest."""
        super().hideEvent(event)
        self._next.stop()
