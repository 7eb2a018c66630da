"""fiftyone: a folder for `fo.Dataset.from_dir(folder, fo.types.FiftyOneDataset)`.

Samples as FiftyOne documents them: relative file path, tags, ImageMetadata, and labels with their class name under
"_cls". metadata.json names no version, so FiftyOne infers the fields instead of expecting those of one release.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gandam_studio.core.exporting.formats import RENDER
from gandam_studio.core.exporting.imagefolder import SPLITS
from gandam_studio.core.exporting.source import Source
from trainer import files
from trainer.manifest import ManifestEntry


def write(source: Source, folder: Path) -> None:
    """Write data/, samples.json and metadata.json."""
    data = folder / "data"
    data.mkdir()
    files.write_json(folder / "metadata.json", {"media_type": "image", "info": source.description()})
    with (folder / "samples.json").open("wb") as out:
        out.write(b'{"samples": [')
        for index, entry in enumerate(source.watched()):
            sample = _sample(source, entry, data / source.place(entry, data))
            out.write((b",\n" if index else b"\n") + json.dumps(sample, ensure_ascii=False).encode())
        out.write(b"\n]}\n")


def _sample(source: Source, entry: ManifestEntry, picture: Path) -> dict[str, Any]:
    side = source.recipe.size
    rendered = source.pictures == RENDER
    return {
        "filepath": f"data/{picture.name}",
        "tags": [*entry.tags, SPLITS[entry.split]],
        "metadata": {
            "_cls": "ImageMetadata",
            "size_bytes": picture.stat().st_size,
            "mime_type": "image/jpeg" if picture.suffix == ".jpg" else f"image/{picture.suffix[1:]}",
            "width": side if rendered else entry.width,
            "height": side if rendered else entry.height,
            "num_channels": source.recipe.channels if rendered else 4,
        },
        "facing": {"_cls": "Classification", "label": entry.facing, "tags": []},
        "sprite_id": entry.id,
        "source": entry.source,
        "source_digest": entry.source_digest,
        "status": entry.status,
        "flip": entry.flip,
        "rotation": entry.rotation,
        "crop": list(entry.crop) if entry.crop else None,
        "family": entry.family,
        "weight": entry.weight,
        "split": entry.split,
    }
