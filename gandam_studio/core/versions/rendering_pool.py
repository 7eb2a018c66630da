"""Rendering many pictures: in chunks, in order, in processes when there are enough to be worth starting them."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.versions.rendering_worker import Rendering, pack_entries, unpack_pictures
from gandam_studio.core.workers.child import command
from gandam_studio.core.workers.pool import (
    Again,
    Death,
    Settled,
    Window,
    WorkerPool,
    WorkersUnavailable,
    worker_count,
)
from gandam_studio.core.workspace.originals import Originals
from trainer.protocol.manifest import ManifestEntry

COMMAND = command("gandam_studio.core.versions.rendering_worker")
CHUNK = 128
# Starting processes costs about a second: fewer pictures than this are faster without.
WORTH_PROCESSES = 4000
_MOST_WORKERS = 8
_AHEAD = 3  # chunks under way, a worker
_STUCK_S = 600.0

Rendered = tuple[list[ManifestEntry], list[bytes]]


def in_order(
    rendering: Rendering, entries: Iterable[ManifestEntry], count: int, job: Job = NULL_JOB
) -> Generator[Rendered, None, None]:
    """Yield (chunk, its pictures) for chunks of at most `CHUNK` entries, in order.

    `count` entries are expected. Memory does not grow with them: only a few chunks are under way at once. Closing the
    iterator ends the processes. Raises UserError for an entry that cannot be rendered, and Cancelled.
    """
    chunks = _chunks(iter(entries))
    workers = worker_count(0, _MOST_WORKERS)
    if count >= WORTH_PROCESSES and workers > 1:
        pool: WorkerPool[_Chunk, list[bytes] | UserError] = WorkerPool(
            COMMAND, rendering.to_json(), _Rendering(), workers=workers, seconds=_STUCK_S, window=Window(_AHEAD)
        )
        with pool:
            try:
                for chunk, (pictures,) in pool.run(map(_Chunk, chunks), job.check):
                    if isinstance(pictures, UserError):
                        raise pictures
                    yield chunk.entries, pictures
                return
            except WorkersUnavailable as error:
                chunks = itertools.chain([chunk.entries for chunk in error.undone], chunks)
    with Originals(rendering.originals, read_only=True) as originals:
        for here in chunks:
            yield here, rendering.pictures(originals, here)


@dataclass(frozen=True)
class _Chunk:
    entries: list[ManifestEntry]
    tries: int = 0


class _Rendering:
    """The `Work` of rendering."""

    def encode(self, task: _Chunk) -> bytes:
        """The entries."""
        return pack_entries(task.entries)

    def decode(self, task: _Chunk, answer: bytes) -> list[bytes] | UserError:
        """Their pictures, or why one has none."""
        return unpack_pictures(task.entries, answer)

    def after_death(self, task: _Chunk, death: Death) -> Sequence[Again[_Chunk] | Settled[list[bytes] | UserError]]:
        """The chunk once more, by another process; when that dies too, the picture it died on is named."""
        if death.malformed is not None:
            raise RuntimeError("a rendering process gave a malformed answer") from death.malformed
        if death.traceback:
            raise RuntimeError(f"a rendering process failed:\n{death.traceback}")
        if not task.tries:
            return [Again(_Chunk(task.entries, 1), alone=True)]
        entry = task.entries[min(death.position, len(task.entries) - 1)]
        return [Settled(UserError(f"{entry.source} cannot be rendered: the process rendering it crashed or hung"))]


def _chunks(entries: Iterator[ManifestEntry]) -> Iterator[list[ManifestEntry]]:
    while chunk := list(itertools.islice(entries, CHUNK)):
        yield chunk
