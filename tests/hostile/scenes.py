"""Fixtures of hostile tests: a workspace with sprites, versions, runs and exports, and files outside it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from recorded_runs import recorded
from small_workspaces import add_sprites
from tiny_experiments import done, tiny_plan

from gandam_studio import cli
from gandam_studio.core.experiments.folder import FAILED, Experiment, Outcome
from gandam_studio.core.experiments.results import write_results
from gandam_studio.core.experiments.tastes import new_taste
from gandam_studio.core.runs.explored import Direction, Explored, Favourite, keep
from gandam_studio.core.workspace import Workspace

SECRET = b"the private file of somebody else, which nothing may read into anything"
SECRET_NAME = "secret.txt"
RUNS = ("r1-a", "r2-b", "r3-c")


@dataclass(frozen=True)
class Scene:
    """A folder with everything in it.

    Attributes:
        workspace: twelve sprites, two versions, three runs (of which mutations leave r1 and r3 alone or not).
        exports: what the workspace exported earlier.
        outside: files of other people; nothing may change or read them.
        out: where commands of the test write to.
        tries: an experiment with results and a taste test, and favourites of r1, which alone are mutated then.
    """

    root: Path
    tries: bool = False

    @property
    def workspace(self) -> Path:
        return self.root / "ws"

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    @property
    def outside(self) -> Path:
        return self.root / "outside"

    @property
    def out(self) -> Path:
        return self.root / "out"

    def name_of(self, path: Path) -> str:
        """A path relative to the scene, for messages."""
        return path.relative_to(self.root).as_posix()

    def copy_to(self, root: Path) -> Scene:
        """A separate copy of this scene."""
        shutil.copytree(self.root, root, symlinks=True)
        return Scene(root, self.tries)

    def outside_digest(self) -> str:
        """A digest of everything outside: names, kinds, sizes, times and contents."""
        digest = hashlib.sha256()
        for entry in sorted(self.outside.rglob("*")):
            status = entry.lstat()
            digest.update(f"{entry} {status.st_mode} {status.st_size} {status.st_mtime_ns}\n".encode())
            if entry.is_file():
                digest.update(entry.read_bytes())
        digest.update(" ".join(sorted(os.listdir(self.root))).encode())
        return digest.hexdigest()

    def leaked(self) -> list[str]:
        """Files written by commands that contain the secret."""
        return [
            self.name_of(entry)
            for root in (self.out, self.workspace / "originals", self.workspace / "thumbnails")
            if not root.is_symlink()
            for entry in sorted(root.rglob("*"))
            if entry.is_file() and not entry.is_symlink() and SECRET in entry.read_bytes()
        ]


def studio(*arguments: object) -> tuple[int, str, str]:
    """Call the command line in this process; returns exit code, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


def add_tries(scene: Scene) -> Scene:
    """Add an experiment that is measured and tasted, one that is not, and favourites."""
    experiment = Experiment.create(scene.workspace, tiny_plan())
    for cell in experiment.plan.cells[2:]:
        experiment.save(done(cell, 20.0 + cell.number))
    for number in range(2):
        experiment.save(Outcome(number, FAILED, "r1-a", "the run failed: out of memory"))
    taste = new_taste(experiment.folder, "r1-a@200", "r2-b@200", count=20, reals=4)
    for number in range(9):
        taste.pick(number % 3 == 0)
    write_results(experiment)
    Experiment.create(scene.workspace, tiny_plan(name="other"))
    ones = np.ones(8, np.float32)
    keep(scene.workspace / "runs" / "r1-a", Explored((Favourite("nice", ones),), (Direction("up", ones),)))
    return Scene(scene.root, tries=True)


def build(root: Path) -> Scene:
    """Make the scene in a new folder."""
    scene = Scene(root)
    root.mkdir()
    for folder in (scene.outside, scene.exports, scene.out):
        folder.mkdir()
    (scene.outside / SECRET_NAME).write_bytes(SECRET)
    (scene.outside / "kept.png").write_bytes(b"somebody's picture")
    with Workspace.create(scene.workspace) as workspace:
        add_sprites(workspace, list(range(12)))
    where = ("-w", scene.workspace)
    for arguments in (
        ("flip", "sprite-00003.png"), ("drop", "sprite-00004.png", "--reason", "blurred"),
        ("tag", "sprite-00005.png", "--add", "red"), ("facing", "sprite-00006.png", "--is", "left"),
        ("commit", "-m", "one"), ("keep", "sprite-00001.png", "sprite-00002.png"), ("dedupe", "--dry-run"),
        ("commit", "-m", "two"), ("undo",),
        ("export-manifest", "--format", "jsonl", "--out", scene.exports / "manifest.jsonl"),
        ("export-manifest", "--format", "imagefolder", "--out", scene.exports / "imagefolder"),
        ("export-manifest", "--format", "stylegan", "--out", scene.exports / "stylegan.zip"),
    ):  # fmt: skip
        code, out, err = studio(*arguments, *where)
        assert code == 0, (arguments, out, err)
    for number, name in enumerate(RUNS):
        recorded(scene.workspace / "runs" / name, iterations=200, data_seed=number)
    return scene
