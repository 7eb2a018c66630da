"""The section about an experiment: effects, intervals, verdict words; results from others may hold anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import STORED, Page
from recorded_runs import recorded
from studio_calls import Studio
from tiny_experiments import done, tiny_plan

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.folder import Experiment
from gandam_studio.core.reports.trying import experiment_section, read_results, runs_of
from gandam_studio.core.reports.writing import write_report

EFFECT = {
    "factors": ["Loss"], "level": "Wasserstein", "against": "cross-entropy", "estimate": 0.5, "low": 0.25, "high": 1.0,
    "p": 0.0123, "p_adjusted": 0.0246, "seeds": 5, "method": "t", "beats": {"share": 0.1, "low": 0.0, "high": 0.5},
    "verdict": "worse", "suggestive": False, "words": "worse", "why": "", "dropped_seeds": [], "copies": 2, "judged": 5,
    "collapsed": 0, "aliases": [["Batch", "Width"]],
}  # fmt: skip
RESULTS: dict[str, Any] = {
    "schema": 1, "experiment": "bce", "title": "Two losses", "question": "Which is better?", "digest": "ab" * 32,
    "design": {
        "kind": "one-at-a-time", "combinations": 2, "tells": ["each change by itself"], "cannot_tell": ["pairs"]
    },
    "measure": {"name": "kid", "lower_is_better": True, "samples": 512, "against": "held-out sprites of v1"},
    "cells": [
        {"cell": 1, "levels": {"loss": "Wasserstein"}, "seed": 0, "run": "r2-test", "state": "done", "kid": 0.75,
         "kid_error": 0.01, "verdict": "healthy", "copying": {"kappa": 0.5, "low": 0.25, "high": 0.75}, "why": ""},
        {"cell": 0, "levels": {"loss": "cross-entropy"}, "seed": 0, "run": "r1-test", "state": "done", "kid": 0.25,
         "kid_error": 0.01, "verdict": "healthy", "why": ""},
        {"cell": 2, "levels": {"loss": "cross-entropy"}, "seed": 1, "run": "r3-test", "state": "failed",
         "why": "the disk was full"},
    ],
    "done": 2, "missing": 1, "total": 3, "complete": True,
    "effects": [EFFECT, {"factors": ["Batch"], "level": "16", "against": "32", "estimate": None, "low": None,
                         "high": None, "p": None, "verdict": "unknown", "words": "unknown", "seeds": 0,
                         "why": "0 complete pairs"}],
    "summary": [], "growth": {"answer": "cannot tell", "why": "the curve does not support it"},
    "tastes": [{"a": "base", "b": "Wasserstein", "picks": 40, "for_a": 30, "verdict": "a", "words": "base is preferred",
                "share_a": {"low": 0.6, "high": 0.9}, "checks": 4, "checks_passed": 4}],
}  # fmt: skip


@pytest.fixture
def experiment(tmp_path: Path, studio: Studio) -> Path:
    """An experiment of a workspace, with its two measured runs."""
    studio("new", tmp_path / "studio")
    folder = tmp_path / "studio" / "experiments" / "bce"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text("{}")
    (folder / "results.json").write_text(json.dumps(RESULTS))
    for number in (1, 2):
        recorded(tmp_path / "studio" / "runs" / f"r{number}-test", iterations=100, overrides=(f"seed={number}",))
    return folder


def test_effects_have_intervals_and_verdict_words(experiment: Path, studio: Studio, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = studio("report", "bce", "--samples", 0, "--out", out, "-w", tmp_path / "studio", "--json").json
    assert done["runs"] == ["r1-test", "r2-test"]
    page = Page(out.read_text(encoding="utf-8"))
    assert page.one("h1").text == "Two losses"
    section = page.section("experiment")
    (table,) = [tag for tag in section.inside if tag.attributes.get("class") == "effects"]
    rows = [[cell.text for cell in row.inside if cell.name in ("th", "td")] for row in table.inside if row.name == "tr"]
    assert rows[1][:7] == [
        "Loss: cross-entropy → Wasserstein", "worse", "0.5 (0.25 to 1)", "10 % (0 % to 50 %)", "0.0123", "0.0246", "5"
    ]  # fmt: skip
    assert "2 of 5 judged runs copy training pictures" in rows[1][7]
    assert "Batch × Width" in rows[1][7]
    assert rows[2][:4] == ["Batch: 32 → 16", "unknown", "", ""]
    assert rows[2][7] == "0 complete pairs"
    for text in ("2 of 3 runs measured, 1 failed", "each change by itself", "pairs", "the disk was full",
                 "Cannot tell. the curve", "base is preferred", "60 % to 90 %", "512 new samples"):  # fmt: skip
        assert text in section.text
    assert "One thing differs" in page.section("differences").text
    # Where the dot and the ends of its line lie: 0 to 1 with 6 % of room.
    (dot,) = [tag for tag in section.inside if tag.name == "circle"]
    assert dot.attributes["cx"] == f"{100 * 0.56 / 1.12:.2f}%"


def test_ratios_lie_on_an_axis_of_their_logarithms(experiment: Path, tmp_path: Path) -> None:
    ratio = {**EFFECT, "scale": "ratio", "ratio": {"estimate": 2.0, "low": 0.5, "high": 8.0}}
    unknown = {**RESULTS["effects"][1], "scale": "ratio", "ratio": None}
    measure = {**RESULTS["measure"], "scale": "ratio", "note": "2 of 10 distances (KID) cannot be told from 0"}
    page = Page(experiment_section({**RESULTS, "measure": measure, "effects": [ratio, unknown]}))
    assert "2 (0.5 to 8)" in page.section("experiment").text
    assert "2 of 10 distances" in page.section("experiment").text
    (dot,) = [tag for tag in page.section("experiment").inside if tag.name == "circle"]
    # From 1/2 to 8 are four doublings, with 6 % of room; 2 is the second of them.
    assert dot.attributes["cx"] == f"{100 * (2 + 4 * 0.06) / (4 * 1.12):.2f}%"
    for bad in ({"estimate": 2.0, "low": -1.0, "high": 8.0}, {"estimate": 2.0}, "much"):
        page = Page(experiment_section({**RESULTS, "effects": [{**ratio, "ratio": bad}]}))
        assert not [tag for tag in page.section("experiment").inside if tag.name == "circle"]


def test_what_every_level_sets_and_which_runs_are_missing_is_told() -> None:
    plan = {
        "version": "v3", "seeds": [4, 5], "budget": {"pictures": 12_800, "seconds": 0.0},
        "factors": [{"name": "loss", "title": "Loss", "levels": [
            {"title": "plain", "settings": {}, "version": ""},
            {"title": "other", "settings": {"objective.kind": "wasserstein", "<b>": "1"}, "version": "v4"},
        ]}],
    }  # fmt: skip
    effect = {**EFFECT, "dropped_seeds": [5], "comparisons": 3, "all_comparisons": 4}
    growth = {"answer": "predicted", "why": "if the curve goes on", "kid": [
        {"pictures": 800, "estimate": 4.0, "low": 3.0, "high": 5.0}], "copying": []}  # fmt: skip
    page = Page(experiment_section({**RESULTS, "plan": plan, "effects": [effect], "growth": growth}))
    section = page.section("experiment")
    rows = [
        [cell.text for cell in row.inside if cell.name in ("th", "td")] for row in section.inside if row.name == "tr"
    ]
    assert ["Loss", "plain (base)", "those of the base"] in rows
    assert ["Loss", "other", "objective.kind=wasserstein, <b>=1, data v4"] in rows
    assert not page.all("b")
    for text in (
        "12,800 training pictures",
        "4, 5",
        "v3",
        "without seed 5",
        "3 of 4 comparisons",
        "if the curve goes on",
    ):
        assert text in section.text


def test_the_results_are_those_of_the_cells_as_they_are_now(tmp_path: Path) -> None:
    experiment = Experiment.create(tmp_path, tiny_plan(seeds=(0, 1)))
    for cell in experiment.plan.cells:
        experiment.save(done(cell, 9.0 + cell.seed))
    assert read_results(experiment.folder)["done"] == 6  # It was killed before they were written.
    experiment.results_path.write_text("[")
    assert read_results(experiment.folder)["done"] == 6
    # Of what was handed over without its cells, the results as they were written.
    experiment.results_path.write_text(json.dumps(RESULTS))
    for cell in experiment.plan.cells:
        experiment.forget(cell.number)
    assert read_results(experiment.folder)["done"] == 2


def test_an_experiment_without_runs_is_a_page_of_its_own(experiment: Path, tmp_path: Path) -> None:
    write_report([], tmp_path / "report.html", STORED, experiment=experiment)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert [tag.attributes["id"] for tag in page.all("section")] == ["experiment"]
    with pytest.raises(UserError, match="inside the workspace"):
        write_report([], experiment / "report.html", STORED, experiment=experiment)


def test_missing_and_damaged_results_are_refused(experiment: Path, tmp_path: Path) -> None:
    (experiment / "results.json").write_text("[")
    with pytest.raises(UserError, match="cannot be read"):
        write_report([], tmp_path / "report.html", STORED, experiment=experiment)
    (experiment / "results.json").unlink()
    with pytest.raises(UserError, match="no results yet"):
        read_results(experiment)
    assert not (tmp_path / "report.html").exists()


def test_results_of_endless_text_make_no_endless_page(experiment: Path, tmp_path: Path) -> None:
    levels = {str(number): "x" * 100 for number in range(1000)}
    cells = [{"cell": number, "levels": levels, "seed": 0, "state": "waiting"} for number in range(200)]
    (experiment / "results.json").write_text(json.dumps({**RESULTS, "cells": cells}))
    with pytest.raises(UserError, match="MB; at most 10 are allowed"):
        write_report([], tmp_path / "report.html", experiment=experiment)
    assert not (tmp_path / "report.html").exists()


def test_runs_elsewhere_are_not_followed(experiment: Path, studio: Studio, tmp_path: Path) -> None:
    cells = [
        {"cell": 0, "state": "done", "run": name} for name in ("../../outside", "/etc", "r1-test/samples", "r1-test")
    ]
    (experiment / "results.json").write_text(json.dumps({**RESULTS, "cells": cells}))
    out = tmp_path / "report.html"
    done = studio("report", "bce", "--samples", 0, "--out", out, "-w", tmp_path / "studio", "--json").json
    assert done["runs"] == ["r1-test"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*RESULTS, *EFFECT]), inner, max_size=6)
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from([*RESULTS]), JSON, max_size=12))
def test_results_of_any_form_make_a_section(results: dict[str, Any]) -> None:
    page = Page(experiment_section(results))
    assert page.section("experiment")
    assert page.all("script") == []
    runs_of(results)
