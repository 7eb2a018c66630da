"""`dedupe --json` on a realistic folder: families of copies, each made in a different way."""

from __future__ import annotations

import io
import json
import re
import shutil
import sqlite3
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from studio_calls import SEED, Studio

from gandam_studio.core.duplicates import find_duplicates
from gandam_studio.core.importing import ImportOptions, import_sources
from gandam_studio.core.importing.repair import SETTING
from gandam_studio.core.workspace import DATABASE, Workspace
from gandam_studio.core.workspace.described import FINGERPRINT_VERSION
from gandam_studio.samples.mechas import truths
from gandam_studio.samples.mechas.collection import render

FAMILIES = 8
COPIES = {
    "as-drawn.png": (),
    "copied.png": ("exact",),
    "recompressed.png": ("exact",),
    "mirrored.png": ("mirrored",),
    "doubled.png": ("resized",),
    "smooth.png": ("resized",),
    "cropped.png": ("cropped",),
    "padded.png": ("cropped",),
    "painted.png": ("recoloured",),
    "painted-mirrored.png": ("recoloured",),
    "painted-doubled.png": ("recoloured",),
    "on-white.jpg": ("re-encoded",),
}


def write_family(folder: Path, name: str, index: int) -> None:
    """Write a drawn mecha and a copy of each kind."""
    drawn = render(SEED, index)
    picture = Image.fromarray(drawn)
    picture.save(folder / f"{name}-as-drawn.png")
    (folder / f"{name}-copied.png").write_bytes((folder / f"{name}-as-drawn.png").read_bytes())
    picture.save(folder / f"{name}-recompressed.png", compress_level=0)
    Image.fromarray(drawn[:, ::-1].copy()).save(folder / f"{name}-mirrored.png")
    picture.resize((128, 128), Image.Resampling.NEAREST).save(folder / f"{name}-doubled.png")
    picture.resize((128, 128), Image.Resampling.BICUBIC).save(folder / f"{name}-smooth.png")
    picture.crop(picture.getbbox()).save(folder / f"{name}-cropped.png")
    Image.fromarray(np.pad(drawn, ((9, 3), (0, 14), (0, 0)))).save(folder / f"{name}-padded.png")
    painted = render(SEED, index, coat=1)
    Image.fromarray(painted).save(folder / f"{name}-painted.png")
    Image.fromarray(painted[:, ::-1].copy()).save(folder / f"{name}-painted-mirrored.png")
    Image.fromarray(painted.repeat(2, 0).repeat(2, 1)).save(folder / f"{name}-painted-doubled.png")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    white.convert("RGB").save(folder / f"{name}-on-white.jpg", quality=60)


@pytest.fixture(scope="module")
def imported_families(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the files of all families; must not be changed, only copied."""
    folder = tmp_path_factory.mktemp("families")
    (folder / "art").mkdir()
    originals = [t.index for t in truths(SEED, 60) if t.relation == "original"][:FAMILIES]
    for number, index in enumerate(originals):
        write_family(folder / "art", f"{number:02d}", index)
    with Workspace.create(folder / "ws") as workspace:
        counts = import_sources(workspace, [folder / "art"], options=ImportOptions(workers=1))
    assert (counts.imported, counts.already) == (10 * FAMILIES, 2 * FAMILIES)
    return folder / "ws"


@pytest.fixture
def families(tmp_path: Path, imported_families: Path) -> Path:
    """A workspace with all families' files."""
    return Path(shutil.copytree(imported_families, tmp_path / "ws"))


@pytest.fixture(scope="module")
def compared_families(tmp_path_factory: pytest.TempPathFactory, imported_families: Path) -> Path:
    """A copy in which all were compared, which takes seconds, so that commands only read what was found."""
    folder = Path(shutil.copytree(imported_families, tmp_path_factory.mktemp("compared") / "ws"))
    with Workspace.open(folder) as workspace:
        find_duplicates(workspace, workers=1)
    return folder


def by_family(studio: Studio, workspace: Path, *options: str) -> dict[str, dict[str, str]]:
    """Family -> file name -> relation, after checking that every group is one whole family."""
    names = {row["id"]: row["name"] for row in studio("list", "-w", workspace, "--json").json}
    found: dict[str, dict[str, str]] = {}
    for group in studio("dedupe", "-w", workspace, "--json", *options).json["groups"]:
        family = names[group["keeper"]][:2]
        assert family not in found, "a family in two groups"
        told = {names[group["keeper"]][3:]: ""}
        for member in group["members"]:
            name = Path(member["source"]).name if "source" in member else names[member["id"]]
            assert name[:2] == family, "two species in one group"
            told[name[3:]] = member["relation"]
        assert len(told) == 1 + len(group["members"])
        found[family] = told
    return found


def test_every_family_is_one_group_with_the_right_words(families: Path, studio: Studio) -> None:
    found = by_family(studio, families, "--rules", "source-order")
    assert len(found) == FAMILIES
    wrong = [
        (family, name, told.get(name))
        for family, told in found.items()
        for name, words in COPIES.items()
        if words and told.get(name) not in words
    ]
    assert wrong == []
    assert all(set(told) == set(COPIES) for told in found.values())


def test_every_relation_is_to_the_picture_named_beside_it(compared_families: Path, studio: Studio) -> None:
    """The enlarged copy of a recolour is recoloured relative to the drawing; `duplicate_of` names what it copies."""
    names = {row["id"]: row["name"][3:] for row in studio("list", "-w", compared_families, "--json").json}
    for rules in ("source-order", "colours", "larger"):  # as-drawn, painted or enlarged ones are kept
        for group in studio("dedupe", "-w", compared_families, "--json", "--rules", rules).json["groups"]:
            for member in group["members"]:
                if "source" in member:
                    continue
                one, other = names[member["id"]], names[member["related_to"]]
                words = member["transform"]["words"]
                assert ("recoloured" in words) == (("painted" in one) != ("painted" in other)), (one, other, words)
                assert ("mirrored" in words) == (("mirrored" in one) != ("mirrored" in other)), (one, other, words)
                assert ("resized" in words) == (_size(one) != _size(other)), (one, other, words)
                assert member["relation"] == (words[-1] if words else "exact")
                copied = names.get(member["duplicate_of"], one)
                assert ("painted" in copied) == ("painted" in one)


def _size(name: str) -> int:
    """Size of a copy relative to the drawing."""
    return 2 if "doubled" in name or "smooth" in name else 1


def test_two_hundred_real_species_give_two_hundred_groups(tmp_path: Path, studio: Studio, shared_data: Path) -> None:
    """Each plain, mirrored, enlarged and recoloured: no two species in one group, and every relation right."""
    archive = shared_data / "pokesprite" / "pokesprite-2.7.0.zip"
    if not archive.is_file():
        pytest.skip("the pokesprite archive is not in ../shared/data")
    folder = tmp_path / "folder"
    folder.mkdir()
    with zipfile.ZipFile(archive) as files:
        plain = sorted(n for n in files.namelist() if re.fullmatch(r"pokemon-gen8/regular/[a-z]+\.png", n))
        for path in plain[::4][:200]:
            pictures = [
                np.array(Image.open(io.BytesIO(files.read(one))).convert("RGBA"))
                for one in (path, path.replace("/regular/", "/shiny/"))
            ]
            drawn, shiny = pictures
            copies = {"plain": drawn, "mirrored": drawn[:, ::-1], "doubled": drawn.repeat(2, 0).repeat(2, 1)}
            for kind, picture in (copies | {"shiny": shiny}).items():
                name = f"{Path(path).stem}-{kind}.png"
                Image.fromarray(np.ascontiguousarray(picture)).save(folder / name)
    assert len(list(folder.iterdir())) == 800
    studio("new", tmp_path / "ws")
    studio("import", folder, "-w", tmp_path / "ws", "--json", "--workers", 1)
    names = {row["id"]: row["name"][:-4].split("-") for row in studio("list", "-w", tmp_path / "ws", "--json").json}
    groups = studio("dedupe", "-w", tmp_path / "ws", "--json").json["groups"]
    joined = [group for group in groups if len({names[m["id"]][0] for m in group["members"]}) != 1]
    assert joined == []
    assert len(groups) == 200
    assert all(len(group["members"]) == 3 for group in groups)
    wrong = []
    for group in groups:
        for member in group["members"]:
            one, other = names[member["id"]][1], names[member["related_to"]][1]
            words = tuple(
                word
                for word, kind in (("resized", "doubled"), ("mirrored", "mirrored"), ("recoloured", "shiny"))
                if (one == kind) != (other == kind)
            )
            if (member["relation"], tuple(member["transform"]["words"])) != ((words or ("exact",))[-1], words):
                wrong.append((names[member["id"]], other, member["relation"], member["transform"]["words"]))
    assert wrong == []


def test_exact_copies_name_their_file_and_their_sprite(compared_families: Path, studio: Studio) -> None:
    groups = studio("dedupe", "-w", compared_families, "--json", "--distance", 0).json["groups"]
    copies = [member for group in groups for member in group["members"] if "source" in member]
    assert len(copies) == 2 * FAMILIES
    ids = {row["id"] for row in studio("list", "-w", compared_families, "--json").json}
    for member in copies:
        assert member["id"] in ids
        assert member["id"] == member["related_to"] == member["duplicate_of"]
        assert (member["distance"], member["confidence"], member["transform"]["words"]) == (0, 1, [])
        assert Path(member["source"]).is_file()
        assert member["same_file"] == member["source"].endswith("copied.png")
    assert f"{2 * FAMILIES} file" in studio("dedupe", "-w", compared_families).out


def test_a_sprite_whose_only_copy_is_exact_is_a_group_too(tmp_path: Path, studio: Studio) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("one.png", "same.png"):
        Image.fromarray(render(SEED, 0)).save(folder / name)
    studio("new", tmp_path / "ws")
    studio("import", folder, "-w", tmp_path / "ws", "--workers", 1)
    (group,) = studio("dedupe", "-w", tmp_path / "ws", "--json").json["groups"]
    assert [(m["id"], m["relation"]) for m in group["members"]] == [(group["keeper"], "exact")]
    assert Path(group["members"][0]["source"]).name == "same.png"
    studio("drop", group["keeper"], "-w", tmp_path / "ws", "--reason", "text")
    assert studio("dedupe", "-w", tmp_path / "ws", "--json").json["groups"] == []


def test_hashes_of_an_older_version_are_made_again_first(families: Path, studio: Studio) -> None:
    before = by_family(studio, families)
    with sqlite3.connect(families / DATABASE) as database:
        database.execute("UPDATE fingerprints SET hashes = zeroblob(length(hashes))")
        older = json.dumps({"fingerprints": FINGERPRINT_VERSION - 1, "features": 0})
        database.execute("UPDATE settings SET value = ? WHERE key = ?", (older, SETTING))
    database.close()
    assert by_family(studio, families) == before  # read only: in memory

    def stored() -> tuple[str, int]:
        with sqlite3.connect(families / DATABASE) as database:
            (kept,) = database.execute("SELECT value FROM settings WHERE key = ?", (SETTING,)).fetchone()
            empty_rows = "SELECT count(*) FROM fingerprints WHERE hashes = zeroblob(length(hashes))"
            (empty,) = database.execute(empty_rows).fetchone()
        database.close()
        return kept, empty

    assert stored() == (older, 10 * FAMILIES)
    by_family(studio, families, "--families")
    kept, empty = stored()
    assert json.loads(kept)["fingerprints"] == FINGERPRINT_VERSION
    assert empty == 0
