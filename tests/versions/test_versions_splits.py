"""The split rule: seeded, stable, and never through a family or a link."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_workspaces import png_bytes, sprite_pixels

from gandam_studio.core import versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.versions import SplitRule, assign_splits, files
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import SetSetting

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


def test_an_absent_sprite_joins_its_neighbours_and_does_not_speak():
    made = {f"{n:064x}": "" for n in range(200)}
    rule = SplitRule(3, 0.5)
    alone = assign_splits(made, rule)
    ids = sorted(made)
    links = [(ids[0], "gone"), ("gone", ids[1])]
    joined = assign_splits(made, rule, links)
    assert joined[ids[0]] == joined[ids[1]]
    assert joined == assign_splits(made, rule, [(ids[0], ids[1])])
    assert assign_splits(made, rule, [(ids[0], "gone")]) == alone


def test_mirror_twins_are_never_parted(tmp_path):
    """With the real importer, every sprite and its mirror image share a split for any seed."""
    (tmp_path / "art").mkdir()
    for index in range(40):
        rgba = sprite_pixels(index)
        (tmp_path / "art" / f"{index:02d}-a.png").write_bytes(png_bytes(rgba))
        (tmp_path / "art" / f"{index:02d}-b.png").write_bytes(png_bytes(rgba[:, ::-1].copy()))
    with Workspace.create(tmp_path / "w") as workspace:
        import_sources(workspace, [tmp_path / "art"], options=ImportOptions(workers=1))
        assert workspace.counts().total == 80
        for seed in range(3):
            workspace.apply(SetSetting("splits", {"seed": seed, "held_out": 0.5}))
            version = versions.commit(workspace, f"seed {seed}")
            splits = {entry.source: entry.split for entry in files.manifest_entries(workspace, version)}
            assert set(splits.values()) == {"train", "held-out"}
            for index in range(40):
                assert splits[f"{index:02d}-a.png"] == splits[f"{index:02d}-b.png"]


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
    """A change of the rule would move sprites between the splits of existing data sets."""
    rule = SplitRule(7, 0.5)
    assert [rule.split_of(f"sprite:{n:064x}") for n in range(8)] == KNOWN


def test_never_everything():
    assert assign_splits({"a": "one", "b": "one"}, SplitRule(0, 0.9)) == {"a": "train", "b": "train"}


def test_shares_out_of_range():
    for share in (-0.1, 0.95, float("nan")):
        with pytest.raises(UserError, match="share"):
            SplitRule(0, share)


KNOWN = ["train", "train", "train", "train", "held-out", "held-out", "held-out", "held-out"]
