"""Diagnoses as written, read and shown."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainer.protocol.diagnosis import REASONS, VERDICTS, Diagnosis, diagnosis_of
from trainer.protocol.diagnosis_cards import Card, cards, quality_card, summary

VALUES: dict[str, Any] = {
    "verdict": "memorised", "reason": "copies", "samples": 256, "training": 408, "held_out": 37, "families": 300,
    "sharp": 0.9,
    "variety": {"n2": 41.5, "low": 30.0, "high": 60.0, "distinct": 90, "chao1": 120.0, "top_share": 0.05,
                "real": {"n2": None, "distinct": 255, "top_share": 0.004}},
    "copying": {"kappa": 0.4, "low": 0.3, "high": 0.5, "sources": 12,
                "test": {"hits_p": 0.001, "lean_p": 0.001, "training": 408, "held_out": 37, "hits_training": 12,
                         "hits_held_out": 0},
                "family": {"pictures": 74, "samples": 60}},
    "quality": {"kid": 1.5, "error": 0.1, "floor_mean": 0.01, "floor_sd": 0.02, "z": 14.0, "jumbled": 1.1},
    "drift": {"since": 500, "identity": 0.4, "changed": 0.2, "set_drift": 0.3},
    "spikes": {"with_spike": 12, "without": 40, "ratio": 1.31, "p": 0.02},
    "outlook": {"answer": "predicted", "now": 1.5, "at_end": 0.9, "trend": "falling"},
    "features": "random-conv-1",
}  # fmt: skip


def test_a_diagnosis_survives_its_line() -> None:
    found = Diagnosis.from_json(VALUES)
    assert found.to_json() == VALUES
    assert Diagnosis.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(("verdict", "reason"), list(itertools.product(VERDICTS, REASONS)))
@pytest.mark.parametrize("empty", [False, True])
def test_everything_that_can_be_found_has_words(verdict: str, reason: str, empty: bool) -> None:
    values = {**VALUES, "verdict": verdict, "reason": reason}
    if empty:
        values |= {"quality": None, "drift": None, "spikes": None, "outlook": None, "held_out": 0}
        values["copying"] = {"kappa": 0, "low": 0, "high": 0.01, "sources": 0, "test": None}
        values["variety"] = {**VALUES["variety"], "n2": None, "high": None}
    found = Diagnosis.from_json(values)
    for card in (summary(found), *cards(found).values()):
        for text in (card.title, card.meaning, card.advice):
            assert "None" not in text
            assert "{" not in text
            assert text == text.strip()
        assert card.title
        assert card.tone in ("good", "bad", "neutral")


def test_what_was_written_without_a_copied_family_is_read() -> None:
    copying = {name: value for name, value in VALUES["copying"].items() if name != "family"}
    assert Diagnosis.from_json({**VALUES, "copying": copying}).copying.family is None


@pytest.mark.parametrize("reason", ["copies", "between"])
def test_copies_of_one_large_family_lead_to_its_balance(reason: str) -> None:
    verdict = "memorised" if reason == "copies" else "cannot tell yet"

    def told(family: dict[str, int] | None) -> tuple[str, str]:
        copying = {**VALUES["copying"], "family": family}  # .4 of 256 samples: 102 look like a training picture
        card = summary(Diagnosis.from_json({**VALUES, "verdict": verdict, "reason": reason, "copying": copying}))
        return card.meaning, card.advice

    plain = told(None)
    assert told({"pictures": 74, "samples": 50}) == plain
    assert told({"pictures": 4, "samples": 102}) == plain
    meaning, advice = told({"pictures": 74, "samples": 51})
    assert re.search(r"\b51\b.*\b74\b", meaning)
    assert "Balance" in advice
    assert "Balance" not in plain[1]


def test_the_card_of_copying_goes_by_a_chance_of_five_per_cent() -> None:
    def told(hits_p: float, lean_p: float) -> str:
        test = {**VALUES["copying"]["test"], "hits_p": hits_p, "lean_p": lean_p}
        return cards(Diagnosis.from_json({**VALUES, "copying": {**VALUES["copying"], "test": test}}))["copying"].meaning

    neither = told(0.06, 0.06)
    assert told(0.05, 0.06).startswith(neither)
    assert told(0.06, 0.05).startswith(neither)
    assert len({neither, told(0.05, 0.06), told(0.06, 0.05)}) == 3


@pytest.mark.parametrize(("n2", "number"), [(8.14, " 8 "), (41.6, " 42 "), (1_234.0, " 1,200 "), (None, None)])
def test_a_collapse_says_to_about_how_many_pictures(n2: float | None, number: str | None) -> None:
    variety = {**VALUES["variety"], "n2": n2}
    title = summary(Diagnosis.from_json({**VALUES, "verdict": "collapsed", "variety": variety})).title
    if number is None:
        assert not any(letter.isdigit() for letter in title)
    else:
        assert number in title


def test_what_is_farther_from_real_sprites_than_pieces_of_them_is_not_simply_healthy() -> None:
    values = {**VALUES, "verdict": "healthy", "reason": "varied"}
    far = Diagnosis.from_json(values)
    near = Diagnosis.from_json({**values, "quality": {**VALUES["quality"], "jumbled": 9.0}})
    assert summary(far).tone == "neutral"
    assert summary(near).tone == "good"
    assert summary(far).title != summary(near).title
    assert quality_card(far).title != quality_card(near).title


def test_what_is_far_from_real_sprites_is_not_called_healthy() -> None:
    values = {**VALUES, "verdict": "healthy", "reason": "varied"}
    far = summary(Diagnosis.from_json(values))
    near = summary(Diagnosis.from_json({**values, "quality": {**VALUES["quality"], "jumbled": 9.0}}))
    assert "healthy" not in far.title.lower()
    assert "healthy" in near.title.lower()
    assert far.advice != near.advice


def test_more_samples_are_advised_only_where_there_were_fewer() -> None:
    few, many = (
        summary(Diagnosis.from_json({**VALUES, "verdict": "cannot tell yet", "reason": "between", "samples": samples}))
        for samples in (256, 1024)
    )
    assert "1,024" in few.advice
    assert many.advice
    assert "1,024" not in many.advice


def test_too_few_samples_to_rule_out_copies_are_not_said_to_look_like_training_pictures() -> None:
    values = {**VALUES, "verdict": "cannot tell yet", "reason": "related copies", "samples": 64}
    none = {"kappa": 0, "low": 0, "high": 0.056, "sources": 0, "test": None}
    some = summary(Diagnosis.from_json(values))
    assert summary(Diagnosis.from_json({**values, "copying": none})).title != some.title


@pytest.mark.parametrize("verdict", ["healthy", "memorised", "cannot tell yet"])
def test_as_varied_as_real_sprites_is_said_beside_any_verdict(verdict: str) -> None:
    def card(distinct: int) -> Card:
        variety = {**VALUES["variety"], "distinct": distinct}
        return cards(Diagnosis.from_json({**VALUES, "verdict": verdict, "variety": variety}))["variety"]

    few, as_many, more = (card(distinct) for distinct in (150, 230, 256))
    assert few.tone == "neutral"
    assert as_many.tone == more.tone == ("neutral" if verdict == "cannot tell yet" else "good")
    assert few.meaning != as_many.meaning == more.meaning


def test_look_alikes_are_only_to_be_looked_at_where_there_are_any() -> None:
    def found(top: float) -> Diagnosis:
        variety = {**VALUES["variety"], "distinct": 256, "top_share": top}
        return Diagnosis.from_json({**VALUES, "verdict": "cannot tell yet", "reason": "between", "variety": variety})

    assert found(2 / 256).has_look_alikes
    assert not found(1 / 256).has_look_alikes
    assert cards(found(2 / 256))["variety"].advice
    assert not cards(found(1 / 256))["variety"].advice


@pytest.mark.parametrize("missing", [("ratio", "p"), ()])
def test_the_card_of_drift_says_whether_jumps_show(missing: tuple[str, ...]) -> None:
    spikes = {**VALUES["spikes"], **dict.fromkeys(missing)}
    shows, hidden, none = (
        Diagnosis.from_json({**VALUES, "spikes": given})
        for given in (spikes, {**spikes, "p": None if missing else 0.4}, None)
    )
    told = {cards(found)["drift"].meaning for found in (shows, hidden, none)}
    assert len(told) == (2 if missing else 3)
    assert ("1.3" in cards(shows)["drift"].meaning) is not bool(missing)


def test_no_one_is_told_that_a_model_is_safe() -> None:
    values = {**VALUES, "verdict": "healthy", "reason": "varied"}
    values["copying"] = {"kappa": 0, "low": 0, "high": 0.01, "sources": 0, "test": None}
    found = Diagnosis.from_json(values)
    told = (summary(found), *cards(found).values())
    words = " ".join(text for card in told for text in (card.title, card.meaning, card.advice))
    assert "safe" not in words.lower()


def _paths(values: dict[str, Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, value in values.items():
        found.append((*above, name))
        if isinstance(value, dict):
            found += _paths(value, (*above, name))
    return found


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # However busy the machine is.
@given(st.sampled_from(_paths(VALUES)), st.one_of(
    st.just(float("nan")), st.just(float("inf")), st.just(10**30), st.just("x" * 2_000), st.just([1]), st.just(True),
    st.just(-1e300), st.none(), st.dictionaries(st.text(max_size=3), st.integers(), max_size=3)))  # fmt: skip
def test_damaged_values_are_no_diagnosis_or_one_within_its_ranges(path: tuple[str, ...], value: Any) -> None:
    values = json.loads(json.dumps(VALUES))
    place = values
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    found = diagnosis_of(values)
    if found is not None:
        json.dumps(found.to_json(), allow_nan=False)
        assert [summary(found), *cards(found).values()]
