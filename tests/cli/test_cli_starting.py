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


_COUNTED = """
import os, runpy, sys
sys.argv = ['x', '--version']
try:
    runpy.run_module('gandam_studio', run_name='__main__')
except SystemExit:
    pass
import numpy as np
from gandam_studio.core.runs.process import environment
np.linalg.inv(np.eye(700))
print(len(os.listdir('/proc/self/task')), environment().get('OPENBLAS_NUM_THREADS'))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir() or (os.cpu_count() or 1) < 2, reason="counts threads in /proc")
@pytest.mark.parametrize(("asked", "expected"), [(None, ("1", "None")), ("2", ("2", "2"))])
def test_products_of_matrices_use_one_thread_unless_the_person_wants_more(
    repository: Path, asked: str | None, expected: tuple[str, str]
) -> None:
    """The trainer, a process of its own, uses as many as before."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    if asked is not None:
        environment["OPENBLAS_NUM_THREADS"] = asked
    done = subprocess.run(
        [sys.executable, "-c", _COUNTED], capture_output=True, text=True, check=True, cwd=repository, env=environment
    )
    assert tuple(done.stdout.splitlines()[-1].split()) == expected
