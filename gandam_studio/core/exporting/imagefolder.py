"""imagefolder: pictures and a metadata.jsonl per split, as read by Hugging Face's `load_dataset("imagefolder")`.

With classes, every split has one folder per class. Because `datasets` does not derive labels from folder names if there
is a metadata.jsonl, each row has a "label" too.
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
_as_json = json.JSONEncoder(ensure_ascii=False).encode


def write(source: Source, folder: Path) -> None:
    """Write train/ and, if sprites are held out, test/: pictures with one line of metadata each."""
    with ExitStack() as stack:
        splits: dict[str, tuple[Path, IO[bytes]]] = {}
        for entry in source.entries_with_progress():
            if entry.split not in splits:
                made = folder / SPLITS[entry.split]
                made.mkdir()
                splits[entry.split] = made, stack.enter_context((made / METADATA).open("wb"))
            split, lines = splits[entry.split]
            row = _placed(source, entry, split) | row_of(entry) | {"phash": source.phash(entry)}
            lines.write(_as_json(row).encode() + b"\n")


def _placed(source: Source, entry: ManifestEntry, split: Path) -> dict[str, Any]:
    """Write an entry's picture to the folder of its split or class. Return its file name and label as columns."""
    if source.classes is None:
        return {"file_name": source.place(entry, split)}
    number = source.classes.number(entry)
    name = source.classes.folders[number]
    (split / name).mkdir(exist_ok=True)
    return {"file_name": f"{name}/{source.place(entry, split / name)}", "label": source.classes.names[number]}


def row_of(entry: ManifestEntry) -> dict[str, Any]:
    """Return an entry as a flat row.

    Lists are JSON text: `datasets` infers column types from the first rows of each split, where an empty list would
    conflict with the type of other splits.
    """
    row = entry.values()
    return row | {"tags": _as_json(row["tags"]), "crop": _as_json(row["crop"] or [])}


def entry_of(row: Any, where: str = "") -> ManifestEntry:
    """The inverse of `row_of`. Raises ValueError, with a message that begins with `where`."""
    found = Values(row, where)
    lists = {}
    for name in ("tags", "crop"):
        try:
            lists[name] = parse_json(found.text(name, max_length=MAX_LINE_BYTES))
        except ValueError:
            raise found.error(name, "a list as JSON text") from None
    return ManifestEntry.from_json({**row, **lists, "crop": None if lists["crop"] == [] else lists["crop"]}, where)
