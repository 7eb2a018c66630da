"""The entries of zip and tar archives as items to import. Nothing is unpacked to disk.

The sizes that an archive declares are not trusted: bytes are counted as they are read.
"""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from gandam_studio.core.archives.names import decode_names, shown_encoding
from gandam_studio.core.archives.tars import Link, Links, TarStream
from gandam_studio.core.archives.unpacking import DamagedArchive
from gandam_studio.core.archives.zips import ZipEntry, read_directory, read_entry
from gandam_studio.core.importing.atlases import MAXIMUM_BYTES, Folder, may_describe, reading_order
from gandam_studio.core.importing.items import REJECTED, Item, ItemOutcome
from gandam_studio.core.importing.options import ArchiveLimits
from gandam_studio.core.importing.scan import is_clutter
from gandam_studio.core.numbers import storable_time
from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture
from gandam_studio.core.pictures.decoding.sniff import ARCHIVES, sniff
from trainer.protocol.remedies import Remedy
from trainer.protocol.untrusted import MAX_INTEGER, UntrustedError, open_regular

_MOST_ENTRIES = 1_000_000  # a worker reads directories that `list_archive` has accepted
_LONGEST_TARGET = 4096
_MOST_DESCRIPTIONS = 10_000  # of sheets, in one archive
_MOST_DESCRIBING = 64 << 20  # their total size in bytes

Found = Item | tuple[Item, ItemOutcome]


class BrokenArchive(UnreadablePicture):
    """The archive is damaged, encrypted or exceeds a limit. Entries that were already listed remain valid."""


def list_archive(
    path: str,
    kind: str,
    limits: Limits,
    allowed: ArchiveLimits,
    *,
    encoding: str = "",
    atlases: bool = False,
    key_mode: str = "",
    note: Callable[[str, Remedy], object] = lambda text, remedy: None,
    expect: Callable[[int], object] = lambda count: None,
    skip: Callable[[], object] = lambda: None,
    check: Callable[[], None] = lambda: None,
) -> Iterator[Found]:
    """Yield the entries of an archive that may be pictures, in archive order, then the targets of its links.

    Zip entries carry their index, for workers to read; tar entries carry their bytes. Entries that need no decoding
    come with their outcome.

    Args:
        encoding: of names that are not UTF-8; "" guesses one for zips and reports it through `note`.
        atlases: cut sheets by the descriptions next to them. A tar is then read twice.
        key_mode: see `scan`.
        expect: called with the number of entries where that is known before the first, as in a zip.
        skip: called for every hidden entry.
        check: called often; may raise.

    Raises BrokenArchive or OSError.
    """
    try:
        if kind == "zip":
            yield from _zip_entries(path, allowed, encoding, atlases, key_mode, note, expect, skip)
        else:
            described = _tar_atlases(path, kind, allowed, encoding, check) if atlases else {}
            for found in _tar_entries(path, kind, limits, allowed, encoding, skip, check):
                yield from _settled(found, described, key_mode)
    except UntrustedError as error:
        raise BrokenArchive(str(error)) from None


def _zip_entries(
    path: str,
    allowed: ArchiveLimits,
    encoding: str,
    atlases: bool,
    key_mode: str,
    note: Callable[[str, Remedy], object],
    expect: Callable[[int], object],
    skip: Callable[[], object],
) -> Iterator[Found]:
    packed_size = os.stat(path).st_size
    with open_regular(path) as stream:
        entries = read_directory(stream, allowed.max_entries)
        expect(len(entries))
        names, used = decode_names(entries, encoding)
        if used not in ("", "utf-8", encoding):
            note(f"{os.path.basename(path)}: names read as {shown_encoding(used)}", Remedy.NAMES)
        links = _zip_links(stream, entries, names)
        described = _zip_atlases(stream, entries, names) if atlases else {}
        total = 0
        for index, (entry, name) in enumerate(zip(entries, names, strict=True)):
            if entry.is_folder or entry.is_link:
                continue
            if is_clutter(name):
                skip()
                continue
            total += entry.size
            _check_total(total, packed_size, allowed)
            yield from _settled(_zip_item(path, name, entry, index), described, key_mode)
        places = {name: index for index, name in enumerate(names)}
        for link in links:
            if is_clutter(link.name):
                continue
            target, reason = links.follow(link)
            if target:
                index = places[target]
                yield _zip_item(path, link.name, entries[index], index)
            elif reason:
                yield Item(path, link.name), ItemOutcome(REJECTED, reason)


class _Descriptions:
    """The sheet descriptions in an archive, up to the limits."""

    def __init__(self) -> None:
        self._texts: dict[str, bytes] = {}
        self._left = _MOST_DESCRIBING

    def wants(self, name: str, size: int) -> bool:
        """Whether an entry may be a description and is within the limits."""
        describes = may_describe(_folder_and_name(name)[1]) and not is_clutter(name)
        return describes and 0 < size <= min(MAXIMUM_BYTES, self._left) and len(self._texts) < _MOST_DESCRIPTIONS

    def add(self, name: str, data: bytes) -> None:
        """Add the contents of an entry."""
        self._texts[name] = data
        self._left -= len(data)

    def folders(self, names: Iterable[str]) -> dict[str, Folder]:
        """Parse the descriptions, by folder; `names` are the names of all entries of the archive."""
        inside: dict[str, set[str]] = defaultdict(set)
        for name in names:
            folder, own = _folder_and_name(name)
            inside[folder].add(own)
        found: dict[str, Folder] = {}
        for name in reading_order(self._texts):
            folder, own = _folder_and_name(name)
            if may_describe(own, inside[folder]):
                found.setdefault(folder, Folder()).read(own, self._texts[name], inside[folder])
        return found


def _zip_atlases(stream: IO[bytes], entries: list[ZipEntry], names: list[str]) -> dict[str, Folder]:
    """The sheet descriptions in a zip, by folder."""
    found = _Descriptions()
    for entry, name in zip(entries, names, strict=True):
        if not entry.is_folder and found.wants(name, entry.size):
            with contextlib.suppress(DamagedArchive):
                found.add(name, read_entry(stream, entry, MAXIMUM_BYTES))
    return found.folders(names)


def _tar_atlases(
    path: str, kind: str, allowed: ArchiveLimits, encoding: str, check: Callable[[], None]
) -> dict[str, Folder]:
    """The sheet descriptions in a tar, by folder. A separate pass, since they may come after their sheets.

    Damaged archives are read as far as possible; `_tar_entries` reports the damage.
    """
    names: list[str] = []
    found = _Descriptions()
    limit = _limit(os.stat(path).st_size, allowed)
    with contextlib.suppress(UntrustedError), TarStream(path, kind, limit, encoding, check) as archive:
        for entry in archive.entries():
            if not entry.isreg():
                continue
            if len(names) == allowed.max_entries:
                break
            names.append(entry.name)
            if found.wants(entry.name, entry.size):
                found.add(entry.name, archive.read(entry, MAXIMUM_BYTES))
    return found.folders(names)


def _settled(found: Found, described: dict[str, Folder], key_mode: str) -> Iterator[Found]:
    """Apply the descriptions in an entry's folder to it; yields nothing for a description itself."""
    if described and isinstance(found, Item):
        folder, own = _folder_and_name(found.member)
        if folder in described:
            settled = described[folder].settle(found, own, key_mode)
            if settled is not None:
                yield settled
            return
    yield found


def _folder_and_name(entry: str) -> tuple[str, str]:
    folder, _, own = entry.replace("\\", "/").rpartition("/")
    return folder, own


def _zip_item(path: str, name: str, entry: ZipEntry, index: int) -> Item:
    return Item(path, name, min(entry.size, MAX_INTEGER), entry.crc, index)


def _zip_links(stream: IO[bytes], entries: list[ZipEntry], names: list[str]) -> Links:
    links = Links()
    if not any(entry.is_link for entry in entries):
        return links
    for entry, name in zip(entries, names, strict=True):
        if entry.is_folder:
            links.add_folder(name)
        elif entry.is_link:
            try:
                target = read_entry(stream, entry, _LONGEST_TARGET).decode("utf-8", "surrogateescape")
            except DamagedArchive:
                target = ""
            links.add_link(Link(name, target, hard=False))
        else:
            links.add_file(name)
    return links


def _tar_entries(
    path: str,
    kind: str,
    limits: Limits,
    allowed: ArchiveLimits,
    encoding: str,
    skip: Callable[[], object],
    check: Callable[[], None],
) -> Iterator[Found]:
    packed_size = os.stat(path).st_size
    limit = _limit(packed_size, allowed)
    links = Links()
    total = 0
    with TarStream(path, kind, limit, encoding, check) as archive:
        for number, entry in enumerate(archive.entries(), 1):
            if number > allowed.max_entries:
                raise BrokenArchive(f"holds more than {allowed.max_entries:,} entries")
            if entry.isdir():
                links.add_folder(entry.name)
            elif entry.issym() or entry.islnk():
                links.add_link(Link(entry.name, entry.linkname, hard=entry.islnk()))
            elif entry.isreg():
                links.add_file(entry.name)
                total += max(entry.size, 0)
                _check_total(total, packed_size, allowed)
                if is_clutter(entry.name):
                    skip()
                else:
                    yield _tar_item(path, entry.name, archive, entry, limits)
            elif not is_clutter(entry.name):
                yield Item(path, entry.name), ItemOutcome(REJECTED, "not a regular file")
    if links:
        yield from _linked(path, kind, limit, limits, allowed, encoding, check, links, total)


def _linked(
    path: str,
    kind: str,
    limit: int,
    limits: Limits,
    allowed: ArchiveLimits,
    encoding: str,
    check: Callable[[], None],
    links: Links,
    total: int,
) -> Iterator[Found]:
    """The targets of a tar's links, found by reading the archive a second time."""
    wanted: dict[str, list[Link]] = defaultdict(list)
    for link in links:
        if is_clutter(link.name):
            continue
        target, reason = links.follow(link)
        if target:
            wanted[target].append(link)
        elif reason:
            yield Item(path, link.name), ItemOutcome(REJECTED, reason)
    if not wanted:
        return
    packed_size = os.stat(path).st_size
    with TarStream(path, kind, limit, encoding, check) as archive:
        for entry in archive.entries():
            if not entry.isreg() or entry.name not in wanted:
                continue
            found = wanted.pop(entry.name)
            item, *settled = _as_pair(_tar_item(path, entry.name, archive, entry, limits))
            for link in found:
                total += max(entry.size, 0)
                _check_total(total, packed_size, allowed)
                linked = Item(path, link.name, item.size, item.mtime_ns, data=item.data)
                yield (linked, settled[0]) if settled else linked
            if not wanted:
                return


def _as_pair(found: Found) -> tuple[Item] | tuple[Item, ItemOutcome]:
    return found if isinstance(found, tuple) else (found,)


def _tar_item(path: str, name: str, archive: TarStream, entry: object, limits: Limits) -> Found:
    """An entry with its bytes, or its rejection if it is too large."""
    size, time = entry.size, storable_time(entry.mtime)  # type: ignore[attr-defined]
    if size > limits.max_file_bytes:
        return Item(path, name, min(size, MAX_INTEGER), time), ItemOutcome(REJECTED, f"too large: {size / 1e6:,.0f} MB")
    data = archive.read(entry, limits.max_file_bytes)  # type: ignore[arg-type]
    return Item(path, name, len(data), time, data=data)


def _limit(packed_size: int, allowed: ArchiveLimits) -> int:
    """Bytes that an archive of this size may unpack to, including headers and padding."""
    return 2 * min(allowed.max_bytes, max(allowed.ratio_counts_from, int(packed_size * allowed.max_ratio))) + (1 << 20)


def _check_total(total: int, packed_size: int, allowed: ArchiveLimits) -> None:
    if total > allowed.max_bytes:
        raise BrokenArchive(f"unpacks to more than {allowed.max_bytes / 1e9:,.0f} GB")
    if total > allowed.ratio_counts_from and total > packed_size * allowed.max_ratio:
        raise BrokenArchive(f"unpacks to more than {allowed.max_ratio:g} times its size: a bomb")


def archive_kind(path: Path | str) -> str | None:
    """Return the kind of an archive (one of `sniff.ARCHIVES`) by its first bytes; None for other files."""
    try:
        with open_regular(path) as stream:
            kind = sniff(stream.read(512))
    except (UntrustedError, OSError):
        return None
    return kind if kind in ARCHIVES else None


class ZipReader:
    """Reads zip entries by index. Keeps the last archive open."""

    def __init__(self) -> None:
        self._path = ""
        self._stream: IO[bytes] | None = None
        self._entries: list[ZipEntry] = []

    def read(self, path: str, index: int, limit: int) -> bytes:
        """Return an entry's bytes. Raises UnreadablePicture (damaged, encrypted, larger than `limit`) or OSError."""
        try:
            if path != self._path or self._stream is None:
                self.close()
                stream = open_regular(path)
                try:
                    self._entries = read_directory(stream, _MOST_ENTRIES)
                except BaseException:
                    stream.close()
                    raise
                self._stream, self._path = stream, path
            return read_entry(self._stream, self._entries[index], limit)
        except (UntrustedError, IndexError) as error:
            reason = str(error) if isinstance(error, UntrustedError) else "damaged in its archive"
            raise UnreadablePicture(reason) from None

    def close(self) -> None:
        """Close the archive."""
        if self._stream is not None:
            self._stream.close()
        self._stream, self._path, self._entries = None, "", []

    def __del__(self) -> None:
        self.close()
