"""Verified relations, saved next to the workspace so that the next search compares only new sprites."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gandam_studio.core.duplicates.relations import RELATIONS, Transform, Verdict
from gandam_studio.core.workspace.described import FINGERPRINT_VERSION
from trainer.protocol.files import own_folder, write_bytes

LOOSEST = 0.7  # largest distance of saved relations, and the end of the slider
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
_VERSION = 9  # of the verdicts; raise it when `measures`, `relations` or `blanks` decide otherwise


@dataclass(frozen=True)
class Link:
    """Two related pictures, i < j, with the verdict for j aligned with i.

    Rows of the source during a search, then row numbers of the workspace.
    """

    i: int
    j: int
    verdict: Verdict


@dataclass(frozen=True)
class Findings:
    """The findings for the sprites up to a row number.

    Attributes:
        links: their verified relations, by row number.
        last: the last row number that was compared; 0 for none.
        enlargements: the enlargement (`enlarging.enlargement`) of each linked sprite, by row number.
    """

    links: list[Link] = field(default_factory=list)
    last: int = 0
    enlargements: dict[int, int] = field(default_factory=dict)

    @property
    def seqs(self) -> set[int]:
        """Every row number that is named."""
        return {seq for link in self.links for seq in (link.i, link.j)} | ({self.last} if self.last else set())


def links_path(folder: Path) -> Path:
    """Return the path of a workspace's findings. The file is derived and may be deleted."""
    return folder / "duplicates" / "links.npz"


def save_findings(folder: Path, findings: Findings, radii: tuple[int, int]) -> None:
    """Write the findings atomically, unless another process has saved those of later sprites in the meantime.

    Raises OSError, also if the folder is a link.
    """
    path = links_path(folder)
    own_folder(path.parent)
    if _stored_last(path, radii) > findings.last:
        return
    links = findings.links
    transforms = [link.verdict.transform for link in links]
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        header=np.array([_VERSION, FINGERPRINT_VERSION, *radii, findings.last], dtype=np.int64),
        pairs=np.array([(link.i, link.j) for link in links], dtype=np.int64).reshape(-1, 2),
        relations=np.array([RELATIONS.index(link.verdict.relation) for link in links], dtype=np.int8),
        judged=np.array([(link.verdict.distance, link.verdict.confidence) for link in links]).reshape(-1, 2),
        places=np.array([(t.scale_x, t.scale_y, t.shift_x, t.shift_y) for t in transforms]).reshape(-1, 4),
        enlargements=np.array(sorted(findings.enlargements.items()), dtype=np.int64).reshape(-1, 2),
        changes=np.array(
            [(t.mirrored, t.recoloured, t.resized, t.cropped, t.re_encoded) for t in transforms], dtype=bool
        ).reshape(-1, 5),
    )
    write_bytes(path, stream.getvalue())


def load_findings(folder: Path, radii: tuple[int, int]) -> Findings:
    """Return the findings of an earlier search with the same versions and radii; empty if there are none."""
    try:
        with np.load(links_path(folder), allow_pickle=False) as stored:
            if not (last := _last(stored, radii)):
                return Findings()
            enlargements = dict(stored["enlargements"].tolist())
            columns = [stored[name].tolist() for name in ("pairs", "relations", "judged", "places", "changes")]
    except _UNREADABLE:
        return Findings()
    return Findings([_link(*row) for row in zip(*columns, strict=True)], last, enlargements)


def _stored_last(path: Path, radii: tuple[int, int]) -> int:
    """The last row number of saved findings; 0 if there are none with the same versions and radii."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return _last(stored, radii)
    except _UNREADABLE:
        return 0


def _last(stored: Mapping[str, np.ndarray], radii: tuple[int, int]) -> int:
    *made_with, last = stored["header"].tolist()
    return int(last) if made_with == [_VERSION, FINGERPRINT_VERSION, *radii] else 0


def link_from(i: int, j: int, relation: str, distance: float, confidence: float, *transform: Any) -> Link:
    """Build a link from plain values; those of the transform come in the order of its attributes."""
    return Link(i, j, Verdict(relation, Transform(*transform), distance, confidence))


def _link(
    pair: Sequence[int], relation: int, judged: Sequence[float], place: Sequence[float], changes: Sequence[bool]
) -> Link:
    """One row of the stored table."""
    mirrored, recoloured, resized, cropped, re_encoded = changes
    scale_x, scale_y, shift_x, shift_y = place
    transform = Transform(
        mirrored, scale_x, scale_y, shift_x, shift_y, recoloured, resized, cropped, re_encoded=re_encoded
    )
    return Link(pair[0], pair[1], Verdict(RELATIONS[relation], transform, judged[0], judged[1]))
