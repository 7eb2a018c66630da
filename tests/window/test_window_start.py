"""What is loaded before the window's first paint: each module and each class of Qt is time that a person waits.

The time itself is measured by tests/benchmarks/gallery.py (`start_s`). What is not needed yet is imported on first use,
or ahead of that while keys and mouse rest (gandam_studio/qt/ahead.py).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = """
import gc, json, linecache, sys
from pathlib import Path
from gandam_studio.qt.launch import show_window

application, window = show_window(Path(sys.argv[1]))
window.grab()  # paints all that is shown; to process events could also start what follows the first paint
assert window.screen_shown.gallery.current >= 0
modules = list(sys.modules)
from PySide6 import QtCore, QtGui, QtWidgets
kits = [sorted(name for kit in (QtCore, QtGui, QtWidgets) for name in vars(kit) if name.startswith("Q"))]
own = [one for one in gc.get_objects() if isinstance(one, type) and issubclass(one, QtCore.QObject)]
own = sorted(one.__qualname__ for one in own if one.__module__.startswith("gandam_studio"))
print(json.dumps({"modules": modules, "qt": kits[0], "own": own, "sources": sorted(linecache.cache)}))
window.close()
"""
LOOK = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from gandam_studio.core.workspace import Workspace
from gandam_studio.qt.experiments.paused import PausedExperiments
from gandam_studio.qt.session import Session

application = QCoreApplication([])
session = Session(Workspace.open(Path(sys.argv[1])))
PausedExperiments(session, delay_ms=0)
for idle in (False, True):
    while session.is_idle is not idle:
        application.processEvents()
print(*[name for name in sys.modules if name.startswith("gandam_studio.core.experiments.")])
session.close()
"""
LATER = (
    "torch", "scipy", "cv2", "PIL", "pyqtgraph", "subprocess", "html", "uuid", "concurrent",
    "trainer.protocol.config", "trainer.protocol.events", "trainer.protocol.recipe", "trainer.protocol.settings",
    "gandam_studio.core.duplicates", "gandam_studio.core.exporting", "gandam_studio.core.importing",
    "gandam_studio.core.runs", "gandam_studio.core.suggestions", "gandam_studio.core.versions",
    "gandam_studio.core.workspace.edits", "gandam_studio.qt.ahead", "gandam_studio.qt.curate.assist",
    "gandam_studio.qt.curate.crop_view", "gandam_studio.qt.curate.large_view", "gandam_studio.qt.curate.more_filters",
    "gandam_studio.qt.curate.recipe_panel", "gandam_studio.qt.duplicates", "gandam_studio.qt.experiments",
    "gandam_studio.qt.explore", "gandam_studio.qt.following", "gandam_studio.qt.help",
    "gandam_studio.qt.imports.sources",
    "gandam_studio.qt.next_steps", "gandam_studio.qt.outputs", "gandam_studio.qt.palette", "gandam_studio.qt.questions",
    "gandam_studio.qt.runs", "gandam_studio.qt.train", "gandam_studio.qt.versions", "gandam_studio.qt.welcome",
    "gandam_studio.qt.widgets.plots", "gandam_studio.qt.widgets.reason_picker", "gandam_studio.qt.widgets.search_popup",
)  # fmt: skip
LATER_QT = {"QDialog", "QFileDialog", "QInputDialog", "QMessageBox", "QStandardPaths", "QStyle", "QStyleOption"}
MOST_MODULES, MOST_CLASSES = 95, 43
"""Of the Studio's modules, and of its classes of Qt objects (about half a millisecond each): raise them knowingly."""


@dataclass(frozen=True)
class Loaded:
    """What a window with a workspace has loaded when it is first painted.

    Attributes:
        modules: in the order in which they were imported.
        qt: Qt's classes in use; PySide6 makes them, and all their enums, when they are first named.
        own: the Studio's classes of Qt objects.
        sources: files of source code that were read, although the modules are compiled.
    """

    modules: list[str]
    qt: list[str]
    own: list[str]
    sources: list[str]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Loaded:
    """From a process that has imported nothing else."""
    return Loaded(**json.loads(_run(SCRIPT, tmp_path_factory.mktemp("start"), repository)))


def _run(script: str, home: Path, repository: Path) -> str:
    """What a script prints that is given a workspace of 24 sprites."""
    from small_workspaces import add_sprites

    from gandam_studio.core.workspace import Workspace

    with Workspace.create(home / "w") as workspace:
        add_sprites(workspace, list(range(24)))
    environment = {**os.environ, "PYTHONPATH": str(repository), "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    command = [sys.executable, "-c", script, str(home / "w")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_the_first_paint_does_not_need_is_loaded_later(loaded: Loaded) -> None:
    early = [one for one in loaded.modules if any(one == late or one.startswith(f"{late}.") for late in LATER)]
    assert early == []
    assert sorted(LATER_QT.intersection(loaded.qt)) == []


def test_no_source_code_is_read(loaded: Loaded, repository: Path) -> None:
    """PySide6's import reads, and keeps, that of every module it imports."""
    packages = (repository / "gandam_studio", repository / "trainer")
    assert [one for one in loaded.sources if any(map(Path(one).is_relative_to, packages))] == []


def test_what_needs_no_qt_is_imported_before_qt(loaded: Loaded) -> None:
    """PySide6 replaces Python's import with one that takes half as long again."""
    after = loaded.modules[loaded.modules.index("PySide6") :]
    roots = ("trainer", "numpy", "sqlite3", "filelock", "gandam_studio.core", "gandam_studio.samples")
    assert [one for one in after if any(one == root or one.startswith(f"{root}.") for root in roots)] == []


def test_the_start_grows_only_knowingly(loaded: Loaded) -> None:
    modules = [one for one in loaded.modules if one.startswith(("gandam_studio", "trainer"))]
    assert "gandam_studio.qt.curate.screen" in modules
    assert len(modules) <= MOST_MODULES
    assert "CurateScreen" in loaded.own
    assert len(loaded.own) <= MOST_CLASSES, loaded.own


def test_looking_for_paused_experiments_imports_nothing_where_there_are_none(tmp_path: Path, repository: Path) -> None:
    """It happens in the first seconds, and imports in another thread keep the interpreter from the window."""
    assert _run(LOOK, tmp_path, repository).split() == []
