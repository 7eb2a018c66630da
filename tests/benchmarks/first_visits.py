"""How long the window stands still when a screen is visited for the first time.

    python tests/benchmarks/first_visits.py [--json] [--repeats 3] [--sprites 2000]

A real window (offscreen, 1280 x 800) on a synthetic workspace, in a process of its own each time. Measured is the time
from asking for a screen to its first painting: once at once after the start, once after the window has rested and
built the screens ahead. Beside it, an empty page added to a stack of an empty PySide6 window. Medians; wall
and the GUI thread's own time, which a loaded machine stretches less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from gallery import build  # noqa: E402

SETTLED_S, AHEAD_S = 1.0, 60.0


def measure(folder: Path, rested: bool) -> dict[str, float]:
    """Milliseconds of every screen's first visit, in this process."""
    from gandam_studio.qt.launch import import_qt

    import_qt()  # as the program does: PySide6's own import is slower
    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QMainWindow, QStackedWidget, QWidget

    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(folder / "settings"))
    from gandam_studio.qt.application import MainWindow, make_application
    from gandam_studio.qt.rail import PLACES

    application = make_application()
    window = MainWindow()
    window.resize(1280, 800)
    window.show()
    window.open_folder(folder)
    ends = time.monotonic() + (AHEAD_S if rested else SETTLED_S)
    while time.monotonic() < ends and not (rested and len(window.screens) == len(PLACES)):
        application.processEvents()
        time.sleep(0.002)
    found = {}
    for place in PLACES[1:]:
        wall, own = time.perf_counter(), time.thread_time()
        window.visit(place)
        application.processEvents()
        found[f"{place.name.lower()}_ms"] = 1e3 * (time.perf_counter() - wall)
        found[f"{place.name.lower()}_cpu_ms"] = 1e3 * (time.thread_time() - own)
        ends = time.monotonic() + SETTLED_S
        while time.monotonic() < ends:
            application.processEvents()
            time.sleep(0.002)
    empty, stack = QMainWindow(), QStackedWidget()
    empty.setCentralWidget(stack)
    empty.resize(1280, 800)
    empty.show()
    application.processEvents()
    wall = time.perf_counter()
    stack.setCurrentIndex(stack.addWidget(QWidget()))
    application.processEvents()
    found["empty_page_ms"] = 1e3 * (time.perf_counter() - wall)
    return found


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sprites", type=int, default=2000)
    parser.add_argument("--child", choices=("at-once", "rested"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(measure(asked.folder, asked.child == "rested")), flush=True)
        os._exit(0)  # threads of the window may still be at work
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="first-visits-", ignore_cleanup_errors=True) as scratch:
        build(Path(scratch) / "w", asked.sprites)
        for kind in ("at-once", "rested"):
            found = []
            for _ in range(asked.repeats):
                command = [sys.executable, __file__, "--child", kind, "--folder", str(Path(scratch) / "w")]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found.append(json.loads(done.stdout.splitlines()[-1]))
            for name in found[0]:
                figures[f"{kind}_{name}"] = round(statistics.median(one[name] for one in found), 1)
                print(f"{kind + ' ' + name:36} {figures[f'{kind}_{name}']:8.1f}", flush=True)
    if asked.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
