"""What `train` and `sample` load and read before the trainer starts: a person waits for it."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from small_workspaces import add_sprites

from gandam_studio.core import versions
from gandam_studio.core.runs import checks, create_run
from gandam_studio.core.workspace import Workspace
from trainer.protocol.manifest import ManifestEntry
from trainer.protocol.presets import load_preset

PROGRAM = """
import json, os, subprocess, sys
from gandam_studio import cli

def started(command, **_):
    print(json.dumps([command[command.index("trainer") + 1], list(sys.modules)]), flush=True)
    os._exit(0)

subprocess.Popen = started
cli.run(sys.argv[1:])
"""
LATER = (
    "PIL", "cv2", "numba", "numpy.ma", "scipy", "torch",
    "gandam_studio.core.pictures.decoding", "gandam_studio.core.pictures.rendering", "gandam_studio.core.finishing",
    "gandam_studio.core.runs.handing_over", "gandam_studio.core.versions.rendering_pool",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with a version whose data set was prepared for a run."""
    with Workspace.create(tmp_path / "w") as workspace:
        add_sprites(workspace, list(range(8)))
        create_run(workspace, versions.commit(workspace, "all"), load_preset("sprite-r3-cpu"))
    return tmp_path / "w"


@pytest.mark.parametrize(
    "command", [("train", "--preset", "sprite-r3-cpu", "--detach"), ("sample", "r1", "--out", "samples.png")]
)
def test_the_trainer_starts_before_what_handles_pictures_is_loaded(
    folder: Path, repository: Path, command: tuple[str, ...]
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command, "-w", str(folder)],
        capture_output=True, text=True, timeout=120, cwd=folder, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    started, loaded = json.loads(done.stdout.splitlines()[-1])
    assert started == command[0]
    assert [one for one in loaded if any(one == late or one.startswith(f"{late}.") for late in LATER)] == []


def test_a_process_that_renders_loads_neither_the_database_nor_what_makes_versions(repository: Path) -> None:
    program = "import json, sys, gandam_studio.core.versions.rendering_worker; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=repository, check=True
    )
    package = "gandam_studio.core."
    versions_of_it = {name for name in json.loads(done.stdout) if name.startswith(f"{package}versions.")}
    assert versions_of_it == {f"{package}versions.{name}" for name in ("pictures", "rendering_worker")}
    unused = ("workspace.workspace", "workspace.edits", "workspace.history", "duplicates", "importing")
    assert not {f"{package}{name}" for name in unused} & set(json.loads(done.stdout))


@pytest.mark.parametrize("package", ["core.versions", "core.duplicates", "core.hashing", "core.workspace"])
def test_names_that_are_loaded_when_asked_for_are_no_modules(package: str, repository: Path) -> None:
    # Once a module is loaded, it stands for its name in the package: no name may be that of a module.
    found = importlib.import_module(f"gandam_studio.{package}")
    modules = {path.stem for path in (repository / "gandam_studio" / package.replace(".", "/")).glob("*.py")}
    assert not modules & set(found.__all__)
    assert not [name for name in found.__all__ if isinstance(getattr(found, name), ModuleType)]


def test_a_version_is_read_once_for_what_a_person_may_not_have_seen(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, real = [0], checks.read_manifest

    def read(path: Path, *, follow_links: bool = True) -> Iterator[ManifestEntry]:
        reads[0] += 1
        return real(path, follow_links=follow_links)

    monkeypatch.setattr(checks, "read_manifest", read)
    with Workspace.open(folder, read_only=True) as workspace:
        unseen = checks.check_unseen(workspace, versions.find_version(workspace, "v1"))
    assert [check.name for check in unseen] == ["blank"]
    assert reads == [1]
