"""An experiment spread over a Ray cluster: an optional extra, each run a task, with the same results.

A run's folder travels to the machine that trains it and comes back, so the machines need not see each other's disks.
What a task has not finished when this process ends is trained again; what came back is kept.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import uuid
from pathlib import Path, PurePosixPath
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.folder import FAILED, Experiment, Outcome
from gandam_studio.core.experiments.plan import Cell
from gandam_studio.core.experiments.results import write_results
from gandam_studio.core.experiments.running import (
    ENDED,
    Say,
    leave_queue,
    line_of,
    make_runs,
    measured,
    needs_runs,
    state_of,
)
from gandam_studio.core.jobs import NULL_JOB, Cancelled, Job
from gandam_studio.core.workspace import Workspace
from trainer.protocol import files
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import shortened

POLL_S = 0.5
MOST_TRIES = 3
"""Of a task whose machine, or whose trainer there, died."""


def packed(folder: Path) -> bytes:
    """A run's folder as a tar; nothing but plain files and folders."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not files.is_link(path) and path.name != "lock":
                archive.add(path, path.relative_to(folder).as_posix(), recursive=False)
    return stream.getvalue()


def unpacked(data: bytes, folder: Path) -> None:
    """Unpack what `packed` made into a new folder.

    Raises tarfile.TarError for anything but plain files below it. (Filters of `extractall` need Python 3.11.4.)
    """
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for entry in archive:
            inside = PurePosixPath(entry.name)
            plain = entry.isreg() and not inside.is_absolute() and not {"..", "."} & set(inside.parts)
            stream = archive.extractfile(entry) if plain and not set(entry.name) & {"\\", ":", "\0"} else None
            if stream is None:
                raise tarfile.ReadError(f"{shortened(repr(entry.name))} is no plain file of a run")
            target = folder.joinpath(*inside.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as out:
                shutil.copyfileobj(stream, out)
    for name in ("samples", "checkpoints", "commands"):
        (folder / name).mkdir(exist_ok=True)


def train_packed(data: bytes) -> bytes:
    """What runs on the cluster: train a packed run to its end in a process of its own, and pack it again."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder = Path(place) / "run"
        unpacked(data, folder)
        with (folder / "trainer.log").open("ab") as log:
            command = [sys.executable, "-P", "-m", "trainer", "train", str(folder)]
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False)
        return packed(folder)


def take_back(run: RunDirectory, data: bytes) -> None:
    """Put a trained run in the place of the one that was sent. Raises UserError."""
    beside = run.path.with_name(f".{run.name}.{uuid.uuid4().hex[:8]}.part")
    before = run.path.with_name(f".{run.name}.{uuid.uuid4().hex[:8]}.old")
    try:
        unpacked(data, beside)
        run.path.rename(before)
        files.replace(beside, run.path)
    except (OSError, tarfile.TarError) as error:
        if before.exists() and not run.path.exists():
            before.rename(run.path)
        raise UserError(f"{run.name} could not be taken back: {error}") from None
    finally:
        for left in (beside, before):
            shutil.rmtree(left, ignore_errors=True)


def carry_out_on_ray(
    workspace_folder: Path, experiment: Experiment, address: str = "", job: Job = NULL_JOB,
    say: Say = lambda _text: None,
) -> dict[str, Any]:  # fmt: skip
    """As `running.carry_out`, with the runs trained on a Ray cluster; `address` "" starts one on this machine.

    Raises UserError when Ray is not installed or the cluster cannot be reached, and Cancelled, as `carry_out` does.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise UserError('the Ray engine needs an extra: pip install "gandam-studio[ray]"') from None
    with experiment.locked():
        experiment.take_stop()
        if needs_runs(experiment):
            with Workspace.open(workspace_folder) as workspace:
                make_runs(workspace, experiment, job)
        leave_queue(experiment)  # The window must not start what the cluster trains.
        with _cluster(ray, address):
            _spread(ray, workspace_folder, experiment, job, say)
        return write_results(experiment)


@contextlib.contextmanager
def _cluster(ray: Any, address: str) -> Any:
    started = False
    try:
        if not ray.is_initialized():
            ray.init(
                address=address or None, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
                configure_logging=False,
            )  # fmt: skip
            started = True
    except Exception as error:  # Ray raises nearly anything here.
        raise UserError(f"the Ray cluster cannot be reached: {str(error).splitlines()[0]}") from None
    try:
        yield
    finally:
        if started:
            ray.shutdown()


def _spread(ray: Any, workspace_folder: Path, experiment: Experiment, job: Job, say: Say) -> None:
    task = ray.remote(train_packed).options(num_cpus=1, max_retries=0)
    runs, known = experiment.runs(), experiment.outcomes()
    left = [cell for cell in experiment.plan.order if cell.number not in known]
    job.start("Training and measuring", len(experiment.plan.cells))
    job.advance(len(known))
    # Only as many as can run at once are sent, so that memory holds few runs.
    width = max(1, int(ray.cluster_resources().get("CPU", 1)))
    busy: dict[Any, Cell] = {}
    tries: dict[int, int] = {}
    try:
        while left or busy:
            job.check()
            if experiment.take_stop():
                raise Cancelled
            while left and len(busy) < width:
                cell = left.pop(0)
                run = runs.get(cell.number)
                if run is None:
                    _settle(experiment, Outcome(cell.number, FAILED, "", "its run was deleted"), cell, job, say)
                elif state_of(run).state in ENDED:
                    state = state_of(run)
                    _settle(experiment, measured(workspace_folder, experiment, cell, run, state, job), cell, job, say)
                else:
                    tries[cell.number] = tries.get(cell.number, 0) + 1
                    busy[task.remote(packed(run.path))] = cell
            ready, _ = ray.wait(list(busy), timeout=POLL_S) if busy else ([], [])
            for reference in ready:
                cell = busy.pop(reference)
                run = runs[cell.number]
                try:
                    take_back(run, ray.get(reference))
                except ray.exceptions.RayError as error:
                    if tries[cell.number] < MOST_TRIES:
                        left.insert(0, cell)
                        continue
                    why = shortened(f"its task failed {MOST_TRIES} times: {error}", 300)
                    _settle(experiment, Outcome(cell.number, FAILED, run.name, why), cell, job, say)
                    continue
                state = state_of(run)
                if state.state not in ENDED and tries[cell.number] < MOST_TRIES:
                    left.insert(0, cell)  # The trainer was killed there; it goes on from its last checkpoint.
                    continue
                _settle(experiment, measured(workspace_folder, experiment, cell, run, state, job), cell, job, say)
    finally:
        for reference in busy:
            with contextlib.suppress(Exception):
                ray.cancel(reference, force=True)


def _settle(experiment: Experiment, outcome: Outcome, cell: Cell, job: Job, say: Say) -> None:
    experiment.save(outcome)
    write_results(experiment)
    say(line_of(experiment.plan, cell, outcome))
    job.advance(1)
