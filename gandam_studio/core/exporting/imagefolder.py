"""imagefolder: pictures and a metadata.jsonl a split, as Hugging Face's `load_dataset("imagefolder")` reads them."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from gandam_studio.core.exporting.source import Source
from gandam_studio.core.versions.splits import HELD_OUT, TRAIN
from trainer.manifest import MAX_LINE_BYTES, ManifestEntry
from trainer.untrusted import Values, parse_json

# Folder names that `datasets` recognises as splits.
SPLITS = {TRAIN: "train", HELD_OUT: "test"}
METADATA = "metadata.jsonl"


def write(source: Source, folder: Path) -> None:
    """Write train/ and, where sprites are held out, test/: pictures with one line of metadata each."""
    with ExitStack() as stack:
        lists: dict[str, IO[bytes]] = {}
        for entry in source.watched():
            split = folder / SPLITS[entry.split]
            if entry.split not in lists:
                split.mkdir()
                lists[entry.split] = stack.enter_context((split / METADATA).open("wb"))
            row = {"file_name": source.place(entry, split), **row_of(entry)}
            lists[entry.split].write(json.dumps(row, ensure_ascii=False).encode() + b"\n")


def row_of(entry: ManifestEntry) -> dict[str, Any]:
    """An entry as a flat row. Lists are JSON text: `datasets` takes a column's type from the first rows of each
    split, and an empty list there would clash with a full one elsewhere.
    """
    row: dict[str, Any] = json.loads(entry.line())
    return row | {"tags": json.dumps(row["tags"], ensure_ascii=False), "crop": json.dumps(row["crop"] or [])}


def entry_of(row: Any, where: str = "") -> ManifestEntry:
    """The inverse of `row_of`. Raises ValueError, one line that begins with `where`."""
    found = Values(row, where)
    lists = {}
    for name in ("tags", "crop"):
        try:
            lists[name] = parse_json(found.text(name, max_length=MAX_LINE_BYTES))
        except ValueError:
            raise found.error(name, "a list as JSON text") from None
    return ManifestEntry.from_json({**row, **lists, "crop": None if lists["crop"] == [] else lists["crop"]}, where)
