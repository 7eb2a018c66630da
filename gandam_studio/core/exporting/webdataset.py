"""webdataset: tar shards in which files with the same stem are one sample: the picture, a .json and a .cls.

The .cls is the number of the facing in `sprite.FACINGS`, or of the class in the list in export.json.
"""

from __future__ import annotations

import json
from pathlib import Path

from gandam_studio.core.exporting.source import CAPTION, Source, caption, picture_stem
from gandam_studio.core.exporting.stored_tar import StoredTar
from gandam_studio.core.workspace.sprite import FACINGS
from trainer.protocol.manifest import ManifestEntry

SAMPLES_A_SHARD = 2000
_as_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def write(source: Source, folder: Path) -> None:
    """Write shards "train-000000.tar" and "held-out-000000.tar" ..., each of at most `SAMPLES_A_SHARD` samples."""
    shards: dict[str, StoredTar] = {}
    counts: dict[str, int] = {}
    try:
        for entry in source.entries_with_progress():
            count = counts.get(entry.split, 0)
            if count % SAMPLES_A_SHARD == 0:
                if entry.split in shards:
                    shards[entry.split].close()
                path = folder / f"{entry.split}-{count // SAMPLES_A_SHARD:06d}.tar"
                shards[entry.split] = StoredTar(path)
            _add_sample(shards[entry.split], source, entry)
            counts[entry.split] = count + 1
    finally:
        for shard in shards.values():
            shard.close()


def _add_sample(shard: StoredTar, source: Source, entry: ManifestEntry) -> None:
    data = source.picture(entry)
    name = source.name(entry, data)
    stem = picture_stem(entry)
    shard.add(name, data)
    shard.add(f"{stem}.json", f"{_as_json(source.row(entry))}\n".encode())
    number = source.classes.number(entry) if source.classes else FACINGS.index(entry.facing)
    shard.add(f"{stem}.cls", str(number).encode())
    if source.captions:
        shard.add(f"{stem}{CAPTION}", caption(entry))
