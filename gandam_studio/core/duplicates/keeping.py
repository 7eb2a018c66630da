"""Ranks the pictures of a group by rules in an order that the person chooses. Ties are broken deterministically."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gandam_studio.core.duplicates.sources import Facts
from gandam_studio.core.errors import UserError


@dataclass(frozen=True)
class Judged:
    """A picture's facts and what was measured from its pixels.

    Attributes:
        facts: see Facts.
        area: of its content's box, in pixels.
        enlargement: how many times each pixel is repeated in both directions; 1 if it was not upscaled.
    """

    facts: Facts
    area: int
    enlargement: int


# Rule -> value, larger is better. This is the order in which they are shown, and the default. The person's decision
# comes first; enlarged copies must lose before sizes are compared, or they would always win.
RULES: dict[str, Callable[[Judged], float]] = {
    "kept": lambda judged: judged.facts.kept,
    "not-upscaled": lambda judged: -judged.enlargement,
    "alpha": lambda judged: judged.facts.alpha,
    "larger": lambda judged: judged.area,
    "colours": lambda judged: judged.facts.colours,
    "source-order": lambda judged: -judged.facts.order,
}
DEFAULT_RULES = tuple(RULES)


class RuleTable:
    """The values of all rules for N pictures, as arrays for fast ranking.

    Attributes:
        by_key: (N,) rank of each picture by its key.
    """

    def __init__(self, pictures: Sequence[Judged]) -> None:
        self._values = {
            rule: np.array([value(one) for one in pictures], dtype=np.float64) for rule, value in RULES.items()
        }
        keys = np.array([one.facts.key for one in pictures])
        self.by_key = np.empty(len(keys), dtype=np.int64)
        self.by_key[np.argsort(keys, kind="stable")] = np.arange(len(keys))

    @property
    def kept(self) -> np.ndarray:
        """(N,) bool: the pictures that the person kept."""
        return self._values["kept"] > 0

    def with_kept(self, kept: np.ndarray) -> RuleTable:
        """Return the same table with other decisions; kept: (N,) bool."""
        other = copy.copy(self)
        other._values = {**self._values, "kept": kept.astype(np.float64)}
        return other

    def best_first(self, rules: Sequence[str] = DEFAULT_RULES) -> np.ndarray:
        """Return (N,) int64 rows from best to worst. Ties are broken by key, so the order of the input does not matter.

        Raises UserError for an unknown rule.
        """
        for rule in rules:
            if rule not in RULES:
                raise UserError(f"unknown rule {rule!r}; known: {', '.join(RULES)}")
        # The last key of lexsort is the primary one.
        return np.lexsort((self.by_key, *(-self._values[rule] for rule in reversed(rules))))

    def deciding(self, best: np.ndarray, other: np.ndarray, rules: Sequence[str] = DEFAULT_RULES) -> list[str]:
        """Return the first rule that decides between rows (P,) and (P,); "" if only the tie-break does."""
        differ = np.array([self._values[rule][best] != self._values[rule][other] for rule in rules])
        differ = np.concatenate([differ.reshape(len(rules), len(best)), np.ones((1, len(best)), dtype=bool)])
        names = [*rules, ""]
        return [names[first] for first in differ.argmax(axis=0).tolist()]
