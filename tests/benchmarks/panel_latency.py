"""How quick the window stays beside a training run on the same machine, and what watching costs the trainer.

    python tests/benchmarks/panel_latency.py [--json] [--seconds 15]

Timings of the GUI thread are those of a precise 10 ms timer (its floor: the same timer in an idle window, printed
beside it). The trainer is the real one, started as the Studio starts it: detached, at lower priority.
"""

# ruff: noqa: E402 - the platform and the search path must be set before Qt and the project are imported.

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

import numpy as np
from PySide6.QtCore import QElapsedTimer, QEvent, QEventLoop, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication
from recorded_runs import Recorder, make_run

from gandam_studio.core import runs
from gandam_studio.qt.application import make_application
from gandam_studio.qt.following.follower import RunFollower
from gandam_studio.qt.responsiveness import set_up_for_window
from gandam_studio.qt.train.watch.watch_page import WatchPage
from trainer.protocol.events import last_event
from trainer.protocol.run_directory import RunDirectory

SIZE = (1280, 820)
STEPS = 100_000
ROUNDS = 3
FRAMES = 400


class Ticker(QObject):
    """A precise 10 ms timer that notes the time between its calls, ms."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps: list[float] = []
        self._clock = QElapsedTimer()
        self._timer = QTimer(self, interval=10, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def _tick(self) -> None:
        self.gaps.append(self._clock.nsecsElapsed() / 1e6)
        self._clock.start()

    def run(self, seconds: float) -> list[float]:
        """The gaps of so many seconds of the event loop."""
        self.gaps = []
        self._clock.start()
        self._timer.start()
        spin(seconds)
        self._timer.stop()
        return self.gaps


def spin(seconds: float, until: Callable[[], bool] | None = None) -> None:
    """Let the event loop run as the program's own does, asleep while nothing happens."""
    loop = QEventLoop()
    end = QTimer(singleShot=True, interval=max(1, round(1000 * seconds)))
    end.timeout.connect(loop.quit)
    end.start()
    look = QTimer(interval=5)
    if until is not None:
        look.timeout.connect(lambda: loop.quit() if until() else None)
        look.start()
    loop.exec()


class Painted(QObject):
    """Notes when a widget has been asked to paint what a condition wants to see."""

    def __init__(self, page: WatchPage) -> None:
        super().__init__()
        self._page = page
        self.wanted = ""
        self.at = 0.0
        page.grids.fixed.view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look at every paint of the grid."""
        if event.type() == QEvent.Type.Paint and not self.at and self._page.grids.fixed.note.text() == self.wanted:
            self.at = time.perf_counter()
        return False


def show(folder: Path) -> WatchPage:
    """A shown page that watches a run and has its backlog."""
    page = WatchPage()
    page.resize(*SIZE)
    page.show()
    follower = RunFollower(folder, page, page.timeline)
    page.show_run(follower)
    follower.start()
    spin(60, lambda: follower.is_open)
    return page


def close(page: WatchPage) -> None:
    """End the page's threads and the page."""
    page.wait()
    page.follower.close()
    page.close()
    page.deleteLater()
    spin(0.05)


def rate(run: RunDirectory, wait: Callable[[float], object], seconds: float) -> float:
    """Pictures a second that a trainer shows its discriminator while `wait(seconds)` runs, by its own events."""
    first = last_event(run.events_path)
    wait(seconds)
    last = last_event(run.events_path)
    span = last.wall_time - first.wall_time
    return (last.images_seen - first.images_seen) / span if span > 0 else float("nan")


def beside_training(folder: Path, seconds: float) -> dict[str, float]:
    """Timer gaps while a real run trains and is watched; the trainer's rate watched and alone, alternately."""
    run = make_run(folder / "r1-live", ("stop.iterations=100000000", "sampling.every=50", "sampling.progress_every=2"))
    process = runs.start(run)
    try:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and (getattr(last_event(run.events_path), "iteration", 0) or 0) < 10:
            time.sleep(0.5)
        ticker, gaps, kept = Ticker(), [], []
        for _ in range(ROUNDS):
            alone = rate(run, time.sleep, seconds)
            page = show(run.path)
            spin(1.0)  # What opening costs is measured elsewhere.
            watched = rate(run, lambda s: gaps.extend(ticker.run(s)), seconds)
            close(page)
            kept.append(watched / alone)
        process.kill()
    finally:
        process.kill()
        process.wait()
    share = statistics.median(kept)
    return {
        **_percentiles("timer", gaps),
        "trainer_rate_kept": round(share, 3),
        "trainer_slowdown": round(1 - share, 3),
    }


def event_to_pixels(folder: Path) -> dict[str, float]:
    """From a whole event on disk to the grid's paint event, ms."""
    run = make_run(folder / "r2-events")
    recorder = Recorder(run)
    recorder.train(100)
    recorder.sample()
    delays: list[float] = []
    with run.locked():  # As a live trainer holds it: a run nobody trains is looked at once a second.
        page = show(run.path)
        painted = Painted(page)
        spin(1.0)
        for number in range(25):
            recorder.train(20)
            painted.wanted, painted.at = f"{recorder.iteration:,}", 0.0
            recorder.sample()
            written = time.perf_counter()
            spin(5, lambda: painted.at > 0)
            delays.append(1000 * (painted.at - written))
            spin(0.03 + 0.01 * (number % 10))  # No fixed phase to the watcher's polling.
        recorder.writer.close()
        close(page)
    return {"event_to_pixels_ms": round(statistics.median(delays), 1), "event_to_pixels_max_ms": round(max(delays), 1)}


def long_run(folder: Path) -> RunDirectory:
    """100,000 steps, 200 sample points."""
    run = make_run(folder / "r3-long")
    recorder = Recorder(run)
    for _ in range(200):
        recorder.train(STEPS // 200)
        recorder.sample()
    recorder.finish()
    return run


def scrubbing(run: RunDirectory) -> dict[str, float]:
    """Frames a second when the cursor is dragged over 100,000 steps: every frame moves plots, grids and log."""
    page = show(run.path)
    spin(1.5)
    rng = np.random.default_rng(3)
    times = []
    position = 0.5
    for _ in range(FRAMES):
        position = min(max(position + rng.normal(0, 0.02), 0), 1)
        start = time.perf_counter()
        page.timeline.grab(position * STEPS)
        QApplication.processEvents()
        times.append(time.perf_counter() - start)
    close(page)
    return {
        "scrub_fps": round(1 / statistics.median(times), 1),
        "scrub_frame_p99_ms": round(1000 * float(np.percentile(times, 99)), 1),
    }


def opening_ten(run: RunDirectory, folder: Path) -> dict[str, float]:
    """The longest the GUI thread is away while ten runs of 100,000 steps are opened one after the other."""
    ticker, worst, seconds = Ticker(), 0.0, []
    page = show(run.path)
    page.follower.close()
    for number in range(10):
        copy = folder / f"r{10 + number}-copy"
        copy.mkdir()
        for name in ("config.json", "dataset.npy", "dataset.json", "manifest.jsonl", "events.jsonl"):
            os.link(run.path / name, copy / name)
        started = time.perf_counter()
        follower = RunFollower(copy, page, page.timeline)
        page.show_run(follower)
        follower.opened.connect(lambda: seconds.append(time.perf_counter() - started))  # noqa: B023
        follower.start()
        gaps = ticker.run(3.0)
        worst = max(worst, *gaps)
        page.wait()
        follower.close()
        follower.deleteLater()
    page.close()
    return {"open_ten_max_gap_ms": round(worst, 1), "open_s": round(statistics.median(seconds), 2)}


def _percentiles(name: str, gaps: list[float]) -> dict[str, float]:
    return {
        f"{name}_p50_ms": round(float(np.percentile(gaps, 50)), 2),
        f"{name}_p99_ms": round(float(np.percentile(gaps, 99)), 2),
        f"{name}_max_ms": round(max(gaps), 1),
    }


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each of the alternating stretches of training")
    arguments = parser.parse_args()
    application = make_application()  # Dressed and set up as the program's own.
    application.setQuitOnLastWindowClosed(False)
    set_up_for_window(application)
    folder = Path(tempfile.mkdtemp(prefix="gandam-panel-"))
    try:
        spin(0.5)
        figures = _percentiles("idle", Ticker().run(5))
        run = long_run(folder)
        figures |= scrubbing(run)
        figures |= opening_ten(run, folder)
        figures |= event_to_pixels(folder)
        figures |= beside_training(folder, arguments.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    goals = {
        "timer_p99_ms": "< 13", "timer_max_ms": "< 50", "event_to_pixels_ms": "< 250", "scrub_fps": ">= 60",
        "trainer_slowdown": "<= 0.05",
    }  # fmt: skip
    for name, value in figures.items():
        print(f"{name:24} {value:>10}   {goals.get(name, '')}")
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
