"""Features of sprites, kept in a file beside the database. Such files are derived and may be deleted.

For row `seq` a file holds a record at `size * (seq - 1)`: 8 bytes of a digest of the format, the sprite's id, crop and
rotation, the numbers, and the CRC-32 of all that. So a record proves itself, and one of another crop counts as missing.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.row_records import read_rows, write_rows
from gandam_studio.core.workspace.sprite import Sprite, format_crop

_KEY, _CRC = 8, 4


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
        seqs = [sprite.seq for sprite in sprites]
        for place, record in read_rows(workspace.folder / self.name, self._size, seqs):
            sound = zlib.crc32(record[:-_CRC]).to_bytes(_CRC, "little") == record[-_CRC:]
            if sound and record[:_KEY] == self._key(sprites[place]):
                found[place] = bytes(record[_KEY:-_CRC])
        return found

    def write(self, workspace: Workspace, records: Mapping[int, tuple[Sprite, bytes]]) -> None:
        """Keep the numbers of sprites, by row. Raises OSError."""
        rows = sorted(records)
        data = b"".join(self._record(*records[row]) for row in rows)
        write_rows(workspace.folder / self.name, self._size, rows, data)

    @property
    def _size(self) -> int:
        return _KEY + self.length + _CRC

    def _key(self, sprite: Sprite) -> bytes:
        text = f"{self.format} {sprite.id} {format_crop(sprite.crop)} {sprite.rotation}"
        return hashlib.blake2b(text.encode(), digest_size=_KEY).digest()

    def _record(self, sprite: Sprite, numbers: bytes) -> bytes:
        body = self._key(sprite) + numbers
        return body + zlib.crc32(body).to_bytes(_CRC, "little")
