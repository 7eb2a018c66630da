"""Invalid output targets in a scratch folder, and the contents of a folder, to check that it is unchanged."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

# What reading a workspace writes itself.
_OF_SQLITE = ("workspace.sqlite-wal", "workspace.sqlite-shm")


def content(folder: Path) -> dict[str, object]:
    """Every file and folder below `folder`: the bytes of files, the type of everything else."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if path.name not in _OF_SQLITE:
            found[path.relative_to(folder).as_posix()] = path.read_bytes() if stat.S_ISREG(mode) else stat.S_IFMT(mode)
    return found


def odd_targets(folder: Path) -> Iterator[Path]:
    """Links to a file, a folder and nothing; if the system has them, a pipe, a socket and a device."""
    folder.mkdir()
    (folder / "precious.txt").write_text("precious")
    (folder / "album").mkdir()
    for name, target in (("link", "precious.txt"), ("folder-link", "album"), ("dangling", "nowhere")):
        try:
            (folder / name).symlink_to(target)
        except OSError:  # Windows, without the right to
            continue
        yield folder / name
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe")
        yield folder / "pipe"
        # Its path may be longer than sockets' may, so it is made from within.
        here = Path.cwd()
        os.chdir(folder)
        try:
            with socket.socket(socket.AF_UNIX) as opened:
                opened.bind("socket")
        finally:
            os.chdir(here)
        yield folder / "socket"
        try:
            os.mknod(folder / "device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except PermissionError:
            return
        yield folder / "device"


def links_work(folder: Path) -> bool:
    """Whether symbolic links can be created."""
    probe = folder / "probe-link"
    try:
        probe.symlink_to("x")
    except OSError:
        return False
    probe.unlink()
    return True
