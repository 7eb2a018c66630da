"""What an edit comes down to: fields of rows that go from one value to another, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gandam_studio.core.workspace.seqsets import Seqs

# Columns of `sprites` an edit may change; anything else in a delta is a bug.
FIELDS = frozenset(("status", "reason", "flipped", "rotation", "crop", "facing", "tags", "family", "weight", "split"))


@dataclass(frozen=True, eq=False)
class Delta:
    """One field of some rows goes from `before` to `after`.

    `field` is a column of `sprites`; or "pair", where `seqs` holds a0, b0, a1, b1 ... and the values are a verdict
    or None; or "setting:<key>", where `seqs` is empty and the values are JSON text or None.
    """

    field: str
    before: Any
    after: Any
    seqs: Seqs

    def inverse(self) -> Delta:
        """The delta that takes this one back."""
        return Delta(self.field, self.after, self.before, self.seqs)
