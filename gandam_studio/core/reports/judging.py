"""The section with the verdicts: what was found in the samples of each run, in the words of the window's cards."""

from __future__ import annotations

from collections.abc import Sequence

from gandam_studio.core.reports.facts import RunFacts
from gandam_studio.core.reports.markup import Markup, element
from gandam_studio.core.reports.parts import alarm_words, section, sign, table
from gandam_studio.core.runs.concerns import concern
from gandam_studio.core.runs.diagnoses import verdict_changes
from gandam_studio.core.runs.diagnosis_numbers import numbers_of
from trainer.protocol.diagnosis_cards import Card, cards, summary

SUBJECTS = {
    "variety": "Variety", "copying": "Copying", "quality": "Quality, train longer?", "drift": "Drift and jumps",
}  # fmt: skip
MOST_LINES = 200
"""Of the story of a run."""


def verdicts(runs: Sequence[RunFacts]) -> Markup:
    """What was found in the samples of each run, with numbers, intervals and the pictures behind it."""
    heading = "Is it healthy?" if len(runs) == 1 else "Are they healthy?"
    return section(
        "verdict", heading, element("div", [_verdict(facts, len(runs) > 1) for facts in runs], class_="verdicts")
    )


def _verdict(facts: RunFacts, named: bool) -> Markup:
    heading = element("h3", element("bdi", facts.title)) if named else None
    newest = next((one for one in reversed(facts.record.diagnoses) if one.diagnosis is not None), None)
    trouble = concern(facts.record, facts.config.objective.kind if facts.config else "bce")
    shown = [_concern(trouble.kind, trouble.value, trouble.before)] if trouble else []
    if newest is None or newest.diagnosis is None:
        text = "No diagnosis was made while it trained, so nothing is said here about collapse and copying."
        return element("div", heading, shown, element("p", text), class_="judged")
    found = newest.diagnosis
    what = summary(found)
    numbers = numbers_of(found)
    parts = [_card(SUBJECTS[name], card, numbers[name]) for name, card in cards(found).items()]
    inner = element("div", parts, class_="cards")
    return element(
        "div",
        heading,
        shown,
        element(
            "div",
            element("p", sign(what), element("strong", what.title, class_="what"), class_="verdict-line"),
            element("p", f"Judged at iteration {newest.iteration:,}, by {found.samples:,} new samples. {what.meaning}"),
            element("p", what.advice, class_="advice") if what.advice else None,
            class_=f"summary {what.tone}",
        ),
        element("details", element("summary", "Variety, copying, quality, drift"), inner) if named else inner,
        _changes(facts),
        class_="judged",
    )


def _card(subject: str, card: Card, numbers: str) -> Markup:
    return element(
        "article",
        element("p", element("span", subject, class_="subject"), sign(card), class_="card-head"),
        element("h4", card.title),
        element("p", card.meaning),
        element("p", card.advice, class_="advice") if card.advice else None,
        element(
            "details", element("summary", "Numbers"),
            element("ul", [element("li", line) for line in numbers.splitlines()]),
        ),
        class_=f"card {card.tone}",
    )  # fmt: skip


def _concern(kind: str, value: float, before: float) -> Markup:
    text = {
        "diverging": f"The losses explode: {value:.3g} now, {before:.3g} at the start.",
        "discriminator": f"The discriminator has won: its loss is {value:.3g}, so the generator learns nothing.",
        "flat": f"Nothing improves: quality {value:.3g} now, {before:.3g} in the first half.",
    }.get(kind, kind)
    return element("p", element("span", "Bad", class_="tone bad"), " ", text, class_="concern")


def _changes(facts: RunFacts) -> Markup | None:
    """When verdicts changed, and every alarm."""
    lines: list[tuple[int, str]] = []
    readable = [one for one in facts.record.diagnoses if one.diagnosis is not None]
    for one in [*readable[:1], *verdict_changes(facts.record.diagnoses)]:
        if one.diagnosis is not None:
            lines.append((one.iteration, f"Verdict: {summary(one.diagnosis).title}"))
    lines += [(alarm.iteration, alarm_words(alarm)) for alarm in facts.record.alarms]
    if not lines:
        return None
    rows = [(f"{at:,}", text) for at, text in sorted(lines)[:MOST_LINES]]
    return element(
        "details",
        element("summary", f"How the verdict changed, and alarms ({len(rows):,})"),
        table(("Iteration", "What"), rows, "Verdicts and alarms"),
    )
