"""Verifies candidate pairs: sorts them so that families stay together, and judges them in shares."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from gandam_studio.core.duplicates import compiled
from gandam_studio.core.duplicates.candidates import Candidates
from gandam_studio.core.duplicates.judging import Judge
from gandam_studio.core.duplicates.links import Links
from gandam_studio.core.duplicates.shares import shares
from gandam_studio.core.duplicates.sources import PictureSource, WorkspaceSource
from gandam_studio.core.duplicates.unfinished import Unfinished
from gandam_studio.core.duplicates.verdicts import FRAME, NEAR
from gandam_studio.core.duplicates.verifying_pool import VerifyingPool
from gandam_studio.core.duplicates.verifying_worker import Judged, pack_share
from gandam_studio.core.hashing import Column
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.workers.pool import worker_count
from gandam_studio.core.workspace.seqsets import as_seqs

_WORTH_STARTING = 2000  # new pictures; with fewer, processes are started once it is known how many pairs there are
WORTH_PROCESSES = 1500  # pairs; fewer are judged faster than processes start
WORTH_KEEPING = 8000  # pairs; fewer are judged again in a few seconds
WORTH_COMPILING = 16_000  # pairs; with fewer, loading the compiled loops takes longer than they save
_LIKELY_COMPILING = 4000  # new pictures, which are likely to have so many pairs
_MOST_WORKERS = 16


class Verifier:
    """Judges pairs of one source. A context manager, which ends its processes.

    Attributes:
        enlargements: row -> whole factor by which it was enlarged by repeating pixels, for all linked rows.
    """

    def __init__(self, source: PictureSource, workers: int = 1, folder: Path | None = None) -> None:
        """workers: number of processes for many pairs of a workspace; 0 for one per processor, at most 16.

        folder: of a workspace, in which long searches keep what they have found, to go on from if they do not finish.
        The result depends on neither.
        """
        self._folder = folder
        self.enlargements: dict[int, int] = {}
        self._source = source
        self._judge = Judge(source)
        self._workers = worker_count(workers, _MOST_WORKERS)
        self._pool: VerifyingPool | None = None

    def __enter__(self) -> Verifier:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def expect(self, pictures: int) -> None:
        """Start processes while the pairs to judge are looked for, if so many new pictures are likely to have many."""
        if self._workers > 1 and pictures >= _WORTH_STARTING and isinstance(self._source, WorkspaceSource):
            self._pool = VerifyingPool(self._source.originals, self._workers, pictures >= _LIKELY_COMPILING)
            self._pool.start()

    def links(self, pairs: Candidates, job: Job = NULL_JOB) -> Links:
        """Return the links among the candidates by row, sorted, at most one per pair. Raises Cancelled."""
        job.start("Comparing pictures", len(pairs))
        digests = self._source.fingerprints[:, Column.PIXELS]
        # The picture with the smaller digest comes first, so that the order of import does not matter.
        swapped = digests[pairs.i] > digests[pairs.j]
        first, second = np.where(swapped, pairs.j, pairs.i), np.where(swapped, pairs.i, pairs.j)
        parts = [
            Candidates(first[share], second[share], pairs.mirrored[share], pairs.nearest)
            for share in shares(pairs, self._source.fingerprints)
        ]
        found: list[Links] = []
        with contextlib.ExitStack() as stack:
            kept: Unfinished | None = None
            if self._folder is not None and len(pairs) >= WORTH_KEEPING:
                kept = Unfinished(self._folder, parts, self._source.fingerprints)
                stack.callback(kept.close)
            known = dict(kept.judged) if kept is not None else {}
            left = [number for number in range(len(parts)) if number not in known]
            for number, judged in itertools.chain(known.items(), self._judged(parts, left, job)):
                found.append(judged.links)
                self.enlargements |= judged.enlargements
                if kept is not None and number not in known:
                    kept.add(number, judged)
                job.advance(len(parts[number]))
        return self._named(Links.of([]).with_others(*found))

    def _judged(self, every: list[Candidates], numbers: list[int], job: Job) -> Iterator[tuple[int, Judged]]:
        """(number, result) of the parts with these numbers, in order."""
        source, parts = self._source, [every[number] for number in numbers]
        many = sum(map(len, parts)) >= WORTH_PROCESSES and len(parts) > 1
        compiling = sum(map(len, parts)) >= WORTH_COMPILING
        if self._workers < 2 or not many or not isinstance(source, WorkspaceSource):
            if compiling:
                compiled.use()
            for number, part in zip(numbers, parts, strict=True):
                yield number, self._judged_here(part, job)
            return
        if self._pool is None:
            self._pool = VerifyingPool(source.originals, min(self._workers, len(parts)))
        tasks = [partial(_frame, source, part, compiling) for part in parts]
        for place, judged in self._pool.run(tasks, job.check):
            if judged is None:
                judged = self._judged_here(parts[place], job)
            source.unreadable.update(judged.unreadable)
            yield numbers[place], judged

    def _judged_here(self, part: Candidates, job: Job) -> Judged:
        """Judge a part in this process."""
        links = self._judge.links(part, job.check)
        rows = sorted({row for link in links for row in (link.i, link.j)})
        enlargements = {row: self._judge.enlargement(row) for row in rows}
        there = as_seqs(np.concatenate([part.i, part.j])).tolist()
        return Judged(Links.of(links), enlargements, sorted(self._source.unreadable & {*there}))

    def enlargement(self, row: int) -> int:
        """Return the whole factor by which a picture was enlarged, linked or not."""
        if row not in self.enlargements:
            self.enlargements[row] = self._judge.enlargement(row)
        return self.enlargements[row]

    def _named(self, links: Links) -> Links:
        """The links, with FRAME instead of NEAR where files and names say so."""
        near = links.of_relation(NEAR)
        frames = [
            number
            for number, (i, j) in zip(near.tolist(), links.pairs[near].tolist(), strict=True)
            if _same_animation(self._source, i, j)
        ]
        return links.related(frames, FRAME) if frames else links


def _frame(source: WorkspaceSource, part: Candidates, compiling: bool) -> bytes:
    """Encode the pairs of a part, and where their pictures are stored, for a process."""
    rows = as_seqs(np.concatenate([part.i, part.j]))
    return pack_share(source.stored(rows), source.prints(rows), part, compiling)


def _same_animation(source: PictureSource, i: int, j: int) -> bool:
    """Whether two pictures are frames of one file, or files whose names differ only in their last number."""
    a, b = source.facts[i], source.facts[j]
    if a.origin and a.origin == b.origin:
        return True
    stem = _without_last_number(a.name)
    return bool(stem) and stem == _without_last_number(b.name) and a.name != b.name


def _without_last_number(name: str) -> str:
    """A file name with its last run of digits replaced by "#"; "" if it has none."""
    end = len(name)
    while end and not name[end - 1].isdigit():
        end -= 1
    start = end
    while start and name[start - 1].isdigit():
        start -= 1
    return name[:start] + "#" + name[end:] if start < end else ""
