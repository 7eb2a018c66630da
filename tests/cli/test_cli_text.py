"""Text and numbers from outside: undecodable bytes, byte-order marks, odd names, filters without matches, ranges."""

from __future__ import annotations

import codecs
import io
import json
import os
import subprocess
import sys
import tarfile
import unicodedata
from pathlib import Path

import click
import pytest
from PIL import Image
from small_workspaces import add_sprites
from studio_calls import Studio
from unpacked_tars import unpack_tar

from gandam_studio import cli
from gandam_studio.core import failure_log, versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.texts import LONGEST_REASON, LONGEST_TAG, checked
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, SetSetting, SetValues, Tag
from trainer.protocol.untrusted import MAX_INTEGER, UntrustedError, decode_text

# As Python hands on the argument b"caf\xe9" of a terminal that is not UTF-8.
UNDECODABLE = "caf\udce9"
TURNED = "abc\u202egnp.exe"


@pytest.fixture
def ws(tmp_path: Path) -> Path:
    """A workspace of six sprites, made without an import."""
    with Workspace.create(tmp_path / "ws") as workspace:
        add_sprites(workspace, list(range(6)))
    return tmp_path / "ws"


def one_line(answer) -> str:  # type: ignore[no-untyped-def]
    """The error of a refused command: one line, no traceback and no internal error."""
    lines = answer.err.splitlines()
    assert answer.code in (1, 2), answer
    assert len(lines) == 1, answer.err
    assert lines[0].startswith("gandam-studio: ")
    assert "went wrong inside" not in lines[0]
    return lines[0]


def test_an_error_with_undecodable_text_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure_log, "log_folder", lambda: tmp_path)
    path = failure_log.write_log(RuntimeError(UNDECODABLE))
    assert "RuntimeError: caf?" in Path(path).read_text(encoding="utf-8")


def names(studio: Studio, ws: Path, *options: object) -> list[str]:
    return [row["name"] for row in studio("list", "-w", ws, "--json", *options).json]


# Arguments


@pytest.mark.parametrize("text", [UNDECODABLE, "\ud800lone", TURNED, "bell\x07", "line\u2028end"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("drop", "SPRITE", "--reason", "TEXT"),
        ("tag", "SPRITE", "--add", "TEXT"),
        ("commit", "-m", "TEXT"),
        ("tag-version", "latest", "--add", "TEXT"),
    ],
    ids=lambda one: one[0],
)
def test_text_that_cannot_be_stored_is_refused(ws: Path, studio: Studio, arguments: tuple[str, ...], text: str) -> None:
    sprite = names(studio, ws)[0]
    if arguments[0] == "tag-version":
        studio("commit", "-w", ws, "-m", "first")
    line = one_line(studio(*({"SPRITE": sprite, "TEXT": text}.get(one, one) for one in arguments), "-w", ws))
    assert line.isascii() or line.isprintable()
    with Workspace.open(ws, read_only=True) as workspace:
        assert workspace.history.entries() == []
        assert [version.tags for version in versions.versions(workspace)] in ([], [()])


@pytest.mark.parametrize("text", [UNDECODABLE, "\ud800lone"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "TEXT"), ("flip", "TEXT"), ("list", "--tag", "TEXT"), ("list", "--family", "TEXT"),
        ("list", "--dropped-for", "TEXT"), ("list", "--order", "TEXT"), ("diff", "TEXT"), ("restore", "TEXT"),
        ("dedupe", "--rules", "TEXT"), ("dedupe", "--not-duplicates", "TEXT", "TEXT"), ("train", "--preset", "TEXT"),
        ("train", "--preset", "dcgan", "--set", "TEXT=1"), ("train", "--resume", "TEXT"), ("ask", "TEXT", "stop"),
        ("import", "--grid", "TEXT", "."), ("export-manifest", "--out", "x", "--version", "TEXT"),
        ("tag", "TEXT", "--add", "a"), ("keep", "TEXT"), ("import", "TEXT"), ("import-manifest", "TEXT"),
        ("sample", "TEXT", "--out", "x.png"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_undecodable_arguments_are_one_clear_line(
    ws: Path, studio: Studio, arguments: tuple[str, ...], text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    one_line(studio(*(one.replace("TEXT", text) for one in arguments), "-w", ws))


@pytest.mark.parametrize("option", ["--text", "--source"])
def test_a_filter_by_undecodable_text_finds_nothing_or_the_file(ws: Path, studio: Studio, option: str) -> None:
    assert names(studio, ws, option, UNDECODABLE) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no undecodable names")
def test_undecodable_bytes_through_a_real_command_line(ws: Path, tmp_path: Path) -> None:
    art = tmp_path / "art"
    art.mkdir()
    Image.new("RGB", (9, 9), "red").save(art / "x.png")
    os.rename(art / "x.png", os.fsencode(art) + b"/caf\xe9.png")
    program = [sys.executable, "-c", "from gandam_studio.cli import main; main()"]

    def run(*arguments: bytes | str, **options) -> subprocess.CompletedProcess:  # type: ignore[no-untyped-def, type-arg]
        command = [*program, "-w", str(ws), *arguments]
        return subprocess.run(command, capture_output=True, check=False, timeout=120, **options)

    assert run("import", str(art), "--workers", "1").returncode == 0
    shown = run("show", b"caf\xe9.png", "--json")
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert found["name"] == r"caf\xe9.png"
    assert run("show", r"caf\xe9.png").returncode == 0
    listed = run("list", "--text", b"caf\xe9", "--json")
    assert [row["id"] for row in json.loads(listed.stdout)] == [found["id"]]
    for arguments in (("drop", b"caf\xe9.png", "--reason", b"\xff\xfe"), ("commit", "-m", b"caf\xe9")):
        done = run(*arguments)
        assert done.returncode in (1, 2)
        assert len(done.stderr.splitlines()) == 1
        assert b"inside" not in done.stderr
    done = run("tag", "-", "--add", "x", input=b"caf\xe9.png\n")
    assert done.returncode == 1
    assert b"UTF-8" in done.stderr
    made = run("new", os.fsencode(tmp_path) + b"/w\xe9", "--json")
    place = json.loads(made.stdout.decode("ascii"))["workspace"]
    place.encode("utf-8")


def test_long_texts_are_refused_and_those_at_the_limit_are_not(ws: Path, studio: Studio) -> None:
    sprite = names(studio, ws)[0]
    assert "longer than" in studio("drop", sprite, "--reason", "x" * (LONGEST_REASON + 1), "-w", ws).refusal
    assert "longer than" in studio("tag", sprite, "--add", "x" * (LONGEST_TAG + 1), "-w", ws).refusal
    assert "longer than" in studio("commit", "-m", "x" * 100_000, "-w", ws).refusal
    for text in ("no such " + "x" * 5000, "é" * 5000):
        assert len(one_line(studio("show", text, "-w", ws))) < 300
    assert studio("drop", sprite, "--reason", "x" * LONGEST_REASON, "-w", ws).code == 0
    assert studio("tag", sprite, "--add", "x" * LONGEST_TAG, "-w", ws).code == 0
    (label, *_) = [row["label"] for row in studio("history", "-w", ws, "--json").json]
    assert len(label) <= 200


def test_a_message_keeps_its_lines_and_letters(ws: Path, studio: Studio) -> None:
    message = "Größer\r\n\tund ガメラ, 👩\u200d🚀"
    made = studio("commit", "-m", f"  {message}\n", "-w", ws, "--json").json
    assert made["message"] == message.replace("\r\n", "\n")


def test_tags_are_the_same_however_they_are_composed(ws: Path, studio: Studio) -> None:
    first, second = names(studio, ws)[:2]
    composed, decomposed = (unicodedata.normalize(form, "Flabébé") for form in ("NFC", "NFD"))
    studio("tag", first, "--add", composed, "-w", ws)
    studio("tag", second, "--add", decomposed, "-w", ws)
    for form in (composed, decomposed):
        assert sorted(names(studio, ws, "--tag", form)) == sorted([first, second])
        assert not {first, second} & set(names(studio, ws, "--tag", f"-{form}"))
    assert studio("tag", first, second, "--remove", decomposed, "-w", ws, "--json").json["sprites"] == 2


# Every way into the edit layer


@pytest.mark.parametrize("text", [UNDECODABLE, TURNED, "a\0b", "two\nlines", "x" * 1000])
def test_the_edit_layer_refuses_what_the_window_and_manifests_bring(ws: Path, text: str) -> None:
    with pytest.raises(UserError):
        Drop([1], text)
    with pytest.raises(UserError):
        Tag([1], add=frozenset([text]))
    Tag([1], remove=frozenset([text.replace("\n", "")]))  # what is there may always go


def test_lone_surrogates_reach_neither_rows_nor_settings(ws: Path) -> None:
    with Workspace.open(ws) as workspace:
        for edit in (
            SetValues({"family": {1: UNDECODABLE}}, "Name families"),
            SetSetting("filters", {UNDECODABLE: {}}),
            SetSetting("filters", {"a": {"text": "\ud800"}}),
        ):
            with pytest.raises(UserError):
                workspace.apply(edit)
        # The title alone is made readable: it may hold the name of a file.
        assert workspace.apply(SetValues({"family": {1: "a"}}, f"Decisions from {UNDECODABLE}"))
        assert r"caf\xe9" in workspace.history.entries()[0].label


def test_checked_text_is_plain() -> None:
    assert checked(" cafe\u0301 ", "it", 10) == "café"
    assert checked("👩\u200d🚀 zero\u200cwidth", "it", 40) == "👩\u200d🚀 zero\u200cwidth", "joiners belong to words"
    for text in ("a\nb", "\x1b[31m", "\u2067x", "a\x85b", "x" * 11):
        with pytest.raises(UserError, match="it"):
            checked(text, "it", 10)


# Lists


@pytest.mark.parametrize(
    "data",
    [
        "é.png\r\nb.png\r\n".encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + "é.png\r\nb.png\r\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "é.png\nb.png".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "é.png\nb.png".encode("utf-32-le"),
        "é.png\nb.png\n".encode(),
        "é.png\rb.png".encode(),
    ],
)
def test_lists_are_read_in_every_usual_encoding(
    ws: Path, studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    art = tmp_path / "more"
    art.mkdir()
    for number, name in enumerate(("é.png", "b.png")):
        Image.new("RGB", (9, 9), (number, 99, 7)).save(art / name)
    studio("import", art, "-w", ws, "--workers", 1)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="ascii"))
    assert studio("tag", "-", "--add", "mine", "-w", ws, "--json").json["sprites"] == 2


@pytest.mark.parametrize(
    "data",
    [b"caf\xe9.png\n", "b.png\n".encode("utf-16-le"), codecs.BOM_UTF16_LE + b"x", b"\0\0\0", b"\xff" * 100],
)
def test_lists_that_are_no_text_are_refused(
    ws: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
    assert studio("tag", "-", "--add", "mine", "-w", ws).refusal
    with pytest.raises(UntrustedError):
        decode_text(data)


def test_odd_names_and_their_lists(tmp_path: Path, studio: Studio, shared_data: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    case = shared_data / "cases" / "24-odd-names.tar"
    if not case.is_file():
        pytest.skip("the case of odd names is not on this machine")
    with tarfile.open(case) as archive:
        unpack_tar(archive, tmp_path)
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    lists = {name: (folder / name).read_bytes() for name in ("list.txt", "list16.txt")}
    for name in lists:
        (folder / name).unlink()
    ws = tmp_path / "w"
    studio("new", ws)
    assert studio("import", folder, "-w", ws, "--workers", 1).code == 0
    for name, data in lists.items():
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        assert studio("tag", "-", "--add", name, "-w", ws, "--json").json["sprites"] == 2
    found = names(studio, ws)
    assert len(found) >= 8
    for file in folder.iterdir():
        shown = studio("show", "-w", ws, "--json", "--", file.name)
        assert shown.code == 0, file
    for name in found:
        assert studio("keep", "-w", ws, "--", name).code == 0
    assert studio("commit", "-w", ws, "-m", "odd").code == 0
    assert studio("export-manifest", "--out", tmp_path / "out", "--format", "imagefolder", "-w", ws).code == 0


def test_names_are_found_however_they_are_composed(tmp_path: Path, studio: Studio) -> None:
    art, ws = tmp_path / "art", tmp_path / "w"
    art.mkdir()
    stored = [unicodedata.normalize("NFD", "Flabébé.png"), unicodedata.normalize("NFC", "ガメラ.png"), "ÄRGER.png"]
    for number, name in enumerate(stored):
        Image.new("RGB", (9, 9), (number, 1, 2)).save(art / name)
    studio("new", ws)
    studio("import", art, "-w", ws, "--workers", 1)
    for name in stored:
        for form in ("NFC", "NFD"):
            assert studio("show", unicodedata.normalize(form, name), "-w", ws, "--json").json["name"] == name
    parts = {"béb": stored[0], "BÉB": stored[0], "ガメ": stored[1], "ärg": stored[2], "ÄRG": stored[2]}
    for part, found in parts.items():
        for form in ("NFC", "NFD"):
            assert names(studio, ws, "--text", unicodedata.normalize(form, part)) == [found], part
    assert names(studio, ws, "--text", "100%é") == []


# Filters and lists that match nothing

DECIDING = (
    ("flip",), ("drop", "--reason", "text"), ("keep",), ("undecide",), ("tag", "--add", "x"),
    ("facing", "--is", "left"),
)  # fmt: skip


@pytest.mark.parametrize("command", DECIDING, ids=lambda one: one[0])
def test_a_filter_that_matches_nothing_is_refused(
    ws: Path, studio: Studio, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, *options = command
    assert "no sprite matches" in studio(name, "--text", "nowhere", *options, "-w", ws).refusal
    answer = studio(name, "--tag", "no such tag", *options, "-w", ws, "--json")
    assert answer.code == 1
    assert json.loads(answer.out) == {"edit": 0, "label": "", "sprites": 0}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n \n"), encoding="utf-8"))
    assert "names no sprite" in studio(name, "-", *options, "-w", ws).refusal
    assert studio("history", "-w", ws, "--json").json == []


def test_what_is_so_already_is_no_failure(ws: Path, studio: Studio) -> None:
    sprite = names(studio, ws)[0]
    studio("keep", sprite, "-w", ws)
    assert studio("keep", "--status", "kept", "-w", ws, "--json").json["edit"] == 0


def test_families_and_relations_that_are_not_there_are_told(ws: Path, studio: Studio) -> None:
    assert "no families" in studio("families", "--cap", 1, "-w", ws).refusal
    assert "no families" in studio("families", "--weigh", 1, "-w", ws).refusal
    assert studio("families", "-w", ws, "--json").json == []
    line = one_line(studio("dedupe", "--apply", "--relation", "frame", "--distance", 0, "-w", ws))
    assert "frame" in line


# Ranges


def options_of(kind: type) -> list[tuple[str, click.Option]]:
    context = click.Context(cli.studio, info_name="gandam-studio")
    found = []
    for name in cli.SUBCOMMANDS:
        command = cli.studio.get_command(context, name)
        assert command is not None
        found += [(name, one) for one in command.params if isinstance(one, click.Option) and isinstance(one.type, kind)]
    return found


WHOLE, BROKEN = options_of(click.IntRange), options_of(click.FloatRange)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "1,5", "x"])
def test_numbers_that_are_none_are_misuse(studio: Studio, value: str) -> None:
    for name, option in WHOLE + BROKEN:
        answer = studio(name, f"{option.opts[0]}={value}")
        assert answer.code == 2
        assert option.opts[0] in answer.err


def test_whole_numbers_beyond_64_bits_are_misuse(studio: Studio) -> None:
    for name, option in WHOLE:
        answer = studio(name, f"{option.opts[0]}=99999999999999999999")
        assert answer.code == 2
        assert option.opts[0] in answer.err


def test_every_text_option_refuses_undecodable_bytes() -> None:
    context = click.Context(cli.studio, info_name="gandam-studio")
    for name in cli.SUBCOMMANDS:
        command = cli.studio.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            assert not isinstance(parameter.type, click.types.StringParamType), (name, parameter.name)


@pytest.mark.parametrize("distance", [0, 0.7])
def test_the_ends_of_the_distance_are_accepted(ws: Path, studio: Studio, distance: float) -> None:
    assert studio("dedupe", "--distance", distance, "-w", ws, "--json").code == 0
    assert studio("dedupe", "--distance", 0.71, "-w", ws).code == 2


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        (("list", "--min-side", MAX_INTEGER), True),
        (("list", "-n", MAX_INTEGER), True),
        (("history", "-n", MAX_INTEGER), True),
        (("splits", "--seed", MAX_INTEGER), True),
        (("splits", "--held-out", 0.9), True),
        (("recipe", "--margin", 0.25), True),
        (("list", "--min-side", -1), False),
    ],
)
def test_what_help_allows_is_accepted(ws: Path, studio: Studio, arguments: tuple[object, ...], accepted: bool) -> None:
    assert studio(*arguments, "-w", ws).code == (0 if accepted else 2)
