"""Tar archives, packed or not, as bounded streams: entries in order, and the entries that links within them lead to."""

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
_HEADERS = 1 << 20  # of one entry: long names and PAX records
_GLOBAL_RECORDS = 1000
_TAR_ERRORS = (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError, IndexError, KeyError)
_PACKED = ("gzip", "bzip2", "xz", "zstd")


class _Reader(Protocol):
    def read(self, count: int) -> bytes: ...


class TarStream:
    """A tar archive read once, from its beginning to its end. A context manager.

    `limit` bounds the bytes of the whole archive when unpacked; `check` is called often and may raise.
    Raises DamagedArchive, also while it is iterated, and OSError.
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
        """Every entry; `read` gives the data of the one that came last."""
        with _ours(), self._forward.header():
            archive = tarfile.TarFile(
                fileobj=self._forward,  # type: ignore[arg-type]
                encoding=self._encoding,
                errors="surrogateescape",
                errorlevel=1,
            )
        while True:
            with _ours(), self._forward.header():
                entry = archive.next()
            if entry is None:
                return
            archive.members = []  # type: ignore[attr-defined]  # else every header stays in memory
            if len(archive.pax_headers) > _GLOBAL_RECORDS:
                raise DamagedArchive("an archive whose headers are too long")
            yield entry

    def read(self, entry: tarfile.TarInfo, most: int) -> bytes:
        """The bytes of the regular entry that came last, `most` of them at most. Raises DamagedArchive."""
        if entry.sparse is not None:
            raise DamagedArchive("a sparse file in a tar archive is not supported")
        with _ours():
            self._forward.seek(entry.offset_data)
            data = self._forward.read_in_steps(min(max(entry.size, 0), most))
        if len(data) < min(entry.size, most):
            raise DamagedArchive("a truncated archive")
        return data


class _Forward:
    """A file that can only be read onwards, as `tarfile` reads one in order; holds no more than a step of it."""

    def __init__(self, stream: _Reader, check: Callable[[], None]) -> None:
        self._stream = stream
        self._check = check
        self._position = 0
        self._allowed: int | None = None
        self.name = ""
        self.mode = "rb"

    @contextlib.contextmanager
    def header(self) -> Iterator[None]:
        """Only a header is read meanwhile: a long one is refused, whatever length it gives itself."""
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
def _ours() -> Iterator[None]:
    """Everything `tarfile` raises on damaged archives becomes DamagedArchive."""
    try:
        yield
    except UntrustedError:
        raise
    except _TAR_ERRORS:
        raise DamagedArchive("not an archive of files, or a damaged one") from None


@dataclass(frozen=True)
class Link:
    """An entry that stands for another one. `hard`: its target is a name in the archive, else a path beside it."""

    name: str
    target: str
    hard: bool


class Links:
    """Where the links of an archive lead, once all names in it are known."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._folders: set[str] = set()
        self._links: dict[str, Link] = {}

    def add_file(self, name: str) -> None:
        """A regular file of the archive."""
        plain = _plain(name)
        self._files[plain] = name
        self._add_folders(plain)

    def add_folder(self, name: str) -> None:
        """A folder of the archive."""
        plain = _plain(name)
        self._folders.add(plain)
        self._add_folders(plain)

    def add_link(self, link: Link) -> None:
        """A symbolic or hard link."""
        plain = _plain(link.name)
        self._links[plain] = link
        self._add_folders(plain)

    def __iter__(self) -> Iterator[Link]:
        return iter(self._links.values())

    def __bool__(self) -> bool:
        return bool(self._links)

    def follow(self, link: Link) -> tuple[str, str]:
        """(name of the file it leads to, "") or ("", why there is none); ("", "") for a link to a folder.

        The files of a folder come by their own names.
        """
        place: str | None = _plain(link.name)
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
        """`place` with the links among its folders followed; None when they go in circles or lead outside."""
        for _ in range(40):
            parts = place.split("/")
            for stop in range(1, len(parts)):
                folder = "/".join(parts[:stop])
                if folder in self._links:
                    target = _target(self._links[folder])
                    if target is None:
                        return None
                    place = _plain("/".join([target, *parts[stop:]]))
                    break
            else:
                return place
        return None


def _target(link: Link) -> str | None:
    """Where a link leads, as a plain name; None when that is outside."""
    if link.hard:
        path = _plain(link.target)
    elif link.target.startswith("/"):
        return None
    else:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(_plain(link.name)), link.target))
    return None if path == ".." or path.startswith("../") else path


def _plain(name: str) -> str:
    """A name without "./" and the like, so that two ways to write one are the same."""
    return posixpath.normpath(name.lstrip("/") or ".")
