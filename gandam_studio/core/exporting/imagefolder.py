"""imagefolder: pictures and a metadata.jsonl a split, as Hugging Face's `load_dataset("imagefolder")` reads them.

With classes every split has a folder a class. Where there is a metadata.jsonl, `datasets` takes no label from the
folders' names; so each row has its "label" too.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from gandam_studio.core.exporting.source import Source
from gandam_studio.core.versions.splits import HELD_OUT, TRAIN
from trainer.protocol.manifest import MAX_LINE_BYTES, ManifestEntry
from trainer.protocol.untrusted import Values, parse_json

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
            row = _placed(source, entry, split) | row_of(entry) | {"phash": source.phash(entry)}
            lists[entry.split].write(json.dumps(row, ensure_ascii=False).encode() + b"\n")


def _placed(source: Source, entry: ManifestEntry, split: Path) -> dict[str, Any]:
    """Put an entry's picture in its split's folder, or in its class's there: where it lies, and its label."""
    if source.classes is None:
        return {"file_name": source.place(entry, split)}
    number = source.classes.number(entry)
    name = source.classes.folders[number]
    (split / name).mkdir(exist_ok=True)
    return {"file_name": f"{name}/{source.place(entry, split / name)}", "label": source.classes.names[number]}


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
