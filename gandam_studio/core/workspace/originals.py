"""The files as they came, named by the SHA-256 of their bytes: never changed, small ones in packs."""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import heapq
import io
import itertools
import os
import stat
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace.own_files import make_folder
from gandam_studio.core.workspace.pack_index import PackIndex, key_of
from gandam_studio.core.workspace.packs import AlteredRecord, Packs, flush_folder
from trainer.protocol.files import flush_file
from trainer.protocol.manifest import is_digest
from trainer.protocol.untrusted import UntrustedError, open_regular, read_regular, shortened

# Bytes: originals up to this size go into packs. A file each costs a sprite more than its decoding.
PACKED_BYTES = 64 * 1024
# The largest file that is ever read back; imports take none of that size.
MAX_BYTES = 2 << 30
_INCOMING = ".incoming"
_FLUSH_THREADS = 8
_STALE_S = 600.0


class Originals:
    """A content-addressed store in a folder, opened as it is needed; close it, or use it as a context manager.

    Bytes up to `PACKED_BYTES` lie in append-only packs (`packs/000001.pack`, found by `index.sqlite`), larger ones as
    files `ab/abcdef...`; a small one that an older program kept as a file stays one. Any number of threads and
    processes may read while one process writes packs; files may be written by several at once: equal bytes have equal
    names, and every write is a rename.

    Attributes:
        folder: where it lies; made when first written to.
        read_only: True when nothing is ever written.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.folder = Path(folder)
        self.read_only = read_only
        self._packs = Packs(self.folder / "packs")
        self._index = PackIndex(self.folder / "index.sqlite", self._packs, read_only=read_only)
        self._root = f"{self.folder}{os.sep}"
        self._made: set[str] = set()
        self._tag = uuid.uuid4().hex
        self._count = 0

    def close(self) -> None:
        """Let go of the index; reading or writing again opens it anew."""
        self._index.close()

    def __enter__(self) -> Originals:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Like a file's: whoever forgot to close it shall not keep the index open.
        with contextlib.suppress(AttributeError):
            self._index.close()

    # Reading

    def contains(self, digest: str) -> bool:
        """Whether an original of that digest is there; its content is not read."""
        if not is_digest(digest):
            return False
        return self._index.find(digest) is not None or _is_plain(self._path(digest))

    def read(self, digest: str) -> bytes:
        """The bytes of an original. Raises UserError when they are gone, unreadable or not those of that digest."""
        path = self._path(digest)
        place = self._index.find(digest)
        try:
            if place is not None:
                data = self._packs.read(key_of(digest), place)
            else:
                data = read_regular(path, MAX_BYTES, follow_links=False)
        except (OSError, UntrustedError) as error:
            raise UserError(f"the original {digest[:12]} cannot be read: {_reason(error)}") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise UserError(f"the original {digest[:12]} is not what it was: its bytes have changed; see: verify")
        return data

    def open(self, digest: str) -> BinaryIO:
        """The bytes of an original as a stream that can seek, to be closed. Raises UserError as `read` does.

        A file of its own is opened as it is, its bytes not checked against the digest.
        """
        own = self.own_file(digest)
        if own is None:
            return io.BytesIO(self.read(digest))
        try:
            return open_regular(own, follow_links=False)
        except (OSError, UntrustedError) as error:
            raise UserError(f"the original {digest[:12]} cannot be read: {_reason(error)}") from None

    def own_file(self, digest: str) -> Path | None:
        """The file that holds this original and nothing else, to be linked to; None when it has none."""
        if not is_digest(digest):
            return None
        path = self._path(digest)
        return path if self._index.find(digest) is None and _is_plain(path) else None

    def digests(self) -> Iterator[str]:
        """Digests of everything that is there, in order."""
        for digest, _ in itertools.groupby(heapq.merge(self._file_digests(), self._index.digests())):
            yield digest

    def damage(self, digest: str) -> str:
        """Why an original is unfit ("missing", "its bytes have changed"), or "" when it is sound. Reads it all."""
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
        """Keep `data` and return its digest, as `add_all` does."""
        digest = digest or hashlib.sha256(data).hexdigest()
        self.add_all([(digest, data)])
        return digest

    def add_all(self, pairs: Iterable[tuple[str, bytes]]) -> int:
        """Keep many (digest, bytes) and return, once they would survive a power cut, how many were not there before.

        The small ones are appended in one write, flushed once and indexed in one transaction; cut short, none of them
        is there. Raises OSError and UserError (disk full).
        """
        small: dict[str, bytes] = {}
        large: dict[str, bytes] = {}
        for digest, data in pairs:
            (small if len(data) <= PACKED_BYTES else large)[digest] = data
        new = sum([self.put_file(data, digest) for digest, data in large.items()])
        as_files = self._kept_as_files(small)
        self.flush([*large, *as_files])
        packed = {digest: data for digest, data in small.items() if digest not in as_files}
        return new + (self._index.add(packed) if packed else 0)

    def put_file(self, data: bytes, digest: str) -> bool:
        """Keep bytes as a file of their own, whatever their size; False when that file was there already.

        Several processes may do this at once. Not yet flushed to disk: see `flush`. Raises OSError (disk full).
        """
        # Strings and plain system calls: paths as objects and buffered files would double the cost.
        target = f"{self._root}{digest[:2]}{os.sep}{digest}"
        # A file of another size is what a power cut left: replace it.
        if _is_file_of(target, len(data)):
            return False
        self._write_file(target, data, digest)
        return True

    def replace(self, digest: str, data: bytes) -> None:
        """Put sound bytes in the place of lost or altered ones, to survive a power cut. Raises OSError, UserError."""
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
        """Remove an original that no sprite needs; nothing happens when it is not there.

        Of a packed one only the index forgets; its bytes stay in the pack.
        """
        self._index.forget(digest)
        with contextlib.suppress(OSError):
            self._path(digest).unlink()

    def flush(self, digests: Iterable[str]) -> None:
        """Return once the named originals, files of their own, would survive a power cut. Raises OSError."""
        digests = list(digests)
        if not digests:
            return
        paths = [self._path(digest) for digest in digests]
        if len(paths) == 1:
            flush_file(paths[0])
        else:
            with concurrent.futures.ThreadPoolExecutor(_FLUSH_THREADS) as pool:
                list(pool.map(flush_file, paths))
        for folder in {path.parent for path in paths}:
            flush_folder(folder)
        flush_folder(self.folder)

    def mend(self) -> None:
        """Make the packs' index again if it is gone, damaged or behind. Raises OSError and UserError."""
        self._index.mend()

    def sweep(self, older_than_s: float = _STALE_S) -> None:
        """Remove what interrupted writers left behind: a file still unnamed after that long has no writer any more."""
        folder = self.folder / _INCOMING
        if folder.is_dir():
            stale = time.time() - older_than_s
            for path in folder.iterdir():
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime <= stale:
                        path.unlink()

    # Files

    def _path(self, digest: str) -> Path:
        """Where the file of that digest lies, or would lie. Raises UserError for what is no digest."""
        if not is_digest(digest):
            raise UserError(f"{shortened(str(digest), 40)!r} cannot be read: it is no digest of an original")
        return self.folder / digest[:2] / digest

    def _file_digests(self) -> Iterator[str]:
        for index in range(256):
            folder = self.folder / f"{index:02x}"
            if folder.is_dir():
                yield from sorted(path.name for path in folder.iterdir() if is_digest(path.name))

    def _kept_as_files(self, small: dict[str, bytes]) -> set[str]:
        """Those of some small originals that an older program kept as files."""
        try:
            folders = set(os.listdir(self.folder))
        except FileNotFoundError:
            return set()
        # Where only packs are, no file is asked for.
        return {
            digest
            for digest, data in small.items()
            if digest[:2] in folders and _is_file_of(f"{self._root}{digest[:2]}{os.sep}{digest}", len(data))
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
                # Windows: another process put the same bytes there and they are being read.
                if not _is_file_of(target, len(data)):
                    raise
                os.unlink(incoming)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(incoming)
            raise

    def _make(self, name: str) -> None:
        if name not in self._made:
            make_folder(self.folder)
            make_folder(self.folder / name)
            self._made.add(name)


def _is_file_of(path: str, size: int) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return status.st_size == size and stat.S_ISREG(status.st_mode)


def _is_plain(path: Path) -> bool:
    """Whether a regular file lies there, no link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _reason(error: OSError | UntrustedError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _write_new(path: str, data: bytes) -> None:
    """Write a file that must not exist yet."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)
