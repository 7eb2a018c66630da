"""Other tools that find copies in a folder of pictures, each as its documentation has it.

    python tests/benchmarks/dedupe_peers.py NAME FOLDER [--workers 2]

Prints the seconds from files to findings, and how many pictures resemble another. `command_speed.py` takes the time of
the whole process beside `dedupe`, `import_speed.py` that of the search alone beside an import. All compare hashes of 64
bits and call two pictures alike that differ in at most RADIUS of them. None looks at the pixels again, knows mirrored
copies, or keeps what it found.

imagehash    pHash of one picture after the other, then all pairs by numpy: what a person writes in ten lines
imagededup   its PHash, in as many processes as are asked for, and its own search
czkawka      its Python package, in as many threads
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from measuring import reason

RADIUS = 8
ROWS_AT_ONCE = 1024

Search = Callable[[Path, int], int]
"""Given a folder and a number of processes: how many pictures resemble another."""


def imagehash_search() -> Search:
    """imagehash and numpy."""
    import imagehash
    import numpy as np
    from PIL import Image

    def search(folder: Path, _workers: int) -> int:
        hashes = []
        for path in sorted(folder.iterdir()):
            with Image.open(path) as picture:
                hashes.append(imagehash.phash(picture).hash.ravel())
        bits = np.array(hashes, dtype=np.float32)
        alike = 0
        for start in range(0, len(bits), ROWS_AT_ONCE):
            some = bits[start : start + ROWS_AT_ONCE]
            differing = some @ (1 - bits).T + (1 - some) @ bits.T
            alike += int(((differing <= RADIUS).sum(axis=1) > 1).sum())
        return alike

    return search


def imagededup_search() -> Search:
    """imagededup."""
    from imagededup.methods import PHash

    def search(folder: Path, workers: int) -> int:
        logging.disable(logging.INFO)
        hasher = PHash(verbose=False)
        hashes = hasher.encode_images(image_dir=str(folder), num_enc_workers=workers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of its own default
            found = hasher.find_duplicates(encoding_map=hashes, max_distance_threshold=RADIUS, num_dist_workers=workers)
        return sum(map(bool, found.values()))

    return search


def czkawka_search() -> Search:
    """czkawka."""
    import czkawka

    def search(folder: Path, _workers: int) -> int:
        finder = czkawka.ImageSimilarity()
        finder.set_directories([folder])
        finder.set_similarity(RADIUS)
        return sum(map(len, finder.find_similar()))

    return search


PEERS: dict[str, Callable[[], Search]] = {
    "imagehash": imagehash_search,
    "imagededup": imagededup_search,
    "czkawka": czkawka_search,
}
"""Name -> what imports it and returns its search. ImportError where it is not installed."""


def run_peer(name: str, folder: Path, workers: int = 2) -> dict[str, float] | str:
    """Run a peer in a process of its own; why not, if it cannot.

    Keys: `process_s` (of the whole process, from its start to its end), `search_s` (of the search alone), `alike`.
    """
    command = [sys.executable, __file__, name, str(folder), "--workers", str(workers)]
    # As installed: modules are compiled once. czkawka takes the number of its threads from here.
    environment = {**os.environ, "RAYON_NUM_THREADS": str(workers)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    since = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    taken = time.perf_counter() - since
    if done.returncode:
        return reason(done.stderr)
    return {"process_s": taken, **json.loads(done.stdout.splitlines()[-1])}


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=PEERS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    search = PEERS[asked.name]()
    since = time.perf_counter()
    alike = search(asked.folder, asked.workers)
    print(json.dumps({"search_s": time.perf_counter() - since, "alike": alike}))


if __name__ == "__main__":
    main()
