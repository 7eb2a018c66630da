"""An import from end to end: scan, look up known files, decode in workers, record in order, then open archives."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gandam_studio.core.errors import UserError
from gandam_studio.core.importing import earlier
from gandam_studio.core.importing.archives import Found, archive_kind, list_archive
from gandam_studio.core.importing.items import ACCEPTED, ARCHIVE, FATAL, MISSING, REJECTED, Chunk, Item, ItemOutcome
from gandam_studio.core.importing.options import ImportOptions, ImportSummary, WorkSettings
from gandam_studio.core.importing.pool import Pool
from gandam_studio.core.importing.recording import Known, Recorder, archive_members, cut_as_before, lookup
from gandam_studio.core.importing.scan import Pasted, Source, count, label_of, scan
from gandam_studio.core.importing.words import Words, holds_words
from gandam_studio.core.jobs import NULL_JOB, Cancelled, Job
from gandam_studio.core.pictures.decoding.limits import UnreadablePicture
from gandam_studio.core.pictures.decoding.sniff import is_archive_name
from gandam_studio.core.places import storable
from gandam_studio.core.workers.pool import Check, worker_count

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace

FEWEST_FILES, MOST_FILES = 16, 256  # in a chunk: small for an even load in small imports, large for fewer calls
_CHUNKS_A_WORKER = 8
_TAR_FILES = 64  # in a chunk of a tar, whose entries cannot be counted first
CHUNK_BYTES = 4 * 1024 * 1024
LOOKUP_FILES = 256
BATCH_ITEMS = 1024
BATCH_SECONDS = 2.0
BATCH_BYTES = 16 * 1024 * 1024  # of originals waiting to be packed
_MOST_WORKERS = 16


class Engine(Protocol):
    """Decodes files: in local processes (`pool.Pool`) or on a cluster (`ray_engine.RayEngine`)."""

    def run(self, chunks: Iterator[Chunk], check: Check) -> Iterator[tuple[Chunk, list[ItemOutcome]]]:
        """Yield the outcomes of each chunk, in order."""


def import_sources(
    workspace: Workspace,
    sources: Iterable[Source],
    *,
    job: Job = NULL_JOB,
    options: ImportOptions = ImportOptions(),  # noqa: B008 - frozen
) -> ImportSummary:
    """Import pictures from folders, files, archives and pasted bytes into a workspace.

    Sprites are numbered in the order of the sources, sorted by name within folders, regardless of the engine and the
    number of workers. Files that an earlier import recorded and that have not changed are not read again. Each batch is
    one transaction: after an interruption (Cancelled, a crash) the same call resumes after the last batch. Tags and
    decisions for edited files, if the options ask for them, are applied at the end as edits that can be undone.

    Raises Cancelled, or UserError: nothing at the sources, disk full, workspace open for reading only.
    """
    workspace.require_writable()
    began = time.monotonic()
    run = _Import(workspace, list(sources), job, options)
    run.work()
    run.decide()
    run.summary.seconds = time.monotonic() - began
    return run.summary


@dataclass
class _Archive:
    item: Item
    kind: str


class _Import:
    """The state of one import."""

    def __init__(self, workspace: Workspace, sources: list[Source], job: Job, options: ImportOptions) -> None:
        self.summary = ImportSummary()
        self._workspace = workspace
        self._sources = sources
        self._job = job
        self._options = options
        self._words = Words(workspace.connection, options, self.summary)
        self._background = workspace.background()
        self._recorder = Recorder(workspace, options.mode, self.summary, self._background, self._words.brought)
        self._archives: list[_Archive] = []
        self._committed_at = time.monotonic()
        self._workers = worker_count(options.workers, _MOST_WORKERS)
        self._chunk_files = FEWEST_FILES
        self._cuts_as_before = options.sheet is None and options.key is None and not options.whole
        self._cut_before = 0
        self._found = 0
        self._refuse_missing()
        self.summary.named = frozenset(storable(label_of(source)) for source in self._sources)

    def work(self) -> None:
        """Import all sources. On cancellation, commits what was decoded."""
        job = self._job
        job.start("Looking for pictures", None)
        total = count(self._sources)
        self._share_out(total)
        self._workspace.originals.sweep()
        job.start("Importing", total)
        try:
            with self._engine() as engine:
                options = self._options
                found = scan(self._sources, atlases=options.atlases, key_mode=options.key_mode, skip=self._skip)
                self._run(engine, found)
                self._settle()
                self._archives.sort(key=lambda archive: archive.item.place)
                while self._archives:
                    self._open_archive(engine, self._archives.pop(0))
        except Cancelled:
            self._recorder.commit()
            raise
        self._settle()
        if self._cut_before:
            self.summary.note(f"sheets cut as in an earlier import: {self._cut_before:,}")

    def decide(self) -> None:
        """Apply decisions for edited files, and tags, each as one edit."""
        if self._options.carry_over:
            found = earlier.pending(self._workspace, self._sources)
            noticed = {(pair.path, pair.after) for pair in self.summary.edited}
            for pair, _ in found:
                if (pair.path, pair.after) not in noticed:
                    self.summary.edit(pair)
            _, self.summary.carried = earlier.carry_over(self._workspace, found)
        self._words.apply(self._workspace)

    def _share_out(self, total: int) -> None:
        """Set how many of about so many files are decoded in one chunk."""
        fair = total // (_CHUNKS_A_WORKER * self._workers)
        self._chunk_files = min(max(fair, FEWEST_FILES), MOST_FILES)

    def _skip(self) -> None:
        self.summary.hidden += 1

    def _settle(self) -> None:
        """Commit, then decide which text files are captions."""
        self._recorder.commit()
        self._words.settle()

    def _refuse_missing(self) -> None:
        paths = [source for source in self._sources if not isinstance(source, Pasted)]
        if not self._sources:
            raise UserError("nothing to import: no files or folders were named")
        if len(paths) == len(self._sources) and not any(os.path.lexists(path) for path in paths):
            raise UserError(f"there is nothing at {storable(os.fspath(paths[0]))}")

    def _engine(self) -> AbstractContextManager[Engine]:
        options = self._options
        if options.engine == "ray":
            from gandam_studio.core.importing.ray_engine import RayEngine

            settings = WorkSettings.of(options, None, background=self._background)
            return RayEngine(settings, self._workspace.originals, options.ray_address)
        settings = WorkSettings.of(options, self._workspace.originals.folder, background=self._background)
        return Pool(settings, self._workers)

    def _run(self, engine: Engine, found: Iterator[Found]) -> None:
        """Decode and record everything found."""
        for items, outcomes in engine.run(self._chunks(found), self._job.check):
            for item, outcome in zip(items, outcomes, strict=True):
                self._take(item, outcome)
            self._commit_when_due()
            self._job.advance(len(items))

    def _take(self, item: Item, outcome: ItemOutcome) -> None:
        if outcome.verdict == FATAL:
            self._recorder.commit()
            raise UserError(outcome.reason)
        if outcome.verdict == ARCHIVE and item.data is None:
            self._archives.append(_Archive(item, outcome.reason))
        elif outcome.verdict == MISSING:
            self.summary.miss(storable(item.label), outcome.reason)
        else:
            if outcome.verdict == ARCHIVE:
                outcome = ItemOutcome(REJECTED, "an archive, not a picture")
            text = outcome.verdict == REJECTED and _may_be_words(item, outcome.digest)
            if text:
                self._words.text(item, outcome.reason)
            self._recorder.add(item, outcome, listed=not text)

    def _commit_when_due(self) -> None:
        full = self._recorder.pending >= BATCH_ITEMS or self._recorder.held_bytes >= BATCH_BYTES
        if full or time.monotonic() - self._committed_at > BATCH_SECONDS:
            self._recorder.commit()
            self._words.settle_when_due()
            self._committed_at = time.monotonic()

    def _chunks(self, found: Iterator[Found]) -> Iterator[Chunk]:
        """The items to decode, in chunks; items that need no decoding are recorded on the way."""
        chunk: Chunk = []
        size = 0
        for item in self._unknown(found):
            chunk.append(item)
            size += item.size
            if len(chunk) >= self._chunk_files or size >= CHUNK_BYTES:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def _unknown(self, found: Iterator[Found]) -> Iterator[Item]:
        for group in _grouped(found):
            items = [entry for entry in group if isinstance(entry, Item)]
            if self._options.cuts:
                self._cut_as_chosen(items)
            if self._cuts_as_before:
                self._cut_before += len(cut_as_before(self._workspace.connection, items))
            known = dict(
                zip(map(id, items), lookup(self._workspace.connection, items, self._options.mode), strict=True)
            )
            for entry in group:
                if not isinstance(entry, Item):
                    self._take(*entry)
                    self._job.advance()
                    continue
                memory = known[id(entry)]
                self._found += 1
                entry.place = self._found
                if memory is None or self._again(entry, memory):
                    kind = self._kind_of_archive(entry)
                    if kind is None:
                        yield entry
                    else:
                        self._take(entry, ItemOutcome(ARCHIVE, kind))
                        self._job.advance()
                else:
                    self._remember(entry, memory)
                    self._job.advance()

    def _kind_of_archive(self, item: Item) -> str | None:
        """The kind of a file that is an archive by its name and its first bytes, so that no worker has to read it."""
        plain = not item.member and item.data is None and item.size <= self._options.limits.max_file_bytes
        return archive_kind(item.path) if plain and is_archive_name(item.path) else None

    def _cut_as_chosen(self, items: list[Item]) -> None:
        for item in items:
            cut = self._options.cuts.get(item.label)
            if cut is not None:
                item.cut, item.cut_mode, item.chosen = cut.to_json(), cut.mode, True

    def _again(self, item: Item, memory: Known) -> bool:
        if self._options.frame_tags and (item.member or item.path).lower().endswith((".ase", ".aseprite")):
            return True  # frame tags are not stored
        if memory.reason == ARCHIVE and self._open_again(item):
            return True
        if not memory.accepted and self._options.limits.allow(memory.reason, item.size):
            return True
        if item.data is not None and memory.digest and hashlib.sha256(item.data).hexdigest() != memory.digest:
            return True  # changed, but size and time are the same
        return self._options.reread or (self._options.retry_rejected and not memory.accepted)

    def _open_again(self, item: Item) -> bool:
        """Whether an unchanged archive may give different sprites with these options."""
        options = self._options
        if options.names or options.captions or item.path in options.encodings:
            return True  # entries may get other names, and captions in it must be read
        if any(label.startswith(f"{item.path}!") for label in options.cuts):
            return True
        known = archive_members(self._workspace.connection, item, options.mode)
        return any(
            not memory.accepted and (options.retry_rejected or options.limits.allow(memory.reason, memory.size))
            for _, memory in known
        )

    def _remember(self, item: Item, memory: Known) -> None:
        """Count an item that has not changed since an earlier import recorded it."""
        if not memory.accepted:
            if _may_be_words(item, memory.digest):
                self._words.text(item, memory.reason)
            else:
                self.summary.reject(storable(item.label), memory.reason)
        elif not item.member and memory.reason == ARCHIVE:
            for member, known in archive_members(self._workspace.connection, item, self._options.mode):
                self._remember(Item(item.path, member), known)
        else:
            self.summary.already += 1
            self._words.known(item, memory.sprite)

    def _open_archive(self, engine: Engine, archive: _Archive) -> None:
        """Import an archive's entries, then record the archive, so that the next import need not list it."""
        item = archive.item
        self._chunk_files = _TAR_FILES
        self._job.start(f"Importing from {storable(os.path.basename(item.path))}", None)
        problem: list[str] = []

        def entries() -> Iterator[Found]:
            options = self._options
            try:
                yield from list_archive(
                    item.path, archive.kind, options.limits, options.archives,
                    encoding=options.encodings.get(item.path, options.names), note=self.summary.note,
                    atlases=options.atlases, key_mode=options.key_mode,
                    expect=self._share_out, skip=self._skip, check=self._job.check,
                )  # fmt: skip
            except UnreadablePicture as error:
                problem.append(str(error))

        try:
            self._run(engine, entries())
        except OSError as error:
            self.summary.miss(storable(item.path), (error.strerror or str(error)).lower())
            return
        if problem:
            self._recorder.add(item, ItemOutcome(REJECTED, problem[0]))
        else:
            self._recorder.add(item, ItemOutcome(ACCEPTED, ARCHIVE))
        self._recorder.commit()


def _may_be_words(item: Item, digest: str) -> bool:
    """Whether a rejected file that was read may be a caption or table, depending on the pictures next to it."""
    return bool(digest) and holds_words(item.member or item.path)


def _grouped(found: Iterator[Found]) -> Iterator[list[Found]]:
    """Groups to look up together, limited by count and by the bytes that their items hold."""
    group: list[Found] = []
    held = 0
    for entry in found:
        group.append(entry)
        held += len(entry.data or b"") if isinstance(entry, Item) else 0
        if len(group) >= LOOKUP_FILES or held >= CHUNK_BYTES:
            yield group
            group, held = [], 0
    if group:
        yield group
