"""From candidates to verified relations.

Tiles first, many pairs at once; the pictures' own pixels for those that pass.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

import numpy as np

from gandam_studio.core.duplicates.candidates import Candidates
from gandam_studio.core.duplicates.links import LOOSEST, Link
from gandam_studio.core.duplicates.measures import compare
from gandam_studio.core.duplicates.relations import FRAME, NEAR, decide
from gandam_studio.core.duplicates.sources import PictureSource
from gandam_studio.core.duplicates.tiles import mirrored_where, tile
from gandam_studio.core.hashing import Column
from gandam_studio.core.hashing.content import Content, find_content
from gandam_studio.core.jobs import NULL_JOB, Job

_BATCH = 128
_OPEN_CONTENTS = 4096


class Verifier:
    """Judges pairs of one source; tiles and a few contents stay at hand between calls."""

    def __init__(self, source: PictureSource) -> None:
        self._source = source
        self._tiles: dict[int, np.ndarray] = {}
        self._contents: OrderedDict[int, tuple[Content, tuple[int, int]]] = OrderedDict()

    def links(self, pairs: Candidates, job: Job = NULL_JOB) -> list[Link]:
        """The related pairs among the candidates, at most one link a pair, by row, sorted."""
        job.start("Comparing pictures", len(pairs))
        digests = self._source.fingerprints[:, Column.PIXELS]
        # Of two pictures the one of the smaller digest comes first, so that the order of import decides nothing.
        swapped = digests[pairs.i] > digests[pairs.j]
        first, second = np.where(swapped, pairs.j, pairs.i), np.where(swapped, pairs.i, pairs.j)
        best: dict[tuple[int, int], tuple[float, bool, np.ndarray, float]] = {}
        for start in range(0, len(pairs), _BATCH):
            part = slice(start, start + _BATCH)
            i, j, mirrored = first[part], second[part], pairs.mirrored[part]
            mine = np.stack([self._tile(row) for row in i.tolist()])
            other = mirrored_where(np.stack([self._tile(row) for row in j.tolist()]), mirrored)
            found = compare(mine.astype(np.float32) / 255, other.astype(np.float32) / 255)
            for index in np.flatnonzero(found.distance <= LOOSEST).tolist():
                key = int(i[index]), int(j[index])
                now = (float(found.distance[index]), bool(mirrored[index]))
                if key not in best or now < best[key][:2]:  # as good both ways: not mirrored
                    best[key] = (*now, found.parameters[index], float(found.confidence[index]))
            job.advance(len(i))
        job.start("Naming relations", len(best))
        links = [self._link(key, best[key], job) for key in sorted(best)]
        return sorted(links, key=lambda link: (link.i, link.j))

    def content(self, row: int) -> tuple[Content, tuple[int, int]]:
        """A picture's content and its whole (width, height)."""
        if row in self._contents:
            self._contents.move_to_end(row)
            return self._contents[row]
        rgba = self._source.rgba(row)
        made = find_content(rgba), (rgba.shape[1], rgba.shape[0])
        self._contents[row] = made
        if len(self._contents) > _OPEN_CONTENTS:
            self._contents.popitem(last=False)
        return made

    def _tile(self, row: int) -> np.ndarray:
        """(SIDE, SIDE, 4) uint8: a quarter of the memory, and no difference to a blurred picture."""
        if row not in self._tiles:
            self._tiles[row] = np.rint(tile(self.content(row)[0].rgba) * 255).astype(np.uint8)
        return self._tiles[row]

    def _link(self, key: tuple[int, int], found: tuple[float, bool, np.ndarray, float], job: Job) -> Link:
        """Decide one pair's relation on its own pixels."""
        distance, mirrored, parameters, confidence = found
        (first, size), (second, other_size) = self.content(key[0]), self.content(key[1])
        verdict = decide(
            first,
            second,
            (size, other_size),
            mirrored=mirrored,
            parameters=parameters,
            distance=distance,
            confidence=confidence,
        )
        if verdict.relation == NEAR and _same_animation(self._source, *key):
            verdict = replace(verdict, relation=FRAME)
        job.advance()
        if key[0] < key[1]:
            return Link(*key, verdict)
        transform = verdict.transform.inverted(size[0], other_size[0])
        return Link(key[1], key[0], replace(verdict, transform=transform))


def _same_animation(source: PictureSource, i: int, j: int) -> bool:
    """Whether two pictures are frames of one file, or files whose names differ in their last number only."""
    a, b = source.facts[i], source.facts[j]
    if a.origin and a.origin == b.origin:
        return True
    stem = _without_last_number(a.name)
    return bool(stem) and stem == _without_last_number(b.name) and a.name != b.name


def _without_last_number(name: str) -> str:
    """A file name with its last run of digits taken out; "" when it has none."""
    end = len(name)
    while end and not name[end - 1].isdigit():
        end -= 1
    start = end
    while start and name[start - 1].isdigit():
        start -= 1
    return name[:start] + "#" + name[end:] if start < end else ""
