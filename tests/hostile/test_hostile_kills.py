"""Processes killed during import, edits, commit, export --force and dedupe lose nothing acknowledged."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from scenes import studio
from small_workspaces import add_sprites, png_bytes, sprite_pixels

from gandam_studio.core import versions
from gandam_studio.core.workspace import Workspace

WORKING = Path(__file__).with_name("working.py")
SEEDS = [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 200))]


def prepared(root: Path) -> None:
    """A workspace with a version and an export of it, including mirrored pairs for dedupe."""
    with Workspace.create(root / "ws") as workspace:
        add_sprites(workspace, list(range(12)))
    (root / "twins").mkdir()
    for number in range(4):
        mirrored = sprite_pixels(number)[:, ::-1]
        (root / "twins" / f"twin-{number}.png").write_bytes(png_bytes(mirrored))
    for arguments in (
        ("import", root / "twins", "--workers", 1), ("commit", "-m", "first"),
        ("export-manifest", "--format", "imagefolder", "--out", root / "out"),
    ):  # fmt: skip
        code, _, error = studio(*arguments, "-w", root / "ws")
        assert code == 0, error


def killed(root: Path, seed: int, after_s: float) -> dict[str, object] | None:
    """The last acknowledgement of the child, killed this many seconds after it was ready."""
    environment = {**os.environ, "XDG_STATE_HOME": str(root / "logs")}
    child = subprocess.Popen(
        [sys.executable, str(WORKING), str(root), str(seed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment,
    )  # fmt: skip
    with child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline().strip() == "ready"
        time.sleep(after_s)
        child.kill()
        lines = [line for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        assert "Traceback" not in (error := child.stderr.read()), error
    return json.loads(lines[-1]) if lines else None


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_acknowledged_is_lost(tmp_path: Path, seed: int) -> None:
    prepared(tmp_path)
    last = killed(tmp_path, seed, random.Random(seed).uniform(0.05, 2.5))
    folder = tmp_path / "ws"
    with Workspace.open(folder) as workspace:
        assert workspace.connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert not workspace.connection.execute("PRAGMA foreign_key_check").fetchall()
        (sprites,) = workspace.connection.execute("SELECT count(*) FROM sprites").fetchone()
        (edit,) = workspace.connection.execute("SELECT coalesce(max(edit), 0) FROM edits").fetchone()
        digests = [row[0] for row in workspace.connection.execute("SELECT digest FROM versions ORDER BY version")]
    if last is not None:
        assert sprites >= last["sprites"]
        assert edit >= last["edit"]
        assert digests[: len(last["versions"])] == last["versions"]
    code, said, error = studio("verify", "--json", "-w", folder)
    assert code == 0, (said, error)
    # The export is the old one or the new one, whole: its marker names a version, and all its pictures can be read.
    marker = json.loads((tmp_path / "out" / "export.json").read_bytes())
    assert marker["digest"] in digests
    code, _, error = studio("new", tmp_path / "other")
    assert code == 0, error
    code, said, error = studio("import-manifest", tmp_path / "out", "--json", "-w", tmp_path / "other")
    assert code == 0, error
    with Workspace.open(folder) as workspace, Workspace.open(tmp_path / "other", read_only=True) as other:
        sprites = {version.digest: version.sprites for version in versions.versions(workspace)}
        pictures = [Image.open(path).convert("RGBA") for path in (tmp_path / "out").rglob("*.png")]
        assert len(pictures) == sprites[marker["digest"]]
        # A mirrored twin that was flipped looks like its other half, and equal pixels are one sprite.
        assert sum(1 for _ in other.sprites()) == len({picture.tobytes() for picture in pictures})
    # And everything can still be undone.
    while studio("undo", "-w", folder)[0] == 0:
        pass
    with Workspace.open(folder) as workspace:
        assert all(sprite.status == "undecided" and not sprite.flipped for sprite in workspace.sprites())
