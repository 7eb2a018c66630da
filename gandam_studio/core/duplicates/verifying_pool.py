"""Processes that judge shares of pairs. Whatever they leave undone, dying or never starting, is given back undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gandam_studio.core.duplicates.verifying_worker import Judged, unpack_judged
from gandam_studio.core.workers.child import command
from gandam_studio.core.workers.pool import Check, Death, Settled, WorkerPool, WorkersUnavailable

COMMAND = command("gandam_studio.core.duplicates.verifying_worker")
_STUCK_S = 600.0

Share = Callable[[], bytes]
"""Makes the frame of a share (`verifying_worker.pack_share`) when it is wanted."""


class VerifyingPool:
    """A context manager over `workers` processes that read the originals in a folder."""

    def __init__(self, originals: Path, workers: int) -> None:
        self.pool: WorkerPool[Share, Judged | None] = WorkerPool(
            COMMAND, {"originals": str(originals)}, _Judging(), workers=workers, seconds=_STUCK_S
        )

    def __enter__(self) -> VerifyingPool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill the processes and release everything."""
        self.pool.close()

    def run(self, shares: Sequence[Share], check: Check) -> Iterator[tuple[int, Judged | None]]:
        """(number, answer) of every share, in order; None for what no process has done.

        `check` is called often and may raise (cancellation).
        """
        done = 0
        try:
            for done, (_, results) in enumerate(self.pool.run(iter(shares), check), start=1):
                yield done - 1, results[0]
        except WorkersUnavailable:
            for number in range(done, len(shares)):
                yield number, None


class _Judging:
    """The `Work` of verification."""

    def encode(self, task: Share) -> bytes:
        """The share's frame."""
        return task()

    def decode(self, task: Share, answer: bytes) -> Judged | None:
        """What was found in the share."""
        return unpack_judged(answer)

    def after_death(self, task: Share, death: Death) -> Sequence[Settled[Judged | None]]:
        """Undone: this process does it."""
        return [Settled(None)]
