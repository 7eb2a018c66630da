"""The dependency rules of ARCHITECTURE.md, and what start-up may import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def test_import_contracts_hold(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c())"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("gandam_studio.cli", {"torch", "PySide6", "cv2", "numpy", "pyqtgraph"}),
        ("gandam_studio.core.workspace", {"torch", "PySide6", "pyqtgraph", "scipy"}),
        ("gandam_studio.qt.application", {"torch", "pyqtgraph", "scipy", "torchvision", "cv2"}),
        ("trainer.protocol.config", {"torch", "PySide6", "gandam_studio"}),
        ("trainer.protocol.events", {"torch", "PySide6", "gandam_studio"}),
        ("trainer.protocol.run_directory", {"torch", "PySide6", "gandam_studio"}),
    ],
)
def test_start_up_imports_stay_light(module: str, unwanted: set[str]) -> None:
    script = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}} & {unwanted!r}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
