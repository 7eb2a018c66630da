"""Commands that repeat what a report shows, and check it."""

from __future__ import annotations

import shlex
from typing import Any

from gandam_studio.core.reports.facts import RunFacts
from trainer.protocol.config import TrainConfig, differences
from trainer.protocol.effects import has_limit
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import RunExtended
from trainer.protocol.overrides import WIDE_CHANNELS
from trainer.protocol.presets import load_preset

LEFT_OUT = ("origin", "extension", "description", "schema_version", "preset", "device", "processes")
"""Settings that `train` does not take by --set."""


def changed_settings(config: TrainConfig) -> list[tuple[str, Any, Any]] | None:
    """(path, in the preset, in the run) of every setting changed from the run's preset; None for an unknown preset."""
    try:
        preset = load_preset(config.preset)
    except TrainerError:
        return None
    return [one for one in differences(preset, config) if one[0].partition(".")[0] not in LEFT_OUT]


def train_command(facts: RunFacts) -> str:
    """The command that trains such a run again, "" if its preset is not one of this program's."""
    config = facts.config
    changed = changed_settings(config) if config else None
    if config is None or changed is None:
        return ""
    words = ["gandam-studio", "train", "--preset", config.preset]
    if config.origin.version:
        words += ["--version", config.origin.version]
    for path, _, value in changed:
        if path == WIDE_CHANNELS and not config.architecture.wide_from:
            continue  # It was never looked at, and `train` refuses what has no effect.
        if path == "seed":
            words += ["--seed", str(value)]
        elif not path.startswith("stop.") or has_limit(config.stop):
            words += ["--set", f"{path}={_value(value)}"]
    return shlex.join(words)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def extensions(facts: RunFacts) -> list[str]:
    """What was said when the run was trained longer, oldest first."""
    return [event.message for event in facts.record.story if isinstance(event, RunExtended)]


def judge_command(facts: RunFacts) -> str:
    """The command that judges the newest checkpoint."""
    return shlex.join(["gandam-studio", "evaluate", facts.run.name])


def sample_command(facts: RunFacts, iteration: int | str | None, count: int, seed: int) -> str:
    """The command that draws samples again."""
    words = ["gandam-studio", "sample", facts.run.name, "--seed", str(seed), "--count", str(count)]
    words += ["--iteration", str(iteration)] if iteration is not None else []
    return shlex.join([*words, "--out", "samples.png"])


def digest_commands(name: str) -> list[tuple[str, str]]:
    """(system, command) that prints the SHA-256 of a file."""
    return [
        ("Linux", f"sha256sum {name}"),
        ("macOS", f"shasum -a 256 {name}"),
        ("Windows", f"certutil -hashfile {name} SHA256"),
    ]
