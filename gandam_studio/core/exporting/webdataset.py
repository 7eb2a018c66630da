"""webdataset: tar shards in which files with the same stem are one sample: the picture, a .json and a .cls.

The .cls is the number of the facing in `sprite.FACINGS`, or of the class in the list in export.json.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from gandam_studio.core.exporting.source import CAPTION, Source, caption, picture_stem
from gandam_studio.core.workspace.sprite import FACINGS
from trainer.protocol.manifest import ManifestEntry

SAMPLES_A_SHARD = 2000


def write(source: Source, folder: Path) -> None:
    """Write shards "train-000000.tar" and "held-out-000000.tar" ..., each of at most `SAMPLES_A_SHARD` samples."""
    shards: dict[str, tarfile.TarFile] = {}
    counts: dict[str, int] = {}
    try:
        for entry in source.entries_with_progress():
            count = counts.get(entry.split, 0)
            if count % SAMPLES_A_SHARD == 0:
                if entry.split in shards:
                    shards[entry.split].close()
                path = folder / f"{entry.split}-{count // SAMPLES_A_SHARD:06d}.tar"
                shards[entry.split] = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
            _add_sample(shards[entry.split], source, entry)
            counts[entry.split] = count + 1
    finally:
        for shard in shards.values():
            shard.close()


def _add_sample(shard: tarfile.TarFile, source: Source, entry: ManifestEntry) -> None:
    data = source.picture(entry)
    name = source.name(entry, data)
    stem = picture_stem(entry)
    _add(shard, name, data)
    text = json.dumps(source.row(entry), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    _add(shard, f"{stem}.json", f"{text}\n".encode())
    number = source.classes.number(entry) if source.classes else FACINGS.index(entry.facing)
    _add(shard, f"{stem}.cls", str(number).encode())
    if source.captions:
        _add(shard, f"{stem}{CAPTION}", caption(entry))


def _add(shard: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    shard.addfile(info, io.BytesIO(data))
