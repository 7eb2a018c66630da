"""The verdict on candidate pairs, by their pixels.

First tiles, many pairs at once, and whole canvases if the untrimmed hashes are close; the better evidence counts. Pairs
that pass are compared at full resolution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gandam_studio.core.duplicates.candidates import Candidates
from gandam_studio.core.duplicates.canvases import (
    encoders_error,
    evidence,
    resampled_shift,
    same_aspect,
    with_opacity_of,
)
from gandam_studio.core.duplicates.colours import palette_exchanged, tinted, weighted
from gandam_studio.core.duplicates.drawings import Drawing
from gandam_studio.core.duplicates.links import LOOSEST, Link
from gandam_studio.core.duplicates.measures import NAMES, Comparison, compare, distance_of
from gandam_studio.core.duplicates.missed_by_signs import may_be_cut_off, shown_sides, worth_comparing_as_wholes
from gandam_studio.core.duplicates.pictures import Pictures, PixelSource
from gandam_studio.core.duplicates.relations import decide
from gandam_studio.core.duplicates.synthesis import remade, remade_elsewhere
from gandam_studio.core.duplicates.tiles import scaled
from gandam_studio.core.duplicates.verdicts import DUPLICATES, NEAR, Transform, Verdict
from gandam_studio.core.hashing import Column
from gandam_studio.core.hashing.content import Content
from gandam_studio.core.hashing.layout import WHOLE, Flag, flags
from gandam_studio.core.hashing.layout import mirrored as mirrored_rows

_BATCH = 32  # pairs compared at once; fits into the processor's cache
_CANVAS_RADIUS = 20  # out of 128 bits of the whole picture: copies are closer, and few others are
_RIM = 3.0  # pixels: how far a filter spreads colour beyond a sprite
_CERTAIN = 6.0  # logits above which whole canvases need not be compared
_EXCHANGED = 4.0  # logits for a replaced palette, or for the same pixels without an edge
_SAMPLED = 32  # rows and columns of a picture that are looked at first
_KEPT = 0.97  # least share of equal pixels in a picture without an edge
_RELATED = 0.5  # distance at a logit of 0
_ONE_SILHOUETTE = 0.95  # least overlap of tiles with the same silhouette
_NO_BETTER = 1.0  # logits by which what was spoiled may look more alike mirrored by accident
_SAME_SCALE = 0.1  # largest relative difference between the scale of contents and that of whole pictures


@dataclass(frozen=True)
class _Passed:
    """A pair that passed, in its better orientation.

    Attributes:
        i, j: rows of the first and second picture.
        logit: the evidence.
        mirrored: whether the second is mirrored first.
        parameters: (4,) alignment of its tile with that of the first.
        laid: whether one may take its silhouette from the other: one is opaque, and their pixels differ.
        framed: whether the evidence is that of whole pictures including the background.
        shown: whether the evidence is that of all that is shown, whatever was taken for background: the same pixels
            without an edge, or in a replaced palette.
        near: whether the hashes of the whole pictures are so near that canvases are worth comparing.
        evidence: that of whole canvases, if it was looked at.
    """

    i: int
    j: int
    logit: float
    mirrored: bool
    parameters: np.ndarray
    laid: bool
    framed: bool
    shown: bool
    near: bool
    evidence: float | None


class Judge:
    """Judges pairs of one source. Keeps recent pictures between calls.

    A verdict depends on the two pictures alone, but for the last bits of its distance (`measures.compare`).
    """

    def __init__(self, source: PixelSource) -> None:
        self._source = source
        self._pictures = Pictures(source)

    def links(self, pairs: Candidates, check: Callable[[], None] = lambda: None) -> list[Link]:
        """Return the links by row, i < j, at most one per pair.

        Frames of an animation are NEAR here, as pixels do not tell them apart. `check` is called often and may raise.
        Of crowded pairs only those up to `LOOSEST`: others serve to find what shares a neighbour with both, and many.
        """
        best: dict[tuple[int, int], list[_Passed]] = {}
        prints = self._source.prints(pairs.i), self._source.prints(pairs.j)
        whole, other = (one[:, list(WHOLE)] for one in prints)
        turned = np.where(pairs.mirrored[:, None], mirrored_rows(prints[1])[:, list(WHOLE)], other)
        as_wholes = np.bitwise_count(whole ^ turned).sum(axis=1) <= _CANVAS_RADIUS
        same = (prints[0][:, Column.PIXELS] == prints[1][:, Column.PIXELS]) | (
            prints[0][:, Column.PIXELS] == prints[1][:, Column.PIXELS_MIRRORED]
        )
        near = as_wholes | worth_comparing_as_wholes(*prints, pairs.mirrored)
        opaque, other_opaque = (flags(one) & Flag.OPAQUE > 0 for one in prints)
        sides = [shown_sides(one) for one in prints]
        cut = (opaque == other_opaque) & may_be_cut_off(*sides)
        keyed = (flags(prints[0]) | flags(prints[1])) & Flag.KEYED > 0
        repainted = opaque & other_opaque & (sides[0] == sides[1]).all(axis=1)
        # Backgrounds may have been removed from the two in different ways, so whole pictures are compared, too.
        framed = near & opaque & other_opaque & keyed
        near |= opaque != other_opaque  # the background of one of them changes the hashes
        laid = ~same & (opaque | other_opaque)
        for start in range(0, len(pairs), _BATCH):
            check()
            part = slice(start, start + _BATCH)
            i, j, mirrored = pairs.i[part], pairs.j[part], pairs.mirrored[part]
            self._pictures.prepare(np.concatenate([i, j]), for_tiles=pairs.crowded)
            found = self._compared(i, j, mirrored)
            logit, evidence_of = self._second_look(found, i, j, mirrored, near[part])
            shown = self._lacking_an_edge(logit, i, j, mirrored, cut[part])
            shown |= self._repainted(logit, i, j, mirrored, repainted[part], keyed[part])
            entire = self._in_frames(logit, i, j, mirrored, framed[part])
            for index in np.flatnonzero(distance_of(logit) <= LOOSEST).tolist():
                one = _Passed(
                    int(i[index]),
                    int(j[index]),
                    float(logit[index]),
                    bool(mirrored[index]),
                    found.parameters[index],
                    bool(laid[start + index]),
                    bool(entire[index]),
                    bool(shown[index]),
                    bool(as_wholes[start + index]),
                    evidence_of.get(index),
                )
                best.setdefault((one.i, one.j), []).append(one)
        links = []
        for ways in best.values():
            check()
            ways.sort(key=lambda one: (-one.logit, one.mirrored))  # unmirrored wins a tie
            link = self._link(ways, pairs.crowded)
            if not pairs.crowded or link.verdict.distance <= LOOSEST:
                links.append(link)
        return links

    def enlargement(self, row: int) -> int:
        """Return by what whole factor a picture was enlarged by repeating pixels."""
        return self._pictures[row].drawing.enlargement

    def _compared(self, i: np.ndarray, j: np.ndarray, mirrored: np.ndarray) -> Comparison:
        """Compare the tiles of (P,) pairs."""
        mine, other = self._pictures.tiles(i.tolist()), self._pictures.tiles(j.tolist())
        return compare(scaled(mine, np.zeros(len(i), dtype=bool)), scaled(other, mirrored))

    def _second_look(
        self,
        found: Comparison,
        i: np.ndarray,
        j: np.ndarray,
        mirrored: np.ndarray,
        near: np.ndarray,
    ) -> tuple[np.ndarray, dict[int, float]]:
        """(P,) the evidence of tiles, or that of whole canvases or a replaced palette if stronger.

        near: (P,) bool, the pairs whose whole canvases are compared. Also returns the evidence of those, by number.
        """
        logit = found.logit.copy()
        evidence_of: dict[int, float] = {}
        for index in np.flatnonzero(near & (logit < _CERTAIN)).tolist():
            whole = self._whole_evidence(int(i[index]), int(j[index]), bool(mirrored[index]))
            evidence_of[index] = whole
            logit[index] = max(logit[index], whole)
        alike = found.measures[:, NAMES.index("overlap")] > _ONE_SILHOUETTE
        for index in np.flatnonzero(alike & (logit < _EXCHANGED)).tolist():
            mine, theirs = (self._pictures[int(rows[index])].content.rgba for rows in (i, j))
            theirs = theirs[:, ::-1] if mirrored[index] else theirs
            if palette_exchanged(mine, theirs) or _tinted(mine, theirs):
                logit[index] = _EXCHANGED
        return logit, evidence_of

    def _lacking_an_edge(
        self, logit: np.ndarray, i: np.ndarray, j: np.ndarray, mirrored: np.ndarray, cut: np.ndarray
    ) -> np.ndarray:
        """Find pictures that are others with an edge cut off; raises `logit` in place.

        cut: (P,) bool, whether sizes allow for it. Returns (P,) bool: whose evidence is now that of pixels.
        """
        found = np.zeros(len(logit), dtype=bool)
        places = np.flatnonzero(cut)
        for index in places[self._pictures.may_share(i[places], j[places], _KEPT)].tolist():
            mine, theirs = (self._pictures[int(rows[index])].shown.content.rgba for rows in (i, j))
            if _cut_off(mine, theirs[:, ::-1] if mirrored[index] else theirs):
                logit[index], found[index] = max(logit[index], _EXCHANGED), True
        return found

    def _repainted(
        self,
        logit: np.ndarray,
        i: np.ndarray,
        j: np.ndarray,
        mirrored: np.ndarray,
        wanted: np.ndarray,
        keyed: np.ndarray,
    ) -> np.ndarray:
        """Find opaque pictures that are others tinted or in a replaced palette, background included.

        A background is found by its colour, so what was taken for it may differ. Raises `logit` in place.

        wanted: (P,) bool, the pairs to compare, of one size. keyed: (P,) bool, whose palettes are compared, too.
        Returns (P,) bool: whose evidence is now that of all pixels.
        """
        found = np.zeros(len(logit), dtype=bool)
        for index in np.flatnonzero(wanted).tolist():
            mine, theirs = (self._pictures[int(rows[index])].rgba for rows in (i, j))
            theirs = theirs[:, ::-1] if mirrored[index] else theirs
            some = max(1, max(mine.shape[:2]) // _SAMPLED)  # decides most pairs
            ways = (_tinted, palette_exchanged) if keyed[index] and logit[index] < 0 else (_tinted,)
            if any(way(mine[::some, ::some], theirs[::some, ::some]) and way(mine, theirs) for way in ways):
                logit[index], found[index] = max(logit[index], _EXCHANGED), True
        return found

    def _in_frames(
        self, logit: np.ndarray, i: np.ndarray, j: np.ndarray, mirrored: np.ndarray, framed: np.ndarray
    ) -> np.ndarray:
        """Compare opaque pictures as a whole where their contents are no evidence; increases `logit` in place.

        framed: (P,) bool, the pairs to compare. Returns (P,) bool: pairs whose evidence is now that of whole pictures.
        """
        found = np.zeros(len(logit), dtype=bool)
        for index in np.flatnonzero(framed & (logit < 0)).tolist():
            rows = int(i[index]), int(j[index])
            if not same_aspect(*(self._pictures[row].size for row in rows)):
                continue
            mine, other = (self._pictures.tiles([row], whole=True) for row in rows)
            turned = mirrored[index : index + 1]
            entire = float(compare(scaled(mine, np.array([False])), scaled(other, turned)).logit[0])
            if entire > max(0.0, logit[index]):
                logit[index], found[index] = entire, True
        return found

    def _whole_evidence(self, i: int, j: int, mirrored: bool) -> float:
        """Logit that two whole canvases show the same picture; -inf if they are not comparable."""
        first, second = self._pictures[i], self._pictures[j]
        if not same_aspect(first.size, second.size):
            return -np.inf
        return evidence(first.canvas, second.canvas, mirrored=mirrored)

    def _link(self, ways: list[_Passed], crowded: bool) -> Link:
        """Decide one pair's relation on its own pixels; ways: in one or both orientations, the better one first.

        A symmetric figure may look more alike mirrored and be a copy as it is: then what is proven counts, and if both
        are, that it is as it was, unless the other is much more alike. Not the other way round, where a texture may
        pass for itself mirrored and encoded.
        """
        verdict = self._verdict(ways[0], crowded)
        if len(ways) > 1 and ways[0].mirrored:
            if _unproven(verdict) > (0, 0.0):
                verdict = min(verdict, self._verdict(ways[1], crowded), key=_unproven)
            elif verdict.distance > 0 and ways[1].logit >= ways[0].logit - _NO_BETTER:
                verdict = min(self._verdict(ways[1], crowded), verdict, key=_unproven)
        i, j = ways[0].i, ways[0].j
        if i < j:
            return Link(i, j, verdict)
        transform = verdict.transform.inverted(self._pictures[i].size[0], self._pictures[j].size[0])
        return Link(j, i, replace(verdict, transform=transform))

    def _verdict(self, passed: _Passed, crowded: bool) -> Verdict:
        """What a pair is in one orientation; of a crowded one that no setting would show, no more than that."""
        i, j, mirrored = passed.i, passed.j, passed.mirrored
        first, second = self._pictures[i], self._pictures[j]

        wholes: list[bool] = []  # once known

        def whole() -> bool:
            if not wholes:
                known = passed.evidence
                wholes.append((self._whole_evidence(i, j, mirrored) if known is None else known) > 0)
            return wholes[0]

        laid = None
        if passed.laid and not passed.shown and (passed.framed or whole()):
            laid = self._laid_by_canvas(i, j, mirrored)
        drawings = (first.shown, second.shown) if passed.shown else laid or (first.drawing, second.drawing)
        return decide(
            *drawings,
            (first.size, second.size),
            mirrored=mirrored,
            parameters=np.zeros(4) if laid or passed.shown else passed.parameters,
            logit=passed.logit,
            encoded=(lambda: encoders_error(first.canvas, second.canvas, mirrored=mirrored)) if laid else None,
            whole=whole,
            resampled=lambda: self._resampled(i, j, mirrored) if not laid else None,
            remade=lambda transform: self._remade(i, j, transform),
            hiding=lambda: not passed.shown and (first.hides or second.hides),
            lent=laid is not None and not (first.plain and second.plain),
            briefly=crowded and laid is None and not passed.near,
            dropped=crowded and laid is None,
        )

    def _laid_by_canvas(self, i: int, j: int, mirrored: bool) -> tuple[Drawing, Drawing]:
        """The drawings of a pair whose canvases match, at least one of them opaque.

        The opaque one gets the silhouette of the other, so that ringing in the background does not count as sprite, nor
        parts of the sprite as background. If both are opaque, the more tightly trimmed one provides it.
        """
        first, second = self._pictures[i], self._pictures[j]
        opaque = [bool(flag) for flag in flags(self._source.prints(np.array([i, j]))) & Flag.OPAQUE]
        if opaque[1] and (not opaque[0] or _area(first.content, first.size) <= _area(second.content, second.size)):
            lent = with_opacity_of(first.content, first.size, second.rgba, mirrored=mirrored)
            return first.drawing, Drawing(lent)
        lent = with_opacity_of(second.content, second.size, first.rgba, mirrored=mirrored)
        return Drawing(lent), second.drawing

    def _resampled(self, i: int, j: int, mirrored: bool) -> float | None:
        """Difference of colours once one picture is resized to the other; None if they differ by more than resizing."""
        first, second = self._pictures[i], self._pictures[j]
        if not same_aspect(first.size, second.size) or not _same_place(
            first.content.box, first.size, second.content.box, second.size, mirrored
        ):
            return None
        return resampled_shift(first.rgba, second.rgba, (first.enlargement, second.enlargement), mirrored=mirrored)

    def _remade(self, i: int, j: int, transform: Transform) -> Transform | None:
        """The transform from the second picture to the first if one can be made from the other, else None."""
        first, second = self._pictures[i], self._pictures[j]
        mirrored = transform.mirrored
        if same_aspect(first.size, second.size):
            whole = Transform.of_wholes(first.size, second.size, mirrored)
            if remade(first.rgba, second.rgba, mirrored=mirrored):
                return whole
            if abs(transform.scale_x / whole.scale_x - 1) < _SAME_SCALE:
                return None  # neither has a wider margin
        back = transform.inverted(first.size[0], second.size[0])
        if remade_elsewhere(first.rgba, second.rgba, back) or remade_elsewhere(second.rgba, first.rgba, transform):
            return transform
        return None


def _unproven(verdict: Verdict) -> tuple[int, float]:
    """Orders verdicts: copies first, then other relations that pixels prove, then what is nearer."""
    related = verdict.distance <= _RELATED
    if verdict.relation == NEAR or not related:
        return 2, 0.0 if related else verdict.distance
    return int(verdict.relation not in DUPLICATES), 0.0


def _tinted(first: np.ndarray, second: np.ndarray) -> bool:
    """`tinted` for (h, w, 4) uint8 pictures."""
    return first.shape == second.shape and tinted(weighted(first), weighted(second))


def _cut_off(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether one (h, w, 4) content is the other with an edge cut off, a few pixels aside."""
    if first.shape[0] * first.shape[1] < second.shape[0] * second.shape[1]:
        first, second = second, first
    height, width = second.shape[:2]
    words, other_words = (np.ascontiguousarray(one).view(np.uint32)[..., 0] for one in (first, second))
    seen, other_seen = first[..., 3] > 0, second[..., 3] > 0
    for top in range(first.shape[0] - height + 1):
        for left in range(first.shape[1] - width + 1):
            part = slice(top, top + height), slice(left, left + width)
            counted = other_seen | seen[part]
            same = words[part] == other_words
            if np.count_nonzero(same & counted) >= _KEPT * np.count_nonzero(counted):
                return True
    return False


def _area(content: Content, size: tuple[int, int]) -> float:
    """The share of a picture of (width, height) `size` that the box of its content covers."""
    return content.box[2] * content.box[3] / (size[0] * size[1])


def _same_place(
    first: tuple[int, int, int, int],
    size: tuple[int, int],
    second: tuple[int, int, int, int],
    other: tuple[int, int],
    mirrored: bool,
) -> bool:
    """Whether two boxes (x, y, width, height) in pictures of one aspect ratio agree, up to the spread of filters."""
    x, y, width, height = second
    placed = (other[0] - x - width if mirrored else x, y, width, height)
    scale = size[0] / other[0]
    return all(abs(a - scale * b) <= _RIM * max(1.0, scale) for a, b in zip(first, placed, strict=True))
