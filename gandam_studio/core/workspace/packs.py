"""Append-only pack files, which hold small originals.

A record is a 40-byte header (magic, length as 4 bytes little-endian, SHA-256 of the bytes) followed by the bytes, so
an index of a pack can always be rebuilt (`scan`). Nothing in a pack is ever overwritten.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import mmap
import os
import stat
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from trainer.protocol.files import open_own, own_folder
from trainer.protocol.untrusted import UntrustedError, open_regular

RECORD = struct.Struct("<4sI32s")
MAGIC = b"\x89GSo"
PACK_BYTES = 256 * 1024 * 1024
# The longest possible record: detects a damaged length before that many bytes are hashed.
LONGEST = 1024 * 1024
# The longest valid pack; a new one is started at a quarter of that.
LONGEST_PACK = 4 * PACK_BYTES
# Bytes of damaged records that are hashed before the rest of a pack is skipped.
_MAX_DAMAGED_BYTES = 1024 * 1024 * 1024
_SUFFIX = ".pack"


class PackPlace(NamedTuple):
    """The place of a record: number of the pack, offset of the header, length of the bytes without the header."""

    pack: int
    offset: int
    length: int

    @property
    def end(self) -> int:
        """Offset of the end of the record."""
        return self.offset + RECORD.size + self.length

    @property
    def is_valid(self) -> bool:
        """Whether the values are possible. The index they come from is not trusted."""
        return (
            all(isinstance(value, int) for value in self)
            and 1 <= self.pack < 10**9
            and 0 <= self.offset <= LONGEST_PACK
            and 0 <= self.length <= LONGEST
        )


class AlteredRecord(OSError):
    """A record is missing or incomplete, or its header does not match."""


class Packs:
    """The packs of one folder: `000001.pack`, `000002.pack` ... One writer at a time, any number of readers.

    Attributes:
        folder: the folder; created on the first write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._prefix = f"{self.folder}{os.sep}"

    def path(self, number: int) -> str:
        """Return the path of a pack."""
        return f"{self._prefix}{number:06d}{_SUFFIX}"

    def sizes(self) -> dict[int, int]:
        """Return number -> size in bytes of every pack. Links are ignored."""
        found = {}
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.folder) as entries:
            for entry in entries:
                stem, suffix = os.path.splitext(entry.name)
                if suffix == _SUFFIX and stem.isascii() and stem.isdigit() and len(stem) < 10:
                    # Not entry.stat(): on Windows its size is out of date while a file is open.
                    status = os.lstat(entry.path)
                    if stat.S_ISREG(status.st_mode) and status.st_size <= LONGEST_PACK:
                        found[int(stem)] = status.st_size
        return found

    def append(self, records: Sequence[tuple[bytes, bytes]]) -> list[PackPlace]:
        """Append (digest, bytes) pairs to the newest pack, durably and in one write, and return their places.

        Starts a new pack if the newest would exceed `PACK_BYTES`. Raises OSError (disk full) after truncating the pack
        to its previous size.
        """
        parts: list[bytes] = []
        for digest, data in records:
            parts += (RECORD.pack(MAGIC, len(data), digest), data)
        block = b"".join(parts)
        sizes = self.sizes()
        number = max(sizes, default=1)
        if sizes.get(number) and sizes[number] + len(block) > PACK_BYTES:
            number += 1
        if number not in sizes:
            own_folder(self.folder.parent)
            own_folder(self.folder)
        offset = self._write(number, block)
        if number not in sizes:
            flush_folder(self.folder)
            flush_folder(self.folder.parent)
        places = []
        for _, data in records:
            places.append(PackPlace(number, offset, len(data)))
            offset = places[-1].end
        return places

    def open(self, number: int) -> io.FileIO:
        """Open a pack for reading. Raises OSError."""
        return io.FileIO(open_own(self.path(number), os.O_RDONLY))

    def read(self, digest: bytes, place: PackPlace) -> bytes:
        """The bytes of a record; whether they are sound is not checked. Raises OSError, AlteredRecord."""
        with self.open(place.pack) as stream:
            stream.seek(place.offset)
            block = stream.read(RECORD.size + place.length)
        return _checked(block, digest, place)

    def scan(self, number: int, start: int = 0) -> Iterator[tuple[bytes, PackPlace]]:
        """Yield digest and place of every intact record of a pack from offset `start`, in order. Hashes every record.

        Damaged records are skipped: the search continues at the next header. Raises OSError.
        """
        try:
            for offset, digest, data in sound_records(self.path(number), start, follow_links=False):
                yield digest, PackPlace(number, offset, len(data))
        except UntrustedError:
            return

    def _write(self, number: int, block: bytes) -> int:
        """Append to a pack and flush it; returns the offset at which the block begins."""
        descriptor = open_own(self.path(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            offset = os.fstat(descriptor).st_size
            try:
                view = memoryview(block)
                while view:
                    view = view[os.write(descriptor, view) :]
                os.fsync(descriptor)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, offset)
                raise
            return offset
        finally:
            os.close(descriptor)


def _checked(block: bytes, digest: bytes, place: PackPlace) -> bytes:
    """Return the bytes of a record that was read. Raises AlteredRecord."""
    if len(block) != RECORD.size + place.length or block[: RECORD.size] != RECORD.pack(MAGIC, place.length, digest):
        raise AlteredRecord("its pack is damaged")
    return block[RECORD.size :]


class OpenPacks:
    """Reads records of packs, each of which stays open until `close`."""

    def __init__(self, packs: Packs) -> None:
        self._packs = packs
        self._streams: dict[int, io.FileIO] = {}

    def read(self, digest: bytes, place: PackPlace) -> bytes:
        """As `Packs.read`."""
        stream = self._streams.get(place.pack)
        if stream is None:
            stream = self._streams[place.pack] = self._packs.open(place.pack)
        stream.seek(place.offset)
        return _checked(stream.read(RECORD.size + place.length), digest, place)

    def close(self) -> None:
        """Close the packs."""
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()


def is_pack(path: Path | str) -> bool:
    """Whether a file is a pack, judged by its name."""
    return os.path.splitext(path)[1] == _SUFFIX


def sound_records(path: Path | str, start: int = 0, *, follow_links: bool = True) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield offset, digest and bytes of every intact record of a pack file, skipping damaged ones.

    Raises OSError, and UntrustedError if it is not a regular file.
    """
    damaged = 0
    with open_regular(path, follow_links=follow_links) as stream:
        if not 0 < os.fstat(stream.fileno()).st_size <= LONGEST_PACK:
            return
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            position, size = start, len(mapped)
            while 0 <= position <= size - RECORD.size:
                magic, length, digest = RECORD.unpack_from(mapped, position)
                end = position + RECORD.size + length
                if magic == MAGIC and length <= LONGEST and end <= size:
                    data = mapped[position + RECORD.size : end]
                    if hashlib.sha256(data).digest() == digest:
                        yield position, digest, data
                        position = end
                        continue
                    damaged += length
                    if damaged > _MAX_DAMAGED_BYTES:
                        return
                position = mapped.find(MAGIC, position + 1)


def flush_folder(folder: Path) -> None:
    """Flush a folder, so that new names in it are durable. Does nothing on Windows, which cannot."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
