"""How well simulated experiments find the effects that were planted in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from gandam_studio.core.experiments.effects import Effect


def recovered(found: Iterable[Effect], main: Sequence[float], together: float) -> tuple[float, float]:
    """(share of intervals that cover the truth, share of planted effects with the right sign), both in [0, 1].

    main: the planted effect of each factor. together: that of the first two, beside their own.
    """
    covered = total = signs = planted = 0
    for effect in found:
        assert effect.interval is not None
        truth = main[effect.factors[0]] if effect.is_main else together if effect.factors == (0, 1) else 0.0
        covered += effect.interval.low <= truth <= effect.interval.high
        total += 1
        if truth:
            planted += 1
            signs += np.sign(effect.interval.estimate) == np.sign(truth)
    return covered / total, signs / planted
