"""Features of sprites, kept in a file beside the database. Such files are derived and may be deleted.

For row `seq` a file holds a record at `size * (seq - 1)`: 8 bytes of a digest of the format, the sprite's id, crop and
rotation, the numbers, and the CRC-32 of all that. So a record proves itself, and one of another crop counts as missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.sprite import Sprite, format_crop
from trainer.protocol.files import open_own
from trainer.protocol.untrusted import open_regular

_KEY, _CRC = 8, 4
_MOST_ROWS = 10_000_000  # a made-up row number must not make a file of any size


@dataclass(frozen=True)
class Kept:
    """Records of one kind.

    Attributes:
        name: of the file, in the workspace's folder.
        format: changes whenever the features do.
        length: bytes of a record's numbers.
    """

    name: str
    format: str
    length: int

    def read(self, workspace: Workspace, sprites: Sequence[Sprite]) -> dict[int, bytes]:
        """The numbers of those that have sound records, by their place among `sprites`."""
        found: dict[int, bytes] = {}
        path = workspace.folder / self.name
        with contextlib.suppress(OSError, ValueError), open_regular(path, follow_links=False) as stream:
            for first, count in _runs([sprite.seq for sprite in sprites]):
                stream.seek(self._size * (sprites[first].seq - 1))
                data = memoryview(stream.read(self._size * count))
                for place in range(len(data) // self._size):
                    record = data[self._size * place : self._size * (place + 1)]
                    sound = zlib.crc32(record[:-_CRC]).to_bytes(_CRC, "little") == record[-_CRC:]
                    if sound and record[:_KEY] == self._key(sprites[first + place]):
                        found[first + place] = bytes(record[_KEY:-_CRC])
        return found

    def write(self, workspace: Workspace, records: Mapping[int, tuple[Sprite, bytes]]) -> None:
        """Keep the numbers of sprites, by row in rising order. Raises OSError."""
        seqs = [seq for seq in records if 0 < seq <= _MOST_ROWS]
        with os.fdopen(open_own(workspace.folder / self.name, os.O_RDWR | os.O_CREAT), "r+b") as stream:
            for first, count in _runs(seqs):
                stream.seek(self._size * (seqs[first] - 1))
                stream.write(b"".join(self._record(*records[seq]) for seq in seqs[first : first + count]))

    @property
    def _size(self) -> int:
        return _KEY + self.length + _CRC

    def _key(self, sprite: Sprite) -> bytes:
        text = f"{self.format} {sprite.id} {format_crop(sprite.crop)} {sprite.rotation}"
        return hashlib.blake2b(text.encode(), digest_size=_KEY).digest()

    def _record(self, sprite: Sprite, numbers: bytes) -> bytes:
        body = self._key(sprite) + numbers
        return body + zlib.crc32(body).to_bytes(_CRC, "little")


def _runs(seqs: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(place, count) of the runs of rows that follow each other."""
    first = 0
    for place in range(1, len(seqs) + 1):
        if place == len(seqs) or seqs[place] != seqs[place - 1] + 1:
            yield first, place - first
            first = place
