"""`find_duplicates`: from pictures to a report of verified relations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gandam_studio.core.duplicates.candidates import LOOK_RADIUS, WHOLE_RADIUS, Candidates, candidates
from gandam_studio.core.duplicates.keeping import DEFAULT_RULES, Judged, enlargement
from gandam_studio.core.duplicates.report import DEFAULT_DISTANCE, DuplicateReport
from gandam_studio.core.duplicates.sources import PictureSource, WorkspaceSource
from gandam_studio.core.duplicates.verifying import KEPT_DISTANCE, Link, Verifier
from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.workspace import Workspace

_COMPLETED_GROUP = 64  # members; of larger groups only the links that the hashes found are known


def find_duplicates(
    source: Workspace | PictureSource,
    *,
    distance: float = DEFAULT_DISTANCE,
    rules: Sequence[str] = DEFAULT_RULES,
    look_radius: int = LOOK_RADIUS,
    whole_radius: int = WHOLE_RADIUS,
    job: Job = NULL_JOB,
) -> DuplicateReport:
    """Find duplicates and relatives: hashes nominate pairs, pixels after alignment decide, groups hold without drift.

    source: a workspace, of which the sprites not dropped are compared, or any PictureSource. distance: how unlike two
    pictures of a group may be, 0 (same pixels) to `verifying.KEPT_DISTANCE`. rules: see `keeping.RULES`. look_radius,
    whole_radius: Hamming radii of the nomination (`candidates`). The result does not depend on the pictures' order.

    Raises UserError for a distance out of range or an unknown rule, Cancelled when the job was.
    """
    if not 0 <= distance <= KEPT_DISTANCE:
        raise UserError(f"the distance must be between 0 and {KEPT_DISTANCE}")
    apart: list[tuple[int, int]] = []
    if isinstance(source, Workspace):
        query = "SELECT a, b FROM pairs WHERE verdict = 'distinct'"
        apart = [(int(a), int(b)) for a, b in source.connection.execute(query)]
        pictures: PictureSource = WorkspaceSource(source, job=job)
    else:
        pictures = source
    pairs = candidates(pictures.fingerprints, look_radius=look_radius, whole_radius=whole_radius, job=job)
    verifier = Verifier(pictures)
    links = verifier.links(pairs, job)
    links = _completed(links, pairs, verifier, job)
    judged = _judged(links, pictures, verifier, job)
    return DuplicateReport(pictures, links, judged, distance=distance, rules=rules, apart=apart)


def _completed(links: list[Link], pairs: Candidates, verifier: Verifier, job: Job) -> list[Link]:
    """The links, and those between pictures that share a neighbour but were not nominated together.

    Hashes may miss a pair that a third picture shows to be worth comparing: whoever keeps the group should be related
    to every member directly.
    """
    neighbours: dict[int, list[int]] = {}
    for link in links:
        neighbours.setdefault(link.i, []).append(link.j)
        neighbours.setdefault(link.j, []).append(link.i)
    seen = set(zip(pairs.i.tolist(), pairs.j.tolist(), strict=True))
    wanted = {
        (a, b)
        for around in neighbours.values()
        if len(around) <= _COMPLETED_GROUP
        for a in around
        for b in around
        if a < b and (a, b) not in seen
    }
    if not wanted:
        return links
    rows = np.array(sorted(wanted), dtype=np.int64)
    both = np.repeat(rows, 2, axis=0)
    turned = np.tile(np.array([False, True]), len(rows))
    return sorted([*links, *verifier.links(Candidates(both[:, 0], both[:, 1], turned), job)], key=lambda x: (x.i, x.j))


def _judged(links: list[Link], source: PictureSource, verifier: Verifier, job: Job) -> dict[int, Judged]:
    """What the rules need to know of every linked picture, by row."""
    rows = sorted({row for link in links for row in (link.i, link.j)})
    job.start("Weighing pictures", len(rows))
    judged = {}
    for row in rows:
        content, _ = verifier.content(row)
        area = content.rgba.shape[0] * content.rgba.shape[1]
        judged[row] = Judged(source.facts[row], area, enlargement(content.rgba))
        job.advance()
    return judged
