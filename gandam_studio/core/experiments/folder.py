"""An experiment on disk: the plan, one file a finished cell, and the results, so that it survives any end.

experiments/NAME/plan.json never changes. A cell's run knows its cell by a file in its own folder, which is there before
the folder gets its name: so no run is ever left without a place. cells/N.json is written when the cell's value is
known, results.json after every cell from these.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments import FOLDER
from gandam_studio.core.experiments.plan import Cell, Plan
from gandam_studio.core.runs.labels import Label, label_of
from gandam_studio.core.texts import checked
from trainer.protocol import files
from trainer.protocol.diagnosis import VERDICTS
from trainer.protocol.measured import JUDGE
from trainer.protocol.remedies import Remedy
from trainer.protocol.run_directory import REASON_LENGTH, RunDirectory
from trainer.protocol.untrusted import UntrustedError, Values, read_json_object, relative_parts, shortened

PLAN, CELLS, RESULTS = "plan.json", "cells", "results.json"
STOP = "stop"
MARK = "experiment.json"
"""The file in a run's folder that says which cell it is."""
DONE, FAILED = "done", "failed"
_BYTES = 16 << 20
_MARK_BYTES = 4096


@dataclass(frozen=True)
class Outcome:
    """What came of a cell.

    Attributes:
        cell: its number. state: "done", or "failed": a missing value. run: the run's name.
        why: of a failed one. kid, kid_error: of the chosen checkpoint on fresh latents; floor: of real sprites.
        features: the name of the features that these are in; "" in results of versions that did not say it.
        iteration: of the chosen checkpoint. looks: (iteration, kid) of those it was chosen from.
        verdict: of the diagnostics, about the chosen checkpoint. copying: {"kappa", "low", "high", "sources"}.
        distinct: different pictures among `samples`.
        alarms: what the run's own diagnoses raised an alarm about while it trained.
    """

    cell: int
    state: str
    run: str
    why: str = ""
    kid: float | None = None
    kid_error: float | None = None
    floor: float | None = None
    features: str = JUDGE
    iteration: int = 0
    looks: tuple[tuple[int, float], ...] = ()
    verdict: str = ""
    copying: dict[str, Any] = field(default_factory=dict)
    distinct: int = 0
    samples: int = 0
    held_out: int = 0
    alarms: tuple[str, ...] = ()
    seconds: float = 0.0
    images_seen: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        looks = [{"iteration": iteration, "kid": kid} for iteration, kid in self.looks]
        return {**self.__dict__, "looks": looks, "alarms": list(self.alarms)}

    @classmethod
    def from_json(cls, values: Any) -> Outcome:
        """Read what `to_json` wrote; anything else raises UntrustedError."""
        v = Values(values, "cell")
        found = [Values(one, "look") for one in v.items("looks", [], most=1000)]
        copying = v.raw("copying", {})
        if not isinstance(copying, dict):
            raise UntrustedError("copying must be an object")
        shares = Values(copying, "copying")
        known = {name: shares.number(name, least=0, most=1) for name in ("kappa", "low", "high") if name in shares}
        if "sources" in shares:
            known["sources"] = shares.integer("sources")
        state = v.choice("state", (DONE, FAILED))
        numbers = {
            name: None if v.raw(name, None) is None else v.number(name) for name in ("kid", "kid_error", "floor")
        }
        if state == DONE and numbers["kid"] is None:
            raise UntrustedError("a cell that is done has a distance (KID)")
        return cls(
            cell=v.integer("cell"), state=state, run=v.text("run", max_length=255), why=v.text("why", ""),
            **numbers, features=v.text("features", "", max_length=200), iteration=v.integer("iteration", 0),
            looks=tuple((look.integer("iteration"), look.number("kid")) for look in found),
            verdict=v.choice("verdict", ("", *VERDICTS), ""), copying=known,
            distinct=v.integer("distinct", 0), samples=v.integer("samples", 0), held_out=v.integer("held_out", 0),
            alarms=tuple(v.texts("alarms", [], most=100)), seconds=v.number("seconds", 0.0),
            images_seen=v.integer("images_seen", 0),
        )  # fmt: skip


class Experiment:
    """An experiment's folder in a workspace.

    Attributes:
        folder: the folder. runs_folder: where its runs are. plan: what it does.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        self.runs_folder = folder.parent.parent / "runs"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def title(self) -> str:
        """What it is called: the name that a person gave it later, else the plan's title."""
        return self.label.name or self.plan.title

    @property
    def label(self) -> Label:
        """The name and the note that a person gave it, kept like those of runs."""
        return label_of(self.folder)

    @property
    def results_path(self) -> Path:
        """What `report` and the window read."""
        return self.folder / RESULTS

    @classmethod
    def create(cls, workspace_folder: Path, plan: Plan) -> Experiment:
        """Write a new experiment's plan. Raises UserError when there is one of that name, or on a full disk."""
        folder = workspace_folder / FOLDER / plan.name
        checked(plan.title, "the title", 200)
        try:
            files.own_folder(folder.parent)
            # A folder without a plan is what a process left that ended just here.
            if (folder / PLAN).exists():
                raise UserError(f"there is an experiment {plan.name} already; give it another name")
            files.own_folder(folder)
            files.own_folder(folder / CELLS)
            files.write_json(folder / PLAN, plan.to_json())
        except OSError as error:
            raise UserError(f"the experiment cannot be saved: {error.strerror or error}") from None
        return cls(folder, plan)

    @classmethod
    def open(cls, workspace_folder: Path, name: str) -> Experiment:
        """Open one by name; "latest" is the newest. Raises UserError."""
        there = experiments(workspace_folder)
        if name == "latest" and there:
            name = there[-1]
        if name not in there:
            known = f"; there are {', '.join(there[-8:])}" if there else ""
            raise UserError(f"there is no experiment {shortened(name)!r}{known}", None if there else Remedy.EXPERIMENT)
        folder = workspace_folder / FOLDER / name
        try:
            return cls(folder, Plan.from_json(read_json_object(folder / PLAN, max_bytes=_BYTES, follow_links=False)))
        except (OSError, UntrustedError, UserError) as error:
            raise UserError(f"experiment {shortened(name)} cannot be read: {error}") from None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Only one process runs an experiment. Raises UserError if another one does."""
        path = self.folder / "lock"
        lock = FileLock(path)
        try:
            files.refuse_link(path)
            if path.exists() and not path.is_file():
                raise UserError(f"experiment {self.name} cannot be locked: {path} is not a file")
            lock.acquire(timeout=0.5)
        except Timeout:
            raise UserError(f"experiment {self.name} is being run by another process") from None
        except OSError as error:
            raise UserError(f"experiment {self.name} cannot be locked: {error.strerror or error}") from None
        try:
            yield
        finally:
            lock.release()

    def is_carried_out(self) -> bool:
        """Whether a process is carrying it out now."""
        # A run's folder is asked the same way: its lock is a file of that name.
        return RunDirectory(self.folder).is_locked()

    def ask_to_stop(self) -> None:
        """Ask the process that carries it out to stop, with a checkpoint of the run. Raises UserError."""
        try:
            files.write_own_json(self.folder / STOP, {})
        except OSError as error:
            raise UserError(f"experiment {self.name} cannot be stopped: {error.strerror or error}") from None

    def take_stop(self) -> bool:
        """Whether a stop was requested; removes the request."""
        try:
            (self.folder / STOP).unlink()
        except OSError:
            return False
        return True

    # Cells

    def outcomes(self) -> dict[int, Outcome]:
        """What is known, by the cells' numbers; files that cannot be read are as if they were not there.

        Values in other features than today's are left out too, so that their runs are measured again and not compared
        with the others; unless every cell has one, since then nothing is to be measured.
        """
        found: dict[int, Outcome] = {}
        for cell in self.plan.cells:
            path = self._cell_path(cell.number)
            with contextlib.suppress(OSError, ValueError):
                outcome = Outcome.from_json(read_json_object(path, max_bytes=1 << 20, follow_links=False))
                if outcome.cell == cell.number:
                    found[cell.number] = outcome
        today = {number: one for number, one in found.items() if one.state == FAILED or one.features == JUDGE}
        alike = len({one.features for one in found.values() if one.state == DONE}) <= 1
        return found if alike and len(found) == len(self.plan.cells) else today

    def save(self, outcome: Outcome) -> None:
        """Write what came of a cell. Raises UserError."""
        try:
            files.own_folder(self.folder / CELLS)
            files.write_json(self._cell_path(outcome.cell), outcome.to_json())
        except OSError as error:
            raise UserError(f"the result of cell {outcome.cell} cannot be saved: {error.strerror or error}") from None

    def forget(self, number: int) -> None:
        """Remove what came of a cell, so that it is tried again."""
        with contextlib.suppress(OSError):
            self._cell_path(number).unlink()

    def _cell_path(self, number: int) -> Path:
        return self.folder / CELLS / f"{number:04d}.json"

    def mark(self, run: RunDirectory, cell: Cell) -> None:
        """Say in a run's folder which cell it is."""
        values = {"experiment": self.name, "digest": self.digest, "cell": cell.number}
        files.write_own_json(run.path / MARK, values)

    def unmark(self, run: RunDirectory) -> None:
        """Detach a run from its cell, so that another one is made for that. Raises UserError."""
        try:
            files.refuse_link(run.path)
            (run.path / MARK).unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"{run.name} cannot be tried again: {error.strerror or error}") from None

    @property
    def digest(self) -> str:
        """Tells this experiment from another one that had its name."""
        return files.file_digest(self.folder / PLAN)

    def runs(self) -> dict[int, RunDirectory]:
        """The runs made so far, by the cells' numbers; of several for one cell, the newest."""
        found: dict[int, RunDirectory] = {}
        try:
            folders = sorted(self.runs_folder.iterdir(), key=lambda path: (len(path.name.partition("-")[0]), path.name))
        except OSError:
            return found
        digest = self.digest
        for folder in folders:
            if folder.name.startswith("."):
                continue
            with contextlib.suppress(OSError, ValueError):
                v = Values(read_json_object(folder / MARK, max_bytes=_MARK_BYTES, follow_links=False))
                number = v.integer("cell")
                if v.text("experiment") == self.name and v.text("digest") == digest:
                    found[number] = RunDirectory(folder)
        return found

    def run_of(self, outcome: Outcome) -> RunDirectory:
        """The run of an outcome. Raises UserError for a name that leads elsewhere."""
        try:
            if len(relative_parts(outcome.run)) != 1:
                raise UntrustedError("a run's name is a folder's name")
        except UntrustedError as error:
            raise UserError(str(error)) from None
        return RunDirectory(self.runs_folder / outcome.run)


def experiments(workspace_folder: Path) -> list[str]:
    """Names of a workspace's experiments, oldest first. Links are left out: nothing is written through them."""
    folder = workspace_folder / FOLDER
    found: list[tuple[float, str]] = []
    with contextlib.suppress(OSError):
        files.refuse_link(folder)
        for path in folder.iterdir():
            with contextlib.suppress(OSError):  # One bad folder must not hide the others.
                if not files.is_link(path) and (path / PLAN).is_file():
                    found.append(((path / PLAN).stat().st_mtime, path.name))
    return [name for _, name in sorted(found)]


def cell_of(run: RunDirectory) -> tuple[str, int] | None:
    """(experiment, cell) of a run that was made for one, else None."""
    with contextlib.suppress(OSError, ValueError):
        v = Values(read_json_object(run.path / MARK, max_bytes=_MARK_BYTES, follow_links=False))
        return shortened(v.text("experiment", max_length=60), REASON_LENGTH), v.integer("cell")
    return None
