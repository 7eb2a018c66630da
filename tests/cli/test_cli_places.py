"""Places, names and blanks on the command line: folders and archives give the same results."""

from __future__ import annotations

import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from studio_calls import Studio

from gandam_studio.core import versions
from gandam_studio.core.versions.rendering_worker import png_bytes
from gandam_studio.samples.mechas import sprite


def picture(number: int) -> bytes:
    return png_bytes(np.asarray(Image.fromarray(sprite(11, number)).resize((24, 24), Image.Resampling.NEAREST)))


@pytest.fixture(params=["folder", "zip"])
def imported(request, tmp_path: Path, studio: Studio) -> Path:
    """A workspace with two classes of sprites, from a folder or from a zip."""
    source = tmp_path / "set"
    for number, name in enumerate(("knight/001.png", "knight/002.png", "slime/001.png")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(picture(number))
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
            for path in sorted(source.rglob("*.png")):
                archive.write(path, path.relative_to(source).as_posix())
        source = tmp_path / "set.zip"
    studio("new", tmp_path / "ws")
    assert studio("import", source, "-w", tmp_path / "ws", "--json", "--workers", 1).json["imported"] == 3
    return tmp_path / "ws"


def test_folders_and_archives_give_the_same_answers(imported: Path, studio: Studio) -> None:
    listed = studio("list", "--source", "knight", "-w", imported, "--json").json
    assert [row["name"] for row in listed] == ["001.png", "002.png"]
    shown = studio("show", "slime/001.png", "-w", imported, "--json").json
    assert shown["name"] == "001.png"
    assert shown["id"] not in {row["id"] for row in listed}
    assert studio("tag", "knight/001.png", "slime/001.png", "--add", "first", "-w", imported).code == 0
    assert len(studio("list", "--tag", "first", "-w", imported, "--json").json) == 2
    assert "path" in studio("show", "001.png", "-w", imported).refusal


def test_code_pages_can_be_chosen_and_must_exist(tmp_path: Path, studio: Studio) -> None:
    data = picture(1)
    name = "十字.png".encode("cp932")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("A" * len(name), data)
    packed = (tmp_path / "a.zip").read_bytes().replace(b"A" * len(name), name)
    (tmp_path / "a.zip").write_bytes(packed)
    studio("new", tmp_path / "ws")
    answer = studio("import", tmp_path / "a.zip", "--names", "cp9999", "-w", tmp_path / "ws")
    assert answer.code != 0
    assert "cp9999" in answer.err
    done = studio("import", tmp_path / "a.zip", "-w", tmp_path / "ws", "--workers", 1, "--json")
    assert done.code == 0
    (note,) = done.json["notes"]
    assert "CP932" in note
    assert "--names" in note
    assert note in done.err
    assert studio("show", "十字.png", "-w", tmp_path / "ws").code == 0


def test_blanks_are_told_at_import_and_commit(tmp_path: Path, studio: Studio) -> None:
    folder = tmp_path / "art"
    folder.mkdir()
    (folder / "a.png").write_bytes(png_bytes(np.zeros((8, 8, 4), np.uint8)))
    (folder / "b.png").write_bytes(picture(3))
    ws = tmp_path / "ws"
    studio("new", ws)
    done = studio("import", folder, "-w", ws, "--workers", 1)
    assert "blank" in done.out
    assert "--blank" in done.err
    assert [row["name"] for row in studio("list", "--blank", "-w", ws, "--json").json] == ["a.png"]
    assert [row["name"] for row in studio("list", "--not-blank", "-w", ws, "--json").json] == ["b.png"]
    assert "1 sprite" in studio("commit", "-m", "x", "-w", ws).err
    assert studio("drop", "--blank", "--reason", "blank", "-w", ws).code == 0
    assert studio("commit", "-m", "without", "-w", ws).err == ""


def test_numbers_beyond_64_bits_are_no_fault(imported: Path, studio: Studio) -> None:
    for option in ("--min-side", "--max-side"):
        answer = studio("list", option, 10**30, "-w", imported)
        assert answer.code == 2
        assert option in answer.err
    answer = studio("import", imported.parent / "set", "--grid", f"{10**30}x4", "-w", imported)
    assert answer.code != 0
    assert "Traceback" not in answer.err


def test_names_typed_composed_find_decomposed_ones(tmp_path: Path, studio: Studio) -> None:
    folder = tmp_path / "art"
    folder.mkdir()
    (folder / unicodedata.normalize("NFD", "Flabébé.png")).write_bytes(picture(4))
    studio("new", tmp_path / "ws")
    studio("import", folder, "-w", tmp_path / "ws", "--workers", 1)
    for text in ("Flabébé.png", "FLABÉBÉ.png"):
        assert studio("show", text, "-w", tmp_path / "ws").code == 0
    assert len(studio("list", "--text", "BÉB", "-w", tmp_path / "ws", "--json").json) == 1


def test_blanks_are_told_before_training(tmp_path: Path) -> None:
    from gandam_studio.core.importing import ImportOptions, Pasted, import_sources
    from gandam_studio.core.runs.checks import WARNING, check_data
    from gandam_studio.core.workspace import Workspace
    from trainer.protocol.config import TrainConfig

    pasted = [Pasted("a.png", picture(1)), Pasted("b.png", png_bytes(np.full((9, 9, 4), 255, np.uint8)))]
    with Workspace.create(tmp_path / "ws") as workspace:
        import_sources(workspace, pasted, options=ImportOptions(workers=1))
        checks = {check.name: check for check in check_data(workspace, versions.commit(workspace, "x"), TrainConfig())}
        assert checks["blank"].level == WARNING
        assert checks["blank"].text.startswith("1 ")
        workspace.connection.execute("UPDATE sprites SET status = 'dropped' WHERE seq = 2")
        assert "blank" not in {
            check.name for check in check_data(workspace, versions.commit(workspace, "y"), TrainConfig())
        }


def test_what_can_hardly_be_seen_is_told_before_training(tmp_path: Path) -> None:
    from gandam_studio.core.importing import ImportOptions, Pasted, import_sources
    from gandam_studio.core.runs.checks import WARNING, check_faint
    from gandam_studio.core.workspace import Workspace

    ghost = np.zeros((12, 12, 4), np.uint8)
    ghost[2:10, 2:10] = 255
    ghost[5, 5] = (250, 250, 250, 255)
    pasted = [Pasted("a.png", picture(1)), Pasted("b.png", png_bytes(ghost)), Pasted("c.png", png_bytes(ghost[:9, :9]))]
    with Workspace.create(tmp_path / "ws") as workspace:
        import_sources(workspace, pasted, options=ImportOptions(workers=1))
        workspace.connection.execute("UPDATE sprites SET status = 'dropped' WHERE seq = 3")
        assert versions.count_faint(workspace) == 1
        found = check_faint(workspace, versions.commit(workspace, "x"))
        assert found is not None
        assert (found.level, found.text[:2]) == (WARNING, "1 ")
        assert workspace.select(found.shown).tolist() == [2]
        workspace.connection.execute("UPDATE sprites SET status = 'dropped' WHERE seq = 2")
        assert check_faint(workspace, versions.commit(workspace, "y")) is None


def test_train_tells_in_one_line_what_shows_nothing(
    tmp_path: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gandam_studio.commands import training
    from gandam_studio.core.importing import ImportOptions, Pasted, import_sources
    from gandam_studio.core.runs import summary
    from gandam_studio.core.runs.checks import check_unseen
    from gandam_studio.core.workspace import Workspace

    ghost = np.zeros((12, 12, 4), np.uint8)
    ghost[2:10, 2:10] = 255
    ghost[5, 5] = (250, 250, 250, 255)
    pasted = [Pasted(f"{n}.png", picture(n)) for n in range(3)]
    shown = len(pasted)
    pasted += [Pasted("white.png", png_bytes(np.full((9, 9, 4), 255, np.uint8))), Pasted("ghost.png", png_bytes(ghost))]
    with Workspace.create(tmp_path / "ws") as workspace:
        import_sources(workspace, pasted, options=ImportOptions(workers=1))
        unseen = check_unseen(workspace, versions.commit(workspace, "all"))
        assert [check.name for check in unseen] == ["blank", "faint"]
        workspace.connection.execute("UPDATE sprites SET status = 'dropped' WHERE seq > ?", (shown,))
        assert not check_unseen(workspace, versions.commit(workspace, "clean"))
    monkeypatch.setattr(training, "train_to_end", lambda run, *_, **__: summary(run.path))
    command = ("train", "--preset", "sprite-r3-cpu", "--detach", "--json", "-w", tmp_path / "ws", "--version")
    told = [line for line in studio(*command, "v1").err.splitlines() if line.startswith("note: ")]
    assert len(told) == 1
    assert all(check.text in told[0] for check in unseen)
    clean = studio(*command, "v2")
    assert clean.json["version"] == "v2"
    assert "note: " not in clean.err
