"""`doctor`: checks that everything the program needs is there, and says how to fix what is not."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gandam_studio.commands.console import Output, chosen_folder, with_output, workspace_option
from gandam_studio.commands.remedies import told
from gandam_studio.core.errors import UserError
from gandam_studio.qt import display

MINIMUM_PYTHON = (3, 11)
MINIMUM_SQLITE = (3, 35)
# Room for a workspace of some 10,000 sprites and a few runs.
ENOUGH_BYTES = 2 * 1024**3
CHILD_TIMEOUT_S = 120

# Importing torchvision takes as long as importing torch. What can be wrong with it is that it was built for another
# torch, and that shows when its library is loaded.
_TORCH = """
import gc
gc.disable()  # See trainer.protocol.loading.
import json, os, torch
gc.freeze()
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
place = find_spec("torchvision")
if place is None:
    raise ImportError("No module named 'torchvision'")
for library in Path(place.origin).parent.glob("_C*"):
    if library.suffix in (".so", ".pyd", ".dylib"):
        torch.ops.load_library(library)
device = "cpu"
if torch.cuda.is_available():
    device = f"cuda, {torch.cuda.get_device_name(0)}, {torch.cuda.get_device_properties(0).total_memory // 2**20} MiB"
elif torch.backends.mps.is_available():
    device = "mps"
print(json.dumps({"torch": torch.__version__, "torchvision": version("torchvision"), "device": device,
                  "threads": torch.get_num_threads()}), flush=True)
os._exit(0)  # Taking torch apart takes a fifteenth of the time of loading it.
"""
_QT = """
import sys, json, PySide6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
application = QApplication(sys.argv[:1])
window = QWidget()
window.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
window.resize(1, 1)
window.show()
application.processEvents()
print(json.dumps({"qt": PySide6.__version__, "platform": application.platformName()}))
"""

_PROBE = """
import sys
from gandam_studio.core.errors import UserError
from gandam_studio.qt.display import require_screen
try:
    require_screen()
except UserError as error:
    sys.exit(str(error))
print("{}")
"""


@dataclass(frozen=True)
class Check:
    """The result of a check; the command fails if a `needed` one does."""

    name: str
    ok: bool
    detail: str
    needed: bool = True

    def to_json(self) -> dict[str, Any]:
        """An element of the output of `gandam-studio doctor --json`."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail, "needed": self.needed}


@click.command()
@workspace_option
@with_output
def doctor(out: Output, folder: Path | None) -> None:
    """Check Python, libraries, graphics system, device, disk and, if there is one, the workspace."""
    chosen = chosen_folder(folder)
    checks = []
    for check in all_checks(chosen):
        checks.append(check)
        mark = "ok     " if check.ok else ("MISSING" if check.needed else "no     ")
        out.say(f"{mark}  {check.name:<12} {check.detail}")
    out.json({"checks": [check.to_json() for check in checks]})
    failed = [check.name for check in checks if not check.ok and check.needed]
    if failed:
        raise UserError(f"some checks failed: {', '.join(failed)}")


def all_checks(folder: Path) -> Iterator[Check]:
    """Run all checks and return their results in a fixed order.

    The slow ones (torch, Qt) run in child processes, all at once, beside the others.
    """
    checks: tuple[Callable[[Path], Check], ...] = (
        _python, _sqlite, _pictures, _torch, _window, _screen, _disk, _writing, _sample_set, _workspace,
    )  # fmt: skip
    slow = (_torch, _window, _screen)
    with ThreadPoolExecutor(len(slow)) as pool:
        children = {check: pool.submit(check, folder) for check in slow}
        for check in checks:
            yield children[check].result() if check in children else check(folder)


def _python(_: Path) -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info >= MINIMUM_PYTHON, f"{version}, {sys.executable}")


def _sqlite(_: Path) -> Check:
    return Check("sqlite", sqlite3.sqlite_version_info >= MINIMUM_SQLITE, sqlite3.sqlite_version)


def _pictures(_: Path) -> Check:
    try:
        import cv2
        import imagehash
        import numpy
        import PIL
    except ImportError as error:
        return Check("pictures", False, f"{error}; install again with: pip install gandam-studio")
    versions = f"numpy {numpy.__version__}, pillow {PIL.__version__}, opencv {cv2.__version__}"
    return Check("pictures", True, f"{versions}, imagehash {imagehash.__version__}")


def _child(script: str, **environment: str) -> tuple[dict[str, Any], str]:
    """Run a script that prints a JSON object; returns it and "", or {} and the last line of its error output."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", script],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=CHILD_TIMEOUT_S,
            env={**os.environ, **environment},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {}, f"no answer within {CHILD_TIMEOUT_S} seconds"
    except OSError as error:
        return {}, str(error)
    try:
        return json.loads(done.stdout.strip().splitlines()[-1]), ""
    except (ValueError, IndexError):
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return {}, lines[-1].strip() if lines else f"ended with exit code {done.returncode}"


def _torch(_: Path) -> Check:
    found, problem = _child(_TORCH)
    if not found:
        return Check("torch", False, problem)
    return Check(
        "torch", True, f"{found['torch']}, torchvision {found['torchvision']}, trains on {found['device']}, "
        f"{found['threads']} threads"
    )  # fmt: skip


def _window(_: Path) -> Check:
    found, problem = _child(_QT, QT_QPA_PLATFORM="offscreen")
    if found:
        return Check("window", True, f"PySide6 {found['qt']}")
    if ".so" in problem and sys.platform.startswith("linux"):
        problem = display.advice(problem)
    return Check("window", False, problem)


def _screen(_: Path) -> Check:
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        lacking = display.library_problem()
        more = f"; for a window, {lacking}" if lacking else ""
        return Check("screen", False, f"none: commands and training work, the window does not{more}", needed=False)
    # Asked first in a process of its own: a library that is broken could take this one with it.
    found, problem = _child(_PROBE)
    if not problem:
        found, problem = _child(_QT)
        if found:
            return Check("screen", True, found["platform"], needed=False)
    return Check("screen", False, problem.removeprefix("the window cannot open: "), needed=False)


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(_existing(folder)).free
    return Check("disk", free >= ENOUGH_BYTES, f"{free / 1024**3:.1f} GiB free for {folder.absolute()}")


def _writing(folder: Path) -> Check:
    place = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=place) as stream:
            stream.write(b"x")
    except OSError as error:
        return Check("writing", False, f"cannot write in {place}: {error.strerror or error}")
    return Check("writing", True, f"{place} can be written")


def _sample_set(_: Path) -> Check:
    from gandam_studio.samples.bundled import sample_sets

    missing = [item.name for item in sample_sets() if not (item.pictures.is_file() and item.truth.is_file())]
    detail = f"missing: {', '.join(missing)}" if missing else ", ".join(item.name for item in sample_sets())
    return Check("sample sets", not missing, detail)


def _workspace(folder: Path) -> Check:
    from gandam_studio.core.errors import WorkspaceNotFound
    from gandam_studio.core.workspace import Workspace

    try:
        with Workspace.open(folder, read_only=True) as workspace:
            damage = workspace.damage()
            counts = workspace.counts()
    except WorkspaceNotFound:
        return Check("workspace", True, f"none in {folder.absolute()}", needed=False)
    except (UserError, sqlite3.DatabaseError) as error:
        return Check("workspace", False, told(error))
    detail = f"{counts.total:,} sprites, {counts.dropped:,} dropped; `verify` re-reads every file"
    return Check("workspace", not damage, damage or detail)
