"""Thumbnails loaded off the GUI thread: a loader that prefers what is visible now, and a bounded cache."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage

from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.review import page
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt.queue_thread import WorkspaceThread
from gandam_studio.qt.widgets.cell_painter import CellPainter, Look
from gandam_studio.qt.widgets.rows import WantedRows

CACHE_BYTES = 64 << 20
BATCH = 12  # pictures delivered together: one repaint for many, but the first appear at once


@dataclass(frozen=True, slots=True)
class CellStyle:
    """How to draw a cell: the loader's own painter, the look, and the logical height."""

    cells: CellPainter
    look: Look
    height: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture to load: the sprite, and the side of the square it is shown in, device pixels.

    Attributes:
        cell: also draw the cell; None for the picture alone.
        known: the picture and its scale, if it is already loaded and only the cell is needed.
    """

    sprite: Sprite
    fit: int
    cell: CellStyle | None = None
    known: tuple[QImage, float] | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """A cell drawn by the loader, and what it shows."""

    sprite: Sprite
    picture: QImage
    cell: CellStyle
    whole: QImage


@dataclass(slots=True)
class Loaded:
    """A picture as imported (the painter crops, rotates and flips it).

    Attributes:
        seq: the sprite.
        image: premultiplied, with sides of at most `fit` pixels if it had to be reduced.
        scale: image pixels per original pixel.
        fit: the square it was loaded for.
        composed: the cell drawn with it, if requested.
    """

    seq: int
    image: QImage
    scale: float
    fit: int
    composed: Composed | None = None


class PictureCache(QObject):
    """Cache of pictures by row number.

    Signals:
        composed: cells were drawn with their pictures (list of `Composed`); emitted before `arrived`.
        arrived: pictures were loaded (list of row numbers).
        rows_fetched: a page of sprites was read (`WantedRows`, list of `Sprite`).
    """

    rows_fetched = Signal(object, object)
    composed = Signal(object)
    arrived = Signal(object)

    def __init__(self, workspace: Workspace, parent: QObject | None = None, *, most_bytes: int = CACHE_BYTES) -> None:
        super().__init__(parent)
        self._most_bytes = most_bytes
        self._pictures: OrderedDict[int, tuple[QImage, float, int]] = OrderedDict()
        self._bytes = 0
        self._absent: set[int] = set()
        self._loader = _Loader(workspace, self)
        self._loader.delivered.connect(self._receive)
        self._loader.fetched.connect(self.rows_fetched)

    def get(self, sprite: Sprite) -> tuple[QImage, float] | None:
        """The picture and its pixels per original pixel, or None if it is not loaded.

        It may have been loaded for another size, see `is_right`.
        """
        entry = self._pictures.get(sprite.seq)
        if entry is None:
            return None
        self._pictures.move_to_end(sprite.seq)
        return entry[0], entry[1]

    def is_right(self, sprite: Sprite, fit: int) -> bool:
        """True if the picture was loaded for this size."""
        entry = self._pictures.get(sprite.seq)
        if entry is None:
            return sprite.seq in self._absent
        # Unreduced pixels fit every larger size; reduced ones only the size they were reduced for.
        return entry[2] == fit or (entry[1] >= 1.0 and max(sprite.width, sprite.height) <= fit)

    def want(self, wanted: Iterable[Wanted | WantedRows]) -> None:
        """Load these next, in this order, replacing earlier requests."""
        self._loader.want(list(wanted))

    def resting(self) -> contextlib.AbstractContextManager[None]:
        """Pause the loader while the block runs, for painting."""
        return self._loader.resting()

    def clear(self) -> None:
        """Clear the cache."""
        self._pictures.clear()
        self._absent.clear()
        self._bytes = 0

    def stop(self) -> None:
        """End the loader; call before the workspace is closed."""
        self._loader.stop()

    def _receive(self, loaded: list[Loaded]) -> None:
        with self.resting():
            self._take(loaded)

    def _take(self, loaded: list[Loaded]) -> None:
        for one in loaded:
            if one.image.isNull():
                self._absent.add(one.seq)
                continue
            if old := self._pictures.pop(one.seq, None):
                self._bytes -= old[0].sizeInBytes()
            self._pictures[one.seq] = (one.image, one.scale, one.fit)
            self._bytes += one.image.sizeInBytes()
        while self._bytes > self._most_bytes and len(self._pictures) > 1:
            _, (image, _, _) = self._pictures.popitem(last=False)
            self._bytes -= image.sizeInBytes()
        if composed := [one.composed for one in loaded if one.composed is not None]:
            self.composed.emit(composed)
        self.arrived.emit([one.seq for one in loaded])


class _Loader(WorkspaceThread):
    delivered = Signal(object)
    fetched = Signal(object, object)

    AT_ONCE = BATCH

    def work(self, workspace: Workspace, wanted: list[Any]) -> None:
        """Read rows and load pictures."""
        loaded = []
        for one in wanted:
            self.pause()
            if isinstance(one, WantedRows):
                self.fetched.emit(one, page(workspace, one.seqs))
            else:
                loaded.append(_compose(load(workspace, one), one))
        if loaded:
            self.delivered.emit(loaded)


def _compose(loaded: Loaded, wanted: Wanted) -> Loaded:
    cell = wanted.cell
    if cell is not None and not loaded.image.isNull():
        whole = cell.cells.compose(wanted.sprite, (loaded.image, loaded.scale), cell.look, cell.height)
        loaded.composed = Composed(wanted.sprite, loaded.image, cell, whole)
    return loaded


def load(workspace: Workspace, wanted: Wanted) -> Loaded:
    """Read a picture in the requested size; a null image if it cannot be read. Callable from any thread."""
    sprite, fit = wanted.sprite, wanted.fit
    if wanted.known is not None:
        return Loaded(sprite.seq, *wanted.known, fit)
    largest = max(sprite.width, sprite.height)
    pixels = workspace.thumbnails.read(sprite.seq)
    absent = pixels is None
    enough = pixels is not None and (max(pixels.shape[:2]) >= largest or max(pixels.shape[:2]) >= fit)
    if not enough:
        try:
            pixels = workspace.pixels(sprite)
        except (UserError, OSError):
            # Fall back to the thumbnail, even if it is too small.
            if pixels is None:
                return Loaded(sprite.seq, QImage(), 1.0, fit)
        else:
            if absent and not workspace.read_only:
                # Thumbnails are derived data, and recreated if missing.
                with contextlib.suppress(OSError):
                    workspace.thumbnails.append(sprite.seq, [pixels])
    assert pixels is not None
    image = image_from_rgba(pixels)
    if max(image.width(), image.height()) > fit:
        smooth = Qt.TransformationMode.SmoothTransformation
        image = image.scaled(QSize(fit, fit), Qt.AspectRatioMode.KeepAspectRatio, smooth)
    return Loaded(sprite.seq, image, image.width() / sprite.width, fit)


def image_from_rgba(pixels: np.ndarray) -> QImage:
    """(H, W, 4) uint8 -> a QImage that owns its memory, premultiplied for fast painting."""
    height, width = pixels.shape[:2]
    pixels = np.ascontiguousarray(pixels)
    borrowed = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return borrowed.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
