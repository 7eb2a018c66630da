"""Events of a run: typed, appended as JSON lines, read incrementally.

A resumed run continues from a checkpoint, which may be older than the last event: RunResumed holds its iteration, and
what earlier attempts wrote beyond it no longer counts.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar

from trainer.protocol import files
from trainer.protocol.untrusted import MAX_INTEGER, MAX_JSON_DEPTH, MAX_TEXT, UntrustedError, check_depth, open_regular

CURVES = (
    "loss_d", "loss_d_real", "loss_d_fake", "loss_g", "d_real", "d_fake", "grad_norm_d", "grad_norm_g", "penalty",
)  # fmt: skip
"""Names of the per-iteration values in `Progress.curves`: losses, mean raw scores (logits) of real and generated
pictures, 2-norms of the whole gradients, and the weighted penalty (None at iterations without one)."""
FLOW_CURVES = ("loss", "error_much_noise", "error_some_noise", "error_little_noise", "grad_norm_g")
"""The same of a flow, which has no discriminator: the loss, and the mean squared error of the pictures it guessed at
times below 1/3, between and above 2/3 (None at iterations without such a picture)."""
MAX_ITERATION = 2**31 - 1
MAX_LINE = 16 << 20
"""Bytes; a longer line is skipped. Ten thousand iterations in one line take a twentieth of this."""
MAX_FIRST = 1 << 16
"""Bytes of the first event, which has no curves."""
MAX_FILE = 4 << 30
MAX_DAMAGED = 100_000
"""After this many damaged lines, the rest of a file is ignored."""
MAX_NUMBER = 1e15
MAX_CURVE = 3.4028235e38
"""The largest float32, which curves are kept as."""
MAX_NAMES = 64
MAX_NAME = 200
_HEAD = 128  # Bytes by which a file is recognised.
_CURVE_TYPES = frozenset((int, float, type(None)))
_FINITE = (-sys.float_info.max, sys.float_info.max)
_RANGES: dict[str, tuple[float, float]] = {
    "iteration": (0, MAX_ITERATION), "first_iteration": (0, MAX_ITERATION), "spike_iteration": (0, MAX_ITERATION),
    "total_iterations": (0, 10**15), "images_seen": (0, 10**15), "attempt": (0, MAX_ITERATION),
    "rows": (0, 10_000), "columns": (0, 10_000), "size": (0, 100_000),
    "wall_time": (0.0, 32_503_679_999.0),  # Until the end of the year 2999, the last that all systems can print.
    "z": _FINITE, "value": _FINITE, "low": _FINITE, "high": _FINITE,
}  # fmt: skip
"""Limits of fields that do not have the usual ones."""


@dataclass(frozen=True)
class TrainEvent:
    """An event of a run.

    Attributes:
        sequence: 1, 2, 3 ... over all attempts, without gaps.
        attempt: 1 for the first start, one more for every resume.
        iteration: generator steps done.
        images_seen: real pictures shown to the discriminator so far.
        wall_time: seconds since the epoch, UTC.
    """

    kind: ClassVar[str] = ""
    sequence: int = 0
    attempt: int = 0
    iteration: int = 0
    images_seen: int = 0
    wall_time: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values, `kind` first; numbers JSON cannot hold (NaN, infinity) become null."""
        values = {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}
        return {"kind": self.kind, **values}


@dataclass(frozen=True)
class RunStarted(TrainEvent):
    """An attempt began: device ("cpu"), precision ("bf16"), parameter counts, ranks, pictures in the data set.

    `device_name`, `system`, `python`, `torch`: where it trains, such as "NVIDIA H200", "Linux 6.1.0 x86_64", "3.11.2"
    and "2.14.1+cpu"; "" where it could not be found out, and in runs of older versions.
    `finds_spikes`: this attempt writes SpikeFound itself, so readers need not search its curves.
    """

    kind = "run_started"
    device: str = ""
    precision: str = ""
    generator_parameters: int = 0
    discriminator_parameters: int = 0
    pictures: int = 0
    ranks: int = 1
    batch: int = 0
    micro_batch: int = 0
    total_iterations: int = 0
    scaled: bool = False
    finds_spikes: bool = False
    device_name: str = ""
    system: str = ""
    python: str = ""
    torch: str = ""


@dataclass(frozen=True)
class Progress(TrainEvent):
    """Values of the iterations `first_iteration` .. `iteration`, one list entry each (see `CURVES`, `FLOW_CURVES`).

    Attributes:
        curves: name -> values; None where a value does not exist or is not finite.
        pictures_per_s: rolling rate. eta_s: seconds to the end, None when there is no limit.
        share: share of the run done, in [0, 1], None without a limit. memory_mb: peak of the process or device.
        busy_percent: utilisation of the device (CPU: this process's share of all cores), None if unknown.
    """

    kind = "progress"
    first_iteration: int = 0
    curves: dict[str, list[float | None]] = field(default_factory=dict)
    pictures_per_s: float = 0.0
    eta_s: float | None = None
    share: float | None = None
    memory_mb: float = 0.0
    busy_percent: float | None = None
    lr_g: float = 0.0
    lr_d: float = 0.0
    augment_probability: float = 0.0
    trained_s: float = 0.0


@dataclass(frozen=True)
class SamplesSaved(TrainEvent):
    """Two grids were saved at paths relative to the run's folder, `rows` x `columns` pictures each.

    `raw_fixed` and `raw_random`: the same samples as they were drawn, where cleaning their background changed any.
    """

    kind = "samples_saved"
    fixed: str = ""
    random: str = ""
    rows: int = 0
    columns: int = 0
    size: int = 0
    weights: str = "raw"
    random_seed: int = 0
    raw_fixed: str = ""
    raw_random: str = ""

    def grid(self, which: str, raw: bool = False) -> str:
        """The path of the "fixed" or the "random" grid; `raw`: as it was drawn, if there is such a grid."""
        finished, drawn = (self.fixed, self.raw_fixed) if which == "fixed" else (self.random, self.raw_random)
        return drawn if raw and drawn else finished


@dataclass(frozen=True)
class CheckpointSaved(TrainEvent):
    """A checkpoint is complete at `path` (relative). `reason`: "scheduled", "asked", "stop", "best"."""

    kind = "checkpoint_saved"
    path: str = ""
    reason: str = "scheduled"


@dataclass(frozen=True)
class MetricMeasured(TrainEvent):
    """A metric with its 90 % interval; `features` names the feature space, `values` holds further values."""

    kind = "metric_measured"
    name: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    features: str = ""
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SpikeFound(TrainEvent):
    """A curve left its trailing median by `z` robust standard deviations at `spike_iteration` (see `spikes`).

    `pictures` holds paths of grids of the fixed latents "before", "at" (just after) and "after" the spike, `moments`
    their iterations; both are empty if drawing them would have taken too much of the training time.
    """

    kind = "spike_found"
    spike_iteration: int = 0
    curve: str = ""
    z: float = 0.0
    pictures: dict[str, str] = field(default_factory=dict)
    moments: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Diagnosed(TrainEvent):
    """The run's samples were diagnosed: see `trainer.protocol.diagnosis`, which reads `values`.

    `pictures` holds paths of "nearest" (samples above their nearest training and held-out pictures) and "group"
    (members of the largest group of look-alikes).
    """

    kind = "diagnosed"
    verdict: str = ""
    reason: str = ""
    samples: int = 0
    features: str = ""
    pictures: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Alarm(TrainEvent):
    """An alarm about "collapse", "copying" or "membership" was "raised" or "cleared" (`state`).

    `evidence` is the e-detector's value, None for "membership"; `action` what the run does: "notify", "checkpoint",
    "stop".
    """

    kind = "alarm"
    about: str = ""
    state: str = "raised"
    evidence: float | None = None
    action: str = ""


@dataclass(frozen=True)
class RunPaused(TrainEvent):
    """Training is paused until `resume`."""

    kind = "run_paused"


@dataclass(frozen=True)
class RunResumed(TrainEvent):
    """Training continues: after a pause (`checkpoint` is empty) or, in a new attempt, from `checkpoint`."""

    kind = "run_resumed"
    checkpoint: str = ""


@dataclass(frozen=True)
class RunExtended(TrainEvent):
    """The run was given another limit (0: none): `iterations`, `minutes` or `images`, from the run's start.

    Attributes:
        tail: "constant" or "cool-down". message: what the learning rates do from here, one line.
        factor_before, factor, factor_end: the learning rates as shares of those set: before, now, at the new limit.
    """

    kind = "run_extended"
    iterations: int = 0
    minutes: float = 0.0
    images: int = 0
    tail: str = ""
    message: str = ""
    factor_before: float = 1.0
    factor: float = 1.0
    factor_end: float = 1.0


@dataclass(frozen=True)
class Heartbeat(TrainEvent):
    """Sent when nothing else happens; `state` is "running" or "paused"."""

    kind = "heartbeat"
    state: str = "running"


@dataclass(frozen=True)
class RunWarning(TrainEvent):
    """A message to the user; training continues. `about`: "memory", "checkpoint", "mirror", "scaled",
    "tracker" (TensorBoard, Weights & Biases) ..."""

    kind = "warning"
    message: str = ""
    about: str = ""


@dataclass(frozen=True)
class RunStopped(TrainEvent):
    """Training was asked to stop; the same command resumes it."""

    kind = "run_stopped"
    reason: str = ""
    checkpoint: str = ""


@dataclass(frozen=True)
class RunFailed(TrainEvent):
    """Training failed: a message of one line, and its cause (one of `trainer.protocol.errors.CAUSES`)."""

    kind = "run_failed"
    message: str = ""
    cause: str = "bug"
    checkpoint: str = ""


@dataclass(frozen=True)
class RunFinished(TrainEvent):
    """Training reached a limit: `limit` says which ("iterations", "minutes", "images"; see `LIMITS`)."""

    kind = "run_finished"
    limit: str = ""
    checkpoint: str = ""


@dataclass(frozen=True)
class UnknownEvent(TrainEvent):
    """An event of a kind unknown to this version; `values` holds its whole line."""

    kind = "unknown"
    values: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The original line."""
        return self.values


KINDS: dict[str, type[TrainEvent]] = {
    event.kind: event
    for event in (
        RunStarted, Progress, SamplesSaved, CheckpointSaved, MetricMeasured, SpikeFound, Diagnosed, Alarm, RunPaused,
        RunResumed, RunExtended, Heartbeat, RunWarning, RunStopped, RunFailed, RunFinished,
    )
}  # fmt: skip
LIMITS = {"iterations": "iteration limit", "minutes": "time limit", "images": "picture limit"}
"""Names of the limits in messages."""
TERMINAL = (RunStopped, RunFailed, RunFinished)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a valid number")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
_BOM = b"\xef\xbb\xbf"


def parse_event(line: bytes) -> TrainEvent:
    """Parse a line. Fields unknown to this version are ignored.

    Raises ValueError for a damaged line: files can come from other programs, damaged disks and untrusted people. The
    fields of a returned event have the declared types and are within their ranges.
    """
    if len(line) > MAX_LINE:
        raise ValueError("an event's line is too long")
    try:
        values = _DECODER.decode(line.removeprefix(_BOM).decode())
    except RecursionError:
        raise ValueError("an event is nested too deeply") from None
    if not isinstance(values, dict) or not isinstance(values.get("kind"), str):
        raise ValueError("an event must be a JSON object with a kind")
    kind = KINDS.get(values["kind"], UnknownEvent)
    kept: dict[str, Any] = {}
    for name, types, low, high in _fields(kind):  # type: ignore[arg-type]
        value = values.get(name)
        if value is None:  # Missing, or a number JSON cannot hold.
            continue
        if type(value) not in types:
            raise ValueError(f"an event's {name} has the wrong type")
        if low is not None and not low <= value <= high:
            raise ValueError(f"an event's {name} is out of range")
        if type(value) is dict:
            _NESTED[name](value)
        kept[name] = _text(value) if type(value) is str else value
    if kind is UnknownEvent:
        check_depth(values, MAX_JSON_DEPTH)
        kept["values"] = values
    return kind(**kept)


@functools.cache
def _fields(kind: type[TrainEvent]) -> tuple[tuple[str, frozenset[type], Any, Any], ...]:
    """For each field: its name, its allowed types (from the default), and the range of numbers."""
    found: list[tuple[str, frozenset[type], Any, Any]] = []
    for one in dataclasses.fields(kind):
        if kind is UnknownEvent and one.name == "values":  # Not a field of the line.
            continue
        default = one.default_factory() if one.default_factory is not dataclasses.MISSING else one.default
        if default is None or isinstance(default, float):
            found.append((one.name, frozenset((int, float)), *_RANGES.get(one.name, (-MAX_NUMBER, MAX_NUMBER))))
        elif type(default) is int:
            found.append((one.name, frozenset((int,)), *_RANGES.get(one.name, (0, MAX_INTEGER))))
        else:
            found.append((one.name, frozenset((type(default),)), None, None))
    return tuple(found)


def _text(value: str) -> str:
    if len(value) > MAX_TEXT:
        value = value[: MAX_TEXT - 1] + "…"
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _check_curves(curves: dict[str, Any]) -> None:
    _check_names(curves)
    for values in curves.values():
        if type(values) is not list or not _CURVE_TYPES.issuperset(map(type, values)):
            raise ValueError("a curve must be a list of numbers")
        numbers = [value for value in values if value is not None] if None in values else values
        if numbers and not (min(numbers) >= -MAX_CURVE and max(numbers) <= MAX_CURVE):
            raise ValueError("a curve's value is out of range")


def _check_pictures(pictures: dict[str, Any]) -> None:
    _check_names(pictures)
    if any(type(path) is not str or len(path) > MAX_TEXT for path in pictures.values()):
        raise ValueError("an event's pictures must be paths")


def _check_moments(moments: dict[str, Any]) -> None:
    _check_names(moments)
    if any(type(moment) is not int or not 0 <= moment <= MAX_ITERATION for moment in moments.values()):
        raise ValueError("an event's moments must be iterations")


def _check_values(values: dict[str, Any]) -> None:
    _check_names(values)
    check_depth(values, MAX_JSON_DEPTH)


def _check_names(values: dict[str, Any]) -> None:
    if len(values) > MAX_NAMES or any(len(name) > MAX_NAME for name in values):
        raise ValueError("an event has too many names, or too long ones")


_NESTED: dict[str, Callable[[dict[str, Any]], None]] = {
    "curves": _check_curves, "pictures": _check_pictures, "moments": _check_moments, "values": _check_values,
}  # fmt: skip


class EventWriter:
    """Appends events to a file, each as a whole line, flushed at once. Hold the run's lock while using it.

    Attributes:
        attempt: this writer's attempt, one more than the file's last.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        last = last_event(self._path)
        self._sequence = last.sequence if last else 0
        self.attempt = (last.attempt if last else 0) + 1
        self._stream = files.open_append(self._path)
        if _is_torn(self._path):
            self._stream.write(b"\n")  # Completes the partial line of a killed writer, which readers skip as damaged.
            self._stream.flush()

    def write(self, event: TrainEvent) -> TrainEvent:
        """Number, date and append `event`; returns it as written. Raises OSError (disk full)."""
        numbered = dataclasses.replace(
            event, sequence=self._sequence + 1, attempt=self.attempt, wall_time=round(time.time(), 3)
        )
        line = json.dumps(numbered.to_json(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        self._stream.write(line.encode("utf-8", "replace") + b"\n")  # Paths can hold undecodable bytes.
        self._stream.flush()
        self._sequence += 1
        return numbered

    def close(self) -> None:
        """Flush to disk and close."""
        if not self._stream.closed:
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()


class EventReader:
    """Reads a growing events file incrementally, whole lines only.

    Attributes:
        restarts: how often the file was truncated or replaced, so that reading began anew.
        damaged: lines skipped as damaged since reading last began; 1 if the path is not a regular file, or a file too
            large for events, which reads as empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        self._offset = 0
        self._head = b""
        self._overlong = False
        self.restarts = 0
        self.damaged = 0

    def read(self) -> list[TrainEvent]:
        """New events since the last call, up to the last newline. A missing file reads as empty.

        When the file was truncated or replaced, `restarts` grows and everything is read from its beginning.
        """
        try:
            with open_regular(self._path) as stream:
                return self._read(stream)
        except FileNotFoundError:
            return []
        except UntrustedError:
            self.damaged = max(1, self.damaged)
            return []

    def _read(self, stream: IO[bytes]) -> list[TrainEvent]:
        head = stream.read(len(self._head) or _HEAD)
        size = os.fstat(stream.fileno()).st_size
        if size < self._offset or not head.startswith(self._head):
            self._offset, self._head, self._overlong, self.damaged = 0, b"", False, 0
            self.restarts += 1
        if size > MAX_FILE:
            raise UntrustedError("too large for an events file")
        events: list[TrainEvent] = []
        while self._offset < size:
            stream.seek(self._offset)
            block = stream.read(MAX_LINE)
            end = block.rfind(b"\n") + 1
            if not end and len(block) < MAX_LINE:
                break
            if self._offset == 0:
                self._head = (block[:end] or block)[:_HEAD]
            self._offset += end or len(block)
            if not end:
                self._overlong = True
                continue
            start = 0
            if self._overlong:  # The end of a line that was too long.
                start = block.index(b"\n") + 1
                self._overlong = False
                self.damaged += 1
            lines = block[start:end].splitlines()
            events += [event for line in lines if (event := self._parsed(line)) is not None]
            if self.damaged > MAX_DAMAGED:
                self._offset = size
        return events

    def _parsed(self, line: bytes) -> TrainEvent | None:
        if not line.strip():
            return None
        try:
            return parse_event(line)
        except (ValueError, TypeError):
            self.damaged += 1
            return None


def first_event(path: Path) -> TrainEvent | None:
    """The first event, None where there is none or it is damaged. Only the file's beginning is read."""
    try:
        with open_regular(path) as stream:
            line = stream.readline(MAX_FIRST)
        return parse_event(line)
    except (OSError, ValueError, TypeError):
        return None


def last_event(path: Path) -> TrainEvent | None:
    """The last undamaged event; see `end_of_events`."""
    return end_of_events(path)[0]


def end_of_events(path: Path) -> tuple[TrainEvent | None, int]:
    """The last undamaged event, None when there is none, and how many damaged lines follow it.

    Only the file's end is read. Raises UntrustedError if the path is not a regular file, OSError if it cannot be read.
    """
    try:
        with open_regular(path) as stream:
            end = stream.seek(0, os.SEEK_END)
            size = 16_384
            while True:
                start = max(0, end - size)
                stream.seek(start)
                lines = stream.read(end - start).split(b"\n")[:-1]
                damaged = 0
                for line in reversed((lines if start == 0 else lines[1:])[-MAX_DAMAGED:]):
                    try:
                        return parse_event(line), damaged
                    except (ValueError, TypeError):
                        damaged += bool(line.strip())
                if start == 0 or size > MAX_LINE or len(lines) > MAX_DAMAGED:
                    return None, damaged
                size *= 4
    except FileNotFoundError:
        return None, 0


def _is_torn(path: Path) -> bool:
    with Path(path).open("rb") as stream:
        if stream.seek(0, os.SEEK_END) == 0:
            return False
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) != b"\n"
