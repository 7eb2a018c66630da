"""How sprites are held out: a seed and a share. `core.versions.splits` assigns the splits by it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from gandam_studio.core.errors import UserError
from trainer.protocol.untrusted import MAX_INTEGER, Values

TRAIN = "train"
HELD_OUT = "held-out"


@dataclass(frozen=True)
class SplitRule:
    """How a workspace holds sprites out.

    Attributes:
        seed: another seed holds out other sprites.
        held_out: share of the groups (families, or single sprites) held out, in [0, 0.9].
    """

    seed: int = 0
    held_out: float = 0.1

    def __post_init__(self) -> None:
        if not 0.0 <= self.held_out <= 0.9:
            raise UserError(f"the share held out must lie in 0 to 0.9, not {self.held_out}")
        if not -MAX_INTEGER <= self.seed <= MAX_INTEGER:
            raise UserError("the seed must be a whole number of at most 64 bits")

    @classmethod
    def from_json(cls, values: Any) -> SplitRule:
        """Build from plain values. Raises ValueError for unknown names and values of another type, UserError beyond
        the bounds of `held_out`.
        """
        plain = cls()
        if isinstance(values, dict) and (unknown := sorted(set(values) - {"seed", "held_out"})):
            raise ValueError(f"unknown field {unknown[0]!r}")
        found = Values(values)
        return cls(
            found.integer("seed", plain.seed, least=-MAX_INTEGER), float(found.number("held_out", plain.held_out))
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"seed": self.seed, "held_out": self.held_out}

    def split_of(self, group: str) -> str:
        """The split of one group: its own hash decides, so what else is in the data set makes no difference."""
        return HELD_OUT if draw(self.seed, "held-out", group) < self.held_out else TRAIN


def draw(seed: int, purpose: str, group: str) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    digest = hashlib.sha256(f"{seed}\n{purpose}\n{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2.0**64
