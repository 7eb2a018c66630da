"""The sections about settings, about what happened, and about how to repeat and check it all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gandam_studio.core.reports.facts import RunFacts
from gandam_studio.core.reports.markup import Markup, element
from gandam_studio.core.reports.parts import (
    alarm_words,
    command,
    digest,
    facts_list,
    jump_words,
    outside,
    plural,
    section,
    table,
)
from gandam_studio.core.reports.reproducing import (
    changed_settings,
    digest_commands,
    extensions,
    judge_command,
    train_command,
)
from gandam_studio.core.runs.comparison import value_words
from trainer.protocol import events as ev
from trainer.protocol.advice import setting_name
from trainer.protocol.config import flat
from trainer.protocol.untrusted import shortened

MOST_LINES = 200
"""Of the story of a run."""


def settings(runs: Sequence[RunFacts]) -> Markup:
    """Every run's settings: those changed from its preset first."""
    return section("settings", "Settings", [_settings(facts, len(runs) > 1) for facts in runs])


def _settings(facts: RunFacts, named: bool) -> Markup:
    heading = element("h3", element("bdi", facts.title)) if named else None
    config = facts.config
    if config is None:
        return element("div", heading, element("p", "Its settings cannot be read."))
    changed = changed_settings(config)
    preset: dict[str, Any] = {path: before for path, before, _ in changed or ()}
    rows = [
        (setting_name(path), element("code", path), value_words(value), value_words(preset.get(path, value)))
        for path, value in flat(config).items()
        if not path.startswith(("origin.", "extension.")) and path not in ("schema_version", "description")
    ]
    if changed is None:
        told: Any = element("p", f"Its preset, {shortened(config.preset, 60)}, is not one of this program's.")
    elif changed:
        told = table(
            ("Changed setting", "Name in files", "This run", f"Preset {config.preset}"),
            [
                (setting_name(path), element("code", path), value_words(now), value_words(was))
                for path, was, now in changed
            ],
            "Settings changed from the preset",
        )  # fmt: skip
    else:
        told = element("p", f"All settings are those of the preset {config.preset}.")
    return element(
        "div", heading, told,
        [element("p", outside(line)) for line in extensions(facts)],
        element("details", element("summary", f"All {len(rows)} settings"),
                table(("Setting", "Name in files", "This run", "Preset"), rows, "All settings")),
    )  # fmt: skip


def story(runs: Sequence[RunFacts]) -> Markup | None:
    """Starts, ends, warnings, failures and jumps of each run."""
    parts = []
    for facts in runs:
        rows = [(f"{one.iteration:,}", text) for one in facts.record.story if (text := _told(one))]
        if rows:
            more = len(rows) - MOST_LINES
            shown = (
                rows if more <= 0 else [*rows[: MOST_LINES // 2], ("…", f"{more:,} more"), *rows[-MOST_LINES // 2 :]]
            )
            name = f"{facts.title}: " if len(runs) > 1 else ""
            parts.append(element(
                "details", element("summary", f"{name}{plural(len(rows), 'event')}"),
                table(("Iteration", "What happened"), shown, f"What happened in {facts.title}"),
            ))  # fmt: skip
    return section("story", "What happened", parts) if parts else None


def _told(event: ev.TrainEvent) -> str:
    if isinstance(event, ev.RunStarted):
        return f"Started on {shortened(event.device, 60)} ({shortened(event.precision, 20)}), attempt {event.attempt:,}"
    if isinstance(event, ev.RunResumed):
        return "Resumed" if not event.checkpoint else "Resumed from a checkpoint; later results were discarded"
    if isinstance(event, ev.SpikeFound):
        return jump_words(event)
    if isinstance(event, ev.Alarm):
        return alarm_words(event)
    if isinstance(event, ev.RunWarning | ev.RunExtended):
        return outside(event.message[:1].upper() + event.message[1:])
    if isinstance(event, ev.RunStopped):
        return f"Stopped: {outside(event.reason)}" if event.reason else "Stopped"
    if isinstance(event, ev.RunFailed):
        return f"Failed: {outside(event.message)}"
    if isinstance(event, ev.RunFinished):
        return f"Finished: {ev.LIMITS[event.limit]} reached" if event.limit in ev.LIMITS else "Finished"
    return "Paused" if isinstance(event, ev.RunPaused) else ""


def reproducing(runs: Sequence[RunFacts]) -> Markup:
    """Where it was trained, how to train it again, and how to check that this page tells the truth."""
    return section(
        "reproduce", "Repeat and check",
        [_reproducing(facts, len(runs) > 1) for facts in runs],
        element("h3", "Check the data"),
        element("p", "A version's name is the SHA-256 of its list of sprites, so equal data have equal names "
                "everywhere. In the run's folder, one of these must print the digest above:"),
        facts_list([(system, element("code", command)) for system, command in digest_commands("manifest.jsonl")]),
        element("p", "In a workspace, ", element("code", "gandam-studio verify"),
                " reads every original and every version again, and names what is missing or altered."),
    )  # fmt: skip


def _reproducing(facts: RunFacts, named: bool) -> Markup:
    config, started = facts.config, facts.record.started
    heading = element("h3", element("bdi", facts.title)) if named else None
    origin = config.origin.manifest if config else ""
    checked = ""
    if facts.digest and origin:
        equal = facts.digest == origin
        checked = (
            "The list in the run's folder has this digest: checked when this page was made."
            if equal
            else (f"The list in the run's folder has another digest, {facts.digest}: it was altered.")
        )
    train = train_command(facts)
    environment = facts_list((
        ("Device", _device(started)),
        ("System", shortened(started.system, 100) if started else ""),
        ("Python", shortened(started.python, 40) if started else ""),
        ("PyTorch", facts.torch or (shortened(started.torch, 60) if started else "")),
        ("Parameters", _parameters(started)),
        ("Batch", f"{started.batch:,}" if started and started.batch else ""),
        ("Processes", f"{started.ranks:,}" if started and started.ranks > 1 else ""),
        ("Seed", f"{config.seed}" if config else ""),
        ("Manifest (SHA-256)", digest(origin or facts.digest)),
        ("Pictures (SHA-256)", digest(_text(facts.data.get("sha256")))),
    ))  # fmt: skip
    return element(
        "div", heading, environment,
        element("p", checked, class_="" if "another" not in checked else "concern") if checked else None,
        [element("p", "Train it again, in a workspace with this version:"), command(train)] if train else
        element("p", "Its preset is not one of this program's: all its settings are in config.json in its folder."),
        [element("p", "Judge its newest checkpoint again:"), command(judge_command(facts))]
        if facts.checkpoints else None,
    )  # fmt: skip


def _device(started: ev.RunStarted | None) -> str:
    if started is None:
        return ""
    named = f" ({shortened(started.device_name, 100)})" if started.device_name else ""
    return f"{shortened(started.device, 60)}{named}, {shortened(started.precision, 20)}"


def _text(value: Any) -> str:
    return shortened(value, 100) if isinstance(value, str) else ""


def _parameters(started: ev.RunStarted | None) -> str:
    if started is None or not started.generator_parameters:
        return ""
    text = f"generator {started.generator_parameters:,}"
    if started.discriminator_parameters:
        text += f", discriminator {started.discriminator_parameters:,}"
    return text
