"""Which picture of a group is best: rules in an order the person chooses, every tie broken the same way every time."""

from __future__ import annotations

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


def ranking(pictures: Sequence[Judged], rules: Sequence[str] = DEFAULT_RULES) -> np.ndarray:
    """(N,) int64, 0 for the best. Ties after all rules go by key, so equal inputs rank equally in any order.

    Raises UserError for an unknown rule.
    """
    for rule in rules:
        if rule not in RULES:
            raise UserError(f"unknown rule {rule!r}; known: {', '.join(RULES)}")
    names = [RULES[rule] for rule in rules]
    order = sorted(
        range(len(pictures)),
        key=lambda row: (*(-name(pictures[row]) for name in names), pictures[row].facts.key),
    )
    rank = np.empty(len(pictures), dtype=np.int64)
    rank[order] = np.arange(len(pictures))
    return rank


def deciding_rule(best: Judged, other: Judged, rules: Sequence[str] = DEFAULT_RULES) -> str:
    """The first rule by which one picture beats the other; "" when only the tie-break does."""
    for rule in rules:
        if RULES[rule](best) != RULES[rule](other):
            return rule
    return ""


def enlargement(rgba: np.ndarray) -> int:
    """The largest k for which an (h, w, 4) content is another one with every pixel repeated k x k times.

    1 if none is.
    """
    height, width = rgba.shape[:2]
    if not height or not width:
        return 1
    words = np.ascontiguousarray(rgba).view(np.uint32)[..., 0]
    rows = np.flatnonzero((words[1:] != words[:-1]).any(axis=1)) + 1
    columns = np.flatnonzero((words[:, 1:] != words[:, :-1]).any(axis=0)) + 1
    if not len(rows) and not len(columns):
        return 1  # one flat colour: nothing tells
    return int(np.gcd.reduce(np.concatenate([rows, columns, [height, width]])))
