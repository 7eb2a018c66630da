"""Prepares pairs for comparison in another thread: decodes, aligns and measures their difference."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from gandam_studio.core.duplicates import Transform
from gandam_studio.core.errors import UserError
from gandam_studio.core.pictures.rendering import resize
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.review import sources_of
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt.duplicates.canvas import Compared
from gandam_studio.qt.duplicates.difference import Difference, difference
from gandam_studio.qt.duplicates.mapping import aligned_pair
from gandam_studio.qt.failures import explain
from gandam_studio.qt.queue_thread import WorkspaceThread
from gandam_studio.qt.widgets.picture_cache import image_from_rgba

log = logging.getLogger(__name__)

KEPT = 48
LONGEST = 2048  # pixels: larger pictures are reduced to this size, which is more than a screen shows


@dataclass(frozen=True)
class PairRequest:
    """Two sprites to compare, and how the right one maps onto the left one."""

    left: Sprite
    right: Sprite
    transform: Transform

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for pairs that look the same; includes the edits that change pixels."""
        sides = [(one.seq, one.crop, one.rotation, one.flipped) for one in (self.left, self.right)]
        return (*sides, self.transform)


@dataclass(frozen=True)
class PairReady:
    """A compared pair: pictures for the canvas and the measured difference; both None if an original cannot be read.

    Attributes:
        trouble: what went wrong, in one line; "" if nothing did.
    """

    request: PairRequest
    compared: Compared | None
    difference: Difference | None
    trouble: str = ""


class CompareLoader(QObject):
    """Compares the pair requested last, then the expected ones; caches the most recent pairs.

    Signals:
        ready: the requested pair was compared (`PairReady`); not emitted for expected pairs.
    """

    ready = Signal(object)

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kept: OrderedDict[tuple[object, ...], PairReady] = OrderedDict()
        self._requested: tuple[object, ...] | None = None
        self._worker = _CompareThread(workspace, self)
        self._worker.compared.connect(self._receive)

    def ask(self, request: PairRequest, expected: Sequence[PairRequest] = ()) -> PairReady | None:
        """Return the pair if cached; otherwise None, and `ready` follows. `expected` pairs are prepared next."""
        self._requested = request.key
        found = self._kept.get(request.key)
        wanted = [one for one in (request, *expected) if one.key not in self._kept]
        self._worker.want(wanted)
        return found

    def stop(self) -> None:
        """End the thread; call before the workspace is closed."""
        self._worker.stop()

    def _receive(self, pair: PairReady) -> None:
        self._kept[pair.request.key] = pair
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        if pair.request.key == self._requested:
            self.ready.emit(pair)


class _CompareThread(WorkspaceThread):
    """Compares pairs off the GUI thread."""

    compared = Signal(object)

    def work(self, workspace: Workspace, wanted: list[Any]) -> None:
        """Compare the next pair."""
        self.compared.emit(compare(workspace, wanted[0]))

    def lost(self, wanted: list[Any], error: Exception) -> None:
        """Report the pairs as not comparable, so that nobody waits for them."""
        for request in wanted:
            self.compared.emit(PairReady(request, None, None, explain(error)))


def compare(workspace: Workspace, request: PairRequest) -> PairReady:
    """Decode, align and measure a pair. Callable from any thread; errors are reported in the result, never raised."""
    left, right = request.left, request.right
    try:
        pixels = workspace.pixels(left), workspace.pixels(right)
        shown = workspace.picture(left), workspace.picture(right)
        aligned = aligned_pair(*pixels, request.transform)
    except (UserError, OSError) as error:
        return PairReady(request, None, None, explain(error))
    except Exception as error:
        # An unexpected error in one pair must not end the thread.
        log.exception("comparing %s with %s", left.name, right.name)
        return PairReady(request, None, None, str(error))
    found = difference(*aligned)
    left_name, right_name = _names(workspace, left, right)
    compared = Compared(
        left=image_from_rgba(_bounded(shown[0])),
        right=image_from_rgba(_bounded(shown[1])),
        aligned_left=image_from_rgba(aligned[0]),
        aligned_right=image_from_rgba(aligned[1]),
        difference=image_from_rgba(found.picture),
        left_name=left_name,
        right_name=right_name,
    )
    return PairReady(request, compared, found)


def _names(workspace: Workspace, left: Sprite, right: Sprite) -> tuple[str, str]:
    """The names of a pair; where they are the same, with the folders that tell them apart."""
    if left.name != right.name:
        return left.name, right.name
    places = [PurePath(next(iter(sources_of(workspace, one.seq, 1)), one.name)).parts for one in (left, right)]
    for length in range(2, max(map(len, places)) + 1):
        first, second = ("/".join(parts[-length:]) for parts in places)
        if first != second:
            return first, second
    return left.name, right.name


def _bounded(rgba: np.ndarray) -> np.ndarray:
    """The picture, reduced if it is larger than a screen shows."""
    height, width = rgba.shape[:2]
    scale = LONGEST / max(height, width, 1)
    if scale >= 1:
        return rgba
    return resize(rgba, (max(1, round(width * scale)), max(1, round(height * scale))))
