"""Scales that depend on a whole version: how long the longest picture is of those that are scaled alike."""

from __future__ import annotations

import struct
from contextlib import closing
from typing import TYPE_CHECKING

from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.versions import files
from gandam_studio.core.versions.model import ManifestVersion
from gandam_studio.core.versions.pictures import scale_group
from gandam_studio.core.versions.rendering_pool import in_order
from gandam_studio.core.versions.rendering_worker import Rendering
from trainer.protocol.recipe import Recipe

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace


def measure(workspace: Workspace, version: ManifestVersion, recipe: Recipe, job: Job = NULL_JOB) -> dict[str, int]:
    """Return the longest side in pixels of each group of pictures that are scaled alike (`pictures.scale_group`).

    Empty unless the recipe's scale is relative. Otherwise every original is decoded once: what is trimmed is known
    only then. Sprites that are scaled alone are left out. Raises UserError (missing original) and Cancelled.
    """
    if not recipe.is_relative:
        return {}
    found: dict[str, int] = {}
    rendering = Rendering(workspace.originals.folder, recipe, "#ffffff", png=False, measures=True)
    job.start("Measuring", version.sprites)
    entries = files.manifest_entries(workspace, version, verified=True)
    alike = (entry for entry in entries if recipe.scale == "set" or entry.family)
    with closing(in_order(rendering, alike, version.sprites, job)) as chunks:
        for some, sides in chunks:
            for entry, side in zip(some, sides, strict=True):
                group = scale_group(entry, recipe)
                found[group] = max(found.get(group, 0), *struct.unpack("<I", side))
            job.advance(len(some))
    return found
