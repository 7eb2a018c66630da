"""Picture files that anyone may have written, read by Pillow: regular files, known formats, bounded, one kind of error.

Pillow tells formats by content, and some it hands to other programs: a PostScript file named x.png starts Ghostscript.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.protocol.untrusted import UntrustedError, read_regular, shortened

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
LARGEST_FILE = 256 << 20
MOST_PIXELS = 1 << 26
"""As many as the largest grid of a run has: 1,024 samples of 256 px. As RGBA they take 256 MiB."""
_BY_OTHERS = ("EPS", "WMF")  # drawn by Ghostscript and by Windows
_PNG = b"\x89PNG\r\n\x1a\n"


def read_picture(
    path: Path, *, formats: Collection[str] | None = FORMATS, most_pixels: int = MOST_PIXELS, follow_links: bool = True
) -> Image:
    """The picture in a file (of several, the first), decoded, in Pillow's mode for it.

    `formats`: None for all that Pillow decodes itself. Raises UntrustedError for whatever is no such picture, and
    OSError for a file that cannot be opened.
    """
    import io

    from PIL import Image

    data = read_regular(path, LARGEST_FILE, follow_links=follow_links)
    if data.startswith(_PNG) and len(data) >= 24:  # Pillow would print a warning about a large one.
        width, height = struct.unpack_from(">II", data, 16)
        _check(width, height, most_pixels)
    if formats is None:
        Image.init()
        formats = [name for name in Image.ID if name not in _BY_OTHERS]
    try:
        picture = Image.open(io.BytesIO(data), formats=list(formats))
        _check(picture.width, picture.height, most_pixels)
        picture.load()
    except UntrustedError:
        raise
    except MemoryError:
        raise UntrustedError("it needs too much memory") from None
    except Exception as error:  # Pillow's plugins raise nearly anything on damaged files.
        raise UntrustedError(f"it is no picture that can be read: {shortened(str(error), 200)}") from None
    return picture


def _check(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise UntrustedError(f"its {width:,} x {height:,} pixels are too many")
