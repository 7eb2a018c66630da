"""`report`: one page about runs, complete in itself, for people who have nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gandam_studio.commands.console import (
    Output,
    chosen_folder,
    counted,
    force_option,
    json_option,
    printable,
    workspace_option,
)
from gandam_studio.commands.progress import ConsoleJob

if TYPE_CHECKING:
    from trainer.protocol.run_directory import RunDirectory


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...|EXPERIMENT")
@click.option("--out", "target", type=click.Path(path_type=Path), required=True, help="The .html file to write.")
@click.option(
    "--samples",
    type=click.IntRange(0, 1024),
    default=64,
    show_default=True,
    help="Final samples drawn from the newest checkpoint; 0 takes those that the run has saved.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Their seed.")
@click.option("--iteration", metavar="N", help="Draw them from an older checkpoint, or best.")
@click.option("--exact", is_flag=True, help="Never round colours of samples; leave moments out instead.")
@force_option
@workspace_option
@json_option
def report(
    folder: Path | None,
    as_json: bool,
    runs: tuple[str, ...],
    target: Path,
    samples: int,
    seed: int,
    iteration: str | None,
    exact: bool,
    force: bool,
) -> None:
    """Write one page about one to four runs that anybody can open: no network, no program, under 10 MB.

    It has the verdicts with their numbers, charts and samples under one slider, a wipe between two moments, samples
    that nobody picked, settings, data, what differs between the runs, and how to repeat and check it all. RUN is a run
    of this workspace or the folder of a run. Of an EXPERIMENT, the page has the effects with their intervals and
    verdicts, and its first four runs.
    """
    from gandam_studio.core.reports.trying import shown_runs
    from gandam_studio.core.reports.writing import MOST_RUNS, ReportPlan, write_report

    out = Output(as_json)
    plan = ReportPlan(samples, seed, iteration, exact)
    experiment = _experiment(folder, runs[0]) if len(runs) == 1 else None
    found = shown_runs(experiment, MOST_RUNS) if experiment else [_found(folder, text) for text in runs]
    with ConsoleJob() as job:
        answer = write_report(found, target.absolute(), plan, experiment=experiment, force=force, job=job)
    answer["out"] = str(target)
    out.json(answer)
    for run, missing in zip(answer["runs"], answer["missing"], strict=True):
        for line in missing:
            out.note(f"{printable(run)}: {printable(line)}")
    shown, known = sum(answer["moments"]), sum(answer["known"])
    size = answer["bytes"] / 1e6
    out.say(f"wrote {target}: {counted(len(found), 'run')}, {shown:,} of {counted(known, 'moment')}, {size:.1f} MB")


def _found(folder: Path | None, text: str) -> RunDirectory:
    from gandam_studio.core.runs import find_run
    from gandam_studio.core.workspace import Workspace
    from trainer.protocol.run_directory import RunDirectory

    path = Path(text)
    if (path / "config.json").is_file() or (path / "events.jsonl").is_file():
        return RunDirectory(path.absolute())
    with Workspace.open(chosen_folder(folder), read_only=True) as workspace:
        return find_run(workspace, text)


def _experiment(folder: Path | None, text: str) -> Path | None:
    """The folder of an experiment of this workspace, or at this path; None if it is none."""
    from gandam_studio.core.reports.trying import PLAN

    own = [chosen_folder(folder) / "experiments" / text] if Path(text).name == text else []
    for path in (*own, Path(text)):
        if (path / PLAN).is_file():
            return path.absolute()
    return None
