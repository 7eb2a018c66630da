"""Read tar archives, compressed or not, as bounded streams, and resolve the links in them."""

from __future__ import annotations

import contextlib
import posixpath
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from gandam_studio.core.archives.unpacking import DamagedArchive, Unpacked
from trainer.protocol.untrusted import BoundedReader, UntrustedError, open_regular

_STEP = 1 << 18
_HEADERS = 1 << 20  # bytes for one entry: long names and PAX records
_GLOBAL_RECORDS = 1000
_TAR_ERRORS = (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError, IndexError, KeyError)
_PACKED = ("gzip", "bzip2", "xz", "zstd")


class _Reader(Protocol):
    def read(self, count: int) -> bytes: ...


class TarStream:
    """A tar archive that is read once, from start to end. A context manager.

    `limit` bounds the size of the whole unpacked archive, in bytes. `check` is called often and may raise.
    Raises DamagedArchive, also during iteration, and OSError.
    """

    def __init__(
        self, path: str, kind: str, limit: int, encoding: str = "", check: Callable[[], None] = lambda: None
    ) -> None:
        self._file = open_regular(path)
        try:
            reader = Unpacked(self._file, kind) if kind in _PACKED else self._file
        except DamagedArchive:
            self._file.close()
            raise
        self._forward = _Forward(BoundedReader(reader, limit, "an archive that"), check)  # type: ignore[arg-type]
        self._encoding = encoding or "utf-8"

    def __enter__(self) -> TarStream:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def entries(self) -> Iterator[tarfile.TarInfo]:
        """Yield every entry. `read` returns the data of the entry yielded last."""
        with _wrap_tar_errors(), self._forward.header():
            archive = tarfile.TarFile(
                fileobj=self._forward,  # type: ignore[arg-type]
                encoding=self._encoding,
                errors="surrogateescape",
                errorlevel=1,
            )
        while True:
            with _wrap_tar_errors(), self._forward.header():
                entry = archive.next()
            if entry is None:
                return
            archive.members = []  # type: ignore[attr-defined]  # otherwise every header stays in memory
            if len(archive.pax_headers) > _GLOBAL_RECORDS:
                raise DamagedArchive("an archive whose headers are too long")
            yield entry

    def read(self, entry: tarfile.TarInfo, most: int) -> bytes:
        """Return at most `most` bytes of `entry`, the regular entry yielded last. Raises DamagedArchive."""
        if entry.sparse is not None:
            raise DamagedArchive("a sparse file in a tar archive is not supported")
        with _wrap_tar_errors():
            self._forward.seek(entry.offset_data)
            data = self._forward.read_in_steps(min(max(entry.size, 0), most))
        if len(data) < min(entry.size, most):
            raise DamagedArchive("a truncated archive")
        return data


class _Forward:
    """A forward-only file object for `tarfile`, which reads in steps of at most `_STEP` bytes."""

    def __init__(self, stream: _Reader, check: Callable[[], None]) -> None:
        self._stream = stream
        self._check = check
        self._position = 0
        self._allowed: int | None = None
        self.name = ""
        self.mode = "rb"

    @contextlib.contextmanager
    def header(self) -> Iterator[None]:
        """Limit how much can be read inside the block, which reads one header. Its declared length is not trusted."""
        self._allowed = _HEADERS
        try:
            yield
        finally:
            self._allowed = None

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> None:
        if position < self._position:
            raise DamagedArchive("a damaged archive")
        while self._position < position:
            if not self._step(min(_STEP, position - self._position)):
                return

    def read(self, count: int = -1) -> bytes:
        if self._allowed is not None:
            if count < 0 or count > self._allowed:
                raise DamagedArchive("an archive whose headers are too long")
            self._allowed -= count
        return self.read_in_steps(count)

    def read_in_steps(self, count: int) -> bytes:
        parts: list[bytes] = []
        while count > 0 and (part := self._step(min(_STEP, count))):
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _step(self, count: int) -> bytes:
        self._check()
        try:
            part = self._stream.read(count)
        except DamagedArchive:
            raise
        except UntrustedError as error:
            raise DamagedArchive(f"{error}: a bomb") from None
        self._position += len(part)
        return part


@contextlib.contextmanager
def _wrap_tar_errors() -> Iterator[None]:
    """Turn the exceptions that `tarfile` raises for damaged archives into DamagedArchive."""
    try:
        yield
    except UntrustedError:
        raise
    except _TAR_ERRORS:
        raise DamagedArchive("not an archive of files, or a damaged one") from None


@dataclass(frozen=True)
class Link:
    """A link entry. The target of a `hard` link is a name in the archive, otherwise a path relative to the link."""

    name: str
    target: str
    hard: bool


class Links:
    """Resolves the links of an archive, once all its names have been added."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._folders: set[str] = set()
        self._links: dict[str, Link] = {}

    def add_file(self, name: str) -> None:
        """Add a regular file."""
        plain = _normalized(name)
        self._files[plain] = name
        self._add_folders(plain)

    def add_folder(self, name: str) -> None:
        """Add a folder."""
        plain = _normalized(name)
        self._folders.add(plain)
        self._add_folders(plain)

    def add_link(self, link: Link) -> None:
        """Add a symbolic or hard link."""
        plain = _normalized(link.name)
        self._links[plain] = link
        self._add_folders(plain)

    def __iter__(self) -> Iterator[Link]:
        return iter(self._links.values())

    def __bool__(self) -> bool:
        return bool(self._links)

    def follow(self, link: Link) -> tuple[str, str]:
        """Return (name of the target file, "") or ("", reason if there is none); ("", "") for a link to a folder.

        Files in a linked folder are not resolved here; they appear under their own names.
        """
        place: str | None = _normalized(link.name)
        for _ in range(40):  # as many as Linux follows
            found = self._links[place]  # type: ignore[index]
            place = _target(found)
            if place is None:
                return "", "a link that leads out of its archive"
            place = self._without_linked_folders(place)
            if place is None:
                return "", "a link in a circle or out of its archive"
            if place in self._files:
                return self._files[place], ""
            if place in self._folders:
                return "", ""
            if place not in self._links:
                return "", "a link to something that is not in the archive"
        return "", "a link in a circle or out of its archive"

    def _add_folders(self, name: str) -> None:
        while (name := posixpath.dirname(name)) and name not in self._folders:
            self._folders.add(name)

    def _without_linked_folders(self, place: str) -> str | None:
        """Return `place` with links among its folders resolved; None if they are circular or lead outside."""
        for _ in range(40):
            parts = place.split("/")
            for stop in range(1, len(parts)):
                folder = "/".join(parts[:stop])
                if folder in self._links:
                    target = _target(self._links[folder])
                    if target is None:
                        return None
                    place = _normalized("/".join([target, *parts[stop:]]))
                    break
            else:
                return place
        return None


def _target(link: Link) -> str | None:
    """Return the normalized target of a link; None if it lies outside the archive."""
    if link.hard:
        path = _normalized(link.target)
    elif link.target.startswith("/"):
        return None
    else:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(_normalized(link.name)), link.target))
    return None if path == ".." or path.startswith("../") else path


def _normalized(name: str) -> str:
    """Normalize a name ("./" removed etc.), so that names can be compared."""
    return posixpath.normpath(name.lstrip("/") or ".")
