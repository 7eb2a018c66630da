"""Loads pictures of a run off the GUI thread: sample grids, newest request first, and grids of training pictures."""

from __future__ import annotations

import math
from collections import OrderedDict
from pathlib import Path

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QObject, Signal
from PySide6.QtGui import QImage, QImageReader

from gandam_studio.qt.queue_thread import QueueThread
from trainer.protocol.arrays import open_pictures
from trainer.protocol.untrusted import path_inside, read_regular

CACHE_BYTES = 256 * 1024 * 1024
WAITING = 12
"""Maximum number of queued requests; older ones are dropped, since the cursor has moved on."""
LARGEST_SIDE = 16_384
LARGEST_PIXELS = 1 << 27
LARGEST_FILE = 256 << 20
MOST_REAL = 4096


def inside(folder: Path, relative: str) -> Path | None:
    """Resolve a path from a run's events; None if it is empty or outside the run's folder."""
    try:
        return path_inside(folder, relative)
    except ValueError:
        return None


def decode(path: Path) -> QImage | None:
    """Decode a picture file to a QImage in a format fast to paint; None if it is missing, damaged or too large."""
    try:
        data = QByteArray(read_regular(path, LARGEST_FILE))
    except (OSError, ValueError):
        return None
    buffer = QBuffer(data)
    buffer.open(QBuffer.OpenModeFlag.ReadOnly)
    # The format is given, because guessing it can deadlock: Qt's SVG plug-in connects signals, which takes a lock of
    # Qt's while this thread holds the GIL, and the GUI thread may take the two in the opposite order.
    reader = QImageReader(buffer, QByteArray(b"png"))
    reader.setAutoDetectImageFormat(False)
    size = reader.size()
    if not size.isValid() or max(size.width(), size.height()) > LARGEST_SIDE:
        return None
    if size.width() * size.height() > LARGEST_PIXELS:
        return None
    image = reader.read()
    if image.isNull():
        return None
    has_alpha = image.hasAlphaChannel()
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied if has_alpha else QImage.Format.Format_RGB32)


def to_image(pixels: np.ndarray) -> QImage:
    """(H, W, 3 or 4) uint8 as a QImage that owns its memory, in a format fast to paint."""
    fast = QImage.Format.Format_ARGB32_Premultiplied if pixels.shape[2] == 4 else QImage.Format.Format_RGB32
    return _borrowed(np.ascontiguousarray(pixels)).convertToFormat(fast)


def exact_image(pixels: np.ndarray) -> QImage:
    """(H, W, 3 or 4) uint8 as a QImage that owns its memory, with alpha not multiplied in, as for the clipboard."""
    return _borrowed(np.ascontiguousarray(pixels)).copy().convertToFormat(QImage.Format.Format_RGBA8888)


def _borrowed(pixels: np.ndarray) -> QImage:
    """A QImage that shows the array's memory."""
    height, width, channels = pixels.shape
    kind = QImage.Format.Format_RGBA8888 if channels == 4 else QImage.Format.Format_RGB888
    return QImage(pixels.data, width, height, width * channels, kind)


def to_pixels(image: QImage) -> np.ndarray:
    """A QImage as (H, W, 4) uint8 RGBA."""
    rgba = image.convertToFormat(QImage.Format.Format_RGBA8888)
    rows = np.frombuffer(rgba.constBits(), np.uint8).reshape(rgba.height(), rgba.bytesPerLine())
    return rows[:, : 4 * rgba.width()].reshape(rgba.height(), rgba.width(), 4).copy()


def real_sheet(dataset: Path, rows: int, columns: int, seed: int = 0) -> QImage | None:
    """A grid of training pictures, evenly spread over the data set and then shuffled; None if it cannot be read."""
    try:
        pictures = open_pictures(dataset)
    except (OSError, ValueError):
        return None
    count = min(rows * columns, len(pictures), MOST_REAL)
    columns = max(1, min(columns, count))
    if not count or max(columns * pictures.shape[2], -(-count // columns) * pictures.shape[1]) > LARGEST_SIDE:
        return None
    chosen = np.linspace(0, len(pictures) - 1, count).astype(int)
    np.random.default_rng(seed).shuffle(chosen)
    return sheet(np.stack([pictures[index] for index in chosen]), columns)


def sheet(pictures: np.ndarray, columns: int) -> QImage:
    """(N, H, W, C) uint8 as one picture, row by row; empty cells are transparent or white."""
    count, height, width, channels = pictures.shape
    rows = math.ceil(count / columns)
    canvas = np.full((rows * height, columns * width, channels), 0 if channels == 4 else 255, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * height, index % columns * width
        canvas[top : top + height, left : left + width] = picture
    return to_image(canvas)


class _Decoder(QueueThread):
    """Signals:
    decoded: a requested file was decoded (absolute path, QImage or None).
    """

    decoded = Signal(str, object)

    def run(self) -> None:
        """Decode requests until stopped."""
        while paths := self.take():
            self.decoded.emit(paths[0], decode(Path(paths[0])))


class FilePictureCache(QObject):
    """Cache of decoded pictures by file, up to `CACHE_BYTES`; missing ones are decoded in another thread.

    Signals:
        loaded: a requested picture was decoded, or turned out to be lost (absolute path).
    """

    loaded = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._images: OrderedDict[str, QImage | None] = OrderedDict()
        self._bytes = 0
        self._decoder = _Decoder(self)
        self._decoder.decoded.connect(self._keep)

    def cached(self, path: Path | str) -> QImage | None:
        """The picture if it is cached."""
        key = str(path)
        if key in self._images:
            self._images.move_to_end(key)
        return self._images.get(key)

    def get(self, path: Path | str) -> QImage | None:
        """The picture if it is cached; otherwise None, and `loaded` follows unless it is known to be lost."""
        key = str(path)
        if key not in self._images:
            self._decoder.want_first(key, WAITING)
        return self.cached(key)

    def is_lost(self, path: Path | str) -> bool:
        """Whether the file was asked for and cannot be read."""
        return self._images.get(str(path), self) is None

    def put(self, path: Path | str, image: QImage) -> None:
        """Add a picture decoded elsewhere."""
        self._store(str(path), image)

    def close(self) -> None:
        """Stop the thread."""
        self._decoder.stop()

    def _keep(self, path: str, image: QImage | None) -> None:
        self._store(path, image)
        self.loaded.emit(path)

    def _store(self, key: str, image: QImage | None) -> None:
        old = self._images.pop(key, None)
        self._bytes += (image.sizeInBytes() if image else 0) - (old.sizeInBytes() if old else 0)
        self._images[key] = image
        while self._bytes > CACHE_BYTES and len(self._images) > 1:
            _, dropped = self._images.popitem(last=False)
            self._bytes -= dropped.sizeInBytes() if dropped else 0
