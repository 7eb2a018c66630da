"""ImageHash's pHash of sprites as imported, kept in a file beside the database.

The picture hashed is the canonical one that a sprite's id names: upright, before any crop, turn or flip, its invisible
pixels black. `phashes.bin` is derived and may be deleted. It holds, for row `seq`, 16 bytes at `16 * (seq - 1)`: the
first 4 bytes of the id, the hash (8) and the CRC-32 of those 12, little-endian. So a record proves itself, equal
sprites have equal records, and several programs may write at once. Commands that only read keep what they computed
too; where they may not write, it is computed again.
"""

from __future__ import annotations

import contextlib
import itertools
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from gandam_studio.core.errors import UserError
from gandam_studio.core.pictures.decoding.limits import UnreadablePicture
from gandam_studio.core.workspace.lookups import seqs_with_ids
from gandam_studio.core.workspace.row_records import MOST_ROWS, read_rows, write_rows
from gandam_studio.core.workspace.sprite import Sprite

if TYPE_CHECKING:
    import numpy as np

    from gandam_studio.core.workspace import Workspace

NAME = "phashes.bin"
_BODY = struct.Struct("<4sQ")
_SIZE = 16
_BATCH = 256


def phashes(
    workspace: Workspace, sprites: Iterable[Sprite], reduced: Mapping[str, np.ndarray] | None = None
) -> Iterator[tuple[Sprite, str]]:
    """Each sprite with its hash, 16 hex digits; "" where its original cannot be read.

    reduced: id -> what `hashing.phash.reduced` returns for sprites that were decoded already.
    """
    rest = iter(sprites)
    while batch := list(itertools.islice(rest, _BATCH)):
        known = _stored(workspace, [(sprite.seq, sprite.id) for sprite in batch])
        missing = [sprite for sprite in batch if sprite.seq not in known]
        if missing:
            made = _computed(workspace, missing, reduced or {})
            with contextlib.suppress(OSError):
                _store(workspace, [(sprite, made[sprite.seq]) for sprite in missing if sprite.seq in made])
            known |= made
        for sprite in batch:
            yield sprite, f"{known[sprite.seq]:016x}" if sprite.seq in known else ""


def kept(workspace: Workspace, ids: Sequence[str]) -> dict[str, str]:
    """Return id -> hash, 16 hex digits, of those sprites whose hash was computed before; at most a few hundred ids."""
    rows = sorted((seq, id) for id, seq in seqs_with_ids(workspace, ids))
    known = _stored(workspace, rows)
    return {id: f"{known[seq]:016x}" for seq, id in rows if seq in known}


def are_kept(workspace: Workspace) -> bool:
    """Whether hashes of all rows may be there, by the size of the file; a few may be missing or damaged."""
    (last,) = workspace.connection.execute("SELECT coalesce(max(seq), 0) FROM sprites").fetchone()
    with contextlib.suppress(OSError):
        return (workspace.folder / NAME).stat().st_size >= _SIZE * min(int(last), MOST_ROWS)
    return False


def _computed(workspace: Workspace, sprites: Sequence[Sprite], reduced: Mapping[str, np.ndarray]) -> dict[int, int]:
    from gandam_studio.core.hashing import phash

    found: dict[int, np.ndarray] = {}
    for sprite in sprites:
        with contextlib.suppress(UserError, UnreadablePicture, OSError):
            known = reduced.get(sprite.id)
            found[sprite.seq] = phash.reduced(workspace.pixels(sprite)) if known is None else known
    return dict(zip(found, phash.phashes(list(found.values())).tolist(), strict=True))


def _stored(workspace: Workspace, rows: Sequence[tuple[int, str]]) -> dict[int, int]:
    """The kept hashes of (row number, id) pairs, in rising order, by row number."""
    found: dict[int, int] = {}
    for place, record in read_rows(workspace.folder / NAME, _SIZE, [seq for seq, _ in rows]):
        seq, id = rows[place]
        word = _BODY.unpack_from(record)[1]
        if record == _record(id, word):
            found[seq] = word
    return found


def _store(workspace: Workspace, known: Sequence[tuple[Sprite, int]]) -> None:
    rising = sorted(known, key=lambda one: one[0].seq)
    records = b"".join(_record(sprite.id, word) for sprite, word in rising)
    write_rows(workspace.folder / NAME, _SIZE, [sprite.seq for sprite, _ in rising], records)


def _record(id: str, word: int) -> bytes:
    body = _BODY.pack(bytes.fromhex(id[:8]), word)
    return body + zlib.crc32(body).to_bytes(4, "little")
