"""The GPU script runs to its end without a GPU, so that it does not fail only when time is short."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Says at its end which modules it must not need were imported all the same.
RUN = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    strange = {"numba", "PySide6", "pytest", "click", "cv2", "gandam_studio"} & set(sys.modules)
    print("strange:", sorted(strange), file=sys.stderr)
"""


@pytest.mark.timeout(600)
def test_the_check_runs_on_a_processor_in_little_time(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", RUN, str(repository / "tests" / "gpu" / "check.py")]
    command += ["--device", "cpu", "--quick", "--seconds", "560", "--out", str(tmp_path / "out")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "strange: []" in done.stderr
    told = json.loads(done.stdout)
    assert told == json.loads((tmp_path / "out" / "check.json").read_text(encoding="utf-8"))
    states = {name: facts["state"] for name, facts in told["sections"].items()}
    assert states.pop("out_of_memory") == "skipped"
    assert set(states.values()) == {"ok"}, states
    assert len(told["sections"]["presets"]["found"]) >= 11
    judged = told["sections"]["quality"]["found"]
    assert list(judged) == ["sprite-r3", "sprite-flow"]
    for preset, facts in judged.items():
        assert facts["iterations"] > 0
        assert (tmp_path / "out" / f"{preset}-fixed.png").stat().st_size > 100


def test_a_section_that_fails_says_so_and_the_others_go_on(repository: Path, tmp_path: Path) -> None:
    """The pictures of the quality run cannot be written, since something is in their place."""
    (tmp_path / "out" / "sprite-r3-fixed.png").mkdir(parents=True)
    command = [sys.executable, str(repository / "tests" / "gpu" / "check.py"), "--device", "cpu", "--quick"]
    command += ["--out", str(tmp_path / "out"), "--only", "quality", "machine"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 1
    sections = json.loads(done.stdout)["sections"]
    assert sections["machine"]["state"] == "ok"
    assert sections["quality"]["state"] == "failed"
    assert "sprite-r3-fixed.png" in sections["quality"]["error"]
