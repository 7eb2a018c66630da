"""Commit, list and find versions; the digest depends only on the decisions."""

from __future__ import annotations

import hashlib
import json
import random

import numpy as np
import pytest
from small_workspaces import png_bytes, sprite_pixels

from gandam_studio.core import versions
from gandam_studio.core.errors import DamagedWorkspace, UnknownVersion, UserError
from gandam_studio.core.jobs import Cancelled, NullJob
from gandam_studio.core.versions import find_version, tag_version
from gandam_studio.core.versions.files import header, header_path, left_out
from gandam_studio.core.workspace.edits import Drop, Flip, Keep, SetFacing, SetSetting, SetValues, Tag
from gandam_studio.core.workspace.store import transaction
from trainer.protocol.manifest import read_manifest
from trainer.protocol.recipe import Recipe


def rows(*seqs: int) -> np.ndarray:
    return np.array(seqs)


def test_commit_writes_what_is_decided(workspace):
    workspace.apply(Drop([1, 2, 3], "non-bipedal"))
    workspace.apply(Flip([5]))
    workspace.apply(SetFacing([5], "left"))
    workspace.apply(Tag([6], add=frozenset({"zeta", "alpha"})))
    version = versions.commit(workspace, "First cut")
    assert (version.label, version.parent, version.sprites, version.message) == ("v1", None, 17, "First cut")
    data = workspace.manifest_path(version.digest).read_bytes()
    assert hashlib.sha256(data).hexdigest() == version.digest
    entries = {entry.id: entry for entry in read_manifest(workspace.manifest_path(version.digest))}
    assert list(entries) == sorted(entries)
    fifth, sixth = entries[workspace.sprite(5).id], entries[workspace.sprite(6).id]
    assert (fifth.flip, fifth.facing, fifth.source) == (True, "left", "sprite-00004.png")
    assert sixth.tags == ("alpha", "zeta")
    assert workspace.sprite(1).id not in entries
    assert left_out(workspace, version) == {workspace.sprite(n).id: "non-bipedal" for n in (1, 2, 3)}


def test_kept_only(workspace):
    workspace.apply(Keep([4, 9]))
    version = versions.commit(workspace, "Kept", kept_only=True)
    assert version.sprites == 2
    assert left_out(workspace, version)[workspace.sprite(1).id] == "not kept"


def test_header_counts_and_settings(workspace):
    workspace.apply(Keep([4, 9]))
    workspace.apply(Flip([1, 2, 3]))
    workspace.apply(SetSetting("recipe", Recipe(size=32).to_json()))
    found = header(workspace, versions.commit(workspace, "x"))
    assert found["sprites"] == 20
    assert found["counts"]["kept"] == 2
    assert found["counts"]["flipped"] == 3
    assert found["recipe"]["size"] == 32
    assert found["splits"] == {"seed": 0, "held_out": 0.1}


def test_a_header_without_settings_of_its_label_has_those_of_the_first_commit(workspace):
    version = versions.commit(workspace, "x")
    path = header_path(workspace, version.digest)
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "versions": {}}), encoding="utf-8")
    assert header(workspace, version)["recipe"] == workspace.recipe.to_json()


def test_nothing_new_makes_no_version(workspace):
    first = versions.commit(workspace, "one")
    again = versions.commit(workspace, "two")
    assert again.unchanged
    assert again.label == "v1"
    assert again.message == "one"
    workspace.apply(Flip([1]))
    workspace.apply(Flip([1]))
    assert versions.commit(workspace, "three").unchanged
    assert len(versions.versions(workspace)) == 1
    assert not first.unchanged


def test_another_recipe_is_another_version_of_equal_content(workspace):
    first = versions.commit(workspace, "white")
    workspace.apply(SetSetting("recipe", Recipe(background="alpha").to_json()))
    second = versions.commit(workspace, "alpha")
    assert (second.label, second.digest) == ("v2", first.digest)
    assert header(workspace, first)["recipe"]["background"] == "white"
    assert header(workspace, second)["recipe"]["background"] == "alpha"


def test_undo_then_commit_has_the_old_digest_and_a_parent(workspace):
    first = versions.commit(workspace, "one")
    workspace.apply(Drop([7], "text"))
    second = versions.commit(workspace, "two")
    workspace.undo()
    third = versions.commit(workspace, "three")
    assert third.digest == first.digest != second.digest
    assert third.parent == 2


def test_digest_ignores_the_order_of_work(make_workspace):
    """The same sprites and decisions in two orders and folders give one digest."""
    indexes = list(range(40))
    digests = []
    for name, seed in (("a", 1), ("b", 2)):
        dice = random.Random(seed)
        order = dice.sample(indexes, len(indexes))
        workspace = make_workspace(order, name)
        row = {index: seq for seq, index in enumerate(order, start=1)}
        work = [Drop([row[i]], "text") for i in range(3)] + [Flip([row[i]]) for i in range(3, 10)]
        work += [Tag([row[i]], add=frozenset({"mecha"})) for i in range(5, 20)] + [Keep([row[i]]) for i in (30, 31)]
        work += [SetValues({"family": {row[i]: "zaku" for i in (11, 12)}}, "Families")]
        work += [SetValues({"weight": {row[33]: 0.1 + 0.2}}, "Weights")]
        dice.shuffle(work)
        for edit in work:
            workspace.apply(edit)
        digests.append(versions.commit(workspace, name).digest)
    assert digests[0] == digests[1]


def test_names_composed_and_undecodable(make_workspace):
    digests = []
    for name, text in (("mac", "Zo\u0308e.png"), ("linux", "Zöe.png")):
        workspace = make_workspace(3, name)
        workspace.connection.execute("UPDATE sprites SET name = ? WHERE seq = 1", (text,))
        digests.append(versions.commit(workspace, "").digest)
    assert digests[0] == digests[1]


def test_finding_versions(workspace):
    with pytest.raises(UnknownVersion, match="no version yet"):
        find_version(workspace)
    first = versions.commit(workspace, "one")
    workspace.apply(Flip([1]))
    second = versions.commit(workspace, "two")
    assert find_version(workspace, "v1") == first
    assert find_version(workspace) == second
    assert find_version(workspace, first.digest[:8]) == first
    with pytest.raises(UnknownVersion, match="v1, v2"):
        find_version(workspace, "v9")


def test_tags_move_between_versions(workspace):
    first = versions.commit(workspace, "one")
    workspace.apply(Flip([1]))
    second = versions.commit(workspace, "two")
    assert tag_version(workspace, first, add=("paper",)).tags == ("paper",)
    tag_version(workspace, second, add=("paper", "best"))
    assert find_version(workspace, "paper").label == "v2"
    assert find_version(workspace, "v1").tags == ()
    assert tag_version(workspace, find_version(workspace, "v2"), remove=("paper",)).tags == ("best",)
    for wrong in ("v7", "latest", "cafe", " x", ""):
        with pytest.raises(UserError):
            tag_version(workspace, first, add=(wrong,))


def test_nothing_to_commit(workspace):
    workspace.apply(Drop(range(1, 21), "text"))
    with pytest.raises(UserError, match="nothing to save"):
        versions.commit(workspace, "none")
    with pytest.raises(UserError, match="no sprite is marked keep"):
        versions.commit(workspace, "none", kept_only=True)


def test_contract_of_the_json(workspace):
    versions.commit(workspace, "one")
    workspace.apply(Flip([1]))
    found = versions.commit(workspace, "two").to_json()
    assert {key: found[key] for key in ("version", "parent", "message", "sprites")} == {
        "version": "v2",
        "parent": "v1",
        "message": "two",
        "sprites": 20,
    }
    assert len(found["digest"]) == 64
    json.dumps(found)


def test_a_cancelled_commit_leaves_nothing(workspace):
    class Stops(NullJob):
        def advance(self, count: int = 1) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        versions.commit(workspace, "x", job=Stops())
    assert versions.versions(workspace) == []
    assert list((workspace.folder / "manifests").iterdir()) == []
    assert versions.commit(workspace, "y").label == "v1"


def test_decisions_made_meanwhile_are_not_in_the_version(workspace):
    """A commit reads several times; decisions made by another window in between belong to the next version."""

    class DecidesMeanwhile(NullJob):
        def start(self, label: str, total: int | None) -> None:
            with workspace.for_this_thread() as other:
                other.apply(Drop(rows(3, 4), "text"))

    version = versions.commit(workspace, "one", job=DecidesMeanwhile())
    assert version.sprites == 20
    assert left_out(workspace, version) == {}
    assert len(versions.diff(workspace, version, None).removed) == 2
    assert workspace.counts().dropped == 2


def test_of_files_with_equal_pixels_the_first_by_name_is_named_if_it_is_kept(workspace):
    sprite = workspace.sprite(3)
    again = png_bytes(sprite_pixels(2)) + b"trailing bytes"
    digest = hashlib.sha256(again).hexdigest()

    def source() -> tuple[str, str]:
        found = versions.diff(workspace, None, None).added
        return next((entry.source, entry.source_digest) for entry in found if entry.id == sprite.id)

    with transaction(workspace.connection) as connection:
        for name in ("aaa.png", "zzz.png"):
            connection.execute(
                "INSERT INTO sources (path, size, file_digest, sprite, verdict) VALUES (?, ?, ?, 3, 'accepted')",
                (f"later/{name}", len(again), digest),
            )
    assert source() == (sprite.name, sprite.blob)
    workspace.originals.add_all([(digest, again)])
    assert source() == ("aaa.png", digest)


@pytest.mark.parametrize(
    ("column", "value"), [("blob", "f" * 63), ("name", "a\0b"), ("weight", -1.0), ("tags", "not framed"), ("width", 0)]
)
def test_no_version_is_saved_of_a_damaged_row(workspace, column, value):
    with transaction(workspace.connection) as connection:
        connection.execute(f"UPDATE sprites SET {column} = ? WHERE seq = 3", (value,))
    with pytest.raises(DamagedWorkspace, match=column):
        versions.commit(workspace)
    assert not versions.versions(workspace)
    assert not [*workspace.manifests.glob("*")]
