"""Runs an experiment: creates its runs, trains one after the other, and measures them.

A run is measured when it has finished, whether this process, the window or `train --resume` trained it. So any part may
stop at any moment; running the experiment again continues where it was.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import Popen
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.designs import Combination
from gandam_studio.core.experiments.folder import DONE, FAILED, Experiment, Outcome
from gandam_studio.core.experiments.growth import SUBSET
from gandam_studio.core.experiments.plan import Cell, Plan
from gandam_studio.core.experiments.results import write_results
from gandam_studio.core.jobs import NULL_JOB, Cancelled, Job
from gandam_studio.core.runs import ask, create_run, start
from gandam_studio.core.runs.datasets import PreparedDataset, prepare
from gandam_studio.core.runs.labels import set_label
from gandam_studio.core.runs.listing import training_recipe
from gandam_studio.core.runs.process import start_command
from gandam_studio.core.runs.queue import RunQueue
from gandam_studio.core.versions import ManifestVersion, SplitRule, assign_splits, find_version
from gandam_studio.core.versions.files import recipe_of
from gandam_studio.core.versions.splits import TRAIN, inseparable
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.lineage import GENERATED
from trainer.protocol.advice import setting_name
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import Alarm
from trainer.protocol.manifest import read_manifest
from trainer.protocol.remedies import Remedy
from trainer.protocol.run_directory import RunDirectory, RunState
from trainer.protocol.suitability import LEAST_HELD_OUT, training_count
from trainer.protocol.untrusted import shortened

POLL_S = 0.5
MOST_ATTEMPTS = 50
"""Of a run that is interrupted again and again."""
ENDED = ("finished", "failed", "damaged")
MOST_MEASURED = 16
Say = Callable[[str], None]
"""Receives a line about what is going on."""


# Before it starts


def estimate(plan: Plan, job: Job = NULL_JOB) -> dict[str, Any]:
    """What an experiment will cost on this machine: {"runs", "seconds", "measured"}; trains a few steps to find out.

    Of more than 16 combinations, some spread over the design are measured. Starting the trainer is counted too, twice
    for each run: to train and to measure. Where the budget is seconds, this alone is measured, of one combination.
    Raises UserError and Cancelled.
    """
    combinations = plan.layout.combinations
    chosen = combinations[:: -(-len(combinations) // MOST_MEASURED)]
    if plan.budget.seconds:
        chosen = combinations[:1]
    job.start("Measuring a step of each kind of run", len(chosen))
    found = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "config.json"
        for combination in chosen:
            path.write_text(json.dumps(plan.config(combination, plan.seeds[0]).to_json()), encoding="utf-8")
            began = time.monotonic()
            told = ask("preflight", str(path), job=job)["seconds"]
            training = plan.budget.seconds or float(told or 0.0)
            found.append(training + 2 * (time.monotonic() - began))
            job.advance(1)
    mean = sum(found) / len(found)
    return {"runs": len(plan.cells), "seconds": mean * len(plan.cells), "measured": len(found)}


def check_data(workspace: Workspace, plan: Plan) -> None:
    """Raise UserError where the data do not fit the plan, which would show only after hours of training.

    A version is missing or is not what it was when the plan was made; with some seed too few sprites are held out to
    measure by, or fewer are left to train on than a level of `data.subset` says.
    """
    version = find_version(workspace, plan.version)
    if plan.digest and version.digest != plan.digest:
        raise UserError(f"{plan.version} is not the version that the experiment was made for")
    labels = {plan.version_of(combination) for combination in plan.layout.combinations} | {plan.version}
    links = inseparable(workspace)
    counts = {label: _counts(workspace, find_version(workspace, label), plan, links) for label in sorted(labels)}
    for seed in plan.seeds:
        held_out, _ = counts[plan.version][seed]
        if held_out < LEAST_HELD_OUT:
            raise UserError(
                f"with seed {seed} only {held_out} sprites of {plan.version} are held out, and quality (KID) needs "
                f"{LEAST_HELD_OUT}: hold out more than {plan.held_out:.0%}, or use more sprites",
                Remedy.HOLD_OUT,
            )
    if any(SUBSET in level.settings for factor in plan.factors for level in factor.levels):
        for combination in plan.layout.combinations:
            for seed in plan.seeds:
                _check_subset(plan, combination, seed, counts[plan.version_of(combination)][seed][1])


def _counts(
    workspace: Workspace, version: ManifestVersion, plan: Plan, links: Sequence[tuple[str, str]]
) -> dict[int, tuple[int, int]]:
    """Seed -> (sprites held out, sprites left to train on)."""
    try:
        entries = list(read_manifest(workspace.manifest_path(version.digest)))
    except (OSError, ValueError) as error:
        raise UserError(f"{version.label} cannot be read: {error}") from None
    groups = {entry.id: entry.family for entry in entries}
    generated = {entry.id for entry in entries if GENERATED in entry.tags}
    found = {}
    for seed in plan.seeds:
        splits = assign_splits(groups, SplitRule(seed, plan.held_out), links, generated)
        trained = sum(split == TRAIN for split in splits.values())
        found[seed] = (len(splits) - trained, trained)
    return found


def _check_subset(plan: Plan, combination: Combination, seed: int, trained: int) -> None:
    config = plan.config(combination, seed)
    there = training_count(dataclasses.replace(config, data=dataclasses.replace(config.data, subset=0)), trained)
    if config.data.subset > there:
        data = plan.version_of(combination)
        raise UserError(
            f"“{setting_name(SUBSET)}” ({SUBSET}={config.data.subset}): of {data} only {there} sprites, "
            f"with seed {seed}, are trained on"
        )


# Runs


def make_runs(workspace: Workspace, experiment: Experiment, job: Job = NULL_JOB) -> int:
    """Create the runs that are missing, in the order they are trained in.

    They do not join the queue of the machine's other runs: the next window that is opened would continue an experiment
    that was stopped.

    Returns how many were made. Raises UserError and Cancelled; those made so far stay.
    """
    check_data(workspace, experiment.plan)
    made, outcomes = experiment.runs(), experiment.outcomes()
    missing = [cell for cell in experiment.plan.order if cell.number not in made and cell.number not in outcomes]
    job.start("Making the runs", len(missing))
    for cell in missing:
        job.check()
        _make_run(workspace, experiment, cell, job)
        job.advance(1)
    return len(missing)


def needs_runs(experiment: Experiment) -> bool:
    """Whether runs have to be made, which needs the workspace to write to."""
    made, outcomes = experiment.runs(), experiment.outcomes()
    return any(cell.number not in made and cell.number not in outcomes for cell in experiment.plan.cells)


def _make_run(workspace: Workspace, experiment: Experiment, cell: Cell, job: Job) -> None:
    plan = experiment.plan
    version = find_version(workspace, plan.version_of(cell.combination))

    def complete(run: RunDirectory) -> None:
        experiment.mark(run, cell)
        set_label(
            run.path, name=shortened(f"{experiment.title}: {plan.describe(cell.combination)}, seed {cell.seed}", 200)
        )

    config = plan.config(cell.combination, cell.seed)
    # The measure's own pictures are held out of every version by the same rule.
    split = SplitRule(cell.seed, plan.held_out)
    create_run(workspace, version, config, split=split, complete=complete, job=job)
    if version.label != plan.version:
        _reference(workspace, plan, cell.seed, config, job)


def _reference(workspace: Workspace, plan: Plan, seed: int, config: TrainConfig, job: Job) -> PreparedDataset:
    """The pictures that all cells of a seed are measured by: the plan's own version, whatever a cell learns from."""
    version: ManifestVersion = find_version(workspace, plan.version)
    recipe = training_recipe(recipe_of(workspace, version), config)
    return prepare(workspace, version, recipe, split=SplitRule(seed, plan.held_out), job=job)


def leave_queue(experiment: Experiment) -> None:
    """Take the cells that wait in the machine's queue out of it; earlier versions of the program put them there."""
    queue, mine = RunQueue(experiment.runs_folder), {run.name for run in experiment.runs().values()}
    for run in queue.waiting():
        if run.name in mine:
            queue.remove(run.name)


def state_of(run: RunDirectory) -> RunState:
    """A run's state; "damaged" where it cannot be read."""
    try:
        return run.state()
    except (OSError, ValueError) as error:
        return RunState("damaged", reason=shortened(str(error), 200))


# Carrying out


def carry_out(
    workspace_folder: Path, experiment: Experiment, job: Job = NULL_JOB, say: Say = lambda _text: None
) -> dict[str, Any]:
    """Train and measure every cell that has no value yet, one after the other; returns the results.

    A run that failed is a missing value. Raises UserError, and Cancelled when the job was cancelled or `ask_to_stop`
    was called; both stop the run that trains with a checkpoint first.
    """
    with experiment.locked():
        experiment.take_stop()
        if needs_runs(experiment):
            with Workspace.open(workspace_folder) as workspace:
                make_runs(workspace, experiment, job)
        leave_queue(experiment)
        order = experiment.plan.order
        done = len(experiment.outcomes())
        job.start("Training and measuring", len(order))
        job.advance(done)
        for cell in order:
            if cell.number in experiment.outcomes():
                continue
            run = experiment.runs().get(cell.number)
            if run is None:
                outcome = Outcome(cell.number, FAILED, "", "its run was deleted")
            else:
                state = _train(experiment, run, job, say)
                outcome = measured(workspace_folder, experiment, cell, run, state, job)
            experiment.save(outcome)
            write_results(experiment)
            job.advance(1)
            say(line_of(experiment.plan, cell, outcome))
        return write_results(experiment)


def line_of(plan: Plan, cell: Cell, outcome: Outcome) -> str:
    """A cell's outcome, in a line."""
    value = f"KID {outcome.kid:.4g} ({outcome.verdict})" if outcome.kid is not None else f"missing: {outcome.why}"
    return f"{plan.describe(cell.combination)}, seed {cell.seed}: {value}"


def _train(experiment: Experiment, run: RunDirectory, job: Job, say: Say) -> RunState:
    """Train a run to its end, or wait for the process that trains it; resumes it when it was interrupted."""
    process: Popen[bytes] | None = None
    asked = stop = False
    try:
        while True:
            if process is not None and process.poll() is not None:
                process = None
            state = state_of(run)
            alive = process is not None or run.is_locked()
            if not alive and state.state in ENDED:
                return state
            if not alive and state.attempt >= MOST_ATTEMPTS:
                return RunState("failed", reason=f"interrupted {state.attempt} times")
            stop = stop or _cancelled(job) or experiment.take_stop()
            if stop:
                if not alive:
                    raise Cancelled
                if not asked:
                    asked = True
                    say("stopping: the trainer saves a checkpoint first")
                    with contextlib.suppress(TrainerError):
                        run.request("stop")
            elif not alive and not _others_train(experiment, run):
                try:
                    process = start(run)
                except UserError:
                    if not run.is_locked():  # The window has started it meanwhile.
                        raise
            time.sleep(POLL_S)
    finally:
        if process is not None and process.poll() is None:
            process.returncode = 0  # It goes on by itself; Python would warn about it.


def _cancelled(job: Job) -> bool:
    try:
        job.check()
    except Cancelled:
        return True
    return False


def _others_train(experiment: Experiment, mine: RunDirectory) -> bool:
    """Whether another run of the workspace is trained now: two at once would only take turns."""
    try:
        folders = [path for path in experiment.runs_folder.iterdir() if (path / "lock").is_file()]
    except OSError:
        return False
    return any(RunDirectory(path).is_locked() for path in folders if path.name != mine.name)


def measured(
    workspace_folder: Path, experiment: Experiment, cell: Cell, run: RunDirectory, state: RunState, job: Job = NULL_JOB
) -> Outcome:
    """The value of a cell whose run has ended: its best checkpoint, confirmed on fresh latents."""
    if state.state != "finished":
        return Outcome(cell.number, FAILED, run.name, shortened(f"the run {state.state}: {state.reason}", 300))
    plan = experiment.plan
    words = ["--samples", str(plan.samples), "--seed", str(cell.seed)]
    try:
        if plan.version_of(cell.combination) != plan.version:
            with Workspace.open(workspace_folder, read_only=True) as workspace:
                words += ["--against", str(_reference(workspace, plan, cell.seed, run.config(), job).pixels_path)]
        answer = ask("confirm", str(run.path), *words, job=job)
        return _outcome(cell, run, state, answer)
    except (UserError, TrainerError, ValueError) as error:
        return Outcome(cell.number, FAILED, run.name, shortened(f"it could not be measured: {error}", 300))


def _outcome(cell: Cell, run: RunDirectory, state: RunState, answer: dict[str, Any]) -> Outcome:
    copying = {name: answer["copying"][name] for name in ("kappa", "low", "high", "sources")}
    return Outcome(
        cell.number, DONE, run.name, kid=answer["kid"], kid_error=answer["kid_error"], floor=answer["floor"],
        features=answer["features"], iteration=answer["iteration"],
        looks=tuple((look["iteration"], look["kid"]) for look in answer["looks"]),
        verdict=answer["verdict"], copying=copying, distinct=answer["variety"]["distinct"], samples=answer["samples"],
        held_out=answer["held_out"], alarms=alarms_of(run), images_seen=state.images_seen, seconds=_seconds(run),
    )  # fmt: skip


def alarms_of(run: RunDirectory) -> tuple[str, ...]:
    """Alarms that the run's own diagnoses raised and did not clear."""
    raised: dict[str, bool] = {}
    for event in run.events().read():
        if isinstance(event, Alarm):
            raised[event.about] = event.state == "raised"
    return tuple(sorted(about for about, is_raised in raised.items() if is_raised))


def _seconds(run: RunDirectory) -> float:
    """Seconds from the first to the last event of each attempt, added up: interruptions do not count."""
    attempts: dict[int, list[float]] = {}
    for event in run.events().read():
        attempts.setdefault(event.attempt, []).append(event.wall_time)
    return sum(max(times) - min(times) for times in attempts.values())


def start_detached(workspace_folder: Path, experiment: Experiment) -> Popen[bytes]:
    """Start a process that runs an experiment, and continues when the window is closed.

    The runs must have been made. What it says goes to log.txt in the experiment's folder. Raises UserError.
    """
    if experiment.is_carried_out():
        raise UserError(f"experiment {experiment.name} is running already")
    words = ["experiment", "run", experiment.name, "--no-estimate", "-w", str(workspace_folder)]
    return start_command("gandam_studio", words, experiment.folder / "log.txt")


def retry_failed(experiment: Experiment) -> int:
    """Forget the missing values, so that they are tried again; returns how many there were.

    A run that failed is left as it is, so that its log can be read, and another one is made.
    """
    failed = [outcome for outcome in experiment.outcomes().values() if outcome.state == FAILED]
    for outcome in failed:
        if outcome.run and state_of(run := experiment.run_of(outcome)).state != "finished":
            experiment.unmark(run)
        experiment.forget(outcome.cell)
    return len(failed)


def remaining(experiment: Experiment) -> Sequence[Cell]:
    """Cells without a value, in order."""
    known = experiment.outcomes()
    return [cell for cell in experiment.plan.order if cell.number not in known]
