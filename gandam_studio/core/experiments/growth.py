"""What would more sprites buy? From runs on a quarter and on half of the sprites, with the same compute.

Distances of generators fall with the number of pictures n about as a power: KID = c n^-s over the sizes that one set
spans (Hestness et al. 2017, Deep learning scaling is predictable, empirically). Each seed gives a slope s and, along
it, a prediction; the interval is Student's t over seeds, of the logarithm. A power without a floor is the most that
can be hoped for, so this is said; where n itself was trained too, the power must predict it, or nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gandam_studio.core.experiments.folder import DONE, Outcome
from gandam_studio.core.experiments.plan import Plan
from gandam_studio.core.experiments.statistics import paired

SUBSET = "data.subset"
LEAST_SEEDS = 3
WIDEST = 4.0
"""An interval whose ends differ by more than this factor says nothing."""


def growth_of(plan: Plan, outcomes: Mapping[int, Outcome]) -> dict[str, Any] | None:
    """The answer of an experiment whose one factor is the number of pictures; None for any other one."""
    sizes = subset_sizes(plan)
    if sizes is None:
        return None
    kids: dict[int, dict[int, float]] = {size: {} for size in sizes}
    copies: dict[int, dict[int, float]] = {size: {} for size in sizes}
    for cell in plan.cells:
        outcome = outcomes.get(cell.number)
        if outcome is not None and outcome.state == DONE and outcome.kid is not None:
            size = sizes[cell.combination[0]]
            kids[size][cell.seed] = outcome.kid
            if "kappa" in outcome.copying:
                copies[size][cell.seed] = float(outcome.copying["kappa"])
    return predict(kids, copies)


def subset_sizes(plan: Plan) -> list[int] | None:
    """Pictures of each level, if that is the plan's only factor and all levels have a number."""
    if len(plan.factors) != 1 or any(set(level.settings) != {SUBSET} for level in plan.factors[0].levels):
        return None
    sizes = [int(level.settings[SUBSET]) for level in plan.factors[0].levels]
    return sizes if all(sizes) else None


def predict(kids: Mapping[int, Mapping[int, float]], copies: Mapping[int, Mapping[int, float]]) -> dict[str, Any]:
    """KID and share of copies at n and 2n, from size -> seed -> value of n/4 and n/2, and n where that was trained.

    Returns {"sizes", "n", "answer": "predicted" or "cannot tell", "why", "slope", "kid": [{"pictures", "estimate",
    "low", "high"}], "copying": the same, empty where it was not measured}.
    """
    sizes = sorted(kids)
    answer: dict[str, Any] = {
        "sizes": sizes,
        "answer": "cannot tell",
        "why": "",
        "kid": [],
        "copying": [],
        "slope": None,
    }
    if len(sizes) < 2 or sizes[1] != 2 * sizes[0]:
        return answer | {"n": 0, "why": "two sizes are needed, one twice the other"}
    quarter, half = sizes[:2]
    n = 2 * half
    answer["n"] = n
    seeds = sorted(kids[quarter].keys() & kids[half].keys())
    if len(seeds) < LEAST_SEEDS:
        return answer | {"why": f"{len(seeds)} seeds have both sizes; at least {LEAST_SEEDS} are needed"}
    if any(kids[size][seed] <= 0 for size in (quarter, half) for seed in seeds):
        return answer | {"why": "a distance is at the floor already, where real sprites are no nearer"}
    steps = [math.log(kids[half][seed] / kids[quarter][seed]) for seed in seeds]
    slope = paired(steps)
    answer["slope"] = {"estimate": -slope.estimate / math.log(2), "low": -slope.high / math.log(2),
                       "high": -slope.low / math.log(2)}  # fmt: skip
    if slope.high >= 0:
        return answer | {"why": "the distance does not surely fall from a quarter to half of the sprites"}
    logs = {seed: math.log(kids[half][seed]) for seed in seeds}
    ahead = {
        times: paired([logs[seed] + times * step for seed, step in zip(seeds, steps, strict=True)]) for times in (1, 2)
    }
    if n in kids and (there := sorted(kids[n].keys() & set(seeds))):
        errors = [kids[n][seed] / math.exp(logs[seed] + steps[seeds.index(seed)]) for seed in there]
        if min(errors) <= 0:
            return answer | {"why": "a distance is at the floor already, where real sprites are no nearer"}
        if len(errors) >= 2 and (off := paired([math.log(error) for error in errors])).p < 0.05:
            return answer | {
                "why": f"the curve bends: {n:,} sprites gave {math.exp(off.estimate):.2g} times what it predicted"
            }
    if ahead[2].high - ahead[2].low > math.log(WIDEST):
        return answer | {"why": "the seeds differ too much: the interval spans more than a factor of 4"}
    answer["kid"] = [
        {"pictures": n * times, "estimate": math.exp(i.estimate), "low": math.exp(i.low), "high": math.exp(i.high)}
        for times, i in ahead.items()
    ]
    if all(seed in copies[size] for size in (quarter, half) for seed in seeds):
        answer["copying"] = _copying(copies, quarter, half, n, seeds)
    return answer | {"answer": "predicted", "why": "if the curve goes on as a power; it may flatten, never steepen"}


def _copying(
    copies: Mapping[int, Mapping[int, float]], quarter: int, half: int, n: int, seeds: list[int]
) -> list[dict[str, Any]]:
    """The share of copies, extrapolated in its arcsine, where its spread does not depend on it."""
    a, b = (
        [math.asin(math.sqrt(min(1.0, max(0.0, copies[size][seed])))) for seed in seeds] for size in (quarter, half)
    )
    found = []
    for times in (1, 2):
        i = paired([y + times * (y - x) for x, y in zip(a, b, strict=True)])
        shares = [math.sin(min(math.pi / 2, max(0.0, value))) ** 2 for value in (i.estimate, i.low, i.high)]
        found.append({"pictures": n * times, **dict(zip(("estimate", "low", "high"), shares, strict=True))})
    return found
