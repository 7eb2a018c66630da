"""Read zip archives (APPNOTE.TXT 6.3.10): the central directory and entries, without trusting declared sizes.

`zipfile` rejects a whole archive for one badly encoded name, and unpacks some methods without a bound.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from typing import IO, NamedTuple

from gandam_studio.core.archives.unpacking import DamagedArchive, decompressor, lzma_alone, unpack_exactly

STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14
_METHODS = {BZIP2: "bzip2", 93: "zstd", 95: "xz"}
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
_LOCAL = struct.Struct("<4s22x2H")
_EXTRA = struct.Struct("<HH")
_ENCRYPTED, _UTF_8 = 0x1, 0x800
_LONGEST_COMMENT = 0xFFFF
_DIRECTORY_BYTES = 512  # allowed length of the directory per entry


class ZipEntry(NamedTuple):
    """An entry of the central directory.

    Attributes:
        raw_name: its name, undecoded.
        utf_8: whether the name is marked as UTF-8.
        method, crc, packed, size: compression method, CRC-32, and compressed and uncompressed size in bytes.
        offset: offset of its local header in the file.
        mode: Unix file mode; 0 if the archive was made on another system.
        encrypted: whether it needs a password.
    """

    raw_name: bytes
    utf_8: bool
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    mode: int
    encrypted: bool

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, which has no data."""
        return self.raw_name.endswith(b"/")

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link, whose data is the target."""
        return stat.S_ISLNK(self.mode)


def read_directory(stream: IO[bytes], max_entries: int) -> list[ZipEntry]:
    """Return all entries, in order. Raises DamagedArchive (not a zip, damaged, over `max_entries`) and OSError."""
    count, start, size, shift = _find_directory(stream)
    if count > max_entries:
        raise DamagedArchive(f"holds {count:,} entries (at most {max_entries:,})")
    if size > _DIRECTORY_BYTES * (max_entries + 1):
        raise DamagedArchive("its directory is too long")
    stream.seek(start)
    data = stream.read(size)
    if len(data) != size:
        raise DamagedArchive("not an archive of files, or a damaged one")
    entries: list[ZipEntry] = []
    position = 0
    while position < size:
        # The count at the end of the file is not trusted.
        if len(entries) >= max_entries:
            raise DamagedArchive(f"holds more than {max_entries:,} entries")
        entry, position = _entry_at(data, position, shift)
        entries.append(entry)
    return entries


def read_entry(stream: IO[bytes], entry: ZipEntry, limit: int) -> bytes:
    """Return an entry's bytes, checked against the size and checksum in the directory.

    Raises DamagedArchive (encrypted, more than `limit` bytes, damaged) and OSError.
    """
    if entry.encrypted:
        raise DamagedArchive("encrypted")
    if entry.size > limit:
        raise DamagedArchive(f"too large: {entry.size / 1e6:,.0f} MB")
    # No compressor makes data much longer.
    if entry.packed > entry.size + entry.size // 8 + (1 << 16):
        raise DamagedArchive("damaged in its archive")
    stream.seek(entry.offset)
    head = stream.read(_LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != b"PK\x03\x04":
        raise DamagedArchive("damaged in its archive")
    _, name, extra = _LOCAL.unpack(head)
    stream.seek(name + extra, os.SEEK_CUR)
    data = stream.read(entry.packed)
    if len(data) != entry.packed:
        raise DamagedArchive("damaged in its archive")
    data = _unpacked(data, entry)
    if len(data) != entry.size or zlib.crc32(data) != entry.crc:
        raise DamagedArchive("damaged in its archive")
    return data


def _unpacked(data: bytes, entry: ZipEntry) -> bytes:
    if entry.method == STORED:
        return data
    if entry.method == DEFLATED:
        try:
            return zlib.decompressobj(-15).decompress(data, entry.size + 1)
        except zlib.error:
            raise DamagedArchive("damaged in its archive") from None
    if entry.method == LZMA:
        length = int.from_bytes(data[2:4], "little")
        return unpack_exactly(lzma_alone(data[4 : 4 + length], entry.size), data[4 + length :], entry.size)
    return unpack_exactly(decompressor(_METHODS.get(entry.method, "")), data, entry.size)


def _find_directory(stream: IO[bytes]) -> tuple[int, int, int, int]:
    """Return (entries, start and length of the directory, shift of all offsets) from the end-of-directory record."""
    length = stream.seek(0, os.SEEK_END)
    tail_at = max(0, length - _END.size - _LONGEST_COMMENT)
    stream.seek(tail_at)
    tail = stream.read(_END.size + _LONGEST_COMMENT)
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or place + _END.size > len(tail):
        raise DamagedArchive("not an archive of files, or a damaged one")
    _, _, _, _, count, size, offset, _ = _END.unpack_from(tail, place)
    end = tail_at + place
    if end >= _LOCATOR_64.size + _END_64.size:
        stream.seek(end - _LOCATOR_64.size - _END_64.size)
        before = stream.read(_LOCATOR_64.size + _END_64.size)
        if before[_END_64.size :].startswith(b"PK\x06\x07") and before.startswith(b"PK\x06\x06"):
            *_, count, size, offset = _END_64.unpack_from(before)
            end -= _LOCATOR_64.size + _END_64.size
    start = end - size
    if start < 0 or offset > start:
        raise DamagedArchive("not an archive of files, or a damaged one")
    # Bytes before the archive (as in a self-extracting program) shift all offsets.
    return count, start, size, start - offset


def _entry_at(data: bytes, position: int, shift: int) -> tuple[ZipEntry, int]:
    """Return the entry at a position of the directory, and the position of the next one."""
    if position + _ENTRY.size > len(data) or data[position : position + 4] != b"PK\x01\x02":
        raise DamagedArchive("not an archive of files, or a damaged one")
    fields = _ENTRY.unpack_from(data, position)
    system, flags, method, crc, packed, size = fields[2], fields[5], fields[6], fields[9], fields[10], fields[11]
    name_length, extra_length, comment_length = fields[12:15]
    attributes, offset = fields[17], fields[18]
    begin = position + _ENTRY.size
    stop = begin + name_length
    name = data[begin:stop].partition(b"\0")[0]
    utf_8 = bool(flags & _UTF_8)
    if extra_length:
        extra = data[stop : stop + extra_length]
        if 0xFFFFFFFF in (size, packed, offset):
            size, packed, offset = _zip64(extra, (size, packed, offset))
        named = _unicode_path(extra, name)
        if named:
            name, utf_8 = named, True
    entry = ZipEntry(
        name, utf_8, method, crc, packed, size, offset + shift,
        attributes >> 16 if system == 3 else 0, bool(flags & _ENCRYPTED),
    )  # fmt: skip
    return entry, stop + extra_length + comment_length


def _fields(extra: bytes, wanted: int) -> bytes:
    """Return the body of one extra field; b"" if it is absent."""
    position = 0
    while position + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, position)
        position += _EXTRA.size
        if kind == wanted:
            return extra[position : position + length]
        position += length
    return b""


def _zip64(extra: bytes, values: tuple[int, int, int]) -> list[int]:
    """Return size, packed size and offset; values too large for 32 bits come from the ZIP64 extra field (4.5.3)."""
    found = list(values)
    body = _fields(extra, 0x0001)
    for index, value in enumerate(values):
        if value == 0xFFFFFFFF and len(body) >= 8:
            found[index], body = int.from_bytes(body[:8], "little"), body[8:]
    return found


def _unicode_path(extra: bytes, name: bytes) -> bytes:
    """Return the UTF-8 name that some programs store in an extra field (4.6.9); b"" if there is none."""
    body = _fields(extra, 0x7075)
    if len(body) > 5 and body[0] == 1 and int.from_bytes(body[1:5], "little") == zlib.crc32(name):
        return body[5:]
    return b""
