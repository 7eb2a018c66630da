"""The split rule: seeded, stable, and never through a family or a link."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gandam_studio.core.errors import UserError
from gandam_studio.core.versions import SplitRule, assign_splits

groups = st.dictionaries(
    st.text("abcdef0123", min_size=1, max_size=6), st.sampled_from(["", "x", "y", "z"]), max_size=40
)


@given(groups, groups, st.integers(0, 99), st.floats(0.05, 0.6))
@settings(max_examples=150, deadline=None)
def test_adding_sprites_moves_nothing(before, added, seed, share):
    rule = SplitRule(seed, share)
    old = assign_splits(before, rule)
    new = assign_splits({**added, **before}, rule)
    # When everything would be held out nothing is: that guard is the one exception.
    if "held-out" in old.values() and "held-out" in new.values():
        assert all(new[sprite] == split for sprite, split in old.items())


@given(groups, st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=20), st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_families_and_links_stay_together_in_any_order(made, pairs, seed):
    ids = sorted(made)
    links = [(ids[a], ids[b]) for a, b in pairs if a < len(ids) and b < len(ids)]
    rule = SplitRule(seed, 0.4)
    splits = assign_splits(made, rule, links)
    assert set(splits) == set(made)
    for a, b in links:
        assert splits[a] == splits[b]
    for family in ("x", "y", "z"):
        assert len({splits[sprite] for sprite in made if made[sprite] == family}) <= 1
    shuffled = dict(reversed(list(made.items())))
    assert assign_splits(shuffled, rule, [(b, a) for a, b in reversed(links)]) == splits


def test_the_share_is_about_right_and_the_seed_matters():
    made = {f"{n:064x}": "" for n in range(4000)}
    first = assign_splits(made, SplitRule(0, 0.1))
    second = assign_splits(made, SplitRule(1, 0.1))
    held = [sprite for sprite in made if first[sprite] == "held-out"]
    assert 330 < len(held) < 470
    assert first == assign_splits(made, SplitRule(0, 0.1))
    assert len([sprite for sprite in held if second[sprite] == "held-out"]) < 90
    assert set(assign_splits(made, SplitRule(0, 0.0)).values()) == {"train"}


def test_known_answers():
    """Fixed for ever: a change of the rule would move sprites of every data set."""
    rule = SplitRule(7, 0.5)
    assert [rule.split_of(f"sprite:{n:064x}") for n in range(8)] == KNOWN


def test_never_everything():
    assert assign_splits({"a": "one", "b": "one"}, SplitRule(0, 0.9)) == {"a": "train", "b": "train"}


def test_shares_out_of_range():
    for share in (-0.1, 0.95, float("nan")):
        with pytest.raises(UserError, match="share"):
            SplitRule(0, share)


KNOWN = ["train", "train", "train", "train", "held-out", "held-out", "held-out", "held-out"]
