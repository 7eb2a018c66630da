"""What a report takes from a run's folder. Whatever is damaged or missing is said rather than refused."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.runs.checkpoints import KeptCheckpoint, kept_checkpoints
from gandam_studio.core.runs.listing import RunSummary, summary
from gandam_studio.core.runs.record import RunRecord
from trainer.protocol.arrays import open_pictures
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError
from trainer.protocol.manifest import ManifestEntry, read_manifest
from trainer.protocol.run_directory import CHECKPOINT_STATE, RunDirectory
from trainer.protocol.untrusted import Values, open_regular, read_json_object

LONGEST_STATE = 4 << 20
SMOOTHED = 100
"""Smoothed curves have a half-life of at least a hundredth of the run."""
_BLOCK = 1 << 20


@dataclass
class RunFacts:
    """A run as a report shows it.

    Attributes:
        run: its folder. summary: its state and labels. record: everything in its events.
        config: None if config.json cannot be read.
        entries: the sprites of its version by id, None if manifest.jsonl cannot be read.
        digest: SHA-256 of manifest.jsonl as it is now, "" if there is none.
        data: what dataset.json says, {} if it cannot be read. pictures: dataset.npy, None likewise.
        checkpoints: those kept, newest first. torch: the version of torch that wrote the newest, "" if unknown.
        missing: sentences about what is not there.
    """

    run: RunDirectory
    summary: RunSummary
    record: RunRecord
    config: TrainConfig | None = None
    entries: dict[str, ManifestEntry] | None = None
    digest: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    pictures: np.ndarray | None = None
    checkpoints: list[KeptCheckpoint] = field(default_factory=list)
    torch: str = ""
    missing: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What the run is called."""
        return self.summary.title

    @property
    def last(self) -> int:
        """The last iteration known."""
        return max(self.record.last_iteration, self.summary.state.iteration)

    @cached_property
    def rows(self) -> dict[str, int]:
        """A sprite's id -> its row in `pictures`."""
        found = self.data.get("ids")
        return {name: at for at, name in enumerate(found) if isinstance(name, str)} if isinstance(found, list) else {}

    @property
    def background(self) -> tuple[int, int, int]:
        """The colour that pictures were put on, white if that is unknown."""
        found = self.data.get("background")
        if isinstance(found, list) and len(found) == 3 and all(type(v) is int and 0 <= v <= 255 for v in found):
            return (found[0], found[1], found[2])
        return (255, 255, 255)


@dataclass(frozen=True)
class Axis:
    """What charts and the slider go by: iterations, or pictures seen where runs have batches of different sizes.

    Attributes:
        pictures: whether it is the latter. name: for the heads of tables.
    """

    pictures: bool = False

    @property
    def name(self) -> str:
        """Of the axis."""
        return "Pictures seen" if self.pictures else "Iteration"

    def places(self, facts: RunFacts, iterations: ArrayLike) -> np.ndarray:
        """Where these iterations of a run lie."""
        asked = np.asarray(iterations, np.float64)
        pace = facts.record.pace
        if not self.pictures or not pace.iteration or pace.iteration[-1] <= 0:
            return asked
        beyond = pace.images_seen[-1] / pace.iteration[-1]
        known = np.interp(asked, [0, *pace.iteration], [0, *pace.images_seen])
        return np.where(asked > pace.iteration[-1], asked * beyond, known)

    def place(self, facts: RunFacts, iteration: float) -> int:
        """Where an iteration of a run lies."""
        return round(float(self.places(facts, iteration)))

    def iteration(self, facts: RunFacts, place: float) -> int:
        """The iteration of a run that lies there."""
        return round(facts.record.iteration_at(place)) if self.pictures else round(place)

    def words(self, place: float) -> str:
        """A place for people."""
        return f"{place:,.0f} pictures seen" if self.pictures else f"iteration {place:,.0f}"


def axis_of(runs: Sequence[RunFacts]) -> Axis:
    """Iterations, unless these stand for different numbers of pictures in these runs."""
    rates = [
        facts.record.pace.images_seen[-1] / facts.record.pace.iteration[-1]
        for facts in runs if facts.record.pace.iteration and facts.record.pace.iteration[-1] > 0
    ]  # fmt: skip
    return Axis(len(rates) > 1 and max(rates) > 1.01 * min(rates))


def read_facts(run: RunDirectory, job: Job = NULL_JOB) -> RunFacts:
    """Read a run's folder. Raises UserError if there is no such folder or nothing of a run in it, and Cancelled."""
    job.start(f"Reading {run.name}", None)
    if not run.path.is_dir():
        raise UserError(f"there is no folder {run.path}")
    if not run.config_path.exists() and not run.events_path.exists():
        raise UserError(f"{run.path} is not a run's folder: it has neither config.json nor events.jsonl")
    facts = RunFacts(run, summary(run.path), RunRecord())
    _read_config(facts)
    _read_events(facts, job)
    _read_manifest(facts, job)
    _read_data(facts)
    facts.checkpoints = kept_checkpoints(run, facts.record.metrics.get("kid", ()))
    facts.torch = _torch(run)
    return facts


def _read_config(facts: RunFacts) -> None:
    try:
        facts.config = facts.run.config()
    except TrainerError as error:
        facts.missing.append(f"Its settings cannot be read: {error}.")


def _read_events(facts: RunFacts, job: Job) -> None:
    record = facts.record
    reader = facts.run.events()
    try:
        record.apply(reader.read())
    except OSError as error:
        facts.missing.append(f"Its events cannot be read: {error.strerror or error}.")
    job.check()
    if reader.damaged:
        facts.missing.append(f"{reader.damaged:,} damaged lines of its events were skipped.")
    if record.skipped:
        facts.missing.append(f"{record.skipped:,} events with impossible iterations were skipped.")
    if record.last is None:
        facts.missing.append("It has no events yet: it has not been trained.")
    elif not record.samples:
        facts.missing.append("It has saved no samples yet.")
    elif not record.diagnoses:
        facts.missing.append(
            "It was not diagnosed: it was made before that was possible, it is short, or diagnosing was switched off. "
            "gandam-studio evaluate judges its checkpoints."
        )
    record.set_half_life(max(record.half_life, record.last_iteration / SMOOTHED))
    record.settle()


def _read_manifest(facts: RunFacts, job: Job) -> None:
    path = facts.run.manifest_path
    try:
        digest = hashlib.sha256()
        with open_regular(path) as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
                job.check()
        facts.digest = digest.hexdigest()
        facts.entries = {entry.id: entry for entry in read_manifest(path)}
    except FileNotFoundError:
        facts.missing.append("The list of its sprites (manifest.jsonl) is not in its folder.")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        facts.missing.append(f"The list of its sprites (manifest.jsonl) cannot be read: {reason}.")


def _read_data(facts: RunFacts) -> None:
    try:
        facts.data = facts.run.dataset_info()
    except TrainerError as error:
        facts.missing.append(f"The description of its pictures cannot be read: {error}.")
    try:
        facts.pictures = open_pictures(facts.run.dataset_path)
    except FileNotFoundError:
        facts.missing.append("Its training pictures (dataset.npy) are not in its folder.")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        facts.missing.append(f"Its training pictures (dataset.npy) cannot be read: {reason}.")


def _torch(run: RunDirectory) -> str:
    try:
        newest = run.newest_checkpoint()
        if newest is None:
            return ""
        state = Values(read_json_object(newest / CHECKPOINT_STATE, max_bytes=LONGEST_STATE))
        return state.text("torch", "", max_length=100)
    except (OSError, ValueError):
        return ""


def picture_of(facts: RunFacts, sprite: str) -> np.ndarray | None:
    """The training picture (H, W, C) of a sprite's id, None if it is unknown."""
    if facts.pictures is None:
        return None
    place = facts.rows.get(sprite)
    return np.asarray(facts.pictures[place]) if place is not None and place < len(facts.pictures) else None


def source_name(entry: ManifestEntry) -> str:
    """The name of the file that a sprite came from, without folders."""
    return Path(entry.source.replace("\\", "/")).name
