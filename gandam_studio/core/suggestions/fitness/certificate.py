"""When to stop looking: a bound on how many unfit pictures are left among those nobody has looked at.

n of N remaining pictures are drawn at random and k of them are unfit. Were m pictures of all N unfit, at most k in the
sample would have the hypergeometric probability P(X <= k; N, m, n). The bound is the largest m for which that is more
than 1 - confidence (Callaghan and Mueller-Hansen 2020, section 2.3; exact, not an approximation). A sample that was
ended because its bound looked good does not carry its confidence, so the risk is shared between the times that the
bound was looked at (`confidence_of_look`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

CONFIDENCE = 0.95
_LEAST_RISK = 2.0**-52


def most_left(total: int, sample: int, unfit: int, confidence: float = CONFIDENCE) -> int:
    """The most unfit among the `total` - `sample` pictures not looked at, at a confidence.

    `unfit` were found in a random sample of `sample` of the `total`. Raises ValueError for impossible numbers.
    """
    if not 0 <= unfit <= sample <= total or not 0 < confidence < 1:
        raise ValueError(f"{unfit} unfit in {sample} of {total} at {confidence} is not possible")
    low, high = unfit, total - (sample - unfit)  # of all, the sample's included
    while low < high:
        middle = (low + high + 1) // 2
        if _at_most(unfit, total, middle, sample) > 1 - confidence:
            low = middle
        else:
            high = middle - 1
    return low - unfit


def _at_most(k: int, total: int, marked: int, sample: int) -> float:
    """P(X <= k) for X marked ones in a random sample without putting back."""
    lowest, highest = max(0, sample - (total - marked)), min(sample, marked)
    if k >= highest:
        return 1.0
    if k < lowest:
        return 0.0
    whole = _log_choose(total, sample)
    logs = [_log_choose(marked, i) + _log_choose(total - marked, sample - i) - whole for i in range(lowest, k + 1)]
    most = max(logs)
    return min(1.0, math.exp(most) * math.fsum(math.exp(one - most) for one in logs))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


@dataclass(frozen=True)
class Certificate:
    """What a review ended with.

    Attributes:
        reason: what makes a sprite unfit.
        total: sprites in the review.
        looked_at: sprites a person has looked at, the audit's included.
        unfit: those found unfit among them.
        audited, audited_unfit: the random audits: how many were drawn in all, how many of those were unfit.
        most_left: at most so many unfit are left among the others.
        confidence: how often such a statement holds.
    """

    reason: str
    total: int
    looked_at: int
    unfit: int
    audited: int
    audited_unfit: int
    most_left: int
    confidence: float = CONFIDENCE

    def to_json(self) -> dict[str, object]:
        """As kept with a version."""
        return {
            "reason": self.reason, "total": self.total, "looked_at": self.looked_at, "unfit": self.unfit,
            "audited": self.audited, "audited_unfit": self.audited_unfit, "most_left": self.most_left,
            "confidence": self.confidence,
        }  # fmt: skip


def confidence_of_look(number: int, confidence: float = CONFIDENCE) -> float:
    """The confidence to use at the `number`-th time (from 0) that a growing audit is asked whether to stop.

    The risk 1 - confidence is shared out as 1/2, 1/4, 1/8 ... of it, so that all looks together keep it (union bound).
    It is always below 1: dozens of looks later the risk is as small as a number can tell.
    """
    return 1 - max(math.ldexp(1 - confidence, -number - 1), _LEAST_RISK)
