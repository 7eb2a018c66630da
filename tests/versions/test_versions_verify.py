"""Verify finds one flipped bit; relink finds moved originals by digest."""

from __future__ import annotations

import json

import pytest
from damaged_originals import alter, flip_a_bit

from gandam_studio.core.edits import Flip
from gandam_studio.core.errors import UserError
from gandam_studio.core.versions import relink, verify
from gandam_studio.core.versions.files import header_path


def test_a_sound_workspace(workspace):
    workspace.commit("one")
    workspace.apply(Flip([1]))
    workspace.commit("two")
    found = verify(workspace)
    assert (found.ok, found.originals, found.manifests) == (True, 20, 2)
    json.dumps(found.to_json())


def test_one_flipped_bit_in_an_original(workspace):
    workspace.commit("one")
    sprite = workspace.sprite(7)
    alter(workspace.originals, sprite.blob)
    (damage,) = verify(workspace).damage
    assert (damage.kind, damage.digest, damage.names) == ("original", sprite.blob, ("sprite-00006.png",))
    assert "changed" in damage.problem
    assert "sprite-00006.png" in str(damage)


def test_everything_that_can_be_wrong_is_named(workspace):
    one = workspace.commit("one")
    workspace.apply(Flip([1]))
    two = workspace.commit("two")
    workspace.apply(Flip([2]))
    three = workspace.commit("three")
    for seq in (3, 4, 5):
        workspace.originals.discard(workspace.sprite(seq).blob)
    alter(workspace.originals, workspace.sprite(6).blob)
    flip_a_bit(workspace.manifest_path(one.digest), 200)
    workspace.manifest_path(two.digest).unlink()
    header_path(workspace, three.digest).unlink()
    found = verify(workspace)
    problems = sorted((item.kind, item.problem) for item in found.damage)
    assert problems == [
        ("manifest", "its bytes have changed"),
        ("manifest", "its header is missing"),
        ("manifest", "missing"),
        ("original", "its bytes have changed"),
        ("original", "missing"),
        ("original", "missing"),
        ("original", "missing"),
    ]
    assert {item.names for item in found.damage if item.kind == "manifest"} == {("v1",), ("v2",), ("v3",)}


def test_relink_finds_by_digest_whatever_the_name(workspace, tmp_path):
    workspace.commit("one")
    attic = tmp_path / "attic" / "deep"
    attic.mkdir(parents=True)
    (attic / "stranger.png").write_bytes(b"something else")
    gone = [workspace.sprite(seq).blob for seq in (3, 4)]
    for number, digest in enumerate(gone):
        (attic / f"renamed-{number}.bin").write_bytes(workspace.originals.read(digest))
        workspace.originals.discard(digest)
    altered = workspace.sprite(5).blob
    (attic / "copy of five.png").write_bytes(workspace.originals.read(altered))
    alter(workspace.originals, altered)
    lost = workspace.sprite(6).blob
    workspace.originals.discard(lost)
    found = relink(workspace, [tmp_path / "attic"])
    assert set(found.found) == {*gone, altered}
    assert found.missing == {lost: ("sprite-00005.png",)}
    assert [item.digest for item in verify(workspace).damage] == [lost]
    assert (attic / "renamed-0.bin").exists()


def test_relink_nothing_to_do_and_nowhere_to_look(workspace, tmp_path):
    assert relink(workspace, [tmp_path]).found == {}
    workspace.originals.discard(workspace.sprite(6).blob)
    with pytest.raises(UserError, match="no file or folder"):
        relink(workspace, [tmp_path / "nowhere"])


def test_a_commit_mends_a_damaged_manifest(workspace):
    version = workspace.commit("one")
    flip_a_bit(workspace.manifest_path(version.digest), 100)
    assert not verify(workspace).ok
    assert workspace.commit("again").unchanged
    assert verify(workspace).ok
