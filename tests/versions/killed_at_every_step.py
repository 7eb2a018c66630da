"""Run by test_versions_crash.py in a process of its own: kill a commit or an export at each thing it does on disk.

Usage: killed_at_every_step.py (commit|export-file|export-folder) FOLDER. Prints one JSON object: how many steps
there were, and what was found after each kill.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path

from gandam_studio.core import exporting, versions
from gandam_studio.core.versions import verify
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Flip

FORMS = {"export-file": "csv", "export-folder": "imagefolder"}
EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "sqlite3.connect")


def kill_at(step: int, folder: Path) -> list[int]:
    """Count disk operations inside `folder`, and SIGKILL this process at that count. Returns the counter."""
    seen = [0]

    def hook(event: str, arguments: tuple) -> None:
        if event in EVENTS and str(folder) in str(arguments):
            if seen[0] == step:
                os.kill(os.getpid(), signal.SIGKILL)
            seen[0] += 1

    sys.addaudithook(hook)
    return seen


class Statements(sqlite3.Connection):
    """Counts every SQL statement as a step, since SQLite's own writes raise no audit event."""

    def execute(self, *arguments):
        sys.audit("os.rename", "sql", str(FOLDER))
        return super().execute(*arguments)


def work(kind: str, folder: Path) -> None:
    with Workspace.open(folder / "w") as workspace:
        if kind == "commit":
            connection = workspace.connection
            workspace.connection = sqlite3.connect(
                folder / "w" / "workspace.sqlite", factory=Statements, isolation_level=None
            )
            workspace.connection.row_factory = sqlite3.Row
            versions.commit(workspace, "two")
            workspace.connection.close()
            workspace.connection = connection
        else:
            exporting.export(
                workspace, versions.find_version(workspace, "v2"), folder / "out", format=FORMS[kind], force=True
            )


def content(path: Path) -> dict[str, str]:
    """Every file of an export, by relative path."""
    paths = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
    return {str(item.relative_to(path)): item.read_bytes().hex() for item in paths}


def outcome(kind: str, folder: Path, expected: list[dict[str, str]]) -> str:
    """The state after the kill, as a person sees it."""
    with Workspace.open(folder / "w") as workspace:
        if not verify(workspace).ok:
            return "damaged"
        if kind != "commit":
            found = content(folder / "out")
            exporting.export(
                workspace, versions.find_version(workspace, "v2"), folder / "out", format=FORMS[kind], force=True
            )
            if content(folder / "out") != expected[1]:
                return "cannot export again"
            return "old" if found == expected[0] else "new" if found == expected[1] else "broken"
        labels = [version.label for version in versions.versions(workspace)]
        again = versions.commit(workspace, "two")
        if again.label != "v2" or again.parent_label not in ("v1",) or not verify(workspace).ok:
            return "cannot commit again"
        return {1: "old", 2: "new"}.get(len(labels), "broken")


def run_killed(kind: str, folder: Path, step: int) -> int:
    """Do the work in a fork that dies at `step`; returns 1 if it died, 0 if it finished."""
    pid = os.fork()
    if pid == 0:
        kill_at(step, folder)
        work(kind, folder)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return int(os.WIFSIGNALED(status))


def main(kind: str, base: Path) -> None:
    global FOLDER
    with Workspace.open(base / "w") as workspace:
        versions.commit(workspace, "one")
        if kind != "commit":
            form = FORMS[kind]
            exporting.export(workspace, versions.find_version(workspace, "v1"), base / "out", format=form)
            workspace.apply(Flip([1, 2]))
            versions.commit(workspace, "two")
            exporting.export(workspace, versions.find_version(workspace, "v2"), base / "new", format=form)
        else:
            workspace.apply(Flip([1, 2]))
    expected = [] if kind == "commit" else [content(base / "out"), content(base / "new")]
    outcomes = []
    step = 0
    while True:
        FOLDER = base.parent / f"step-{step}"
        shutil.copytree(base, FOLDER)
        died = run_killed(kind, FOLDER, step)
        outcomes.append(outcome(kind, FOLDER, expected))
        shutil.rmtree(FOLDER)
        if not died:
            break
        step += 1
    print(json.dumps({"steps": step, "outcomes": outcomes}))


FOLDER = Path()
if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
