"""Samples that come back into the workspace: as candidates, which no version holds until a person keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.importing.scan import Pasted
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.runs.handing_over import FinishedSamples, file_names, png_of

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace


def take_in(workspace: Workspace, done: FinishedSamples, *, job: Job = NULL_JOB) -> int:
    """Import finished samples; the number of new sprites.

    They are undecided and tagged `lineage.GENERATED`; their originals say run, iteration, seed and manifest
    (`lineage.lineage_of`). A sprite that was there already stays as it is. Raises UserError and Cancelled.
    """
    samples = done.samples
    sources = [
        Pasted(f"{name}.png", png_of(picture, {**samples.facts, "index": index, **samples.named(index)}))
        for index, (name, picture) in enumerate(zip(file_names(samples), done.pictures, strict=True))
    ]
    return import_sources(workspace, sources, job=job, options=ImportOptions(carry_over=False)).imported
