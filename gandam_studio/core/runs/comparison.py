"""Differences between two to four runs, in configuration and data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.versions.differing import Changed, Removed, VersionDiff
from trainer.protocol.advice import setting_name
from trainer.protocol.config import TrainConfig, describe_fields, differences, up_to_date
from trainer.protocol.events import RunStarted, first_event
from trainer.protocol.manifest import ManifestEntry, read_manifest
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import parse_json, read_json_object, shortened

MISSING = None
LIMIT = 4
LONGEST = 200
"""Characters of a value in words."""
_CONSEQUENCES = (
    "schema_version",
    "description",
    "preset",
    "origin.parent",
    "origin.manifest",
    "origin.recipe",
    "origin.version",
)
# The preset's settings have rows of their own; which channels a run got in the end, too.
_TOLD_BY_OTHERS = ("preset", "architecture.wide_channels", "architecture.wide_from")
_CHANGEABLE = ("flip", "rotation", "crop", "facing", "tags", "family", "weight", "split")


@dataclass(frozen=True)
class Difference:
    """One row of the table: a value in which the runs differ.

    Attributes:
        group: "configuration", "data", "recipe" or "environment". name: dotted path or plain name.
        values: one per run, in the order of runs; None where a run has none.
        meaning: for a tool tip. is_factor: False for a consequence of other rows.
    """

    group: str
    name: str
    values: tuple[Any, ...]
    meaning: str = ""
    is_factor: bool = True


@dataclass(frozen=True)
class ManifestDifference:
    """How a run's sprites differ from the first run's: ids added and removed, and (id, changed fields)."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True)
class Change:
    """One thing that differs between two runs or presets: a setting, a choice of the recipe, or the data.

    Attributes:
        factor: a setting's dotted path, "recipe.NAME", or "data". a, b: its values; for "data", the versions' labels.
        diff: for "data", the readable difference of the versions; "" otherwise.
    """

    factor: str
    a: Any
    b: Any
    diff: str = ""

    def to_json(self) -> dict[str, Any]:
        """An element of "changed" of `runs --compare A B --json`."""
        values = {"factor": self.factor, "a": self.a, "b": self.b}
        return values | {"diff": self.diff} if self.diff else values


def compared_json(a: str, b: str, changed: Sequence[Change]) -> dict[str, Any]:
    """The document of `runs --compare A B --json` and `presets --compare A B --json`."""
    return {"a": a, "b": b, "changed": [change.to_json() for change in changed], "confounded": len(changed) > 1}


ENVIRONMENT = {
    "device": "what it was trained on", "device name": "graphics card or processor", "system": "operating system",
    "Python": "its version", "PyTorch": "its version", "precision": "of the networks' arithmetic",
}  # fmt: skip
"""What the first event says about where a run was trained, and its meaning."""


@dataclass(frozen=True)
class RunComparison:
    """Two to four runs side by side.

    Attributes:
        names: the runs. differences: the table, configuration first.
        manifests: one per run, compared with the first (so the first is empty).
        data: for each run, what it is called and how its sprites differ from the first run's, in a line; "" if not.
        other_data: for each run, whether its data are others than the first run's; by the versions' digests where a
            list of sprites cannot be read.
    """

    names: tuple[str, ...]
    differences: tuple[Difference, ...]
    manifests: tuple[ManifestDifference, ...] = field(default_factory=tuple)
    data: tuple[tuple[str, str], ...] = field(default_factory=tuple)
    other_data: tuple[bool, ...] = ()

    @property
    def changed(self) -> tuple[Change, ...]:
        """What changed from the first run to the second; all differences in data are one change."""
        found = [
            Change(row.name if row.group == "configuration" else f"recipe.{row.name}", row.values[0], row.values[1])
            for row in self.differences
            if row.group != "data" and row.is_factor and row.values[0] != row.values[1]
        ]
        if self.other_data[1]:
            found.append(Change("data", self.data[0][0], self.data[1][0], self.data[1][1]))
        return tuple(found)

    @property
    def environment(self) -> tuple[Change, ...]:
        """How the second run's environment differs from the first's; it rounds otherwise, and is no factor."""
        rows = [row for row in self.differences if row.group == "environment"]
        return tuple(Change(row.name, row.values[0], row.values[1]) for row in rows if row.values[0] != row.values[1])

    @property
    def factors(self) -> int:
        """How many differences could explain different results; all differences in data count as one."""
        configuration = sum(1 for row in self.differences if row.group != "data" and row.is_factor)
        return configuration + any(self.other_data)


def compare(folders: Iterable[Path]) -> RunComparison:
    """Compare two to four run folders. Raises UserError for any other number.

    Values in files that cannot be read are missing.
    """
    runs = [RunDirectory(folder) for folder in folders]
    if not 2 <= len(runs) <= LIMIT:
        raise UserError(f"two to {LIMIT} runs can be compared, not {len(runs)}")
    configs = [_flat(run.config_path) for run in runs]
    manifests = [_manifest(run.manifest_path) for run in runs]
    against_first = tuple(manifest_difference(manifests[0], manifest) for manifest in manifests)
    rows = [*_configuration(configs), *_recipes(configs), *_data(configs, manifests, against_first)]
    rows += _environments([environment_of(run) for run in runs])
    data = _readable(configs, manifests)
    digests = [config.get("origin.manifest") for config in configs]
    other = tuple(
        bool(found) or (None in (manifests[0], manifest) and bool(digests[0] and digest) and digest != digests[0])
        for found, manifest, digest in zip(against_first, manifests, digests, strict=True)
    )
    return RunComparison(tuple(run.name for run in runs), tuple(rows), against_first, data, other)


def compare_settings(first: TrainConfig, second: TrainConfig) -> tuple[Change, ...]:
    """The settings in which two configurations differ; what only names or describes them is left out."""
    return tuple(
        Change(path, a, b)
        for path, a, b in differences(first, second)
        if path not in _CONSEQUENCES and not path.startswith(("origin.", "extension."))
    )


def _readable(
    configs: list[dict[str, Any]], manifests: list[dict[str, ManifestEntry] | None]
) -> tuple[tuple[str, str], ...]:
    """For each run, its version's label (or the digest's beginning) and its difference from the first run's data."""
    names = []
    for config in configs:
        label, digest = (config.get(f"origin.{key}") for key in ("version", "manifest"))
        names.append(next((shortened(x, 40) for x in (label, digest) if isinstance(x, str) and x), "another version"))
    lines = [("" if not i else _diff_line(names[0], names[i], manifests[0], manifests[i])) for i in range(len(names))]
    return tuple(zip(names, lines, strict=True))


def _diff_line(a: str, b: str, before: dict[str, ManifestEntry] | None, after: dict[str, ManifestEntry] | None) -> str:
    found = manifest_difference(before, after)
    if before is None or after is None or not found:
        return ""
    return VersionDiff(
        a,
        b,
        tuple(after[key] for key in found.added),
        tuple(Removed(before[key], "") for key in found.removed),
        tuple(Changed(before[key], after[key], fields) for key, fields in found.changed),
    ).summary


def row_name(row: Difference) -> str:
    """A row's name for people."""
    if row.group == "configuration":
        return setting_name(row.name)
    name = f"{row.group}: {row.name}"
    return name[:1].upper() + name[1:]


def value_words(value: Any) -> str:
    """A setting's value for people."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return shortened(", ".join(map(str, value[:LONGEST])), LONGEST) or "none"
    return f"{value:,}" if isinstance(value, int) else shortened(str(value), LONGEST)


def manifest_difference(
    first: dict[str, ManifestEntry] | None, other: dict[str, ManifestEntry] | None
) -> ManifestDifference:
    """What was added to, removed from and changed in `first` to reach `other`; empty when one is unknown."""
    if first is None or other is None:
        return ManifestDifference()
    changed = []
    for key in sorted(first.keys() & other.keys()):
        fields = tuple(name for name in _CHANGEABLE if getattr(first[key], name) != getattr(other[key], name))
        if fields:
            changed.append((key, fields))
    return ManifestDifference(
        tuple(sorted(other.keys() - first.keys())), tuple(sorted(first.keys() - other.keys())), tuple(changed)
    )


def _flat(path: Path) -> dict[str, Any]:
    """Settings by dotted path, from the file itself, since TrainConfig refuses newer versions.

    Those of an older version are told as the present one has them.
    """
    try:
        values = read_json_object(path, max_bytes=1 << 20)
    except (OSError, ValueError):
        return {}
    with contextlib.suppress(ValueError):
        values = up_to_date(values)
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat.update({f"{name}.{key}": inner for key, inner in value.items()})
        else:
            flat[name] = value
    return flat


def _manifest(path: Path) -> dict[str, ManifestEntry] | None:
    with contextlib.suppress(OSError, ValueError, TypeError, RecursionError):
        if not path.is_file():
            return None
        return {entry.id: entry for entry in read_manifest(path)}
    return None


def _configuration(configs: list[dict[str, Any]]) -> Iterable[Difference]:
    known = {info.path: info for info in describe_fields()}
    names = list(known) + [name for config in configs for name in config if name not in known]
    for name in dict.fromkeys(names):
        if name.startswith("origin.") or name in ("schema_version", "description"):
            continue
        # Settings missing in older files had their defaults.
        default = known[name].default if name in known else MISSING
        default = list(default) if isinstance(default, tuple) else default
        values = tuple(config.get(name, default) if config else MISSING for config in configs)
        if _differ(values):
            meaning = known[name].meaning if name in known else ""
            yield Difference("configuration", name, values, meaning, name not in _TOLD_BY_OTHERS)


def _recipes(configs: list[dict[str, Any]]) -> Iterable[Difference]:
    recipes = []
    for config in configs:
        recipe = {}
        with contextlib.suppress(ValueError, TypeError):
            recipe = parse_json(config.get("origin.recipe") or "{}")
        recipes.append(recipe if isinstance(recipe, dict) else {})
    sizes = _differ(tuple(config.get("data.size") for config in configs))
    for name in dict.fromkeys(name for recipe in recipes for name in recipe):
        values = tuple(recipe.get(name) for recipe in recipes)
        if _differ(values):
            # The recipe's size follows from the configuration's.
            yield Difference("recipe", name, values, "how pictures are prepared", not (name == "size" and sizes))


def _data(
    configs: list[dict[str, Any]],
    manifests: list[dict[str, ManifestEntry] | None],
    against_first: tuple[ManifestDifference, ...],
) -> Iterable[Difference]:
    found = [config.get("origin.manifest") for config in configs]
    digests = [digest[:12] if digest and isinstance(digest, str) else None for digest in found]
    families = [None if m is None else len({entry.family for entry in m.values()} - {""}) for m in manifests]
    rows: list[tuple[str, str, list[Any]]] = [
        ("version", "label of the data set's version", [config.get("origin.version") for config in configs]),
        (
            "manifest",
            "digest of the data set's version",
            digests,
        ),
        ("sprites", "pictures in the version", _counts(manifests, lambda entry: True)),
        ("flipped", "pictures mirrored by the curator", _counts(manifests, lambda entry: entry.flip)),
        ("facing left", "pictures that face left", _counts(manifests, lambda entry: entry.facing == "left")),
        ("facing right", "pictures that face right", _counts(manifests, lambda entry: entry.facing == "right")),
        ("held out", "pictures kept from training", _counts(manifests, lambda entry: entry.split != "train")),
        ("families", "groups of related sprites", families),
    ]
    if any(against_first):
        rows += [
            ("sprites added", "against the first run", [len(other.added) for other in against_first]),
            ("sprites removed", "against the first run", [len(other.removed) for other in against_first]),
            ("sprites edited", "flipped, cropped ... against the first", [len(o.changed) for o in against_first]),
        ]
    for name, meaning, values in rows:
        if _differ(tuple(values)):
            yield Difference("data", name, tuple(values), meaning)


def environment_of(run: RunDirectory) -> dict[str, str]:
    """Where a run was first trained: the keys of `ENVIRONMENT`; empty if it was not, or an older version did it."""
    started = first_event(run.events_path)
    if not isinstance(started, RunStarted):
        return {}
    found = {
        "device": started.device, "device name": started.device_name, "system": started.system,
        "Python": started.python, "PyTorch": started.torch, "precision": started.precision,
    }  # fmt: skip
    return {name: shortened(value, LONGEST) for name, value in found.items() if value}


def _environments(found: list[dict[str, str]]) -> Iterable[Difference]:
    for name, meaning in ENVIRONMENT.items():
        values = tuple(environment.get(name) for environment in found)
        # Runs of older versions, and those that were never started, do not tell.
        if len({value for value in values if value is not None}) > 1:
            yield Difference("environment", name, values, meaning, is_factor=False)


def _counts(manifests: list[dict[str, ManifestEntry] | None], test: Any) -> list[int | None]:
    return [sum(map(test, manifest.values())) if manifest is not None else None for manifest in manifests]


def _differ(values: tuple[Any, ...]) -> bool:
    return any(value != values[0] for value in values[1:])
