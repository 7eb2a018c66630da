"""Decoding on a Ray cluster (an optional extra), with bit-identical results.

The driver reads the files and stores the originals. Pictures are sent as bytes, so the machines need no shared disk. A
task that dies or takes too long is split into single pictures; pictures that fail alone are rejected.
"""

from __future__ import annotations

import contextlib
import importlib
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.importing.archives import ZipReader
from gandam_studio.core.importing.examining import Examiner, read_file, why
from gandam_studio.core.importing.items import (
    ACCEPTED,
    MISSING,
    REJECTED,
    Chunk,
    Item,
    ItemOutcome,
    pack_items,
    pack_outcomes,
    unpack_items,
    unpack_outcomes,
)
from gandam_studio.core.importing.options import WorkSettings
from gandam_studio.core.importing.pool import CRASHED
from gandam_studio.core.pictures.decoding.limits import UnreadablePicture
from gandam_studio.core.workers.pool import Check
from gandam_studio.core.workspace.originals import Originals

_POLL_S = 0.2
_START_S = 120.0  # a node may have to start Python and import OpenCV first
_WINDOW_PER_CPU = 2
_examiners: dict[str, Examiner] = {}


def _examine(settings: dict[str, Any], frame: bytes) -> bytes:
    """The task that runs on the cluster: the same code as in a local worker, on the bytes in `frame`."""
    key = repr(settings)
    if key not in _examiners:
        import cv2

        cv2.setNumThreads(1)
        _examiners.clear()
        _examiners[key] = Examiner(WorkSettings(**settings))
    return pack_outcomes(_examiners[key].examine(unpack_items(frame)))


@dataclass
class _Part:
    """Consecutive items of a chunk that one task examines."""

    items: Chunk
    started: float = 0.0
    reference: Any = None
    frame: bytes = b""


@dataclass
class _Chunk:
    items: Chunk  # as scanned
    loaded: Chunk  # with their bytes
    settled: dict[int, ItemOutcome]  # by the driver: unreadable files
    parts: list[_Part]
    done: list[ItemOutcome]


class RayEngine:
    """Context manager for a Ray cluster; a `pipeline.Engine`.

    Raises UserError if Ray is not installed or the cluster cannot be reached.
    """

    def __init__(self, settings: WorkSettings, originals: Originals, address: str = "") -> None:
        try:
            ray = importlib.import_module("ray")
        except ImportError:
            raise UserError('the Ray engine needs an extra: pip install "gandam-studio[ray]"') from None
        self._ray: Any = ray
        self._settings = settings
        self._originals = originals
        self._address = address
        self._zip = ZipReader()
        self._started_here = False
        self._task: Any = None

    def __enter__(self) -> RayEngine:
        ray = self._ray
        try:
            if not ray.is_initialized():
                ray.init(
                    address=self._address or None,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level="ERROR",
                    configure_logging=False,
                )
                self._started_here = True
        except Exception as error:  # Ray raises all kinds of exceptions here
            raise UserError(f"the Ray cluster cannot be reached: {str(error).splitlines()[0]}") from None
        # No retries by Ray: crashes are handled here, picture by picture.
        self._task = ray.remote(_examine).options(num_cpus=1, max_retries=0)
        return self

    def __exit__(self, *exception: object) -> None:
        self._zip.close()
        if self._started_here:
            self._ray.shutdown()

    def run(self, chunks: Iterator[Chunk], check: Check = lambda: None) -> Iterator[tuple[Chunk, list[ItemOutcome]]]:
        """Yield the outcomes of each chunk, in order."""
        window = max(4, int(self._ray.cluster_resources().get("CPU", 2)) * _WINDOW_PER_CPU)
        order: deque[_Chunk] = deque()
        exhausted = False
        try:
            while True:
                check()
                while not exhausted and len(order) < window:
                    items = next(chunks, None)
                    exhausted = items is None
                    if items:
                        order.append(self._load(items))
                if not order:
                    return
                chunk = order[0]
                if not chunk.parts:
                    order.popleft()
                    yield chunk.items, self._finished(chunk)
                    continue
                self._advance(chunk)
        finally:
            for chunk in order:
                for part in chunk.parts:
                    with contextlib.suppress(Exception):
                        self._ray.cancel(part.reference, force=True)

    def _load(self, items: Chunk) -> _Chunk:
        """Read a chunk's files and send them to the cluster."""
        loaded: Chunk = []
        settled: dict[int, ItemOutcome] = {}
        limits = self._settings.decoding_limits
        for index, item in enumerate(items):
            try:
                data = item.data
                if data is None and item.index >= 0:
                    data = self._zip.read(item.path, item.index, limits.max_file_bytes)
                elif data is None:
                    data = read_file(item.path, limits)
                loaded.append(replace(item, data=data))
            except UnreadablePicture as error:
                settled[index] = ItemOutcome(REJECTED, str(error))
            except OSError as error:
                settled[index] = ItemOutcome(MISSING, why(error))
        parts = [self._send(loaded)] if loaded else []
        return _Chunk(items, loaded, settled, parts, [])

    def _send(self, items: Chunk) -> _Part:
        reference = self._task.remote(asdict(self._settings), pack_items(items))
        return _Part(items, time.monotonic(), reference)

    def _advance(self, chunk: _Chunk) -> None:
        """Wait a moment for the first part of a chunk; split it if it died or took too long."""
        part = chunk.parts[0]
        ready, _ = self._ray.wait([part.reference], timeout=_POLL_S)
        seconds = self._settings.decoding_limits.seconds
        if not ready:
            # Later tasks may have waited in the queue, so the limit counts from the start of each.
            if time.monotonic() - part.started > seconds * len(part.items) + _START_S:
                self._ray.cancel(part.reference, force=True)
                self._divide(chunk, f"took longer than {seconds:g} seconds")
            return
        try:
            outcomes = unpack_outcomes(self._ray.get(part.reference))
        except self._ray.exceptions.RayError:
            self._divide(chunk, CRASHED)
            return
        chunk.parts.pop(0)
        chunk.done += outcomes

    def _divide(self, chunk: _Chunk, reason: str) -> None:
        part = chunk.parts.pop(0)
        if len(part.items) == 1:
            chunk.done.append(ItemOutcome(REJECTED, reason))
        else:
            chunk.parts[:0] = [self._send([item]) for item in part.items]

    def _finished(self, chunk: _Chunk) -> list[ItemOutcome]:
        """The outcomes of all items of a chunk; stores the originals of accepted ones."""
        answers = iter(zip(chunk.loaded, chunk.done, strict=True))
        outcomes = []
        for index in range(len(chunk.items)):
            if index in chunk.settled:
                outcomes.append(chunk.settled[index])
                continue
            item, outcome = next(answers)
            if outcome.verdict == ACCEPTED:
                try:
                    outcome.keep_original(_data(item), self._originals)
                except OSError as error:
                    raise UserError(f"originals cannot be written: {why(error)}") from error
            outcomes.append(outcome)
        return outcomes


def _data(item: Item) -> bytes:
    assert item.data is not None
    return item.data
