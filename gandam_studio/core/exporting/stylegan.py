"""stylegan: a zip of square, uniform RGB PNGs with dataset.json, as StyleGAN2-ADA's and StyleGAN3's data tools write.

The layout follows NVIDIA's documentation of dataset_tool.py: members "00000/img00000000.png", stored uncompressed, and
"dataset.json" with {"labels": [[member, class], ...]} or {"labels": null}. It also has the names of "classes", if any,
and the manifest as "sprites"; StyleGAN ignores both, and `read_export` reads the latter.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from typing import IO

from gandam_studio.core.exporting.source import Source
from gandam_studio.core.exporting.stored_zip import StoredZip

DATASET = "dataset.json"
_PER_FOLDER = 1000
_as_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


def member_name(index: int) -> str:
    """Return the member name of a picture by its number."""
    return f"{index // _PER_FOLDER:05d}/img{index:08d}.png"


def write(source: Source, stream: IO[bytes]) -> None:
    """Write the zip. Alpha is composited on white, because StyleGAN reads RGB only."""
    if source.recipe.background == "alpha":
        source = dataclasses.replace(source, recipe=dataclasses.replace(source.recipe, background="white"), spool=None)
    with StoredZip(stream) as archive, tempfile.TemporaryFile() as listed:
        for index, entry in enumerate(source.entries_with_progress()):
            archive.add(member_name(index), source.picture(entry))
        _write_list(source, listed)
        archive.add_from(DATASET, listed)


def _write_list(source: Source, out: IO[bytes]) -> None:
    # Write everything but the closing brace, then the sprites one by one.
    if source.classes is None:
        out.write(json.dumps({**source.description(), "labels": None}, sort_keys=True).encode()[:-1])
    else:
        out.write(json.dumps(source.description(), sort_keys=True).encode()[:-1] + b', "labels": [')
        for index, entry in enumerate(source.entries()):
            label = json.dumps([member_name(index), source.classes.number(entry)])
            out.write((b",\n" if index else b"\n") + label.encode())
        out.write(b"\n]")
    out.write(b', "sprites": [')
    for index, entry in enumerate(source.entries()):
        row = {"file_name": member_name(index), **source.row(entry)}
        out.write((b",\n" if index else b"\n") + _as_json(row).encode())
    out.write(b"\n]}\n")
