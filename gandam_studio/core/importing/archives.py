"""Zip and tar archives read in place: nothing is ever unpacked to disk, so no entry's path can lead anywhere.

Sizes an archive promises are not believed: what is read is counted while it is read.
"""

from __future__ import annotations

import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from gandam_studio.core.decoding.limits import Limits, UnreadablePicture
from gandam_studio.core.importing.items import Item
from gandam_studio.core.importing.options import ArchiveLimits
from gandam_studio.core.importing.scan import is_clutter

_CHUNK = 1 << 20
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError)


class BrokenArchive(UnreadablePicture):
    """The archive is damaged, encrypted or beyond the limits; entries listed before this was found stay valid."""


def list_archive(path: str, kind: str, limits: Limits, allowed: ArchiveLimits) -> Iterator[Item]:
    """The entries of an archive that may be pictures, in its own order.

    Zip entries carry their index (workers read them); tar entries carry their bytes. Raises BrokenArchive or OSError.
    """
    entries = _zip_entries(path, allowed) if kind == "zip" else _tar_entries(path, limits, allowed)
    try:
        yield from entries
    except OSError as error:
        # gzip, lzma and bz2 report damage as OSError without a number; a true system error has one.
        if error.errno is None:
            raise BrokenArchive("a damaged archive") from None
        raise
    except UnreadablePicture:
        raise
    except _BROKEN:
        raise BrokenArchive("not an archive of files, or a damaged one") from None


def _zip_entries(path: str, allowed: ArchiveLimits) -> Iterator[Item]:
    packed_size = os.stat(path).st_size
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if len(infos) > allowed.max_entries:
            raise BrokenArchive(f"holds {len(infos):,} entries (at most {allowed.max_entries:,})")
        total = 0
        names: dict[str, int] = {}
        for index, info in enumerate(infos):
            if info.is_dir() or is_clutter(info.filename):
                continue
            total += info.file_size
            _check_total(total, packed_size, allowed)
            repeats = names[info.filename] = names.get(info.filename, 0) + 1
            name = info.filename if repeats == 1 else f"{info.filename} ({repeats})"
            yield Item(path, name, info.file_size, info.CRC, index)


def _tar_entries(path: str, limits: Limits, allowed: ArchiveLimits) -> Iterator[Item]:
    packed_size = os.stat(path).st_size
    total = entries = 0
    # A stream: entries are seen once, in order, and nothing is kept of those before.
    with tarfile.open(path, "r|*", errorlevel=1) as archive:
        for entry in archive:
            archive.members = []  # type: ignore[attr-defined]  # else every header stays in memory
            entries += 1
            if entries > allowed.max_entries:
                raise BrokenArchive(f"holds more than {allowed.max_entries:,} entries")
            total += max(entry.size, 0)
            _check_total(total, packed_size, allowed)
            if not entry.isreg() or is_clutter(entry.name):
                continue
            if entry.size > limits.max_file_bytes:
                yield Item(path, entry.name, entry.size, int(entry.mtime * 1e9), data=b"")
                continue
            stream = archive.extractfile(entry)
            data = stream.read(limits.max_file_bytes + 1) if stream else b""
            if len(data) < entry.size:
                raise BrokenArchive("a truncated archive")
            yield Item(path, entry.name, len(data), int(entry.mtime * 1e9), data=data)


def _check_total(total: int, packed_size: int, allowed: ArchiveLimits) -> None:
    if total > allowed.max_bytes:
        raise BrokenArchive(f"unpacks to more than {allowed.max_bytes / 1e9:,.0f} GB")
    if total > allowed.ratio_counts_from and total > packed_size * allowed.max_ratio:
        raise BrokenArchive(f"unpacks to more than {allowed.max_ratio:g} times its size: a bomb")


class ZipReader:
    """Reads entries by their index; keeps the archive it read from last open."""

    def __init__(self) -> None:
        self._path = ""
        self._archive: zipfile.ZipFile | None = None

    def read(self, path: str, index: int, limit: int) -> bytes:
        """An entry's bytes. Raises UnreadablePicture (damaged, encrypted, larger than `limit`) or OSError."""
        try:
            if path != self._path or self._archive is None:
                self.close()
                self._archive, self._path = zipfile.ZipFile(path), path
            info = self._archive.infolist()[index]
            if info.flag_bits & 0x1:
                raise UnreadablePicture("encrypted")
            if info.file_size > limit:
                raise UnreadablePicture(f"too large: {info.file_size / 1e6:,.0f} MB")
            data = _entry(self._archive, info)
        except UnreadablePicture:
            raise
        except (*_BROKEN, IndexError, zipfile.LargeZipFile):
            raise UnreadablePicture("damaged in its archive") from None
        return data

    def close(self) -> None:
        """Let go of the archive."""
        if self._archive is not None:
            self._archive.close()
        self._archive, self._path = None, ""


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """An entry's bytes, exactly as many as the directory says, with the right CRC (APPNOTE.TXT 6.3, section 4.3.7).

    zipfile's own reader costs ten times a sprite's inflating; it is left the rarer methods.
    """
    stream = archive.fp
    if stream is None or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with archive.open(info) as slow:
            return slow.read(info.file_size)
    stream.seek(info.header_offset)
    head = stream.read(30)
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile
    name, extra = int.from_bytes(head[26:28], "little"), int.from_bytes(head[28:30], "little")
    stream.seek(name + extra, os.SEEK_CUR)
    data = stream.read(info.compress_size)
    if info.compress_type == zipfile.ZIP_DEFLATED:
        # One byte more than promised would be enough to tell a lie.
        data = zlib.decompressobj(-15).decompress(data, info.file_size + 1)
    if len(data) != info.file_size or zlib.crc32(data) != info.CRC:
        raise zipfile.BadZipFile
    return data
