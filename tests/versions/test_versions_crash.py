"""A commit or export that is killed at any step leaves the old state or the complete new one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
SCRIPT = Path(__file__).with_name("killed_at_every_step.py")


@pytest.mark.parametrize("kind", ["commit", "export-file", "export-folder"])
def test_killed_at_every_step(make_workspace, tmp_path, repository, kind):
    make_workspace(4, "base/w").close()
    done = subprocess.run(
        [sys.executable, str(SCRIPT), kind, str(tmp_path / "base")],
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["steps"] >= 8
    outcomes = found["outcomes"]
    assert set(outcomes) == {"old", "new"}
    # Once the new one is there it stays: the outcome turns exactly once.
    turn = outcomes.index("new")
    assert outcomes == ["old"] * turn + ["new"] * (len(outcomes) - turn)
