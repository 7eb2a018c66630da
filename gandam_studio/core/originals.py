"""The files as they came, named by the SHA-256 of their bytes: never changed, written beside and then renamed."""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import hashlib
import os
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from gandam_studio.core.errors import UserError

_INCOMING = ".incoming"
_FLUSH_THREADS = 8
_STALE_S = 600.0


class Originals:
    """A content-addressed store: `ab/abcdef...` holds the bytes whose SHA-256 (hex) is `abcdef...`.

    Several processes may write at once: equal bytes have equal names, and every write is a rename.

    Attributes:
        folder: where it lies; made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._root = f"{self.folder}{os.sep}"
        self._made: set[str] = set()
        self._tag = uuid.uuid4().hex
        self._count = 0

    def path(self, digest: str) -> Path:
        """Where the bytes of that digest lie, or would lie."""
        return self.folder / digest[:2] / digest

    def contains(self, digest: str, size: int | None = None) -> bool:
        """Whether an original of that digest (and size in bytes, when given) is there; its content is not read."""
        try:
            return (size is None and self.path(digest).is_file()) or self.path(digest).stat().st_size == size
        except OSError:
            return False

    def read(self, digest: str) -> bytes:
        """The bytes of an original. Raises UserError when they are gone or unreadable."""
        try:
            return self.path(digest).read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            raise UserError(f"the original {digest[:12]} cannot be read: {reason}") from None

    def add(self, data: bytes, digest: str | None = None) -> str:
        """Keep `data` and return its digest. Not yet flushed to disk: see `flush`. Raises OSError (disk full)."""
        digest = digest or hashlib.sha256(data).hexdigest()
        self.put(data, digest)
        return digest

    def put(self, data: bytes, digest: str) -> bool:
        """As `add`, for bytes whose digest is known; False when they were there already."""
        # Strings and plain system calls: paths as objects and buffered files would double the cost of a small sprite.
        target = f"{self._root}{digest[:2]}{os.sep}{digest}"
        try:
            # A file of another size is what a power cut left: replace it.
            if os.stat(target).st_size == len(data):
                return False
        except OSError:
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
                if not self.contains(digest, len(data)):
                    raise
                os.unlink(incoming)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(incoming)
            raise
        return True

    def discard(self, digest: str) -> None:
        """Remove an original that no sprite needs; nothing happens when it is not there."""
        with contextlib.suppress(OSError):
            self.path(digest).unlink()

    def flush(self, digests: Iterable[str]) -> None:
        """Return once the named originals would survive a power cut. Raises OSError.

        On Linux one `syncfs` writes out the whole batch (measured: 50 us a file, against 125 us with a flush
        each); elsewhere every file is flushed, several at a time.
        """
        digests = list(digests)
        if not digests or (len(digests) > 4 and _sync_filesystem(self.folder)):
            return
        with concurrent.futures.ThreadPoolExecutor(_FLUSH_THREADS) as pool:
            list(pool.map(_flush_path, [self.path(digest) for digest in digests]))
        for name in {digest[:2] for digest in digests}:
            _flush_folder(self.folder / name)
        _flush_folder(self.folder)

    def sweep(self, older_than_s: float = _STALE_S) -> None:
        """Remove what interrupted writers left behind: a file still unnamed after that long has no writer any more."""
        folder = self.folder / _INCOMING
        if folder.is_dir():
            stale = time.time() - older_than_s
            for path in folder.iterdir():
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime <= stale:
                        path.unlink()

    def digests(self) -> Iterator[str]:
        """Digests of everything that is there, in order."""
        for index in range(256):
            folder = self.folder / f"{index:02x}"
            if folder.is_dir():
                yield from sorted(path.name for path in folder.iterdir())

    def damage(self, digest: str) -> str:
        """Why an original is unfit ("missing", "its bytes have changed"), or "" when it is sound. Reads it all."""
        try:
            with self.path(digest).open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError:
            return "missing"
        except OSError as error:
            return error.strerror or str(error)
        return "" if found == digest else "its bytes have changed"

    def _make(self, name: str) -> None:
        if name not in self._made:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            self._made.add(name)


def _write_new(path: str, data: bytes) -> None:
    """Write a file that must not exist yet."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)


def _sync_filesystem(folder: Path) -> bool:
    """Write out the file system that holds `folder`; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
        descriptor = os.open(folder, os.O_RDONLY)
    except (OSError, AttributeError):
        return False
    try:
        return bool(syncfs(descriptor) == 0)
    finally:
        os.close(descriptor)


def _flush_path(path: Path) -> None:
    # Windows flushes only through a handle that may write.
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    """Make new names in a folder durable, where folders can be flushed (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
