"""The tables of docs/diagnostics.md: results of every measure where the answer is known, over many splits.

Used by the slow tests, which hold the tolerances, and by `tests/benchmarks/diagnostics_known_answers.py`, which prints.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from known_sprites import blurred, jittered
from real_sprites import CONDITIONS, SMALL, Split, Sprites, split

from trainer.diagnostics.alarms import Detector, Race
from trainer.diagnostics.clipped import clipped
from trainer.diagnostics.copying import copying
from trainer.diagnostics.drift import drift
from trainer.diagnostics.likeness import Array, RealPictures, scale_of, small
from trainer.diagnostics.quality import QualityScale, RealFeatures, jumbled
from trainer.diagnostics.spikes import spike_effect
from trainer.diagnostics.variety import variety
from trainer.protocol.diagnosis import CANNOT_TELL, COLLAPSED, COLLAPSED_ONTO_TRAINING

M = 256


# 0. Looking alike


def likeness(sprites: Sprites) -> dict[str, float]:
    """The share of copies of each kind, and of real pictures of other families, that look alike."""
    real, random = RealPictures(*sprites), np.random.default_rng(0)
    scale = scale_of(real)

    def found(made: Array) -> float:
        return float((real.compare(small(made)).distance < scale.tau).double().mean())

    copies = jittered(sprites[0], random)
    return {
        "shifted and noisy": found(copies),
        "mirrored too": found(copies[:, :, ::-1].copy()),
        "half blurred too": found(((copies.astype(int) + blurred(copies, 3)) // 2).astype(np.uint8)),
        "blurred 5x5": found(blurred(sprites[0], 5)),
        "shifted by 2 px": found(np.roll(sprites[0], (2, 2), (1, 2))),
        "nearest of another family": scale.alike,
    }


# 1. Variety


@dataclass
class VarietyRow:
    """Results for samples of one kind.

    Attributes:
        truth: the effective number. n2, distinct, chao1: of every split. covered, poisson: intervals that hold it.
    """

    truth: float
    n2: list[float] = field(default_factory=list)
    distinct: list[int] = field(default_factory=list)
    chao1: list[float] = field(default_factory=list)
    covered: int = 0
    poisson: int = 0


def variety_table(sprites: Sprites, splits: int, training: int) -> dict[str, VarietyRow]:
    """Effective numbers of pictures, and how often their intervals hold the truth."""
    kinds: dict[str, tuple[float, Callable[[Split], Array]]] = {
        "8, even": (8.0, lambda s: s.modes(8, s.unrelated(), M)),
        "32, even": (32.0, lambda s: s.modes(32, s.unrelated(), M)),
        "128, even": (128.0, lambda s: s.modes(128, s.unrelated(), M)),
        "150, one 20 %": (1 / (0.2**2 + 0.8**2 / 149), _one_of_five),
    }
    rows = {name: VarietyRow(truth) for name, (truth, _) in kinds.items()}
    for seed in range(splits):
        data = split(sprites, training, 0.1, seed)
        for name, (truth, make) in kinds.items():
            found, row = variety(small(make(data)), data.diagnostics.scale.tau), rows[name]
            row.n2.append(found.n2 or math.inf)
            row.distinct.append(found.distinct)
            row.chao1.append(found.chao1)
            row.covered += found.low <= truth <= found.high
            spread = 1.96 * math.sqrt(found.pairs)
            pairs = M * (M - 1) / 2
            row.poisson += pairs / (found.pairs + spread) <= truth <= pairs / max(found.pairs - spread, 1e-9)
    return rows


def _one_of_five(s: Split) -> Array:
    apart = s.unrelated()
    frequent = s.modes(1, apart[:1], int(s.random.binomial(M, 0.2)))  # Samples are drawn, not dealt.
    return np.concatenate([frequent, s.modes(149, apart[1:], M - len(frequent))])


# 2. Copying

NULLS: dict[str, Callable[[Split], Array]] = {
    "unseen": lambda s: s.unseen[s.random.permutation(len(s.unseen))[:M]],
    "noise": lambda s: s.random.integers(0, 256, (M, 32, 32, 3)).astype(np.uint8),
    "unseen, blurred 7x7": lambda s: blurred(s.unseen[s.random.permutation(len(s.unseen))[:M]], 7),
    "1 unseen": lambda s: s.modes(1, s.unseen, M),
    "8 unseen": lambda s: s.modes(8, s.unseen, M),
    "32 unseen": lambda s: s.modes(32, s.unseen, M),
}
"""Samples that know nothing of which pictures were trained on."""

COPIES: dict[str, Callable[[Split, int], Array]] = {
    "all copied": lambda s, m: s.copies(m),
    "10 % copies, rest mosaics": lambda s, m: np.concatenate([s.copies(round(0.1 * m)), s.mosaics(m - round(0.1 * m))]),
    "3 % copies, rest mosaics": lambda s, m: np.concatenate(
        [s.copies(round(0.03 * m)), s.mosaics(m - round(0.03 * m))]
    ),
    "32 training pictures": lambda s, m: s.modes(32, s.training, m),
    "8 training pictures": lambda s, m: s.modes(8, s.training, m),
    "1 training picture": lambda s, m: s.modes(1, s.training, m),
}


@dataclass
class CopyingTable:
    """Results of the exact test and of kappa.

    Attributes:
        size: kind of null -> shares of splits with p <= .05 on hits and on lean.
        power: kind of copies -> the same.
        kappa: kind -> (mean, largest) share of look-alikes.
        splits: how many.
    """

    splits: int
    size: dict[str, tuple[float, float]] = field(default_factory=dict)
    power: dict[str, tuple[float, float]] = field(default_factory=dict)
    kappa: dict[str, tuple[float, float]] = field(default_factory=dict)


def copying_table(sprites: Sprites, splits: int, training: int, samples: int = M) -> CopyingTable:
    """Size and power of the exact test, and kappa, over splits."""
    kinds = [*NULLS, *COPIES]
    p: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
    kappa: dict[str, list[float]] = {name: [] for name in kinds}
    for seed in range(splits):
        data = split(sprites, training, 0.1 if training >= 100 else 0.2, seed)
        d = data.diagnostics
        made = {name: make(data) for name, make in NULLS.items()} | {n: f(data, samples) for n, f in COPIES.items()}
        for name, pixels in made.items():
            pictures = small(pixels)
            to_training, to_held_out = d.training.compare(pictures), d.held_out.compare(pictures)
            kappa[name].append(copying(to_training, d.scale).kappa)
            test = d.membership.test(to_training.of_reals, to_held_out.of_reals, d.scale)
            if test is not None:
                p[name].append((test.hits_p, test.lean_p))
    table = CopyingTable(splits)
    for name in kinds:
        values = np.array(p[name]) if p[name] else np.ones((1, 2))
        shares = (float((values[:, 0] <= 0.05).mean()), float((values[:, 1] <= 0.05).mean()))
        (table.size if name in NULLS else table.power)[name] = shares
        table.kappa[name] = (float(np.mean(kappa[name])), float(np.max(kappa[name])))
    return table


# 3. Verdicts


@dataclass
class VerdictRow:
    """Verdicts on samples of one kind: how many were right, and the others by name."""

    right: int = 0
    onto_training: bool = False
    others: Counter[str] = field(default_factory=Counter)

    @property
    def wrong(self) -> int:
        """Wrong verdicts; "collapsed" for training pictures is correct but incomplete."""
        less = (CANNOT_TELL, COLLAPSED) if self.onto_training else (CANNOT_TELL,)
        return sum(count for word, count in self.others.items() if word not in less)


def verdict_table(
    sprites: Sprites, splits: int, training: int, samples: int = M, share: float | None = None
) -> dict[str, VerdictRow]:
    """Verdicts over splits, by kind of samples."""
    rows = {
        name: VerdictRow(onto_training=COLLAPSED_ONTO_TRAINING in right)
        for name, (_, right) in CONDITIONS.items()
        if training >= 100 or name not in SMALL
    }
    for seed in range(splits):
        data = split(sprites, training, share or (0.1 if training >= 100 else 0.2), seed)
        for name in rows:
            make, right = CONDITIONS[name]
            word = data.look(make(data, samples)).diagnosis.verdict
            if word in right:
                rows[name].right += 1
            else:
                rows[name].others[word] += 1
    return rows


# 4. Alarms


def alarm_table(runs: int = 200) -> dict[str, tuple[float, float]]:
    """Kind of run -> (share with an alarm within 200 grids, median grid of the first)."""
    random = np.random.default_rng(0)
    found = {}
    for name, usual, factor, total, shares in (
        ("copying", 0.05, 2, 256, (0.03, 0.05, 0.07, 0.10)),
        ("collapse", 1 / 64, 4, 128, (1 / 100, 1 / 64, 1 / 32, 1 / 16)),
    ):
        for share in shares:
            first = []
            for _ in range(runs):
                detector, at = Detector(), math.inf
                for grid in range(1, 201):
                    if detector.look(int(random.binomial(total, share)), total, usual, factor * usual) == "raised":
                        at = grid
                        break
                first.append(at)
            text = f"{name}, true share {share:.3f} (usual {usual:.3f})"
            found[text] = (float(np.mean(np.isfinite(first))), float(np.median(first)))
    return found


def race_table(sprites: Sprites, runs: int, looks: int = 50, training: int = 200) -> dict[str, float]:
    """Shares of runs in which the race of relabellings raised an alarm, for nulls and for copies that grow to 30 %."""
    alarms: Counter[str] = Counter()
    names = ["unseen", "8 unseen", "a ramp to 30 % copies"]
    for seed in range(runs):
        data = split(sprites, training, 0.2, seed)
        d = data.diagnostics
        for name in names:
            race = Race(looks)
            for look in range(looks):
                if name in NULLS:
                    pixels = NULLS[name](data)
                else:
                    count = round(0.3 * M * look / (looks - 1))
                    pixels = np.concatenate([data.copies(count), data.unseen[data.random.integers(0, 50, M - count)]])
                pictures = small(pixels)
                of_training, of_held_out = d.training.compare(pictures).of_reals, d.held_out.compare(pictures).of_reals
                race.look(d.membership.statistics(of_training, of_held_out, d.scale)[0])
            alarms[name] += race.alarmed
    return {name: alarms[name] / runs for name in names}


# 5. Quality


def quality_table(sprites: Sprites, splits: int, training: int, share: float, network: Any) -> dict[str, list[float]]:
    """Kind of samples -> z of every split; "is_far" -> share of kinds farther away than jumbled pictures."""
    kinds: dict[str, Callable[[Split], Array]] = {
        "fresh": NULLS["unseen"],
        "blurred 3x3": lambda s: blurred(NULLS["unseen"](s), 3),
        "noise of 20": lambda s: _noisy(NULLS["unseen"](s), s.random),
        "8 pictures": NULLS["8 unseen"],
        "memorised": lambda s: s.copies(M),
        "jumbled": lambda s: jumbled(s.unseen, M, 5),
    }
    found: dict[str, list[float]] = {name: [] for name in kinds}
    for seed in range(splits):
        data = split(sprites, training, share, seed)
        features = RealFeatures(network(data.training), network(data.held_out), network(jumbled(data.training, M)))
        scale = QualityScale(features, seed, one_scale=network.one_scale)
        for name, make in kinds.items():
            facts = scale.measure(network(make(data)))
            assert facts is not None
            found[name].append(facts.z)
    return found


def _noisy(pictures: Array, random: np.random.Generator) -> Array:
    return np.clip(pictures + random.normal(0, 20, pictures.shape), 0, 255).astype(np.uint8)


# 6. Drift


def drift_table(sprites: Sprites, splits: int) -> dict[str, tuple[float, float, float]]:
    """Kind of change -> medians of (identity, changed, set drift) over splits."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(splits):
        random = np.random.default_rng(seed)
        order = random.permutation(len(sprites[0]))
        before, others = sprites[0][order[:64]], sprites[0][order[64:128]]
        half = before.copy()
        half[:32] = half[np.roll(np.arange(32), 1)]
        eight = sprites[0][order[np.arange(64) % 8]]
        kinds = {
            "same": (before, before), "half dealt anew": (before, half),
            "dealt anew": (before, before[np.roll(np.arange(64), 1)]), "other pictures": (before, others),
            "changed by .3": (before, (0.7 * before + 0.3 * others).astype(np.uint8)),
            "8 pictures dealt anew": (eight, eight[np.roll(np.arange(64), 1)]),
        }  # fmt: skip
        for name, (one, other) in kinds.items():
            noisy = np.clip(other + random.normal(0, 3, other.shape), 0, 255).astype(np.uint8)
            moved = drift(small(one), small(noisy))
            assert moved is not None
            found.setdefault(name, []).append((moved.identity, moved.changed, moved.set_drift))
    return {name: tuple(np.median(values, 0).tolist()) for name, values in found.items()}


# 7. Spikes


def spikes_table(runs: int = 300) -> dict[str, float]:
    """Shares of simulated runs in which jumps are said to show: without an effect, by blocks and by plain permutation,
    and with changes that are 16 % and 30 % larger. The drift falls, and jumps come early."""
    counts: Counter[str] = Counter()
    for seed in range(runs):
        random = np.random.default_rng(seed)
        falling = np.exp(-np.arange(120) / 60) * np.exp(random.normal(0, 0.1, 120))
        jumps = random.random(120) < np.linspace(0.5, 0.05, 120)
        for name, factor in (("no effect", 1.0), ("+16 %", 1.16), ("+30 %", 1.3)):
            found = spike_effect(np.where(jumps, factor, 1) * falling, jumps.tolist(), seed)
            counts[name] += found is not None and found.p <= 0.05
        logs = np.log(falling)
        real = logs[jumps].mean() - logs[~jumps].mean()
        shuffled = [random.permutation(jumps) for _ in range(199)]
        more = sum(logs[s].mean() - logs[~s].mean() >= real for s in shuffled)
        counts["no effect, plain permutation"] += (1 + more) / 200 <= 0.05
    return {name: counts[name] / runs for name in ("no effect, plain permutation", "no effect", "+16 %", "+30 %")}


# Sanity checks after Raisa, van Breugel & van der Schaar (ICML 2025)


def sanity_table(sprites: Sprites, network: Any, seed: int = 0) -> dict[str, dict[str, tuple[bool, str]]]:
    """Check -> measure -> (passed, what was seen).

    Their checks are made for metrics of fidelity and diversity of points; here each is done with pictures: modes are
    sprites, outliers are noise, and a rescaling of the space is a change of colours that both sides share.
    """
    data = split(sprites, 400, 0.1, seed)
    fresh = NULLS["unseen"](data)
    noise = NULLS["noise"](data)
    d = data.diagnostics

    def measured(made: Array, of: Split = data, reals: tuple[Array, Array] | None = None) -> dict[str, float]:
        training, held_out = reals or (of.training, of.held_out)
        found = of.diagnostics.look(made).diagnosis
        real = RealFeatures(network(training), network(held_out))
        facts = QualityScale(real, 0, one_scale=network.one_scale).measure(network(made))
        shares = clipped(torch.cat([real.training, real.held_out]), network(made))
        assert facts is not None
        assert shares is not None
        return {
            "N2": found.variety.n2 or found.variety.low, "distinct": found.variety.distinct / len(made),
            "kappa": found.copying.kappa, "KID": facts.kid, "density": shares.density, "coverage": shares.coverage,
        }  # fmt: skip

    checks: dict[str, dict[str, tuple[bool, str]]] = {}

    def note(check: str, measure: str, values: list[float], passed: bool) -> None:
        checks.setdefault(check, {})[measure] = (passed, ", ".join(f"{value:.3g}" for value in values))

    steps = [measured(data.modes(count, data.unseen, M)) for count in (128, 32, 8, 1)]
    for name, rises in (("N2", False), ("distinct", False), ("KID", True), ("coverage", False)):
        values = [step[name] for step in steps]
        order = values if rises else values[::-1]
        note(
            "modes dropped: 128, 32, 8, 1",
            name,
            values,
            all(a <= b * 1.02 + 1e-6 for a, b in pairwise(order)),
        )
    shares = (0, 0.25, 0.5, 1.0)
    mixed = [measured(np.concatenate([noise[: round(s * M)], fresh[round(s * M) :]])) for s in shares]
    for name in ("density", "KID"):
        values = [step[name] for step in mixed]
        order = values if name == "KID" else values[::-1]
        note("bad samples: 0, 25, 50, 100 %", name, values, all(a < b for a, b in pairwise(order)))
    values = [step["density"] for step in mixed]
    note("bad samples: fall in proportion", "density", values, abs(values[2] / values[0] - 0.5) < 0.1)
    copied = [measured(np.concatenate([data.copies(M)[: round(s * M)], fresh[: M - round(s * M)]])) for s in shares]
    values = [step["kappa"] for step in copied]
    note(
        "copies: 0, 25, 50, 100 %", "kappa", values, all(abs(v - s) < 0.03 for v, s in zip(values, shares, strict=True))
    )
    base = mixed[0]
    outliers = measured(np.concatenate([noise[:3], fresh[3:]]))
    for name, allowed in (("N2", 0.25), ("distinct", 0.05), ("density", 0.05), ("coverage", 0.1)):
        passed = abs(outliers[name] - base[name]) <= allowed * max(base[name], 1e-9)
        note("3 of 256 samples are outliers", name, [base[name], outliers[name]], passed)
    floor = QualityScale(RealFeatures(network(data.training), network(data.held_out)), one_scale=network.one_scale)
    passed = abs(outliers["KID"] - base["KID"]) <= 3 * floor.floor_sd
    note("3 of 256 samples are outliers", "KID", [base["KID"], outliers["KID"], floor.floor_sd], passed)
    spoiled = RealPictures(np.concatenate([data.training, noise[:4]]), np.arange(len(data.training) + 4))
    note("4 of 400 real ones are outliers", "kappa", [d.scale.tau, scale_of(spoiled).tau],
         abs(scale_of(spoiled).tau / d.scale.tau - 1) < 0.05)  # fmt: skip
    sizes = [measured(data.modes(32, data.unseen, m)) for m in (128, 256, 512)]
    note("m = 128, 256, 512", "N2", [s["N2"] for s in sizes], all(abs(s["N2"] / 32 - 1) < 0.35 for s in sizes))
    sizes = [
        measured(
            np.concatenate([data.copies(m // 4), data.unseen[data.random.integers(0, len(data.unseen), m - m // 4)]])
        )
        for m in (128, 256, 512)
    ]
    note("m = 128, 256, 512", "kappa", [s["kappa"] for s in sizes], all(abs(s["kappa"] - 0.25) < 0.04 for s in sizes))
    fresher = [measured(data.unseen[data.random.permutation(len(data.unseen))[:m]]) for m in (128, 256, 512)]
    for name in ("density", "coverage"):
        values = [s[name] for s in fresher]
        note("m = 128, 256, 512", name, values, max(values) - min(values) < 0.15)
    values = [s["KID"] for s in fresher]
    note("m = 128, 256, 512", "KID", values, max(values) - min(values) < 4 * floor.floor_sd)
    other = (255 - sprites[0], sprites[1])
    negative = split(other, 400, 0.1, seed)
    again, first = measured(255 - fresh, negative), base
    for name, allowed in (("N2", 0.3), ("distinct", 0.05), ("density", 0.15), ("coverage", 0.15)):
        passed = abs(again[name] - first[name]) <= allowed * max(first[name], 1e-9)
        note("all colours inverted on both sides", name, [first[name], again[name]], passed)
    alone = split((sprites[0], sprites[1]), 400, 0.1, seed)
    note("all mirrored on both sides", "kappa", [alone.look(data.copies(M)[:, :, ::-1].copy()).copying.kappa], True)
    checks["all mirrored on both sides"]["kappa"] = (
        alone.look(data.copies(M)[:, :, ::-1].copy()).copying.kappa > 0.97,
        checks["all mirrored on both sides"]["kappa"][1],
    )
    best, worst = measured(fresh), measured(noise)
    note(
        "bounds: fresh and noise",
        "density",
        [best["density"], worst["density"]],
        best["density"] > 0.8 and worst["density"] < 0.05,
    )
    note(
        "bounds: fresh and noise",
        "coverage",
        [best["coverage"], worst["coverage"]],
        best["coverage"] > 0.8 and worst["coverage"] < 0.05,
    )
    note(
        "bounds: fresh and noise",
        "kappa",
        [best["kappa"], copied[-1]["kappa"]],
        best["kappa"] < 0.02 and copied[-1]["kappa"] > 0.98,
    )
    return checks
