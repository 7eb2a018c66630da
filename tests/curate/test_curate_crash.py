"""The window is killed at random instants of 200 edits: decisions are kept, and history and state agree."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_workspaces import add_sprites

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.seqsets import unpack

CHILD = Path(__file__).with_name("killed_while_editing.py")
PLAIN = {"status": "undecided", "reason": "", "flipped": 0, "rotation": 0, "facing": "unknown"}


def _state_by_history(workspace: Workspace, count: int) -> list[dict[str, object]]:
    """The state after applying the edits in force to new sprites, one after the other."""
    state = [dict(PLAIN) for _ in range(count)]
    query = """SELECT field, before, after, seqs FROM deltas JOIN edits USING (edit)
               WHERE state = 'done' ORDER BY edit, position"""
    for field, before, after, seqs in workspace.connection.execute(query):
        for seq in unpack(seqs).tolist():
            assert state[seq - 1][field] == before, "an edit in force begins where the one before it ended"
            state[seq - 1][field] = after
    return state


def _state(workspace: Workspace) -> list[dict[str, object]]:
    rows = workspace.connection.execute(f"SELECT {', '.join(PLAIN)} FROM sprites ORDER BY seq")
    return [dict(row) for row in rows]


def _run_and_kill(folder: Path, seed: int, after_s: float, repository: Path) -> int:
    """Number of the newest edit that the child printed before it was killed."""
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(folder), str(seed)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
    )  # fmt: skip
    with child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "ready"
        time.sleep(after_s)
        child.kill()
        told = [line.strip() for line in child.stdout if line.strip().isdigit()]
    return int(told[-1]) if told else 0


SEEDS = [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 24))]


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_a_random_instant(tmp_path: Path, repository: Path, seed: int) -> None:
    folder = tmp_path / "w"
    with Workspace.create(folder) as workspace:
        add_sprites(workspace, list(range(24)))
    moment = random.Random(seed).uniform(0.02, 0.5)
    told = _run_and_kill(folder, seed, moment, repository)
    with Workspace.open(folder) as workspace:
        assert workspace.connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        (newest,) = workspace.connection.execute("SELECT coalesce(max(edit), 0) FROM edits").fetchone()
        assert newest >= told, "an edit that was shown is never missing"
        assert newest <= told + 1, "only the edit in flight may be more"
        assert _state(workspace) == _state_by_history(workspace, 24)
        while workspace.undo():
            pass
        assert _state(workspace) == [PLAIN] * 24, "everything can still be undone"
