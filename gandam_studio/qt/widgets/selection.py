"""The selected sprites, stored as one byte per sprite: a million are selected in a millisecond."""

from __future__ import annotations

import numpy as np

from gandam_studio.core.workspace.seqsets import Seqs


class Selection:
    """A set of row numbers, independent of display order.

    Attributes:
        count: number of selected rows.
    """

    def __init__(self) -> None:
        self._chosen = np.zeros(1, dtype=bool)
        self.count = 0

    def __contains__(self, seq: int) -> bool:
        return seq < len(self._chosen) and bool(self._chosen[seq])

    def seqs(self) -> Seqs:
        """The selected rows, sorted."""
        return np.flatnonzero(self._chosen).astype(np.int64)

    def clear(self) -> None:
        """Clear the selection."""
        if self.count:
            self._chosen[:] = False
            self.count = 0

    def set(self, seqs: Seqs) -> None:
        """Replace the selection."""
        self.clear()
        self.add(seqs)

    def add(self, seqs: Seqs) -> None:
        """Add rows to the selection."""
        self._mark(seqs, True)

    def remove(self, seqs: Seqs) -> None:
        """Remove rows from the selection."""
        self._mark(seqs, False)

    def keep(self, seqs: Seqs) -> bool:
        """Restrict the selection to these rows; True if that changed it."""
        if not self.count:
            return False
        before, chosen = self.count, self.seqs()
        shown = np.zeros(len(self._chosen), dtype=bool)
        shown[seqs[seqs < len(shown)]] = True
        self.set(chosen[shown[chosen]])
        return self.count != before

    def toggle(self, seq: int) -> None:
        """Toggle a row."""
        self._mark(np.array([seq], dtype=np.int64), seq not in self)

    def snapshot(self) -> np.ndarray:
        """The current state, for `restore`."""
        return self._chosen.copy()

    def restore(self, snapshot: np.ndarray) -> None:
        """Restore a snapshot."""
        self._chosen = snapshot.copy()
        self.count = int(np.count_nonzero(self._chosen))

    def _mark(self, seqs: Seqs, chosen: bool) -> None:
        if not len(seqs):
            return
        highest = int(seqs.max())
        if highest >= len(self._chosen):
            grown = np.zeros(max(highest + 1, 2 * len(self._chosen)), dtype=bool)
            grown[: len(self._chosen)] = self._chosen
            self._chosen = grown
        self._chosen[seqs] = chosen
        self.count = int(np.count_nonzero(self._chosen))
