"""Reducing enlarged sprites to their own grid: new sprites take over the decisions, the enlarged ones are dropped."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import PurePath

import cv2
import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.errors import NothingMatches
from gandam_studio.core.importing import import_sources
from gandam_studio.core.importing.options import ImportOptions
from gandam_studio.core.importing.scan import Pasted
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.pictures.decoding import sprite_id
from gandam_studio.core.suggestions.odd import OddOne
from gandam_studio.core.suggestions.pixel_grid import reduced
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import SetValues
from gandam_studio.core.workspace.history import Changes
from gandam_studio.core.workspace.lookups import seqs_by_id
from gandam_studio.core.workspace.sprite import Sprite, join_tags

REASON = "enlarged"
_DECISIONS = ("status", "reason", "flipped", "rotation", "facing", "tags", "family", "weight", "split")


def reduce_enlarged(workspace: Workspace, found: Sequence[OddOne], job: Job = NULL_JOB) -> Changes:
    """Import each enlarged sprite at its own scale, pass its decisions on, and drop it for the reason "enlarged".

    The decisions are one edit; undone, the reduced sprites stay, undecided. One that was there before keeps what was
    decided about it. Others are left out (`OddOne.is_reducible`). Raises NothingMatches if none is left, and Cancelled.
    """
    workspace.require_writable()
    enlarged = [one for one in found if one.is_reducible]
    if not enlarged:
        raise NothingMatches("no sprite is enlarged, so nothing was changed")
    sources, ids = [], {}
    for one in enlarged:
        sprite = one.sprite
        picture = reduced(workspace.pixels(sprite), one.scale)
        sources.append(Pasted(f"{PurePath(sprite.name).stem}-reduced.png", _png(picture)))
        ids[sprite.seq] = sprite_id(picture)
    import_sources(workspace, sources, job=job, options=ImportOptions(workers=1))
    rows = dict(seqs_by_id(workspace))
    decided: dict[int, Sprite] = {}
    dropped: list[int] = []
    for large in (one.sprite for one in enlarged):
        seq = rows.get(ids[large.seq])
        if seq is None or seq == large.seq:
            continue
        decided[seq] = _taken_over(decided.get(seq) or workspace.sprite(seq), large)
        dropped.append(large.seq)
    values: dict[str, dict[int, object]] = {
        name: {seq: _stored(name, getattr(one, name)) for seq, one in decided.items()} for name in _DECISIONS
    }
    values["status"] |= dict.fromkeys(dropped, "dropped")
    values["reason"] |= dict.fromkeys(dropped, REASON)
    return workspace.apply(SetValues(values, "Reduce to their own pixels"))


def _taken_over(small: Sprite, large: Sprite) -> Sprite:
    """A sprite with what was decided about an enlarged one, where nothing was decided about itself."""
    found = dataclasses.replace(
        small,
        tags=tuple(sorted({*small.tags, *large.tags})),
        family=small.family or large.family,
        weight=large.weight if small.weight == 1 else small.weight,
        split=small.split or large.split,
    )
    if small.status != "kept":
        found = dataclasses.replace(found, status=large.status, reason=large.reason)
    if small.facing == "unknown" and not small.flipped and not small.rotation:
        found = dataclasses.replace(found, facing=large.facing, flipped=large.flipped, rotation=large.rotation)
    return found


def _stored(name: str, value: object) -> object:
    """A decision as its column has it."""
    if name == "tags":
        assert isinstance(value, tuple)
        return join_tags(value)
    return int(value) if isinstance(value, bool) else value


def _png(picture: NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))
    assert done
    return data.tobytes()
