"""What an experiment's values say: effects with intervals, and words for them.

Values are distances (KID) or their logarithms (see `scale`), so an effect below 0 is better. A value is found for a
combination and a seed; what failed is missing, and never guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gandam_studio.core.experiments.designs import Combination, Contrast, Design, Part
from gandam_studio.core.experiments.scale import DIFFERENCE, RATIO, Key
from gandam_studio.core.experiments.statistics import LEAST_EFFECTS, Interval, holm, lenth, paired, share

BETTER, WORSE, WITHIN_NOISE, UNKNOWN = "better", "worse", "within noise", "unknown"
VERDICTS = (BETTER, WORSE, WITHIN_NOISE, UNKNOWN)
ERROR = 0.05
FEW_SEEDS = 3
"""With so many seeds or fewer, the strongest word is "suggestive"."""

Values = Mapping[tuple[Combination, int], float]
"""(combination, seed) -> KID or its logarithm; a missing value has no entry."""
NOT_YET = "nothing is measured yet"
IN_THE_NOISE = "all its distances are within the noise of the measure, as near as real sprites are"


@dataclass(frozen=True)
class Effect:
    """What a change does.

    Attributes:
        factors: numbers of the factor, or of two for an interaction. level: the level compared with the base's.
        interval: of the mean difference over seeds; None when it is unknown. scale: of what: of KID, or of its
            logarithm if it is `RATIO`. difference: in KID in any case.
        p_adjusted: corrected for the number of effects of the same kind (Holm).
        beats: share of seeds in which the change was better, with its exact interval.
        verdict: one of `VERDICTS`; of an interaction, `UNKNOWN`, `WITHIN_NOISE`, or `BETTER` if both changes together
            do better than each promises alone. suggestive: a verdict of few seeds or of one, no more than a hint.
        method: "t", "lenth" or "". why: why it is unknown.
        dropped: seeds left out since one of their values is missing. contexts, all_contexts: comparisons used, of all.
        copies, collapsed: how many cells of the changed level copy or are collapsed, of `judged`.
        aliases: what it cannot be told from, as factors' numbers.
    """

    factors: tuple[int, ...]
    level: int
    interval: Interval | None
    p_adjusted: float = 1.0
    beats: tuple[float, float, float] = (0.5, 0.0, 1.0)
    verdict: str = UNKNOWN
    suggestive: bool = False
    method: str = ""
    why: str = ""
    dropped: tuple[int, ...] = ()
    contexts: int = 0
    all_contexts: int = 0
    copies: int = 0
    collapsed: int = 0
    judged: int = 0
    aliases: tuple[tuple[int, ...], ...] = ()
    scale: str = DIFFERENCE
    difference: Interval | None = None

    @property
    def ratio(self) -> Interval | None:
        """By how much KID is multiplied; of an interaction, compared with what either change promises alone."""
        i = self.interval
        if i is None or self.scale != RATIO:
            return None
        return replace(i, estimate=_exp(i.estimate), low=_exp(i.low), high=_exp(i.high))

    @property
    def is_main(self) -> bool:
        """Whether it is the effect of one change, not of two together."""
        return len(self.factors) == 1

    @property
    def words(self) -> str:
        """The verdict for people: "better", "suggestive: worse", "better, but it copies" ..."""
        if not self.is_main and self.verdict in (BETTER, WORSE):
            text = "help each other" if self.verdict == BETTER else "hinder each other"
        else:
            text = self.verdict
        if self.suggestive and self.verdict in (BETTER, WORSE):
            text = f"suggestive: {text}"
        if self.is_main and self.verdict == BETTER:
            if self.copies:
                text += f", but it copies ({self.copies} of {self.judged} runs)"
            if self.collapsed:
                text += f", but it is collapsed ({self.collapsed} of {self.judged} runs)"
        return text


def effects(
    design: Design, seeds: Sequence[int], values: Values, at_limit: AbstractSet[Key] = frozenset()
) -> list[Effect]:
    """Every effect that the design can tell, main effects first; `at_limit`: values known only as "at most that"."""
    if len(seeds) == 1:
        found = _unreplicated(design, seeds[0], values)
    else:
        found = [_effect(c, seeds, values) for c in design.contrasts]
    if at_limit:
        found = [_unless_noise(*pair, seeds, values, at_limit) for pair in zip(design.contrasts, found, strict=True)]
    return [
        *_judged([e for e in found if e.is_main], len(seeds)),
        *_judged([e for e in found if not e.is_main], len(seeds)),
    ]


def gated(effect: Effect, verdicts: Sequence[tuple[bool, bool]]) -> Effect:
    """The effect with the diagnostics of the changed level's cells: (copies, collapsed) for each judged one."""
    return replace(
        effect,
        copies=sum(copies for copies, _ in verdicts),
        collapsed=sum(collapsed for _, collapsed in verdicts),
        judged=len(verdicts),
    )


def _unless_noise(
    contrast: Contrast, effect: Effect, seeds: Sequence[int], values: Values, at_limit: AbstractSet[Key]
) -> Effect:
    """Unknown, where everything that is compared is at the limit: the same number on both sides is no answer."""
    compared = {(c, seed) for part in contrast.parts for c, _ in part.weights for seed in seeds}
    if effect.interval is None or not (compared & values.keys()) <= at_limit:
        return effect
    return replace(effect, interval=None, beats=(0.5, 0.0, 1.0), method="", why=IN_THE_NOISE)


def _effect(contrast: Contrast, seeds: Sequence[int], values: Values) -> Effect:
    """By Student's t over paired seeds.

    Where values are missing, either the comparisons that lack one in any seed are left out, or the seeds that lack one:
    whichever keeps more. So that all seeds' differences are of the same comparisons.
    """
    parts = contrast.parts
    has = np.array([[_complete(part, seed, values) for part in parts] for seed in seeds])
    everywhere = [part for i, part in enumerate(parts) if has[:, i].all()]
    whole = [seed for i, seed in enumerate(seeds) if has[i].all()]
    if len(everywhere) * len(seeds) >= len(whole) * len(parts):
        used, kept = everywhere, list(seeds)
    else:
        used, kept = list(parts), whole
    about = Effect(
        contrast.factors, contrast.level, None, aliases=contrast.aliases, all_contexts=len(parts), contexts=len(used),
        dropped=tuple(seed for seed in seeds if seed not in kept),
    )  # fmt: skip
    if not values:
        return replace(about, contexts=0, why=NOT_YET)
    if not used or len(kept) < 2:
        pairs = 0 if not used else len(kept)
        return replace(
            about, contexts=0, why=f"{pairs} complete pair{'' if pairs == 1 else 's'}; at least 2 are needed"
        )
    differences = [float(np.mean([_value(part, seed, values) for part in used])) for seed in kept]
    wins = sum(1.0 if d < 0 else 0.5 if d == 0 else 0.0 for d in differences)
    return replace(about, interval=paired(differences), beats=share(wins, len(differences)), method="t")


def _unreplicated(design: Design, seed: int, values: Values) -> list[Effect]:
    about = [Effect(c.factors, c.level, None, aliases=c.aliases, all_contexts=len(c.parts)) for c in design.contrasts]
    columns = design.saturated()
    why = ""
    if len(columns) < LEAST_EFFECTS:
        why = "one seed: nothing says how much luck there is; use two seeds or more, or a design of 8 combinations"
    elif not all((c, seed) in values for c in design.combinations):
        why = "one seed, and a value is missing"
    if why:
        return [replace(effect, why=why) for effect in about]
    every = [_value(column, seed, values) for column in columns]
    asked = [float(np.mean([_value(part, seed, values) for part in c.parts])) for c in design.contrasts]
    return [
        replace(effect, interval=interval, method="lenth", contexts=effect.all_contexts)
        for effect, interval in zip(about, lenth(asked, every), strict=True)
    ]


def _judged(found: list[Effect], seeds: int) -> list[Effect]:
    known = [effect for effect in found if effect.interval is not None]
    corrected: dict[int, float] = dict(
        zip(map(id, known), holm([e.interval.p for e in known if e.interval is not None]), strict=True)
    )
    told = []
    for effect in found:
        if effect.interval is None:
            told.append(effect)
            continue
        p = corrected[id(effect)]
        verdict = WITHIN_NOISE
        if p < ERROR:
            verdict = BETTER if effect.interval.estimate < 0 else WORSE
        used = seeds - len(effect.dropped)
        told.append(replace(effect, p_adjusted=p, verdict=verdict, suggestive=used <= FEW_SEEDS))
    return told


def _complete(part: Part, seed: int, values: Values) -> bool:
    return all((combination, seed) in values for combination, _ in part.weights)


def _value(part: Part, seed: int, values: Values) -> float:
    return sum(weight * values[combination, seed] for combination, weight in part.weights)


def effect_json(effect: Effect, names: Sequence[str], level_of: Callable[[int, int], str]) -> dict[str, Any]:
    """An element of "effects" of an experiment's results; `level_of(factor, level)` names a level."""
    i, told, ratio = effect.interval, effect.difference, effect.ratio
    one = effect.factors[0]
    return {
        "factors": [names[f] for f in effect.factors],
        "level": level_of(one, effect.level) if effect.is_main else "",
        "against": level_of(one, 0) if effect.is_main else "",
        "scale": effect.scale,
        "ratio": {"estimate": ratio.estimate, "low": ratio.low, "high": ratio.high} if ratio else None,
        "estimate": told.estimate if told else None,
        "low": told.low if told else None,
        "high": told.high if told else None,
        "p": i.p if i else None,
        "p_adjusted": effect.p_adjusted if i else None,
        "seeds": i.n if i else 0,
        "method": effect.method,
        "beats": dict(zip(("share", "low", "high"), effect.beats, strict=True)) if effect.method == "t" else None,
        "verdict": effect.verdict,
        "suggestive": effect.suggestive,
        "words": effect.words,
        "why": effect.why,
        "dropped_seeds": list(effect.dropped),
        "comparisons": effect.contexts,
        "all_comparisons": effect.all_contexts,
        "copies": effect.copies,
        "collapsed": effect.collapsed,
        "judged": effect.judged,
        "aliases": [[names[f] for f in alias] for alias in effect.aliases if len(alias) <= 2],
    }


def _exp(value: float) -> float:
    return math.exp(max(-700.0, min(value, 700.0)))
