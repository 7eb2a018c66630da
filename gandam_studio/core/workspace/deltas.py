"""Deltas: the reversible changes of column values that an edit consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gandam_studio.core.workspace.seqsets import Seqs

# Columns of `sprites` that an edit may change. Any other column in a delta is a bug.
FIELDS = frozenset(("status", "reason", "flipped", "rotation", "crop", "facing", "tags", "family", "weight", "split"))


@dataclass(frozen=True, eq=False)
class Delta:
    """A change of one field from `before` to `after` in some rows.

    `field` is a column of `sprites`, or one of:

    - "pair": `seqs` holds a0, b0, a1, b1 ... and the values are a verdict or None.
    - "setting:<key>": `seqs` is empty and the values are JSON text or None.
    """

    field: str
    before: Any
    after: Any
    seqs: Seqs

    def inverse(self) -> Delta:
        """Return the delta that reverses this one."""
        return Delta(self.field, self.after, self.before, self.seqs)
