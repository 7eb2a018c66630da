"""The rule for held-out sprites: a seed and a share. `core.versions.splits` assigns the splits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from gandam_studio.core.errors import UserError
from trainer.protocol.untrusted import MAX_INTEGER, Values

TRAIN = "train"
HELD_OUT = "held-out"


@dataclass(frozen=True)
class SplitRule:
    """Which sprites a workspace holds out.

    Attributes:
        seed: selects which sprites are held out.
        held_out: share of the groups (families, or single sprites) held out, in [0, 0.9].
    """

    seed: int = 0
    held_out: float = 0.1

    def __post_init__(self) -> None:
        if not 0.0 <= self.held_out <= 0.9:
            raise UserError(f"the held-out share must be between 0 and 0.9, not {self.held_out}")
        if not -MAX_INTEGER <= self.seed <= MAX_INTEGER:
            raise UserError("the seed must be an integer of at most 64 bits")

    @classmethod
    def from_json(cls, values: Any) -> SplitRule:
        """Build from plain values.

        Raises ValueError for an unknown name or a wrong type, and UserError for a `held_out` out of range.
        """
        plain = cls()
        if isinstance(values, dict) and (unknown := sorted(set(values) - {"seed", "held_out"})):
            raise ValueError(f"unknown field {unknown[0]!r}")
        found = Values(values)
        return cls(
            found.integer("seed", plain.seed, least=-MAX_INTEGER), float(found.number("held_out", plain.held_out))
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"seed": self.seed, "held_out": self.held_out}

    def split_of(self, group: str) -> str:
        """Return the split of one group. Only its hash decides, regardless of the rest of the data set."""
        return self.splits_of([group])[group]

    def splits_of(self, groups: Iterable[str]) -> dict[str, str]:
        """Return group -> split of many groups."""
        drawn, held_out = _draws(self.seed, "held-out"), self.held_out
        return {group: HELD_OUT if drawn(group) < held_out else TRAIN for group in groups}


def draw(seed: int, purpose: str, group: str) -> float:
    """Return a pseudo-random number in [0, 1) that depends only on the arguments."""
    return _draws(seed, purpose)(group)


def _draws(seed: int, purpose: str) -> Callable[[str], float]:
    """Return `draw` for a seed and a purpose."""
    before, sha256, number = f"{seed}\n{purpose}\n", hashlib.sha256, int.from_bytes
    return lambda group: number(sha256((before + group).encode()).digest()[:8], "big") / 2.0**64
