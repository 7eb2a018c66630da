"""Thumbnails off the GUI thread: a loader that always works on what is visible now, and a bounded cache."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPixmap

from gandam_studio.core.errors import UserError
from gandam_studio.core.sprite import Sprite
from gandam_studio.core.workspace import Workspace
from gandam_studio.qt.queue_thread import QueueThread

CACHE_BYTES = 64 << 20
BATCH = 24  # pictures delivered together: one repaint for many, yet the first appear at once


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture to load: the sprite, and the side of the square it is shown in, device pixels."""

    sprite: Sprite
    fit: int


@dataclass(slots=True)
class Loaded:
    """A picture as imported (the painter crops, turns and flips it).

    Attributes:
        seq: the sprite.
        image: premultiplied, at most `fit` pixels a side when it had to be reduced.
        scale: image pixels per original pixel.
        fit: the square it was loaded for.
    """

    seq: int
    image: QImage
    scale: float
    fit: int


class PictureCache(QObject):
    """Pixmaps by row number, for painting.

    Signals:
        arrived: pictures came in (list of row numbers).
    """

    arrived = Signal(object)

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pixmaps: OrderedDict[int, tuple[QPixmap, float, int]] = OrderedDict()
        self._bytes = 0
        self._absent: set[int] = set()
        self._loader = _Loader(workspace, self)
        self._loader.delivered.connect(self._receive)

    def get(self, sprite: Sprite) -> tuple[QPixmap, float] | None:
        """The picture and its pixels per original pixel, or None while it is not there.

        One loaded for another size serves until the right one arrives (`is_right` tells).
        """
        entry = self._pixmaps.get(sprite.seq)
        if entry is None:
            return None
        self._pixmaps.move_to_end(sprite.seq)
        return entry[0], entry[1]

    def is_right(self, sprite: Sprite, fit: int) -> bool:
        """True when the picture is as sharp as the size asks for."""
        entry = self._pixmaps.get(sprite.seq)
        if entry is None:
            return sprite.seq in self._absent
        # Unreduced pixels serve every size they fit in; reduced ones only the size they were reduced for.
        return entry[2] == fit or (entry[1] >= 1.0 and max(sprite.width, sprite.height) <= fit)

    def want(self, wanted: Iterable[Wanted]) -> None:
        """Load these next, in this order; what was wanted before and is not named now is forgotten."""
        self._loader.want(list(wanted))

    def clear(self) -> None:
        """Forget all pictures."""
        self._pixmaps.clear()
        self._absent.clear()
        self._bytes = 0

    def stop(self) -> None:
        """End the loader; before the workspace is closed."""
        self._loader.stop()

    def _receive(self, loaded: list[Loaded]) -> None:
        for one in loaded:
            if one.image.isNull():
                self._absent.add(one.seq)
                continue
            if old := self._pixmaps.pop(one.seq, None):
                self._bytes -= _size(old[0])
            pixmap = QPixmap.fromImage(one.image, Qt.ImageConversionFlag.NoFormatConversion)
            self._pixmaps[one.seq] = (pixmap, one.scale, one.fit)
            self._bytes += _size(pixmap)
        while self._bytes > CACHE_BYTES and len(self._pixmaps) > 1:
            _, (pixmap, _, _) = self._pixmaps.popitem(last=False)
            self._bytes -= _size(pixmap)
        self.arrived.emit([one.seq for one in loaded])


class _Loader(QueueThread):
    delivered = Signal(object)

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace

    def run(self) -> None:
        """QThread's entry."""
        with self._workspace.for_this_thread() as door:
            while batch := self.take(BATCH):
                self.delivered.emit([load(door, one) for one in batch])


def load(workspace: Workspace, wanted: Wanted) -> Loaded:
    """Read a picture in the size asked for; a null image when it cannot be had. Any thread."""
    sprite, fit = wanted.sprite, wanted.fit
    largest = max(sprite.width, sprite.height)
    pixels = workspace.thumbnails.read(sprite.seq)
    absent = pixels is None
    enough = pixels is not None and (max(pixels.shape[:2]) >= largest or max(pixels.shape[:2]) >= fit)
    if not enough:
        try:
            pixels = workspace.pixels(sprite)
        except (UserError, OSError):
            # The thumbnail, though small, is better than nothing.
            if pixels is None:
                return Loaded(sprite.seq, QImage(), 1.0, fit)
        else:
            if absent and not workspace.read_only:
                # Thumbnails are derived: whoever misses one makes it again.
                with contextlib.suppress(OSError):
                    workspace.thumbnails.append(sprite.seq, [pixels])
    assert pixels is not None
    image = image_from_rgba(pixels)
    if max(image.width(), image.height()) > fit:
        smooth = Qt.TransformationMode.SmoothTransformation
        image = image.scaled(QSize(fit, fit), Qt.AspectRatioMode.KeepAspectRatio, smooth)
    return Loaded(sprite.seq, image, image.width() / sprite.width, fit)


def image_from_rgba(pixels: np.ndarray) -> QImage:
    """(H, W, 4) uint8 -> a QImage of its own memory, premultiplied for quick painting."""
    height, width = pixels.shape[:2]
    pixels = np.ascontiguousarray(pixels)
    borrowed = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return borrowed.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


def _size(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * 4
