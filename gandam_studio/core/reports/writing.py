"""Writes a report to a file: read, draw, choose, write; complete or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.reports.facts import read_facts
from gandam_studio.core.reports.finals import final_samples
from gandam_studio.core.reports.page import Contents, page
from gandam_studio.core.reports.pictures import Album, make_album
from gandam_studio.core.reports.trying import experiment_section, eye_section, read_results, title_of
from gandam_studio.core.runs.samples import FIXED, RANDOM
from trainer.protocol import outputs
from trainer.protocol.errors import TrainerError
from trainer.protocol.run_directory import RunDirectory

SUFFIXES = (".html", ".htm")
LARGEST_PAGE = 10_000_000
"""Bytes of a page."""
LEAST_ALBUM = 200_000
"""Bytes that grids may always take, however much the rest of a page needs."""
MARGIN = 20_000
"""Bytes for what is only known when the grids are chosen."""
MOST_RUNS = 4
MOST_SAMPLES = 1024
SAMPLES = 64


@dataclass(frozen=True)
class ReportPlan:
    """What a report shows.

    Attributes:
        samples: how many final samples are drawn; 0 takes those that the run has saved. seed: which ones.
        iteration: the checkpoint that draws them: its iteration, "best", or None for the newest.
        exact: every grid keeps its exact pixels; more moments are left out then.
        most: bytes of the page.
    """

    samples: int = SAMPLES
    seed: int = 0
    iteration: str | None = None
    exact: bool = False
    most: int = LARGEST_PAGE


def check_report(
    runs: Sequence[RunDirectory], target: Path, *, experiment: Path | None = None, force: bool = False
) -> None:
    """Raise UserError if no report can be written to `target`."""
    if (not runs and experiment is None) or len(runs) > MOST_RUNS:
        raise UserError(f"a report is about one to {MOST_RUNS} runs, not {len(runs)}")
    if target.suffix.lower() not in SUFFIXES:
        raise UserError(f"{target.name or target} must end in .html")
    if not target.is_absolute():
        raise UserError(f"{target} is no full path")
    if not target.parent.is_dir():
        raise UserError(f"there is no folder {target.parent}")
    try:
        outputs.check_file(target, force=force, near=_near(runs, experiment))
    except TrainerError as error:
        raise UserError.of(error) from None


def _near(runs: Sequence[RunDirectory], experiment: Path | None) -> list[Path]:
    return [*(run.path for run in runs), *([experiment] if experiment else [])]


def write_report(
    runs: Sequence[RunDirectory], target: Path, plan: ReportPlan | None = None, *, experiment: Path | None = None,
    force: bool = False, job: Job = NULL_JOB,
) -> dict[str, Any]:  # fmt: skip
    """Write a report about runs to `target`, which is complete or unchanged.

    experiment: the folder of one whose results come first; then there need be no runs.

    Returns {"out", "runs", "bytes", "moments": in the page, of each run, "known": saved, of each, "missing": what each
    lacks}. Raises UserError and Cancelled.
    """
    plan = plan or ReportPlan()
    check_report(runs, target, experiment=experiment, force=force)
    results = read_results(experiment) if experiment else None
    facts = [read_facts(run, job) for run in runs]
    drawn = [
        final_samples(
            one, count=plan.samples, seed=plan.seed, iteration=plan.iteration, runs=len(facts), job=job
        )
        for one in facts
    ]  # fmt: skip
    first = [experiment_section(results)] if results is not None else []
    eye = eye_section(runs, {run.name: one.title for run, one in zip(runs, facts, strict=True)})
    contents = Contents(facts, drawn, first, title_of(results) if results is not None else "", eye)
    job.start("Writing the page", None)
    nothing = [0] * len(facts)
    empty = Album(grids=[{FIXED: [], RANDOM: []} for _ in facts], known=nothing, unreadable=nothing)
    rest = len(page(contents, empty).encode())
    if rest > LARGEST_PAGE:  # Results and events that others wrote may hold any amount of text.
        raise UserError(f"the text alone would be {rest / 1e6:,.1f} MB; at most {LARGEST_PAGE / 1e6:.0f} are allowed")
    album = make_album(facts, max(LEAST_ALBUM, plan.most - rest - MARGIN), exact=plan.exact, job=job)
    job.start("Writing the page", None)
    text = page(contents, album).encode()
    try:
        with outputs.new_file(target, force=force, near=_near(runs, experiment)) as stream:
            stream.write(text)
            job.check()
    except TrainerError as error:
        raise UserError.of(error) from None
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}") from None
    return {
        "out": str(target),
        "runs": [run.name for run in runs],
        "bytes": len(text),
        "moments": [album.shown(number) for number in range(len(facts))],
        "known": album.known,
        "missing": [one.missing for one in facts],
    }
