"""All pairs of hashes within a Hamming radius: time, memory and recall beside other tools.

    python tests/benchmarks/duplicates_search.py [--json] [--n 100000 ...] [--radius 8] [--bits 64] [--repeats 3]
        [--all] [--full]

Half of the hashes are random, half are variations of few bits of shared ones. Every method runs in a process of its own
on one thread; medians over the repeats, fewer for a method that takes long; memory is the growth of that process's peak
over what it had with the hashes loaded. Recall is against the exact answer for what was looked up. A method that would
take minutes is given fewer hashes ("n_of" says how many), or looks only some of them up and its time is scaled to all
("sampled" says how many). `--full` lifts these caps, `--all` runs the table of sizes.
Peers that are not installed are skipped with a line, and the JSON says so instead of their seconds. Regrouping at
another distance is timed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402 - after the threads are limited

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from measuring import reason  # noqa: E402

# Given hashes and a radius: how many neighbours were found, and of which rows they were asked.
Method = Callable[[np.ndarray, int], tuple[int, slice]]

SAMPLE = 2_000
LOOKED_UP = {"flat": 100_000, "multihash": 20_000}
TREE_SAMPLE = 50


def hashes(count: int, words: int) -> np.ndarray:
    """(count, words) uint64, the same every time."""
    generator = np.random.default_rng(count)
    half = count // 2
    centres = generator.integers(0, 2**64, (max(1, (count - half) // 5), words), dtype=np.uint64)
    near = centres[generator.integers(0, len(centres), count - half)]
    for _ in range(4 * words):
        flip = np.uint64(1) << generator.integers(0, 64, len(near)).astype(np.uint64)
        near[np.arange(len(near)), generator.integers(0, words, len(near))] ^= flip
    made = np.concatenate([generator.integers(0, 2**64, (half, words), dtype=np.uint64), near])
    generator.shuffle(made)
    return made


def ours(engine: str) -> Method:
    """Our search with one of its engines; warmed up first, as compiled code is loaded once a session."""
    from gandam_studio.core.duplicates.search import pairs_within

    pairs_within(hashes(2_000, 1), 4, engine=engine)  # type: ignore[arg-type]
    pairs_within(hashes(2_000, 4), 20, engine=engine)  # type: ignore[arg-type]

    def run(words: np.ndarray, radius: int) -> tuple[int, slice]:
        return 2 * len(pairs_within(words, radius, engine=engine)), slice(len(words))  # type: ignore[arg-type]

    return run


def faiss_flat(words: np.ndarray, radius: int) -> tuple[int, slice]:
    """faiss IndexBinaryFlat, every hash looked up (a sample when there are many)."""
    import faiss

    faiss.omp_set_num_threads(1)
    data = np.ascontiguousarray(words).view(np.uint8)
    index = faiss.IndexBinaryFlat(data.shape[1] * 8)
    index.add(data)
    return _looked_up(lambda part: index.range_search(part, radius + 1)[::2], data, LOOKED_UP["flat"])


def faiss_multihash(words: np.ndarray, radius: int) -> tuple[int, slice]:
    """faiss IndexBinaryMultiHash with the fewest flips that find nearly everything."""
    import faiss

    faiss.omp_set_num_threads(1)
    data = np.ascontiguousarray(words).view(np.uint8)
    index = faiss.IndexBinaryMultiHash(data.shape[1] * 8, 4 * words.shape[1], 16)
    index.nflip = max(0, radius // (4 * words.shape[1]))
    index.add(data)
    return _looked_up(lambda part: index.range_search(part, radius + 1)[::2], data, LOOKED_UP["multihash"])


def usearch_hnsw(words: np.ndarray, radius: int) -> tuple[int, slice]:
    """usearch's HNSW over Hamming distance, 32 neighbours asked for; building the index counts."""
    from usearch.index import Index, MetricKind, ScalarKind

    data = np.ascontiguousarray(words).view(np.uint8)
    index = Index(ndim=data.shape[1] * 8, metric=MetricKind.Hamming, dtype=ScalarKind.B1)
    index.add(np.arange(len(data)), data, threads=1)
    found = index.search(data, 32, threads=1)
    near = found.distances <= radius
    itself = found.keys == np.arange(len(data))[:, None]
    return int((near & ~itself).sum()), slice(len(words))


def bk_tree(words: np.ndarray, radius: int) -> tuple[int, slice]:
    """pybktree over Python integers."""
    import pybktree

    numbers = [int.from_bytes(row.tobytes(), "little") for row in words]
    tree = pybktree.BKTree(lambda a, b: (a[0] ^ b[0]).bit_count(), [(n, i) for i, n in enumerate(numbers)])
    asked = slice(0, len(numbers), max(1, len(numbers) // TREE_SAMPLE))
    return sum(len(tree.find((numbers[i], i), radius)) - 1 for i in range(len(numbers))[asked]), asked


def numpy_blocks(words: np.ndarray, radius: int) -> tuple[int, slice]:
    """numpy's popcount on blocks of rows against all."""
    asked = words[: min(len(words), SAMPLE)]
    hits = 0
    for start in range(0, len(asked), 128):
        different = asked[start : start + 128, None] ^ words[None]
        hits += int((np.bitwise_count(different).sum(axis=2, dtype=np.int16) <= radius).sum())
    return hits - len(asked), slice(len(asked))


def _looked_up(search: Callable[[np.ndarray], np.ndarray], data: np.ndarray, most: int) -> tuple[int, slice]:
    """Neighbours found by looking up at most so many of the data among all of it; found twice counts once."""
    asked = slice(min(len(data), most))
    limits, labels = search(data[asked])[:2]
    asker = np.repeat(np.arange(asked.stop), np.diff(limits).astype(np.int64))
    return len(np.unique(asker * len(data) + labels)) - asked.stop, asked


METHODS: dict[str, Callable[[], Method]] = {
    "ours, numba": lambda: ours("numba"),
    "ours, numpy": lambda: ours("numpy"),
    "faiss flat": lambda: faiss_flat,
    "faiss multihash": lambda: faiss_multihash,
    "usearch": lambda: usearch_hnsw,
    "pybktree": lambda: bk_tree,
    "numpy blocks": lambda: numpy_blocks,
}
# The most hashes the unhurried ones are given, unless `--full`: more would take minutes to hours.
CAPS = {"pybktree": 20_000, "usearch": 100_000}
MOST = {"pybktree": 100_000, "usearch": 100_000, "numpy blocks": 1_000_000, "faiss multihash": 1_000_000}
PATIENCE_S = 8.0  # a method that has taken so long is not repeated


def measure(name: str, count: int, radius: int, words: int, repeats: int) -> dict[str, float]:
    """Run one method here and now: seconds (scaled to all hashes), recall, growth of peak memory in MB."""
    run = METHODS[name]()
    data = hashes(count, words)
    before = peak_mb()
    taken, hits, asked = [], 0, slice(count)
    for _ in range(repeats):
        start = time.process_time()
        hits, asked = run(data, radius)
        spent = time.process_time() - start
        taken.append(spent * count / len(range(count)[asked]))
        if spent * len(taken) > PATIENCE_S:
            break
    grown = peak_mb() - before
    return {
        "seconds": statistics.median(taken),
        "recall": hits / max(1, neighbours(data, radius, asked)),
        "rss_mb": grown,
        "asked": len(range(count)[asked]),
    }


def neighbours(data: np.ndarray, radius: int, asked: slice) -> int:
    """How many neighbours those rows have, by our search, which the tests hold against brute force."""
    from gandam_studio.core.duplicates.search import pairs_within

    found = pairs_within(data, radius)
    return int(np.bincount(np.concatenate([found.i, found.j]), minlength=len(data))[asked].sum())


def peak_mb() -> float:
    """Peak resident memory of this process so far; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024


def compare(names: Sequence[str], count: int, radius: int, words: int, repeats: int, full: bool) -> dict:
    """Every method in a process of its own."""
    result: dict = {"n": count, "radius": radius, "bits": 64 * words}
    result |= {key: {} for key in ("seconds", "recall", "rss_mb", "n_of", "sampled")}
    print(f"\n{count:,} hashes of {64 * words} bits, radius {radius}")
    for name in names:
        given = count if full else min(count, CAPS.get(name, count))
        if given > MOST.get(name, given) or (name == "numpy blocks" and words > 1 and given > 100_000):
            continue
        found = in_child(name, given, radius, words, repeats)
        if isinstance(found, str):
            print(f"  {name} skipped: {found}", file=sys.stderr)
            result["seconds"][name] = found
            continue
        for key in ("seconds", "recall", "rss_mb"):
            result[key][name] = found[key]
        notes = ""
        if given != count:
            result["n_of"][name] = given
            notes += f"  with {given:,} hashes"
        if found["asked"] != given:
            result["sampled"][name] = found["asked"]
            notes += f"  looking {found['asked']:,} up"
        print(f"  {name:18s} {figures(result, name)}{notes}", flush=True)
    return result


def figures(result: dict, name: str) -> str:
    """One line of the table; the ratio to ours only where both had the same hashes."""
    seconds, ours_s = result["seconds"][name], result["seconds"].get(next(iter(METHODS)))
    comparable = isinstance(ours_s, float) and ours_s and name not in result["n_of"]
    ratio = f"{seconds / ours_s:8.1f} x" if comparable else " " * 10
    return f"{seconds:9.4f} s  {ratio}  recall {result['recall'][name]:.4f}  +{result['rss_mb'][name]:.0f} MB"


def in_child(*request: object) -> dict | str:
    """`measure` in a process of its own; why not, where the method is not to be had."""
    child = subprocess.run(
        [sys.executable, __file__, "--one", json.dumps(request)], capture_output=True, text=True, check=False
    )
    if child.returncode:
        return reason(child.stderr)
    return dict(json.loads(child.stdout.splitlines()[-1]))


def regrouping(count: int = 100_000) -> float:
    """Median seconds to regroup `count` sprites with one relation each at another distance."""
    from gandam_studio.core.duplicates.keeping import Judged
    from gandam_studio.core.duplicates.links import Link
    from gandam_studio.core.duplicates.report import DuplicateReport
    from gandam_studio.core.duplicates.sources import Facts
    from gandam_studio.core.duplicates.verdicts import Transform, Verdict

    generator = np.random.default_rng(0)
    first = generator.integers(1, count, count)
    second = np.minimum(first + generator.integers(1, 20, count), count)
    words = ("mirrored", "resized", "recoloured")
    links = [
        Link(i, j, Verdict(words[k % 3], Transform(), d, 1 - d))
        for k, (i, j, d) in enumerate(
            zip(first.tolist(), second.tolist(), generator.random(count).tolist(), strict=True)
        )
        if i < j
    ]
    judged = {seq: Judged(Facts(f"{seq:08d}", 68, 56, order=seq), 900, 1) for link in links for seq in (link.i, link.j)}
    report = DuplicateReport(links, judged)
    taken = []
    for distance in np.linspace(0.1, 0.7, 9):
        start = time.process_time()
        report.regroup(float(distance))
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--n", type=int, action="append", help="hashes; may be repeated (100000)")
    parser.add_argument("--methods", nargs="+", choices=METHODS, help="only these")
    parser.add_argument("--radius", type=int, default=8)
    parser.add_argument("--bits", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*json.loads(options.one))))
        return
    table = [(count, options.radius, options.bits) for count in options.n or [100_000]]
    if options.all:
        table = [(10_000, 4, 64), (100_000, 4, 64), (100_000, 8, 64), (1_000_000, 4, 64), (1_000_000, 8, 64)]
        table += [(100_000, 16, 128), (100_000, 32, 256)]
    names = options.methods or list(METHODS)
    results = [
        compare(names, count, radius, bits // 64, options.repeats, options.full) for count, radius, bits in table
    ]
    regroup = regrouping()
    print(f"\nregrouping 100,000 sprites at another distance: {1000 * regroup:.1f} ms")
    if options.json:
        print(json.dumps({**results[0], "regroup_s": regroup, "table": results}))


if __name__ == "__main__":
    main()
