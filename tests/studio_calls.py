"""The command line called from tests, and a small folder of sprites."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gandam_studio import cli
from gandam_studio.commands import progress
from gandam_studio.samples.mechas import write_set

SEED = 13


@dataclass(frozen=True)
class Answer:
    """The output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def refusal(self) -> str:
        """The one-line error of a refused command."""
        assert self.code == 1
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("gandam-studio: ")
        assert "Traceback" not in self.err + self.out
        return lines[0].removeprefix("gandam-studio: ")


Studio = Callable[..., Answer]


@pytest.fixture
def studio(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Studio:
    """Call the command line in this process; however slow the machine, without lines of progress."""
    monkeypatch.setattr(progress, "PLAIN_INTERVAL_S", float("inf"))

    def call(*arguments: object) -> Answer:
        capsys.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def art(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 23 sprite files: 22 different pictures."""
    folder = tmp_path_factory.mktemp("art")
    write_set(folder, 23, seed=SEED)
    (folder / "truth.tsv").unlink()
    return folder


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory, art: Path) -> Path:
    """A workspace with those sprites; must not be changed, only copied."""
    folder = tmp_path_factory.mktemp("imported") / "ws"
    assert cli.run(["new", str(folder)]) == 0
    assert cli.run(["import", str(art), "-w", str(folder), "--workers", "1"]) == 0
    return folder


@pytest.fixture
def ws(tmp_path: Path, imported: Path) -> Path:
    """A workspace with those sprites."""
    return Path(shutil.copytree(imported, tmp_path / "ws"))
