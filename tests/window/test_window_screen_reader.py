"""The tree for a real screen reader: AT-SPI, with the window on a real X server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tour import make_workspace

SYSTEM_PYTHON = "/usr/bin/python3"
WAIT_S = 150


def _missing() -> str:
    """What the test needs and this machine does not have; "" for nothing."""
    for program in ("Xvfb", "dbus-run-session"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if not Path(SYSTEM_PYTHON).exists():
        return f"there is no {SYSTEM_PYTHON}"
    asked = subprocess.run([SYSTEM_PYTHON, "-c", "import pyatspi"], capture_output=True, check=False)
    return "" if asked.returncode == 0 else "python3-pyatspi is not installed"


@pytest.fixture
def display() -> Iterator[str]:
    """A separate display. It does not start anew, refusing whoever comes, when its last client has left."""
    if problem := _missing():
        pytest.skip(f"a screen reader's tree cannot be read here: {problem}")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as stream:
        number = stream.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait(20)


@pytest.mark.screen_reader
def test_a_screen_reader_is_told_every_control(display: str, tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "w")
    home = tmp_path / "home"
    home.mkdir()
    reader = Path(__file__).with_name("at_spi_reader.py")
    surroundings = {
        **os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"), "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }  # fmt: skip
    window = [sys.executable, "-m", "gandam_studio", "open", str(folder)]
    # The system's Python must not see the packages of this one.
    command = ["dbus-run-session", "--", "env", "-u", "PYTHONPATH", SYSTEM_PYTHON, str(reader), "env",
               f"PYTHONPATH={surroundings['PYTHONPATH']}", *window]  # fmt: skip
    answer = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert answer.returncode == 0, answer.stderr[-2000:]
    told = [json.loads(line) for line in answer.stdout.splitlines() if line.startswith("[")]
    by_role: dict[str, list[tuple[str, list[str]]]] = {}
    for role, name, states in told:
        by_role.setdefault(role, []).append((name, states))

    acted_on = ("push button", "button", "toggle button", "check box", "combo box", "slider", "spin button", "list")
    nameless = [(role, states) for role in acted_on for name, states in by_role.get(role, []) if not name.strip()]
    assert not nameless
    names = {role: {name for name, _ in found} for role, found in by_role.items()}
    assert {"Curate", "Duplicates", "Versions", "Train", "Runs"} <= set().union(*names.values())
    assert "Gallery" in names["list"]
    sprites = by_role["list item"]
    assert any("dropped: duplicate, flipped" in name for name, _ in sprites)
    assert all("selectable" in states and "focusable" in states for _, states in sprites)
    assert "Size of the cells" in names["slider"]
    # Qt tells buttons that stay down as check boxes.
    checked = {name: "checked" in states for _, name, states in told if "checkable" in states}
    assert checked["Curate"]
    assert not checked["Train"]
