"""Certificates of fitness reviews as a workspace and its versions keep them: true whatever came later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_workspaces import add_sprites
from studio_calls import Studio

from gandam_studio.core import versions
from gandam_studio.core.suggestions.certificates import (
    KeptCertificate,
    kept_certificates,
    to_keep,
    with_outside,
    without_outside,
)
from gandam_studio.core.suggestions.fitness.certificate import Certificate
from gandam_studio.core.suggestions.sprites import end_review, fitness_review
from gandam_studio.core.versions.files import header_path
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, SetSetting, Undecide
from gandam_studio.core.workspace.settings import CERTIFICATES, LOOKED_AT, TARGET_FACING

SAID = Certificate("tail", total=60, looked_at=20, unfit=4, audited=12, audited_unfit=1, most_left=7)
AT = "2026-11-29T10:30:00Z"


@pytest.fixture
def workspace(tmp_path: Path):
    with Workspace.create(tmp_path / "w") as one:
        add_sprites(one, list(range(20)))
        yield one


def review(workspace: Workspace, reason: str = "tail", unfit: int = 0, asked: int = 8) -> None:
    """A random check of some sprites, of which the first ones are unfit; written as the window does."""
    found, sprites = fitness_review(workspace, reason)
    before = dict(zip(sprites.seqs.tolist(), found.labels.tolist(), strict=True))
    page = found.audit_page(asked)
    found.accept(page, np.arange(len(page)) < unfit, audit=True)
    workspace.apply(end_review(found, sprites, before, *map(workspace.setting, (CERTIFICATES, LOOKED_AT))))


def test_what_it_says_nothing_about_is_counted() -> None:
    setting = {"tail": to_keep(SAID, np.array([9, 4, 5, 6]), AT)}
    (kept,) = kept_certificates(setting, np.array([4, 5, 6, 9]))
    assert kept == KeptCertificate(SAID, AT, 0)
    (kept,) = kept_certificates(setting, np.array([1, 5, 7, 9, 10]))
    assert kept.outside == 3
    header = with_outside(setting, np.array([1, 5, 7, 9, 10]))
    assert kept_certificates(header) == [kept]
    assert without_outside(header) == setting


def test_what_was_not_noted_is_not_known() -> None:
    (kept,) = kept_certificates({"tail": SAID.to_json()}, np.arange(5))
    assert kept == KeptCertificate(SAID, "", None)


@pytest.mark.parametrize(
    "change",
    [
        {"total": 3}, {"most_left": 41}, {"unfit": -1}, {"audited": "many"}, {"confidence": 2}, {"at": "yesterday"},
        {"about": "?"}, {"about": "AAAA"}, {"about": 7},
    ],
)  # fmt: skip
def test_what_is_not_valid_is_left_out(change: dict[str, object]) -> None:
    sound = to_keep(SAID, np.arange(4), AT)
    found = kept_certificates({"tail": {**sound, **change}, "odd": 3, "blurred": sound}, np.arange(4))
    assert [one.said.reason for one in found] == ["blurred"]
    for setting in (None, 7, [sound], "text"):
        assert kept_certificates(setting, np.arange(4)) == []


@pytest.mark.parametrize(
    ("said", "outside", "told"),
    [
        (SAID, 0, ("at most 7 of the other 40 are unfit", "95 %", "20 of 60", "2026-11-29")),
        (replace(SAID, most_left=0), 0, ("none of the other 40 is unfit",)),
        (replace(SAID, most_left=1), 0, ("at most 1 of the other 40 is unfit",)),
        (replace(SAID, looked_at=60, most_left=0), 0, ("All 60 were looked at", "4 of them unfit")),
        (SAID, 1, ("1 more was not part of it",)),
        (SAID, 1200, ("1,200 more were not part of it",)),
        (SAID, None, ("not noted",)),
    ],
)
def test_one_sentence_says_it(said: Certificate, outside: int | None, told: tuple[str, ...]) -> None:
    text = KeptCertificate(said, AT, outside).summary
    assert "tail" in text
    assert all(part in text for part in told)
    assert ("part of it" in text) == bool(outside)


def test_a_version_says_what_came_after_the_review(workspace: Workspace) -> None:
    workspace.apply(Drop([20], "other"))
    review(workspace, unfit=2)
    first = versions.commit(workspace, "reviewed")
    (kept,) = versions.certificates_of(workspace, first)
    assert (kept.said.total, kept.said.unfit, kept.outside) == (19, 2, 0)
    assert kept.at
    add_sprites(workspace, [100, 101, 102])
    workspace.apply(Undecide([20]))
    second = versions.commit(workspace, "more")
    (later,) = versions.certificates_of(workspace, second)
    assert later == replace(kept, outside=4)
    assert versions.certificates_of(workspace, first) == [kept]
    assert versions.certificates_of(workspace) == [later]
    workspace.apply(Drop([21, 22], "text"))
    assert versions.certificates_of(workspace)[0].outside == 2


def test_a_review_that_drops_nothing_is_kept_with_the_next_version(workspace: Workspace) -> None:
    first = versions.commit(workspace, "before")
    review(workspace)
    assert versions.reviewed_since(workspace, first)
    second = versions.commit(workspace, "reviewed")
    assert (second.label, second.digest) == ("v2", first.digest)
    assert versions.certificates_of(workspace, first) == []
    assert len(versions.certificates_of(workspace, second)) == 1
    assert not versions.reviewed_since(workspace, second)
    assert versions.commit(workspace, "again").unchanged


def test_restoring_brings_back_what_reviews_said_and_the_side_to_face(workspace: Workspace) -> None:
    workspace.apply(SetSetting(TARGET_FACING, "right"))
    review(workspace)
    versions.commit(workspace, "one")
    kept = workspace.setting(CERTIFICATES)
    review(workspace, "blurred", unfit=3)
    workspace.apply(SetSetting(TARGET_FACING, "left"))
    add_sprites(workspace, [100])
    versions.commit(workspace, "two")
    workspace.apply(versions.restore_edit(workspace, versions.find_version(workspace, "v1")))
    assert workspace.setting(CERTIFICATES) == kept
    assert workspace.setting(TARGET_FACING) == "right"
    assert versions.commit(workspace, "again").unchanged
    workspace.undo()
    assert set(workspace.setting(CERTIFICATES)) == {"tail", "blurred"}


def test_commands_tell_it(workspace: Workspace, studio: Studio) -> None:
    workspace.apply(Drop([1], "tail"))
    review(workspace, unfit=1)
    versions.commit(workspace, "reviewed")
    damaged = versions.commit(workspace, "kept", kept_only=False)
    assert damaged.unchanged
    (found,) = studio("versions", "-w", workspace.folder, "--json").json
    (said,) = found["certificates"]
    assert said["reason"] == "tail"
    assert said["outside"] == 0
    assert said["looked_at"] == 9
    assert "about" not in said
    (kept,) = versions.certificates_of(workspace)
    assert kept.summary in studio("versions", "-w", workspace.folder).out
    assert kept.summary in studio("suggest", "fitness", "--reason", "tail", "-w", workspace.folder).out
    header_path(workspace, damaged.digest).write_text("{", encoding="utf-8")
    assert studio("versions", "-w", workspace.folder, "--json").json[0]["certificates"] == []
