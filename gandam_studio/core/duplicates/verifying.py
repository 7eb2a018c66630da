"""From candidates to verified relations.

Tiles first, many pairs at once, and whole canvases where the untrimmed hashes are near; of the two the better counts.
The pictures' own pixels for those that pass.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

import numpy as np

from gandam_studio.core.duplicates.candidates import Candidates
from gandam_studio.core.duplicates.canvases import (
    Canvas,
    canvas_of,
    encoders_error,
    evidence,
    resampled_shift,
    same_aspect,
    with_opacity_of,
)
from gandam_studio.core.duplicates.colours import palette_exchanged
from gandam_studio.core.duplicates.links import LOOSEST, Link
from gandam_studio.core.duplicates.measures import NAMES, Comparison, compare, distance_of
from gandam_studio.core.duplicates.relations import FRAME, NEAR, decide
from gandam_studio.core.duplicates.sources import PictureSource
from gandam_studio.core.duplicates.tiles import mirrored_where, tile
from gandam_studio.core.hashing import Column
from gandam_studio.core.hashing.content import Content, find_content
from gandam_studio.core.hashing.layout import WHOLE, Flag, flags
from gandam_studio.core.hashing.layout import mirrored as mirrored_rows
from gandam_studio.core.jobs import NULL_JOB, Job

_BATCH = 128
_OPEN_CONTENTS = 4096
_OPEN_CANVASES = 1024
_CANVAS_RADIUS = 20  # of 128 bits of the whole picture: copies are nearer, and few others are
_RIM = 3.0  # pixels: how far a filter carries colour beyond a sprite
_CERTAIN = 6.0  # logits: no second look needed
_EXCHANGED = 4.0  # logits: what one palette for another is worth
_ONE_SILHOUETTE = 0.95  # overlap of tiles, below which no two pictures have the same one


class Verifier:
    """Judges pairs of one source; tiles and a few contents stay at hand between calls."""

    def __init__(self, source: PictureSource) -> None:
        self._source = source
        self._tiles: dict[int, np.ndarray] = {}
        self._contents: OrderedDict[int, tuple[Content, tuple[int, int]]] = OrderedDict()
        self._canvases: OrderedDict[int, Canvas] = OrderedDict()
        self._whole = source.fingerprints[:, list(WHOLE)]
        self._whole_mirrored = mirrored_rows(source.fingerprints)[:, list(WHOLE)]
        self._opaque = (flags(source.fingerprints) & Flag.OPAQUE) > 0

    def links(self, pairs: Candidates, job: Job = NULL_JOB) -> list[Link]:
        """The related pairs among the candidates, at most one link a pair, by row, sorted."""
        job.start("Comparing pictures", len(pairs))
        digests = self._source.fingerprints[:, Column.PIXELS]
        # Of two pictures the one of the smaller digest comes first, so that the order of import decides nothing.
        swapped = digests[pairs.i] > digests[pairs.j]
        first, second = np.where(swapped, pairs.j, pairs.i), np.where(swapped, pairs.i, pairs.j)
        best: dict[tuple[int, int], tuple[float, bool, np.ndarray]] = {}
        for start in range(0, len(pairs), _BATCH):
            part = slice(start, start + _BATCH)
            i, j, mirrored = first[part], second[part], pairs.mirrored[part]
            mine = np.stack([self._tile(row) for row in i.tolist()])
            other = mirrored_where(np.stack([self._tile(row) for row in j.tolist()]), mirrored)
            found = compare(mine.astype(np.float32) / 255, other.astype(np.float32) / 255)
            logit = self._second_look(found, i, j, mirrored)
            for index in np.flatnonzero(distance_of(logit) <= LOOSEST).tolist():
                key = int(i[index]), int(j[index])
                now = (-float(logit[index]), bool(mirrored[index]))
                if key not in best or now < best[key][:2]:  # as good both ways: not mirrored
                    best[key] = (*now, found.parameters[index])
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

    def _second_look(self, found: Comparison, i: np.ndarray, j: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
        """(P,) the evidence of tiles, or that of whole canvases or of an exchanged palette where it is stronger."""
        logit = found.logit.copy()
        other = np.where(mirrored[:, None], self._whole_mirrored[j], self._whole[j])
        near = np.bitwise_count(self._whole[i] ^ other).sum(axis=1) <= _CANVAS_RADIUS
        for index in np.flatnonzero(near & (logit < _CERTAIN)).tolist():
            a, b = int(i[index]), int(j[index])
            if same_aspect(self.content(a)[1], self.content(b)[1]):
                whole = evidence(self._canvas(a), self._canvas(b), mirrored=bool(mirrored[index]))
                logit[index] = max(logit[index], whole)
        alike = found.measures[:, NAMES.index("overlap")] > _ONE_SILHOUETTE
        for index in np.flatnonzero(alike & (logit < _EXCHANGED)).tolist():
            mine, theirs = self.content(int(i[index]))[0].rgba, self.content(int(j[index]))[0].rgba
            if palette_exchanged(mine, theirs[:, ::-1] if mirrored[index] else theirs):
                logit[index] = _EXCHANGED
        return logit

    def _canvas(self, row: int) -> Canvas:
        """A picture's whole canvas."""
        if row not in self._canvases:
            self._canvases[row] = canvas_of(self._source.rgba(row))
            if len(self._canvases) > _OPEN_CANVASES:
                self._canvases.popitem(last=False)
        self._canvases.move_to_end(row)
        return self._canvases[row]

    def _tile(self, row: int) -> np.ndarray:
        """(SIDE, SIDE, 4) uint8: a quarter of the memory, and no difference to a blurred picture."""
        if row not in self._tiles:
            self._tiles[row] = np.rint(tile(self.content(row)[0].rgba) * 255).astype(np.uint8)
        return self._tiles[row]

    def _link(self, key: tuple[int, int], found: tuple[float, bool, np.ndarray], job: Job) -> Link:
        """Decide one pair's relation on its own pixels."""
        against, mirrored, parameters = found
        sizes = self.content(key[0])[1], self.content(key[1])[1]
        whole = same_aspect(*sizes) and evidence(self._canvas(key[0]), self._canvas(key[1]), mirrored=mirrored) > 0
        laid = self._laid_by_canvas(key, mirrored) if whole else None
        first, second = laid or (self.content(key[0])[0], self.content(key[1])[0])
        verdict = decide(
            first,
            second,
            sizes,
            mirrored=mirrored,
            parameters=np.zeros(4) if laid else parameters,
            logit=-against,
            encoded=encoders_error(self._canvas(key[0]), self._canvas(key[1]), mirrored=mirrored) if laid else None,
            whole=whole,
            resampled=lambda: self._resampled(key, mirrored) if not laid else None,
        )
        if verdict.relation == NEAR and _same_animation(self._source, *key):
            verdict = replace(verdict, relation=FRAME)
        job.advance()
        if key[0] < key[1]:
            return Link(*key, verdict)
        transform = verdict.transform.inverted(sizes[0][0], sizes[1][0])
        return Link(key[1], key[0], replace(verdict, transform=transform))

    def _laid_by_canvas(self, key: tuple[int, int], mirrored: bool) -> tuple[Content, Content] | None:
        """The contents of a pair whose canvases lie on each other; None where both are transparent or the same pixels.

        The silhouette of the opaque one is then the other's: none of a background's ringing is taken for sprite, and
        none of a sprite for background. Of two opaque ones the closer trimmed one gives it.
        """
        (first, size), (second, other_size) = self.content(key[0]), self.content(key[1])
        opaque = bool(self._opaque[key[0]]), bool(self._opaque[key[1]])
        if not any(opaque) or self._same_pixels(*key):
            return None
        if opaque[1] and (not opaque[0] or _area(first, size) <= _area(second, other_size)):
            return first, with_opacity_of(first, size, self._source.rgba(key[1]), mirrored=mirrored)
        return with_opacity_of(second, other_size, self._source.rgba(key[0]), mirrored=mirrored), second

    def _resampled(self, key: tuple[int, int], mirrored: bool) -> float | None:
        """How far colours are apart once one picture is resized to the other; None where more than that was done."""
        (first, size), (second, other_size) = self.content(key[0]), self.content(key[1])
        if not same_aspect(size, other_size) or not _same_place(first.box, size, second.box, other_size, mirrored):
            return None
        return resampled_shift(self._source.rgba(key[0]), self._source.rgba(key[1]), mirrored=mirrored)

    def _same_pixels(self, i: int, j: int) -> bool:
        """Whether two trimmed contents are the same or each other's mirror image."""
        prints = self._source.fingerprints
        return prints[i, Column.PIXELS] in (prints[j, Column.PIXELS], prints[j, Column.PIXELS_MIRRORED])


def _area(content: Content, size: tuple[int, int]) -> float:
    """The share of its (width, height) that a content's box takes."""
    return content.box[2] * content.box[3] / (size[0] * size[1])


def _same_place(
    first: tuple[int, int, int, int],
    size: tuple[int, int],
    second: tuple[int, int, int, int],
    other: tuple[int, int],
    mirrored: bool,
) -> bool:
    """Whether two boxes (x, y, width, height) in pictures of one aspect are the same but for what filters add."""
    x, y, width, height = second
    placed = (other[0] - x - width if mirrored else x, y, width, height)
    scale = size[0] / other[0]
    return all(abs(a - scale * b) <= _RIM * max(1.0, scale) for a, b in zip(first, placed, strict=True))


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
