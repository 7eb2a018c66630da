"""coco: pictures and annotations.json. Categories come from tags and facing, boxes from the visible pixels.

The format follows cocodataset.org, "Data format". Every picture has one annotation for its facing and one per tag, or
only one for its class if classes were chosen.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from gandam_studio.core.exporting.formats import RENDER
from gandam_studio.core.exporting.source import Source
from gandam_studio.core.pictures.rendering import content_box, plain_border
from gandam_studio.core.versions.pictures import WHITE, picture_of, rendered
from gandam_studio.core.workspace.sprite import FACINGS
from trainer.protocol.manifest import ManifestEntry

ANNOTATIONS = "annotations.json"


def write(source: Source, folder: Path) -> None:
    """Write pictures/ and annotations.json. Memory use does not depend on the number of sprites."""
    pictures = folder / "pictures"
    pictures.mkdir()
    categories = _categories(source)
    numbers = {(category["supercategory"], category["name"]): category["id"] for category in categories}
    next_id = 1
    with (folder / ANNOTATIONS).open("wb") as out, tempfile.TemporaryFile() as annotations:
        head = {
            "info": {"description": source.description(), "date_created": source.version.at},
            "licenses": [],
            "categories": categories,
        }
        out.write(json.dumps(head, ensure_ascii=False, sort_keys=True).encode()[:-1] + b', "images": [')
        for index, entry in enumerate(source.entries_with_progress()):
            width, height, box = _geometry(source, entry)
            image = {
                "id": index + 1,
                "file_name": f"pictures/{source.place(entry, pictures)}",
                "width": width,
                "height": height,
                "sprite": source.row(entry),
            }
            out.write((b",\n" if index else b"\n") + json.dumps(image, ensure_ascii=False).encode())
            for name in _labels(source, entry):
                annotation = {
                    "id": next_id,
                    "image_id": index + 1,
                    "category_id": numbers[name],
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                    "segmentation": [],
                }
                annotations.write((b",\n" if next_id > 1 else b"\n") + json.dumps(annotation).encode())
                next_id += 1
        out.write(b'\n], "annotations": [')
        annotations.seek(0)
        shutil.copyfileobj(annotations, out)
        out.write(b"\n]}\n")


def _labels(source: Source, entry: ManifestEntry) -> list[tuple[str, str]]:
    """Return (supercategory, name) for each of an entry's annotations."""
    if source.classes:
        return [("class", source.classes.names[source.classes.number(entry)])]
    return [("facing", f"facing-{entry.facing}"), *(("tag", tag) for tag in entry.tags)]


def _categories(source: Source) -> list[dict[str, Any]]:
    if source.classes:
        names = [("class", name) for name in source.classes.names]
    else:
        tags = sorted({tag for entry in source.entries() for tag in entry.tags})
        names = [("facing", f"facing-{facing}") for facing in FACINGS] + [("tag", tag) for tag in tags]
    return [{"id": number, "name": name, "supercategory": kind} for number, (kind, name) in enumerate(names, start=1)]


def _geometry(source: Source, entry: ManifestEntry) -> tuple[int, int, list[int]]:
    """Return width and height of the exported picture, and [x, y, w, h] of its visible part, in pixels."""
    if source.pictures == RENDER:
        recipe = dataclasses.replace(source.recipe, background="alpha")
        rgba = rendered(source.workspace.originals, entry, recipe, WHITE, source.longest())
    else:
        plain = dataclasses.replace(entry, crop=None, rotation=0, flip=False)
        rgba = picture_of(source.workspace.originals, plain)
    return rgba.shape[1], rgba.shape[0], list(content_box(rgba, plain_border(rgba)))
