"""Lists folders recursively as items to import, in a fixed order. Follows links without cycles and skips clutter."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gandam_studio.core.importing.atlases import Folder, describe_folder
from gandam_studio.core.importing.items import MISSING, REJECTED, Item, ItemOutcome
from gandam_studio.core.numbers import storable_ns
from gandam_studio.core.texts import natural_key

_CLUTTER = frozenset({".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db", ".directory", "icon\r"})
_CLUTTER_FOLDERS = frozenset({"__macosx", "@eadir", "$recycle.bin"})


@dataclass(frozen=True)
class Pasted:
    """A picture that is not a file (from the clipboard or dropped): a name to show, and its encoded bytes."""

    name: str
    data: bytes


Source = str | Path | Pasted


def label_of(source: Source) -> str:
    """Return the `Item.label` of a file or pasted picture."""
    return _pasted(source).label if isinstance(source, Pasted) else os.path.abspath(os.fspath(source))


def is_clutter(name: str) -> bool:
    """Whether a path is a file that systems make (Thumbs.db, ._shadows) or lies in a hidden folder."""
    *folders, last = name.replace("\\", "/").split("/")
    return _clutter_name(last) or any(_hidden_folder(folder) for folder in folders)


def _clutter_name(name: str) -> bool:
    return not name or name.startswith("._") or name.lower() in _CLUTTER


def scan(
    sources: Iterable[Source],
    *,
    atlases: bool = True,
    key_mode: str = "",
    skip: Callable[[], object] = lambda: None,
) -> Iterator[Item | tuple[Item, ItemOutcome]]:
    """Yield the items of all sources in order, with an `ItemOutcome` if nothing is to be decoded (missing, no file).

    With `atlases`, a sheet that has a description is cut by it, and the description yields no item. `key_mode` names
    the import's key colour, which applies to such sheets too; "" for none. `skip` is called for everything hidden.
    """
    found = _scan(sources, skip)
    return _with_atlases(found, key_mode) if atlases else found


def _with_atlases(
    found: Iterator[Item | tuple[Item, ItemOutcome]], key_mode: str
) -> Iterator[Item | tuple[Item, ItemOutcome]]:
    """Apply descriptions to sheets. Both may come first, so a folder's descriptions are read with its first file."""
    folders: dict[str, Folder] = {}
    for entry in found:
        item = entry if isinstance(entry, Item) else entry[0]
        if not isinstance(entry, Item) or item.data is not None:
            yield entry
            continue
        parent, name = os.path.split(item.path)
        folder = folders.get(parent)
        if folder is None:
            # A walk returns only to the parents of the current folder.
            folders = {path: kept for path, kept in folders.items() if parent.startswith(os.path.join(path, ""))}
            folder = folders[parent] = describe_folder(parent)
        if (settled := folder.settle(item, name, key_mode)) is not None:
            yield settled


def _scan(sources: Iterable[Source], skip: Callable[[], object]) -> Iterator[Item | tuple[Item, ItemOutcome]]:
    visited: set[tuple[int, int]] = set()
    for source in sources:
        if isinstance(source, Pasted):
            yield _pasted(source)
            continue
        path = os.path.abspath(os.fspath(source))
        try:
            status = os.stat(path)
        except OSError as error:
            yield Item(path), ItemOutcome(MISSING, _why(error))
            continue
        if stat.S_ISDIR(status.st_mode):
            key = (status.st_dev, status.st_ino)
            if key not in visited:
                visited.add(key)
                yield from _walk(path, visited, skip)
        else:
            yield _file(path, status)


def count(sources: Iterable[Source], check: Callable[[], object] = lambda: None) -> int:
    """Return about how many items `scan` will yield, counting an archive as one. Faster, as no file is stat'ed.

    `check` is called for every folder and may raise Cancelled.
    """
    total = 0
    visited: set[tuple[int, int]] = set()
    for source in sources:
        if isinstance(source, Pasted) or not os.path.isdir(source):
            total += 1
            continue
        stack = [os.path.abspath(os.fspath(source))]
        while stack:
            check()
            total += _count_folder(stack.pop(), stack, visited)
    return total


def _count_folder(folder: str, stack: list[str], visited: set[tuple[int, int]]) -> int:
    """The number of files in one folder; its folders are put on the stack."""
    found = 0
    try:
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in visited:
            return 0
        visited.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    if not _hidden_folder(entry.name):
                        stack.append(entry.path)
                elif not _clutter_name(entry.name):
                    found += 1
    except OSError:
        return found + 1
    return found


def _walk(
    folder: str, visited: set[tuple[int, int]], skip: Callable[[], object]
) -> Iterator[Item | tuple[Item, ItemOutcome]]:
    # Not recursive: folders may be nested deeper than Python's stack.
    stack = [_listing(folder)]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            continue
        path, status, error = entry
        if status is None:
            yield Item(path), ItemOutcome(MISSING, error)
        elif stat.S_ISDIR(status.st_mode):
            key = (status.st_dev, status.st_ino)
            if _hidden_folder(os.path.basename(path)):
                skip()
            elif key not in visited:
                visited.add(key)
                stack.append(_listing(path))
        elif _clutter_name(os.path.basename(path)):
            skip()
        else:
            yield _file(path, status)


def _listing(folder: str) -> Iterator[tuple[str, os.stat_result | None, str]]:
    """(path, status, "") of a folder's entries in natural order; (path, None, reason) if the status is unknown."""
    try:
        names = sorted(os.listdir(folder), key=lambda name: (natural_key(name), name))
    except OSError as error:
        yield folder, None, _why(error)
        return
    for name in names:
        path = os.path.join(folder, name)
        try:
            yield path, os.stat(path), ""
        except OSError as error:
            yield path, None, _why(error)


def _file(path: str, status: os.stat_result) -> Item | tuple[Item, ItemOutcome]:
    item = Item(path, "", status.st_size, storable_ns(status.st_mtime_ns))
    # Opening a pipe or device could block forever.
    return item if stat.S_ISREG(status.st_mode) else (item, ItemOutcome(REJECTED, "not a regular file"))


def _pasted(source: Pasted) -> Item:
    import hashlib

    key = hashlib.sha256(source.data).hexdigest()[:16]
    return Item(f"pasted:{key}/{source.name}", "", len(source.data), 0, data=source.data)


def _hidden_folder(name: str) -> bool:
    return (name.startswith(".") and name not in (".", "..")) or name.lower() in _CLUTTER_FOLDERS


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no longer exists"
    return (error.strerror or str(error)).lower()
