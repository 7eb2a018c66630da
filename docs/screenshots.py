"""Retake the screenshots of the documentation from a workspace made for it: `python docs/screenshots.py`.

No screen is needed. Sprites, decisions and runs are generated, so the pictures show what the program does today.
Training takes most of the time (`--minutes`). The pictures of report.md are results of long runs, not made here.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PIL import Image
from PySide6.QtCore import QCoreApplication, QSettings
from PySide6.QtGui import QImage, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gandam_studio.commands.training import train_to_end
from gandam_studio.core.duplicates import find_duplicates, plan_drops
from gandam_studio.core.importing import import_sources
from gandam_studio.core.runs import create_run, start, summary
from gandam_studio.core.versions import commit, find_version, restore_edit
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, Edit, Flip, Keep, SetFacing, Tag
from gandam_studio.qt import theme
from gandam_studio.qt.explore.screen import ExploreScreen
from gandam_studio.qt.main_window import MainWindow
from gandam_studio.samples.bundled import SampleSet, read_facts, sample_sets
from trainer.protocol.config import TrainConfig
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset

IMAGES = Path(__file__).resolve().parent / "images"
PRESET = "sprite-flow-cpu"
NAMES = ("duplicates", "curate", "versions", "train", "runs", "explore")
LOOK_MS, SETTLED, LONGEST = 500, 8, 60
"""The window is settled when so many looks in a row found it the same, or after the most looks."""
COLOURS = 256
FRAMES, FRAME_WIDTH, FRAME_MS = 12, 720, 400
SCRUB_FRAMES = 5


def main() -> None:
    """Make the workspace, open the window on it, take the pictures."""
    parser = argparse.ArgumentParser(description="Retake the screenshots of the documentation.")
    parser.add_argument("pictures", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)} [all of them]")
    parser.add_argument("--out", type=Path, default=IMAGES, help="folder for the pictures [docs/images]")
    parser.add_argument("--minutes", type=float, default=5.0, help="training time of each of the two runs [5]")
    options = parser.parse_args()
    wanted = set(options.pictures or NAMES)
    if unknown := wanted - set(NAMES):
        parser.error(f"there is no picture {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    application = QApplication(sys.argv[:1])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        QCoreApplication.setOrganizationName("GANdam Studio screenshots")
        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, scratch)
        theme.install(application)
        folder = Path(scratch, "workspace")
        import_sprites(folder, Path(scratch, "mechas.zip"))
        if "duplicates" in wanted:
            duplicates(folder, options.out / "duplicates.png")
        decide(folder)
        if "curate" in wanted:
            curate(folder, options.out / "curate.png")
        make_versions(folder)
        if "versions" in wanted:
            versions(folder, options.out / "versions.png")
        if not wanted & {"train", "runs", "explore"}:
            return
        first = configured(options.minutes)
        train(folder, first, options.out / "train.png", options.out / "train-live.gif")
        if "explore" in wanted:
            explore(folder, options.out / "explore.png")
        if "runs" in wanted:
            with Workspace.open(folder) as workspace:
                second = apply_overrides(first, ["optimiser.lr_g=0.0005", "flow.loss=picture"])
                other = create_run(workspace, find_version(workspace), second, parent=f"r1-{PRESET}")
            train_to_end(other)
            runs(folder, options.out / "runs.png")


def import_sprites(folder: Path, archive: Path) -> None:
    """A workspace of the bundled mechas, undecided; from a copy, since a picture shows where they came from."""
    shutil.copyfile(mechas().pictures, archive)
    with Workspace.create(folder) as workspace:
        import_sources(workspace, [archive])


def mechas() -> SampleSet:
    """The bundled set."""
    return next(one for one in sample_sets() if one.name == "mechas")


def decide(folder: Path) -> None:
    """Some decisions of every kind."""
    facts = read_facts(mechas())
    with Workspace.open(folder) as workspace:
        known = [(sprite.seq, facts[sprite.name]) for sprite in workspace.sprites() if sprite.name in facts]
        for facing in ("left", "right"):
            workspace.apply(SetFacing([seq for seq, fact in known if fact.facing == facing], facing))
        workspace.apply(Flip([seq for seq, fact in known if fact.facing == "right"]))
        workspace.apply(Drop([seq for seq, fact in known if not fact.bipedal], "non-bipedal"))
        workspace.apply(plan_drops(find_duplicates(workspace)).edit())
        undecided = [sprite.seq for sprite in workspace.sprites() if sprite.status == "undecided"]
        workspace.apply(Keep(undecided[:8]))


def make_versions(folder: Path) -> None:
    """A history with a branch."""
    with Workspace.open(folder) as workspace:
        rows = [sprite.seq for sprite in workspace.sprites() if sprite.status != "dropped"]

        def step(message: str, *edits: Edit) -> None:
            for edit in edits:
                workspace.apply(edit)
            commit(workspace, message)

        step("in order, without copies")
        step("nine cannot stand", Drop(rows[20:29], "wrong style"))
        step("cropped ones removed", Drop(rows[40:74], "cropped"))
        workspace.apply(restore_edit(workspace, find_version(workspace, "v2")))
        step(
            "less strict: back to v2",
            Drop(rows[80:84], "text"), Flip(rows[90:96]), Tag(rows[90:117], frozenset({"heavy"})),
        )  # fmt: skip


def configured(minutes: float) -> TrainConfig:
    """The preset that Train begins with on a processor, for so many minutes."""
    return apply_overrides(load_preset(PRESET), ["stop.iterations=0", f"stop.minutes={minutes}"])


@contextmanager
def window_on(folder: Path, screen: str, size: tuple[int, int], scheme: str = "dark") -> Iterator[MainWindow]:
    """The window, showing one screen of a workspace."""
    theme.set_scheme(scheme)
    window = MainWindow()
    window.resize(*size)
    window.show()
    window.show_folder(folder)
    window.visit_by_name(screen)
    window.activateWindow()
    settle(window)
    yield window
    window.close()
    window.deleteLater()
    QTest.qWait(100)


def settle(window: MainWindow) -> None:
    """Wait until background tasks have ended and the window looks the same for a while."""
    QTest.qWait(100)
    while window.session is not None and window.session.tasks:
        QTest.qWait(100)
    before, same = window.grab().toImage(), 0
    for _ in range(LONGEST):
        QTest.qWait(LOOK_MS)
        now = window.grab().toImage()
        same = same + 1 if now == before else 0
        if same == SETTLED:
            return
        before = now


def press(window: MainWindow, keys: str) -> None:
    """Trigger the action with these keys."""
    wanted = QKeySequence.fromString(keys)
    next(action for action, _ in window.commands() if wanted in action.shortcuts()).trigger()


def save(window: MainWindow, path: Path) -> None:
    """One PNG of the window, in 256 colours: a third of the size, and nobody sees the difference."""
    whole = picture_of(window).quantize(COLOURS, dither=Image.Dither.NONE)
    whole.save(path, optimize=True)
    print(path, flush=True)


def duplicates(folder: Path, path: Path) -> None:
    """Two mirrored copies side by side, with the rules."""
    with window_on(folder, "Duplicates", (1360, 860)) as window:
        press(window, "F5")
        settle(window)
        relation = window.screen_shown.bar.relation  # type: ignore[union-attr]
        relation.setCurrentIndex(relation.findData("mirrored"))
        press(window, "M")  # Unmapped, a mirrored copy is seen to be one.
        for _ in range(2):
            press(window, "N")
            settle(window)
        save(window, path)


def curate(folder: Path, path: Path) -> None:
    """The gallery with decided sprites."""
    with window_on(folder, "Curate", (1280, 800)) as window:
        save(window, path)


def versions(folder: Path, path: Path) -> None:
    """The newest version beside the one it was derived from."""
    with window_on(folder, "Versions", (1280, 800), "light") as window:
        window.screen_shown.reload(find_version(window.session.workspace))  # type: ignore[union-attr]
        settle(window)
        save(window, path)


def train(folder: Path, config: TrainConfig, path: Path, film: Path) -> None:
    """A run watched live and then scrubbed, as a GIF, and its end as a PNG."""
    with Workspace.open(folder) as workspace:
        run = create_run(workspace, find_version(workspace), config)
    process = start(run)
    frames: list[Image.Image] = []
    with window_on(folder, "Train", (1280, 820)) as window:
        window.screen_shown.show_run(run.path)  # type: ignore[union-attr]
        began, due = time.monotonic(), 0.0
        while process.poll() is None:
            QTest.qWait(100)
            if time.monotonic() - began >= due:
                frames.append(frame(window))
                due += config.stop.minutes * 60 / FRAMES
        settle(window)
        save(window, path)
        film_scrubbing(window, lambda: frames.append(frame(window)))
    if summary(run.path).state.state != "finished":
        sys.exit(f"{run.name} did not finish; see {run.log_path}")
    palette = frames[-1].quantize(COLOURS)
    first, *rest = [one.quantize(palette=palette) for one in frames]
    first.save(film, save_all=True, append_images=rest, duration=FRAME_MS, loop=0, optimize=True)
    print(film, flush=True)


def film_scrubbing(window: MainWindow, take: Callable[[], None]) -> None:
    """From the first sample point towards the last."""
    press(window, "Home")
    for _ in range(SCRUB_FRAMES):
        QTest.qWait(300)
        take()
        press(window, "Right")


def picture_of(window: MainWindow) -> Image.Image:
    """The window as an RGB picture."""
    image = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    # Lines of a QImage are padded to whole words.
    raw = bytes(image.constBits())
    return Image.frombytes("RGB", (image.width(), image.height()), raw, "raw", "RGB", image.bytesPerLine())


def frame(window: MainWindow) -> Image.Image:
    """The window as a small picture."""
    whole = picture_of(window)
    return whole.resize((FRAME_WIDTH, whole.height * FRAME_WIDTH // whole.width), Image.Resampling.LANCZOS)


def runs(folder: Path, path: Path) -> None:
    """Two runs compared."""
    with window_on(folder, "Runs", (1280, 820)) as window:
        window.screen_shown.tree.step(1)  # type: ignore[union-attr]
        QTest.qWait(300)
        press(window, "Ctrl+Shift+C")
        settle(window)
        save(window, path)


def explore(folder: Path, path: Path) -> None:
    """Samples of the newest run, some kept, one chosen with its neighbours."""
    with window_on(folder, "Explore", (1280, 820)) as window:
        screen = window.screen_shown
        assert isinstance(screen, ExploreScreen)
        until = time.monotonic() + 120
        while not screen.grid.cells and time.monotonic() < until:
            QTest.qWait(100)
        for index in (3, 12, 20, 5):
            screen.grid.choose(index)
            screen.choosing.keep()
        window.status_strip.clear_message()
        while not screen.sample.training.rows and time.monotonic() < until:
            QTest.qWait(100)
        settle(window)
        save(window, path)


if __name__ == "__main__":
    main()
