"""A look at files before they are imported, to find what a person should decide about: sheets, captions, animations.

Nothing is written. The name and first bytes of every file are read in this process. Workers decode pictures, and only a
sample where a folder has many of the same size.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gandam_studio.core.archives.names import Names, names_in
from gandam_studio.core.errors import UserError
from gandam_studio.core.importing.archives import Found, ZipReader, list_archive
from gandam_studio.core.importing.items import ACCEPTED, Item
from gandam_studio.core.importing.options import Cut, ImportOptions, WorkSettings
from gandam_studio.core.importing.pool import Pool
from gandam_studio.core.importing.scan import Source, scan
from gandam_studio.core.importing.sheets import Atlas, Components, sheet_from_json
from gandam_studio.core.importing.tables import MAXIMUM_TABLE_BYTES, is_table_name, read_table
from gandam_studio.core.importing.words import (
    MAXIMUM_CAPTION_BYTES,
    REPEATS,
    caption_tags,
    folder_tag,
    is_caption_name,
    nearest_folder,
)
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.pictures.decoding.limits import UnreadablePicture
from gandam_studio.core.pictures.decoding.sniff import ARCHIVES, claims_picture, describe_other, is_archive_name, sniff
from gandam_studio.core.places import CURRENT, split_member, storable
from gandam_studio.core.texts import natural_key
from gandam_studio.core.workers.pool import worker_count
from trainer.protocol.untrusted import UntrustedError, read_regular

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace

LOOKED_AT = 400  # pictures decoded at most
WHOLE_GROUP, SAMPLE = 24, 6  # pictures in a group that is decoded whole, and decoded of a larger group
_SECONDS = 20.0  # for decoding; pictures not reached by then are not judged
_HEAD = 512
_SMALLEST_SHEET = 48  # the longer side of a sheet, in pixels
_CAPTIONS_READ = 5_000
_LARGEST_TAR = 256 << 20  # bytes; listing a tar reads all of it
_AT_ONCE = 256
_MAY_MOVE = ("gif", "webp", "avif", "tiff", "aseprite")


@dataclass(frozen=True)
class SheetsFound:
    """Sheets in one folder that have the same size and are cut in the same way.

    Attributes:
        items: the files or entries, without their bytes.
        width, height: of each, in pixels; 0 if `atlas`.
        cut: the likely cut.
        sprites: how many sprites they give in total, estimated from a sample if there are many.
        atlas: a file next to them describes how they are cut.
    """

    items: tuple[Item, ...]
    width: int
    height: int
    cut: Cut
    sprites: int
    atlas: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """Their paths, or "archive!entry": keys of `ImportOptions.cuts`."""
        return tuple(item.label for item in self.items)

    @property
    def is_sure(self) -> bool:
        """Whether they are clearly sheets: by a grid, a key colour or a description.

        Separate shapes alone may also be lettering, or a group that belongs together.
        """
        return self.atlas or self.cut.key is not None or not isinstance(self.cut.sheet, Components)


@dataclass
class SourceFindings:
    """What was found at some sources.

    Attributes:
        pictures: files and entries that are pictures by their content or name.
        fresh: those that are new or have changed since an earlier import.
        archives: archives among the sources.
        folders: tag from folder names -> number of pictures.
        outer: tags that come only from the names of the given folders or archives themselves.
        captions: pictures with a caption file or a row in a table.
        caption_tags: tag from captions and tables -> number of pictures.
        sheets: likely sheets of several sprites.
        animations: pictures with several frames.
        frames: the number of those frames.
        frame_tags: tag of frames -> number of files that have it.
        names: archives whose names have an unknown encoding, with the guess.
        edited: files that have changed since they were imported.
        others, hidden: as in `ImportSummary`.
    """

    pictures: int = 0
    fresh: int = 0
    archives: int = 0
    folders: dict[str, int] = field(default_factory=dict)
    outer: frozenset[str] = frozenset()
    captions: int = 0
    caption_tags: dict[str, int] = field(default_factory=dict)
    sheets: list[SheetsFound] = field(default_factory=list)
    animations: int = 0
    frames: int = 0
    frame_tags: dict[str, int] = field(default_factory=dict)
    names: list[Names] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    hidden: int = 0

    @property
    def asks(self) -> bool:
        """Whether a person has something to decide before the import."""
        choices = (self.captions, self.sheets, self.animations, self.names)
        return bool(self.edited or (self.fresh and (self.telling_folders or any(choices))))

    @property
    def telling_folders(self) -> bool:
        """Whether folder names tell pictures apart: not if all are in the folder that was given."""
        return bool(self.folders.keys() - self.outer)

    def options(self) -> ImportOptions:
        """Return the proposed import: everything found, except tags of the given folders and unsure sheets."""
        return ImportOptions(
            folders_as_tags=self.telling_folders,
            captions="tags" if self.captions else "",
            frame_tags=bool(self.frame_tags),
            carry_over=bool(self.edited),
            cuts={label: one.cut for one in self.sheets if one.is_sure and not one.atlas for label in one.labels},
            untagged=self.outer - self.caption_tags.keys(),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON output."""
        return {
            "pictures": self.pictures,
            "new": self.fresh,
            "archives": self.archives,
            "folder_tags": self.folders,
            "captions": self.captions,
            "caption_tags": self.caption_tags,
            "sheets": [
                {
                    "paths": list(one.labels),
                    "width": one.width,
                    "height": one.height,
                    "cut": one.cut.mode if not one.atlas else "json",
                    "sprites": one.sprites,
                    "sure": one.is_sure,
                }
                for one in self.sheets
            ],
            "animations": self.animations,
            "frames": self.frames,
            "frame_tags": self.frame_tags,
            "names": [{"path": one.path, "encoding": one.used, "examples": one.examples} for one in self.names],
            "edited": self.edited,
            "others": self.others,
            "hidden": self.hidden,
        }


def look_over(
    workspace: Workspace,
    sources: Iterable[Source],
    *,
    job: Job = NULL_JOB,
    options: ImportOptions = ImportOptions(),  # noqa: B008 - frozen
) -> SourceFindings:
    """Return what an import of some sources would find. Changes nothing.

    Files that cannot be read are skipped; the import reports them. Raises Cancelled.
    """
    looking = _Looking(workspace, options, job)
    looking.read_names(list(sources))
    looking.decode()
    return looking.finish()


@dataclass
class _Seen:
    """A picture that may be decoded, and whether it may have several frames."""

    item: Item
    moves: bool = False


class _Looking:
    def __init__(self, workspace: Workspace, options: ImportOptions, job: Job) -> None:
        self.found = SourceFindings()
        self._connection = workspace.connection
        self._options = options
        self._job = job
        self._groups: dict[tuple[str, int, int], list[_Seen]] = defaultdict(list)
        self._sheets: list[SheetsFound] = []
        self._folders: Counter[str] = Counter()
        self._inner: set[str] = set()
        self._roots: set[str] = set()
        self._tags: dict[str, str] = {}
        self._stems: Counter[str] = Counter()
        self._labels: set[str] = set()
        self._texts: list[Item] = []
        self._head = b""  # of the last file
        self._zip = ZipReader()
        self._others: Counter[str] = Counter()

    # Names

    def read_names(self, sources: Sequence[Source]) -> None:
        """List and count all files and archive entries."""
        self._job.start("Looking through the files", None)
        self._roots = {os.path.abspath(os.fspath(one)) for one in sources if isinstance(one, str | os.PathLike)}
        archives: list[tuple[Item, str]] = []
        for group in _grouped(scan(sources, skip=self._hide)):
            known = self._known([item for item in group if item.data is None])
            for item in group:
                self._job.advance()
                kind = self._kind(item)
                if kind in ARCHIVES:
                    archives.append((item, kind))
                else:
                    self._note(item, kind, known.get(storable(item.path)))
        for item, packing in archives:
            self._list_archive(item, packing)

    def _hide(self) -> None:
        self.found.hidden += 1

    def _list_archive(self, archive: Item, kind: str) -> None:
        self.found.archives += 1
        if kind != "zip" and archive.size > _LARGEST_TAR:
            return
        if kind == "zip" and (names := names_in(archive.path)) is not None:
            self.found.names.append(names)
        known = self._known_entries(archive)
        try:
            listed = list_archive(
                archive.path, kind, self._options.limits, self._options.archives,
                encoding=self._options.encodings.get(archive.path, self._options.names),
                atlases=True, skip=self._hide, check=self._job.check,
            )  # fmt: skip
            for entry in listed:
                self._job.advance()
                if isinstance(entry, Item):
                    claims = claims_picture(entry.member, "not a picture") and not is_archive_name(entry.member)
                    inside = self._entry_kind(entry) if entry.data is not None else ("" if claims else None)
                    self._note(
                        entry, inside, (entry.size, entry.mtime_ns, True) if storable(entry.member) in known else None
                    )
        except (UnreadablePicture, OSError):
            return

    def _entry_kind(self, entry: Item) -> str | None:
        data = entry.data or b""
        return sniff(data[:_HEAD], data[-26:], len(data))

    def _kind(self, item: Item) -> str | None:
        if item.data is not None:
            return self._entry_kind(item)
        try:
            with open(item.path, "rb", buffering=0) as stream:
                head = stream.read(_HEAD)
                tail = b""
                if item.size > _HEAD:
                    stream.seek(max(0, item.size - 26))
                    tail = stream.read(26)
        except OSError:
            self._head = b""
            return None
        self._head = head
        return sniff(head, tail, item.size)

    def _note(self, item: Item, kind: str | None, before: tuple[int, int, bool] | None) -> None:
        """Count one file or entry. `kind` is "" for a picture by its name, None for anything else."""
        name = item.member or item.path
        if kind is None or kind in ARCHIVES:
            if is_caption_name(name) or is_table_name(name):
                self._texts.append(Item(item.path, item.member, item.size, index=item.index, data=item.data))
            elif not claims_picture(name, describe_other(self._head) if not item.member else "not a picture"):
                self._others[os.path.splitext(name)[1].lower()] += 1
            return
        found = self.found
        found.pictures += 1
        stem = item.label
        self._labels.add(stem)
        self._stems[stem.rpartition(".")[0]] += 1
        self._count_folder(item)
        if before is not None and before[:2] == (item.size, item.mtime_ns):
            return
        found.fresh += 1
        if before is not None and before[2] and not item.member:
            found.edited.append(item.path)
            return
        if item.cut is not None:
            atlas = sheet_from_json(item.cut)
            assert isinstance(atlas, Atlas)
            self._sheets.append(SheetsFound((_bare(item),), 0, 0, Cut(atlas), len(atlas.pieces), atlas=True))
            return
        width, height, moves = self._facts(item, kind)
        if not moves and width and max(width, height) < _SMALLEST_SHEET:
            return
        folder = os.path.dirname(stem.replace("\\", "/") if item.member else stem)
        kind = kind or os.path.splitext(name)[1].lower()
        self._groups[f"{folder}\0{kind}\0{moves}", width, height].append(_Seen(item, moves))

    def _facts(self, item: Item, kind: str) -> tuple[int, int, bool]:
        """(width, height, whether it may have several frames) from the first bytes; sizes are 0 if unknown."""
        head = (item.data or b"")[:_HEAD] if item.data is not None else b"" if item.member else self._head
        if kind == "png" and len(head) >= 24:
            return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big"), b"acTL" in head
        if kind == "gif" and len(head) >= 10:
            return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little"), True
        return 0, 0, kind in _MAY_MOVE or item.member.lower().endswith((".gif", ".ase", ".aseprite"))

    def _count_folder(self, item: Item) -> None:
        if not item.member and item.data is not None:
            return
        path, entry = storable(item.path), storable(item.member)
        folder = nearest_folder(path, entry)
        tag = self._tags.get(folder)
        if tag is None:
            try:
                tag = folder_tag(folder)
            except UserError:
                tag = ""
            self._tags[folder] = tag
        if not tag:
            return
        self._folders[tag] += 1
        outer = item.path in self._roots if entry else os.path.dirname(item.path) in self._roots or path in self._roots
        if (entry and ("/" in entry or "\\" in entry)) or not outer or REPEATS.match(folder):
            self._inner.add(tag)

    # Earlier imports

    def _known(self, items: Sequence[Item]) -> dict[str, tuple[int, int, bool]]:
        """Path -> (size, time, accepted) of files that an earlier import has read; the newest import counts."""
        paths = [storable(item.path) for item in items]
        query = (
            f"SELECT path, size, mtime_ns, verdict FROM sources WHERE path IN ({', '.join('?' * len(paths))}) "
            f"AND (member = '' OR member >= '#' AND member < '$') AND {CURRENT} ORDER BY source"
        )
        rows = self._connection.execute(query, paths)
        return {path: (size, mtime, verdict == ACCEPTED) for path, size, mtime, verdict in rows}

    def _known_entries(self, archive: Item) -> set[str]:
        """The entries of an archive that has not changed since an earlier import; empty if it has."""
        known = self._known([archive])
        if known.get(storable(archive.path)) != (archive.size, archive.mtime_ns, True):
            return set()
        query = "SELECT member FROM sources WHERE path = ?"
        rows = self._connection.execute(query, (storable(archive.path),))
        return {split_member(member)[0] for (member,) in rows}

    # Pictures

    def decode(self) -> None:
        """Decode some pictures of each group in workers, the largest pictures first."""
        groups = sorted(self._groups.items(), key=lambda pair: (-pair[0][1] * pair[0][2], pair[0]))
        chosen: list[tuple[int, Item]] = []
        for number, (_, seen) in enumerate(groups):
            some = seen if len(seen) <= WHOLE_GROUP else [seen[i * len(seen) // SAMPLE] for i in range(SAMPLE)]
            chosen += [(number, one.item) for one in some]
        chosen = chosen[:LOOKED_AT]
        self._job.start("Looking at pictures", len(chosen))
        until = time.monotonic() + _SECONDS
        facts: dict[int, list[tuple[Item, dict[str, Any]]]] = defaultdict(list)
        numbers = {id(item): number for number, item in chosen}

        def chunks() -> Iterator[list[Item]]:
            for start in range(0, len(chosen), 8):
                if time.monotonic() < until:
                    yield [item for _, item in chosen[start : start + 8]]

        settings = WorkSettings.of(self._options, None, looks=True)
        if chosen:
            with Pool(settings, worker_count(self._options.workers, 4)) as pool:
                for items, outcomes in pool.run(chunks(), self._job.check):
                    for item, outcome in zip(items, outcomes, strict=True):
                        if outcome.verdict == ACCEPTED and outcome.facts:
                            facts[numbers[id(item)]].append((item, outcome.facts))
                    self._job.advance(len(items))
        for number, (_, seen) in enumerate(groups):
            if facts[number]:
                self._judge(seen, facts[number])

    def _judge(self, seen: list[_Seen], facts: list[tuple[Item, dict[str, Any]]]) -> None:
        """Generalise from some pictures of a group to all of it."""
        moving = [fact for _, fact in facts if fact["frames"] > 1]
        if moving:
            share = len(seen) / len(facts)
            self.found.animations += round(len(moving) * share)
            self.found.frames += round(sum(fact["frames"] for fact in moving) * share)
            for fact in moving:
                for tag in fact["tags"]:
                    self.found.frame_tags[tag] = self.found.frame_tags.get(tag, 0) + 1
        alike: dict[tuple[str, int, int], list[tuple[Item, dict[str, Any]]]] = defaultdict(list)
        for item, fact in facts:
            if fact["cut"] is not None:
                cut = _cut(fact)
                alike[cut.mode, fact["width"], fact["height"]].append((item, fact))
        if len(facts) < len(seen) and len(alike) == 1:
            # Only a sample was decoded: if all of it is cut alike, the rest is taken to be, too.
            (some,) = alike.values()
            if len(some) == len(facts):
                self._add_sheets([one.item for one in seen], some)
            return
        for some in alike.values():
            self._add_sheets([item for item, _ in some], some)

    def _add_sheets(self, items: list[Item], looked: list[tuple[Item, dict[str, Any]]]) -> None:
        first = looked[0][1]
        sprites = round(sum(fact["pieces"] for _, fact in looked) * len(items) / len(looked))
        bare = tuple(map(_bare, items))
        self._sheets.append(SheetsFound(bare, first["width"], first["height"], _cut(first), sprites))

    # Words

    def finish(self) -> SourceFindings:
        """Read captions and tables, sort everything and return the findings."""
        found = self.found
        tags: Counter[str] = Counter()
        captioned: set[str] = set()  # pictures named in a table, and the stems of those and of captions
        for number, text in enumerate(self._texts):
            self._job.check()
            name = text.member or text.path
            if is_table_name(name):
                base = text.label.replace("\\", "/") if text.member else text.label
                folder = base[: max(base.rfind("/"), base.rfind("!"), base.rfind(os.sep)) + 1]
                speaks = False
                for place, row_tags in self._table(text):
                    label = folder + place
                    label = label if text.member else os.path.normpath(label)
                    if label not in self._labels:
                        continue
                    speaks = True
                    tags.update(row_tags)
                    if captioned.isdisjoint((label, label.rpartition(".")[0])):
                        found.captions += 1
                    captioned |= {label, label.rpartition(".")[0]}
                self._others[os.path.splitext(name)[1].lower()] += not speaks
                continue
            stem = text.label.rpartition(".")[0]
            if beside := self._stems[stem]:
                if stem not in captioned:
                    found.captions += beside
                captioned.add(stem)
                if number < _CAPTIONS_READ:
                    for tag in self._caption(text):
                        tags[tag] += beside
            else:
                self._others[os.path.splitext(name)[1].lower()] += 1
        found.caption_tags = _by_count(tags)
        found.folders = _by_count(self._folders)
        found.outer = frozenset(self._folders.keys() - self._inner)
        found.frame_tags = _by_count(Counter(found.frame_tags))
        found.others = _by_count(+self._others)
        found.sheets = sorted(self._sheets, key=lambda one: natural_key(one.labels[0]))
        self._zip.close()
        return found

    def _caption(self, text: Item) -> frozenset[str]:
        try:
            return caption_tags(self._bytes(text, MAXIMUM_CAPTION_BYTES))
        except (OSError, ValueError, UserError, UntrustedError):
            return frozenset()

    def _table(self, text: Item) -> list[tuple[str, frozenset[str]]]:
        try:
            return read_table(self._bytes(text, MAXIMUM_TABLE_BYTES), text.member or text.path)
        except (OSError, ValueError, UserError, UntrustedError):
            return []

    def _bytes(self, item: Item, most: int) -> bytes:
        if item.data is not None:
            return item.data[:most]
        if item.index >= 0:
            return self._zip.read(item.path, item.index, most)
        return read_regular(item.path, most)


def _bare(item: Item) -> Item:
    return Item(item.path, item.member, item.size, item.mtime_ns, item.index)


def _cut(fact: dict[str, Any]) -> Cut:
    key = fact["key"]
    sheet = sheet_from_json(fact["cut"])
    return Cut(sheet, key if isinstance(key, str | None) else (key[0], key[1], key[2]))


def _by_count(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], natural_key(pair[0]))))


def _grouped(found: Iterator[Found]) -> Iterator[list[Item]]:
    """Items in groups, to be looked up together; those that come with an outcome are skipped."""
    group: list[Item] = []
    for entry in found:
        if isinstance(entry, Item):
            group.append(entry)
            if len(group) == _AT_ONCE:
                yield group
                group = []
    if group:
        yield group
