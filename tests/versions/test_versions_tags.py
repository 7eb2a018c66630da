"""Versions by label, digest, prefix of a digest and tag; invalid tags."""

from __future__ import annotations

import pytest

from gandam_studio.core import versions
from gandam_studio.core.errors import UnknownVersion, UserError
from gandam_studio.core.versions.listing import MINIMUM_PREFIX, tag_version
from gandam_studio.core.workspace.edits import Flip


@pytest.fixture
def three(workspace):
    made = [versions.commit(workspace, "one")]
    for number in (2, 3):
        workspace.apply(Flip([number]))
        made.append(versions.commit(workspace, str(number)))
    return made


def found(workspace, text: str) -> str:
    return versions.find_version(workspace, text).label


def test_versions_are_found_by_every_name(workspace, three) -> None:
    tag_version(workspace, three[1], add=("paper", "caf\u00e9"))
    assert found(workspace, "latest") == "v3"
    assert found(workspace, "v1") == "v1"
    assert found(workspace, three[0].digest) == "v1"
    assert found(workspace, three[0].digest[:MINIMUM_PREFIX].upper()) == "v1"
    assert found(workspace, "paper") == found(workspace, "cafe\u0301") == "v2"
    for text in ("v4", three[0].digest[: MINIMUM_PREFIX - 1], "pape", ""):
        with pytest.raises(UnknownVersion):
            versions.find_version(workspace, text)


def test_of_equal_versions_the_newest_is_found(workspace, three) -> None:
    workspace.apply(Flip([3]))
    assert versions.commit(workspace, "as two").label == "v4"
    assert found(workspace, three[1].digest) == "v4"
    assert found(workspace, three[1].digest[:MINIMUM_PREFIX]) == "v4"


def test_a_tag_belongs_to_one_version(workspace, three) -> None:
    assert tag_version(workspace, three[0], add=("a", "b")).tags == ("a", "b")
    assert tag_version(workspace, three[2], add=("b", "c")).tags == ("b", "c")
    assert versions.find_version(workspace, "v1").tags == ("a",)
    assert tag_version(workspace, three[2], add=("d",), remove=("b", "a")).tags == ("c", "d")
    assert versions.find_version(workspace, "v1").tags == ("a",)


@pytest.mark.parametrize(
    "tag",
    ["", " a", "a ", "latest", "now", "v1", "v123", "0123456789abcdef", "ABCDEF" * 2, "0" * MINIMUM_PREFIX, "a\nb"],
)
def test_tags_with_another_meaning_are_refused(workspace, three, tag: str) -> None:
    with pytest.raises(UserError):
        tag_version(workspace, three[0], add=(tag,))
    assert versions.find_version(workspace, "v1").tags == ()


@pytest.mark.parametrize("tag", ["v", "v1a", "version 1", "0" * (MINIMUM_PREFIX - 1), "0123456789abcdefg"])
def test_tags_that_only_look_like_it(workspace, three, tag: str) -> None:
    assert tag_version(workspace, three[0], add=(tag,)).tags == (tag,)
    assert found(workspace, tag) == "v1"
