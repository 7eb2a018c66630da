"""Blank pictures (empty, or of a single colour), which are copies of each other in any size.

Hashes and alignment do not work without content, so these are compared by colour. A picture that could not be read has
no colour and is in no group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gandam_studio.core.duplicates.links import Link
from gandam_studio.core.duplicates.measures import confidence_of, distance_of
from gandam_studio.core.duplicates.sources import PictureSource
from gandam_studio.core.duplicates.verdicts import EXACT, RESIZED, Transform, Verdict
from gandam_studio.core.hashing.layout import Flag, boxes, flags
from gandam_studio.core.jobs import NULL_JOB, Job

_CERTAIN = np.array(30.0)  # logits; larger ones are clipped
# Up to this many pictures of one colour are all linked with each other. In larger groups each is linked with the few
# that may rank best, so that the number of links does not grow quadratically.
_ALL_LINKED, _BEST = 64, 8


def maybe_blank(fingerprints: np.ndarray) -> np.ndarray:
    """Return (N,) bool: which (N, COLUMNS) fingerprints may belong to blank pictures; only the pixels tell for sure."""
    found = flags(fingerprints)
    flat = Flag.OPAQUE | Flag.NO_SILHOUETTE | Flag.NO_INTERIOR
    return ((found & Flag.BLANK) > 0) | ((found & (flat | Flag.KEYED)) == flat)


def colour_of(rgba: np.ndarray) -> int | None:
    """Return the only colour of an (H, W, 4) uint8 picture as a 32-bit word; 0 if it is fully transparent.

    None if it has several colours, or no pixels.
    """
    words = np.ascontiguousarray(rgba).view(np.uint32)
    if not words.size:
        return None
    if not rgba[..., 3].any():  # colours under full transparency do not count
        return 0
    return int(words.flat[0]) if (words == words.flat[0]).all() else None


def blank_links(source: PictureSource, known: Sequence[Link], first_new: int, job: Job = NULL_JOB) -> list[Link]:
    """Return the links, by row, between blank pictures of one colour that are not in `known`.

    The relation is EXACT for pictures of the same size, else RESIZED. Reads only pictures that may be blank, and none
    unless one of them is new. first_new: the first row that was not searched before. Raises Cancelled.
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
    """The pairs (i, j) to link among pictures of one colour, i < j, each once."""
    best = set(members)
    if len(members) > _ALL_LINKED:
        facts = source.facts
        best = set(sorted(members, key=lambda row: (not facts[row].kept, -areas[row], facts[row].order))[:_BEST])
    for one in sorted(best):
        for other in members:
            if other not in best or one < other:
                yield min(one, other), max(one, other)


def _link(source: PictureSource, i: int, j: int) -> Link:
    """The link between two blank pictures of one colour."""
    size, other = ((source.facts[row].width, source.facts[row].height) for row in (i, j))
    if size == other:
        return Link(i, j, Verdict(EXACT, Transform(), 0.0, 1.0))
    whole = Transform.of_wholes(size, other, mirrored=False)
    return Link(i, j, Verdict(RESIZED, whole, float(distance_of(_CERTAIN)), float(confidence_of(_CERTAIN))))
