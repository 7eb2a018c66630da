"""Every command as used by people and programs: exit codes, JSON, and one-line errors."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from damaged_originals import alter
from PIL import Image
from recorded_runs import Recorder, make_run
from studio_calls import SEED, Studio

from gandam_studio.cli import SUBCOMMANDS
from gandam_studio.core.workspace.originals import Originals
from gandam_studio.samples.mechas import sprite, truths
from gandam_studio.samples.mechas.collection import render
from trainer.protocol.events import RunFinished


def ids(studio: Studio, ws: Path, *options: str) -> list[str]:
    return [row["id"] for row in studio("list", "-w", ws, "--json", *options).json]


def test_import_says_what_it_did_and_twice_is_once(tmp_path: Path, art: Path, studio: Studio) -> None:
    folder = tmp_path / "ws"
    assert studio("new", folder, "--json").json == {"workspace": str(folder)}
    (tmp_path / "bad").mkdir()
    for number in range(3):
        (tmp_path / "bad" / f"notes-{number}.png").write_text("no picture\n")
    different = len({sprite(SEED, index).tobytes() for index in range(23)})
    first = studio("import", art, tmp_path / "bad", "-w", folder, "--json", "--workers", 1).json
    assert (first["imported"], first["already"], len(first["rejected"])) == (different, 23 - different, 3)
    assert set(first["rejected"][0]) == {"path", "reason"}
    again = studio("import", art, "-w", folder, "--json", "--workers", 1).json
    assert (again["imported"], again["already"], again["rejected"]) == (0, 23, [])


def test_list_filters_sorts_and_keeps_its_contract(ws: Path, studio: Studio) -> None:
    rows = studio("list", "-w", ws, "--json").json
    assert {"id", "name", "status", "reason", "flipped", "facing", "tags"} <= set(rows[0])
    assert all(row["status"] == "undecided" and row["flipped"] is False for row in rows)
    names = [row["name"] for row in studio("list", "-w", ws, "--json", "--order", "name", "--descending").json]
    assert names == sorted(names, reverse=True)
    studio("tag", rows[3]["id"], "--add", "tank", "-w", ws)
    studio("drop", rows[5]["id"], "--reason", "text", "-w", ws)
    assert ids(studio, ws, "--tag", "tank") == [rows[3]["id"]]
    assert ids(studio, ws, "--dropped-for", "text") == [rows[5]["id"]]
    assert ids(studio, ws, "--status", "not-dropped") == [r["id"] for r in rows if r["id"] != rows[5]["id"]]
    assert studio("list", "-w", ws, "--json", "--text", "nowhere").json == []
    assert f"of {len(rows)} sprites: 0 kept, {len(rows) - 1} undecided, 1 dropped" in studio("list", "-w", ws).out
    assert "cannot sort by" in studio("list", "-w", ws, "--order", "colour").refusal


def test_decisions_are_undone_one_by_one(ws: Path, studio: Studio) -> None:
    sprites = ids(studio, ws)
    assert studio("flip", *sprites[:4], "-w", ws, "--json").json["sprites"] == 4
    studio("drop", sprites[1], sprites[2], "-w", ws, "--reason", "non-bipedal")
    studio("keep", sprites[0], "-w", ws)
    by_id = {row["id"]: row for row in studio("list", "-w", ws, "--json").json}
    assert [by_id[s]["status"] for s in sprites[:4]] == ["kept", "dropped", "dropped", "undecided"]
    assert by_id[sprites[1]]["reason"] == "non-bipedal"
    assert [by_id[s]["flipped"] for s in sprites[:5]] == [True] * 4 + [False]
    assert studio("undo", "-w", ws, "--json").json == {"edit": 3, "label": "Keep 1 sprite", "sprites": 1}
    assert "Drop 2 sprites (non-bipedal)" in studio("undo", "-w", ws).out
    assert studio("redo", "-w", ws, "--json").json["sprites"] == 2
    states = [(row["label"], row["state"]) for row in studio("history", "-w", ws, "--json").json]
    assert states[0] == ("Keep 1 sprite", "undone")
    assert states[-1] == ("Flip 4 sprites", "done")
    studio("undo", "-w", ws)
    studio("undo", "-w", ws)
    assert studio("undo", "-w", ws).refusal == "there is nothing to undo"
    for _ in range(3):
        assert studio("redo", "-w", ws).code == 0
    assert studio("redo", "-w", ws).refusal == "there is nothing to redo"


def test_a_drop_needs_no_reason(ws: Path, studio: Studio) -> None:
    (first, *_) = ids(studio, ws)
    assert studio("drop", first, "-w", ws).code == 0
    row = studio("list", "-w", ws, "--json", "--status", "dropped").json[0]
    assert (row["id"], row["status"], row["reason"]) == (first, "dropped", "")
    assert "Drop 1 sprite" in studio("undo", "-w", ws).out


def test_sprites_are_named_by_id_start_of_id_or_file_name(ws: Path, studio: Studio) -> None:
    first = studio("list", "-w", ws, "--json").json[0]
    for name in (first["id"], first["id"][:8], first["name"]):
        assert studio("show", name, "-w", ws, "--json").json["id"] == first["id"]
    assert "no sprite is named 'zzz'" in studio("flip", "zzz", "-w", ws).refusal
    assert "no sprite is named" in studio("flip", first["id"][:3], "-w", ws).refusal
    # A refused command has changed nothing, also when other names were good.
    assert studio("flip", first["id"], "zzz", "-w", ws).code == 1
    assert studio("list", "-w", ws, "--json", "--flipped").json == []


def test_a_filter_chooses_sprites_too(ws: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    sprites = ids(studio, ws)
    studio("facing", *sprites[:3], "--is", "right", "-w", ws)
    assert studio("flip", "--facing", "right", "-w", ws, "--json").json["sprites"] == 3
    assert len(ids(studio, ws, "--facing", "left")) == 3
    assert ids(studio, ws, "--facing", "right") == []
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(sprites[:2])))
    assert studio("keep", "-", "-w", ws, "--json").json["sprites"] == 2
    assert studio("undecide", "--status", "kept", "-w", ws, "--json").json["sprites"] == 2
    assert studio("keep", "-w", ws).code == 2
    assert studio("keep", sprites[0], "--facing", "left", "-w", ws).code == 2


def test_show_tells_where_a_sprite_came_from(ws: Path, art: Path, studio: Studio) -> None:
    (copy,) = [t for t in truths(SEED, 23) if t.relation == "exact"]
    shown = studio("show", copy.original, "-w", ws, "--json").json
    assert shown["name"] == copy.original
    assert shown["sources"] == [
        {"path": str(art / name), "member": "", "earlier": False} for name in (copy.original, copy.file)
    ]
    told = studio("show", copy.original, "-w", ws).out
    assert str(art / copy.original) in told
    assert str(art / copy.file) in told


def test_versions_from_commit_to_restore(ws: Path, studio: Studio) -> None:
    sprites = ids(studio, ws)
    first = studio("commit", "-m", "all", "-w", ws, "--json").json
    assert {"version", "digest", "parent", "message", "sprites"} <= set(first)
    assert (first["version"], first["parent"], first["message"], first["sprites"]) == ("v1", None, "all", len(sprites))
    studio("drop", *sprites[:2], "--reason", "wrong style", "-w", ws)
    studio("flip", sprites[4], "-w", ws)
    studio("keep", *sprites[5:8], "-w", ws)
    second = studio("commit", "-m", "fewer", "-w", ws, "--json").json
    assert (second["version"], second["parent"], second["sprites"]) == ("v2", "v1", len(sprites) - 2)
    assert [row["version"] for row in studio("versions", "-w", ws, "--json").json] == ["v1", "v2"]
    difference = studio("diff", "v1", "v2", "-w", ws, "--json").json
    assert difference["added"] == []
    assert sorted(row["id"] for row in difference["removed"]) == sorted(sprites[:2])
    assert {row["reason"] for row in difference["removed"]} == {"wrong style"}
    assert len(difference["changed"]) == 4
    assert "v1 -> v2: -2 (2 wrong style), 1 flipped" in studio("diff", "v1", "v2", "-w", ws).out
    assert "v1 -> now" in studio("diff", "v1", "-w", ws).out
    assert studio("commit", "--kept-only", "-w", ws, "--json").json["sprites"] == 3
    assert studio("tag-version", "v1", "--add", "paper", "-w", ws, "--json").json["tags"] == ["paper"]
    studio("restore", "paper", "-w", ws)
    assert studio("commit", "-m", "back", "-w", ws, "--json").json["digest"] == first["digest"]
    assert studio("undo", "-w", ws).code == 0
    assert "there is no version 'v9'" in studio("diff", "v9", "v1", "-w", ws).refusal


def test_the_same_decisions_in_another_order_have_the_same_digest(tmp_path: Path, art: Path, studio: Studio) -> None:
    digests = []
    for order in (1, -1):
        folder = tmp_path / f"ws{order}"
        studio("new", folder)
        for path in sorted(art.iterdir(), reverse=order < 0)[:5]:
            studio("import", path, "-w", folder, "--workers", 1)
        studio("import", art, "-w", folder, "--workers", 1)
        # A picture that lies in two files is one sprite, named after the first: left out here.
        pictures = [sprite(SEED, index).tobytes() for index in range(23)]
        twice = [f"mecha-{index:06d}.png" for index in range(23) if pictures.count(pictures[index]) > 1]
        named = {row["name"] for row in studio("list", "-w", folder, "--json").json}
        studio("drop", *named.intersection(twice), "--reason", "duplicate", "-w", folder)
        for name in ("mecha-000002.png", "mecha-000008.png", "mecha-000009.png")[::order]:
            studio("flip", name, "-w", folder)
        digests.append(studio("commit", "-w", folder, "--json").json["digest"])
    assert digests[0] == digests[1]


def test_every_format_can_be_exported(ws: Path, studio: Studio, tmp_path: Path) -> None:
    from gandam_studio.commands.exporting import FORMATS
    from gandam_studio.core.exporting import ALL
    from gandam_studio.core.exporting import FORMATS as KNOWN

    assert (*KNOWN, ALL) == FORMATS
    version = studio("commit", "-w", ws, "--json").json
    target = tmp_path / "manifest.jsonl"
    done = studio("export-manifest", "-w", ws, "--out", target, "--json").json
    assert (done["version"], done["digest"], done["sprites"]) == ("v1", version["digest"], version["sprites"])
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert len(lines) == version["sprites"]
    assert all({"id", "source", "flip", "tags", "width", "height"} <= set(line) for line in lines)
    assert hashlib.sha256(target.read_bytes()).hexdigest() == version["digest"]
    assert "use --force" in studio("export-manifest", "-w", ws, "--out", target).refusal
    assert studio("export-manifest", "-w", ws, "--out", target, "--force").code == 0
    everything = tmp_path / "everything"
    done = studio("export-manifest", "-w", ws, "--out", everything, "--format", "all", "--json").json
    assert {path.name for path in everything.iterdir()} == {"export.json"} | {
        form.path for form in KNOWN.values() if form.name not in done["skipped"]
    }


def test_verify_names_a_changed_bit_and_relink_mends_it(ws: Path, art: Path, studio: Studio) -> None:
    studio("commit", "-w", ws)
    assert studio("verify", "-w", ws, "--json").json["ok"] is True
    row = studio("list", "-w", ws, "--json").json[0]
    with Originals(ws / "originals", read_only=True) as originals:
        alter(originals, row["source_digest"])
    answer = studio("verify", "-w", ws, "--json")
    assert answer.code == 1
    damage = json.loads(answer.out)["damage"]
    assert [item["digest"] for item in damage] == [row["source_digest"]]
    assert row["name"] in damage[0]["names"]
    assert studio("relink", art, "-w", ws, "--json").json["missing"] == {}
    assert studio("verify", "-w", ws).code == 0


def test_a_locked_workspace_can_be_read_but_not_changed(ws: Path, studio: Studio) -> None:
    script = (
        "import sys, time; from gandam_studio.core.workspace import Workspace;"
        "w = Workspace.open(sys.argv[1]); print('open', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(ws)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        name = studio("list", "-w", ws, "--json").json[0]["name"]
        assert "is open in another window or command" in studio("flip", name, "-w", ws).refusal
    finally:
        holder.kill()
        holder.communicate()
    assert studio("flip", name, "-w", ws).code == 0


def test_the_workspace_may_be_named_before_the_command_or_be_the_current_folder(
    ws: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = studio("list", "-w", ws, "--json").json
    assert studio("-w", ws, "list", "--json").json == after
    monkeypatch.chdir(ws)
    assert studio("list", "--json").json == after
    monkeypatch.chdir(ws.parent)
    assert "gandam-studio new" in studio("list", "--json").refusal


def test_wrong_usage_is_exit_code_2_with_one_line(ws: Path, studio: Studio) -> None:
    misuses: tuple[tuple[object, ...], ...] = (
        ("flipp",),
        ("list", "--nonsense"),
        ("new",),
        ("import", "-w", ws),
        ("import", "x", "--grid", "3", "-w", ws),
        ("train", "-w", ws),
        ("train", "--preset", "x", "--resume", "y", "-w", ws),
    )
    for arguments in misuses:
        answer = studio(*arguments)
        assert answer.code == 2, arguments
        assert len(answer.err.splitlines()) == 1
        assert answer.out == ""
    assert "did you mean flip" in studio("flipp").err


def test_an_unexpected_error_is_one_line_naming_a_log(
    ws: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from gandam_studio.core import failure_log
    from gandam_studio.core.workspace import Workspace

    def broken(*_: object) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(failure_log, "log_folder", lambda: tmp_path)
    monkeypatch.setattr(Workspace, "counts", broken)
    refusal = studio("list", "-w", ws).refusal
    (log,) = tmp_path.glob("error-*.log")
    assert str(log) in refusal
    text = log.read_text()
    assert "Traceback" in text
    assert "a bug of ours" in text


def test_names_with_control_characters_do_not_reach_the_terminal(tmp_path: Path, art: Path, studio: Studio) -> None:
    odd = tmp_path / "odd"
    odd.mkdir()
    try:
        (odd / "a\x1b[31m\nb.png").write_bytes((art / "mecha-000000.png").read_bytes())
    except OSError:
        pytest.skip("this file system has no such names")
    studio("new", tmp_path / "ws")
    studio("import", odd, "-w", tmp_path / "ws", "--workers", 1)
    out = studio("list", "-w", tmp_path / "ws").out
    assert "\x1b" not in out
    assert r"a\x1b[31m\x0ab.png" in out


def test_help_is_quick_and_every_command_has_help_and_json() -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "gandam_studio", "--help"], capture_output=True, text=True, check=True)
    assert time.monotonic() - began < 5
    for name in SUBCOMMANDS:
        assert f"\n  {name} " in done.stdout
    from gandam_studio.cli import studio as group

    for name in SUBCOMMANDS:
        command = group.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        assert command.help
        assert "as_json" in [parameter.name for parameter in command.params]


def test_a_reader_that_leaves_early_is_no_error(ws: Path) -> None:
    script = f'"{sys.executable}" -m gandam_studio list -w "{ws}" --json | head -c 10; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


def test_open_refuses_in_one_line_what_is_no_workspace(tmp_path: Path, studio: Studio) -> None:
    assert "gandam-studio new" in studio("open", tmp_path / "nowhere").refusal


def test_doctor_answers_every_question(ws: Path, studio: Studio) -> None:
    answer = studio("doctor", "-w", ws, "--json")
    checks = {check["name"]: check for check in json.loads(answer.out)["checks"]}
    assert {"name", "ok", "detail"} <= set(checks["python"])
    assert set(checks) == {
        "python", "sqlite", "pictures", "torch", "window", "screen", "disk", "writing", "sample sets", "workspace"
    }  # fmt: skip
    assert checks["workspace"]["ok"]
    assert "sprites" in checks["workspace"]["detail"]
    assert answer.code == (0 if all(c["ok"] for c in checks.values() if c["needed"]) else 1)


def test_doctor_finds_a_damaged_workspace(tmp_path: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    from gandam_studio.commands import doctor

    monkeypatch.setattr(doctor, "_child", lambda *_, **__: ({}, "libEGL.so.1: cannot open shared object file"))
    monkeypatch.setattr(sys, "platform", "linux")
    (tmp_path / "workspace.sqlite").write_bytes(b"not a database at all" * 300)
    answer = studio("doctor", "-w", tmp_path, "--json")
    checks = {check["name"]: check for check in json.loads(answer.out)["checks"]}
    assert answer.code == 1
    assert not checks["workspace"]["ok"]
    assert "apt-get install" in checks["window"]["detail"]
    assert "Traceback" not in answer.err


def test_presets_lists_what_train_knows(studio: Studio) -> None:
    found = {row["preset"]: row["size"] for row in studio("presets", "--json").json}
    assert found["sprite-r3-cpu"] == 32
    assert found["gandam-part-2"] == 256


def test_presets_are_compared(studio: Studio) -> None:
    told = studio("presets", "--compare", "gandam-part-1", "gandam-part-2", "--json").json
    assert len(told["changed"]) >= 10
    assert told["confounded"] is True
    assert {"factor": "architecture.latent", "a": 300, "b": 2048} in told["changed"]
    same = studio("presets", "--compare", "dcgan", "dcgan", "--json").json
    assert same["changed"] == []
    assert same["confounded"] is False
    assert "confounded: " in studio("presets", "--compare", "gandam-part-1", "gandam-part-2").out
    assert "no preset" in studio("presets", "--compare", "dcgan", "nothing").refusal


def family_folder(tmp_path: Path) -> Path:
    """Two mechas, each with a mirrored, an enlarged and a recoloured copy, and a copy of its file."""
    folder = tmp_path / "family"
    folder.mkdir()
    originals = [t.index for t in truths(SEED, 40) if t.relation == "original" and t.kind in ("soldier", "knight")]
    for name, index in zip(("one", "two"), originals, strict=False):
        pictures = {
            "-as-drawn": render(SEED, index),  # the first by name is kept where all else is equal
            "-mirrored": render(SEED, index)[:, ::-1].copy(),
            "-doubled": render(SEED, index).repeat(2, 0).repeat(2, 1),
            "-recoloured": render(SEED, index)[..., [2, 0, 1, 3]].copy(),
        }
        for suffix, pixels in pictures.items():
            Image.fromarray(pixels).save(folder / f"{name}{suffix}.png")
    return folder


def test_dedupe_reports_decides_and_is_undone(tmp_path: Path, studio: Studio) -> None:
    ws = tmp_path / "ws"
    studio("new", ws)
    studio("import", family_folder(tmp_path), "-w", ws, "--workers", 1)
    names = {row["id"]: row["name"] for row in studio("list", "-w", ws, "--json").json}
    groups = studio("dedupe", "--dry-run", "-w", ws, "--json").json["groups"]
    assert len(groups) == 2
    for group in groups:
        assert {"id", "relation", "distance", "transform"} <= set(group["members"][0])
        family, keeper = names[group["keeper"]].split("-", 1)
        assert keeper == "as-drawn.png"
        told = {names[m["id"]].removeprefix(family).removesuffix(".png"): m["relation"] for m in group["members"]}
        assert told == {"-mirrored": "mirrored", "-doubled": "resized", "-recoloured": "recoloured"}
    assert studio("history", "-w", ws, "--json").json == []
    assert studio("dedupe", "--dry-run", "--apply", "-w", ws).code == 2
    studio("dedupe", "--apply", "--relation", "mirrored", "-w", ws)
    dropped = studio("list", "--status", "dropped", "-w", ws, "--json").json
    assert sorted(row["name"] for row in dropped) == ["one-mirrored.png", "two-mirrored.png"]
    studio("undo", "-w", ws)
    studio("dedupe", "--apply", "-w", ws)
    left = {row["id"] for row in studio("list", "--status", "not-dropped", "-w", ws, "--json").json}
    assert left == {group["keeper"] for group in groups}
    assert studio("undo", "-w", ws, "--json").json["sprites"] == 6
    studio("dedupe", "--apply", "--duplicates-only", "-w", ws)
    rows = studio("list", "--status", "dropped", "-w", ws, "--json").json
    assert {row["reason"] for row in rows} == {"duplicate"}
    assert not any("recoloured" in row["name"] for row in rows)
    studio("undo", "-w", ws)
    studio("keep", *names, "-w", ws)
    assert "--include-kept" in studio("dedupe", "--apply", "--duplicates-only", "-w", ws).out
    assert studio("list", "--status", "dropped", "-w", ws, "--json").json == []
    studio("dedupe", "--apply", "--duplicates-only", "--include-kept", "-w", ws)
    assert len(studio("list", "--status", "dropped", "-w", ws, "--json").json) == 4
    studio("undo", "-w", ws)
    studio("undo", "-w", ws)
    studio("dedupe", "--families", "-w", ws)
    families = {row["family"] for row in studio("list", "-w", ws, "--json").json}
    assert len(families) == 2
    assert "" not in families
    assert [(f["sprites"], f["weight"]) for f in studio("families", "-w", ws, "--json").json] == [(4, 4.0), (4, 4.0)]
    assert [f["weight"] for f in studio("families", "--weigh", 1, "-w", ws, "--json").json] == [1.0, 1.0]
    assert [f["sprites"] for f in studio("families", "--cap", 3, "-w", ws, "--json").json] == [3, 3]
    studio("undo", "-w", ws)
    assert "count for at most 1" in studio("undo", "-w", ws).out
    studio("dedupe", "--not-duplicates", "one-as-drawn.png", "one-mirrored.png", "-w", ws)
    again = studio("dedupe", "-w", ws, "--json").json["groups"]
    together = [{names[g["keeper"]], *(names[m["id"]] for m in g["members"])} for g in again]
    assert not any({"one-as-drawn.png", "one-mirrored.png"} <= group for group in together)
    assert "unknown rule" in studio("dedupe", "--rules", "prettiest", "-w", ws).refusal


def test_an_export_comes_back(ws: Path, studio: Studio, tmp_path: Path) -> None:
    studio("flip", "mecha-000002.png", "-w", ws)
    studio("drop", "mecha-000004.png", "--reason", "text", "-w", ws)
    version = studio("commit", "-w", ws, "--json").json
    studio("export-manifest", "-w", ws, "--out", tmp_path / "copy", "--pictures", "copy")
    other = tmp_path / "other"
    studio("new", other)
    done = studio("import-manifest", tmp_path / "copy", "-w", other, "--json").json
    assert (done["imported"], done["missing"]) == (version["sprites"], [])
    assert studio("commit", "-w", other, "--json").json["digest"] == version["digest"]
    assert "there is nothing at" in studio("import-manifest", tmp_path / "nowhere", "-w", other).refusal


def test_recipe_and_splits_are_decisions_like_others(ws: Path, studio: Studio) -> None:
    before = studio("recipe", "-w", ws, "--json").json
    assert before["size"] == 64
    changed = studio("recipe", "--size", 32, "--no-trim", "--background", "#102030", "-w", ws, "--json").json
    assert changed == {**before, "size": 32, "trim": False, "background": "#102030"}
    assert "background must be" in studio("recipe", "--background", "pink", "-w", ws).refusal
    assert before["scale"] == "fit"
    assert studio("recipe", "--scale", "set", "-w", ws, "--json").json == {**changed, "scale": "set"}
    assert studio("undo", "-w", ws).code == 0
    first = studio("commit", "-w", ws, "--json").json
    assert studio("splits", "--held-out", 0.5, "-w", ws, "--json").json == {"seed": 0, "held_out": 0.5}
    assert studio("commit", "-w", ws, "--json").json["digest"] != first["digest"]
    assert "Change the splits" in studio("undo", "-w", ws).out
    assert "Change the recipe" in studio("undo", "-w", ws).out
    assert studio("recipe", "-w", ws, "--json").json == before


def test_a_terminal_without_the_letters_shows_question_marks(tmp_path: Path, art: Path, studio: Studio) -> None:
    folder = tmp_path / "names"
    folder.mkdir()
    (folder / "メカ.png").write_bytes((art / "mecha-000000.png").read_bytes())
    studio("new", tmp_path / "ws")
    studio("import", folder, "-w", tmp_path / "ws", "--workers", 1)
    command = [sys.executable, "-m", "gandam_studio", "list", "-w", str(tmp_path / "ws")]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=True)
    assert b"??.png" in done.stdout
    done = subprocess.run([*command, "--json"], capture_output=True, check=True)
    assert json.loads(done.stdout)[0]["name"] == "メカ.png"


def test_a_workspace_that_breaks_while_it_is_read_is_told_in_one_line(
    ws: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gandam_studio.core.workspace import Workspace

    def broken(*_: object) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    monkeypatch.setattr(Workspace, "counts", broken)
    assert "gandam-studio doctor" in studio("list", "-w", ws).refusal


def test_copies_only_spares_relatives() -> None:
    from gandam_studio.commands.duplicates import RELATIONS, drop_edits
    from gandam_studio.core.duplicates.keeping import Judged
    from gandam_studio.core.duplicates.links import Link
    from gandam_studio.core.duplicates.report import DuplicateReport
    from gandam_studio.core.duplicates.sources import Facts
    from gandam_studio.core.duplicates.verdicts import Transform, Verdict

    links = [Link(1, seq, Verdict(word, Transform(), 0.1, 0.9)) for seq, word in ((2, "recoloured"), (3, "resized"))]
    judged = {seq: Judged(Facts(f"{seq:064d}", 10, 10, order=seq), 100, 1) for seq in (1, 2, 3)}
    report = DuplicateReport(links, judged)
    wanted = frozenset(RELATIONS)
    assert [(list(edit.seqs), edit.reason) for edit in drop_edits(report, wanted, relatives=False)] == [
        ([3], "duplicate")
    ]
    assert [(list(edit.seqs), edit.reason) for edit in drop_edits(report, wanted)] == [
        ([3], "duplicate"),
        ([2], "recoloured"),
    ]


def test_runs_says_which_limit_finished_a_run(ws: Path, studio: Studio) -> None:
    recorder = Recorder(make_run(ws / "runs" / "r1-x", ("stop.minutes=2",)))
    recorder.train(449)
    recorder.write(RunFinished(limit="minutes"))
    assert studio("runs", "-w", ws, "--json").json[0]["reason"] == "time limit reached"
    assert studio("runs", "-w", ws).out.splitlines()[-1].endswith("time limit reached")
