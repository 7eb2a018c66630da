"""The import's worker processes: take chunks of files, return outcomes in the same order.

A picture on which a worker crashes is tried once more, alone, and rejected if that crashes too; one that takes too long
is rejected at once. Another worker does the rest of its chunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from gandam_studio.core.importing.items import REJECTED, Chunk, ItemOutcome, pack_items, unpack_outcomes
from gandam_studio.core.importing.options import WorkSettings
from gandam_studio.core.workers.child import command
from gandam_studio.core.workers.pool import Again, Check, Death, Settled, Window, WorkerPool
from gandam_studio.core.workspace.originals import PACKED_BYTES

COMMAND = command("gandam_studio.core.importing.worker")
CRASHED = "the decoder crashed on it"
_WINDOW = 32
_WINDOW_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class _Share:
    """A chunk, or the rest of one on which a worker died; `tries` counts the workers that died on all of it."""

    items: Chunk
    tries: int = 0


class Pool:
    """Context manager for up to `workers` processes that examine files. They start when there is work for them."""

    def __init__(self, settings: WorkSettings, workers: int) -> None:
        seconds = settings.decoding_limits.seconds
        # Limits what waits behind a slow picture: chunks, and the bytes of their small originals.
        window: Window[_Share] = Window(_WINDOW, lambda share: _small_bytes(share.items), _WINDOW_BYTES)
        work = _Examining(seconds)
        self._pool = WorkerPool(COMMAND, asdict(settings), work, workers=workers, seconds=seconds, window=window)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.close()

    def run(self, chunks: Iterator[Chunk], check: Check = lambda: None) -> Iterator[tuple[Chunk, list[ItemOutcome]]]:
        """Yield the outcomes of each chunk, in order. `check` is called often and may raise (cancellation)."""
        for share, results in self._pool.run(map(_Share, chunks), check):
            yield share.items, [outcome for outcomes in results for outcome in outcomes]


class _Examining:
    """The import's `Work`."""

    def __init__(self, seconds: float) -> None:
        self._overtime = ItemOutcome(REJECTED, f"took longer than {seconds:g} seconds")

    def encode(self, task: _Share) -> bytes:
        """Encode the files to examine."""
        return pack_items(task.items)

    def decode(self, task: _Share, answer: bytes) -> list[ItemOutcome]:
        """Decode what was found in them. Raises ValueError."""
        outcomes = unpack_outcomes(answer)
        if len(outcomes) != len(task.items):
            raise ValueError("a wrong number of outcomes")
        return outcomes

    def after_death(self, task: _Share, death: Death) -> Sequence[Again[_Share] | Settled[list[ItemOutcome]]]:
        """Return the files before and after the one it died on, and between them that one alone, or its rejection."""
        if death.malformed is not None:
            raise RuntimeError("an import worker gave a malformed answer") from death.malformed
        items, culprit = task.items, death.position
        if culprit >= len(items) > 1:
            # It died while hashing a batch: any of them may be the cause.
            return [Again(_Share([item], task.tries + 1), alone=True) for item in items]
        suspect: Again[_Share] | Settled[list[ItemOutcome]]
        if death.overtime:
            suspect = Settled([self._overtime])
        elif len(items) == 1 and task.tries:
            suspect = Settled([ItemOutcome(REJECTED, CRASHED)])
        else:
            suspect = Again(_Share([items[min(culprit, len(items) - 1)]], task.tries + 1), alone=True)
        around = [[Again(_Share(rest))] if rest else [] for rest in (items[:culprit], items[culprit + 1 :])]
        return [*(around[0] if len(items) > 1 else []), suspect, *around[1]]


def _small_bytes(items: Chunk) -> int:
    return sum(item.size for item in items if item.size <= PACKED_BYTES)
