"""Modules are loaded without collections, and the collector is left as it was."""

from __future__ import annotations

import gc
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.protocol.loading import MANY, loading


def test_the_collector_rests_and_goes_on() -> None:
    frozen = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
        with loading():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ImportError), loading():
        importlib.import_module("there_is_no_such_module")
    assert gc.isenabled()
    assert gc.get_freeze_count() == frozen  # Nothing was loaded.
    gc.disable()
    try:
        with loading():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_was_loaded_is_left_out_of_collections(tmp_path: Path) -> None:
    for number in range(MANY):
        (tmp_path / f"one{number}.py").write_text("x = []\n")
    script = f"""
import gc, sys
from trainer.protocol.loading import loading
sys.path.insert(0, {str(tmp_path)!r})
with loading():
    import {", ".join(f"one{number}" for number in range(MANY))}
assert gc.isenabled()
assert gc.get_freeze_count() > 0
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_commands_look_for_no_garbage_while_torch_loads() -> None:
    script = """
import gc, sys
from click.testing import CliRunner
from trainer.cli import main
seen = []
def note(phase, info):
    if "torch" in sys.modules and "torch.fx" not in sys.modules:
        seen.append(info)
gc.callbacks.append(note)
CliRunner().invoke(main, ["describe", "sprite-r3-cpu"])
assert "torch" in sys.modules
assert "torch.fx" in sys.modules
assert not seen
"""
    subprocess.run([sys.executable, "-c", script], check=True)
