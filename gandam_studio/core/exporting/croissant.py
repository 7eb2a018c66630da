"""croissant: pictures and a CSV, described by Croissant 1.0 JSON-LD (MLCommons, docs.mlcommons.org/croissant)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from gandam_studio.core.exporting import csv
from gandam_studio.core.exporting.formats import RENDER
from gandam_studio.core.exporting.source import Source
from trainer.protocol import files

TABLE = "sprites.csv"
DESCRIPTION = "croissant.json"
_PICTURES = "pictures"

# The context required by the specification (section "Namespaces").
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{
        name: f"cr:{name}"
        for name in (
            "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet",
            "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
            "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField",
            "transform",
        )
    },
}  # fmt: skip

_TYPES = {
    "width": "sc:Integer",
    "height": "sc:Integer",
    "rotation": "sc:Integer",
    "weight": "sc:Float",
    "flip": "sc:Boolean",
}


def write(source: Source, folder: Path) -> None:
    """Write pictures/, sprites.csv and croissant.json."""
    pictures = folder / _PICTURES
    pictures.mkdir()
    with (folder / TABLE).open("wb") as stream:
        csv.write(source, stream, place=lambda entry: source.place(entry, pictures))
    files.write_json(folder / DESCRIPTION, _description(source, folder / TABLE))


def _description(source: Source, table: Path) -> dict[str, Any]:
    version = source.version
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", source.workspace.folder.name).strip("-") or "sprites"
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": f"{name}-{version.label}",
        "description": version.message or f"Sprites curated with GANdam Studio, version {version.label}.",
        "version": f"{version.number}.0.0",
        "datePublished": version.at[:10],
        "sameAs": f"urn:sha256:{version.digest}",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "table",
                "name": "table",
                "description": f"One row a sprite. SHA-256 of the manifest: {version.digest}.",
                "contentUrl": TABLE,
                "contentSize": f"{table.stat().st_size} B",
                "encodingFormat": "text/csv",
                "sha256": files.file_digest(table),
            },
            {
                "@type": "cr:FileSet",
                "@id": "pictures",
                "name": "pictures",
                "description": "One picture a sprite"
                + (", ready for training." if source.pictures == RENDER else ", as imported, before the edits."),
                "encodingFormat": "image/png",
                "includes": f"{_PICTURES}/*",
            },
        ],
        "recordSet": [_record_set()],
    }


def _record_set() -> dict[str, Any]:
    picture = {
        "@type": "cr:Field",
        "@id": "sprites/picture",
        "name": "picture",
        "description": "File name of the picture.",
        "dataType": "sc:Text",
        "source": {"fileSet": {"@id": "pictures"}, "extract": {"fileProperty": "filename"}},
        "references": {"fileObject": {"@id": "table"}, "extract": {"column": "picture"}},
    }
    image = {
        "@type": "cr:Field",
        "@id": "sprites/image",
        "name": "image",
        "description": "The picture itself.",
        "dataType": "sc:ImageObject",
        "source": {"fileSet": {"@id": "pictures"}, "extract": {"fileProperty": "content"}},
    }
    columns = [
        {
            "@type": "cr:Field",
            "@id": f"sprites/{column}",
            "name": column,
            "description": f"Column {column} of the manifest.",
            "dataType": _TYPES.get(column, "sc:Text"),
            "source": {"fileObject": {"@id": "table"}, "extract": {"column": column}},
        }
        for column in csv.COLUMNS
    ]
    return {"@type": "cr:RecordSet", "@id": "sprites", "name": "sprites", "field": [picture, image, *columns]}
