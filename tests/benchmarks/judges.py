"""Which features order pictures as people do: pairs of sets whose order is plain, by every candidate for the judge.

    OMP_NUM_THREADS=1 python tests/benchmarks/judges.py [--only CANDIDATE ...] [--pictures 96] [--size 32]
        [--art NAME=FOLDER.zip|FOLDER|dataset.npy ...] [--samples NAME=FOLDER ...] [--pair NAME=BETTER:WORSE ...]
        [--grids FOLDER] [--json]

Downloads nothing: pictures are the drawn mechas that come with the program, and `--art`. A fifth is held out, families
are never divided. Unseen sprites are spoiled step by step (tests/diagnostics/spoiled.py: blur, noise, streaks, JPEG,
pieces that change places, mosaics, other colours, few repeated, averages), and a candidate has to find every step worse
than the one before. `--samples` has runs on the art NAME, as `trainer_quality.py --samples` keeps them: of two moments
of a run the later must come out better, and of each `--pair` the first: files of that folder, without .npy. `--grids`
writes what is compared, to be looked at: the order of two moments is plain only to who has seen them.

For each candidate: pairs in order of all; of the worst pair, and of the one that a tenth are worse than, the difference
in standard errors (the jackknife of both); the processor's milliseconds a picture; the pairs that came out the other
way. The whole EfficientNet-Lite0 is compared where its package is importable.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "diagnostics"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from spoiled import ladders
from torch.nn import functional
from trainer_quality import BUNDLED, SIZE, earlier_names, heads, read, training_set

from trainer.diagnostics.likeness import Array
from trainer.diagnostics.quality import kid_with_error
from trainer.features import RandomFeatures
from trainer.grids import save_png
from trainer.kid import Reference, within
from trainer.lite0 import Lite0Features
from trainer.lite0_front import Lite0Front
from trainer.protocol.lite0_weights import weights_path

Features = Callable[[Array], torch.Tensor]
SHRINKAGE = 0.3
FITTED = 512


class Candidate(NamedTuple):
    """Features, and how they are scaled: "each" by its own deviation, "one" deviation for all, or "whitened"."""

    features: Features
    scaling: str = "each"


def candidates() -> dict[str, Candidate]:
    """All that are compared, cheapest first."""
    random, front = RandomFeatures(), Lite0Front()

    def both(pictures: Array) -> torch.Tensor:
        return torch.cat([random(pictures), oriented(pictures)], 1)

    found = {
        "thumbnails": Candidate(thumbnails),
        "local binary patterns": Candidate(binary_patterns),
        "HOG": Candidate(oriented),
        "HOG, whitened": Candidate(oriented, "whitened"),
        "colours and edges": Candidate(colours),
        "wavelets": Candidate(wavelets),
        "cosines": Candidate(cosines),
        "random-conv": Candidate(random),
        "random-conv, one scale": Candidate(random, "one"),
        "random-conv, whitened": Candidate(random, "whitened"),
        "random-conv and HOG, whitened": Candidate(both, "whitened"),
        "lite0-front, each scaled": Candidate(front),
        "lite0-front": Candidate(front, "one"),
        "lite0-front, of half the side": Candidate(lambda pictures: front(scaled(pictures, 0.5)), "one"),
        "lite0-front, of both sides": Candidate(
            lambda pictures: torch.cat([front(pictures), front(scaled(pictures, 0.5))], 1), "one"
        ),
        "lite0-front, seen at 128 px": Candidate(Lite0Front(128), "one"),
    }
    if weights_path() is not None:
        whole = Lite0Features()
        found |= {"lite0, each scaled": Candidate(whole), "lite0": Candidate(whole, "one")}
    return found


# Features


def _tensor(pictures: Array) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def scaled(pictures: Array, by: float) -> Array:
    """Averages of neighbouring pixels."""
    small = functional.interpolate(_tensor(pictures), scale_factor=by, mode="area")
    return (small * 127.5 + 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def thumbnails(pictures: Array) -> torch.Tensor:
    """8 x 8 pixels."""
    return functional.adaptive_avg_pool2d(_tensor(pictures), 8).flatten(1)


def binary_patterns(pictures: Array) -> torch.Tensor:
    """Shares of the 256 patterns of neighbours that are lighter than a pixel (Ojala et al. 1996), as roots."""
    grey = _tensor(pictures).mean(1)
    height, width = grey.shape[1:]
    padded = functional.pad(grey[:, None], (1,) * 4, mode="replicate")[:, 0]
    places = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    lighter = [padded[:, y : y + height, x : x + width] > grey + 0.02 for y, x in places]
    codes = sum(part.long() << bit for bit, part in enumerate(lighter)).flatten(1)  # type: ignore[union-attr]
    return torch.stack([torch.bincount(code, minlength=256) for code in codes]).div(height * width).sqrt()


def oriented(pictures: Array, side: int = 8, bins: int = 9) -> torch.Tensor:
    """Histograms of oriented gradients (Dalal & Triggs 2005) of cells of 8 x 8 pixels, of length 1 together."""
    grey = _tensor(pictures).mean(1, keepdim=True)
    across = functional.pad(grey[..., 2:] - grey[..., :-2], (1, 1))
    down = functional.pad(grey[..., 2:, :] - grey[..., :-2, :], (0, 0, 1, 1))
    angle = torch.remainder(torch.atan2(down, across), math.pi) / math.pi * bins
    size = torch.hypot(across, down)
    apart = [(angle - b).abs() for b in range(bins)]
    parts = torch.cat([size * (1 - torch.minimum(a, bins - a)).clamp_min(0) for a in apart], 1)
    return functional.normalize(functional.avg_pool2d(parts, side).flatten(1), eps=1e-3)


def colours(pictures: Array) -> torch.Tensor:
    """Shares of 64 colours and of 8 sizes of steps between neighbours, across and down, as roots."""
    number = torch.from_numpy((pictures // 64 * np.array([16, 4, 1])).sum(-1)).flatten(1)
    shares = [_shares(number, 64)]
    x, edges = _tensor(pictures), torch.tensor([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2])
    for steps in (x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]):
        shares.append(_shares(torch.bucketize(steps.abs().sum(1), edges).flatten(1), 8))
    return torch.cat(shares, 1)


def _shares(numbers: torch.Tensor, count: int) -> torch.Tensor:
    return torch.stack([torch.bincount(row, minlength=count) for row in numbers]).div(numbers.shape[1]).sqrt()


def wavelets(pictures: Array) -> torch.Tensor:
    """Haar wavelets' absolute values, over 4 x 4 places, and those of their absolute values (after Mallat 2012)."""

    def halved(x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        a, b, c, d = x[..., ::2, ::2], x[..., ::2, 1::2], x[..., 1::2, ::2], x[..., 1::2, 1::2]
        return (a + b + c + d) / 4, [(a - b + c - d) / 4, (a + b - c - d) / 4, (a - b - c + d) / 4]

    low, found = _tensor(pictures), []
    for _ in range(3):
        low, high = halved(low)
        for part in high:
            found.append(functional.adaptive_avg_pool2d(part.abs(), min(4, part.shape[2])).flatten(1))
            second = halved(part.abs())[1] if part.shape[2] >= 4 else []
            found += [functional.adaptive_avg_pool2d(one.abs(), 2).flatten(1) for one in second]
    return torch.cat([*found, functional.adaptive_avg_pool2d(low, 4).flatten(1)], 1)


def cosines(pictures: Array, side: int = 8) -> torch.Tensor:
    """Mean and deviation of the logarithms of the cosine transform's coefficients of blocks of 8 x 8 pixels."""
    n = torch.arange(side).float()
    basis = torch.cos(math.pi / side * (n + 0.5)[None] * n[:, None]) * (2 / side) ** 0.5
    basis[0] /= 2**0.5
    x = _tensor(pictures)
    blocks = x.reshape(*x.shape[:2], x.shape[2] // side, side, -1, side).transpose(3, 4)
    sizes = ((basis @ blocks @ basis.T).abs() + 0.01).log()
    return torch.cat([sizes.mean((2, 3)).flatten(1), sizes.std((2, 3)).flatten(1)], 1)


# Comparing


class Scale:
    """Real features (n, d) of training pictures, by which others are standardised."""

    def __init__(self, training: torch.Tensor, scaling: str) -> None:
        self._reference = Reference.of(training, one_scale=scaling == "one")
        self._whitens = scaling == "whitened"
        if self._whitens:
            # Directions in which real pictures hardly differ count as much as others, down to a floor.
            _, sizes, rows = torch.linalg.svd(self._reference.features, full_matrices=False)
            variances = sizes**2 / (len(training) - 1)
            floor = SHRINKAGE * float(variances.sum()) / training.shape[1]
            self._basis, self._inside, self._outside = rows.T, (variances + floor).rsqrt(), floor**-0.5

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """On the scale, (N, d)."""
        x = self._reference.standardised(features)
        if not self._whitens:
            return x
        known = x @ self._basis
        return self._outside * (x - known @ self._basis.T) + (known * self._inside) @ self._basis.T


class Art(NamedTuple):
    """Real pictures: training, held out and unseen ones; pairs of (what, better, worse)."""

    name: str
    training: Array
    held_out: Array
    unseen: Array
    pairs: list[tuple[str, Array, Array]]


def art(name: str, source: Path, options: argparse.Namespace) -> Art:
    """Read, split and spoil, and read what runs drew."""
    pixels, families = read(source, options.size)
    data = training_set(pixels, families)
    known = heads(data, data.train)
    unseen = known[: min(options.pictures, len(known) // 4)]
    real = heads(data, data.held_out)[:256]
    found = Art(name, pixels[known[len(unseen) :][:FITTED]], pixels[real], pixels[unseen], [])
    chains = dict(ladders(found.unseen)) | runs(name, options)
    for chain, steps in chains.items():
        for number, (better, worse) in enumerate(itertools.pairwise(steps)):
            found.pairs.append((f"{chain} {number}", better, worse))
        if options.grids:
            options.grids.mkdir(parents=True, exist_ok=True)
            sheet = np.concatenate([np.concatenate(list(step[:10]), 1) for step in steps])
            save_png(options.grids / f"{name}-{chain.replace(', ', '-').replace(' ', '-')}.png", sheet)
    return found


def runs(name: str, options: argparse.Namespace) -> dict[str, list[Array]]:
    """What runs on the art `name` drew, best first: at the end and earlier, and the pairs that were asked for."""
    found = [path for folder in _asked(options.samples, name) for path in sorted(Path(folder).glob("*.npy"))]
    stored = {path.stem: np.load(path, allow_pickle=False) for path in found}
    if len(stored) < len(found):
        sys.exit(f"folders with samples of {name} have files of the same name")
    for run, drawn in stored.items():
        if drawn.shape[1:] != (options.size, options.size, 3):
            sys.exit(f"{run} holds pictures of {drawn.shape[1:]}, not {(options.size, options.size, 3)}")
    chains = {}
    for run, last in stored.items():
        earlier = [stored[one] for one in earlier_names(run) if one in stored]
        if earlier:
            chains[f"{run}, late and early"] = [last, *reversed(earlier)]
    for pair in _asked(options.pair, name):
        two = pair.split(":")
        if len(two) != 2 or not all(one in stored for one in two):
            sys.exit(f"{pair} is not two samples of {name}, of {', '.join(stored)}")
        chains[" before ".join(two)] = [stored[one] for one in two]
    return chains


def _asked(texts: list[str], name: str) -> list[str]:
    """What was asked for the art `name`, of texts NAME=WHAT."""
    return [what for of, _, what in (text.partition("=") for text in texts) if of == name]


def judged(candidate: Candidate, sets: list[Art]) -> dict[str, Any]:
    """Pairs in order, of how many, by how much, and at what cost."""
    began, looked_at, wrong, apart = time.process_time(), 0, [], []
    for one in sets:
        scale = Scale(candidate.features(one.training), candidate.scaling)
        real = scale(candidate.features(one.held_out))
        own, known = float(within(real)), {}
        looked_at += len(one.training) + len(one.held_out)
        for what, *two in one.pairs:
            for pictures in two:
                if id(pictures) not in known:
                    known[id(pictures)] = kid_with_error(scale(candidate.features(pictures)), real, own)
                    looked_at += len(pictures)
            (better, error), (worse, other) = (known[id(pictures)] for pictures in two)
            apart.append((worse - better) / max(math.hypot(error, other), 1e-12))
            if not worse > better:
                wrong.append(f"{one.name}: {what} ({apart[-1]:.1f})")
    spent = time.process_time() - began
    return {
        "right": len(apart) - len(wrong), "pairs": len(apart), "worst": round(min(apart), 2),
        "tenth": round(sorted(apart)[len(apart) // 10], 2), "ms": round(1000 * spent / looked_at, 2), "wrong": wrong,
    }  # fmt: skip


def _sets(options: argparse.Namespace) -> Iterator[Art]:
    sources = {"mechas": BUNDLED, **dict(text.split("=", 1) for text in options.art)}
    for text in (*options.samples, *options.pair):
        if text.partition("=")[0] not in sources:
            sys.exit(f"{text}: that is none of {', '.join(sources)}")
    for name, source in sources.items():
        yield art(name, Path(source), options)


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--pictures", type=int, default=96)
    parser.add_argument("--size", type=int, choices=(32, 64), default=SIZE)
    parser.add_argument("--art", action="append", default=[], metavar="NAME=PICTURES")
    parser.add_argument("--samples", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--pair", action="append", default=[], metavar="NAME=BETTER:WORSE")
    parser.add_argument("--grids", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sets, answers = list(_sets(options)), {}
    for name, candidate in candidates().items():
        if options.only and name not in options.only:
            continue
        answers[name] = one = judged(candidate, sets)
        if not options.json:
            print(f"{name:32} {one['right']} of {one['pairs']}, worst {one['worst']:5.1f}, a tenth below "
                  f"{one['tenth']:4.1f}, {one['ms']:.2f} ms  {'; '.join(one['wrong'])}", flush=True)  # fmt: skip
    if options.json:
        print(json.dumps(answers))


if __name__ == "__main__":
    main()
