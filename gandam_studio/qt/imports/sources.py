"""What can be imported from a drop or from the clipboard: files and folders, paths as text, or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QBuffer,
    QByteArray,
    QCoreApplication,
    QIODevice,
    QMimeData,
    QSettings,
    QStandardPaths,
    QUrl,
)
from PySide6.QtGui import QImage, QImageWriter

if TYPE_CHECKING:
    # Imported late: it pulls in the decoders, which the window does not need to open.
    from gandam_studio.core.importing import Pasted

LONGEST_TEXT = 100_000
_KEY = "import/folder"


def first_folder() -> str:
    """Where a dialog for sources begins: where the last one was found, or else the person's pictures, or home."""
    pictures = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    places = (str(QSettings().value(_KEY) or ""), pictures)
    return next((place for place in places if place and _is_there(Path(place))), str(Path.home()))


def remember_source(path: Path) -> None:
    """Let the next dialog begin where this source lies."""
    QSettings().setValue(_KEY, str(path.parent))


def holds_sources(data: QMimeData) -> bool:
    """True if `sources_of` would find something; quick, for a drag that passes over."""
    return data.hasImage() or bool(_paths(data))


def sources_of(data: QMimeData) -> list[Path | Pasted]:
    """The files and folders, or else the picture, of a drop or of the clipboard."""
    from gandam_studio.core.importing import Pasted

    found: list[Path | Pasted] = [*_paths(data)]
    if not found and data.hasImage():
        image = data.imageData()
        if isinstance(image, QImage) and not image.isNull():
            found = [Pasted(QCoreApplication.translate("Sources", "pasted.png"), png_bytes(image))]
    return found


def _paths(data: QMimeData) -> list[Path]:
    """Local files by URL, or else text in which every line is the whole path of something that exists."""
    urls = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    if urls or not data.hasText():
        return urls
    text = data.text()
    if len(text) > LONGEST_TEXT:
        return []
    lines = [line.strip().strip("\"'") for line in text.splitlines() if line.strip()]
    paths = [Path(QUrl(line).toLocalFile() if line.startswith("file:") else line) for line in lines]
    return paths if all(map(_is_there, paths)) else []


def _is_there(path: Path) -> bool:
    try:
        return path.is_absolute() and path.exists()
    except (OSError, ValueError):  # too long, or a NUL: not a path
        return False


def png_bytes(image: QImage) -> bytes:
    """Encode a picture from the clipboard as PNG, to be imported like a file."""
    held = QByteArray()
    buffer = QBuffer(held)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, b"png").write(image)
    return bytes(held.data())
