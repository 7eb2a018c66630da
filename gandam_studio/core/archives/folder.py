"""Access to the entries of a zip by name."""

from __future__ import annotations

from pathlib import Path

from gandam_studio.core.archives.names import decode_names
from gandam_studio.core.archives.unpacking import DamagedArchive
from gandam_studio.core.archives.zips import read_directory, read_entry
from trainer.protocol.untrusted import open_regular

MOST_ENTRIES = 2_000_000


class ZipFolder:
    """An open zip file; a context manager. Raises DamagedArchive and OSError.

    Attributes:
        names: names of its entries.
    """

    def __init__(self, path: Path | str) -> None:
        self._stream = open_regular(path)
        try:
            entries = read_directory(self._stream, MOST_ENTRIES)
        except BaseException:
            self._stream.close()
            raise
        names, _ = decode_names(entries)
        self._entries = dict(zip(names, entries, strict=True))
        self.names = self._entries.keys()

    def __enter__(self) -> ZipFolder:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stream.close()

    def read(self, name: str, most: int) -> bytes:
        """Return the bytes of an entry. Raises DamagedArchive if there are more than `most`."""
        if name not in self._entries:
            raise DamagedArchive(f"lacks {name}")
        return read_entry(self._stream, self._entries[name], most)
