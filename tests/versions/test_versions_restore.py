"""Restoring applies all decisions of a version as one undoable edit, and starts a branch."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_workspaces import add_sprites

from gandam_studio.core import versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.versions import files
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import (
    Drop,
    Flip,
    Keep,
    Rotate,
    SetCrop,
    SetFacing,
    SetSetting,
    SetValues,
    Tag,
    Undecide,
)
from trainer.protocol.recipe import Recipe


def state(workspace):
    return list(workspace.sprites())


def test_restore_is_one_edit_that_undo_takes_back(workspace):
    workspace.apply(Drop([1, 2], "text"))
    workspace.apply(Flip([3]))
    workspace.apply(SetFacing([3], "left"))
    first = versions.commit(workspace, "one")
    then = state(workspace)
    workspace.apply(Undecide([1]))
    workspace.apply(Drop([9], "cropped"))
    workspace.apply(Flip([3, 4]))
    workspace.apply(SetSetting("recipe", Recipe(size=32).to_json()))
    versions.commit(workspace, "two")
    before = state(workspace)
    changes = workspace.apply(versions.restore_edit(workspace, versions.find_version(workspace, "v1")))
    assert changes.label == "Restore v1"
    assert state(workspace) == then
    assert workspace.recipe == Recipe()
    assert versions.commit(workspace, "again").digest == first.digest
    workspace.undo()
    assert state(workspace) == before
    assert workspace.recipe == Recipe(size=32)
    workspace.redo()
    assert state(workspace) == then


def test_branches_have_the_restored_version_as_parent(workspace):
    versions.commit(workspace, "one")
    workspace.apply(Flip([1]))
    versions.commit(workspace, "two")
    workspace.apply(versions.restore_edit(workspace, versions.find_version(workspace, "v1")))
    workspace.apply(Flip([2]))
    branch = versions.commit(workspace, "branch")
    assert (branch.label, branch.parent_label) == ("v3", "v1")
    workspace.apply(Flip([3]))
    assert versions.commit(workspace, "on").parent_label == "v3"
    workspace.undo()
    workspace.undo()
    workspace.undo()
    workspace.apply(Flip([5]))
    assert versions.commit(workspace, "from two again").parent_label == "v2"


def test_committing_what_was_restored_adds_nothing(workspace):
    first = versions.commit(workspace, "one")
    workspace.apply(Flip([1]))
    versions.commit(workspace, "two")
    workspace.apply(versions.restore_edit(workspace, versions.find_version(workspace, "v1")))
    again = versions.commit(workspace, "three")
    assert again.unchanged
    assert again.label == first.label


def test_sprites_imported_since_are_dropped_with_a_reason(workspace):
    first = versions.commit(workspace, "one")
    add_sprites(workspace, [50, 51])
    workspace.apply(versions.restore_edit(workspace, versions.find_version(workspace, "v1")))
    assert workspace.sprite(21).reason == "not in v1"
    assert versions.commit(workspace, "x").digest == first.digest


def test_versions_of_kept_sprites_leave_the_others_undecided(workspace):
    workspace.apply(Keep([4, 5]))
    first = versions.commit(workspace, "kept", kept_only=True)
    workspace.apply(Keep([6]))
    workspace.apply(Drop([7], "text"))
    workspace.apply(versions.restore_edit(workspace, versions.find_version(workspace, "v1")))
    assert [workspace.sprite(n).status for n in (4, 6, 7)] == ["kept", "undecided", "undecided"]
    assert versions.commit(workspace, "again", kept_only=True).digest == first.digest


def test_a_manifest_of_strangers_is_refused(workspace, make_workspace):
    version = versions.commit(workspace, "one")
    other = make_workspace([1, 2], "other")
    mine = versions.commit(other, "x")
    data = workspace.manifest_path(version.digest).read_bytes()
    other.manifest_path(mine.digest).write_bytes(data)
    with pytest.raises(UserError, match="18 sprites of v1 are not in this workspace"):
        other.apply(versions.restore_edit(other, versions.find_version(other, "v1")))


rows = st.lists(st.integers(1, 12), min_size=1, max_size=5, unique=True)
edits = st.one_of(
    rows.map(Flip),
    rows.map(Keep),
    rows.map(Undecide),
    st.builds(Drop, rows, st.sampled_from(["text", "duplicate"])),
    st.builds(Rotate, rows, st.integers(1, 3)),
    st.builds(SetCrop, rows, st.none() | st.just((1, 2, 6, 7))),
    st.builds(SetFacing, rows, st.sampled_from(["left", "right", "front", "unknown"])),
    st.builds(lambda seqs, tag: Tag(seqs, add=frozenset({tag})), rows, st.sampled_from(["a", "b", "c d"])),
    st.builds(
        lambda seqs, family: SetValues({"family": dict.fromkeys(seqs, family)}, "f"), rows, st.sampled_from("xy")
    ),
    st.builds(
        lambda seqs, split: SetValues({"split": dict.fromkeys(seqs, split)}, "s"),
        rows,
        st.sampled_from(["", "train", "held-out"]),
    ),
    st.builds(lambda seqs, weight: SetValues({"weight": dict.fromkeys(seqs, weight)}, "w"), rows, st.floats(0.1, 9.0)),
    st.builds(
        lambda seed, share: SetSetting("splits", {"seed": seed, "held_out": share}), st.integers(0, 3), st.just(0.4)
    ),
)


@given(st.lists(edits, max_size=12), st.lists(edits, max_size=12), st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_restoring_gives_the_digest_again(tmp_path_factory, before, after, kept_only):
    """After any decisions, restore and commit gives the same version; undo gives the state before."""
    with Workspace.create(tmp_path_factory.mktemp("w") / "w") as workspace:
        add_sprites(workspace, list(range(12)))
        workspace.apply(Keep([12]))
        for edit in before:
            workspace.apply(edit)
        try:
            version = versions.commit(workspace, "one", kept_only=kept_only)
        except UserError:
            return
        for edit in after:
            workspace.apply(edit)
        present = state(workspace), workspace.setting("splits")
        workspace.apply(versions.restore_edit(workspace, versions.find_version(workspace, "v1")))
        assert versions.commit(workspace, "two", kept_only=kept_only).digest == version.digest
        if workspace.history.undo_label() == "Restore v1":
            workspace.undo()
            assert (state(workspace), workspace.setting("splits")) == present
        assert files.header(workspace, version)["sprites"] == version.sprites
