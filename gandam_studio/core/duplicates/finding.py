"""`find_duplicates`: searches pictures for duplicates and returns a report of verified relations."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

from gandam_studio.core.duplicates.keeping import DEFAULT_RULES, Judged
from gandam_studio.core.duplicates.links import (
    LOOK_RADIUS,
    LOOSEST,
    WHOLE_RADIUS,
    Links,
    VerifiedLinks,
    load_findings,
    save_findings,
)
from gandam_studio.core.duplicates.report import DEFAULT_DISTANCE, DuplicateReport
from gandam_studio.core.duplicates.sources import PictureSource, WorkspaceSource, described_otherwise
from gandam_studio.core.errors import UserError
from gandam_studio.core.hashing.layout import boxes
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.workspace import Workspace


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
    from gandam_studio.core.duplicates.searching import search

    found = search(source, VerifiedLinks(), radii, job=job)
    judged = _judged(Links.of(found.links), source, found.enlargements)
    report = DuplicateReport(found.links, judged, distance=distance, rules=rules)
    report.nearest = found.nearest
    return report


def _in_workspace(
    workspace: Workspace, distance: float, rules: Sequence[str], radii: tuple[int, int], workers: int, job: Job
) -> DuplicateReport:
    """`find_duplicates` for a workspace, using earlier findings."""
    if not workspace.read_only and described_otherwise(workspace):
        from gandam_studio.core.importing.repair import describe_again

        describe_again(workspace, job)
    pictures = WorkspaceSource(workspace, job=job)
    known = load_findings(workspace.folder, radii)
    if not known.seqs <= set(pictures.seqs.tolist()):
        known = VerifiedLinks()  # of another workspace, or made up
    last = int(pictures.seqs[-1]) if len(pictures.seqs) else 0
    links, enlargements, nearest = Links.of(known.links), known.enlargements, known.nearest
    if last > known.last or not enlargements.keys() >= {*links.ends.tolist()}:
        # What compares pictures is loaded only where there are any to compare: that takes longer than the rest.
        from gandam_studio.core.duplicates.searching import search
        from gandam_studio.core.duplicates.unfinished import forget_unfinished

        found = search(pictures, known, radii, workers=workers, folder=workspace.folder, job=job)
        links, enlargements, nearest = Links.of(found.links), found.enlargements, found.nearest
        # Unreadable pictures must be compared again once they can be read. Findings are derived data, so commands that
        # only read save them too.
        if last > known.last and not pictures.unreadable:
            with contextlib.suppress(OSError):  # on a full or read-only disk the next search only takes longer
                save_findings(workspace.folder, found, radii)
                forget_unfinished(workspace.folder)
    shown = [sprite.seq for sprite in pictures.sprites if sprite.status != "dropped"]
    links = links.taken(np.asarray(np.isin(links.pairs, shown).all(axis=1)))
    query = "SELECT a, b FROM pairs WHERE verdict = 'distinct'"
    apart = [(int(a), int(b)) for a, b in workspace.connection.execute(query)]
    report = DuplicateReport(links, _judged(links, pictures, enlargements), distance=distance, rules=rules, apart=apart)
    report.nearest = nearest
    report.unreadable = tuple(pictures.sprites[row].name for row in sorted(pictures.unreadable))
    return report


def _judged(links: Links, source: PictureSource, enlargements: dict[int, int]) -> dict[int, Judged]:
    """The facts for the rules about every linked picture, by row number."""
    linked = links.ends
    rows = np.searchsorted(source.seqs, linked)
    areas = boxes(source.fingerprints[rows])[:, 2:].prod(axis=1)
    return {
        seq: Judged(source.facts[row], area, enlargements[seq])
        for seq, row, area in zip(linked.tolist(), rows.tolist(), areas.tolist(), strict=True)
    }
