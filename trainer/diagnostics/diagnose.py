"""All measures of one set of samples, against the real pictures of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from trainer.diagnostics.copying import Copying, Membership, copying, most_copied_family
from trainer.diagnostics.likeness import Array, Comparison, RealPictures, among, scale_of, small
from trainer.diagnostics.quality import QualityScale, RealFeatures
from trainer.diagnostics.variety import RealVariety, Variety, sharpness, variety_of
from trainer.diagnostics.verdict import Evidence, judge
from trainer.protocol.diagnosis import CopyingFacts, Diagnosis, RealVarietyFacts, VarietyFacts

LEAST_SAMPLES = 16


@dataclass(frozen=True)
class Findings:
    """A diagnosis and what its pictures are made from.

    Attributes:
        diagnosis: all numbers.
        variety, copying: with the rows of samples and real pictures.
        to_training, to_held_out: the samples' nearest real pictures; the second is None without held-out pictures.
        statistics: (2, 1000) of the exact test's labellings, or None.
        disjoint_pairs: how many of the m/2 pairs (0, m/2), (1, m/2 + 1) ... look alike.
    """

    diagnosis: Diagnosis
    variety: Variety
    copying: Copying
    to_training: Comparison
    to_held_out: Comparison | None
    statistics: torch.Tensor | None
    disjoint_pairs: int


class Diagnostics:
    """The real pictures' side, prepared once.

    Attributes:
        training, held_out: the real pictures. scale: what counts as looking alike among them.
    """

    def __init__(
        self,
        training: RealPictures,
        held_out: RealPictures,
        samples: int,
        seed: int = 0,
        features: RealFeatures | None = None,
        *,
        one_scale: bool = False,
    ) -> None:
        """`samples`: how many pictures will be looked at. `features`: of the real pictures; see `QualityScale`."""
        self.training, self.held_out = training, held_out
        self.scale = scale_of(training)
        self.families = len(torch.unique(training.families))
        rows = np.random.default_rng(seed).permutation(len(training))[:samples]
        self._real_variety = RealVariety(small(training.pixels[np.sort(rows)]), self.scale.tau)
        self.membership = Membership(training, held_out, seed)
        self._quality = QualityScale(features, seed, one_scale=one_scale) if features else None

    def look(self, pixels: Array, features: torch.Tensor | None = None, named: str = "") -> Findings:
        """Diagnose samples uint8 (m, H, W, 3 or 4), m >= 16; `features` (m, d) are in the space `named`."""
        pictures = small(pixels)
        to_training = self.training.compare(pictures)
        to_held_out = self.held_out.compare(pictures) if len(self.held_out) else None
        statistics = test = None
        if self.membership.possible and to_held_out is not None:
            statistics = self.membership.statistics(to_training.of_reals, to_held_out.of_reals, self.scale)
            test = self.membership.test(to_training.of_reals, to_held_out.of_reals, self.scale, statistics)
        sharp = sharpness(pictures)
        alike = among(pictures) < self.scale.tau
        half = len(alike) // 2
        found, real = variety_of(alike), self._real_variety.at(sharp)
        copies = copying(to_training, self.scale)
        relative = sharp / max(self._real_variety.sharpness, 1e-9)
        evidence = Evidence(len(self.training), self.families, found, real, relative, copies, test, self.scale.alike)
        verdict = judge(evidence)
        quality = self._quality.measure(features) if self._quality and features is not None else None
        diagnosis = Diagnosis(
            verdict=verdict.word,
            reason=verdict.reason,
            samples=len(pixels),
            training=len(self.training),
            held_out=len(self.held_out),
            families=self.families,
            sharp=relative,
            variety=VarietyFacts(
                n2=found.n2, low=found.low, high=None if math.isinf(found.high) else found.high,
                distinct=found.distinct, chao1=found.chao1, top_share=found.top_share,
                real=RealVarietyFacts(real.n2, real.distinct, real.top_share),
            ),
            copying=CopyingFacts(
                copies.kappa, copies.low, copies.high, len(copies.sources),
                test, most_copied_family(copies, self.training),
            ),
            quality=quality,
            features=named if quality is not None else "",
        )  # fmt: skip
        return Findings(
            diagnosis, found, copies, to_training, to_held_out, statistics, int(alike.diagonal(half)[:half].sum())
        )
