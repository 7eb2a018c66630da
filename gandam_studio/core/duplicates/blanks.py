"""Blank pictures as copies of each other: nothing to see at all, or one colour all over, whatever their sizes.

Hashes and alignment say nothing of a picture without a drawing, so these are compared by their one colour. A picture
that could not be read has no colour: it is in no group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gandam_studio.core.duplicates.links import Link
from gandam_studio.core.duplicates.measures import confidence_of, distance_of
from gandam_studio.core.duplicates.relations import EXACT, RESIZED, Transform, Verdict
from gandam_studio.core.duplicates.sources import PictureSource
from gandam_studio.core.hashing.layout import Flag, boxes, flags
from gandam_studio.core.jobs import NULL_JOB, Job

_CERTAIN = np.array(30.0)  # logits: as much evidence as counts
# Of so many of one colour each is linked with every other one, as are most groups; of more, each with those that may
# come out best, so that the number of links grows with that of pictures, not with its square.
_ALL_LINKED, _BEST = 64, 8


def maybe_blank(fingerprints: np.ndarray) -> np.ndarray:
    """(N,) bool: which of (N, COLUMNS) fingerprints may belong to blank pictures; their pixels decide."""
    found = flags(fingerprints)
    flat = Flag.OPAQUE | Flag.NO_SILHOUETTE | Flag.NO_INTERIOR
    return ((found & Flag.BLANK) > 0) | ((found & (flat | Flag.KEYED)) == flat)


def colour_of(rgba: np.ndarray) -> int | None:
    """The one colour of an (H, W, 4) uint8 picture as a 32-bit word, 0 where all of it is transparent.

    None for a picture of several colours, and for one without pixels.
    """
    words = np.ascontiguousarray(rgba).view(np.uint32)
    if not words.size:
        return None
    if not rgba[..., 3].any():  # whatever lies under full transparency is not seen
        return 0
    return int(words.flat[0]) if (words == words.flat[0]).all() else None


def blank_links(source: PictureSource, known: Sequence[Link], first_new: int, job: Job = NULL_JOB) -> list[Link]:
    """The links by row between blank pictures of one colour that are not `known`; none without a new blank one.

    EXACT is the word for two of one size, RESIZED for others. Reads the pictures that may be blank, and no others.
    first_new: the first row that was not searched before. Raises Cancelled.
    """
    rows = np.flatnonzero(maybe_blank(source.fingerprints))
    if not len(rows) or rows[-1] < first_new:
        return []
    alike: dict[int, list[int]] = {}
    job.start("Comparing blank pictures", len(rows))
    for row in rows.tolist():
        colour = colour_of(source.rgba(row))
        if colour is not None and row not in source.unreadable:
            alike.setdefault(colour, []).append(row)
        job.advance()
    areas = boxes(source.fingerprints)[:, 2:].prod(axis=1)
    linked = {(link.i, link.j) for link in known}
    links = []
    for members in alike.values():
        links += [_link(source, i, j) for i, j in _pairs(source, members, areas) if (i, j) not in linked]
    return links


def _pairs(source: PictureSource, members: list[int], areas: np.ndarray) -> Iterator[tuple[int, int]]:
    """The pairs to link among pictures of one colour, rows in order, each once, i < j."""
    best = set(members)
    if len(members) > _ALL_LINKED:
        facts = source.facts
        best = set(sorted(members, key=lambda row: (not facts[row].kept, -areas[row], facts[row].order))[:_BEST])
    for one in sorted(best):
        for other in members:
            if other not in best or one < other:
                yield min(one, other), max(one, other)


def _link(source: PictureSource, i: int, j: int) -> Link:
    """Two blank pictures of one colour."""
    size, other = ((source.facts[row].width, source.facts[row].height) for row in (i, j))
    if size == other:
        return Link(i, j, Verdict(EXACT, Transform(), 0.0, 1.0))
    whole = Transform.of_wholes(size, other, mirrored=False)
    return Link(i, j, Verdict(RESIZED, whole, float(distance_of(_CERTAIN)), float(confidence_of(_CERTAIN))))
