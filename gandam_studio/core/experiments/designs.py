"""Designs of experiments: which combinations of the factors' levels are trained, and what can be told from them.

A combination is a tuple of level numbers, one a factor; level 0 is the base's. Two-level fractions are regular
(Box, Hunter and Hunter, Statistics for Experimenters, chapter 12); their alias structure is computed, not tabulated.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from gandam_studio.core.errors import UserError

ONE_AT_A_TIME, FULL, FRACTIONAL = "one-at-a-time", "full", "fractional"
DESIGNS = (ONE_AT_A_TIME, FULL, FRACTIONAL)
MOST_CELLS = 256
MOST_FACTORS = 12

Combination = tuple[int, ...]
# Number of factors -> generators of the smallest fraction of resolution III, IV and V or more, as products of the
# first factors (Box, Hunter and Hunter, table 12.15). A number that is missing has no fraction here.
_GENERATORS: dict[int, dict[int, tuple[str, ...]]] = {
    3: {3: ("AB",)},
    4: {4: ("ABC",)},
    5: {3: ("AB", "AC"), 5: ("ABCD",)},
    6: {3: ("AB", "AC", "BC"), 4: ("ABC", "BCD"), 5: ("ABCDE",)},
    7: {3: ("AB", "AC", "BC", "ABC"), 4: ("ABC", "BCD", "ACD"), 5: ("ABCDEF",)},
    8: {4: ("BCD", "ACD", "ABC", "ABD"), 5: ("ABCD", "ABEF")},
}
LETTERS = "ABCDEFGHIJKL"


@dataclass(frozen=True)
class Part:
    """A comparison that is complete in itself: a weighted sum of combinations, whose weights add up to 0."""

    weights: tuple[tuple[Combination, float], ...]


@dataclass(frozen=True)
class Contrast:
    """An effect as a mean of parts.

    Attributes:
        factors: one factor's number, or two for an interaction. level: the factor's level compared with level 0 (1 for
            an interaction). parts: see `Part`; several where the same comparison is made beside other levels.
        aliases: effects that cannot be told from this one, as tuples of factors' numbers.
    """

    factors: tuple[int, ...]
    level: int
    parts: tuple[Part, ...]
    aliases: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Design:
    """Combinations to train, and the effects that can be computed from them.

    Attributes:
        kind: one of `DESIGNS`. levels: number of levels of each factor. combinations: the base first.
        resolution: of a fraction; 0 otherwise. contrasts: main effects first, then interactions.
    """

    kind: str
    levels: tuple[int, ...]
    combinations: tuple[Combination, ...]
    contrasts: tuple[Contrast, ...]
    resolution: int = 0
    words: tuple[tuple[int, ...], ...] = field(default=())

    def saturated(self) -> list[Part]:
        """As many independent effects as combinations less one, for Lenth's method; none unless all have two levels."""
        count = len(self.combinations)
        free = count.bit_length() - 1
        if self.kind == ONE_AT_A_TIME or set(self.levels) != {2} or count != 1 << free:
            return []
        subsets = (s for r in range(1, free + 1) for s in itertools.combinations(range(free), r))
        return [_column(self.combinations, subset) for subset in subsets]

    def tells(self, names: Sequence[str]) -> tuple[list[str], list[str]]:
        """What this design can tell and what it cannot, in sentences about factors of these names."""
        count = len(self.combinations)
        if self.kind == ONE_AT_A_TIME:
            cannot = ["whether changes help or hinder each other: each was tried beside the base alone"]
            return ["what each change does to the base, by itself"], cannot if len(self.levels) > 1 else []
        if self.kind == FULL:
            told = ["what each change does, on average over the others"]
            if len(self.levels) > 1:
                told.append("for each pair of changes with two levels, whether they help or hinder each other")
            return told, []
        of = math.prod(self.levels)
        told = [f"what each change does, on average over the others, from {count} of {of} combinations"]
        cannot = []
        for contrast in self.contrasts:
            mixed = [alias for alias in contrast.aliases if len(alias) <= 2]
            if mixed:
                others = " and ".join(_product(alias, names) for alias in mixed)
                cannot.append(f"{_product(contrast.factors, names)} cannot be told from {others}")
        if not cannot:
            told.append("whether each pair of changes helps or hinders each other, if no three do")
        elif self.resolution == 3:
            cannot.insert(0, "effects of single changes are right only where pairs of changes do not act together")
        return told, cannot


def _product(factors: Sequence[int], names: Sequence[str]) -> str:
    return " × ".join(names[factor] for factor in factors)


def make_design(kind: str, levels: Sequence[int], resolution: int = 0) -> Design:
    """A design for factors with these numbers of levels.

    Args:
        kind: one of `DESIGNS`.
        levels: at least 2 each.
        resolution: of a fraction: 3 to 5; 0 takes 4 where it is smaller than the full design, else 3, else 5.

    Raises UserError when there is no such design, or it has more than `MOST_CELLS` combinations.
    """
    levels = tuple(levels)
    if not levels or min(levels) < 2:
        raise UserError("a factor needs at least two levels, and an experiment a factor")
    if len(levels) > MOST_FACTORS:
        raise UserError(f"at most {MOST_FACTORS} factors, not {len(levels)}")
    if kind == FRACTIONAL:
        return _fraction(levels, resolution)
    if kind == FULL:
        _check_size(math.prod(levels))
        combinations = tuple(itertools.product(*(range(count) for count in levels)))
        return Design(kind, levels, combinations, (*_main_of_full(levels), *_pairs_of_full(levels)))
    base = (0,) * len(levels)
    single = [(f, level, _with(base, f, level)) for f, count in enumerate(levels) for level in range(1, count)]
    contrasts = tuple(Contrast((f,), level, (Part(((other, 1.0), (base, -1.0))),)) for f, level, other in single)
    return Design(ONE_AT_A_TIME, levels, (base, *(other for _, _, other in single)), contrasts)


def _check_size(count: int) -> None:
    if count > MOST_CELLS:
        raise UserError(f"{count:,} combinations are too many to train; at most {MOST_CELLS}: take a fractional design")


def _with(combination: Combination, factor: int, level: int) -> Combination:
    return (*combination[:factor], level, *combination[factor + 1 :])


def _contexts(levels: Sequence[int], without: tuple[int, ...]) -> list[Combination]:
    """Every combination of the other factors' levels; the given factors are at level 0."""
    return list(itertools.product(*((0,) if f in without else range(count) for f, count in enumerate(levels))))


def _main_of_full(levels: tuple[int, ...]) -> list[Contrast]:
    return [
        Contrast(
            (f,), level, tuple(Part(((_with(c, f, level), 1.0), (c, -1.0))) for c in _contexts(levels, (f,)))
        )
        for f, count in enumerate(levels)
        for level in range(1, count)
    ]  # fmt: skip


def _pairs_of_full(levels: tuple[int, ...]) -> list[Contrast]:
    """Interactions of two-level factors: half the difference that one makes to the effect of the other."""
    two = [f for f, count in enumerate(levels) if count == 2]
    found = []
    for f, g in itertools.combinations(two, 2):
        parts = []
        for c in _contexts(levels, (f, g)):
            both, one, other = _with(_with(c, f, 1), g, 1), _with(c, f, 1), _with(c, g, 1)
            parts.append(Part(((both, 0.5), (one, -0.5), (other, -0.5), (c, 0.5))))
        found.append(Contrast((f, g), 1, tuple(parts)))
    return found


def _fraction(levels: tuple[int, ...], resolution: int) -> Design:
    if set(levels) != {2}:
        raise UserError("a fractional design needs factors of two levels each")
    known = _GENERATORS.get(len(levels), {})
    if not known:
        raise UserError(f"there is no fractional design of {len(levels)} factors: from 3 to {max(_GENERATORS)}")
    if resolution and resolution not in known:
        there = ", ".join(map(str, known))
        raise UserError(f"there is no fraction of resolution {resolution} for {len(levels)} factors; there is {there}")
    chosen = resolution or next(r for r in (4, 3, 5) if r in known)
    generators = [tuple(map(LETTERS.index, word)) for word in known[chosen]]
    free = len(levels) - len(generators)
    # The signs of generated factors are turned so that the base, all at level 0, is one of the combinations.
    turned = [1 if len(word) % 2 else -1 for word in generators]
    combinations = []
    for signs in itertools.product((-1, 1), repeat=free):
        more = [t * math.prod(signs[i] for i in word) for t, word in zip(turned, generators, strict=True)]
        combinations.append(tuple((sign + 1) // 2 for sign in (*signs, *more)))
    words = _defining_words(free, generators)
    mains = [(f,) for f in range(len(levels))]
    pairs = list(itertools.combinations(range(len(levels)), 2))
    contrasts: list[Contrast] = []
    seen: set[frozenset[int]] = set()
    for factors in (*mains, *pairs):
        if frozenset(factors) in seen:
            continue
        aliases = sorted((tuple(sorted(set(factors) ^ word)) for word in words), key=lambda a: (len(a), a))
        seen |= {frozenset(alias) for alias in aliases}
        contrasts.append(Contrast(factors, 1, (_column(combinations, factors),), tuple(aliases)))
    return Design(
        FRACTIONAL, levels, tuple(combinations), tuple(contrasts), min(map(len, words)),
        tuple(sorted((tuple(sorted(word)) for word in words), key=lambda w: (len(w), w))),
    )  # fmt: skip


def _defining_words(free: int, generators: list[tuple[int, ...]]) -> list[frozenset[int]]:
    """The defining relation: every product of the generators with the factors that they define."""
    own = [frozenset(word) ^ {free + i} for i, word in enumerate(generators)]
    found = []
    for count in range(1, len(own) + 1):
        for chosen in itertools.combinations(own, count):
            word: frozenset[int] = frozenset()
            for one in chosen:
                word ^= one
            found.append(word)
    return found


def _column(combinations: Sequence[Combination], factors: tuple[int, ...]) -> Part:
    scale = 2 / len(combinations)
    return Part(tuple((c, scale * math.prod(2 * c[f] - 1 for f in factors)) for c in combinations))
