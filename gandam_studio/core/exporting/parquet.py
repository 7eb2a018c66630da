"""parquet: a typed table. Pictures are embedded in the format of Hugging Face's Image feature."""

from __future__ import annotations

import itertools
import json
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from gandam_studio.core.exporting.formats import NONE
from gandam_studio.core.exporting.source import Source
from trainer.protocol.manifest import ManifestEntry

_ROWS = 2048  # per row group; bounds memory with embedded pictures

_TYPES = {
    "id": pa.string(),
    "source": pa.string(),
    "source_digest": pa.string(),
    "part": pa.string(),
    "width": pa.int32(),
    "height": pa.int32(),
    "status": pa.string(),
    "flip": pa.bool_(),
    "rotation": pa.int8(),
    "crop": pa.list_(pa.int32()),
    "facing": pa.string(),
    "tags": pa.list_(pa.string()),
    "family": pa.string(),
    "weight": pa.float64(),
    "split": pa.string(),
    "phash": pa.string(),
}
_HUGGING_FACE = {"int32": "int32", "int8": "int8", "bool": "bool", "double": "float64", "string": "string"}


def write(source: Source, stream: IO[bytes]) -> None:
    """Write the table, one row group at a time. The version's description is stored in the file's metadata."""
    with_pictures = source.pictures != NONE
    schema = _schema(source, with_pictures)
    # Each entry's values are taken as it comes: the picture that was rendered ahead is the newest entry's only.
    rows = (_values(source, entry, with_pictures) for entry in source.entries_with_progress())
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        while group := list(itertools.islice(rows, _ROWS)):
            columns = {name: [row[name] for row in group] for name in schema.names}
            writer.write_table(pa.table(columns, schema=schema))


def _values(source: Source, entry: ManifestEntry, with_pictures: bool) -> dict[str, Any]:
    known = {**entry.__dict__, "phash": source.phash(entry)}
    row = {name: _plain(known[name]) for name in _TYPES}
    return {**row, "image": _image(source, entry)} if with_pictures else row


def _image(source: Source, entry: ManifestEntry) -> dict[str, Any]:
    data = source.picture(entry)
    return {"bytes": data, "path": source.name(entry, data)}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _schema(source: Source, with_pictures: bool) -> pa.Schema:
    types: dict[str, pa.DataType] = dict(_TYPES)
    features: dict[str, Any] = {name: _feature(kind) for name, kind in types.items()}
    if with_pictures:
        types["image"] = pa.struct({"bytes": pa.binary(), "path": pa.string()})
        features["image"] = {"_type": "Image"}
    metadata = {
        "gandam": json.dumps(source.description(), sort_keys=True),
        "huggingface": json.dumps({"info": {"features": features}}, sort_keys=True),
    }
    return pa.schema(types, metadata=metadata)


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    return {"dtype": _HUGGING_FACE[str(kind)], "_type": "Value"}
