"""Tags from folder names, caption files and metadata tables."""

from __future__ import annotations

import os
import re
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gandam_studio.core.errors import UserError
from gandam_studio.core.importing.archives import ZipReader
from gandam_studio.core.importing.earlier import sprites_of
from gandam_studio.core.importing.examining import why
from gandam_studio.core.importing.items import FoundSprite, Item
from gandam_studio.core.importing.options import ImportOptions, ImportSummary
from gandam_studio.core.importing.tables import MAXIMUM_TABLE_BYTES, is_table_name, read_table, tags_in
from gandam_studio.core.places import CURRENT, SEPARATOR, split_member, storable
from gandam_studio.core.texts import LONGEST_TAG, checked, forms, natural_key
from gandam_studio.core.workspace.edits import SetValues, read_fields
from gandam_studio.core.workspace.lineage import GENERATED
from gandam_studio.core.workspace.seqsets import as_seqs
from gandam_studio.core.workspace.sprite import join_tags, split_tags
from trainer.protocol.untrusted import decode_text, read_regular, shortened

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace

CAPTION_SUFFIXES = (".txt", ".caption")
MAXIMUM_CAPTION_BYTES = 64 << 10
SETTLED_AT_ONCE = 4096
REPEATS = re.compile(r"\d+_(?=.)")
"""Number of repeats at the start of kohya's folder names, as in "10_golem"."""


def is_caption_name(name: str) -> bool:
    """Whether a file is a caption by its name. It counts as one if there is a picture of the same name."""
    return name.lower().endswith(CAPTION_SUFFIXES)


def holds_words(name: str) -> bool:
    """Whether a file is a caption or a table by its name."""
    return is_caption_name(name) or is_table_name(name)


def caption_tags(data: bytes) -> frozenset[str]:
    """Return the tags in a caption, separated by commas or line ends. Raises UserError or UntrustedError."""
    return tags_in(decode_text(data))


def folder_tag(name: str) -> str:
    """Return the tag for a folder's name, "" for none. Raises UserError if the name is not a valid tag."""
    return checked(REPEATS.sub("", name, count=1), "a tag", LONGEST_TAG)


def nearest_folder(path: str, entry: str) -> str:
    """Return the name of a picture's folder; at the top level of an archive, the archive's name without its suffix."""
    if not entry:
        return os.path.basename(os.path.dirname(path))
    *folders, _ = SEPARATOR.split(entry)
    named = [folder for folder in folders if folder not in ("", ".", "..")]
    return named[-1] if named else re.sub(r"(?:\.tar)?\.[^.]*$", "", os.path.basename(path)) or os.path.basename(path)


@dataclass
class _Text:
    """A rejected text file that becomes a caption or table if there are pictures for it.

    Attributes:
        item: the file.
        reason: why it was rejected as a picture.
        tags: of a caption; a text says why there are none, None that it was not read yet.
        rows: of a table; None if it was not read yet.
    """

    item: Item
    reason: str
    tags: frozenset[str] | str | None = None
    rows: list[tuple[str, frozenset[str]]] | None = None

    @property
    def is_table(self) -> bool:
        return is_table_name(self.item.member or self.item.path)


@dataclass
class Words:
    """Collects tags during an import and applies them at the end.

    Attributes:
        connection: to the workspace.
        options: of the import.
        summary: counts captions, and lists text files that are not.
    """

    connection: sqlite3.Connection
    options: ImportOptions
    summary: ImportSummary
    _texts: list[_Text] = field(default_factory=list)
    _settle_at: int = SETTLED_AT_ONCE
    _rows: dict[str, array[int]] = field(default_factory=dict)
    _folders: dict[str, str] = field(default_factory=dict)
    _named: int = 0
    _captioned: set[int] = field(default_factory=set)
    _zip: ZipReader = field(default_factory=ZipReader)
    _before: int = 0

    def __post_init__(self) -> None:
        (self._before,) = self.connection.execute("SELECT coalesce(max(seq), 0) FROM sprites").fetchone()

    def brought(self, item: Item, seqs: Iterable[int], sprites: Sequence[FoundSprite] = ()) -> None:
        """Note an accepted picture, the rows of its sprites, and the sprites as found."""
        seqs = list(seqs)
        for seq, sprite in zip(seqs, sprites, strict=False):
            self._tag_by_file(seq, sprite.tags)
            if sprite.generated and seq > self._before:  # not what a run has only copied
                self._add(GENERATED, [seq])
        if self.options.folders_as_tags and (item.member or item.data is None):
            self._tag_by_folder(storable(item.path), storable(item.member), seqs)

    def known(self, item: Item, seq: int | None) -> None:
        """Note a picture that was imported before; `seq` is the row of its sprite, None if it has several."""
        if self.options.folders_as_tags:
            path, entry = storable(item.path), storable(item.member)
            self.brought(item, [seq] if seq is not None else sprites_of(self.connection, path, entry).values())

    def text(self, item: Item, reason: str) -> None:
        """Hold a rejected text file until it is known whether there is a picture for it."""
        waiting = _Text(Item(item.path, item.member, index=item.index), reason)
        if item.data is not None:
            # Tar entries can be read only once.
            data = item.data
            if waiting.is_table:
                found = _rows(lambda: data, item.member)
                waiting.rows, waiting.tags = ([], found) if isinstance(found, str) else (found, None)
            elif self.options.captions:
                waiting.tags = _read(lambda: data)
        self._texts.append(waiting)

    def settle_when_due(self) -> None:
        """Settle text files if many are held, to bound memory. The pictures' rows must be written."""
        if len(self._texts) >= self._settle_at:
            # A table's pictures may come much later.
            self._texts = [text for text in self._texts if text.is_table or not self._settle(text)]
            self._settle_at = max(SETTLED_AT_ONCE, 2 * len(self._texts))

    def settle(self) -> None:
        """Decide for every text file whether it is a caption or rejected. The pictures' rows must be written."""
        for text in self._texts:
            if not self._settle(text):
                self.summary.reject(storable(text.item.label), text.reason)
        self._texts, self._settle_at = [], SETTLED_AT_ONCE
        self._zip.close()

    def apply(self, workspace: Workspace) -> None:
        """Apply all tags as one edit. Raises UserError."""
        if self._named:
            self.summary.note(f"pictures with their own tags, which were not imported: {self._named:,}")
        if not self._rows:
            return
        wanted: dict[int, set[str]] = {}
        for tag, seqs in self._rows.items():
            for seq in seqs if tag not in self.options.untagged else ():
                wanted.setdefault(seq, set()).add(tag)
        values: dict[int, str] = {}
        for seq, before in read_fields(self.connection, as_seqs(wanted), "tags"):
            tags = set(split_tags(before))
            for tag in wanted[seq] - tags:
                self.summary.tagged[tag] = self.summary.tagged.get(tag, 0) + 1
            values[seq] = join_tags(tags | wanted[seq])
        self.summary.tagged = dict(sorted(self.summary.tagged.items(), key=lambda pair: natural_key(pair[0])))
        if values:
            names = ["folders"] if self.options.folders_as_tags else []
            names += ["captions"] if self.options.captions else []
            names += ["frames"] if self.options.frame_tags else []
            names += ["samples"] if GENERATED in self._rows else []
            workspace.apply(SetValues({"tags": values}, f"Tags from {' and '.join(names)}"))

    def _tag_by_folder(self, path: str, entry: str, seqs: Iterable[int]) -> None:
        folder = nearest_folder(path, entry)
        tag = self._folders.get(folder)
        if tag is None:
            try:
                tag = folder_tag(folder)
            except UserError as error:
                tag = ""
                self.summary.note(f"the folder name {shortened(folder)} cannot be a tag: {error}")
            self._folders[folder] = tag
        if tag:
            self._add(tag, seqs)

    def _tag_by_file(self, seq: int, names: Iterable[str]) -> None:
        if not self.options.frame_tags:
            self._named += bool(names)
            return
        for name in names:
            try:
                tag = checked(name, "a tag", LONGEST_TAG)
            except UserError as error:
                self.summary.note(f"the frame tag {shortened(name)} cannot be imported: {error}")
                continue
            if tag:
                self._add(tag, [seq])

    def _add(self, tag: str, seqs: Iterable[int]) -> None:
        self._rows.setdefault(tag, array("q")).extend(seqs)

    def _settle(self, text: _Text) -> bool:
        """Collect the tags of a caption or table; False if there are no pictures for it."""
        if text.is_table:
            return self._settle_table(text)
        pictures = _pictures_beside(self.connection, storable(text.item.path), storable(text.item.member))
        if not pictures:
            return False
        if self.options.captions:
            tags = text.tags if text.tags is not None else _read(lambda: self._bytes(text.item))
            if isinstance(tags, str):
                self.summary.reject(storable(text.item.label), f"a caption without usable tags: {tags}")
                return True
            for tag in tags:
                self._add(tag, [seq for seqs in pictures.values() for seq in seqs])
        self._count(pictures.values())
        return True

    def _settle_table(self, text: _Text) -> bool:
        """`_settle` for a table, whose rows name the pictures."""
        item = text.item
        found: list[tuple[str, frozenset[str]]] | str | None = text.rows
        if isinstance(text.tags, str):
            found = text.tags
        elif found is None:
            found = _rows(lambda: self._bytes(item, MAXIMUM_TABLE_BYTES), item.member or item.path)
        if isinstance(found, str):
            self.summary.reject(storable(item.label), f"a table without usable tags: {found}")
            return True
        pictures = 0
        for place, tags in found:
            seqs = _pictures_at(self.connection, item, place)
            pictures += bool(seqs)
            self._count([seqs])
            for tag in tags if self.options.captions else ():
                self._add(tag, seqs)
        return pictures > 0

    def _count(self, pictures: Iterable[list[int]]) -> None:
        """Count captioned pictures, each once; a picture is identified by its first sprite."""
        self._captioned.update(seqs[0] for seqs in pictures if seqs)
        self.summary.captions = len(self._captioned)

    def _bytes(self, item: Item, most: int = MAXIMUM_CAPTION_BYTES) -> bytes:
        if item.index >= 0:
            return self._zip.read(item.path, item.index, most)
        return read_regular(item.path, most)


def _rows(content: Callable[[], bytes], name: str) -> list[tuple[str, frozenset[str]]] | str:
    """The rows of a table, or why there are none."""
    try:
        return read_table(content(), name)
    except (OSError, ValueError, UserError) as error:
        return why(error) if isinstance(error, OSError) else str(error)


def _pictures_at(connection: sqlite3.Connection, item: Item, place: str) -> list[int]:
    """The sprites of the picture at a path relative to a table's folder."""
    for form in forms(place):
        if item.member:
            folder = item.member.replace("\\", "/").rpartition("/")[0]
            path, entry = item.path, f"{folder}/{form}" if folder else form
        else:
            path, entry = os.path.normpath(os.path.join(os.path.dirname(item.path), form)), ""
        found = sprites_of(connection, storable(path), storable(entry))
        if found:
            return list(dict.fromkeys(found.values()))
    return []


def _read(content: Callable[[], bytes]) -> frozenset[str] | str:
    """The tags in a caption's bytes, or why there are none."""
    try:
        data = content()
        if len(data) > MAXIMUM_CAPTION_BYTES:
            return f"larger than {MAXIMUM_CAPTION_BYTES >> 10} KiB"
        return caption_tags(data)
    except (OSError, ValueError, UserError) as error:
        return why(error) if isinstance(error, OSError) else str(error)


def _current(connection: sqlite3.Connection, condition: str, values: tuple[str, ...]) -> Iterator[tuple[str, str, int]]:
    """(path, entry, row of the sprite) of what files currently give."""
    query = (
        f"SELECT path, member, sprite FROM sources WHERE {condition} AND verdict = 'accepted' "
        f"AND sprite IS NOT NULL AND {CURRENT}"
    )
    for path, member, seq in connection.execute(query, values):
        yield path, split_member(member)[0], int(seq)


def _pictures_beside(connection: sqlite3.Connection, path: str, entry: str) -> dict[str, list[int]]:
    """The pictures with the folder and stem of a text file: path or entry -> rows of their sprites."""
    found: dict[str, list[int]] = {}
    stem = (entry or path).rpartition(".")[0]
    for form in forms(stem):
        # All names of the form "stem.*": "/" comes right after "." in UTF-8.
        bounds = (f"{form}.", f"{form}/")
        if entry:
            rows = _current(connection, "path = ? AND member > ? AND member < ?", (path, *bounds))
        else:
            rows = _current(connection, "path > ? AND path < ?", bounds)
        for other, name, seq in rows:
            whole = name if entry else other
            if bool(name) == bool(entry) and not re.search(r"[./\\]", whole[len(form) + 1 :]):
                found.setdefault(whole, []).append(seq)
    return found
