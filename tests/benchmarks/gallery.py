"""The gallery at 100,000 and 1,000,000 sprites: first paint, scrolling, a bulk flip, start-up, memory.

    python tests/benchmarks/gallery.py [--sprites N] [--json]

The workspace is synthetic but whole: rows, history and a packed thumbnail store with the bundled mechas' pictures.
Every figure is taken in a process of its own with the real window (offscreen). Beside it stand the floor (drawing as
many ready pixmaps) and the peer (QListView in icon mode, batched, uniform sizes, with a delegate), same window size.
A scroll frame is the time the GUI thread is busy: moving, painting, and taking in the thumbnails that arrive; between
frames it rests to 16 ms, in which the loader works. `frames_with_placeholders` is the share of frames at whose end a
cell in sight still lacked its picture; `start_floor_s` is an empty QMainWindow of PySide6, painted, in the same run.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

FRAME_S = 0.016
FRAMES = 400
REST_S = 0.5  # between opening and the first scroll, as a hand takes at least
WIDTH, HEIGHT = 1240, 820


def build(folder: Path, count: int) -> None:
    """A workspace of `count` sprites, written by direct SQL: importing a million would take minutes."""
    import numpy as np
    from PIL import Image

    from gandam_studio.core.workspace import Workspace
    from gandam_studio.core.workspace.described import remember_versions
    from gandam_studio.core.workspace.faint import is_faint
    from gandam_studio.core.workspace.faint_rows import keep_verdicts
    from gandam_studio.core.workspace.thumbnails import encode_thumbnail
    from gandam_studio.samples.bundled import sample_sets

    with zipfile.ZipFile(sample_sets()[0].pictures) as archive:
        names = [name for name in archive.namelist() if name.endswith(".png")][:512]
        pictures = [np.array(Image.open(io.BytesIO(archive.read(name))).convert("RGBA")) for name in names]
    sizes = [picture.shape[1::-1] for picture in pictures]
    encoded = [encode_thumbnail(picture) for picture in pictures]
    with Workspace.create(folder) as workspace:
        background = workspace.background()
        hidden = [is_faint(picture, background) for picture in pictures]
        connection = workspace.connection
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO sprites (seq, id, name, blob, width, height, colors, alpha) VALUES (?, ?, ?, ?, ?, ?, ?, 1)",
            (
                (
                    seq,
                    f"{seq:064x}",
                    f"mecha-{seq:07d}.png",
                    f"{seq:064x}",
                    *sizes[seq % len(sizes)],
                    24,
                )
                for seq in range(1, count + 1)
            ),
        )
        # As an import leaves them: otherwise the window would describe every sprite anew while it is measured.
        connection.execute("INSERT INTO fingerprints (seq, hashes, features) SELECT seq, x'00', x'00' FROM sprites")
        remember_versions(connection)
        connection.execute("COMMIT")
        for first in range(1, count + 1, 20_000):
            last = min(count, first + 20_000 - 1)
            workspace.thumbnails.append_encoded(first, [encoded[seq % len(encoded)] for seq in range(first, last + 1)])
            verdicts = {seq: (f"{seq:064x}", hidden[seq % len(hidden)]) for seq in range(first, last + 1)}
            keep_verdicts(folder, verdicts, background)


def measure_ours(folder: Path) -> dict[str, float]:
    """Everything about our window but the start-up."""
    from PySide6.QtCore import QSettings

    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(folder / "settings"))
    from gandam_studio.qt.application import MainWindow, make_application
    from gandam_studio.qt.responsiveness import set_up_for_window

    application = make_application()
    window = MainWindow()
    window.resize(WIDTH, HEIGHT)
    began = time.perf_counter()
    window.open_folder(folder)
    opened = time.perf_counter() - began
    screen = window.screen_shown
    gallery = screen.gallery
    painted: list[float] = []
    original = type(gallery).paintEvent

    def watched(self, event):
        original(self, event)
        painted.append(time.perf_counter())

    type(gallery).paintEvent = watched
    began = time.perf_counter()
    window.show()
    while not painted:
        application.processEvents()
    first_paint = painted[0] - began
    while not screen.session.is_idle or not _complete(gallery):
        application.processEvents()
        time.sleep(0.001)
    all_thumbnails = time.perf_counter() - began
    began = time.perf_counter()
    while time.perf_counter() - began < REST_S:
        application.processEvents()
        time.sleep(0.002)
    set_up_for_window(application)  # as the program itself does once it is open
    frames = _scroll(application, gallery.verticalScrollBar(), gallery)
    back = _scroll(application, gallery.verticalScrollBar(), gallery, sign=-1)
    jumps = _scroll(application, gallery.verticalScrollBar(), gallery, jump=True)
    flips = {}
    for name, seqs in _selections(gallery).items():
        gallery.selection.set(seqs)
        began, before = time.perf_counter(), len(painted)
        screen.decisions.flip()
        while len(painted) == before:
            application.processEvents()
        flips[name] = time.perf_counter() - began
    figures = {
        "open_s": opened,
        "first_paint_s": first_paint,
        "first_screen_of_thumbnails_s": all_thumbnails,
        "scroll_p50_ms": 1e3 * statistics.median(frames["wall"]),
        "scroll_p99_ms": 1e3 * _quantile(frames["wall"], 0.99),
        "scroll_cpu_p50_ms": 1e3 * statistics.median(frames["cpu"]),
        "scroll_cpu_p99_ms": 1e3 * _quantile(frames["cpu"], 0.99),
        "scroll_back_p99_ms": 1e3 * _quantile(back["wall"], 0.99),
        "frames_with_placeholders": statistics.mean(share < 1 for share in frames["shown"]),
        "jump_p99_ms": 1e3 * _quantile(jumps["wall"], 0.99),
        "cells_with_thumbnail_after_frame": statistics.mean(frames["shown"]),
        "flip_10k_s": flips["scattered"],
        "flip_10k_neighbours_s": flips["neighbours"],
        "rss_mb": _rss_mb(),
    }
    window.close()
    return figures


def _complete(gallery) -> bool:
    return all(gallery.pictures.get(gallery.sprite(position)) for position in gallery.visible())


def _scroll(application, bar, gallery=None, *, jump: bool = False, sign: int = 1) -> dict[str, list[float]]:
    """Each frame's busy seconds ("wall", and "cpu" of the GUI thread: what a loaded machine does not stretch), and the
    share of cells that had their thumbnail when it ended ("shown").
    """
    import random

    from PySide6.QtCore import QEvent, QPointF, Qt
    from PySide6.QtGui import QMouseEvent

    button, keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    moved = QEvent.Type.MouseMove, QPointF(1, 1), QPointF(1, 1), button, button, keys
    generator = random.Random(5)
    found: dict[str, list[float]] = {"wall": [], "cpu": [], "shown": []}
    for number in range(FRAMES // 4 if jump else FRAMES):
        began, cpu = time.perf_counter(), time.thread_time()
        # Faster and slower, as a hand does it: from a third of a row to three rows a frame.
        step = sign * 60 * (1 + number % 8)
        # The window builds its other screens while the mouse rests, which a hand that scrolls keeps from happening.
        application.sendEvent(bar.window().windowHandle(), QMouseEvent(*moved))
        bar.setValue(generator.randrange(bar.maximum() + 1) if jump else bar.value() + step)
        application.processEvents()
        wall = time.perf_counter() - began
        while (left := FRAME_S - (time.perf_counter() - began)) > 0:
            time.sleep(min(left, 0.002))
            tick = time.perf_counter()
            application.processEvents()
            wall += time.perf_counter() - tick
        found["wall"].append(wall)
        found["cpu"].append(time.thread_time() - cpu)
        if gallery is not None:
            cells = list(gallery.visible())
            found["shown"].append(
                sum(gallery.pictures.get(gallery.sprite(one)) is not None for one in cells) / len(cells)
            )
    return found


def _selections(gallery) -> dict:
    """10,000 sprites side by side, and 10,000 scattered over the whole workspace, the visible ones among them."""
    import numpy as np

    visible = gallery.visible()
    start = min(visible.start, max(0, len(gallery.order) - 10_000))
    scattered = np.random.default_rng(3).choice(gallery.order, min(10_000, len(gallery.order)), replace=False)
    scattered[: len(visible)] = gallery.order[visible.start : visible.stop]
    return {"scattered": np.unique(scattered), "neighbours": gallery.order[start : start + 10_000]}


def measure_peer(folder: Path, count: int) -> dict[str, float]:
    """QListView as well as it can be set up, and the floor: drawing the visible pixmaps and nothing else."""
    from PySide6.QtCore import QAbstractListModel, QModelIndex, QRect, QSize, Qt
    from PySide6.QtGui import QPainter, QPixmap
    from PySide6.QtWidgets import QApplication, QListView, QStyledItemDelegate, QWidget

    from gandam_studio.core.workspace.thumbnails import ThumbnailStore
    from gandam_studio.qt.widgets.picture_cache import image_from_rgba

    application = QApplication([])
    store = ThumbnailStore(folder / "thumbnails")
    pixmaps: dict[int, QPixmap] = {}

    def pixmap(seq: int) -> QPixmap:
        if seq not in pixmaps:
            if len(pixmaps) > 2000:
                pixmaps.clear()
            pixmaps[seq] = QPixmap.fromImage(image_from_rgba(store.read(seq)))
        return pixmaps[seq]

    class Model(QAbstractListModel):
        def rowCount(self, parent=QModelIndex()) -> int:  # noqa: B008
            return 0 if parent.isValid() else count

        def data(self, index, role=Qt.ItemDataRole.DisplayRole):
            return f"mecha-{index.row():07d}.png" if role == Qt.ItemDataRole.DisplayRole else None

    class Delegate(QStyledItemDelegate):
        def paint(self, painter, option, index) -> None:
            painter.drawPixmap(QRect(option.rect.topLeft(), QSize(128, 128)), pixmap(index.row() + 1))
            painter.drawText(option.rect.adjusted(0, 140, 0, 0), Qt.AlignmentFlag.AlignLeft, index.data())

        def sizeHint(self, option, index) -> QSize:
            return QSize(152, 169)

    view = QListView()
    view.setViewMode(QListView.ViewMode.IconMode)
    view.setUniformItemSizes(True)
    view.setGridSize(QSize(152, 169))
    view.setLayoutMode(QListView.LayoutMode.Batched)
    view.setBatchSize(1000)
    view.setMovement(QListView.Movement.Static)
    view.setItemDelegate(Delegate())
    view.setModel(Model())
    view.resize(WIDTH - 370, HEIGHT - 150)
    began = time.perf_counter()
    view.show()
    application.processEvents()
    first = time.perf_counter() - began
    last = view.model().index(count - 1, 0)
    while not view.visualRect(last).isValid() or view.verticalScrollBar().maximum() < count * 169 // 6 - HEIGHT:
        application.processEvents()
        if time.perf_counter() - began > 60:
            break
    settled = time.perf_counter() - began
    frames = _scroll(application, view.verticalScrollBar())
    memory = _rss_mb()
    view.close()

    class Floor(QWidget):
        def paintEvent(self, event) -> None:
            painter = QPainter(self)
            for place in range(30):
                corner = (place % 5 * 152, place // 5 * 169)
                painter.drawPixmap(QRect(*corner, 128, 128), pixmap(place + 1))

    floor = Floor()
    floor.resize(WIDTH - 370, HEIGHT - 150)
    floor.show()
    application.processEvents()
    times = []
    for _ in range(100):
        began = time.perf_counter()
        floor.repaint()
        times.append(time.perf_counter() - began)
    return {
        "peer_first_paint_s": first,
        "peer_settled_s": settled,
        "peer_scroll_p50_ms": 1e3 * statistics.median(frames["wall"]),
        "peer_scroll_p99_ms": 1e3 * _quantile(frames["wall"], 0.99),
        "peer_scroll_cpu_p50_ms": 1e3 * statistics.median(frames["cpu"]),
        "peer_scroll_cpu_p99_ms": 1e3 * _quantile(frames["cpu"], 0.99),
        "peer_rss_mb": memory,
        "floor_full_paint_ms": 1e3 * statistics.median(times),
    }


# The start as `gandam-studio-window` has it, in a process that has imported nothing else; and an empty window's.
START = """
import sys, time
from pathlib import Path
from gandam_studio.qt.launch import show_window
application, window = show_window(Path(sys.argv[1]))
application.processEvents()
print(time.time(), time.process_time(), flush=True)
assert window.screen_shown.gallery.current >= 0
window.close()
"""
START_FLOOR = f"""
import time
from PySide6.QtWidgets import QApplication, QMainWindow
application = QApplication([])
window = QMainWindow()
window.resize({WIDTH}, {HEIGHT})
window.show()
application.processEvents()
print(time.time(), time.process_time(), flush=True)
"""


def measure_start(script: str, folder: Path) -> tuple[float, float]:
    """Seconds from the process's start until its window is painted and answers events, and its CPU seconds by then."""
    began = time.time()
    command = [sys.executable, "-c", script, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=_as_installed(folder))
    ready, used = map(float, done.stdout.split())
    return ready - began, used


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _rss_mb() -> float:
    """Resident memory of this process now, MB."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError, AttributeError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def _in_child(what: str, folder: Path, count: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", what, "--folder", str(folder), "--sprites", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=_as_installed(folder))
    return json.loads(done.stdout.strip().splitlines()[-1])


def _as_installed(folder: Path) -> dict[str, str]:
    """An environment in which modules are compiled once, not at every start, and the person's settings are left be."""
    environment = {
        **os.environ,
        "PYTHONPYCACHEPREFIX": str(folder.parent / "compiled"),
        "XDG_CONFIG_HOME": str(folder.parent / "settings"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def run(count: int, folder: Path, repeats: int) -> dict[str, float]:
    """All figures at one size."""
    target = folder / f"sprites-{count}"
    build(target, count)
    if hasattr(os, "sync"):
        os.sync()  # else the disk is still writing it while the starts are timed
    starts: dict[str, list[tuple[float, float]]] = {START: [], START_FLOOR: []}
    measure_start(START, target)
    for _ in range(repeats):
        for script, found in starts.items():
            found.append(measure_start(script, target))
    (ours, cpu), (floor, floor_cpu) = (map(statistics.median, zip(*found, strict=True)) for found in starts.values())
    figures = {
        "sprites": count,
        "start_s": ours,
        "start_cpu_s": cpu,
        "start_floor_s": floor,
        "start_floor_cpu_s": floor_cpu,
        "start_to_floor": ours / floor,
    }
    figures.update(_in_child("ours", target, count))
    figures.update(_in_child("peer", target, count))
    return {name: round(value, 4) for name, value in figures.items()}


def main() -> None:
    """Print the figures; with --json the last line is one JSON object (of the largest size, `at` holds every size)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sprites", type=int, action="append", help="how many; may be repeated (100000 and 1000000)")
    parser.add_argument("--repeats", type=int, default=5, help="start-ups of which the median is taken")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", choices=("ours", "peer"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        count = options.sprites[0]
        print(
            json.dumps(measure_ours(options.folder) if options.child == "ours" else measure_peer(options.folder, count))
        )
        return
    found = []
    with tempfile.TemporaryDirectory(prefix="gallery-") as folder:
        for count in options.sprites or [100_000, 1_000_000]:
            figures = run(count, Path(folder), options.repeats)
            found.append(figures)
            for name, value in figures.items():
                print(f"{name:36} {value:>12,}")
            print()
    if options.json:
        print(json.dumps({**found[-1], "at": found}))


if __name__ == "__main__":
    main()
