"""Child of test_hostile_fuzz: mutates scenes and runs commands and screens on them, printing one JSON line a case.

    attack.py BASE SCRATCH FIRST LAST [--screens] [--tries] [--limit SECONDS]

Each case is a copy of the scene in BASE, mutated by the dice of its number. A command has to answer within the limit
of this process's processor time, in one line where it refuses, without a traceback, without more than a gigabyte, and
without touching or reading anything outside. A hang ends this process by a dump of its stacks; the line begun says in
which case.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import json
import os
import random
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"
TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent), str(Path(__file__).resolve().parent)]

from mutations import mutate  # noqa: E402
from scenes import Scene, studio  # noqa: E402
from warm_starts import warm_starts  # noqa: E402

GIGABYTE = 1 << 30
HANG_S = 120
"""Nothing takes so long, even where other programs have the processors."""
INTERNAL = "something went wrong inside"


def memory_bytes() -> int:
    """This process's resident memory now."""
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def reset_peak() -> None:
    """Start a new peak of resident memory, if the system supports it."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as stream:
        stream.write("5")


def peak_bytes() -> int:
    """The peak of resident memory since `reset_peak`."""
    with open("/proc/self/status", encoding="ascii") as stream:
        for line in stream:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return 0


def commands(scene: Scene, dice: random.Random) -> list[tuple[object, ...]]:
    """Command lines to try on a scene: all that read, and one or two that write."""
    ws = ("-w", scene.workspace)
    if scene.tries:
        about = ("report", "tiny", "--samples", 0, "--out", scene.out / "report.html", "--force", *ws)
        return [
            ("experiment", "list", *ws), ("experiment", "list", "--json", *ws), ("experiment", "results", "tiny", *ws),
            ("experiment", "status", "tiny", "--json", *ws), ("experiment", "results", "other", "--json", *ws), about,
            ("explore", "r1-a", *ws), ("explore", "r1-a", "--json", *ws), ("runs", "--json", *ws),
        ]  # fmt: skip
    sprite = "sprite-00003.png"
    reading: list[tuple[object, ...]] = [
        ("list", *ws), ("list", "--json", "--text", "sprite", *ws), ("show", sprite, "--json", *ws), ("history", *ws),
        ("versions", "--json", *ws), ("diff", "v1", "v2", *ws), ("diff", "v1", *ws), ("verify", *ws), ("runs", *ws),
        ("recipe", *ws), ("splits", *ws), ("families", *ws), ("dedupe", "--dry-run", *ws),
    ]  # fmt: skip
    writing: list[tuple[object, ...]] = [
        ("flip", sprite, *ws), ("undo", *ws), ("redo", *ws), ("commit", "-m", "three", *ws), ("restore", "v1", *ws),
        ("drop", "--text", "sprite", "--reason", "odd", *ws), ("tag", sprite, "--add", "x", *ws),
        ("facing", sprite, "--is", "right", *ws), ("keep", sprite, *ws), ("undecide", sprite, *ws),
        ("import-manifest", scene.exports / "manifest.jsonl", *ws),
        ("import-manifest", scene.exports / "imagefolder", *ws),
        ("import-manifest", scene.exports / "stylegan.zip", *ws),
        ("import", scene.exports, "--workers", 1, *ws),
        ("relink", scene.exports, *ws),
        ("ask", "r2-b", "sample", *ws),
        ("recipe", "--size", 64, *ws),
        ("dedupe", "--apply", "--duplicates-only", *ws),
        ("tag-version", "v1", "paper", *ws),
    ]  # fmt: skip
    formats = ("jsonl", "csv", "imagefolder", "stylegan", "webdataset", "coco", "croissant")
    exporting: list[tuple[object, ...]] = [
        ("export-manifest", "--format", form, "--out", scene.out / f"{form}.{end}", "--version", "v2", *ws)
        for form in dice.sample(formats, 2)
        for end in ("out",)
    ]
    of_runs: list[tuple[object, ...]] = [
        ("runs", "--compare", "r1-a", "r2-b", "--json", *ws), ("explore", "r1-a", "--json", *ws),
        ("report", "r1-a", "r2-b", "--out", scene.out / "report.html", "--force", *ws), ("experiment", "list", *ws),
        ("report", "r3-c", "--out", scene.out / "one.html", *ws), ("suggest", "odd", "--json", *ws),
        ("label", "r1-a", "--name", "a name", *ws),
    ]  # fmt: skip
    chosen = [("runs", "--json", *ws), *dice.sample(reading, 4), *dice.sample(writing, 3), *exporting]
    chosen += dice.sample(of_runs, 2)
    return [*chosen, ("list", "--json", *ws)]


def faults_of(arguments: tuple[object, ...], scene: Scene) -> list[str]:
    """Problems with the answer of one command."""
    said = " ".join(str(argument) for argument in arguments if argument not in ("-w", scene.workspace))
    try:
        code, out, err = studio(*arguments)
    except BaseException as error:
        return [f"{said}: raised {type(error).__name__}: {error}"]
    found = []
    lines = [line for line in err.splitlines() if line.strip()]
    if code not in (0, 1, 2):
        found.append(f"{said}: exit code {code}")
    if INTERNAL in err + out or "Traceback" in err + out:
        found.append(f"{said}: {_log_named_in(err)}")
    elif code and len([line for line in lines if line.startswith("gandam-studio: ")]) != 1:
        found.append(f"{said}: refused in {len(lines)} lines: {err[:300]!r}")
    if {"\x1b", "\x07"} & set(out + err):
        found.append(f"{said}: text from outside controls the terminal")
    if max((len(line) for line in lines), default=0) > 1000:
        found.append(f"{said}: a line of {max(map(len, lines))} characters")
    # A workspace that cannot be opened at all has no experiments to list either.
    if arguments[:2] == ("experiment", "list") and code and not studio("list", "--json", "-w", scene.workspace)[0]:
        found.append(f"{said}: no experiment is listed: {err[:300]!r}")
    if arguments[:2] == ("runs", "--json") and code == 0:
        listed = json.dumps(json.loads(out))
        missing = [name for name in scene_runs(scene) if name not in listed]
        if missing:
            found.append(f"{said}: {missing} not listed")
    return found


def scene_runs(scene: Scene) -> list[str]:
    """Existing folders that look like runs."""
    folder = scene.workspace / "runs"
    if folder.is_symlink() or not folder.is_dir():
        return []
    names = [name for name in ("r1-a", "r2-b", "r3-c") if (folder / name / "config.json").is_file()]
    return [name for name in names if not (folder / name).is_symlink()]


def _log_named_in(text: str) -> str:
    """The end of the log that an error names."""
    _, found, path = text.strip().rpartition("details are in ")
    return Path(path).read_text(encoding="utf-8")[-1500:] if found and Path(path).is_file() else text[:600]


class Screens:
    """The real window, offscreen, visiting every screen of a workspace."""

    def __init__(self) -> None:
        from PySide6.QtCore import QSettings, QTimer, qInstallMessageHandler
        from PySide6.QtWidgets import QApplication, QDialog

        from gandam_studio.qt.application import make_application

        self.application = make_application()
        QApplication.setOrganizationName("GANdam Studio tests")
        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        self.faults: list[str] = []
        sys.excepthook = lambda kind, value, trace: self.faults.append(
            "".join(traceback.format_exception(kind, value, trace))[-1500:]
        )
        qInstallMessageHandler(lambda _kind, _context, text: self.faults.append(text) if "QPainter" in text else None)
        self._closer = QTimer()
        self._closer.setInterval(20)

        def close_dialogs() -> None:
            for widget in QApplication.topLevelWidgets():
                if isinstance(widget, QDialog) and widget.isVisible():
                    widget.reject()

        self._closer.timeout.connect(close_dialogs)
        self._closer.start()

    def visit(self, folder: Path) -> list[str]:
        """Open the workspace, visit every screen briefly, and close it; returns the problems."""
        from PySide6.QtTest import QTest

        from gandam_studio.core.errors import UserError
        from gandam_studio.qt.application import MainWindow

        self.faults.clear()
        window = MainWindow()
        window.resize(1000, 700)
        window.show()
        try:
            if window.open_folder(folder):
                for name in ("Curate", "Duplicates", "Versions", "Train", "Runs"):
                    try:
                        window.visit_by_name(name)
                    except UserError as error:  # what the person sees of it, by the hook for errors, is this one line
                        if "\n" in str(error) or len(str(error)) > 1000:
                            self.faults.append(f"{name}: {error}")
                    QTest.qWait(60)
                    if window.width() > 3000:
                        self.faults.append(f"{name} makes the window {window.width()} px wide")
                for task in tuple(window.session.tasks) if window.session else ():
                    task.cancel()
                    task.wait()
        except BaseException:
            self.faults.append(traceback.format_exc()[-1500:])
        # Closed as a person would: work that began meanwhile is waited for, not destroyed with its window.
        for _ in range(20):
            if window.close():
                break
            QTest.qWait(50)
        else:
            self.faults.append("the window does not close")
        window.deleteLater()
        QTest.qWait(5)
        return [f"screens: {fault}" for fault in self.faults]


def main() -> None:
    """Run the cases."""
    parser = argparse.ArgumentParser()
    parser.add_argument("base", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--screens", action="store_true")
    parser.add_argument("--tries", action="store_true")
    parser.add_argument("--limit", type=float, default=10.0)
    options = parser.parse_args()
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (12 * GIGABYTE, 12 * GIGABYTE))
    with warm_starts():  # Whose servers, and so what they start, have the same limit.
        attack(options)


def attack(options: argparse.Namespace) -> None:
    """The cases, one after the other."""
    base = Scene(options.base, options.tries)
    screens = Screens() if options.screens else None
    for number in range(options.first, options.last):
        dice = random.Random(number)
        scene = base.copy_to(options.scratch / f"case-{os.getpid()}")
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        mutations = [mutate(dice, scene) for _ in range(dice.choice((1, 1, 1, 2, 3)))]
        outside, memory = scene.outside_digest(), memory_bytes()
        print(json.dumps({"case": number, "mutations": mutations}), flush=True)
        faults: list[str] = []
        steps: list[tuple[str, Callable[[], list[str]]]]
        if screens is not None:
            steps = [("screens", lambda s=screens, w=scene.workspace: s.visit(w))]  # type: ignore[misc]
        else:
            steps = [
                (" ".join(map(str, arguments)), lambda a=arguments, s=scene: faults_of(a, s))  # type: ignore[misc]
                for arguments in commands(scene, dice)
            ]
        for said, step in steps:
            print(json.dumps({"step": said}), flush=True)
            reset_peak()
            faulthandler.dump_traceback_later(HANG_S, exit=True)
            began = time.process_time()
            faults += step()
            faulthandler.cancel_dump_traceback_later()
            if (took := time.process_time() - began) > options.limit:
                faults.append(f"{said}: {took:.1f} s of the processor")
            if (grown := peak_bytes() - memory) > GIGABYTE:
                faults.append(f"{said}: {grown >> 20} MiB more memory")
        if scene.outside_digest() != outside:
            faults.append("something outside was changed")
        faults += [f"{name} holds the secret" for name in scene.leaked()]
        print(json.dumps({"case": number, "faults": faults}), flush=True)
        _remove(scene.root)
        if number % 20 == 0:
            gc.collect()


def _remove(root: Path) -> None:
    for folder, _, _ in os.walk(root):
        os.chmod(folder, 0o700)
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
