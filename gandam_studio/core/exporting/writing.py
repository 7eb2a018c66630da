"""Write formats into a folder: one of them, or all."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from gandam_studio.core.exporting.formats import Format
from gandam_studio.core.exporting.source import Source
from gandam_studio.core.exporting.target import MARKER
from trainer.protocol.folders import scratch
from trainer.protocol.output_folders import write_marker


def write_folder(source: Source, form: Format, folder: Path) -> None:
    """Write a format into an empty folder: a format that is a folder, or a single file and its pictures."""
    module = form.module()
    if form.folder:
        module.write(source, folder)
    else:
        pictures = folder / "pictures"
        pictures.mkdir()
        with (folder / form.path).open("wb") as stream:
            module.write(source, stream, place=lambda entry: f"pictures/{source.place(entry, pictures)}")
    write_marker(folder / MARKER, {"format": form.name, **source.description()})


def write_all(source: Source, forms: list[Format], folder: Path) -> None:
    """Write each format under its own name. Pictures are rendered once and stored for the formats that follow.

    A format that does not support the requested way to include pictures uses its default.
    """
    with scratch("gandam-rendered-") as spool:
        for form in forms:
            pictures = source.pictures if source.pictures in form.pictures else form.pictures[0]
            own = dataclasses.replace(
                source,
                pictures=pictures,
                spool=spool,
                classes=source.classes if form.classes else None,
                captions=source.captions and form.can_caption(pictures),
            )
            _write_one(own, form, folder / form.path)


def _write_one(source: Source, form: Format, path: Path) -> None:
    """Write one format inside a folder that is moved into place later."""
    if form.is_folder(source.pictures):
        path.mkdir()
        write_folder(source, form, path)
    else:
        with path.open("wb") as stream:
            form.module().write(source, stream)
