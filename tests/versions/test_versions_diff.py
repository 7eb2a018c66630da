"""Differences between versions, as text and as JSON."""

from __future__ import annotations

import pytest

from gandam_studio.core import versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace.edits import (
    Drop,
    Flip,
    Keep,
    SetCrop,
    SetFacing,
    SetSetting,
    SetValues,
    Tag,
    Undecide,
)


def test_summary_reads_as_promised(workspace):
    workspace.apply(Drop([1, 2, 3], "text"))
    workspace.apply(SetFacing([10, 11], "left"))
    versions.commit(workspace, "one")
    workspace.apply(Undecide([1, 2]))
    workspace.apply(Drop([4, 5, 6, 7], "duplicate"))
    workspace.apply(Drop([8], "non-bipedal"))
    workspace.apply(Flip([10, 11, 12]))
    workspace.apply(SetCrop([13], (1, 1, 8, 8)))
    workspace.apply(Keep([14]))
    versions.commit(workspace, "two")
    found = versions.diff(workspace, versions.find_version(workspace, "v1"), versions.find_version(workspace, "v2"))
    assert found.summary == "v1 -> v2: +2, -5 (4 duplicates, 1 non-bipedal), 3 flipped, 1 recropped, 1 decided"
    back = versions.diff(workspace, versions.find_version(workspace, "v2"), versions.find_version(workspace, "v1"))
    assert back.summary == "v2 -> v1: +5, -2 (2 text), 3 flipped, 1 recropped, 1 decided"


def test_machine_form(workspace):
    versions.commit(workspace, "one")
    workspace.apply(Drop([4], "wrong style"))
    workspace.apply(Tag([9], add=frozenset({"red"})))
    versions.commit(workspace, "two")
    found = versions.diff(
        workspace, versions.find_version(workspace, "v1"), versions.find_version(workspace, "v2")
    ).to_json()
    assert found["added"] == []
    assert found["removed"] == [{"id": workspace.sprite(4).id, "source": "sprite-00003.png", "reason": "wrong style"}]
    assert found["changed"] == [
        {"id": workspace.sprite(9).id, "source": "sprite-00008.png", "fields": {"tags": [(), ("red",)]}}
    ]


def test_a_version_equals_itself(workspace):
    versions.commit(workspace, "one")
    found = versions.diff(workspace, versions.find_version(workspace, "v1"), versions.find_version(workspace, "v1"))
    assert not found
    assert found.summary == "v1 -> v1: no difference"


def test_reasons_are_those_of_the_version_not_of_today(workspace):
    versions.commit(workspace, "one")
    workspace.apply(Drop([4], "text"))
    versions.commit(workspace, "two")
    workspace.apply(Drop([4], "cropped"))
    assert [
        r.reason
        for r in versions.diff(
            workspace, versions.find_version(workspace, "v1"), versions.find_version(workspace, "v2")
        ).removed
    ] == ["text"]
    assert [r.reason for r in versions.diff(workspace, versions.find_version(workspace, "v1"), None).removed] == [
        "cropped"
    ]


def test_splits_are_told(workspace):
    workspace.apply(SetSetting("splits", {"seed": 0, "held_out": 0.0}))
    versions.commit(workspace, "one")
    workspace.apply(SetValues({"split": {3: "held-out", 4: "held-out", 5: "train"}}, "Hold out"))
    versions.commit(workspace, "two")
    assert (
        versions.diff(workspace, versions.find_version(workspace, "v1"), versions.find_version(workspace, "v2")).summary
        == "v1 -> v2: 2 moved between splits"
    )


def test_a_damaged_manifest_is_one_clear_line(workspace):
    version = versions.commit(workspace, "one")
    workspace.apply(Flip([1]))
    versions.commit(workspace, "two")
    workspace.manifest_path(version.digest).write_bytes(b"{\n")
    with pytest.raises(UserError, match="damaged"):
        versions.diff(workspace, versions.find_version(workspace, "v1"), versions.find_version(workspace, "v2"))
    workspace.manifest_path(version.digest).unlink()
    with pytest.raises(UserError, match="cannot be read"):
        versions.diff(workspace, versions.find_version(workspace, "v1"), versions.find_version(workspace, "v2"))


@pytest.mark.parametrize(
    ("facing", "reported"),
    [("unknown", ("rotation",)), ("right", ("rotation",)), ("front", ("rotation", "facing"))],
)
def test_a_facing_that_follows_from_a_turn_is_not_reported(workspace, facing, reported):
    workspace.apply(SetFacing([5], "left"))
    versions.commit(workspace, "one")
    workspace.apply(SetValues({"rotation": {5: 2}}, "Turn"))
    workspace.apply(SetFacing([5], facing))
    (changed,) = versions.diff(workspace, versions.find_version(workspace, "v1"), None).changed
    assert changed.reported_fields == reported
