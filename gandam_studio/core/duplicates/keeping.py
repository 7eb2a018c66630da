"""Which picture of a group is best: rules in an order the person chooses, every tie broken the same way every time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gandam_studio.core.duplicates.sources import Facts
from gandam_studio.core.errors import UserError


@dataclass(frozen=True)
class Judged:
    """A picture's facts and what only its pixels tell.

    Attributes:
        facts: see Facts.
        area: pixels of its content's box.
        enlargement: how many times each of its pixels is repeated in either direction; 1 for what was not upscaled.
    """

    facts: Facts
    area: int
    enlargement: int


# Rule -> larger is better. Shown in this order, which is also the default one: a person's word first; then an enlarged
# copy must lose before sizes are compared, or it would always win.
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
    """What the rules say of N pictures, as arrays: a hundred thousand are ranked in a moment."""

    def __init__(self, pictures: Sequence[Judged]) -> None:
        self._values = {
            rule: np.array([value(one) for one in pictures], dtype=np.float64) for rule, value in RULES.items()
        }
        keys = np.array([one.facts.key for one in pictures])
        self.by_key = np.empty(len(keys), dtype=np.int64)
        self.by_key[np.argsort(keys, kind="stable")] = np.arange(len(keys))

    @property
    def kept(self) -> np.ndarray:
        """(N,) bool: the pictures the person said belong."""
        return self._values["kept"] > 0

    def with_kept(self, kept: np.ndarray) -> RuleTable:
        """The same pictures with other decisions: (N,) bool of which ones belong."""
        other = copy.copy(self)
        other._values = {**self._values, "kept": kept.astype(np.float64)}
        return other

    def best_first(self, rules: Sequence[str] = DEFAULT_RULES) -> np.ndarray:
        """(N,) int64 rows in order. Ties after all rules go by key, so equal inputs rank equally in any order.

        Raises UserError for an unknown rule.
        """
        for rule in rules:
            if rule not in RULES:
                raise UserError(f"unknown rule {rule!r}; known: {', '.join(RULES)}")
        # The last key of lexsort is the first that counts.
        return np.lexsort((self.by_key, *(-self._values[rule] for rule in reversed(rules))))

    def deciding(self, best: np.ndarray, other: np.ndarray, rules: Sequence[str] = DEFAULT_RULES) -> list[str]:
        """For rows (P,) and (P,): the first rule by which one beats the other; "" where only the tie-break does."""
        differ = np.array([self._values[rule][best] != self._values[rule][other] for rule in rules])
        differ = np.concatenate([differ.reshape(len(rules), len(best)), np.ones((1, len(best)), dtype=bool)])
        names = [*rules, ""]
        return [names[first] for first in differ.argmax(axis=0).tolist()]
