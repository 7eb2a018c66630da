"""How many clicks turn a set the same way, how sure the assistants really are, and when one may stop looking.

    python tests/benchmarks/assistants.py [--json] [--orientations 10] [--sets gen8 ...] [--quick]
                                          [--room 20 22 24 26 28] [--nudged 18]

A simulated person clicks the sprite that is asked about, then goes through pages: each wrong sprite takes a click, and
a stack or a page that is mostly wrong takes one click for all of it and one for each that was right. What is right is
the picture as its artist drew it (PokeSprites all look the same way), turned at random. Sprites that the truth table
leaves out, fronts and backs are left out too, but for `with_fronts`. Sets are in ../shared/data and in data/; those
that are absent are skipped. Features and constants were chosen by looking at gen8, freedoom, gearhead and mechas; gen7,
icons and mixed were left out until the last run (how fast clicks become fewer, in `progress`, was chosen on icons too).
Patches, what the network sees and their shares were chosen on gen8 and icons; gen7 and mixed, which hold many drawings
of gen8, were left out until the last run. The network begins to look when a review does; `--seen-after` says how many
pages later what it sees is there, `--without-network` that it never is.
`mixed` is gen7 with those of gen8 that are other pictures.

Orientations differ only in the sign of the first guess, so they give one of two results, and one result says little:
gen8 takes 53 to 61 clicks in windows of 20 to 28 sprites. To compare features or orders of pages, go through each set
often with `--nudged`: every time its features are changed by a random thousandth, no more than rounding does, in
windows of 20 to 28 sprites in turn. `clicks_se` is the standard error of the mean.

Reported, means over the orientations and windows: clicks and their standard deviation (`clicks_sd`), pages, the share
turned right after no click and after one (up to one sign for all), by hand (what is turned the wrong way), `ece`: the
calibration error of the chances on the pages, by ten bins of equal width, and `ece_by_chance`: what it would be if
every chance were exactly right, since few sprites never agree with theirs; `told_off_by`: by what factor the clicks
that are told to be left are wrong, the geometric mean over pages from the third on that have at least five left;
seconds of a fit; on adversarial sets (truth by coin) how many more clicks than by hand. `with_fronts`: the same sets
with those that face nowhere, which take a click each unless they are suggested to, in the first of the windows. For
fitness: the share of unfit sprites found against the share looked at; pictures until 99 % are found, also by a linear
probe on EfficientNet-Lite0 where its weights are installed; how often of 100 audits the certificate's bound holds.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import math
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from gandam_studio.core.hashing.content import find_content  # noqa: E402
from gandam_studio.core.hashing.features import features_batch  # noqa: E402
from gandam_studio.core.hashing.variety import even_features  # noqa: E402
from gandam_studio.core.suggestions.facing import network  # noqa: E402
from gandam_studio.core.suggestions.facing.features import DIMENSIONS, Halves, halves  # noqa: E402
from gandam_studio.core.suggestions.facing.kernel import EXACT, OddKernels  # noqa: E402
from gandam_studio.core.suggestions.facing.model import believe, mixtures  # noqa: E402
from gandam_studio.core.suggestions.facing.review import FRONT, LEFT, RIGHT, ROOM, FacingReview  # noqa: E402
from gandam_studio.core.suggestions.fitness.certificate import confidence_of_look, most_left  # noqa: E402
from gandam_studio.core.suggestions.fitness.ranking import fit  # noqa: E402

SHARED = REPOSITORY.parent / "shared" / "data"
Pictures = list[np.ndarray]
Ranking = Callable[[np.ndarray, int], np.ndarray]


def archive(path: Path) -> dict[str, np.ndarray]:
    """Entry -> RGBA of every picture of a zip."""
    from PIL import Image

    found = {}
    with zipfile.ZipFile(path) as files:
        for name in files.namelist():
            if name.endswith(".png"):
                picture = np.array(Image.open(io.BytesIO(files.read(name))).convert("RGBA"))
                picture[picture[..., 3] == 0] = 0
                found[name] = picture
    return found


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a truth table."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return list(csv.DictReader(io.StringIO(text), delimiter="\t"))


def facing_sets(wanted: list[str], *, fronts: bool = False) -> dict[str, tuple[Pictures, np.ndarray]]:
    """Set -> pictures, and +1 for those that look left; with `fronts` also FRONT for those that look nowhere."""
    sides = {"left": LEFT, "right": RIGHT, **({"front": FRONT, "back": FRONT, "none": FRONT} if fronts else {})}
    sets: dict[str, list[tuple[np.ndarray, str]]] = {}
    poke = SHARED / "pokesprite"
    if poke.is_dir():
        pictures = archive(poke / "pokesprite-2.7.0.zip")
        by_path = {name.split("package/")[-1]: picture for name, picture in pictures.items()}
        truth = {row["path"]: row["facing"] for row in table(poke / "facing.tsv.gz")}
        for name, folder in (
            ("gen8", "pokemon-gen8/regular/"), ("gen7", "pokemon-gen7x/regular/"), ("icons", "icons/pokemon/regular/")
        ):  # fmt: skip
            rows = [
                (by_path[path], truth[path])
                for path in sorted(by_path)
                if path.startswith(folder) and "/" not in path[len(folder) :] and truth.get(path) in sides
            ]
            sets[name] = rows
        seen = {picture.tobytes() for picture, _ in sets["gen7"]}
        sets["mixed"] = sets["gen7"] + [one for one in sets["gen8"] if one[0].tobytes() not in seen]
    for name, folder, stem, column in (
        ("gearhead", SHARED / "mecha", "gearhead-caramel", "facing_by_eye"),
        ("freedoom", SHARED / "freedoom", "freedoom-sprites", "facing"),
        ("mechas", REPOSITORY / "data" / "mechas", "mechas", "facing"),
    ):
        path, rows = folder / f"{stem}.zip", folder / ("truth.tsv" if stem == "mechas" else f"{stem}.tsv")
        if path.is_file() and rows.is_file():
            pictures = {entry.split("/")[-1]: picture for entry, picture in archive(path).items()}
            sets[name] = [(pictures[row["file"]], row[column]) for row in table(rows)]
    result = {}
    for name, rows in sets.items():
        some = [row for row in rows if row[1] in sides]
        if not wanted or name in wanted:
            result[name] = [row[0] for row in some], np.array([sides[row[1]] for row in some], np.int8)
    return result


def adversarial_sets(count: int = 300) -> dict[str, Pictures]:
    """Pictures that face nowhere: noise, symmetric shapes, and icons of random rectangles."""
    rng = np.random.default_rng(7)
    noise, symmetric, icons = [], [], []
    for _ in range(count):
        picture = np.zeros((32, 32, 4), np.uint8)
        picture[4:28, 4:28] = rng.integers(0, 256, (24, 24, 4))
        noise.append(picture)
        half = np.zeros((32, 16, 4), np.uint8)
        half[rng.integers(2, 10) : 28, rng.integers(2, 10) :] = (*rng.integers(0, 256, 3), 255)
        symmetric.append(np.concatenate([half, half[:, ::-1]], axis=1))
        icon = np.zeros((32, 32, 4), np.uint8)
        for _ in range(4):
            x, y, w, h = rng.integers(2, 20), rng.integers(2, 20), rng.integers(3, 11), rng.integers(3, 11)
            icon[y : y + h, x : x + w] = (*rng.integers(0, 256, 3), 255)
        icons.append(icon)
    return {"noise": noise, "symmetric": symmetric, "icons of rectangles": icons}


def nudged(features: Halves, seed: int) -> Halves:
    """The features, each changed by a random thousandth; as they are for seed 0."""
    if not seed:
        return features
    rng = np.random.default_rng(seed)
    even, odd = (
        (part * (1 + 1e-3 * rng.standard_normal(part.shape, dtype=np.float32))).astype(part.dtype)
        for part in (features.even, features.odd)
    )
    return Halves(even, odd)


def turned(features: Halves, shown: np.ndarray) -> Halves:
    """The features of pictures some of which are mirrored (-1)."""
    return Halves(features.even, features.odd * shown[:, None])


def review_all(
    features: Halves, truth: np.ndarray, seed: int, room: int = ROOM, seen_after: int = 0
) -> dict[str, object]:
    """Go through a whole set as a person would, from one random orientation, in a window that shows `room` sprites.

    What the network sees is there after some pages.
    """
    rng = np.random.default_rng(seed)
    mirrored = rng.choice(np.array([-1, 1], np.int8), len(truth))
    # What is stored looks left or right at random; nothing is flipped yet.
    facing = (truth * mirrored).astype(np.int8)
    seen = turned(features, mirrored)
    late = Halves(seen.even[:, DIMENSIONS:], seen.odd[:, DIMENSIONS:]) if seen_after else None
    if late is not None:
        seen = Halves(seen.even[:, :DIMENSIONS], seen.odd[:, :DIMENSIONS])
    since = time.perf_counter()
    review = FacingReview(seen, np.zeros(len(truth), np.int8), np.ones(len(truth), np.int8), room=room)
    built = time.perf_counter() - since
    rest = review.open
    guessed = float((review.signs[rest] == facing[rest]).mean()) if len(rest) else 1.0
    # Left or right, all together, whichever takes fewer flips.
    by_hand = int(min((facing[rest] == 1).sum(), (facing[rest] == -1).sum()))
    fits, chances, rights, told, after_one = [], [], [], [], 1.0
    if len(rest):
        first = review.first()
        review.answer(first, int(facing[first]))
        after_one = float((review.signs[rest] == facing[rest]).mean())
    while len((page := review.page()).rows):
        if review.windows >= 2 and not review.plain:
            told.append((review.progress().clicks, review.clicks))
        wrong = page.signs != facing[page.rows]
        clicks = 0
        group = review.groups.number[page.rows]
        for number in np.unique(group):
            bad, size = int(wrong[group == number].sum()), int((group == number).sum())
            clicks += bad if page.plain else min(bad, 1 + size - bad)
        clicks = min(clicks, 1 + int((~wrong).sum()))
        if not page.plain:
            chances += page.chances.tolist()
            rights += (~wrong).tolist()
        since = time.perf_counter()
        if late is not None and late.even.size and review.pages + 1 >= seen_after:
            review.take(page, wrong, clicks=clicks)
            review.see(late)
            late = None
            review.refit()
        else:
            review.accept(page, wrong, clicks=clicks)
        fits.append(time.perf_counter() - since)
    off = [abs(math.log(max(1.0, guess) / (review.clicks - made))) for guess, made in told if review.clicks - made >= 5]
    return {
        "clicks": review.clicks, "pages": review.pages, "by_hand": by_hand,
        "right_after_none": max(guessed, 1 - guessed), "right_after_one": after_one,
        "fell_back": review.plain, "build_s": built,
        "fit_s": float(np.median(fits)) if fits else 0.0, "ece": calibration_error(chances, rights),
        "ece_by_chance": calibration_by_chance(chances), "told_off_by": math.exp(float(np.mean(off))) if off else 1.0,
    }  # fmt: skip


def with_fronts(features: Halves, truth: np.ndarray, seed: int, room: int = ROOM) -> dict[str, int]:
    """Go through a set of which some face nowhere: each is a click, as long as it is not suggested to."""
    mirrored = np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), len(truth))
    facing = np.where(truth == FRONT, FRONT, truth * mirrored).astype(np.int8)
    count = len(truth)
    review = FacingReview(turned(features, mirrored), np.zeros(count, np.int8), np.ones(count, np.int8), room=room)
    if (first := review.first()) >= 0:
        review.answer(first, int(facing[first]))
    pages = suggested = right = 0
    while len((page := review.page()).rows):
        front = facing[page.rows] == FRONT
        wrong = ~front if page.front else (page.signs != facing[page.rows]) & ~front
        suggested, right = suggested + page.front * len(front), right + page.front * int(front.sum())
        clicks = int(wrong.sum()) + (0 if page.front else int(front.sum()))
        review.accept(page, wrong, None if page.front else front, clicks)
        pages += 1
    return {
        "sprites": count, "fronts": int((truth == FRONT).sum()), "clicks": review.clicks, "pages": pages,
        "suggested": suggested, "suggested_rightly": right,
    }  # fmt: skip


def calibration_error(chances: list[float], rights: list[bool]) -> float:
    """The mean distance between chance and share right, by bins of a tenth, weighted by how many lie there."""
    if not chances:
        return 0.0
    chance, right = np.array(chances), np.array(rights, float)
    bins = np.minimum((chance * 10).astype(int), 9)
    parts = [
        abs(chance[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean() for one in np.unique(bins)
    ]
    return float(sum(parts))


def calibration_by_chance(chances: list[float]) -> float:
    """The mean calibration error of sprites that are right exactly as often as their chances say."""
    rng = np.random.default_rng(0)
    errors = [calibration_error(chances, (rng.random(len(chances)) < chances).tolist()) for _ in range(20)]
    return float(np.mean(errors))


def facing(
    sets: dict[str, tuple[Pictures, np.ndarray]],
    orientations: int,
    rooms: list[int],
    looked: Callable[[Pictures], Halves],
    seen_after: int,
    times: int = 0,
) -> dict[str, object]:
    """Means over random orientations and windows of `rooms` sprites, by set, or over so many `times` nudged."""
    result: dict[str, object] = {}
    for name, (pictures, truth) in sets.items():
        features = looked(pictures)
        if times:
            runs = [review_all(nudged(features, one), truth, one, 20 + one % 9, seen_after) for one in range(times)]
        else:
            runs = [
                review_all(features, truth, seed, room, seen_after) for room in rooms for seed in range(orientations)
            ]
        deviation = float(np.std([float(run["clicks"]) for run in runs]))
        mean = {key: round(float(np.mean([float(run[key]) for run in runs])), 4) for key in runs[0]}
        result[name] = {
            "sprites": len(truth),
            **mean,
            "clicks_sd": round(deviation, 2),
            "clicks_se": round(deviation / math.sqrt(max(1, len(runs) - 1)), 2),
            "clicks_per_hundred": round(100 * mean["clicks"] / len(truth), 2),
        }
        print(name, result[name], file=sys.stderr, flush=True)
    for name, pictures in adversarial_sets().items():
        features = looked(pictures)
        runs = []
        for seed in range(orientations):
            truth = np.random.default_rng(1000 + seed).choice(np.array([-1, 1], np.int8), len(pictures))
            runs += [review_all(features, truth, seed, room, seen_after) for room in rooms]
        regret = [run["clicks"] - run["by_hand"] for run in runs]
        result[name] = {
            "sprites": len(pictures), "clicks": float(np.mean([run["clicks"] for run in runs])),
            "by_hand": float(np.mean([run["by_hand"] for run in runs])), "regret": float(np.mean(regret)),
            "fell_back": float(np.mean([run["fell_back"] for run in runs])),
            "pages": float(np.mean([run["pages"] for run in runs])),
        }  # fmt: skip
        print(name, result[name], file=sys.stderr, flush=True)
    return result


def closely(pictures: Pictures) -> Halves:
    """All features, with what the network sees."""
    return halves(pictures).beside(network.halves_seen(pictures))


def fit_times(own: Halves, sizes: tuple[int, ...]) -> dict[str, float]:
    """Seconds of a fit with as many confirmed as pages hold, for sets of some sizes made by jittering features."""
    rng = np.random.default_rng(0)
    result = {}
    for count in sizes:
        rows = rng.integers(0, len(own), count)
        width = own.even.shape[1] if count <= network.MOST else DIMENSIONS
        even, odd = own.even[rows, :width].astype(np.float16), own.odd[rows, :width].astype(np.float16)
        for part in (even, odd):
            for first in range(0, count, 8_192):
                part[first : first + 8_192] += rng.normal(0, 0.01, part[first : first + 8_192].shape).astype(np.float16)
        kernels = OddKernels(Halves(even, odd))
        view = kernels.view(mixtures(kernels.kinds)[0])
        seconds = []
        for known in (40, 200, min(1_000, count // 2)):
            labels = np.zeros(count, np.int8)
            labels[rng.choice(count, known, replace=False)] = rng.choice([-1, 1], known)
            since = time.perf_counter()
            believe(view, labels)
            seconds.append(time.perf_counter() - since)
        result[str(count)] = round(max(seconds), 3)
        assert (view.gram is not None) == (count <= EXACT)
    return result


def own_ranking(pictures: Pictures) -> Ranking:
    """How suspicious the assistant finds sprites, given labels and a seed."""
    boxes, sides = [], []
    for picture in pictures:
        boxes.append(find_content(picture).box)
        sides.append((picture.shape[1], picture.shape[0]))
    stored = features_batch(pictures, np.array(boxes, np.int64))
    features = even_features(stored, np.array(sides, float))
    return lambda labels, seed: fit(features, labels, seed).scores()


def probe_ranking(pictures: Pictures) -> Ranking | None:
    """The same by a linear probe (ridge regression) on EfficientNet-Lite0's last layer; None without its weights."""
    from trainer import lite0
    from trainer.protocol.lite0_weights import weights_path

    if weights_path() is None:
        return None
    network = lite0.Lite0Features()
    parts = []
    for picture in pictures:
        content = find_content(picture).rgba
        side = max(content.shape[:2])
        square = np.zeros((side, side, 4), np.uint8)
        top, left = (side - content.shape[0]) // 2, (side - content.shape[1]) // 2
        square[top : top + content.shape[0], left : left + content.shape[1]] = content
        parts.append(network(square[None]).numpy()[0])
    features = np.stack(parts).astype(np.float64)
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6) / math.sqrt(features.shape[1])

    def scores(labels: np.ndarray, _seed: int) -> np.ndarray:
        known = np.flatnonzero(labels)
        # Both kinds weigh alike, however many of each are known.
        target = np.where(labels[known] > 0, 1 / (labels > 0).sum(), -1 / (labels < 0).sum()) * len(known) / 2
        some = features[known]
        return np.asarray(features @ (some.T @ np.linalg.solve(some @ some.T + 0.1 * np.eye(len(known)), target)))

    return scores


def fitness(unfit: np.ndarray, ranking: Ranking, examples: int = 5, repeats: int = 10) -> dict[str, object]:
    """Recall against what was looked at, from a few random examples, in pages of 24 that are learned from."""
    shares = (0.1, 0.2, 0.3, 0.5)
    recalls, until, total = {share: [] for share in shares}, [], int(unfit.sum())
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        labels = np.zeros(len(unfit), np.int8)
        labels[rng.choice(np.flatnonzero(unfit), min(examples, total // 2), replace=False)] = 1
        labels[rng.choice(np.flatnonzero(~unfit), 2 * examples, replace=False)] = -1
        looked, found = [int((labels != 0).sum())], [int((labels > 0).sum())]
        while (labels == 0).any():
            rest = np.flatnonzero(labels == 0)
            page = rest[np.argsort(-ranking(labels, seed)[rest], kind="stable")[:24]]
            labels[page] = np.where(unfit[page], 1, -1)
            looked.append(int((labels != 0).sum()))
            found.append(int((labels > 0).sum()))
        for share in shares:
            recalls[share].append(np.interp(share * len(unfit), looked, found) / total)
        until.append(looked[int(np.argmax(np.array(found) >= 0.99 * total))])
    return {
        "sprites": len(unfit), "unfit": total, "examples": examples,
        "recall": {f"{share:.0%} looked at": round(float(np.mean(recalls[share])), 3) for share in shares},
        "looked_at_until_99": float(np.mean(until)), "random_until_99": round(0.99 * len(unfit)),
    }  # fmt: skip


def coverage(reviews: int = 100) -> dict[str, object]:
    """How often the certificate's bound holds, with one look and with audits that go on until few can be left."""
    rng = np.random.default_rng(0)
    once = grown = 0
    sampled = []
    for _ in range(reviews):
        total = int(rng.integers(200, 3_000))
        marked = int(rng.binomial(total, rng.choice([0.002, 0.01, 0.05, 0.2])))
        order = rng.permutation(total) < marked
        sample = min(60, total)
        k = int(order[:sample].sum())
        once += marked - k <= most_left(total, sample, k)
        look, bound = 0, total
        while True:
            n = min(total, 60 * 2**look)
            k = int(order[:n].sum())
            bound = most_left(total, n, k, confidence_of_look(look))
            if bound <= 0.03 * total or n == total:
                break
            look += 1
        grown += marked - k <= bound
        sampled.append(n)
    return {
        "reviews": reviews,
        "one_look_holds": once,
        "growing_audit_holds": grown,
        "audited_mean": float(np.mean(sampled)),
    }


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--orientations", type=int, default=10)
    parser.add_argument("--sets", nargs="*", default=[])
    parser.add_argument("--quick", action="store_true", help="no sets of 100,000")
    parser.add_argument("--without-network", action="store_true", help="facing before the network has looked")
    parser.add_argument("--seen-after", type=int, default=0, help="pages until what the network sees is there")
    parser.add_argument("--nudged", type=int, default=0, metavar="TIMES", help="instead of orientations and windows")
    parser.add_argument("--room", type=int, nargs="+", default=[ROOM], help="sprites that windows show at once")
    asked = parser.parse_args()
    sets = facing_sets(asked.sets)
    seen = network.installed() and not asked.without_network
    looked = closely if seen else halves
    report: dict[str, object] = {
        "network": seen,
        "facing": facing(sets, asked.orientations, asked.room, looked, asked.seen_after, asked.nudged),
    }
    report["with_fronts"] = {
        name: with_fronts(looked(pictures), truth, 0, asked.room[0])
        for name, (pictures, truth) in facing_sets(asked.sets, fronts=True).items()
        if (truth == FRONT).any()
    }
    some = looked(next(iter(sets.values()))[0])
    report["fit_s"] = fit_times(some, (1_000, 10_000) if asked.quick else (1_000, 10_000, 100_000))
    rows = table(REPOSITORY / "data" / "mechas" / "truth.tsv")
    pictures = {
        entry.split("/")[-1]: one for entry, one in archive(REPOSITORY / "data" / "mechas" / "mechas.zip").items()
    }
    bipedal = np.array([row["bipedal"] == "1" for row in rows])
    ordered = [pictures[row["file"]] for row in rows]
    report["fitness"] = {"mechas, not bipedal": fitness(~bipedal, own_ranking(ordered))}
    probe = probe_ranking(ordered)
    report["fitness"]["the same by a linear probe on Lite0"] = fitness(~bipedal, probe) if probe else "not installed"
    report["certificate"] = coverage()
    print(json.dumps(report, indent=None if asked.json else 2))


if __name__ == "__main__":
    main()
