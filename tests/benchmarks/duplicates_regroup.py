"""A step of the distance slider at 100,000 sprites, from the slider to the repainted list, in the real window.

    python tests/benchmarks/duplicates_regroup.py [--json] [--sprites N] [--rounds N]

Groups of one to six related sprites (five of six sprites are related to another, many more than in any real set) with
random verified distances, the bundled mechas as their pictures. The real Duplicates screen (offscreen, 1240 x 820)
adopts them; then its slider is moved as a hand does it:

    step   the slider moves, and everything that follows at once is waited for: groups formed, list laid out, cards,
           group and pair painted. Before each step what was under way has ended.
    drag   a step every 16 ms or as soon as the window is ready, without a rest in between; the preview of the rules
           may be at work in its thread meanwhile.
    rest   the longest time the window does not answer in the two seconds after a step, in which counts and the preview
           of the rules follow.
    full collection
           the longest time in which the garbage collector's next full turn falls, or that turn made by hand.

The parts of a step are printed as well. Beside it stand the floor of any answer (choosing the relations within the
distance) and regrouping by union-find in plain Python, the usual way. Medians over the rounds; "CPU" is the GUI
thread's own time, which a loaded machine stretches less.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import statistics
import sys
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from gandam_studio.core.duplicates import RELATIONS, DuplicateReport, Transform  # noqa: E402
from gandam_studio.core.duplicates.keeping import Judged  # noqa: E402
from gandam_studio.core.duplicates.links import Link  # noqa: E402
from gandam_studio.core.duplicates.sources import Facts  # noqa: E402
from gandam_studio.core.duplicates.verdicts import Verdict  # noqa: E402
from gandam_studio.core.workspace import Workspace  # noqa: E402
from gandam_studio.core.workspace.described import remember_versions  # noqa: E402
from gandam_studio.core.workspace.thumbnails import encode_thumbnail  # noqa: E402
from gandam_studio.samples.bundled import sample_sets  # noqa: E402

DISTANCES = (0.5, 0.3, 0.1, 0.69, 0.45, 0.48, 0.2)
FRAME_S, REST_S = 0.016, 2.0
WIDTH, HEIGHT = 1240, 820
PICTURES = 512


def report_of(sprites: int) -> DuplicateReport:
    """A report over that many sprites."""
    dice = np.random.default_rng(1)
    links: list[Link] = []
    seq = 1
    while seq <= sprites - 6:
        size = int(dice.integers(1, 7))
        members = range(seq, seq + size)
        for a in members:
            for b in range(a + 1, seq + size):
                word = RELATIONS[int(dice.integers(0, len(RELATIONS)))]
                verdict = Verdict(word, Transform(), float(dice.uniform(0, 0.7)), float(dice.uniform(0, 1)))
                links.append(Link(a, b, verdict))
        seq += size
    named = sorted({seq for link in links for seq in (link.i, link.j)})
    facts = (Facts(f"{seq:064x}", 64, 64, 20, True, False, seq, "", f"{seq}.png") for seq in named)
    judged = {seq: Judged(one, 4096, 1) for seq, one in zip(named, facts, strict=True)}
    return DuplicateReport(links, judged)


def build(folder: Path, sprites: int) -> None:
    """A workspace with that many rows, as an import leaves them; they share the pictures of the bundled mechas."""
    with zipfile.ZipFile(sample_sets()[0].pictures) as archive:
        names = [name for name in archive.namelist() if name.endswith(".png")][:PICTURES]
        files = [archive.read(name) for name in names]
    pictures = [np.array(Image.open(io.BytesIO(data)).convert("RGBA")) for data in files]
    encoded = [encode_thumbnail(picture) for picture in pictures]
    with Workspace.create(folder) as workspace:
        blobs = [workspace.originals.add(data) for data in files]
        connection = workspace.connection
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO sprites (seq, id, name, blob, width, height, colors, alpha) VALUES (?, ?, ?, ?, ?, ?, 24, 1)",
            (
                (seq, f"{seq:064x}", f"mecha-{seq:07d}.png", blobs[which], *pictures[which].shape[1::-1])
                for seq in range(1, sprites + 1)
                for which in (seq % len(blobs),)
            ),
        )
        connection.execute("INSERT INTO fingerprints (seq, hashes, features) SELECT seq, x'00', x'00' FROM sprites")
        remember_versions(connection)
        connection.execute("COMMIT")
        for first in range(1, sprites + 1, 20_000):
            last = min(sprites, first + 20_000 - 1)
            workspace.thumbnails.append_encoded(first, [encoded[seq % len(encoded)] for seq in range(first, last + 1)])


def union_find(pairs: list[tuple[int, int, float]], distance: float) -> int:
    """Connected components within the distance, in plain Python."""
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b, apart in pairs:
        if apart <= distance:
            parent[root(a)] = root(b)
    return len({root(node) for node in parent})


def milliseconds(step: Callable[[float], object]) -> list[float]:
    """How long something takes at each distance."""
    found = []
    for distance in DISTANCES:
        began = time.perf_counter()
        step(distance)
        found.append(1000 * (time.perf_counter() - began))
    return found


class Parts:
    """Sums the time spent in some methods, one within another counted once, for the inner one."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._open: list[list[float]] = []

    def watch(self, owner: type, method: str, name: str) -> None:
        """Count a method of a class as the part `name` from now on."""
        original = getattr(owner, method)

        def timed(*given: Any, **named: Any) -> Any:
            with self._part(name):
                return original(*given, **named)

        setattr(owner, method, timed)

    @contextmanager
    def _part(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        self._open.append([0.0])
        try:
            yield
        finally:
            whole = time.perf_counter() - began
            (inner,) = self._open.pop()
            self.spent[name] += whole - inner
            if self._open:
                self._open[-1][0] += whole

    def taken(self) -> dict[str, float]:
        """Milliseconds of each part since the last call."""
        found = {name: 1000 * seconds for name, seconds in self.spent.items()}
        self.spent.clear()
        return found


def watched() -> tuple[Parts, list[float]]:
    """The parts of a step, watched from now on, and when the list of cards was painted."""
    from gandam_studio.qt.duplicates.findings import Findings
    from gandam_studio.qt.duplicates.group_list import GroupDelegate, GroupList
    from gandam_studio.qt.duplicates.group_view import GroupView
    from gandam_studio.qt.duplicates.screen import DuplicatesScreen

    parts, painted = Parts(), []
    paint_event = GroupList.paintEvent

    def noting(self: GroupList, event: Any) -> None:
        paint_event(self, event)
        painted.append(time.perf_counter())

    GroupList.paintEvent = noting  # type: ignore[method-assign]
    parts.watch(Findings, "regroup", "form groups")
    parts.watch(Findings, "list", "list them")
    parts.watch(Findings, "row_of", "find the current one")
    parts.watch(Findings, "counts", "count")
    parts.watch(GroupList, "go_to", "lay out")
    parts.watch(DuplicatesScreen, "show_group", "show the group")
    parts.watch(GroupView, "show_group", "show the group")
    parts.watch(DuplicatesScreen, "show_numbers", "ask for the preview")
    list_again = DuplicatesScreen.list_groups

    def listing(self: DuplicatesScreen) -> None:
        list_again(self)
        painted.clear()  # only what is painted from now on shows the new groups

    DuplicatesScreen.list_groups = listing  # type: ignore[method-assign]
    parts.watch(GroupDelegate, "paint", "paint cards")
    return parts, painted


def measure(folder: Path, report: DuplicateReport, rounds: int) -> dict[str, Any]:
    """Drive the window."""
    from PySide6.QtCore import QSettings

    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder.parent / "settings"))
    from gandam_studio.qt.application import MainWindow, make_application
    from gandam_studio.qt.duplicates import screen as module
    from gandam_studio.qt.duplicates.findings import Found
    from gandam_studio.qt.duplicates.screen import DuplicatesScreen
    from gandam_studio.qt.responsiveness import LOOK_MS, set_up_for_window

    module.SEARCHED_UNASKED = 0  # what is found is given
    parts, painted = watched()
    application = make_application()
    window = MainWindow()
    window.resize(WIDTH, HEIGHT)
    window.open_folder(folder)
    screen = window.visit_by_name("Duplicates")
    assert isinstance(screen, DuplicatesScreen)
    window.show()
    set_up_for_window(application)
    screen.adopt(Found(report, frozenset(), np.zeros(0, np.int64)))
    slider = screen.bar.slider

    def rest(seconds: float) -> float:
        """Let the window work that long and until nothing is under way; the longest time it did not answer."""
        longest, began = 0.0, time.perf_counter()
        end = began + seconds
        while began < end or not screen.session.is_idle or screen.is_settling:
            application.processEvents()
            time.sleep(0.001)
            # From one answer to the next, the sleep included: another thread may not let go of the interpreter.
            now = time.perf_counter()
            longest, began = max(longest, now - began), now
        return longest

    def step(distance: float) -> tuple[float, float]:
        """Move the slider until the cards are painted: seconds, and the GUI thread's own."""
        began, cpu = time.perf_counter(), time.thread_time()
        slider.setValue(round(distance * 100))
        while screen.is_regrouping or not painted:
            application.processEvents()
        return painted[0] - began, time.thread_time() - cpu

    rest(REST_S)
    wall, cpu, rested = [], [], []
    spent: dict[str, list[float]] = defaultdict(list)
    for distance in DISTANCES * rounds:
        if slider.value() == round(distance * 100):
            continue
        parts.taken()
        once = step(distance)
        wall.append(1000 * once[0])
        cpu.append(1000 * once[1])
        of_parts = parts.taken()
        of_parts["all else (Qt's layout and painting)"] = wall[-1] - sum(of_parts.values())
        for name, value in of_parts.items():
            spent[name].append(value)
        rested.append(1000 * rest(REST_S))
    dragged = []
    for value in [*range(21, 70), *range(70, 20, -1)]:
        began = time.perf_counter()
        dragged.append(1000 * step(value / 100)[0])
        while time.perf_counter() - began < FRAME_S:
            application.processEvents()
    collector = gc.get_stats()[2]["collections"]
    collected = [1000 * rest(LOOK_MS / 1000 + 1)]
    if gc.get_stats()[2]["collections"] == collector:
        began = time.perf_counter()
        gc.collect()
        collected = [1000 * (time.perf_counter() - began)]
    groups = len(screen.findings or ())
    window.close()
    return {
        "groups": groups,
        "step": wall,
        "step, CPU": cpu,
        "drag": dragged,
        "rest": rested,
        "full collection": collected,
        "parts": {name: statistics.median(values) for name, values in spent.items()},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sprites", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    report = report_of(asked.sprites)
    distances = np.array([link.verdict.distance for link in report.links])
    pairs = [(link.i, link.j, link.verdict.distance) for link in report.links]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        build(Path(folder) / "w", asked.sprites)
        times = {
            "floor: choose relations": milliseconds(lambda distance: np.flatnonzero(distances <= distance)),
            "union-find in Python": milliseconds(lambda distance: union_find(pairs, distance)),
            "regroup alone": milliseconds(report.regroup),
        }
        found = measure(Path(folder) / "w", report, asked.rounds)
    times |= {name: found[name] for name in ("step", "step, CPU", "drag", "rest", "full collection")}
    print(f"{asked.sprites:,} sprites, {len(pairs):,} relations")
    for name, values in times.items():
        print(f"{name:26} median {statistics.median(values):8.1f} ms   most {max(values):8.1f} ms")
    print("parts of a step:")
    for name, value in sorted(found["parts"].items(), key=lambda item: -item[1]):
        print(f"    {name:36} {value:8.1f} ms")
    if asked.json:
        medians = {name: statistics.median(values) for name, values in times.items()}
        print(
            json.dumps(
                {
                    "n": asked.sprites,
                    "relations": len(pairs),
                    "milliseconds": medians,
                    "most": {name: max(values) for name, values in times.items()},
                    "parts": found["parts"],
                }
            )
        )


if __name__ == "__main__":
    main()
