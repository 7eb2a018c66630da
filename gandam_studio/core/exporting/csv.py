"""csv: RFC 4180 with a header line, UTF-8, CRLF. Lists are stored as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import IO, Any

from gandam_studio.core.exporting.source import Source
from trainer.protocol.manifest import ManifestEntry

COLUMNS = (
    "id", "source", "source_digest", "part", "width", "height", "status", "flip", "rotation", "crop", "facing",
    "tags", "family", "weight", "split", "phash",
)  # fmt: skip


def write(source: Source, stream: IO[bytes], place: Callable[[ManifestEntry], str] | None = None) -> None:
    """Write the table. `place` writes an entry's picture and returns its relative path, for a column "picture"."""
    text = io.TextIOWrapper(stream, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, "picture"] if place else COLUMNS)
    for entry in source.entries_with_progress():
        values = {**entry.__dict__, "phash": source.phash(entry)}
        row = [_cell(values[name]) for name in COLUMNS]
        writer.writerow([*row, place(entry)] if place else row)
    # Detach only: the stream belongs to the caller, which flushes it to disk.
    text.detach()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return json.dumps(list(value), ensure_ascii=False)
    return "" if value is None else value
