"""Changes settings by texts such as `optimiser.lr_g=1e-4`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from trainer.protocol.config import FieldInfo, TrainConfig, describe_fields, flat
from trainer.protocol.effects import NO_LIMIT, newly_without_limit, without_effect
from trainer.protocol.errors import TrainerError
from trainer.protocol.remedies import Remedy
from trainer.protocol.settings import SettingError
from trainer.protocol.untrusted import shortened

FILLED_IN = {"origin": "when the run is created", "extension": "when the run's limit is raised"}
"""Sections that are never set by hand, and when the program writes them."""

CHANNELS = ("architecture.generator_channels", "architecture.discriminator_channels")
WIDE_FROM = "architecture.wide_from"
WIDE_CHANNELS = "architecture.wide_channels"


def parse_overrides(overrides: Iterable[str]) -> dict[str, Any]:
    """Parse `path=value` texts: dotted path -> value, the last of each (see `apply_overrides`). Raises TrainerError."""
    fields = {info.path: info for info in describe_fields()}
    found: dict[str, Any] = {}
    for text in overrides:
        path, equals, raw = text.partition("=")
        if not equals:
            raise TrainerError(
                f"{shortened(text)!r} is not a setting; write name=value, for instance optimiser.lr_g=1e-4"
            )
        path = _resolve(path.strip()[:200], fields)
        found[path] = _parse(path, raw.strip(), fields[path].kind)
    return found


def apply_overrides(config: TrainConfig, overrides: Iterable[str]) -> TrainConfig:
    """Apply `path=value` texts, such as `optimiser.lr_g=1e-4` or `architecture.generator_channels=256,128,64`.

    A path can be shortened to its last part if that is unique (`lr_g=1e-4`). Channels that are set stay as they are:
    `architecture.wide_from` becomes 0 unless it is set too. A change without effect is refused; settings without effect
    in a preset are accepted. Raises TrainerError, with similar names for unknown paths, and
    `SettingRefused`, with the accepted values, for bad values.
    """
    values = config.to_json()
    asked = parse_overrides(overrides)
    for path, value in asked.items():
        section, _, name = path.rpartition(".")
        if section in FILLED_IN:
            raise SettingRefused(path, f"{path} is filled in {FILLED_IN[section]} and cannot be set")
        (values[section] if section else values)[name] = value
    if asked.keys() & set(CHANNELS) and WIDE_FROM not in asked:
        values["architecture"]["wide_from"] = 0
    try:
        changed = TrainConfig.from_json(values)
    except SettingError as error:
        raise SettingRefused(error.path, str(error)) from None
    except ValueError as error:
        raise TrainerError(str(error)) from None
    before, after, idle = flat(config), flat(changed), without_effect(changed)
    for path in asked:
        if path in idle and before[path] != after[path]:
            raise SettingRefused(path, f"{path} has no effect {idle[path]}")
    if ending := newly_without_limit(config, changed):
        raise SettingRefused(ending[0], f"{' and '.join(ending)} would have no effect {NO_LIMIT}")
    return changed


class SettingRefused(TrainerError):
    """A setting does not accept the given value.

    Attributes:
        path: the setting's dotted name.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


def _resolve(path: str, fields: dict[str, FieldInfo]) -> str:
    if path in fields:
        return path
    fields = {known: info for known, info in fields.items() if known.partition(".")[0] not in FILLED_IN}
    ends = [known for known in fields if known.rpartition(".")[2] == path]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise TrainerError(f"{shortened(path)!r} could be {' or '.join(ends)}")
    short = difflib.get_close_matches(path.rpartition(".")[2], [f.rpartition(".")[2] for f in fields], n=2, cutoff=0.6)
    near = difflib.get_close_matches(path, fields, n=2, cutoff=0.6) or [
        known for known in fields if known.rpartition(".")[2] in short
    ]
    hint = f"; did you mean {' or '.join(near[:3])}?" if near else ""
    remedy = None if near else Remedy.LIST_SETTINGS
    raise TrainerError(f"there is no setting {shortened(path)!r}{hint}", remedy=remedy)


def _parse(path: str, raw: str, kind: str) -> Any:
    try:
        if kind == "bool":
            return {
                "true": True,
                "yes": True,
                "on": True,
                "1": True,
                "false": False,
                "no": False,
                "off": False,
                "0": False,
            }[raw.lower()]
        if kind == "int":
            return int(raw.replace("_", ""))
        if kind == "float":
            return float(raw)
        if kind.startswith("tuple"):
            items = [item.strip() for item in raw.strip("[]()").split(",") if item.strip()]
            return [int(item) for item in items] if "int" in kind else items
        return raw
    except (ValueError, KeyError):
        wanted = {"bool": "true or false", "int": "a whole number", "float": "a number"}.get(kind, "a list like 64,32")
        raise SettingRefused(path, f"{path} must be {wanted}, not {shortened(raw, 60)!r}") from None
