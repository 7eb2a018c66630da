"""How fast an import is beside pure decoding and beside its peers: same files, same process count, one run, medians.

    python tests/benchmarks/import_speed.py [--json] [--quick] [--repeats 3] [--workers 2] [--sets sprites,jpeg,png]
                                            [--whole czkawka,imagededup]

`whole import`: scan, decode, digest, canonical pixels, all hashes and mirrored hashes, thumbnail, features, originals
and rows safely on disk, the start of the worker processes included. `steady` leaves that start out (two imports of
different sizes, differenced). `floor`: the same files read and decoded by the faster of OpenCV and Pillow, no more.
Hashing stage: a file to its hashes, one thread, in a worker's environment; ours are three planes both ways and digests,
ImageHash's is one pHash. `hashing_alone`: the same from decoded pixels.
Peers are used where they are installed (czkawka, imagededup, ImageHash, python-libphash, imgdd); a line says which are
absent. `--whole` names those whose whole search for copies is measured, from files to groups; imagededup's, which takes
minutes, is measured once.
Sprites are PokeSprite's where ../shared/data lies beside the checkout, with mirrored and recoloured copies; else drawn.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

os.environ.setdefault("RAYON_NUM_THREADS", "1")  # imgdd would use every core
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from dedupe_peers import run_peer  # noqa: E402
from measuring import PeakMemory  # noqa: E402

COUNTS = {"sprites": 12_000, "jpeg": 200, "png": 80}
QUICK = {"sprites": 2_000, "jpeg": 40, "png": 16}
WHOLE, ONCE = ("czkawka", "imagededup"), ("imagededup",)


# Pictures


def make_set(name: str, folder: Path, count: int) -> list[Path]:
    """Write `count` different pictures of a set into `folder`."""
    folder.mkdir(parents=True)
    pictures = sprites() if name == "sprites" else photographs(name)
    paths = []
    for index, data in zip(range(count), pictures, strict=False):
        paths.append(folder / f"{index:06d}.{'jpg' if name == 'jpeg' else 'png'}")
        paths[-1].write_bytes(data)
    return paths


def sprites() -> Iterator[bytes]:
    """Every distinct sprite once as it came, then mirrored, recoloured, and both."""
    source = ROOT.parent / "shared" / "data" / "pokesprite" / "pokesprite-2.7.0.zip"
    if source.is_file():
        with zipfile.ZipFile(source) as archive:
            files = [archive.read(name) for name in sorted(archive.namelist()) if name.endswith(".png")]
    else:
        files = [drawn(number) for number in range(6_000)]
    yield from files
    for change in (lambda a: a[:, ::-1], lambda a: a[..., [1, 2, 0, 3]], lambda a: a[:, ::-1, [2, 0, 1, 3]]):
        for data in files:
            rgba = np.array(Image.open(io.BytesIO(data)).convert("RGBA"))
            yield png_bytes(np.ascontiguousarray(change(rgba)))


def drawn(number: int) -> bytes:
    """A 68 x 56 sprite of a few random ellipses."""
    dice = np.random.default_rng(number)
    rgba = np.zeros((56, 68, 4), np.uint8)
    for _ in range(6):
        center = (int(dice.integers(20, 48)), int(dice.integers(16, 40)))
        axes = (int(dice.integers(3, 16)), int(dice.integers(3, 14)))
        cv2.ellipse(rgba, center, axes, int(dice.integers(180)), 0, 360, (*dice.integers(0, 256, 3).tolist(), 255), -1)
    return png_bytes(rgba)


def png_bytes(rgba: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgba).save(stream, "PNG")
    return stream.getvalue()


def photographs(kind: str) -> Iterator[bytes]:
    """1024 x 1024 pictures with detail at every scale, as photographs have."""
    number = 0
    while True:
        dice = np.random.default_rng(number)
        number += 1
        total = np.zeros((1024, 1024, 3), np.float32)
        for octave in range(2, 9):
            grid = dice.normal(0, 1, (1 << octave, 1 << octave, 3)).astype(np.float32)
            total += cv2.resize(grid, (1024, 1024), interpolation=cv2.INTER_CUBIC) * (60 / 1.7**octave * 2)
        total += dice.normal(0, 2, total.shape)
        pixels = np.clip(total + 128, 0, 255).astype(np.uint8)
        ok, data = cv2.imencode(".jpg" if kind == "jpeg" else ".png", pixels)
        assert ok
        yield data.tobytes()


# What is measured


def decode_cv2(path: str) -> None:
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    codes = {2: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA}
    cv2.cvtColor(pixels, codes[pixels.shape[2] if pixels.ndim == 3 else 2])


def decode_pillow(path: str) -> None:
    with Image.open(path) as image:
        np.asarray(image.convert("RGBA"))


def _decode_all(decoder: Callable[[str], None], paths: list[str]) -> float:
    cv2.setNumThreads(1)
    began = time.perf_counter()
    for path in paths:
        decoder(path)
    return time.perf_counter() - began


def floor(paths: list[Path], workers: int) -> float:
    """Pictures a second of the faster decoder, in as many processes as the import has, their start left out."""
    names = [str(path) for path in paths]
    shares = [names[start::workers] for start in range(workers)]
    best = 0.0
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for decoder in (decode_cv2, decode_pillow):
            pool.starmap(_decode_all, [(decoder, share[:8]) for share in shares])
            seconds = max(pool.starmap(_decode_all, [(decoder, share) for share in shares], chunksize=1))
            best = max(best, len(names) / seconds)
    return best


def whole_import(folder: Path, workspace: Path, workers: int) -> dict[str, float]:
    """One import in a process of its own: seconds, pictures, peak memory with its workers (MB, None on Windows)."""
    command = [sys.executable, __file__, "--child", str(folder), str(workspace), str(workers)]
    # As installed: modules are not compiled at every start.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def child(folder: str, workspace: str, workers: int) -> None:
    """What `whole_import` runs."""
    from gandam_studio.core.importing import ImportOptions, import_sources
    from gandam_studio.core.workspace import Workspace

    with Workspace.create(workspace) as opened, PeakMemory() as memory:
        began = time.perf_counter()
        summary = import_sources(opened, [folder], options=ImportOptions(workers=workers))
        seconds = time.perf_counter() - began
    result = {"seconds": seconds, "pictures": summary.imported + summary.already, "peak_rss_mb": memory.megabytes()}
    print(json.dumps(result))


def one_core(folder: Path, count: int) -> dict[str, float]:
    """Pictures a second of ours and every peer on the first `count` of a folder, one thread, in a process of its own.

    It has the environment an import's worker has, for all of them alike. Keys: `hash:` for file to hashes, `alone:`
    for hashes of pixels that are decoded already, `raw:` for our decoding alone.
    """
    from gandam_studio.core.workers.child import environment

    command = [sys.executable, __file__, "--one-core", str(folder), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    return json.loads(done.stdout.splitlines()[-1])


def one_core_child(folder: str, count: int) -> None:
    """What `one_core` runs: each once to warm up, then the median of three."""
    every = sorted(Path(folder).iterdir())
    paths = every[:count]
    # imgdd takes a folder whole.
    works = [("hash:ours", hashing_stage(paths), count), ("raw:ours", decoding_stage(paths), count)]
    works += [(name, work, len(every) if name == "hash:imgdd" else count) for name, work in hash_peers(paths).items()]
    few = paths[:400] if _small(paths) else paths[:12]
    works += [(name, work, len(few)) for name, work in hashing_alone(few).items()]
    found = {}
    for name, work, pictures in works:
        work()
        found[name] = pictures / statistics.median(timed(work) for _ in range(3))
    print(json.dumps(found))


def decoding_stage(paths: list[Path]) -> Callable[[], None]:
    """The import's reading and decoding."""
    from gandam_studio.core.pictures.decoding.canonical import decode_raw

    def run() -> None:
        for path in paths:
            decode_raw(path.read_bytes())

    return run


def hashing_stage(paths: list[Path]) -> Callable[[], None]:
    """The import's reading, decoding and all fingerprints, mirrored ones included, in the import's batches."""
    from gandam_studio.core.hashing import fingerprint_batch
    from gandam_studio.core.pictures.decoding.canonical import decode_raw

    def run() -> None:
        for some in batches(paths):
            fingerprint_batch([decode_raw(path.read_bytes()).rgba for path in some])

    return run


def batches(paths: list[Path]) -> Iterator[list[Path]]:
    """As many pictures at once as an import's worker takes: few large ones, many small ones."""
    step = 256 if _small(paths) else 4
    for start in range(0, len(paths), step):
        yield paths[start : start + step]


def _small(paths: list[Path]) -> bool:
    return paths[0].stat().st_size < 16_384


def hashing_alone(paths: list[Path]) -> dict[str, Callable[[], None]]:
    """Hashes of decoded pixels: all of ours, and ImageHash's pHash once."""
    from gandam_studio.core.hashing import fingerprint_batch
    from gandam_studio.core.pictures.decoding.canonical import decode_raw

    pixels = [[decode_raw(path.read_bytes()).rgba for path in some] for some in batches(paths)]

    def ours() -> None:
        for some in pixels:
            fingerprint_batch(some)

    works: dict[str, Callable[[], None]] = {"alone:ours": ours}
    if has("imagehash"):
        import imagehash

        images = []
        for path in paths:
            with Image.open(path) as image:
                image.load()
                images.append(image.copy())
        works["alone:imagehash"] = lambda: [imagehash.phash(image) for image in images] and None
    return works


def hash_peers(paths: list[Path]) -> dict[str, Callable[[], None]]:
    """Peers that decode and hash one picture after the other, in one thread each."""
    peers: dict[str, Callable[[], None]] = {}
    if has("imagehash"):
        import imagehash

        def by_imagehash() -> None:
            for path in paths:
                with Image.open(path) as image:
                    imagehash.phash(image)

        peers["hash:imagehash"] = by_imagehash
    if has("libphash"):
        import libphash

        peers["hash:libphash"] = lambda: [libphash.hash(str(path)) for path in paths] and None
    if has("imgdd"):
        import imgdd

        peers["hash:imgdd"] = lambda: imgdd.hash(str(paths[0].parent), algo="phash") and None
    return peers


def has(module: str) -> bool:
    """Whether a peer is installed and can be imported."""
    if importlib.util.find_spec(module) is None:
        return False
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


# The table


def measure(name: str, count: int, repeats: int, workers: int, scratch: Path, whole: list[str]) -> dict[str, object]:
    """Everything about one set; pictures a second unless the key says otherwise. whole: peers that run whole."""
    folder = scratch / name
    paths = make_set(name, folder, count)
    few = scratch / f"{name}-few"
    few.mkdir()
    for path in paths[: count // 4]:
        os.link(path, few / path.name)
    sample = min(count, 1_536 if name == "sprites" else 60)
    samples: dict[str, list[float]] = {}
    peaks: dict[str, float | None] = {}
    absent: dict[str, str] = {}
    for turn in range(repeats):
        samples.setdefault("floor", []).append(floor(paths, workers))
        large = whole_import(folder, scratch / f"w-{name}-{turn}", workers)
        small = whole_import(few, scratch / f"s-{name}-{turn}", workers)
        assert large["pictures"] == count
        assert small["pictures"] == count // 4
        samples.setdefault("whole import", []).append(count / large["seconds"])
        marginal = max(large["seconds"] - small["seconds"], 1e-9)
        samples.setdefault("steady", []).append((count - count // 4) / marginal)
        peaks = {"large": large["peak_rss_mb"], "few": small["peak_rss_mb"]}
        for peer in whole if turn == 0 else [one for one in whole if one not in ONCE]:
            found = run_peer(peer, folder, workers)
            if isinstance(found, str):
                absent[peer] = found
            else:
                samples.setdefault(peer, []).append(count / found["search_s"])
        for key, rate in one_core(folder, sample).items():
            samples.setdefault(key, []).append(rate)
    medians = {key: statistics.median(values) for key, values in samples.items()}
    rates: dict[str, float | str] = {peer: absent.get(peer) or medians[peer] for peer in whole}
    return {"pictures": count, **row(medians, peaks, rates)}


def row(medians: dict[str, float], peaks: dict[str, float | None], whole: dict[str, float | str]) -> dict[str, object]:
    """The benchmark's record of a set from medians of pictures a second.

    whole: pictures a second of peers that ran whole, or why there are none.
    """
    ours = medians["whole import"]
    record: dict[str, object] = {
        "pictures_per_s": round(ours, 1),
        "steady_pictures_per_s": round(medians["steady"], 1),
        "decode_floor_per_s": round(medians["floor"], 1),
        "ratio_to_decode_floor": round(ours / medians["floor"], 3),
        **{f"{peer}_per_s": rate if isinstance(rate, str) else round(rate, 1) for peer, rate in whole.items()},
        **{f"ratio_to_{peer}": round(ours / rate, 2) for peer, rate in whole.items() if not isinstance(rate, str)},
        "peak_rss_mb": peaks["large"] and round(peaks["large"]),
        "peak_rss_mb_of_a_quarter": peaks["few"] and round(peaks["few"]),
        "hashing_per_s_per_core": round(medians["hash:ours"], 1),
        "decoding_per_s_per_core": round(medians["raw:ours"], 1),
    }
    if "alone:imagehash" in medians:
        record["hashing_alone_ratio_to_imagehash"] = round(medians["alone:ours"] / medians["alone:imagehash"], 2)
        # What a hash that costs nothing would reach: every stage here decodes whole pictures.
        record["hashing_ratio_to_imagehash_at_most"] = round(medians["raw:ours"] / medians["hash:imagehash"], 2)
    for key, value in medians.items():
        if key.startswith("hash:") and key != "hash:ours":
            record[f"hashing_ratio_to_{key[5:]}"] = round(medians["hash:ours"] / value, 2)
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a sixth of the pictures")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sets", default="sprites,jpeg,png")
    parser.add_argument("--whole", default=",".join(WHOLE), help="peers of which the whole search is measured")
    options = parser.parse_args()
    whole = [peer for peer in options.whole.split(",") if peer]
    if unknown := set(whole) - set(WHOLE):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    cv2.setNumThreads(1)
    counts = QUICK if options.quick else COUNTS
    for peer in ("imagehash", "libphash", "imgdd"):
        if not has(peer):
            print(f"peer {peer} is not installed: left out")
    results = {}
    with tempfile.TemporaryDirectory(prefix="import-speed-") as scratch:
        for name in options.sets.split(","):
            results[name] = measure(name, counts[name], options.repeats, options.workers, Path(scratch), whole)
            print(f"\n{name}: {counts[name]:,} pictures, {options.workers} processes")
            for key, value in results[name].items():
                print(f"  {key:32} {value}")
    if options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    elif sys.argv[1:2] == ["--one-core"]:
        cv2.setNumThreads(1)
        one_core_child(sys.argv[2], int(sys.argv[3]))
    else:
        main()
