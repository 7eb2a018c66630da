"""Untrusted files: every refusal is one line, and nothing blocks."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.protocol import untrusted
from trainer.protocol.untrusted import UntrustedError, Values

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")


@posix
@pytest.mark.parametrize("kind", ["fifo", "folder", "link to a fifo"])
def test_only_regular_files_are_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(tmp_path / "pipe")
        path = tmp_path / "pipe"
        if kind == "link to a fifo":
            path = tmp_path / "link"
            path.symlink_to(tmp_path / "pipe")
    with pytest.raises(UntrustedError):
        untrusted.read_regular(path, 10)


@posix
def test_links_are_refused_where_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert untrusted.read_regular(tmp_path / "link", 10) == b"secret"
    with pytest.raises(UntrustedError):
        untrusted.read_regular(tmp_path / "link", 10, follow_links=False)


def test_a_file_over_the_bound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert untrusted.read_regular(tmp_path / "file", 5) == b"12345"
    with pytest.raises(UntrustedError, match="4 bytes"):
        untrusted.read_regular(tmp_path / "file", 4)


def test_a_bounded_reader_gives_the_limit_and_refuses_more() -> None:
    assert untrusted.BoundedReader(io.BytesIO(b"12345"), 5, "it").read() == b"12345"
    reader = untrusted.BoundedReader(io.BytesIO(b"12345"), 4, "it")
    with pytest.raises(UntrustedError, match="it unpacks to more than 4 bytes"):
        reader.read()


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../a", "a/../../b", "a\\..\\b", "C:\\a", "C:a", "\\\\host\\share\\a", ".", "a\0b"]
)
def test_paths_that_leave_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UntrustedError):
        untrusted.path_inside(tmp_path, name)


@posix
def test_links_that_leave_are_refused_and_those_that_stay_are_followed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "a").mkdir(parents=True)
    (folder / "stays").symlink_to(folder / "a")
    (folder / "leaves").symlink_to(tmp_path)
    (folder / "loop").symlink_to(folder / "loop")
    assert untrusted.path_inside(folder, "stays/b.png") == folder / "stays" / "b.png"
    for name in ("leaves/b.png", "loop/b.png"):
        with pytest.raises(UntrustedError):
            untrusted.path_inside(folder, name)


@pytest.mark.parametrize(
    "text",
    ["NaN", "[Infinity]", "-Infinity", "1e999", "9223372036854775808", "1" * 5000, "[" * 100_000, "[" * 65 + "]" * 65,
     '{"a":' * 65 + "1" + "}" * 65, "{", "\ufeff{}", "'a'"],
)  # fmt: skip
def test_json_that_others_would_not_read_alike_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UntrustedError) as refused:
        untrusted.parse_json(text)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200


def test_json_at_the_bounds_is_read() -> None:
    assert untrusted.parse_json("[9223372036854775807, -9223372036854775807, 1e308]")[2] == 1e308
    assert untrusted.parse_json("[" * 64 + "]" * 64)
    with pytest.raises(UntrustedError):
        untrusted.parse_json(b"\xff\xfe")


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.integers(), lambda c: st.lists(c)))
def test_every_field_is_its_type_or_refused(value: object) -> None:
    values = Values({"x": value}, "line 1")
    for ask in (values.text, values.integer, values.number, values.flag, values.items, values.texts, values.object):
        message = ""
        try:
            ask("x")
        except UntrustedError as error:
            message = str(error)
        assert not message or message.startswith("line 1: x ")
        assert "\n" not in message


def test_true_is_no_number_and_a_missing_field_takes_its_default() -> None:
    values = Values({"flag": True, "crop": [1, 2], "facing": "up"})
    assert values.integer("iteration", 7) == 7
    assert values.text("reason", None) is None
    for refused in (
        lambda: values.integer("flag"),
        lambda: values.number("flag"),
        lambda: values.choice("facing", ("left", "right")),
        lambda: values.integer("absent"),
        lambda: values.texts("crop"),
    ):
        with pytest.raises(UntrustedError):
            refused()


@given(st.text())
def test_shortened_text_stays_on_one_line(text: str) -> None:
    short = untrusted.shortened(text, 20)
    assert len(short) <= 20
    assert not set(short) & set("\n\r\t\0\u2028\u202e\x1b")


VALUES = {
    "text": "fünf", "whole": 3, "part": 2.5, "yes": True, "none": None, "list": ["a", "b"], "surrogate": "caf\udce9",
    "nul": "a\0b", "nan": float("nan"), "mixed": ["a", 1],
}  # fmt: skip


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda v: v.text("text", max_length=4), "fünf"),
        (lambda v: v.integer("whole", least=3, most=3), 3),
        (lambda v: v.number("whole", least=3, most=3), 3.0),
        (lambda v: v.number("part", least=2.5, most=2.5), 2.5),
        (lambda v: v.flag("yes"), True),
        (lambda v: v.choice("text", ["x", "fünf"]), "fünf"),
        (lambda v: v.items("list", most=2), ["a", "b"]),
        (lambda v: v.texts("list", most=2, max_length=1), ["a", "b"]),
        (lambda v: v.raw("none"), None),
        (lambda v: v.text("gone", "x"), "x"),
        (lambda v: v.integer("gone", None), None),
        (lambda v: v.number("gone", -1, least=0), -1),
        (lambda v: v.flag("gone", None), None),
        (lambda v: v.choice("gone", ["a"], ""), ""),
        (lambda v: v.items("gone", ()), ()),
        (lambda v: v.texts("gone", ()), ()),
    ],
)
def test_fields_of_the_right_type_are_read(read, value) -> None:
    found = read(Values(VALUES))
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "read",
    [
        lambda v: v.raw("gone"),
        lambda v: v.text("gone"),
        lambda v: v.text("text", max_length=3),
        lambda v: v.text("whole"),
        lambda v: v.text("surrogate"),
        lambda v: v.text("nul"),
        lambda v: v.text("none", ""),
        lambda v: v.integer("whole", least=4),
        lambda v: v.integer("whole", most=2),
        lambda v: v.integer("part"),
        lambda v: v.integer("text"),
        lambda v: v.integer("yes"),
        lambda v: v.number("part", least=2.6),
        lambda v: v.number("part", most=2.4),
        lambda v: v.number("nan"),
        lambda v: v.number("yes"),
        lambda v: v.number("text"),
        lambda v: v.flag("whole"),
        lambda v: v.flag("none", True),
        lambda v: v.choice("text", ["x"]),
        lambda v: v.choice("list", ["a"]),
        lambda v: v.items("list", most=1),
        lambda v: v.items("text"),
        lambda v: v.texts("list", max_length=0),
        lambda v: v.texts("mixed"),
        lambda v: Values(["text"]),
    ],
)
def test_fields_of_another_type_or_size_are_refused(read) -> None:
    with pytest.raises(UntrustedError):
        read(Values(VALUES))


def test_depth_is_counted_in_lists_and_objects() -> None:
    untrusted.check_depth([[{"a": 1}]], 3)
    untrusted.check_depth("text", 0)
    for deep in ([[{"a": 1}]], {"a": {"b": []}}):
        with pytest.raises(UntrustedError):
            untrusted.check_depth(deep, 2)


def test_a_file_of_exactly_the_most_bytes_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"0123456789")
    assert untrusted.read_regular(tmp_path / "x", 10) == b"0123456789"
    with pytest.raises(UntrustedError):
        untrusted.read_regular(tmp_path / "x", 9)
