"""The imported files, unchanged, named by the SHA-256 of their bytes. Small ones are stored in packs."""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import io
import itertools
import os
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace.pack_index import PackIndex, key_of
from gandam_studio.core.workspace.packs import AlteredRecord, OpenPacks, PackPlace, Packs, flush_folder
from trainer.protocol.files import flush_file, own_folder
from trainer.protocol.manifest import is_digest
from trainer.protocol.remedies import Remedy
from trainer.protocol.untrusted import UntrustedError, open_regular, read_regular, shortened

# Bytes: originals up to this size go into packs. A separate file costs more time than decoding a sprite.
PACKED_BYTES = 64 * 1024
# The largest file that is ever read; imports accept only smaller files.
MAX_BYTES = 2 << 30
_INCOMING = ".incoming"
_FLUSH_THREADS = 8
_STALE_S = 600.0


class Originals:
    """A content-addressed store in a folder, opened on first use. Close it, or use it as a context manager.

    Originals of up to `PACKED_BYTES` bytes are stored in append-only packs (`packs/000001.pack`, indexed by
    `index.sqlite`), larger ones as files `ab/abcdef...`. Small originals that older versions stored as files remain
    files. Any number of threads and processes may read while one process writes packs. Several processes may write
    files at once: equal bytes have equal names, and every write is a rename.

    Attributes:
        folder: the folder; created on the first write.
        read_only: True if nothing is ever written.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.folder = Path(folder)
        self.read_only = read_only
        self._packs = Packs(self.folder / "packs")
        self._index = PackIndex(self.folder / "index.sqlite", self._packs, read_only=read_only)
        self._root = f"{self.folder}{os.sep}"
        self._made: set[str] = set()
        self._tag = os.urandom(16).hex()
        self._count = 0

    def close(self) -> None:
        """Close the index. Reading or writing opens it again."""
        self._index.close()

    def __enter__(self) -> Originals:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        # As for files: a store that was not closed must not keep the index open.
        with contextlib.suppress(AttributeError):
            self._index.close()

    # Reading

    def contains(self, digest: str) -> bool:
        """Whether there is an original with this digest. Its content is not read."""
        if not is_digest(digest):
            return False
        return self._index.find(digest) is not None or _is_plain(self._path(digest))

    def read(self, digest: str) -> bytes:
        """Return the bytes of an original. Raises UserError if missing, unreadable or damaged."""
        place = self._index.find(digest) if is_digest(digest) else None
        path = self._path(digest) if place is None else None
        try:
            if place is not None:
                data = self._packs.read(key_of(digest), place)
            else:
                assert path is not None
                data = read_regular(path, MAX_BYTES, follow_links=False)
        except (OSError, UntrustedError) as error:
            raise UserError(f"the original {digest[:12]} cannot be read: {_reason(error)}") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise UserError(f"the original {digest[:12]} is damaged: its bytes have changed", Remedy.VERIFY)
        return data

    @contextlib.contextmanager
    def together(self, digests: Iterable[str]) -> Iterator[Some]:
        """Yield what reads originals as `read` does, the small ones among `digests` in a fifth of its time.

        They are looked up at once, and their packs are opened once. Raises UserError if there is no looking up.
        """
        packs = OpenPacks(self._packs)
        try:
            yield Some(self, self._index.find_all(digests), packs)
        finally:
            packs.close()

    def open(self, digest: str) -> BinaryIO:
        """Open an original as a seekable stream, to be closed by the caller. Raises UserError as `read` does.

        The bytes of an original stored as a file are not checked against the digest.
        """
        own = self.own_file(digest)
        if own is None:
            return io.BytesIO(self.read(digest))
        try:
            return open_regular(own, follow_links=False)
        except (OSError, UntrustedError) as error:
            raise UserError(f"the original {digest[:12]} cannot be read: {_reason(error)}") from None

    def own_file(self, digest: str) -> Path | None:
        """Return the file that holds only this original, for hard links; None if there is none."""
        if not is_digest(digest):
            return None
        path = self._path(digest)
        return path if self._index.find(digest) is None and _is_plain(path) else None

    def digests(self) -> Iterator[str]:
        """Yield the digests of all originals, sorted."""
        for digest, _ in itertools.groupby(heapq.merge(self._file_digests(), self._index.digests())):
            yield digest

    def damage(self, digest: str) -> str:
        """Return what is wrong with an original ("missing", "its bytes have changed"), or "". Reads all of it."""
        if not is_digest(digest):
            return "it has no valid digest"
        place = self._index.find(digest)
        try:
            if place is not None:
                found = hashlib.sha256(self._packs.read(key_of(digest), place)).hexdigest()
            else:
                with open_regular(self._path(digest), follow_links=False) as stream:
                    if os.fstat(stream.fileno()).st_size > MAX_BYTES:
                        return "it is larger than any original"
                    found = hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError:
            return "missing"
        except AlteredRecord:
            found = ""
        except (OSError, UntrustedError) as error:
            return _reason(error)
        return "" if found == digest else "its bytes have changed"

    # Writing

    def add(self, data: bytes, digest: str | None = None) -> str:
        """Store `data` as `add_all` does, and return its digest."""
        digest = digest or hashlib.sha256(data).hexdigest()
        self.add_all([(digest, data)])
        return digest

    def add_all(self, pairs: Iterable[tuple[str, bytes]]) -> int:
        """Store many (digest, bytes) durably, and return how many were new.

        Small originals are appended in one write, flushed once and indexed in one transaction, so an interruption
        stores none of them. Raises OSError and UserError (disk full).
        """
        small: dict[str, bytes] = {}
        large: dict[str, bytes] = {}
        for digest, data in pairs:
            (small if len(data) <= PACKED_BYTES else large)[digest] = data
        new = sum([self.put_file(data, digest) for digest, data in large.items()])
        as_files = self._stored_as_files(small)
        self.flush([*large, *as_files])
        packed = {digest: data for digest, data in small.items() if digest not in as_files}
        return new + (self._index.add(packed) if packed else 0)

    def put_file(self, data: bytes, digest: str) -> bool:
        """Store bytes as a file, whatever their size. Return False if the file exists already.

        Several processes may do this at once. The file is not flushed to disk: see `flush`. Raises OSError (disk full).
        """
        # Strings and system calls: Path objects and buffered files would double the cost.
        target = f"{self._root}{digest[:2]}{os.sep}{digest}"
        # A file of another size was left by a power cut: replace it.
        if _is_file_of_size(target, len(data)):
            return False
        self._write_file(target, data, digest)
        return True

    def replace(self, digest: str, data: bytes) -> None:
        """Durably replace a missing or damaged original. Raises OSError and UserError."""
        target = self._path(digest)
        if len(data) <= PACKED_BYTES:
            self._index.add({digest: data}, replace=True)
            with contextlib.suppress(FileNotFoundError):
                target.unlink()
            return
        self._index.forget(digest)
        self._write_file(str(target), data, digest)
        self.flush([digest])

    def discard(self, digest: str) -> None:
        """Remove an original that no sprite needs, if it exists.

        A packed original is only removed from the index; its bytes stay in the pack.
        """
        self._index.forget(digest)
        with contextlib.suppress(OSError):
            self._path(digest).unlink()

    def flush(self, digests: Iterable[str]) -> None:
        """Flush originals stored as files to disk. Raises OSError."""
        digests = list(digests)
        if not digests:
            return
        paths = [self._path(digest) for digest in digests]
        if len(paths) == 1:
            flush_file(paths[0])
        else:
            from concurrent.futures import ThreadPoolExecutor  # not needed to open the window

            with ThreadPoolExecutor(_FLUSH_THREADS) as pool:
                list(pool.map(flush_file, paths))
        for folder in {path.parent for path in paths}:
            flush_folder(folder)
        flush_folder(self.folder)

    def repair_index(self) -> None:
        """Update the index of the packs, or rebuild it if it is missing or damaged. Raises OSError and UserError."""
        self._index.repair()

    def sweep(self, older_than_s: float = _STALE_S) -> None:
        """Remove temporary files of interrupted writers: those older than `older_than_s` seconds."""
        folder = self.folder / _INCOMING
        if folder.is_dir():
            stale = time.time() - older_than_s
            for path in folder.iterdir():
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime <= stale:
                        path.unlink()

    # Files

    def _path(self, digest: str) -> Path:
        """Return the path for the file of a digest. Raises UserError for an invalid digest."""
        if not is_digest(digest):
            raise UserError(f"{shortened(str(digest), 40)!r} cannot be read: it is not the digest of an original")
        return self.folder / digest[:2] / digest

    def _file_digests(self) -> Iterator[str]:
        for index in range(256):
            folder = self.folder / f"{index:02x}"
            if folder.is_dir():
                yield from sorted(path.name for path in folder.iterdir() if is_digest(path.name))

    def _stored_as_files(self, small: dict[str, bytes]) -> set[str]:
        """Return the digests of those small originals that are stored as files, by an older version."""
        try:
            folders = set(os.listdir(self.folder))
        except FileNotFoundError:
            return set()
        # With packs only, there is no file to check.
        return {
            digest
            for digest, data in small.items()
            if digest[:2] in folders and _is_file_of_size(f"{self._root}{digest[:2]}{os.sep}{digest}", len(data))
        }

    def _write_file(self, target: str, data: bytes, digest: str) -> None:
        self._make(_INCOMING)
        self._make(digest[:2])
        self._count += 1
        incoming = f"{self._root}{_INCOMING}{os.sep}{self._tag}-{self._count}"
        try:
            _write_new(incoming, data)
            try:
                os.replace(incoming, target)
            except PermissionError:
                # Windows: another process wrote the same bytes, and they are being read.
                if not _is_file_of_size(target, len(data)):
                    raise
                os.unlink(incoming)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(incoming)
            raise

    def _make(self, name: str) -> None:
        if name not in self._made:
            own_folder(self.folder)
            own_folder(self.folder / name)
            self._made.add(name)


class Some:
    """Originals that are read together; see `Originals.together`."""

    def __init__(self, originals: Originals, places: dict[str, PackPlace], packs: OpenPacks) -> None:
        self._originals = originals
        self._places = places
        self._packs = packs

    def read(self, digest: str) -> bytes:
        """Return the bytes of an original. Raises UserError if missing, unreadable or damaged."""
        if (place := self._places.get(digest)) is not None:
            with contextlib.suppress(OSError):
                data = self._packs.read(bytes.fromhex(digest), place)
                if hashlib.sha256(data).hexdigest() == digest:
                    return data
        # In a file of its own, damaged, or moved meanwhile.
        return self._originals.read(digest)


def _is_file_of_size(path: str, size: int) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return status.st_size == size and stat.S_ISREG(status.st_mode)


def _is_plain(path: Path) -> bool:
    """Whether a path is a regular file and not a link."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _reason(error: OSError | UntrustedError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _write_new(path: str, data: bytes) -> None:
    """Write a new file. Raises FileExistsError if it exists."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)
