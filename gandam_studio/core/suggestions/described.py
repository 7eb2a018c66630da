"""The facing features of sprites, kept in a file beside the database.

`facing-features.bin` is derived and may be deleted. For row `seq` it holds a record at `_SIZE * (seq - 1)`: 8 bytes of
a digest of the sprite's id, crop and rotation, the even and odd halves as float16, and the CRC-32 of all that. So a
record proves itself, and one of another crop counts as missing. Pictures are the thumbnails, so a sprite takes
milliseconds the first time and nothing afterwards.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.pictures.orienting import oriented
from gandam_studio.core.suggestions.facing.features import DIMENSIONS, Halves, halves
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.sprite import Sprite, format_crop
from gandam_studio.core.workspace.thumbnails import thumbnail
from trainer.protocol.files import open_own
from trainer.protocol.untrusted import open_regular

NAME = "facing-features.bin"
_FORMAT = "1"  # changes whenever the features do
_BODY = 8 + 2 * 2 * DIMENSIONS
_SIZE = _BODY + 4
_BATCH = 256
_MOST_ROWS = 10_000_000  # a made-up row number must not make a file of any size


def described(workspace: Workspace, sprites: Sequence[Sprite], job: Job = NULL_JOB) -> Halves:
    """Return the features of sprites, cropped and turned but not flipped; zeros where a picture is lost.

    What had to be computed is kept, where the workspace's folder may be written to. Raises Cancelled.
    """
    even = np.zeros((len(sprites), DIMENSIONS), np.float16)
    odd = np.zeros_like(even)
    job.start("Looking at sprites", len(sprites))
    with contextlib.ExitStack() as stack:
        # Two threads: OpenCV and numpy let go of the interpreter for most of the work.
        threads = stack.enter_context(ThreadPoolExecutor(min(4, os.cpu_count() or 1)))
        writable = True
        for first in range(0, len(sprites), _BATCH):
            batch = sprites[first : first + _BATCH]
            known = _stored(workspace, batch)
            missing = [place for place in range(len(batch)) if place not in known]
            if missing:
                pictures = [_picture(workspace, batch[place]) for place in missing]
                parts = [pictures[start : start + 64] for start in range(0, len(pictures), 64)]
                made = list(threads.map(halves, parts))
                rows = zip(
                    missing,
                    np.concatenate([part.even for part in made]).astype(np.float16),
                    np.concatenate([part.odd for part in made]).astype(np.float16),
                    strict=True,
                )
                fresh = {place: (one, other) for place, one, other in rows}
                if writable:
                    try:
                        _store(workspace, {batch[place].seq: _record(batch[place], *fresh[place]) for place in fresh})
                    except OSError:
                        writable = False
                known |= fresh
            for place, (one, other) in known.items():
                even[first + place], odd[first + place] = one, other
            job.advance(len(batch))
    return Halves(even, odd)


def _picture(workspace: Workspace, sprite: Sprite) -> NDArray[np.uint8]:
    """The sprite before the flip, at most as large as a thumbnail; (0, 0, 4) where it is lost."""
    found = workspace.thumbnails.read(sprite.seq)
    whole = found is not None and found.shape[:2] == (sprite.height, sprite.width)
    try:
        if found is None or (sprite.crop is not None and not whole):
            # A crop is in pixels of the original.
            return thumbnail(oriented(workspace.pixels(sprite), sprite.crop, sprite.rotation))
        return oriented(found, sprite.crop, sprite.rotation)
    except (UserError, ValueError, OSError):
        return np.zeros((0, 0, 4), np.uint8)


def _key(sprite: Sprite) -> bytes:
    text = f"{_FORMAT} {sprite.id} {format_crop(sprite.crop)} {sprite.rotation}"
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def _record(sprite: Sprite, even: NDArray[np.float16], odd: NDArray[np.float16]) -> bytes:
    body = _key(sprite) + even.astype("<f2").tobytes() + odd.astype("<f2").tobytes()
    return body + zlib.crc32(body).to_bytes(4, "little")


Halved = tuple[NDArray[np.float16], NDArray[np.float16]]


def _stored(workspace: Workspace, batch: Sequence[Sprite]) -> dict[int, Halved]:
    found: dict[int, Halved] = {}
    with contextlib.suppress(OSError, ValueError), open_regular(workspace.folder / NAME, follow_links=False) as stream:
        for first, count in _runs([sprite.seq for sprite in batch]):
            stream.seek(_SIZE * (batch[first].seq - 1))
            data = memoryview(stream.read(_SIZE * count))
            for number in range(len(data) // _SIZE):
                record = data[_SIZE * number : _SIZE * (number + 1)]
                sound = zlib.crc32(record[:_BODY]).to_bytes(4, "little") == record[_BODY:]
                if sound and record[:8] == _key(batch[first + number]):
                    values = np.frombuffer(record[8:_BODY], "<f2").astype(np.float16)
                    if np.isfinite(values).all():
                        found[first + number] = (values[:DIMENSIONS], values[DIMENSIONS:])
    return found


def _store(workspace: Workspace, records: dict[int, bytes]) -> None:
    seqs = [seq for seq in records if 0 < seq <= _MOST_ROWS]
    with os.fdopen(open_own(workspace.folder / NAME, os.O_RDWR | os.O_CREAT), "r+b") as stream:
        for first, count in _runs(seqs):
            stream.seek(_SIZE * (seqs[first] - 1))
            stream.write(b"".join(records[seq] for seq in seqs[first : first + count]))


def _runs(seqs: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(place, count) of the runs of rows that follow each other."""
    first = 0
    for place in range(1, len(seqs) + 1):
        if place == len(seqs) or seqs[place] != seqs[place - 1] + 1:
            yield first, place - first
            first = place
