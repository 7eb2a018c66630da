"""fiftyone: a folder for `fo.Dataset.from_dir(folder, fo.types.FiftyOneDataset)`.

Samples are as documented by FiftyOne: relative file path, tags, ImageMetadata, and labels with their class name under
"_cls". metadata.json has no version, so FiftyOne reads it as is instead of migrating it from that release. It declares
the fields, because FiftyOne would not create a field that is null in all samples (no sprite is cropped).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gandam_studio.core.exporting.formats import RENDER
from gandam_studio.core.exporting.imagefolder import SPLITS
from gandam_studio.core.exporting.source import Source
from trainer.protocol import files
from trainer.protocol.manifest import ManifestEntry

_FIELD = "fiftyone.core.fields"
_STRING, _INT, _FLOAT, _BOOL = (f"{_FIELD}.{kind}Field" for kind in ("String", "Int", "Float", "Boolean"))
FIELDS = {
    "filepath": _STRING,
    "tags": f"{_FIELD}.ListField({_STRING})",
    "metadata": f"{_FIELD}.EmbeddedDocumentField(fiftyone.core.metadata.ImageMetadata)",
    "facing": f"{_FIELD}.EmbeddedDocumentField(fiftyone.core.labels.Classification)",
    "sprite_id": _STRING,
    "source": _STRING,
    "source_digest": _STRING,
    "status": _STRING,
    "flip": _BOOL,
    "rotation": _INT,
    "crop": f"{_FIELD}.ListField({_INT})",
    "family": _STRING,
    "weight": _FLOAT,
    "split": _STRING,
    "phash": _STRING,
}
_MIME = {".jpg": "image/jpeg", ".tif": "image/tiff"}


def write(source: Source, folder: Path) -> None:
    """Write data/, samples.json and metadata.json."""
    data = folder / "data"
    data.mkdir()
    fields = {**FIELDS, "ground_truth": FIELDS["facing"]} if source.classes else FIELDS
    description = {"media_type": "image", "sample_fields": fields, "info": source.description()}
    files.write_json(folder / "metadata.json", description)
    with (folder / "samples.json").open("wb") as out:
        out.write(b'{"samples": [')
        for index, entry in enumerate(source.entries_with_progress()):
            sample = _sample(source, entry, data / source.place(entry, data))
            out.write((b",\n" if index else b"\n") + json.dumps(sample, ensure_ascii=False).encode())
        out.write(b"\n]}\n")


def _sample(source: Source, entry: ManifestEntry, picture: Path) -> dict[str, Any]:
    side = source.recipe.size
    label: dict[str, Any] = {}
    if source.classes:
        name = source.classes.names[source.classes.number(entry)]
        label = {"ground_truth": {"_cls": "Classification", "label": name, "tags": []}}
    rendered = source.pictures == RENDER
    return {
        "filepath": f"data/{picture.name}",
        "tags": [*entry.tags, SPLITS[entry.split]],
        "metadata": {
            "_cls": "ImageMetadata",
            "size_bytes": picture.stat().st_size,
            "mime_type": _MIME.get(picture.suffix, f"image/{picture.suffix[1:]}"),
            "width": side if rendered else entry.width,
            "height": side if rendered else entry.height,
            # An original may be grey or have a palette; FiftyOne computes this on request.
            "num_channels": source.recipe.channels if rendered else None,
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
        "phash": source.phash(entry),
        **label,
    }
