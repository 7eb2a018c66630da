"""The waiting policy of the processor's threads is set before torch is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.waiting import SPINS

TOLD = """
import os, runpy, sys
sys.argv = ["trainer", "--help"]
class Listen:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print("spins:", os.environ.get("GOMP_SPINCOUNT"), flush=True)
            os._exit(0)  # loading it takes long
sys.meta_path.insert(0, Listen())
try:
    runpy.run_module("trainer", run_name="__main__")
finally:
    import torch
"""


@pytest.mark.parametrize(
    ("said", "spins"),
    [({}, SPINS), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None"), ({"GOMP_SPINCOUNT": "7"}, "7")],
)
def test_threads_wait_briefly_unless_somebody_said_otherwise(
    said: dict[str, str], spins: str, repository: Path
) -> None:
    known = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    command = [sys.executable, "-c", TOLD]
    done = subprocess.run(command, cwd=repository, env={**known, **said}, capture_output=True, text=True, timeout=60)
    assert f"spins: {spins}\n" in done.stdout, done.stderr
