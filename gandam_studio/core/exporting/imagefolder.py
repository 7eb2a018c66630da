"""imagefolder: pictures and a metadata.jsonl a split, as Hugging Face's `load_dataset("imagefolder")` reads them."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from gandam_studio.core.exporting.source import Source
from gandam_studio.core.versions.splits import HELD_OUT, TRAIN

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
            row = {"file_name": source.place(entry, split), **json.loads(entry.line())}
            lists[entry.split].write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
