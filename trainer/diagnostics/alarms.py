"""Alarms that may be looked at after every grid: e-detectors (Shin, Ramdas & Rinaldo 2022), a race of relabellings."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch

THRESHOLD = 100.0
"""A false alarm comes, on average, after this many grids or more."""
CLEARED_AFTER = 3


@dataclass
class Detector:
    """An e-detector of Shiryaev-Roberts type for a share that should stay at `usual` or below.

    Attributes:
        value: M = (M + 1) e; alarm at 100. alarmed: whether there is an alarm. calm: grids below since.
    """

    value: float = 0.0
    alarmed: bool = False
    calm: int = 0

    def look(self, hits: int, total: int, usual: float, raised: float) -> str:
        """Add a grid with `hits` of `total`: "raised", "cleared" or "".

        e is the likelihood ratio of the shares `raised` and `usual`. Latents are fresh at every grid, so under any
        share up to `usual` e has a mean of at most 1, whatever came before.
        """
        usual = min(max(usual, 1e-9), 0.5)
        raised = min(max(raised, usual), 0.999)
        log_e = hits * math.log(raised / usual) + (total - hits) * math.log((1 - raised) / (1 - usual))
        self.value = min(math.exp(min(log_e + math.log(self.value + 1), 690.0)), 1e290)
        if not self.alarmed:
            if self.value < THRESHOLD:
                return ""
            self.alarmed, self.calm = True, 0
            return "raised"
        self.calm = self.calm + 1 if log_e < 0 else 0
        if self.calm < CLEARED_AFTER:
            return ""
        self.alarmed, self.value = False, 0.0
        return "cleared"

    def to_json(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {"value": self.value, "alarmed": self.alarmed, "calm": self.calm}


@dataclass
class Race:
    """Retires relabellings that look more like training than the truth; alarm when the truth is retired.

    A p-value per grid would be wrong: labels stay the same, so grids are not independent. Of 1 + 999 labellings the 50
    strictly largest on hits are retired over the whole run, evenly over its looks. If labels are exchangeable, the
    truth is among them with a chance of at most 5 % in the whole run.

    Attributes:
        looks: expected number of looks in the run. retired: indices of labellings. look_number: looks so far.
        alarmed: whether the truth, index 0, is retired.
    """

    looks: int
    retired: set[int] = field(default_factory=set)
    look_number: int = 0
    alarmed: bool = False
    allowed: int = 50

    def look(self, statistics: torch.Tensor) -> str:
        """Add a look at statistics (1000,) of the labellings, the truth first: "raised" or ""."""
        if self.alarmed:
            return ""
        self.look_number = min(self.look_number + 1, self.looks)
        may_retire = self.allowed * self.look_number // self.looks - len(self.retired)
        values = statistics.clone()
        values[list(self.retired)] = -torch.inf
        for _ in range(may_retire):
            best = float(values.max())
            at = torch.nonzero(values == best)[:, 0]
            if len(at) > 1 or best == -math.inf:  # Not strictly the largest.
                break
            self.retired.add(int(at[0]))
            values[at] = -torch.inf
            if int(at[0]) == 0:
                self.alarmed = True
                return "raised"
        return ""
