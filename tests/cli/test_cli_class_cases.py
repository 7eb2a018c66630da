"""Small inputs from real complaints (next to the checkout): class folders, captions, and an edited file."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from studio_calls import Studio


@pytest.fixture
def cases(shared_data: Path) -> Path:
    folder = shared_data / "cases"
    if not folder.is_dir():
        pytest.skip("the cases (../shared/data/cases) are not on this machine")
    return folder


@pytest.fixture
def ws(tmp_path: Path, studio: Studio) -> Path:
    """An empty workspace."""
    assert studio("new", tmp_path / "ws").code == 0
    return tmp_path / "ws"


@pytest.mark.parametrize("source", ["set", "set.zip"])
def test_class_folders(cases: Path, ws: Path, tmp_path: Path, studio: Studio, source: str) -> None:
    def listed(*options: str) -> dict[str, str]:
        return {row["id"]: row["name"] for row in studio("list", "-w", ws, "--json", *options).json}

    place = cases / "04-class-folders" / source
    done = studio("import", place, "-w", ws, "--workers", 1, "--folders-as-tags", "--json").json
    assert (done["imported"], done["already"], done["tagged"]) == (9, 1, {"knight": 5, "slime": 5})
    for name in ("knight", "slime"):
        assert len(listed("--source", name)) == 5
        assert listed("--source", name) == listed("--tag", name)
    first = studio("show", "knight/001.png", "-w", ws, "--json").json
    assert (first["name"], first["tags"]) == ("001.png", ["knight"])
    assert studio("show", "slime/001.png", "-w", ws, "--json").json["id"] != first["id"]

    # One picture lies in both folders: a person must say what it is.
    (both,) = listed("--source", "knight").keys() & listed("--source", "slime").keys()
    studio("commit", "-w", ws)
    refusal = studio("export-manifest", "--out", tmp_path / "x", "--format", "coco", "--classes", "*", "-w", ws).refusal
    assert "1 sprite" in refusal
    assert listed()[both] in refusal
    assert studio("tag", both, "--remove", "knight", "-w", ws).code == 0
    studio("commit", "-w", ws)
    wanted = {key: "slime" if key in listed("--tag", "slime") else "knight" for key in listed()}

    def exported(form: str, name: str) -> Path:
        words = ("--out", tmp_path / name, "--format", form, "--classes", "knight,slime", "-w", ws, "--json")
        assert studio("export-manifest", *words).json["classes"] == {"knight": 4, "slime": 5}
        return tmp_path / name

    folder = exported("imagefolder", "folder")
    lists = [path.read_text(encoding="utf-8") for path in folder.glob("*/metadata.jsonl")]
    rows = [json.loads(line) for text in lists for line in text.splitlines()]
    assert {row["id"]: row["label"] for row in rows} == wanted
    assert {row["id"]: row["file_name"].split("/")[0] for row in rows} == wanted
    with zipfile.ZipFile(exported("stylegan", "x.zip")) as archive:
        described = json.loads(archive.read("dataset.json"))
    ids = {row["file_name"]: row["id"] for row in described["sprites"]}
    assert {ids[name]: described["classes"][number] for name, number in described["labels"]} == wanted
    coco = json.loads((exported("coco", "coco") / "annotations.json").read_bytes())
    categories = {one["id"]: one["name"] for one in coco["categories"]}
    sprites = {one["id"]: one["sprite"]["id"] for one in coco["images"]}
    assert {sprites[one["image_id"]]: categories[one["category_id"]] for one in coco["annotations"]} == wanted
    assert len(coco["annotations"]) == 9
    assert studio("undo", "-w", ws).code == studio("undo", "-w", ws).code == 0
    assert listed("--tag", "knight") == listed("--tag", "slime") == {}


def test_captions(cases: Path, ws: Path, tmp_path: Path, studio: Studio) -> None:
    place = cases / "05-captions"
    plain = studio("import", place, "-w", ws, "--workers", 1)
    assert "captions beside 4 pictures; --captions tags" in plain.err
    assert "0 rejected" in plain.out
    words = ("import", place, "-w", ws, "--workers", 1, "--captions", "tags", "--folders-as-tags")
    told = studio(*words)
    assert "golem (4)" in told.out
    assert "stone (4)" in told.out
    tags = {row["name"]: row["tags"] for row in studio("list", "-w", ws, "--json").json}
    assert tags == {f"g{n}.png": ["golem", f"pose {n}", "stone"] for n in range(4)}
    studio("commit", "-w", ws)
    out = tmp_path / "out"
    assert studio("export-manifest", "--out", out, "--format", "imagefolder", "--captions", "-w", ws).code == 0
    texts = sorted(path.read_text(encoding="utf-8") for path in out.rglob("*.txt"))
    assert texts == [f"golem, pose {n}, stone\n" for n in range(4)]
    assert all(path.with_suffix(".png").is_file() for path in out.rglob("*.txt"))


def test_an_edited_file(cases: Path, ws: Path, tmp_path: Path, studio: Studio) -> None:
    shutil.copytree(cases / "18-edited", tmp_path / "art")
    words = ("import", tmp_path / "art", "-w", ws, "--workers", 1)
    assert studio(*words, "--json").json["imported"] == 3
    old = studio("show", "s1.png", "-w", ws, "--json").json["id"]
    studio("keep", old, "-w", ws)
    studio("tag", old, "--add", "robot", "-w", ws)
    shutil.copy(cases / "18-s1-edited.png", tmp_path / "art" / "s1.png")
    answer = studio(*words)
    assert "edited" in answer.out
    assert "--carry-over" in answer.err
    done = studio(*words, "--carry-over", "--json").json
    (pair,) = done["edited"]
    assert (pair["before"], Path(pair["path"]).name, done["carried"]) == (old, "s1.png", 1)
    new = studio("show", "s1.png", "-w", ws, "--json").json
    assert (new["id"], new["status"], new["tags"]) == (pair["after"], "kept", ["robot"])
    assert [source["earlier"] for source in new["sources"]] == [False]
    shown = studio("show", old, "-w", ws, "--json").json
    assert (shown["status"], shown["reason"]) == ("dropped", "replaced")
    (source,) = shown["sources"]
    assert (Path(source["path"]).name, source["earlier"]) == ("s1.png", True)
    assert "s1.png (before it was edited" in studio("show", old, "-w", ws).out
    assert studio("undo", "-w", ws).code == 0
    assert studio("show", old, "-w", ws, "--json").json["status"] == "kept"
