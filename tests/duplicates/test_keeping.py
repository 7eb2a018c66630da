"""Ranking of pictures in a group, rule by rule."""

from __future__ import annotations

import numpy as np
import pytest

from gandam_studio.core.duplicates.keeping import DEFAULT_RULES, Judged, RuleTable
from gandam_studio.core.duplicates.sources import Facts
from gandam_studio.core.errors import UserError


def table(*pictures: dict) -> RuleTable:
    made = []
    for number, values in enumerate(pictures):
        values = {"key": "same", "area": 100, "enlargement": 1, "order": 5, **values}
        area, enlargement = values.pop("area"), values.pop("enlargement")
        made.append(Judged(Facts(width=10, height=10, **{"name": str(number), **values}), area, enlargement))
    return RuleTable(made)


# Rule -> what makes a picture better by it.
BETTER = {
    "kept": {"kept": True},
    "not-upscaled": {"enlargement": 1},
    "alpha": {"alpha": True},
    "larger": {"area": 101},
    "colours": {"colours": 9},
    "source-order": {"order": 4},
}
PLAIN = {"enlargement": 2, "colours": 8, "key": "a"}


@pytest.mark.parametrize("rule", DEFAULT_RULES)
def test_each_rule_alone(rule: str) -> None:
    rules = table(PLAIN, {**PLAIN, **BETTER[rule], "key": "z"})
    assert rules.best_first().tolist() == [1, 0]
    assert rules.deciding(np.array([1, 0]), np.array([0, 0])) == [rule, ""]
    others = [other for other in DEFAULT_RULES if other != rule]
    assert rules.best_first(others).tolist() == [0, 1]  # the tie goes by key
    assert rules.deciding(np.array([1]), np.array([0]), others) == [""]


def test_the_first_rule_counts_most() -> None:
    rules = table({**PLAIN, "alpha": True}, {**PLAIN, "area": 400}, {**PLAIN, "alpha": True, "area": 50})
    assert rules.best_first().tolist() == [0, 2, 1]
    assert rules.best_first(["larger", "alpha"]).tolist() == [1, 0, 2]
    assert rules.deciding(np.array([1, 0]), np.array([0, 2]), ["larger", "alpha"]) == ["larger", "larger"]
    assert rules.deciding(np.array([0, 0]), np.array([1, 2])) == ["alpha", "larger"]


def test_ties_go_by_key_whatever_the_order() -> None:
    rules = table(*({**PLAIN, "key": key} for key in "cab"))
    assert rules.best_first().tolist() == [1, 2, 0]
    assert rules.best_first([]).tolist() == [1, 2, 0]


def test_other_decisions_make_another_table() -> None:
    rules = table({**PLAIN, "key": "a"}, {**PLAIN, "key": "b", "kept": True})
    assert rules.kept.tolist() == [False, True]
    other = rules.with_kept(np.array([True, False]))
    assert other.kept.tolist() == [True, False]
    assert other.best_first().tolist() == [0, 1]
    assert rules.best_first().tolist() == [1, 0]


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(UserError):
        table(PLAIN).best_first(["prettier"])
