"""Turning a set the same way, page by page: the person marks what is wrong, everything else is learned from.

A page holds the surest sprites as they would look, stacks first turned as one. It is as long as a few of them are
expected to be wrong, so pages grow while the model is right, and shrink where it is not. What was on a page is
confirmed when the page is accepted, and the model is fitted again.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.suggestions.facing.features import DIMENSIONS, Halves
from gandam_studio.core.suggestions.facing.fronts import WORTH_ASKING, likely_fronts, looks
from gandam_studio.core.suggestions.facing.groups import Groups, stacks
from gandam_studio.core.suggestions.facing.kernel import OddKernels, View
from gandam_studio.core.suggestions.facing.model import Belief, Signs, believe, left_out, likeliest, start

LEFT, RIGHT, FRONT, UNKNOWN = 1, -1, 2, 0
SMALLEST, LARGEST = 8, 400  # sprites on a page
ROOM, MOST_ROOM = 24, 60  # sprites that a window shows; a page of more would teach too late what is wrong on it
_SHARE = 20  # a window counts only up to this part of the set, so that a small set is learned from as well
SURE = 0.95
SYMMETRIC = 0.004  # of the mean kernel with itself: such a sprite looks like its mirror image
_ONE_WRONG_IN = 12  # sprites of a full window, as far as the model can tell
_POOR = 0.2  # of a page wrong
_PATIENCE = 2  # full pages in a row that were no better than turning by hand, before plain order,
_LOOKED_BACK = 4  # unless as many pages together were better than turning by hand: two may be bad luck
_GUESS_ODDS = math.log(0.65 / 0.35)  # of sprites that the start turns alike; 70 to 95 % on sets it was tried on
_GUESS_LASTS = 10.0  # answers
# Margins are worth the first times as much as the model believes, as on other sets: a belief worth the second answers.
_USUAL = (3.0, 80.0)
_CAUTIOUS = (1.6, 150.0)  # for the length of pages, since a long page teaches late what is wrong on it
_SHARED = 1.0  # of the mean of a stack, beside each sprite's own margin, while none of it is confirmed
_A_STACK = 3  # sprites
_FRONTS_LOST = 8  # suggested fronts, more wrong than right, before none is suggested any more
_SURPRISE_TRUST = 4.0  # wrong sprites' worth of belief that as many are wrong as expected

_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Page:
    """What is shown at once.

    Attributes:
        rows: (P,) sprites, members of a group next to each other.
        signs: (P,) +1 for left, -1 for right, in the picture before the flip, as the page has them.
        chances: (P,) of being right, .5 to 1.
        plain: whether this is plain order, the sprites as they are.
        front: whether these are suggested to face front; then signs and chances say nothing.
    """

    rows: NDArray[np.intp]
    signs: Signs
    chances: NDArray[np.float64]
    plain: bool = False
    front: bool = False


@dataclass(frozen=True)
class Progress:
    """Attributes:
    confirmed: sprites a person has confirmed, of those that were compared.
    sure: sprites confirmed, or right with a chance of at least `SURE`; in plain order those confirmed.
    total: sprites that were compared, without those left alone.
    left_alone: sprites that look like their mirror images, which nobody is asked about.
    clicks: expected corrections that are left, judged by those that pages took so far.
    """

    confirmed: int
    sure: int
    total: int
    left_alone: int
    clicks: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """What comparing sprites by their features gives, all of them or some rows. It takes minutes for very many.

    Attributes:
        chosen: (M,) the rows, rising; None for all. What follows is about those alone.
        kernels: by kind of features.
        weights, noise: of the kernels, the likeliest for `known` confirmed sprites.
        view: the weighted sum of the kernels.
        groups: stacks.
        guess: (M,) which way they face, up to one sign for all, without any answer.
    """

    chosen: NDArray[np.intp] | None
    kernels: OddKernels
    weights: dict[str, float]
    noise: float
    known: int
    view: View
    groups: Groups
    guess: NDArray[np.float64]


def compare(
    features: Halves, sided: Signs, chosen: NDArray[np.intp] | None = None, check: Callable[[], None] = lambda: None
) -> Comparison:
    """Compare sprites, all or the `chosen` rows; `sided`, (N,), are LEFT or RIGHT where that is confirmed, else 0.

    Raises what `check` raises, which is called between the steps.
    """
    sided = sided if chosen is None else sided[chosen]
    kernels = OddKernels(features, chosen)
    check()
    weights, noise = likeliest(kernels, sided)
    check()
    view = kernels.view(weights, check)
    groups = stacks(view, check=check)
    guess = start(view) if len(sided) else np.zeros(0)
    check()
    return Comparison(chosen, kernels, weights, noise, int((sided != 0).sum()), view, groups, guess)


@dataclass
class FacingReview:
    """The facing assistant for N sprites. It writes nothing.

    It can begin with some of them: others are open once `grow` has brought a comparison with them.

    Attributes:
        features: even and odd halves of the pictures before the flip.
        labels: (N,) LEFT, RIGHT, FRONT or UNKNOWN in the picture before the flip: what is confirmed.
        shown: (N,) +1 where a sprite is not flipped now, -1 where it is.
        chosen: (M,) the rows, rising, that have features, if not all have; nothing is suggested for the others.
        wanted: LEFT or RIGHT, the side to face: in plain order sprites are taken to face it as they are.
        doubtful_first: order pages from the most doubtful.
    room: how many sprites the window shows at once.
    """

    features: Halves
    labels: Signs
    shown: Signs
    chosen: NDArray[np.intp] | None = None
    wanted: int = LEFT
    doubtful_first: bool = False
    room: int = ROOM
    plain: bool = False
    pages: int = 0
    clicks: int = 0
    turned: int = 0
    asked: int = 0
    _fruitless: int = 0
    _spared: list[int] = field(default_factory=list)
    _unjudged: tuple[int, int, int] = (0, 0, 0)  # wrong, by hand and in all on short pages, until they fill a window
    _history: list[tuple[float, bool]] = field(default_factory=list)
    _slope: float = _USUAL[0]
    _cautious_slope: float = _CAUTIOUS[0]
    _weighed: int = 0

    def __post_init__(self) -> None:
        self.labels = np.array(self.labels, np.int8)
        self._has_side = np.zeros(len(self.labels), bool)  # said not to face front, but not yet which way
        self._fronts_told = [0, 0]  # of those suggested to face front, how many did not, and did
        self._take(compare(self.features, self.sided, self.chosen))
        # Without pages, confirmed sprites say what margins are worth.
        self._weigh_margins(left_out(self.view, self._of_chosen(self.sided), self.noise))
        self._fit()

    def _take(self, compared: Comparison) -> None:
        self.chosen = compared.chosen
        self.kernels, self.weights, self.noise = compared.kernels, compared.weights, compared.noise
        self.view: View = compared.view
        found = compared.groups
        self.groups = Groups(self._among_all(found.number, -1), self._among_all(found.sign, 1))
        self.symmetric = self._among_all(self.view.diagonal < SYMMETRIC, False)
        self._guess = self._among_all(compared.guess, 0.0)
        self._looks: NDArray[np.float32] | None = None  # found once they are needed

    def _of_chosen(self, values: NDArray[_Number]) -> NDArray[_Number]:
        """(M,) of (N,) values those of the sprites that were compared."""
        return values if self.chosen is None else values[self.chosen]

    def _among_all(self, values: NDArray[_Number], other: float) -> NDArray[_Number]:
        """(N,) values from (M,) of the sprites that were compared; `other` for the rest."""
        if self.chosen is None:
            return values
        result = np.full(len(self.labels), other, values.dtype)
        result[self.chosen] = values
        return result

    @property
    def closely(self) -> bool:
        """Whether features have what the network sees."""
        return self.features.even.shape[1] > DIMENSIONS

    def see(self, others: Halves) -> None:
        """Add features that took longer: what the network sees. Stacks may be others then; nothing is lost."""
        self.features = self.features.beside(others)
        self.grow(compare(self.features, self.sided, self.chosen))
        self._fit()

    def grow(self, compared: Comparison) -> None:
        """Go on with a comparison of more sprites, or by more features; what was confirmed stays.

        `refit` has to follow.
        """
        self._weighed = compared.known
        self._take(compared)

    @property
    def compared(self) -> int:
        """How many sprites something is suggested for, or could be."""
        return len(self.labels) if self.chosen is None else len(self.chosen)

    @property
    def sided(self) -> Signs:
        """(N,) LEFT or RIGHT where that is confirmed, 0 elsewhere: what the model learns from."""
        return np.where(self.labels == FRONT, 0, self.labels).astype(np.int8)

    @property
    def _as_is(self) -> Signs:
        """(N,) the labels of sprites that all face the wanted side as they are shown now."""
        return (self.shown * self.wanted).astype(np.int8)

    @property
    def open(self) -> NDArray[np.intp]:
        """Sprites that are not confirmed; those that look like their mirror images face front and are left alone."""
        rest = (self.labels == UNKNOWN) & ~self.symmetric
        if self.chosen is None:
            return np.flatnonzero(rest)
        return self.chosen[rest[self.chosen]]

    @property
    def started(self) -> bool:
        """Whether it is known which way is left: one answer is enough."""
        return bool((self._of_chosen(self.sided) != 0).any())

    # What is believed

    def _weigh_margins(self, shown: list[tuple[float, bool]]) -> None:
        """Learn from (margin, whether right) what margins are worth."""
        self._slope = _fitted_slope(shown, *_USUAL)
        self._cautious_slope = _fitted_slope(shown, *_CAUTIOUS)

    def _fit(self) -> None:
        chosen = self._of_chosen
        self.belief: Belief = believe(self.view, chosen(self.sided), self.noise)
        margin, shown = self.belief.margin, chosen(self.shown)
        if not self.started:
            # Everything is known up to one sign: the one that turns the fewest sprites.
            guess = chosen(self._guess)
            size = np.abs(guess) / max(float(np.abs(guess).max(initial=0)), 1e-9)
            margin = np.sign(guess) * size
            if float((margin * shown).sum()) < 0:
                margin = -margin
        else:
            margin = self._shared(margin)
        # Where most that are confirmed were right as they are, the rest may be too.
        signs = np.where(margin >= 0, 1, -1)
        more = self._as_is_odds() * signs * shown
        if self.started:
            more = more + self._guess_odds() * signs
        cautious = _odds(self._cautious_slope * np.abs(margin)) + more
        best = np.where(cautious >= 0, signs, -signs).astype(np.int8)
        odds = (_odds(self._slope * np.abs(margin)) + more) * signs * best
        self.margin, self.signs = self._among_all(margin, 0.0), self._among_all(best, 1)
        self._cautious = self._among_all(1 / (1 + np.exp(-np.abs(cautious))), 0.5)
        self.chances = self._among_all(1 / (1 + np.exp(-np.maximum(odds, 0))), 0.5)
        self.fronts = self.fronts_above(WORTH_ASKING)

    def fronts_above(self, score: float) -> NDArray[np.intp]:
        """Open sprites that look like those said to face front, with a score above one, the likeliest first."""
        labels, has_side = self._of_chosen(self.labels), self._of_chosen(self._has_side)
        fronts = labels == FRONT
        if not fronts.any() or self._fronts_told[0] > self._fronts_told[1] + _FRONTS_LOST:
            return np.empty(0, np.intp)
        if self._looks is None:
            self._looks = looks(self.features.even, self.chosen)
        found = likely_fronts(
            self._looks, np.where(fronts, 1, np.where((labels != UNKNOWN) | has_side, -1, 0)).astype(np.int8), score
        )
        found = found if self.chosen is None else self.chosen[found]
        return found[~self.symmetric[found]]

    def _shared(self, margin: NDArray[np.float64]) -> NDArray[np.float64]:
        """(M,) margins, drawn to the mean of their stack as long as little of that is confirmed.

        A stack is turned as one, so what is known about its sprites is known about all.
        """
        number, sign = self._of_chosen(self.groups.number), self._of_chosen(self.groups.sign)
        size = np.bincount(number)
        mean = np.bincount(number, sign * margin) / size
        confirmed = np.bincount(number, self._of_chosen(self.labels) != UNKNOWN)
        pull = (_SHARED * (size >= _A_STACK) / (1 + confirmed))[number]
        return np.asarray((margin + pull * sign * mean[number]) / (1 + pull), np.float64)

    def _as_is_odds(self) -> float:
        """Log odds, shrunk to 0, that a sprite faces left as it is shown now."""
        known = self.sided != 0
        left = int((self.sided[known] == self.shown[known]).sum())
        count = int(known.sum())
        if not count:
            return 0.0
        share = (left + 2) / (count + 4)
        doubt = 1.96 * math.sqrt(share * (1 - share) / (count + 4))
        near = share - doubt if share > 0.5 else share + doubt
        return 0.0 if (near - 0.5) * (share - 0.5) <= 0 else math.log(near / (1 - near))

    def _guess_odds(self) -> NDArray[np.float64]:
        """(M,) log odds for left by what was guessed without any answer, once answers say which way that is.

        It counts less the more is confirmed, since the model has then learned what the guess knew.
        """
        guess, sided = self._of_chosen(self._guess), self._of_chosen(self.sided)
        known = np.flatnonzero(sided != 0)
        agrees = np.sign(guess[known]) == sided[known]
        share = (float(agrees.sum()) + 1) / (len(known) + 2)
        way = 1.0 if share >= 0.5 else -1.0
        return way * np.sign(guess) * _GUESS_ODDS / (1 + len(known) / _GUESS_LASTS)

    def nearest(self, row: int, count: int = 3) -> list[tuple[int, float]]:
        """Why: the confirmed sprites most alike, as (row, normalised kernel; below 0 for one turned against it)."""
        everything = np.arange(len(self.labels)) if self.chosen is None else self.chosen
        place = int(np.searchsorted(everything, row))
        known = np.flatnonzero(self.sided[everything] != 0)
        if not len(known) or place >= len(everything) or everything[place] != row:
            return []
        own = math.sqrt(max(float(self.view.diagonal[place]), 1e-6))
        alike = (
            self.view.between(np.array([place]), known)[0] / np.sqrt(np.maximum(self.view.diagonal[known], 1e-6)) / own
        )
        best = np.argsort(-np.abs(alike), kind="stable")[:count]
        return [(int(everything[known[one]]), float(np.clip(alike[one], -1, 1))) for one in best]

    def progress(self) -> Progress:
        """How far this is."""
        rest = self.open
        alone = int((self._of_chosen(self.symmetric) & (self._of_chosen(self.labels) == UNKNOWN)).sum())
        total = self.compared - alone
        confirmed = total - len(rest)
        if self.plain:
            # As many as so far are not turned the right way; the model has shown that it cannot tell.
            return Progress(confirmed, confirmed, total, alone, len(rest) * (self.turned + 1) / (self.asked + 2))
        # What is learned on the way makes the rest easier: by more than half, on the sets it was tried on.
        learning = 0.35 + 0.5 * (confirmed / max(1, self.compared)) ** 2
        left = (
            self._surprises() * learning * float((1 - self._cautious[rest]).sum()) if self.started else 0.5 * len(rest)
        )
        sure = confirmed + (int((self.chances[rest] >= SURE).sum()) if self.started else 0)
        return Progress(confirmed, sure, total, alone, left)

    def _surprises(self) -> float:
        """Wrong sprites on the pages so far over the number expected: what corrects the expectation for the rest."""
        if not self._history:
            return 1.0
        chances = _chance(self._cautious_slope * np.array([margin for margin, _ in self._history]))
        wrong = sum(not right for _, right in self._history)
        return float((wrong + _SURPRISE_TRUST) / (float((1 - chances).sum()) + _SURPRISE_TRUST))

    # Pages

    def first(self) -> int:
        """The sprite to ask about first: the surest of the largest group. -1 if nothing is open."""
        rest = self.open
        if not len(rest):
            return -1
        sizes = np.bincount(self.groups.number[rest], minlength=int(self.groups.number.max()) + 1)
        value = sizes[self.groups.number[rest]] * np.abs(self._guess[rest])
        return int(rest[int(value.argmax())])

    def answer(self, row: int, label: int) -> None:
        """Take the one answer that tells left from right: LEFT, RIGHT or FRONT."""
        self.take_answer(row, label)
        self.refit()

    def take_answer(self, row: int, label: int) -> None:
        """Only note the answer; `refit` learns from it."""
        self.clicks += 1
        self.labels[row] = label

    def page(self) -> Page:
        """The next page; empty when nothing is open. What seems to face front comes first."""
        rest = self.open
        if len(self.fronts):
            # Few at first: what looks alike may have nothing but its style in common.
            most = max(SMALLEST, min(self.room, MOST_ROOM, self._fronts_told[1]))
            rows = self._by_group(self.fronts[:most])
            return Page(rows, self.signs[rows].copy(), np.full(len(rows), 0.5), front=True)
        if self.plain:
            rows = rest[: SMALLEST * 6]
            return Page(rows, self._as_is[rows], np.full(len(rows), 0.5), plain=True)
        chances = self._cautious[rest]
        # By the margin: chances of sure sprites are all nearly 1.
        key = -np.abs(self.margin[rest]) if not self.doubtful_first else np.abs(self.margin[rest])
        order = np.argsort(key, kind="stable")
        window = self._window()
        wrong = max(1.0, window / _ONE_WRONG_IN)
        most = int(np.searchsorted(np.cumsum(1 - chances[order]), wrong, side="right"))
        # Few where many are wrong, so that they are learned from before the next are shown.
        most = min(max(most, window if self.doubtful_first else SMALLEST), LARGEST, self._limit(window))
        taken = rest[order[:most]]
        rows = self._by_group(taken)
        return Page(rows, self.signs[rows].copy(), self.chances[rows])

    @property
    def windows(self) -> int:
        """Pages that were accepted; short ones count together, once they would have filled the window."""
        return min(self.pages, self.asked // self._window())

    def _window(self) -> int:
        """How many sprites a page would fill the window with; a small set's are shorter."""
        return max(SMALLEST, min(self.room, MOST_ROOM, self.compared // _SHARE))

    def _limit(self, window: int) -> int:
        """Until pages have shown what the model's confidence is worth, they grow step by step."""
        return window * 4 ** min(1 + self.windows, 6) if self.started else SMALLEST

    def _by_group(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Rows with members of a group next to each other, groups in the order of their first member."""
        first: dict[int, int] = {}
        for place, group in enumerate(self.groups.number[rows].tolist()):
            first.setdefault(group, place)
        return rows[np.argsort([first[group] for group in self.groups.number[rows].tolist()], kind="stable")]

    def accept(
        self, page: Page, wrong: NDArray[np.bool_], front: NDArray[np.bool_] | None = None, clicks: int = 0
    ) -> None:
        """Confirm a page: (P,) which sprites are turned the wrong way, and which face front; `clicks` it took.

        Of a page of fronts, `wrong` are those that have a side: which one is asked on another page.
        """
        self.take(page, wrong, front, clicks)
        self.refit()

    def take(
        self, page: Page, wrong: NDArray[np.bool_], front: NDArray[np.bool_] | None = None, clicks: int = 0
    ) -> None:
        """Only note what was confirmed, which takes no time; `refit` learns from it."""
        if page.front:
            self.labels[page.rows[~wrong]] = FRONT
            self._has_side[page.rows[wrong]] = True
            self._fronts_told[0] += int(wrong.sum())
            self._fronts_told[1] += int((~wrong).sum())
            self.clicks += clicks
            return
        front = np.zeros(len(page.rows), bool) if front is None else front
        right = np.where(wrong, -page.signs, page.signs)
        self.labels[page.rows] = np.where(front, FRONT, right)
        self.pages += 1
        self.clicks += clicks
        as_is = self._as_is[page.rows]
        self.turned += int((right[~front] != as_is[~front]).sum())
        self.asked += len(page.rows)
        if not page.plain:
            judged = ~front
            self._history += list(
                zip(np.abs(self.margin[page.rows][judged]).tolist(), (~wrong[judged]).tolist(), strict=True)
            )
            self._judge(int(wrong[judged].sum()), int((right[judged] != as_is[judged]).sum()), int(judged.sum()))

    def snapshot(self) -> tuple[Any, ...]:
        """What a page changes, for `restore`."""
        counts = (self.pages, self.clicks, self.turned, self.asked, self.plain, self._fruitless, self._unjudged)
        # Kernels of fewer sprites, which may be large, are not kept alive.
        seen = (weakref.ref(self.kernels), self.weights, self.noise, self._weighed)
        known = (self.labels.copy(), self._has_side.copy(), list(self._fronts_told))
        return known, counts, (list(self._history), list(self._spared)), seen

    def restore(self, state: tuple[Any, ...]) -> None:
        """Return to a snapshot."""
        self.put_back(state)
        self._weigh_margins(self._history)
        self._fit()

    def put_back(self, state: tuple[Any, ...]) -> None:
        """Return to a snapshot that nothing was learned since."""
        (labels, has_side, told), counts, (history, spared), seen = state
        self._has_side, self._fronts_told = has_side.copy(), list(told)
        self.labels, self._history, self._spared = labels.copy(), list(history), list(spared)
        if seen[0]() is self.kernels:  # features and sprites that were added in between stay
            _, self.weights, self.noise, self._weighed = seen
            self.view = self.kernels.view(self.weights)
        self.pages, self.clicks, self.turned, self.asked, self.plain, self._fruitless, self._unjudged = counts

    def _judge(self, wrong: int, by_hand: int, count: int) -> None:
        """Fall back to plain order after pages that took at least as many corrections as turning by hand would.

        Short pages count together, as one that fills the window: one alone may be bad luck.
        """
        wrong, by_hand, count = wrong + self._unjudged[0], by_hand + self._unjudged[1], count + self._unjudged[2]
        if count < self._window():
            self._unjudged = (wrong, by_hand, count)
            return
        self._unjudged = (0, 0, 0)
        # A page that is nearly right has done its work, even where by hand there was nothing to do.
        helped = wrong < by_hand or wrong < _POOR * count
        self._fruitless = 0 if helped else self._fruitless + 1
        self._spared.append(by_hand - wrong)
        if self._fruitless >= _PATIENCE and sum(self._spared[-_LOOKED_BACK:]) <= 0:
            self.plain = True

    def refit(self) -> None:
        """Learn from what is confirmed."""
        sided = self._of_chosen(self.sided)
        known = int((sided != 0).sum())
        # Weights are chosen again whenever twice as much is known; a large set keeps those of its first pages.
        if known >= 16 and known >= 2 * self._weighed and (self.view.gram is not None or not self._weighed):
            self._weighed = known
            weights, self.noise = likeliest(self.kernels, sided)
            if weights != self.weights:
                self.weights = weights
                self.view = self.kernels.view(weights)
        self._weigh_margins(self._history)
        self._fit()


def _chance(margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """The normal distribution's function at `margin`, kept from 1."""
    # Abramowitz and Stegun 1964, 26.2.17: to 7.5e-8, without scipy.
    t = 1 / (1 + 0.2316419 * margin)
    tail = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    return np.clip(1 - np.exp(-(margin**2) / 2) / math.sqrt(2 * math.pi) * tail, 0.5, 1 - 1e-6)


def _odds(margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log odds of `_chance`."""
    chance = _chance(margin)
    return np.asarray(np.log(chance / (1 - chance)), np.float64)


def _fitted_slope(history: list[tuple[float, bool]], usual: float, trust: float) -> float:
    """By how much margins must be stretched for their chances to agree with what pages have shown.

    The likeliest of a list, given a belief worth `trust` answers in the `usual` one (Platt 1999, one slope).
    """
    if not history:
        return usual
    margins = np.array([margin for margin, _ in history])
    right = np.array([was for _, was in history])
    prior = np.linspace(0.2, 2.5, 24) / usual
    own = _chance(usual * prior)
    best, best_score = usual, -math.inf
    for slope in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0):
        chance = np.minimum(_chance(slope * margins), 1 - 1e-4)
        believed = np.minimum(_chance(slope * prior), 1 - 1e-4)
        score = float(np.where(right, np.log(chance), np.log(1 - chance)).sum())
        score += trust * float((own * np.log(believed) + (1 - own) * np.log(1 - believed)).mean())
        if score > best_score:
            best, best_score = slope, score
    return best
