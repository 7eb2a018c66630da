"""Does a generator copy its training pictures? A share of look-alikes, and an exact test against held-out pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from trainer.diagnostics.intervals import clopper_pearson
from trainer.diagnostics.likeness import Comparison, RealPictures, Scale
from trainer.protocol.diagnosis import CopiedFamilyFacts, MembershipFacts

RELABELLINGS = 999
LEAST_FAMILIES = 5
"""Held-out families that the exact test needs."""


@dataclass(frozen=True)
class Copying:
    """How many of m samples look like a training picture.

    Attributes:
        samples: m. copies: rows of the samples that look alike, closest first.
        kappa: their share. low, high: its 95 % interval (Clopper & Pearson 1934).
        sources: how many samples look like each training picture: {row: count}, most first.
    """

    samples: int
    copies: tuple[int, ...]
    kappa: float
    low: float
    high: float
    sources: dict[int, int]


def copying(to_training: Comparison, scale: Scale) -> Copying:
    """Count the samples that look like a training picture. Needs no held-out pictures."""
    distance = to_training.distance
    found = torch.nonzero(distance < scale.tau)[:, 0]
    found = found[distance[found].argsort(stable=True)]
    rows, counts = torch.unique(to_training.row[found], return_counts=True)
    order = counts.argsort(descending=True, stable=True)
    sources = {int(rows[i]): int(counts[i]) for i in order}
    m, count = len(distance), len(found)
    low, high = clopper_pearson(count, m)
    return Copying(m, tuple(int(row) for row in found), count / max(m, 1), low, high, sources)


def most_copied_family(found: Copying, training: RealPictures) -> CopiedFamilyFacts | None:
    """The family that most look-alikes look like; the larger one where as many look like two.

    None without look-alikes, or where it has one picture only.
    """
    if not found.sources:
        return None
    rows = torch.tensor(list(found.sources))
    families, index = torch.unique(training.families[rows], return_inverse=True)
    alike = torch.zeros(len(families), dtype=torch.int64).index_add_(0, index, torch.tensor([*found.sources.values()]))
    sizes = [int((training.families == family).sum()) for family in families]
    samples, pictures = max(zip(alike.tolist(), sizes, strict=True))
    return CopiedFamilyFacts(pictures, samples) if pictures > 1 else None


class Membership:
    """Relabels families between training and held-out pictures, always in the same 999 ways.

    The program drew the split between families. If a generator does not know which of them it was trained on, labels
    are exchangeable, however good or bad it is, so the p-value is exact.

    Attributes:
        possible: whether there are at least 5 held-out families.
    """

    def __init__(self, training: RealPictures, held_out: RealPictures, seed: int = 0) -> None:
        families = torch.cat([training.families, held_out.families])
        self._is_training = torch.cat([torch.ones(len(training)), torch.zeros(len(held_out))]).bool()
        _, index = torch.unique(families, return_inverse=True)
        count = int(index.max()) + 1 if len(index) else 0
        of_training = torch.zeros(count, dtype=torch.bool)
        of_training[index[self._is_training]] = True
        self._families, self._count = index, count
        self.possible = int((~of_training).sum()) >= LEAST_FAMILIES and bool(of_training.any())
        sizes = torch.bincount(index, minlength=count).double()
        source = np.random.default_rng(seed)
        labels = [of_training.numpy()] + [source.permutation(of_training.numpy()) for _ in range(RELABELLINGS)]
        self._labels = torch.from_numpy(np.stack(labels)).double() if self.possible else torch.empty(0, count)
        self._sizes = sizes

    def statistics(self, of_training: torch.Tensor, of_held_out: torch.Tensor, scale: Scale) -> torch.Tensor:
        """(2, 1000): the hits and lean statistics under the true labels, then under the relabellings.

        `of_training`, `of_held_out`: the distance from each real picture to its nearest sample.
        """
        distance = torch.cat([of_training, of_held_out]).double()
        hits = (distance < scale.tau).double()
        lean = torch.exp(-((2 * distance / max(scale.median, 1e-9)) ** 2))
        found = []
        for values in (hits, lean):
            sums = torch.zeros(self._count, dtype=torch.double).index_add_(0, self._families, values)
            inside, total = self._labels @ sums, sums.sum()
            n_inside = self._labels @ self._sizes
            outside = self._sizes.sum() - n_inside
            found.append(inside / n_inside.clamp_min(1) - (total - inside) / outside.clamp_min(1))
        return torch.stack(found)

    def test(
        self,
        of_training: torch.Tensor,
        of_held_out: torch.Tensor,
        scale: Scale,
        statistics: torch.Tensor | None = None,
    ) -> MembershipFacts | None:
        """The exact test, of `statistics` if they are known already; None if it is not possible."""
        if not self.possible:
            return None
        if statistics is None:
            statistics = self.statistics(of_training, of_held_out, scale)
        p = [p_value(values) for values in statistics]
        hits = [int((distance < scale.tau).sum()) for distance in (of_training, of_held_out)]
        return MembershipFacts(p[0], p[1], len(of_training), len(of_held_out), hits[0], hits[1])


def p_value(statistics: torch.Tensor) -> float:
    """(1 + relabellings that are at least as large) / (1 + relabellings); the first statistic is that of the truth."""
    tolerance = 1e-12 * max(1.0, float(statistics.abs().max()))
    return float(1 + (statistics[1:] >= statistics[0] - tolerance).sum()) / len(statistics)
