"""A search: hashes nominate pairs, a verifier judges them by their pixels, and what lies between them is completed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gandam_studio.core.duplicates.blanks import blank_links
from gandam_studio.core.duplicates.candidates import Candidates, add_by_signs, candidates, worth_judging
from gandam_studio.core.duplicates.links import Links, VerifiedLinks
from gandam_studio.core.duplicates.nearest import Nearest
from gandam_studio.core.duplicates.sources import PictureSource
from gandam_studio.core.duplicates.verifying import Verifier
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.workspace.seqsets import as_seqs

_COMPLETED_GROUP = 64  # members; larger groups have only the links that the hashes found


def search(
    source: PictureSource, known: VerifiedLinks, radii: tuple[int, int], *, workers: int = 1,
    folder: Path | None = None, job: Job = NULL_JOB,
) -> VerifiedLinks:  # fmt: skip
    """Return the findings for all pictures, including the known ones. Raises Cancelled.

    radii: for the look and the whole picture (`candidates`). workers, folder: see `Verifier`.
    """
    with Verifier(source, workers, folder) as verifier:
        links, nearest = _links(source, verifier, known, radii, job)
    last = int(source.seqs[-1]) if len(source.seqs) else 0
    return VerifiedLinks(links, last, _enlargements(links, source, verifier, known.enlargements, job), nearest)


def _links(
    source: PictureSource, verifier: Verifier, known: VerifiedLinks, radii: tuple[int, int], job: Job
) -> tuple[Links, int]:
    """All links by row number, including known ones, sorted, and `VerifiedLinks.nearest`."""
    first_new = int(np.searchsorted(source.seqs, known.last, side="right"))
    if first_new == len(source.seqs):
        return Links.of(known.links), known.nearest
    verifier.expect(len(source.seqs) - first_new)
    old = Links.of(known.links)
    old = old.renamed(np.searchsorted(source.seqs, old.pairs))
    pairs = candidates(
        source.fingerprints,
        look_radius=radii[0],
        whole_radius=radii[1],
        first_new=first_new,
        nearest=known.nearest,
        job=job,
    )
    links = old.with_others(verifier.links(pairs, job))
    blank = blank_links(source, links, first_new, job)
    verifier.enlargements |= {row: 1 for link in blank for row in (link.i, link.j)}  # unknown for a single colour
    links = links.with_others(blank)
    wanted = pairs_to_judge(links.pairs, pairs, first_new, len(source.seqs))
    if len(wanted):
        rows = np.column_stack([np.repeat(wanted, 2, axis=0), np.tile([0, 1], len(wanted))])
        if pairs.crowded:
            few = Nearest(source.fingerprints, worth_judging(len(source.seqs) - first_new) // 2)
            add_by_signs(rows, source.fingerprints, few)
            rows, _ = few.chosen()
        between = Candidates(rows[:, 0], rows[:, 1], rows[:, 2] > 0, pairs.nearest)
        links = links.with_others(verifier.links(between, job))
    nearest = min(filter(None, (known.nearest, pairs.nearest)), default=0)
    return links.renamed(source.seqs[links.pairs]), nearest


def pairs_to_judge(linked: np.ndarray, pairs: Candidates, first_new: int, count: int) -> np.ndarray:
    """Return the pairs that share a neighbour but were no candidates: (P, 2) rows, sorted, without known links.

    Hashes may miss pairs that are related to the same third picture, but a keeper should be related to every member
    directly. Of three rows at least one is `first_new` or later. linked: (L, 2) rows. count: of all rows.
    """
    ends = np.concatenate([linked, linked[:, ::-1]])
    ends = ends[np.lexsort((ends[:, 1], ends[:, 0]))]
    middles, start, sizes = np.unique(ends[:, 0], return_index=True, return_counts=True)
    # The last neighbour is the largest.
    new = np.maximum(middles, ends[start + sizes - 1, 1]) >= first_new if len(ends) else np.zeros(0, dtype=bool)
    few = new & (sizes <= _COMPLETED_GROUP)
    found = [np.zeros(0, dtype=np.int64)]
    for size in as_seqs(sizes[few]).tolist():
        groups = few & (sizes == size)
        around = ends[start[groups, None] + np.arange(size), 1]
        a, b = np.triu_indices(size, 1)
        names = around[:, a] * count + around[:, b]
        found.append(names[np.maximum(middles[groups, None], around[:, b]) >= first_new])
    names = as_seqs(np.concatenate(found))
    known = np.concatenate([linked, np.stack([pairs.i, pairs.j], axis=1)])
    names = names[~np.isin(names, known[:, 0] * count + known[:, 1])]
    return np.stack([names // count, names % count], axis=1)


def _enlargements(
    links: Links, source: PictureSource, verifier: Verifier, known: dict[int, int], job: Job
) -> dict[int, int]:
    """The enlargement of each linked picture, by row number. Only unknown ones are read."""
    seqs = sorted({*links.ends.tolist()} - known.keys())
    job.start("Measuring pictures", len(seqs))
    found = dict(known)
    for seq, row in zip(seqs, np.searchsorted(source.seqs, seqs).tolist(), strict=True):
        found[seq] = verifier.enlargement(row)
        job.advance()
    return found
