"""Unpacking a tar of the shared data, on every Python the program runs on."""

from __future__ import annotations

import tarfile
from pathlib import Path


def unpack_tar(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack an archive; with Python's own filter where there is one (3.11.4 and later)."""
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, filter="data")
    else:
        archive.extractall(folder)
