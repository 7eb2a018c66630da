"""pngs: a plain folder of PNG files, named after the files that were imported."""

from __future__ import annotations

from pathlib import Path

from gandam_studio.core.exporting.source import Source, picture_stem, readable_stem


def write(source: Source, folder: Path) -> None:
    """Write one PNG per sprite. A name that is taken is followed by the start of the sprite's id."""
    for entry in source.entries_with_progress():
        path = folder / f"{readable_stem(entry)}.png"
        if path.exists():
            path = folder / f"{picture_stem(entry)}.png"
        path.write_bytes(source.picture(entry))
