"""How well copies of sprites are found after an edit, and other sprites left alone: ours beside other tools' hashes.

    python tests/benchmarks/duplicates_quality.py [--json] [--species 500] [--alone] [--fit]
                                                  [--drawings 300] [--only-lost] [--art NAME=FOLDER ...]
                                                  [--known NAME=FOLDER ...] [--shared] [--pairs FOLDER]

Pictures: one sprite of each of `--species` species (../shared/data/pokesprite), every one edited once in every way of
`sprite_edits`, and the real pairs of the truth tables. For each kind all species x species pairs are scored; a pair is
right when both pictures are of the same sprite. Reported: the share of right pairs found at the loosest threshold where
99 % of what is found is right (recall_at_p99), the best F1, and how many wrong pairs our own default merges.

The weights in `core.duplicates.measures` come from `--fit`, which uses other species than the benchmark does. The
thresholds in `core.duplicates` were set while looking at figures of all species, so a fixed, seeded split of the
benchmark's species makes two halves, and everything is printed for both: a threshold that only fits what it was set on
would show. And for every method the loosest distance at which 99 % of the first half's full set is right is carried
over to the second: recall and precision there are what a person gets who sets a tool up on known pictures.

After that, what `dedupe --apply --duplicates-only` would cost: sets of drawings that look alike (`unseen_art`: the
rotations and frames of Freedoom, icons of one species, machines with other gear), as they are, beside one edited copy
of each, and beside a copy of which a part was drawn anew and one of both went through noise, JPEG, a palette or another
size. A drawing is lost when none of its pictures is left. The thresholds of `core.duplicates.redrawing` and `synthesis`
were chosen on these sets and on three games (the units of Wesnoth, Fish Fillets, Pingus); `--art` adds games that were
left out, as folders of PNGs. Peers drop what their own default takes for copies. Games keep some drawings in several
sizes, which count as lost too. So two numbers are printed: as counted, and "by eye", without the pairs of
`one_drawing.tsv`, which a person looked at and found to be one drawing. Last come all games that were left out
together, with an exact (Clopper-Pearson) interval at 95 % for the drawings lost; games that a rule was mended on are
named by `--known` instead of `--art` and do not count there. "Can be" is what the pixels allow: copies of which
nothing is left or that are also those of another drawing cannot be found, and what became one colour may be called
anything. `--pairs` writes what was dropped beside what
was kept, for a person to look at, and the rows that the table would need.

Peers that are not installed are skipped with a line. Of czkawka the hash is used, as its Python package has it. What
peers drop was looked at only as far as ours drops it too, so their numbers "by eye" are too high.
"""

from __future__ import annotations

import argparse
import base64
import csv
import gzip
import json
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from duplicates_lost import SPOILED, Keeper, alone, beside_copies, beside_redrawn, by_distance, digest, ours  # noqa: E402
from sprite_edits import EDITS, flattened, read_archive  # noqa: E402
from unseen_art import drawn_mechas, in_folder, zipped  # noqa: E402

from gandam_studio.core.duplicates.candidates import Candidates, candidates  # noqa: E402
from gandam_studio.core.duplicates.measures import NAMES, compare  # noqa: E402
from gandam_studio.core.duplicates.sources import ArraySource  # noqa: E402
from gandam_studio.core.duplicates.tiles import scaled, tile  # noqa: E402
from gandam_studio.core.duplicates.verdicts import DUPLICATES  # noqa: E402
from gandam_studio.core.duplicates.verifying import Verifier  # noqa: E402
from gandam_studio.core.hashing.content import find_content  # noqa: E402

DATA = REPOSITORY.parent / "shared" / "data" / "pokesprite"
ARCHIVE = DATA / "pokesprite-2.7.0.zip"
FIT_SPECIES = 250
FAR = 1e9


def rows(name: str) -> list[dict[str, str]]:
    """A truth table."""
    with gzip.open(DATA / name, "rt", encoding="utf-8") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def chosen_species(count: int, fit: bool) -> list[str]:
    """Paths of one plain gen8 sprite a species, shuffled by a fixed seed; the first FIT_SPECIES are for fitting."""
    first: dict[str, str] = {}
    for row in rows("files.tsv.gz"):
        if (row["set"], row["variant"], row["sub"], row["form"]) == ("gen8", "regular", "base", "$"):
            first.setdefault(row["species"], row["path"])
    paths = sorted(first.values())
    random.Random(0).shuffle(paths)
    return paths[:FIT_SPECIES] if fit else paths[FIT_SPECIES : FIT_SPECIES + count]


def truth_pairs(kind: str, limit: int, species: set[str]) -> tuple[list[str], list[str], list[str]]:
    """Three parallel lists from near_pairs: two of paths, and their species; one pair each, none of equal pixels."""
    found: dict[str, tuple[str, str]] = {}
    for row in rows("near_pairs.tsv.gz"):
        wanted = row["kind"] == kind and row["same_cropped_pixels"] != "1" and row["form"] == "$"
        if wanted and row["species"] in species:
            found.setdefault(row["species"], (row["path_a"], row["path_b"]))
    names = sorted(found)[:limit]
    return [found[name][0] for name in names], [found[name][1] for name in names], names


def edited_sets(paths: list[str], seed: int) -> dict[str, tuple[list[np.ndarray], list[np.ndarray]]]:
    """Kind -> (originals, their edited copies)."""
    originals = read_archive(ARCHIVE, paths)
    made = {}
    for number, (kind, edit) in enumerate(EDITS.items()):
        generator = np.random.default_rng([seed, number])
        made[kind] = originals, [edit(picture, generator) for picture in originals]
    shiny = read_archive(ARCHIVE, [path.replace("/regular/", "/shiny/") for path in paths])
    made["shiny (real)"] = originals, shiny
    return made


# Methods: two lists of pictures -> (N, M) distances.
Method = Callable[[list[np.ndarray], list[np.ndarray]], np.ndarray]


def our_distances(first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
    """Verified distances; pairs that the hashes do not nominate are far."""
    distances, _ = verified(first, second)
    return distances


def verified(first: list[np.ndarray], second: list[np.ndarray]) -> tuple[np.ndarray, list[tuple[int, int, str, float]]]:
    """(N, M) distances and the links as (row of first, row of second, relation, distance)."""
    source = ArraySource([*first, *second])
    pairs = across(candidates(source.fingerprints), len(first))
    distances = np.full((len(first), len(second)), FAR)
    links = []
    for link in Verifier(source).links(pairs):
        distances[link.i, link.j - len(first)] = link.verdict.distance
        links.append((link.i, link.j - len(first), link.verdict.relation, link.verdict.distance))
    return distances, links


def across(pairs: Candidates, count: int) -> Candidates:
    """Only pairs between the two lists."""
    between = (pairs.i < count) & (pairs.j >= count)
    return Candidates(pairs.i[between], pairs.j[between], pairs.mirrored[between])


def bits_method(bits: Callable[[np.ndarray], np.ndarray]) -> Method:
    """Hamming distances of a peer's hash, given a function from a picture to its bits."""

    known: list[tuple[list[np.ndarray], np.ndarray]] = []  # the originals are the same for every kind

    def hashed(pictures: list[np.ndarray]) -> np.ndarray:
        for listed, found in known:
            if listed is pictures:
                return found
        return np.array([bits(picture) for picture in pictures], dtype=np.float32)

    def method(first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
        a, b = hashed(first), hashed(second)
        known[:] = [(first, a)]
        return a @ (1 - b).T + (1 - a) @ b.T

    return method


Bits = Callable[[np.ndarray], np.ndarray]


def peers() -> dict[str, Method]:
    """Every peer that is installed."""
    return {name: bits_method(bits) for name, bits in peer_bits().items()}


def peer_bits() -> dict[str, Bits]:
    """The hash of every peer that is installed: a function from a picture to its bits."""
    import imagehash

    def hashed(function: Callable, on_white: bool, **options: int) -> Bits:
        def bits(rgba: np.ndarray) -> np.ndarray:
            picture = flattened(rgba) if on_white else Image.fromarray(rgba)
            return function(picture, **options).hash.ravel()

        return bits

    found = {
        "imagehash.phash": hashed(imagehash.phash, False),
        "imagehash.phash on white": hashed(imagehash.phash, True),
        "imagehash.phash 16x16 on white": hashed(imagehash.phash, True, hash_size=16),
        "imagehash.dhash on white": hashed(imagehash.dhash, True),
        "imagehash.whash on white": hashed(imagehash.whash, True),
        "imagehash.colorhash on white": hashed(imagehash.colorhash, True),
    }
    found |= imagededup_bits() | file_bits()
    return found


def file_bits() -> dict[str, Bits]:
    """czkawka's and imgdd's hashes, which take files: pictures are written to a folder that is removed afterwards.

    Each also on white, since neither looks at alpha and what lies under it is arbitrary.
    """
    found: dict[str, Bits] = {}

    def add(name: str, hashed: Callable[[Path], np.ndarray]) -> None:
        found[name] = filed(hashed, on_white=False)
        found[f"{name} on white"] = filed(hashed, on_white=True)

    try:
        import czkawka

        finder = czkawka.ImageSimilarity()
        add(
            "czkawka",
            lambda path: np.unpackbits(np.frombuffer(base64.b64decode(finder.hash_image(path) + "=="), np.uint8)),
        )
    except ImportError as error:
        print(f"czkawka skipped: {error}", file=sys.stderr)
    try:
        import imgdd

        def bits(path: Path) -> np.ndarray:
            (text,) = imgdd.hash(path=str(path.parent), filter="Lanczos3", algo="pHash").values()
            return np.array([int(bit) for bit in f"{int(text, 16):064b}"])

        add("imgdd pHash", bits)
    except ImportError as error:
        print(f"imgdd skipped: {error}", file=sys.stderr)
    return found


def filed(hashed: Callable[[Path], np.ndarray], on_white: bool) -> Callable[[np.ndarray], np.ndarray]:
    """A hash of a picture made by a tool that reads files."""

    def bits(rgba: np.ndarray) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "picture.png"
            (flattened(rgba) if on_white else Image.fromarray(rgba)).save(path)
            return hashed(path)

    return bits


def imagededup_bits() -> dict[str, Bits]:
    """imagededup's four hashes, or nothing with a line saying why."""
    try:
        from imagededup.methods import AHash, DHash, PHash, WHash
    except Exception as error:  # whatever keeps a peer from loading, the benchmark goes on
        print(f"imagededup skipped: {error}", file=sys.stderr)
        return {}

    def hashed(encoder: object) -> Bits:
        def bits(rgba: np.ndarray) -> np.ndarray:
            text = encoder.encode_image(image_array=np.asarray(flattened(rgba)))  # type: ignore[attr-defined]
            return np.array([int(bit) for bit in f"{int(text, 16):064b}"])

        return bits

    return {f"imagededup {kind.__name__}": hashed(kind(verbose=False)) for kind in (PHash, DHash, WHash, AHash)}


Curve = tuple[float, float, float]


def quality(parts: list[np.ndarray]) -> Curve:
    """`curve` of all kinds' (N, N) distances under one threshold, right pairs being on the diagonals."""
    distances = np.concatenate([one[one < FAR] for one in parts])
    right = np.concatenate([np.eye(*one.shape, dtype=bool)[one < FAR] for one in parts])
    return curve(distances, right, sum(min(one.shape) for one in parts))


def carried(parts: list[np.ndarray], threshold: float) -> dict[str, float]:
    """Recall and precision of all kinds' distances at a threshold set elsewhere; precision 1 where nothing is found."""
    found = sum(int((one <= threshold).sum()) for one in parts)
    right = sum(int((one.diagonal() <= threshold).sum()) for one in parts)
    return {"recall": right / sum(min(one.shape) for one in parts), "precision": right / found if found else 1.0}


def curve(distances: np.ndarray, right: np.ndarray, total: int) -> Curve:
    """Recall at precision .99, the best F1, and the distance of the former (-1: there is none).

    Of scored pairs, of which `total` exist to be found; equal distances stand together.
    """
    if not len(distances):
        return 0.0, 0.0, -1.0
    order = np.argsort(distances, kind="stable")
    distances, right = distances[order], right[order]
    last = np.append(distances[1:] != distances[:-1], True)  # a threshold takes all of a tie or none
    hits = np.cumsum(right)[last]
    taken = (np.arange(len(right)) + 1)[last]
    good = hits / taken >= 0.99
    f1 = float((2 * hits / (taken + total)).max())
    if not good.any():
        return 0.0, f1, -1.0
    best = int(np.argmax(np.where(good, hits, -1)))
    return float(hits[best] / total), f1, float(distances[last][best])


def run(count: int, alone: bool = False) -> dict:
    """The whole benchmark as one JSON-able object; `alone`: without peers."""
    paths = chosen_species(count, fit=False)
    sets = edited_sets(paths, seed=1)
    named = [Path(path).stem for path in paths]
    # The paths are shuffled by a fixed seed: the second half of them is held out.
    held_out = set(named[len(named) // 2 :])
    names = dict.fromkeys(sets, named)
    for kind in ("gen7x-gen8", "gen7x-icon40x30", "left-right"):
        a, b, species = truth_pairs(kind, 300, set(named))
        if len(a) >= 20:
            sets[f"{kind} (real)"] = read_archive(ARCHIVE, a), read_archive(ARCHIVE, b)
            names[f"{kind} (real)"] = species
    methods: dict[str, Method] = {"ours": our_distances} | ({} if alone else peers())
    scored: dict[str, dict[str, np.ndarray]] = {name: {} for name in methods}
    defaults = {half: dict.fromkeys(("pairs_examined", "wrong_relations", "wrong_duplicates"), 0) for half in HALVES}
    print(f"{'':24s}" + "".join(f" {name[-16:]:>16s}" for name in methods))
    for kind, (first, second) in sets.items():
        out = np.array([name in held_out for name in names[kind]])
        for name, method in methods.items():
            if name != "ours":
                scored[name][kind] = method(first, second)
                continue
            scored[name][kind], links = verified(first, second)
            for half, part in _halves(out).items():
                _count_default(defaults[half], links, part)
        print(f"{kind:24s}" + "".join(f" {quality([one[kind]])[0]:16.3f}" for one in scored.values()), flush=True)
    masks = {kind: np.array([name in held_out for name in names[kind]]) for kind in sets}
    result: dict[str, Any] = {"species": len(paths)}
    for half in HALVES:
        parts = {
            name: {
                kind: one[np.ix_(part, part)] for kind, one in kinds.items() for part in [_halves(masks[kind])[half]]
            }
            for name, kinds in scored.items()
        }
        figures = _figures(parts, defaults[half])
        result |= figures if half == "all" else {half: figures}
        if half == "held_out":
            result[half]["carried"] = _carried(result["chosen_on"]["thresholds"], parts)
    return result


HALVES = ("all", "chosen_on", "held_out")


def _halves(out: np.ndarray) -> dict[str, np.ndarray]:
    """Which rows count in which half, by (N,) bool of those held out."""
    return {"all": np.flatnonzero(out >= 0), "chosen_on": np.flatnonzero(~out), "held_out": np.flatnonzero(out)}


def _count_default(into: dict[str, int], links: list[tuple[int, int, str, float]], part: np.ndarray) -> None:
    """Add up what our default says of pairs within one half."""
    there = set(part.tolist())
    wrong = [one for one in links if one[3] <= 0.5 and one[0] != one[1] and one[0] in there and one[1] in there]
    into["pairs_examined"] += len(part) * (len(part) - 1)
    into["wrong_relations"] += len(wrong)
    into["wrong_duplicates"] += sum(relation in DUPLICATES for _, _, relation, _ in wrong)


def _figures(parts: dict[str, dict[str, np.ndarray]], default: dict[str, int]) -> dict[str, Any]:
    """Everything about one half: method -> kind -> distances."""
    found = {name: {kind: quality([one]) for kind, one in kinds.items()} for name, kinds in parts.items()}
    kinds = list(next(iter(parts.values())))
    full = {name: quality(_pool(one)) for name, one in parts.items()}
    return {
        "recall_at_p99": {kind: {name: one[kind][0] for name, one in found.items()} for kind in kinds},
        "f1": {kind: {name: one[kind][1] for name, one in found.items()} for kind in kinds},
        "full_set": {name: {"recall_at_p99": recall, "f1": f1} for name, (recall, f1, _) in full.items()},
        "thresholds": {name: {kind: one[kind][2] for kind in kinds} | {"full set": full[name][2]}
                       for name, one in found.items()},
        "default": default,
    }  # fmt: skip


def _pool(kinds: dict[str, np.ndarray]) -> list[np.ndarray]:
    """What makes the full set: all edits and real recolours, without the pairs of two editions."""
    return [one for kind, one in kinds.items() if "(real)" not in kind or kind.startswith("shiny")]


def _carried(thresholds: dict[str, dict[str, float]], parts: dict[str, dict[str, np.ndarray]]) -> dict[str, Any]:
    """kind -> method -> recall and precision at the one threshold that suits all kinds of the other half."""
    found: dict[str, Any] = {}
    for name, kinds in parts.items():
        for kind, one in [*((kind, [one]) for kind, one in kinds.items()), ("full set", _pool(kinds))]:
            found.setdefault(kind, {})[name] = carried(one, thresholds[name]["full set"])
    return found


def tell(result: dict[str, Any]) -> None:
    """Print the halves side by side: ours, the best peer, and what becomes of thresholds set on the first half."""
    head = ("chosen on", "held out", "best peer", "carried: recall", "precision", "best peer's")
    print("\nrecall at precision .99  " + "".join(f" {one:>16s}" for one in head))
    first, second = result["chosen_on"], result["held_out"]

    def best(values: dict[str, float]) -> float:
        return max((value for name, value in values.items() if name != "ours"), default=0.0)

    for kind in second["carried"]:
        mine = [one["full_set"]["ours"]["recall_at_p99"] if kind == "full set" else one["recall_at_p99"][kind]["ours"]
                for one in (first, second)]  # fmt: skip
        others = second["full_set"] if kind == "full set" else second["recall_at_p99"][kind]
        peer = best({name: one["recall_at_p99"] if kind == "full set" else one for name, one in others.items()})
        moved = second["carried"][kind]
        honest = {name: one["recall"] if one["precision"] >= 0.97 else 0.0 for name, one in moved.items()}
        values = (*mine, peer, moved["ours"]["recall"], moved["ours"]["precision"], best(honest))
        print(f"{kind:24s}" + "".join(f" {value:16.3f}" for value in values))
    print("(best peer's: of those whose precision stays at .97 or above)")
    for half, one in (("all", result), ("chosen on", first), ("held out", second)):
        f1 = {name: values["f1"] for name, values in one["full_set"].items()}
        counts = one["default"]
        share = counts["wrong_relations"] / counts["pairs_examined"]
        print(
            f"{half:10s} full set F1 {f1['ours']:.3f} (best peer {best(f1):.3f}); at our default {share:.1e} of "
            f"{counts['pairs_examined']:,} pairs wrongly related, {counts['wrong_duplicates']} called duplicates"
        )


def fit() -> None:
    """Logistic regression on the fitting species: prints WEIGHTS and BIAS for `core.duplicates.measures`."""
    from scipy.optimize import minimize

    measures, right = fitting_pairs()
    scale = measures.std(axis=0)
    z = np.hstack([measures / scale, np.ones((len(measures), 1))])
    share = np.where(right, 0.5 / right.sum(), 0.5 / (~right).sum())

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        logit = z @ w
        value = (share * np.logaddexp(0, np.where(right, -logit, logit))).sum() + 1e-4 * np.square(w[:-1]).sum()
        slope = z.T @ (share * (1 / (1 + np.exp(-logit)) - right)) + 2e-4 * np.append(w[:-1], 0)
        return value, slope

    bounds = [(0, None)] * len(NAMES) + [(None, None)]  # more of any measure is never evidence against
    found = minimize(loss, np.zeros(len(NAMES) + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    weights, bias = found[:-1] / scale, found[-1]
    # 0 where one wrong pair comes through for every thousand wrong candidates.
    wrong = np.sort(measures[~right] @ weights + bias)
    tip = wrong[int(0.999 * len(wrong))]
    print(f"{right.sum()} right and {(~right).sum()} wrong candidate pairs; tip {tip:.2f}")
    print("WEIGHTS", dict(zip(NAMES, weights.round(2).tolist(), strict=True)), "BIAS", round(float(bias - tip), 2))


def fitting_pairs() -> tuple[np.ndarray, np.ndarray]:
    """Measures (P, 6) and truth (P,) of the candidate pairs of the fitting species' edited copies."""
    all_measures, all_right = [], []
    for first, second in edited_sets(chosen_species(0, fit=True), seed=2).values():
        source = ArraySource([*first, *second])
        pairs = across(candidates(source.fingerprints, look_radius=92, whole_radius=18), len(first))
        tiles = np.stack([tile(find_content(picture).rgba) for picture in source.pictures])
        tiles = np.rint(tiles * 255).astype(np.uint8)
        parts = [slice(start, start + 128) for start in range(0, len(pairs), 128)]
        found = [
            compare(
                scaled(tiles[pairs.i[part]], np.zeros_like(pairs.mirrored[part])),
                scaled(tiles[pairs.j[part]], pairs.mirrored[part]),
            ).measures
            for part in parts
        ]
        right = pairs.j - len(first) == pairs.i
        measures = np.concatenate(found)
        # The wrong way round of a right pair is neither: leave it out.
        keep = ~right | (measures[:, 0] > 0.8) & (measures[:, 4] > 0.4)
        all_measures.append(measures[keep])
        all_right.append(right[keep])
    return np.concatenate(all_measures).astype(np.float64), np.concatenate(all_right)


# Bits that may differ at a tool's own default, or for want of one at that of the next tool.
PEER_DEFAULTS = {
    "imagehash.phash on white": 10,
    "imagededup PHash": 10,
    "czkawka on white": 2,
}


LEFT_OUT = "left out"
COUNTS = ("drawings", "lost", "lost_by_eye", "lost_beside_copies", "copies_made", "copies_found", "can_be_found")
WORD_COUNTS = ("words_right", "can_be_right")


def drawing_sets(limit: int, folders: list[str], known: list[str], *, shipped: bool) -> dict[str, list[np.ndarray]]:
    """Name -> different drawings that look alike.

    folders, known: "NAME=FOLDER" of games that nothing was tuned on, and of others. shipped: with the shared sets.
    """
    games = {f"{name} ({what})": in_folder(Path(folder), limit)
             for listed, what in ((known, "known"), (folders, LEFT_OUT)) for one in listed
             for name, _, folder in [one.partition("=")]}  # fmt: skip
    return (_shared_sets(limit) if shipped else {}) | games


def _shared_sets(limit: int) -> dict[str, list[np.ndarray]]:
    """Name -> different drawings that the thresholds were chosen on."""
    shared = DATA.parent
    species = [row["path"] for row in rows("files.tsv.gz") if (row["set"], row["variant"]) == ("gen8", "regular")]
    return {
        "Freedoom": zipped(shared / "freedoom" / "freedoom-sprites.zip")[:limit],
        "PokeSprite": zipped(ARCHIVE, species[: 2 * limit])[:limit],
        "GearHead": [one for one in zipped(shared / "mecha" / "gearhead-caramel.zip") if max(one.shape) <= 256],
        "drawn mechas": drawn_mechas(21, limit),
    }


def run_lost(sets: dict[str, list[np.ndarray]], alone_: bool, pairs: Path | None) -> dict[str, Any]:
    """Drawings lost and copies found in every set, printed as they are known; peers at their defaults.

    sets: as of `drawing_sets`. pairs: where pictures of what was dropped of each set alone are written.
    """
    keepers = {}
    if not alone_:
        known = peer_bits()
        keepers = {name: by_distance(known[name], most) for name, most in PEER_DEFAULTS.items() if name in known}
    print("\ndrawings lost per 1,000: of a set alone / each beside an edited copy / beside one with a part drawn anew")
    heads = f"{'drawings':>8s} {'alone':>7s} {'by eye':>7s} {'copies':>7s} {'by eye':>7s} {'redrawn':>8s}"
    heads += f" {'found':>6s} {'can be':>6s}"
    print(f"{'':26s} {heads} {'words right':>12s} {'can be':>6s}")
    result: dict[str, Any] = {}
    for name, drawings in sets.items():
        if pairs is not None:
            write_pairs(drawings, alone(drawings).pairs, pairs / f"{name}.png")
        told = {"ours": ours, **keepers}
        result[name] = {who: _lost(drawings, keeper, who == "ours") for who, keeper in told.items()}
        for who, one in result[name].items():
            words = ""
            if "words" in one:
                words = f"{one['words']:12.3f} {_share(one, 'can_be_right', 'copies_found'):6.3f}"
            print(
                f"{name if who == 'ours' else '  ' + who:26s} {len(drawings):8,d} {one['alone']:7.1f} "
                f"{one['alone_by_eye']:7.1f} {one['copies']:7.1f} {one['copies_by_eye']:7.1f} {one['redrawn']:8.1f} "
                f"{one['found']:6.3f} {_share(one, 'can_be_found', 'copies_made'):6.3f} {words}",
                flush=True,
            )
    left_out = [one for name, one in result.items() if name.endswith(f"({LEFT_OUT})")]
    if left_out:
        result["all left out"] = {who: pooled([one[who] for one in left_out]) for who in left_out[0]}
        tell_pooled(result["all left out"], len(left_out))
    return result


def _share(counts: dict[str, float], part: str, whole: str) -> float:
    return counts[part] / max(1, counts[whole])


def pooled(rows: list[dict[str, float]]) -> dict[str, Any]:
    """The sum of rows of `_lost`: lost per 1,000 by eye with an exact interval, copies found and words right."""
    made: dict[str, Any] = {name: int(sum(row[name] for row in rows)) for name in COUNTS}
    made["per_thousand"] = 1000 * _share(made, "lost", "drawings")
    made["per_thousand_by_eye"] = 1000 * _share(made, "lost_by_eye", "drawings")
    made["interval"] = [1000 * bound for bound in exact_interval(made["lost_by_eye"], made["drawings"])]
    made["found"] = _share(made, "copies_found", "copies_made")
    if all("words" in row for row in rows):
        made |= {name: int(sum(row[name] for row in rows)) for name in WORD_COUNTS}
        made["words"] = _share(made, "words_right", "copies_found")
    return made


def exact_interval(count: int, of: int, level: float = 0.95) -> tuple[float, float]:
    """The Clopper-Pearson interval of a share: what no binomial test at this level rejects. 0 to 1 where `of` is 0."""
    from scipy.stats import beta

    tail = (1 - level) / 2
    lower = float(beta.ppf(tail, count, of - count + 1)) if count else 0.0
    upper = float(beta.ppf(1 - tail, count + 1, of - count)) if count < of else 1.0
    return lower, upper


def tell_pooled(found: dict[str, dict[str, Any]], games: int) -> None:
    """Print what became of all sets that were left out, a line for each tool."""
    drawings = next(iter(found.values()))["drawings"]
    print(f"\nall {games} games left out, {drawings:,} drawings: lost per 1,000 by eye, with an exact interval at 95 %")
    for who, one in found.items():
        low, high = one["interval"]
        words = ""
        if "words" in one:
            words = f"; words right {one['words']:.4f} (can be {_share(one, 'can_be_right', 'copies_found'):.4f})"
        print(
            f"{who:26s} {one['per_thousand_by_eye']:6.2f} ({low:.2f} to {high:.2f}), as counted "
            f"{one['per_thousand']:.2f}; copies found {one['found']:.4f} "
            f"(can be {_share(one, 'can_be_found', 'copies_made'):.4f}){words}"
        )


def write_pairs(drawings: list[np.ndarray], pairs: list[tuple[int, int]], path: Path) -> None:
    """A picture of (dropped, kept) drawings side by side, a pair a row, on magenta, and a table of their digests.

    Nothing where there are none.
    """
    if not pairs:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".tsv").open("w", encoding="utf-8") as table:
        for pair in pairs:
            print(path.stem, *(digest(drawings[one]) for one in pair), sep="\t", file=table)
    side = 128
    sheet = Image.new("RGB", (2 * side, side * len(pairs)), (120, 120, 120))
    for row, pair in enumerate(pairs):
        for column, number in enumerate(pair):
            shown = flattened(drawings[number], (255, 0, 255))
            factor = side / max(shown.size)
            size = tuple(max(1, round(one * factor)) for one in shown.size)
            sheet.paste(shown.resize((size[0], size[1]), Image.Resampling.NEAREST), (column * side, row * side))
    sheet.save(path)


def _lost(drawings: list[np.ndarray], keeper: Keeper, mine: bool) -> dict[str, float]:
    """One row of the table."""
    copies = beside_copies(drawings, keeper=None if mine else keeper)
    redrawn = [beside_redrawn(drawings[:: len(SPOILED)], how, keeper=keeper) for how in SPOILED]
    by_themselves = alone(drawings, keeper)
    found = {
        "alone": by_themselves.per_thousand,
        "alone_by_eye": by_themselves.per_thousand_by_eye,
        "copies": copies.per_thousand,
        "copies_by_eye": copies.per_thousand_by_eye,
        "redrawn": 1000 * sum(one.lost for one in redrawn) / max(1, sum(one.drawings for one in redrawn)),
        "found": copies.found / max(1, copies.copies),
        "drawings": by_themselves.drawings,
        "lost": by_themselves.lost,
        "lost_by_eye": by_themselves.lost_by_eye,
        "lost_beside_copies": copies.lost_by_eye,
        "copies_made": copies.copies,
        "copies_found": copies.found,
        "can_be_found": copies.copies - copies.untellable,
    }
    if mine:
        found["words"] = copies.right / max(1, copies.found)
        found["words_right"] = copies.right
        found["can_be_right"] = copies.found - copies.either_word
    return found


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--species", type=int, default=500)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--alone", action="store_true", help="without peers")
    parser.add_argument("--drawings", type=int, default=300, help="of each set at most so many; 0: none")
    parser.add_argument("--only-lost", action="store_true", help="only the sets of drawings that look alike")
    parser.add_argument("--art", action="append", default=[], metavar="NAME=FOLDER", help="a game nothing was tuned on")
    parser.add_argument("--known", action="append", default=[], metavar="NAME=FOLDER", help="a game that was tuned on")
    parser.add_argument("--shared", action=argparse.BooleanOptionalAction, default=True, help="the shared sets, too")
    parser.add_argument("--pairs", type=Path, metavar="FOLDER", help="pictures of what was dropped, to look at")
    options = parser.parse_args()
    if not ARCHIVE.is_file():
        raise SystemExit("the shared pictures (../shared/data/pokesprite) are not on this machine")
    if options.fit:
        fit()
        return
    result: dict[str, Any] = {}
    if not options.only_lost:
        result = run(options.species, options.alone)
        tell(result)
    if options.drawings:
        sets = drawing_sets(options.drawings, options.art, options.known, shipped=options.shared)
        result["lost"] = run_lost(sets, options.alone, options.pairs)
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
