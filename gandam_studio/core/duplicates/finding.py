"""`find_duplicates`: searches pictures for duplicates and returns a report of verified relations."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

from gandam_studio.core.duplicates.blanks import blank_links
from gandam_studio.core.duplicates.candidates import LOOK_RADIUS, WHOLE_RADIUS, Candidates, candidates
from gandam_studio.core.duplicates.keeping import DEFAULT_RULES, Judged
from gandam_studio.core.duplicates.links import LOOSEST, Links, VerifiedLinks, load_findings, save_findings
from gandam_studio.core.duplicates.report import DEFAULT_DISTANCE, DuplicateReport
from gandam_studio.core.duplicates.sources import PictureSource, WorkspaceSource, described_otherwise
from gandam_studio.core.duplicates.unfinished import forget_unfinished
from gandam_studio.core.duplicates.verifying import Verifier
from gandam_studio.core.errors import UserError
from gandam_studio.core.hashing.layout import boxes
from gandam_studio.core.importing.repair import describe_again
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.workspace import Workspace

_COMPLETED_GROUP = 64  # members; larger groups have only the links that the hashes found


def find_duplicates(
    source: Workspace | PictureSource,
    *,
    distance: float = DEFAULT_DISTANCE,
    rules: Sequence[str] = DEFAULT_RULES,
    look_radius: int = LOOK_RADIUS,
    whole_radius: int = WHOLE_RADIUS,
    workers: int = 0,
    job: Job = NULL_JOB,
) -> DuplicateReport:
    """Find duplicates and relatives. Hashes nominate pairs, aligned pixels decide, and groups do not drift.

    For a workspace, all sprites are compared once: the findings are saved next to it, even if it is read-only, and
    later calls compare only new sprites. The report covers the sprites that are not dropped, without pairs that the
    person called no duplicates. Hashes of another version are computed again first, and saved unless the workspace is
    read-only.

    Args:
        source: a workspace or any PictureSource.
        distance: how different two pictures of a group may be, from 0 (same pixels) to `links.LOOSEST`.
        rules: see `keeping.RULES`.
        look_radius, whole_radius: Hamming radii for candidates (`candidates`).
        workers: number of processes that compare a workspace's pictures. 0 for one per processor, or none if there is
            little to do. The result does not depend on it, nor on the order of the pictures.

    Raises UserError for a distance out of range or an unknown rule, and Cancelled.
    """
    if not 0 <= distance <= LOOSEST:
        raise UserError(f"the distance must be between 0 and {LOOSEST}")
    radii = (look_radius, whole_radius)
    if isinstance(source, Workspace):
        return _in_workspace(source, distance, rules, radii, workers, job)
    verifier = Verifier(source)
    links = _search(source, verifier, VerifiedLinks(), radii, job)
    judged = _judged(links, source, _enlargements(links, source, verifier, {}, job))
    return DuplicateReport(links, judged, distance=distance, rules=rules)


def _in_workspace(
    workspace: Workspace, distance: float, rules: Sequence[str], radii: tuple[int, int], workers: int, job: Job
) -> DuplicateReport:
    """`find_duplicates` for a workspace, using earlier findings."""
    if not workspace.read_only and described_otherwise(workspace):
        describe_again(workspace, job)
    pictures = WorkspaceSource(workspace, job=job)
    known = load_findings(workspace.folder, radii)
    if not known.seqs <= set(pictures.seqs.tolist()):
        known = VerifiedLinks()  # of another workspace, or made up
    with Verifier(pictures, workers, workspace.folder) as verifier:
        links = _search(pictures, verifier, known, radii, job)
    enlargements = _enlargements(links, pictures, verifier, known.enlargements, job)
    last = int(pictures.seqs[-1]) if len(pictures.seqs) else 0
    # Unreadable pictures must be compared again once they can be read. Findings are derived data, so commands that only
    # read save them too.
    if last > known.last and not pictures.unreadable:
        with contextlib.suppress(OSError):  # on a full or read-only disk the next search only takes longer
            save_findings(workspace.folder, VerifiedLinks(links, last, enlargements), radii)
            forget_unfinished(workspace.folder)
    shown = [sprite.seq for sprite in pictures.sprites if sprite.status != "dropped"]
    links = links.taken(np.asarray(np.isin(links.pairs, shown).all(axis=1)))
    query = "SELECT a, b FROM pairs WHERE verdict = 'distinct'"
    apart = [(int(a), int(b)) for a, b in workspace.connection.execute(query)]
    report = DuplicateReport(links, _judged(links, pictures, enlargements), distance=distance, rules=rules, apart=apart)
    report.unreadable = tuple(pictures.sprites[row].name for row in sorted(pictures.unreadable))
    return report


def _search(source: PictureSource, verifier: Verifier, known: VerifiedLinks, radii: tuple[int, int], job: Job) -> Links:
    """All links by row number, including known ones, sorted."""
    first_new = int(np.searchsorted(source.seqs, known.last, side="right"))
    if first_new == len(source.seqs):
        return Links.of(known.links)
    verifier.expect(len(source.seqs) - first_new)
    old = Links.of(known.links)
    old = old.renamed(np.searchsorted(source.seqs, old.pairs))
    pairs = candidates(source.fingerprints, look_radius=radii[0], whole_radius=radii[1], first_new=first_new, job=job)
    links = old.with_others(verifier.links(pairs, job))
    blank = blank_links(source, links, first_new, job)
    verifier.enlargements |= {row: 1 for link in blank for row in (link.i, link.j)}  # unknown for a single colour
    links = links.with_others(blank)
    wanted = pairs_to_judge(links.pairs, pairs, first_new, len(source.seqs))
    if len(wanted):
        rows, turned = np.repeat(wanted, 2, axis=0), np.tile(np.array([False, True]), len(wanted))
        links = links.with_others(verifier.links(Candidates(rows[:, 0], rows[:, 1], turned), job))
    return links.renamed(source.seqs[links.pairs])


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
    for size in np.unique(sizes[few]).tolist():
        groups = few & (sizes == size)
        around = ends[start[groups, None] + np.arange(size), 1]
        a, b = np.triu_indices(size, 1)
        names = around[:, a] * count + around[:, b]
        found.append(names[np.maximum(middles[groups, None], around[:, b]) >= first_new])
    names = np.unique(np.concatenate(found))
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


def _judged(links: Links, source: PictureSource, enlargements: dict[int, int]) -> dict[int, Judged]:
    """The facts for the rules about every linked picture, by row number."""
    linked = links.ends
    rows = np.searchsorted(source.seqs, linked)
    areas = boxes(source.fingerprints[rows])[:, 2:].prod(axis=1)
    return {
        seq: Judged(source.facts[row], area, enlargements[seq])
        for seq, row, area in zip(linked.tolist(), rows.tolist(), areas.tolist(), strict=True)
    }
