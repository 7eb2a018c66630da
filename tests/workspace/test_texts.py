"""Text from outside, and the places of sprites: how they are stored, compared and shown."""

from __future__ import annotations

import pytest

from gandam_studio.core import places, texts
from gandam_studio.core.errors import UserError


@pytest.mark.parametrize(
    ("text", "stored"),
    [("plain", "plain"), ("caf\u00e9", "caf\u00e9"), ("caf\udce9", "caf\\xe9"), ("a\ud800b", "a\\ud800b")],
)
def test_text_that_cannot_be_encoded_is_escaped(text: str, stored: str) -> None:
    assert texts.encodable(text) == stored


def test_forms_and_folding() -> None:
    assert texts.forms("Abc") == ("Abc",)
    assert texts.forms("\u00e9") == ("\u00e9", "e\u0301")
    assert set(texts.forms("e\u0301")) == {"\u00e9", "e\u0301"}
    assert texts.folded("Stra\u00dfe") == texts.folded("STRASSE") == "strasse"
    assert texts.folded("E\u0301") == texts.folded("\u00e9") == "\u00e9"
    assert texts.escaped("50%_\\") == "50\\%\\_\\\\"


def test_texts_to_be_stored() -> None:
    assert texts.checked("  e\u0301 ", "x", 1) == "\u00e9"
    assert texts.checked("a\r\nb\rc\td", "x", 7, lines=True) == "a\nb\nc\td"
    assert texts.checked("12345", "x", 5) == "12345"
    for bad in ("123456", "a\nb", "a\u2028b", "a\x07", "a\u202eb", "caf\udce9"):
        with pytest.raises(UserError):
            texts.checked(bad, "x", 5)
    with pytest.raises(UserError):
        texts.checked("a\x85b", "x", 9, lines=True)
    with pytest.raises(UserError):
        texts.checked("a\u2029b", "x", 9, lines=True)


@pytest.mark.parametrize(
    ("entry", "suffix", "member"),
    [
        ("", "", ""),
        ("a/b.png", "", "a/b.png"),
        ("walk.gif", "frame=3", "walk.gif#frame=3"),
        ("", "region=1,2,3,4", "#region=1,2,3,4"),
        ("a#b.png", "", "a#b.png"),
        ("odd#frame=3", "", "odd#frame=3#"),
        ("odd#", "", "odd##"),
        ("a", "grid=8x8+key=auto+was=0123456789ab", "a#grid=8x8+key=auto+was=0123456789ab"),
    ],
)
def test_members_are_split_as_they_were_joined(entry: str, suffix: str, member: str) -> None:
    assert places.join_member(entry, suffix) == member
    assert places.split_member(member) == (entry, suffix)


def test_earlier_contents() -> None:
    digest = "0123456789ab" + "c" * 52
    for suffix in ("", "frame=3", "grid=8x8"):
        made = places.earlier_suffix(suffix, digest)
        assert places.split_earlier(made) == (suffix, "0123456789ab")
        assert places.is_earlier(f"a.png#{made}")
    assert places.split_earlier("frame=3") == ("frame=3", "")
    assert not places.is_earlier("was=0123456789ab.png")


def test_places_as_they_are_shown() -> None:
    assert places.shown_place("set.zip", "knight/001.png") == "set.zip!knight/001.png"
    assert places.shown_place("walk.gif", "#frame=3") == "walk.gif!#frame=3"
    assert places.shown_place("a.png", "") == "a.png"
    assert "0123456789ab" in places.shown_place("a.png", "#was=0123456789ab")
    assert places.file_name("/art/a.png") == "a.png"
    assert places.file_name("/art/a\\b.png") == "a\\b.png"
    assert places.file_name("D:\\art\\b.png") == "b.png"
    assert places.file_name("set.zip", "in\\deep/c.png") == "c.png"
    assert places.file_name("set.zip", "caf\\xe9.png") == "caf\\xe9.png"
    assert places.storable("a\x07b\u2028c\udce9") == "a\\x07b\\x2028c\\xe9"
