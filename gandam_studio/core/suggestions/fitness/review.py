"""Looking for unfit sprites: first the most suspicious, then a random audit that says when to stop."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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
FIRST_AUDIT = 60  # pictures: with none unfit among them, at most 6 % of the rest are
_BARREN = 60  # ranked pictures in a row on pages without an unfit one, after which the audit is offered


@dataclass(frozen=True, eq=False)
class _Audit:
    """A random order of all that nobody had looked at: an audit takes its pages from the front of it.

    Attributes:
        order: (F,) the rows.
        looks: how often it had been asked before whether to stop.
    """

    order: NDArray[np.intp]
    looks: int


@dataclass
class FitnessReview:
    """The fitness assistant for N sprites. Nothing here is written anywhere.

    Attributes:
        reason: what makes a sprite unfit, in the person's words.
        features: (N, D) of `hashing.variety.even_features`.
        labels: (N,) UNFIT, FIT or UNKNOWN.
        earlier: rows of the audits of earlier reviews, which say what scores are worth, as those of this one do.
        audited: rows of the random audits of this review, in the order drawn, as far as looked at.
        chances: (N,) how likely each sprite is unfit (`probabilities`); None without an audit.
    """

    reason: str
    features: NDArray[np.float32]
    labels: NDArray[np.int8]
    seed: int = 0
    earlier: Sequence[int] = ()
    audited: list[int] = field(default_factory=list)
    pages: int = 0
    _barren: int = 0
    _audit: _Audit | None = None
    _taken: int = 0  # pages of it
    _drawn: int = 0  # sprites of it that were looked at
    _unfit: int = 0  # of those
    _most_left: int | None = None  # what audits say: at most so many unfit sprites are left

    def __post_init__(self) -> None:
        self.labels = np.array(self.labels, np.int8)
        self._rng = np.random.default_rng(self.seed)
        # What was drawn and how often it was looked at stays, also where pages are taken back.
        self._audits: dict[bytes, _Audit] = {}
        self._looks = 0
        self._fit()

    def _fit(self) -> None:
        self.ranker: Ranker = fit(self.features, self.labels, self.seed)
        self.scores = self.ranker.scores()
        self.chances = self.probabilities() if len(self._calibrating) else None

    @property
    def rest(self) -> NDArray[np.intp]:
        """Sprites that were not looked at."""
        return np.flatnonzero(self.labels == UNKNOWN)

    @property
    def auditing(self) -> bool:
        """Whether the random audit has begun: its sprites are drawn from what was left then."""
        return self._audit is not None

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
        """Sprites drawn at random from all that nobody has looked at. The first call fixes what the audit is of.

        Asked again, it is the same page: drawing until the page looks well would make what it says worthless. From what
        was drawn from before, the same is drawn, and what was drawn counts as looked at.
        """
        rest = self.rest
        if self._audit is None:
            drawn_from = hashlib.blake2b(rest.tobytes(), digest_size=16).digest()
            if drawn_from not in self._audits:
                self._audits[drawn_from] = _Audit(self._rng.permutation(rest), self._looks)
            self._audit, self._taken, self._drawn, self._unfit = self._audits[drawn_from], 0, 0, 0
        self._looks = max(self._looks, self._audit.looks + self._taken + 1)
        order = self._audit.order
        return np.sort(order[self.labels[order] == UNKNOWN][:size])

    def accept(self, rows: NDArray[np.intp], unfit: NDArray[np.bool_], *, audit: bool = False) -> None:
        """Take what a person said of a page: (P,) which are unfit. The rest of it is fit."""
        self.take(rows, unfit, audit=audit)
        self.refit()

    def take(self, rows: NDArray[np.intp], unfit: NDArray[np.bool_], *, audit: bool = False) -> None:
        """Note what was said alone, which takes no time; `refit` learns from it."""
        self.labels[rows] = np.where(unfit, UNFIT, FIT)
        self.pages += 1
        found = int(unfit.sum())
        if self._most_left is not None:
            # Of the unfit that may have been left, these are left no more, whatever they were found by.
            self._most_left = max(0, self._most_left - found)
        if audit and self._audit is not None:
            self.audited += rows.tolist()
            self._taken, self._drawn, self._unfit = self._taken + 1, self._drawn + len(rows), self._unfit + found
            level = confidence_of_look(self._audit.looks + self._taken - 1)
            said = most_left(len(self._audit.order), self._drawn, self._unfit, level)
            # All that was said holds together with the whole confidence, so the least of it does.
            self._most_left = said if self._most_left is None else min(self._most_left, said)
        else:
            self._barren = 0 if unfit.any() else self._barren + len(rows)
            # What is left is no longer what the audit was drawn from: a new audit begins, and is one more look.
            self._audit = None

    def refit(self) -> None:
        """Learn from what was said."""
        self._fit()

    def snapshot(self) -> tuple[Any, ...]:
        """What a page changes, for `put_back`."""
        audit = (self._audit, self._taken, self._drawn, self._unfit, self._most_left)
        return self.labels.copy(), list(self.audited), (self.pages, self._barren), audit

    def put_back(self, state: tuple[Any, ...]) -> None:
        """Return to a snapshot; `refit` forgets what was learned since."""
        labels, audited, (self.pages, self._barren), audit = state
        self.labels, self.audited = labels.copy(), list(audited)
        self._audit, self._taken, self._drawn, self._unfit, self._most_left = audit

    def certificate(self) -> Certificate:
        """What may be said now: at most so many unfit sprites are left.

        Each page of an audit is a look, and all looks together keep the confidence. Without an audit every sprite that
        nobody has looked at may be unfit.
        """
        rest = len(self.rest)
        left = rest if self._most_left is None else min(rest, self._most_left)
        return Certificate(
            self.reason, len(self.labels), len(self.labels) - rest, int((self.labels == UNFIT).sum()),
            len(self.audited), int((self.labels[np.array(self.audited, np.intp)] == UNFIT).sum()), left, CONFIDENCE,
        )  # fmt: skip

    @property
    def _calibrating(self) -> NDArray[np.intp]:
        """The rows of all audits that were answered."""
        rows = np.unique(np.array([*self.earlier, *self.audited], np.intp))
        return rows[self.labels[rows] != UNKNOWN]

    def probabilities(self) -> NDArray[np.float64]:
        """(N,) how likely each sprite is unfit, calibrated on the audits; without one, spread over the whole range."""
        rows = self._calibrating
        # Scores of the audit from a model that has not seen it, or they would look better than they are.
        blind = self.labels.copy()
        blind[rows] = UNKNOWN
        scores = fit(self.features, blind, self.seed).scores()
        low, high = calibration.venn_abers(scores[rows], self.labels[rows] == UNFIT, scores)
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
