"""Write one format to a folder, or to a file in it."""

from __future__ import annotations

from pathlib import Path

from gandam_studio.core.exporting.formats import Format
from gandam_studio.core.exporting.source import Source
from gandam_studio.core.exporting.target import MARKER
from trainer.protocol.output_folders import write_marker


def write_folder(source: Source, form: Format, folder: Path) -> None:
    """Write a format to an empty folder: a format that is a folder, or a single file and its pictures."""
    module = form.module()
    if form.folder:
        module.write(source, folder)
    else:
        pictures = folder / "pictures"
        pictures.mkdir()
        with (folder / form.path).open("wb") as stream:
            module.write(source, stream, place=lambda entry: f"pictures/{source.place(entry, pictures)}")
    write_marker(folder / MARKER, {"format": form.name, **source.description()})


def write_beside(source: Source, form: Format, path: Path) -> None:
    """Write one format inside a folder that is moved into place later."""
    if form.is_folder(source.pictures):
        path.mkdir()
        write_folder(source, form, path)
    else:
        with path.open("wb") as stream:
            form.module().write(source, stream)
