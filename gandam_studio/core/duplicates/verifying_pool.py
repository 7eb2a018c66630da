"""Processes that judge shares of pairs. Shares that fail, because a process dies or cannot start, are returned."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gandam_studio.core.duplicates.verifying_worker import Judged, unpack_judged
from gandam_studio.core.workers.child import command
from gandam_studio.core.workers.pool import Check, Death, Settled, WorkerPool, WorkersUnavailable

COMMAND = command("gandam_studio.core.duplicates.verifying_worker")
_STUCK_S = 600.0

Share = Callable[[], bytes]
"""Builds the frame of a share (`verifying_worker.pack_share`) on demand."""


class VerifyingPool:
    """Context manager for up to `workers` processes that read the originals in a folder."""

    def __init__(self, originals: Path, workers: int, compiling: bool = False) -> None:
        """compiling: whether so much is expected that they load compiled loops before they are given anything."""
        settings = {"originals": str(originals), "compiling": compiling}
        self.pool: WorkerPool[Share, Judged | None] = WorkerPool(
            COMMAND, settings, _Judging(), workers=workers, seconds=_STUCK_S, numbered=True
        )

    def __enter__(self) -> VerifyingPool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the processes before there is work for them."""
        with contextlib.suppress(WorkersUnavailable):  # `run` does without
            self.pool.start()

    def close(self) -> None:
        """Kill the processes and release all resources."""
        self.pool.close()

    def run(self, shares: Sequence[Share], check: Check) -> Iterator[tuple[int, Judged | None]]:
        """Yield (number, result) of every share, in order; the result is None if no process did it.

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
        """Encode a share."""
        return task()

    def decode(self, task: Share, answer: bytes) -> Judged | None:
        """Decode what was found in a share."""
        return unpack_judged(answer)

    def after_death(self, task: Share, death: Death) -> Sequence[Settled[Judged | None]]:
        """Return None as result, so that this process does the share."""
        return [Settled(None)]
