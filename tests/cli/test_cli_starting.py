"""A foreign package named `trainer` is detected before it is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("module", ["gandam_studio", "gandam_studio.starting"])
def test_a_foreign_trainer_is_named_in_one_line(tmp_path: Path, repository: Path, module: str) -> None:
    foreign = tmp_path / "trainer"
    foreign.mkdir()
    (foreign / "__init__.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    code = f"import runpy, sys; sys.argv = ['x', '--version']; runpy.run_module({module!r}, run_name='__main__')"
    if module == "gandam_studio.starting":
        code = "from gandam_studio.starting import window; window()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(repository)])}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert str(foreign) in line
    assert "pip uninstall trainer" in line


def test_our_own_is_taken(repository: Path) -> None:
    command = [sys.executable, "-m", "gandam_studio", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=repository)
    assert "0." in done.stdout
