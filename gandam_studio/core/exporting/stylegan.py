"""stylegan: a zip of square, uniform RGB PNGs with dataset.json, as StyleGAN2-ADA's and StyleGAN3's data tools write.

Layout after NVIDIA's documentation of dataset_tool.py: members "00000/img00000000.png", stored uncompressed, and
"dataset.json" with {"labels": [[member, class], ...]} or {"labels": null}. A second key, "sprites", carries the
manifest; StyleGAN ignores it, and importing back reads it.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from typing import IO

from gandam_studio.core.exporting.source import Source

DATASET = "dataset.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold: equal exports are equal bytes
_PER_FOLDER = 1000


def member_name(index: int) -> str:
    """Name of the picture with that number in the zip."""
    return f"{index // _PER_FOLDER:05d}/img{index:08d}.png"


def write(source: Source, stream: IO[bytes]) -> None:
    """Write the zip. Alpha is composited on white: StyleGAN reads RGB only."""
    if source.recipe.background == "alpha":
        source = dataclasses.replace(source, recipe=dataclasses.replace(source.recipe, background="white"), spool=None)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for index, entry in enumerate(source.watched()):
            archive.writestr(_member(member_name(index)), source.picture(entry))
        _write_list(source, archive)


def _write_list(source: Source, archive: zipfile.ZipFile) -> None:
    head = {**source.description(), "labels": None}
    with archive.open(_member(DATASET), "w", force_zip64=True) as out:
        # All but the closing brace, then the sprites one by one: memory stays flat.
        out.write(json.dumps(head, sort_keys=True).encode()[:-1] + b', "sprites": [')
        for index, line in enumerate(source.lines()):
            row = {"file_name": member_name(index), **json.loads(line)}
            out.write((b",\n" if index else b"\n") + json.dumps(row, ensure_ascii=False, sort_keys=True).encode())
        out.write(b"\n]}\n")


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system = 3  # Unix, whatever this machine is
    info.external_attr = 0o644 << 16
    return info
