"""Without a display, or the libraries for one, the program exits with a one-line error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gandam_studio.qt import display

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has a choice of screens")

STARTS = (["gandam_studio"], ["gandam_studio", "open"], ["gandam_studio.qt.launch"])


def start(module: list[str], path: Path, repository: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start a program in an empty folder on the display that the environment names."""
    kept = {name: value for name, value in os.environ.items() if name not in (
        "DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}  # fmt: skip
    code = f"import sys; sys.argv[1:] = {module[1:]!r}; "
    if module[0] == "gandam_studio":
        code += "from gandam_studio.cli import main; main()"
    else:
        code += "from gandam_studio.qt.launch import main; sys.exit(main())"
    search = os.pathsep.join((environment.pop("first_on_path", ""), str(repository))).strip(os.pathsep)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=path, capture_output=True, text=True, check=False, timeout=60,
        env={**kept, "PYTHONPATH": search, **environment},
    )  # fmt: skip


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


@pytest.mark.parametrize("module", STARTS, ids=" ".join)
def test_a_screen_that_is_not_there_is_one_line(module: list[str], tmp_path: Path, repository: Path) -> None:
    assert "DISPLAY" in one_line(start(module, tmp_path, repository))
    assert ":4711" in one_line(start(module, tmp_path, repository, DISPLAY=":4711"))


@pytest.mark.parametrize("module", STARTS, ids=" ".join)
def test_a_library_that_cannot_be_loaded_is_one_line(module: list[str], tmp_path: Path, repository: Path) -> None:
    platforms = tmp_path / "path" / "PySide6" / "Qt" / "plugins" / "platforms"
    platforms.mkdir(parents=True)
    (tmp_path / "path" / "PySide6" / "__init__.py").write_text("")
    (platforms / "libqxcb.so").write_text("no library")
    line = one_line(start(module, tmp_path, repository, DISPLAY=":4711", first_on_path=str(tmp_path / "path")))
    assert "libqxcb.so" in line


def test_what_is_missing_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "PACKAGES", {"libnone-of-that.so.9": ("libnone9", "none-libs")})
    told = display.advice("cannot open shared object file")
    assert "libnone-of-that.so.9" in told
    assert "apt-get install libnone9" in told
    assert "\n" not in told


def test_offscreen_needs_no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    display.require_screen()
