"""An experiment's results: one document, from the plan and what came of its cells, that everything else reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.effects import (
    BETTER,
    UNKNOWN,
    WITHIN_NOISE,
    WORSE,
    Effect,
    effect_json,
    effects,
    gated,
)
from gandam_studio.core.experiments.folder import DONE, FAILED, Experiment, Outcome
from gandam_studio.core.experiments.growth import growth_of
from gandam_studio.core.experiments.plan import Cell, Plan
from gandam_studio.core.experiments.scale import DIFFERENCE, Scaled, scaled, times
from gandam_studio.core.experiments.tastes import tastes
from trainer.protocol import files
from trainer.protocol.diagnosis import COLLAPSED, COLLAPSED_ONTO_TRAINING, MEMORISED
from trainer.protocol.untrusted import read_json_object

SCHEMA = 1
_BYTES = 64 << 20
_COPIES = (MEMORISED, COLLAPSED_ONTO_TRAINING)
_COLLAPSED = (COLLAPSED, COLLAPSED_ONTO_TRAINING)
WAITING, TRAINING = "waiting", "training"


def results(experiment: Experiment) -> dict[str, Any]:
    """The document of results.json; see docs/formats.md."""
    plan, outcomes = experiment.plan, experiment.outcomes()
    made = {number: run.name for number, run in experiment.runs().items()}
    layout = plan.layout
    names = [factor.title for factor in plan.factors]
    told, cannot = layout.tells(names)
    measured = on_scale(plan, outcomes)
    found = judged_effects(plan, outcomes)
    failed = [outcome for outcome in outcomes.values() if outcome.state == FAILED]
    done = len(outcomes) - len(failed)
    rank = {cell.number: place for place, cell in enumerate(plan.order)}
    return {
        "schema": SCHEMA,
        "experiment": plan.name,
        "title": experiment.title,
        "note": experiment.label.note,
        "question": plan.question,
        "plan": plan.to_json(),
        "digest": experiment.digest,
        "design": {
            "kind": layout.kind,
            "resolution": layout.resolution,
            "combinations": len(layout.combinations),
            "tells": told,
            "cannot_tell": cannot,
        },
        "measure": {
            "name": "kid",
            "lower_is_better": True,
            "features": next((one.features for one in outcomes.values() if one.state == DONE), ""),
            "samples": plan.samples,
            "against": f"held-out sprites of {plan.version}",
            "scale": measured.scale,
            "limit": measured.limit,
            "at_limit": len(measured.at_limit),
            "note": measured.note,
        },
        "cells": [_cell_json(plan, cell, rank[cell.number], outcomes.get(cell.number), made) for cell in plan.cells],
        "done": done,
        "missing": len(failed),
        "total": len(plan.cells),
        "complete": len(outcomes) == len(plan.cells),
        "effects": [effect_json(e, names, lambda f, level: plan.factors[f].levels[level].title) for e in found],
        "summary": _summary(plan, found, done, failed, measured.note),
        "growth": _growth(plan, outcomes),
        "tastes": [taste.to_json(names_of(plan, outcomes)) for taste in tastes(experiment.folder)],
    }


def _growth(plan: Plan, outcomes: Mapping[int, Outcome]) -> dict[str, Any] | None:
    """What more sprites would buy; runs that are collapsed are said, as for a change that looks better."""
    answer = growth_of(plan, outcomes)
    bad = sum(outcome.state == DONE and is_bad(outcome)[1] for outcome in outcomes.values())
    if answer is not None and answer["answer"] == "predicted" and bad:
        done = sum(outcome.state == DONE for outcome in outcomes.values())
        answer["why"] += f"; {bad} of {done} runs it goes by are collapsed"
    return answer


def write_results(experiment: Experiment) -> dict[str, Any]:
    """Write results.json anew and return the document. Raises UserError."""
    document = results(experiment)
    try:
        files.write_json(experiment.results_path, document)
    except OSError as error:
        raise UserError(f"the results cannot be saved: {error.strerror or error}") from None
    return document


def read_results(experiment: Experiment) -> dict[str, Any]:
    """The document as it was last written, else computed. Raises UserError."""
    try:
        return read_json_object(experiment.results_path, max_bytes=_BYTES, follow_links=False)
    except (OSError, ValueError):
        return results(experiment)


def on_scale(plan: Plan, outcomes: Mapping[int, Outcome], scale: str = "") -> Scaled:
    """The distances of the measured cells on a scale, the plan's if none is named."""
    by_cell = {cell.number: cell for cell in plan.cells}
    return scaled({
        (by_cell[number].combination, by_cell[number].seed): (outcome.kid, outcome.kid_error)
        for number, outcome in outcomes.items()
        if outcome.state == DONE and outcome.kid is not None
    }, scale or plan.scale)  # fmt: skip


def judged_effects(plan: Plan, outcomes: Mapping[int, Outcome]) -> list[Effect]:
    """The effects, with what the diagnostics say of the changed level's runs."""
    by_cell = {cell.number: cell for cell in plan.cells}
    measured = on_scale(plan, outcomes)
    told = effects(plan.layout, plan.seeds, measured.values, measured.at_limit)
    plain = on_scale(plan, outcomes, DIFFERENCE)
    differences = told if measured.scale == DIFFERENCE else effects(plan.layout, plan.seeds, plain.values)
    found = []
    for effect, difference in zip(told, differences, strict=True):
        verdicts = []
        if effect.is_main:
            verdicts = [
                is_bad(outcome)
                for number, outcome in outcomes.items()
                if outcome.state == DONE and by_cell[number].combination[effect.factors[0]] == effect.level
            ]
        found.append(
            gated(
                replace(effect, scale=measured.scale, difference=difference.interval if effect.interval else None),
                verdicts,
            )
        )
    return found


def names_of(plan: Plan, outcomes: Mapping[int, Outcome]) -> dict[str, str]:
    """What people call the runs: their combination and seed; and "run@iteration", checkpoints not chosen there."""
    by_cell = {cell.number: cell for cell in plan.cells}
    names = {}
    for number, outcome in outcomes.items():
        name = f"{plan.describe(by_cell[number].combination)}, seed {by_cell[number].seed}"
        names[outcome.run] = name
        for iteration, _ in outcome.looks:
            if iteration != outcome.iteration:
                names[f"{outcome.run}@{iteration}"] = f"{name}, at iteration {iteration:,}"
    return names


def is_bad(outcome: Outcome) -> tuple[bool, bool]:
    """(copies, collapsed), by the chosen checkpoint's own diagnosis and by the alarms of its run."""
    copies = outcome.verdict in _COPIES or "copying" in outcome.alarms
    collapsed = outcome.verdict in _COLLAPSED or "collapse" in outcome.alarms
    return copies, collapsed


def _cell_json(plan: Plan, cell: Cell, order: int, outcome: Outcome | None, made: Mapping[int, str]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "cell": cell.number,
        "name": plan.describe(cell.combination),
        "levels": {
            factor.name: factor.levels[level].title
            for factor, level in zip(plan.factors, cell.combination, strict=True)
        },
        "level_numbers": list(cell.combination),
        "seed": cell.seed,
        "order": order,
        "run": made.get(cell.number, ""),
        "state": TRAINING if cell.number in made else WAITING,
        "why": "",
    }
    if outcome is not None:
        values |= outcome.to_json()
    return values


def _summary(plan: Plan, found: list[Effect], done: int, failed: list[Outcome], note: str) -> list[str]:
    lines = [f"{done} of {len(plan.cells)} runs are measured."]
    if failed:
        lines.append(f"{len(failed)} failed and are missing values: they are left out, not guessed.")
    for effect in found:
        if effect.is_main:
            lines.append(f"{change_of(plan, effect)}: {_told(effect)}.")
        elif effect.verdict in (BETTER, WORSE):
            pair = " and ".join(plan.factors[f].title for f in effect.factors)
            lines.append(f"{pair} together: {effect.words}.")
    if note:
        lines.append(f"{note[0].upper()}{note[1:]}.")
    if len(plan.seeds) <= 3:
        lines.append("With three seeds or fewer nothing is proven; more seeds decide it.")
    return lines


def change_of(plan: Plan, effect: Effect) -> str:
    """A change in words: "Batch size 32 -> 16"."""
    factor = plan.factors[effect.factors[0]]
    return f"{factor.title}: {factor.levels[0].title} -> {factor.levels[effect.level].title}"


def _told(effect: Effect) -> str:
    if effect.interval is None or effect.verdict == UNKNOWN:
        return f"unknown ({effect.why})"
    i, ratio = effect.interval, effect.ratio
    if ratio is not None:
        numbers = f"KID {times(ratio.estimate)} times as high, 95 % interval {times(ratio.low)} to {times(ratio.high)}"
    else:
        numbers = f"KID {i.estimate:+.3g}, 95 % interval {i.low:+.3g} to {i.high:+.3g}"
    more = "; the difference is no larger than luck makes it" if effect.verdict == WITHIN_NOISE else ""
    return f"{effect.words} ({numbers}{more})"
