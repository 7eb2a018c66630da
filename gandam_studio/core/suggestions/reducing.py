"""Reducing enlarged sprites to their own grid: new sprites take over the decisions, the enlarged ones are dropped."""

from __future__ import annotations

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
from gandam_studio.core.workspace.sprite import join_tags

REASON = "enlarged"


def reduce_enlarged(workspace: Workspace, found: Sequence[OddOne], job: Job = NULL_JOB) -> Changes:
    """Import each enlarged sprite at its own scale, pass its decisions on, and drop it for the reason "enlarged".

    The decisions are one edit; undone, the reduced sprites stay, undecided. Others are left out
    (`OddOne.is_reducible`). Raises NothingMatches if none is left, and Cancelled.
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
    values: dict[str, dict[int, object]] = {
        "status": {}, "reason": {}, "flipped": {}, "rotation": {}, "facing": {}, "tags": {}, "family": {}, "weight": {}
    }  # fmt: skip
    for sprite in (one.sprite for one in enlarged):
        seq = rows.get(ids[sprite.seq])
        if seq is None or seq == sprite.seq:
            continue
        values["status"] |= {seq: sprite.status, sprite.seq: "dropped"}
        values["reason"] |= {seq: sprite.reason, sprite.seq: REASON}
        for name, value in (
            ("flipped", int(sprite.flipped)), ("rotation", sprite.rotation), ("facing", sprite.facing),
            ("tags", join_tags(sprite.tags)), ("family", sprite.family), ("weight", sprite.weight),
        ):  # fmt: skip
            values[name][seq] = value
    return workspace.apply(SetValues(values, "Reduce to their own pixels"))


def _png(picture: NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))
    assert done
    return data.tobytes()
