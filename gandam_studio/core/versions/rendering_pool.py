"""Rendering many pictures: in chunks, in order, in processes when there are enough to be worth starting them."""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

from trainer.protocol.manifest import ManifestEntry

Result = TypeVar("Result")

CHUNK = 128
# Starting processes costs about a second: fewer pictures than this are faster without.
WORTH_PROCESSES = 4000
_MOST_WORKERS = 8


def in_order(
    function: Callable[[list[ManifestEntry]], Result], entries: Iterable[ManifestEntry], count: int
) -> Generator[tuple[list[ManifestEntry], Result], None, None]:
    """Yield (chunk, function(chunk)) for chunks of at most `CHUNK` entries, in order.

    `function` must be picklable; what it raises is raised here. `count` entries are expected. Memory does not grow
    with them: only a few chunks are under way at once. Closing the iterator ends the processes.
    """
    chunks = _chunks(iter(entries))
    workers = min(os.cpu_count() or 1, _MOST_WORKERS)
    if count < WORTH_PROCESSES or workers < 2:
        for chunk in chunks:
            yield chunk, function(chunk)
        return
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        waiting: deque[tuple[list[ManifestEntry], Future[Result]]] = deque()
        for chunk in chunks:
            waiting.append((chunk, pool.submit(function, chunk)))
            if len(waiting) > 2 * workers:
                done, future = waiting.popleft()
                yield done, future.result()
        for done, future in waiting:
            yield done, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _chunks(entries: Iterator[ManifestEntry]) -> Iterator[list[ManifestEntry]]:
    while chunk := list(itertools.islice(entries, CHUNK)):
        yield chunk
