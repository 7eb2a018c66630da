"""Looking for unfit sprites: first the most suspicious, then a random audit that says when to stop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.hashing.variety import farthest_first
from gandam_studio.core.suggestions.fitness import calibration
from gandam_studio.core.suggestions.fitness.certificate import (
    CONFIDENCE,
    Certificate,
    confidence_of_look,
    most_left,
)
from gandam_studio.core.suggestions.fitness.ranking import Ranker, fit

FIT, UNFIT, UNKNOWN = -1, 1, 0
PAGE = 48
FIRST_AUDIT = 60  # pictures: with none unfit among them, at most 5 % of the rest are, at 95 % confidence
_BARREN = 2  # ranked pages in a row without an unfit picture, after which the audit is offered


@dataclass
class FitnessReview:
    """The fitness assistant for N sprites. Nothing here is written anywhere.

    Attributes:
        reason: what makes a sprite unfit, in the person's words.
        features: (N, D) of `hashing.variety.even_features`.
        labels: (N,) UNFIT, FIT or UNKNOWN.
        audited: rows of the random audit, in the order drawn, as far as looked at.
    """

    reason: str
    features: NDArray[np.float32]
    labels: NDArray[np.int8]
    seed: int = 0
    audited: list[int] = field(default_factory=list)
    looks: int = 0
    pages: int = 0
    _barren: int = 0
    _frame: int = 0  # sprites the audit is drawn from
    _found: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.labels = np.array(self.labels, np.int8)
        self._rng = np.random.default_rng(self.seed)
        self._fit()

    def _fit(self) -> None:
        self.ranker: Ranker = fit(self.features, self.labels, self.seed)
        self.scores = self.ranker.scores()

    @property
    def rest(self) -> NDArray[np.intp]:
        """Sprites that were not looked at."""
        return np.flatnonzero(self.labels == UNKNOWN)

    @property
    def auditing(self) -> bool:
        """Whether the random audit has begun: its sprites are drawn from what was left then."""
        return self._frame > 0

    @property
    def ready(self) -> bool:
        """Whether the ranked part has run dry, so that the audit is worth its pictures."""
        return self._barren >= _BARREN or not len(self.rest)

    def ranked_page(self, size: int = PAGE) -> NDArray[np.intp]:
        """The most suspicious sprites that nobody has looked at; without an example, ones of all kinds."""
        rest = self.rest
        if not (self.labels == UNFIT).any():
            return rest[farthest_first(self.features[rest], size)]
        return rest[np.argsort(-self.scores[rest], kind="stable")[:size]]

    def audit_page(self, size: int = FIRST_AUDIT) -> NDArray[np.intp]:
        """Sprites drawn at random from all that nobody has looked at. The first call fixes what the audit is of."""
        rest = self.rest
        if not self.auditing:
            self._frame = len(rest)
        return np.sort(self._rng.choice(rest, min(size, len(rest)), replace=False))

    def accept(self, rows: NDArray[np.intp], unfit: NDArray[np.bool_], *, audit: bool = False) -> None:
        """Take what a person said of a page: (P,) which are unfit. The rest of it is fit."""
        self.take(rows, unfit, audit=audit)
        self.refit()

    def take(self, rows: NDArray[np.intp], unfit: NDArray[np.bool_], *, audit: bool = False) -> None:
        """Note what was said alone, which takes no time; `refit` learns from it."""
        self.labels[rows] = np.where(unfit, UNFIT, FIT)
        self.pages += 1
        if audit:
            self.audited += rows.tolist()
            self._found += unfit.tolist()
            self.looks += 1
        else:
            self._barren = 0 if unfit.any() else self._barren + 1
            # What is left is no longer what the audit was drawn from: a new audit begins, and is one more look.
            self._frame, self.audited, self._found = 0, [], []

    def refit(self) -> None:
        """Learn from what was said."""
        self._fit()

    def snapshot(self) -> tuple[Any, ...]:
        """What a page changes, and the dice of the audit, for `put_back`."""
        lists = (list(self.audited), list(self._found))
        counts = (self.looks, self.pages, self._barren, self._frame)
        return self.labels.copy(), lists, counts, self._rng.bit_generator.state

    def put_back(self, state: tuple[Any, ...]) -> None:
        """Return to a snapshot; `refit` forgets what was learned since."""
        labels, (audited, found), counts, dice = state
        self.labels, self.audited, self._found = labels.copy(), list(audited), list(found)
        self.looks, self.pages, self._barren, self._frame = counts
        self._rng.bit_generator.state = dice

    def certificate(self, confidence: float = CONFIDENCE) -> Certificate:
        """What may be said now: at most so many unfit sprites are left.

        Each page of the audit is a look, and all looks together keep the confidence. Without an audit every sprite
        that nobody has looked at may be unfit.
        """
        rest = len(self.rest)
        found = sum(self._found)
        if self.auditing and self.audited:
            level = confidence_of_look(self.looks - 1, confidence)
            left = min(rest, most_left(self._frame, len(self.audited), found, level))
        else:
            left = rest
        return Certificate(
            self.reason, len(self.labels), len(self.labels) - rest, int((self.labels == UNFIT).sum()),
            len(self.audited), found, left, confidence,
        )  # fmt: skip

    def probabilities(self) -> NDArray[np.float64]:
        """(N,) how likely each sprite is unfit, calibrated on the audit; without one, spread over the whole range."""
        rows = np.array(self.audited, np.intp)
        # Scores of the audit from a model that has not seen it, or they would look better than they are.
        blind = self.labels.copy()
        blind[rows] = UNKNOWN
        scores = fit(self.features, blind, self.seed).scores()
        low, high = calibration.venn_abers(scores[rows], np.array(self._found, bool), scores)
        return calibration.probability(low, high)

    def nearest(self, row: int, count: int = 3) -> list[tuple[int, float]]:
        """Why: the examples most alike, as (row, likeness from 0 to 1)."""
        known = np.flatnonzero(self.labels != UNKNOWN)
        known = known[known != row]
        if not len(known):
            return []
        distances = ((self.features[known] - self.features[row]) ** 2).sum(axis=1)
        best = np.argsort(distances, kind="stable")[:count]
        return [(int(known[place]), float(np.exp(-distances[place] / self.ranker.width))) for place in best]
