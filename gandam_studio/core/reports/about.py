"""The head of a page: which runs these are, and what is missing of them."""

from __future__ import annotations

from gandam_studio.core.reports.facts import RunFacts
from gandam_studio.core.reports.markup import Markup, element
from gandam_studio.core.reports.parts import day, facts_list, outside, plural
from trainer.protocol import events as ev
from trainer.protocol.run_directory import RunState

STATES = {
    "created": "not started", "running": "still running", "paused": "paused", "interrupted": "interrupted",
    "stopped": "stopped", "failed": "failed", "finished": "finished", "damaged": "damaged",
}  # fmt: skip


def state_words(state: RunState) -> str:
    """A run's state and why, in a few words."""
    words = STATES.get(state.state, state.state)
    return f"{words}: {outside(state.reason)}" if state.reason else words


def head(facts: RunFacts) -> Markup:
    """What run this is."""
    state, config, record = facts.summary.state, facts.config, facts.record
    began = next((one.wall_time for one in record.story if isinstance(one, ev.RunStarted)), 0.0)
    pictures = record.progress.images_seen if record.progress else state.images_seen
    trained = record.progress.trained_s if record.progress else 0.0
    return element(
        "article",
        element("h3", element("bdi", facts.title), class_="run-name"),
        element("p", element("bdi", facts.summary.note), class_="note") if facts.summary.note else None,
        facts_list((
            ("State", state_words(state)),
            ("Trained for", f"{plural(facts.last, 'iteration')}, {pictures:,} pictures seen{_minutes(trained)}"),
            ("Preset", config.preset if config else ""),
            ("Data", _data(facts)),
            ("Run", facts.run.name),
            ("Began", day(began)),
        )),
        _missing(facts),
    )  # fmt: skip


def _data(facts: RunFacts) -> str:
    origin = facts.config.origin if facts.config else None
    return f"{origin.version} ({origin.manifest[:12]})" if origin and origin.version else ""


def _minutes(seconds: float) -> str:
    if seconds <= 0:
        return ""
    if seconds >= 5400:
        return f", {seconds / 3600:.1f} hours"
    return f", {plural(round(seconds / 60), 'minute')}" if seconds >= 45 else f", {seconds:.0f} seconds"


def _missing(facts: RunFacts) -> Markup | None:
    lines = [outside(line) for line in facts.missing]
    if facts.summary.state.state in ("running", "paused"):
        lines.insert(0, f"It was being trained when this page was made: what is shown ends at {facts.last:,}.")
    if not lines:
        return None
    return element(
        "div", element("strong", "What to know about this run"), element("ul", [element("li", line) for line in lines]),
        class_="missing",
    )  # fmt: skip
