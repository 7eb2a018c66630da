"""The whole configuration of a training run: typed, versioned, with presets and overrides."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from trainer.protocol.advice import advice, setting_name
from trainer.protocol.settings import (
    LONGEST,
    Architecture,
    Augmentation,
    Batch,
    Data,
    Diagnostics,
    Ema,
    Extension,
    Flow,
    Objective,
    Optimiser,
    Precision,
    Regulariser,
    Sampling,
    Schedule,
    SettingError,
    Settings,
    Stop,
    check_fields,
    hints_of,
    setting,
)
from trainer.protocol.shapes import check_networks, group_of
from trainer.protocol.untrusted import shortened

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class Origin(Settings):
    """Where a run's pictures come from; filled in when the run is created."""

    manifest: str = setting("", "SHA-256 of the manifest trained on")
    version: str = setting("", "its label, such as v3")
    recipe: str = setting("", "the recipe as canonical JSON")
    parent: str = setting("", "run whose settings this one was derived from")
    facing_curated: bool = setting(False, "facing was put in order: mirroring would undo it")


@dataclass(frozen=True)
class TrainConfig:
    """The configuration of a run. Each section is an independent choice.

    `from_json(to_json(c)) == c`. Raises SettingError, which names the field, for values out of range and for networks
    that cannot be built.
    """

    schema_version: int = SCHEMA_VERSION
    preset: str = setting("custom", "preset this configuration started from", most=64)
    description: str = setting("", "what the preset is for, in a sentence or two")
    seed: int = setting(
        0,
        "decides weights, order of pictures, latents and augmentation",
        low=0,
        high=2**63 - 1,
    )
    device: str = setting(
        "auto",
        "auto takes CUDA, then MPS, then CPU",
        choices=("auto", "cuda", "mps", "cpu"),
    )
    processes: int = setting(
        1,
        "share each batch among this many processes of this machine, one GPU each; the result is the same",
        low=1,
        high=64,
    )
    data: Data = field(default_factory=Data)
    architecture: Architecture = field(default_factory=Architecture)
    objective: Objective = field(default_factory=Objective)
    flow: Flow = field(default_factory=Flow)
    regulariser: Regulariser = field(default_factory=Regulariser)
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimiser: Optimiser = field(default_factory=Optimiser)
    schedule: Schedule = field(default_factory=Schedule)
    ema: Ema = field(default_factory=Ema)
    precision: Precision = field(default_factory=Precision)
    batch: Batch = field(default_factory=Batch)
    sampling: Sampling = field(default_factory=Sampling)
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    stop: Stop = field(default_factory=Stop)
    extension: Extension = field(default_factory=Extension)
    origin: Origin = field(default_factory=Origin)

    def __post_init__(self) -> None:
        check_fields(self)
        if self.batch.size % self.processes:
            raise SettingError(
                "batch.size", f"{self.batch.size} pictures cannot be divided among {self.processes} processes"
            )
        group = group_of(self.batch.size)
        if self.architecture.minibatch_std and self.batch.size // self.processes % group:
            raise SettingError(
                "batch.size",
                f"minibatch_std compares {group} of {self.batch.size} pictures with each other, which "
                f"{self.processes} processes cannot divide",
            )
        if (self.objective.kind == "flow") != (self.architecture.kind == "unet"):
            raise SettingError(
                "objective.kind", "flow goes with networks of kind unet, and other objectives go with the others"
            )
        check_networks(self.architecture, self.data)

    @property
    def is_flow(self) -> bool:
        """Whether a run learns a flow: one network, no discriminator."""
        return self.objective.kind == "flow"

    def pictures_per_iteration(self, batch: int) -> int:
        """Training pictures seen in one iteration with `batch` pictures a step."""
        return batch if self.is_flow else batch * self.objective.critic_steps

    @property
    def scaled(self) -> bool:
        """Whether the networks were adapted from the size their layer lists are written for."""
        return self.data.size != self.architecture.size

    def to_json(self) -> dict[str, Any]:
        """Plain values (tuples as lists), in field order."""
        return _plain(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TrainConfig:
        """Build from plain values: old versions are patched, unknown fields refused. Raises ValueError."""
        if not isinstance(values, dict):
            raise ValueError("a configuration must be a table of settings")
        values = up_to_date(values)
        hints = hints_of(cls)
        kept: dict[str, Any] = {}
        for name, value in values.items():
            if name not in hints:
                raise ValueError(f"unknown setting {shortened(repr(name))}{close_match(name, hints)}")
            kept[name] = _section(hints[name], value, name) if _is_section(hints[name]) else value
        return cls(**kept)


@dataclass(frozen=True)
class FieldInfo:
    """A setting as a form shows it; `path` is dotted ("optimiser.lr_g"), `kind` a Python type's name.

    `name` is for people, `advice` says what good and bad values look like.
    """

    path: str
    kind: str
    default: Any
    meaning: str
    unit: str = ""
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    most: int = LONGEST
    name: str = ""
    advice: str = ""


def _plain(value: Any) -> Any:
    """A section as a table, a tuple as a list, other values as they are."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return list(value) if isinstance(value, tuple) else value


def _is_section(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Settings)


def _section(kind: Any, values: Any, name: str) -> Any:
    if not isinstance(values, dict):
        raise SettingError(name, "must be a table of settings")
    known = [f.name for f in dataclasses.fields(kind)]
    for key in values:
        if key not in known:
            raise ValueError(f"unknown setting {name}.{shortened(str(key))}{close_match(key, known, name + '.')}")
    try:
        return kind(**values)
    except SettingError as error:
        raise SettingError(f"{name}.{error.path}", error.reason) from None


def up_to_date(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a configuration that may be of an older version, as the present one has them.

    Each patch turns version n into n + 1. Raises ValueError for a newer version.
    """
    values = dict(values)
    version = values.get("schema_version", SCHEMA_VERSION)
    if isinstance(version, bool) or not isinstance(version, int):
        raise ValueError(f"schema_version must be a whole number, not {shortened(str(version), 20)}")
    if version > SCHEMA_VERSION:
        known = f"(schema {shortened(str(version), 20)}, known {SCHEMA_VERSION})"
        raise ValueError(f"written by a newer version of this program {known}")
    if version < 1:
        # Schema 0 (before the first release) kept the learning rates' decay beside the rates.
        optimiser, schedule = values.get("optimiser", {}), values.get("schedule", {})
        if isinstance(optimiser, dict) and isinstance(schedule, dict) and "decay" in optimiser:
            optimiser = dict(optimiser)
            if (decay := optimiser.pop("decay")) is not None:
                values["schedule"] = {**schedule, "kind": "step", "step_factor": decay}
            values["optimiser"] = optimiser
    if version < 2 and "architecture" in values:
        values["architecture"] = _larger_patches(values["architecture"], values.get("data"))
    values["schema_version"] = SCHEMA_VERSION
    return values


def _larger_patches(architecture: Any, data: Any) -> Any:
    """Until schema 2 a unet for larger pictures took larger squares of pixels together; it has more stages since."""
    if not isinstance(architecture, dict) or not isinstance(data, dict) or architecture.get("kind") != "unet":
        return architecture
    size, wanted, patch = architecture.get("size"), data.get("size"), architecture.get("patch", Architecture().patch)
    if not (isinstance(size, int) and isinstance(wanted, int) and isinstance(patch, int) and 0 < size < wanted):
        return architecture  # What is no number is refused later.
    return {**architecture, "size": wanted, "patch": patch * (wanted // size)}


def close_match(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Text to append to a message about an unknown name: similar names, or all known ones."""
    known = list(known)
    matches = difflib.get_close_matches(name, known, n=2, cutoff=0.55)
    if matches:
        return f"; did you mean {' or '.join(prefix + match for match in matches)}?"
    return f"; known: {', '.join(known)}"


def describe_fields() -> list[FieldInfo]:
    """Every setting in order, for forms and tables."""
    return list(_described())


@functools.cache
def _described() -> tuple[FieldInfo, ...]:
    infos: list[FieldInfo] = []
    hints = hints_of(TrainConfig)
    for outer in dataclasses.fields(TrainConfig):
        if not _is_section(hints[outer.name]):
            if outer.metadata:
                infos.append(_info(outer.name, hints[outer.name], outer))
            continue
        inner_hints = hints_of(hints[outer.name])
        for inner in dataclasses.fields(hints[outer.name]):
            infos.append(_info(f"{outer.name}.{inner.name}", inner_hints[inner.name], inner))
    return tuple(infos)


def _info(path: str, hint: Any, found: dataclasses.Field[Any]) -> FieldInfo:
    kind = hint.__name__ if hint in (int, float, bool, str) else str(hint)
    return FieldInfo(
        path=path, kind=kind, default=found.default, name=setting_name(path), advice=advice(path), **found.metadata
    )


def flat(config: TrainConfig) -> dict[str, Any]:
    """Every setting by its dotted path."""
    values: dict[str, Any] = {}
    for name, value in config.to_json().items():
        if isinstance(value, dict):
            values.update({f"{name}.{key}": inner for key, inner in value.items()})
        else:
            values[name] = value
    return values


def differences(first: TrainConfig, second: TrainConfig) -> list[tuple[str, Any, Any]]:
    """The settings in which two configurations differ: (path, in the first, in the second)."""
    one, two = flat(first), flat(second)
    return [(path, one[path], two[path]) for path in one if one[path] != two[path]]


def fit_data(config: TrainConfig, size: int, channels: int) -> TrainConfig:
    """The configuration for pictures of `size` and `channels`.

    Zero-centred penalties (r1, r1r2) grow with the number of pixels, so their weights are scaled by (size / size
    before)^2, as StyleGAN2's heuristic does. Raises ValueError for invalid sizes or channels.
    """
    regulariser = config.regulariser
    if regulariser.kind in ("r1", "r1r2"):
        factor = (size / config.data.size) ** 2
        end = regulariser.weight_end
        regulariser = dataclasses.replace(
            regulariser, weight=regulariser.weight * factor, weight_end=end * factor if end > 0 else end
        )
    data = dataclasses.replace(config.data, size=size, channels=channels)
    return dataclasses.replace(config, data=data, regulariser=regulariser)
