"""All formats side by side in one folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from gandam_studio.core.exporting.formats import Format
from gandam_studio.core.exporting.source import Source
from gandam_studio.core.exporting.writing import write_beside
from trainer.protocol.folders import scratch


def write_all(source: Source, forms: list[Format], folder: Path) -> None:
    """Write each format under its own name; a picture is rendered once and kept for the formats that follow.

    A format that cannot carry the pictures asked for carries them its own way.
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
            write_beside(own, form, folder / form.path)
