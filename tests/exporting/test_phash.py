"""The field `phash` is exactly ImageHash's for the sprite as imported; cached, and not part of any digest."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image

from gandam_studio import cli
from gandam_studio.core import exporting, versions
from gandam_studio.core.hashing import phash
from gandam_studio.core.pictures.decoding import decode_part
from gandam_studio.core.workspace import Workspace, phashes
from gandam_studio.core.workspace.edits import Drop, Flip, Rotate
from gandam_studio.core.workspace.store import transaction


def theirs(rgba: np.ndarray) -> str:
    return str(imagehash.phash(Image.fromarray(rgba)))


def ours(pictures: list[np.ndarray]) -> list[str]:
    return [f"{word:016x}" for word in phash.phashes([phash.reduced(one) for one in pictures]).tolist()]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (8, 8), (9, 31), (32, 32), (56, 68), (200, 97), (300, 410)])
def test_drawn_pictures_have_imagehashs_bits(height: int, width: int) -> None:
    dice = np.random.default_rng(height * 1000 + width)
    y, x = np.mgrid[0:height, 0:width]
    noise = dice.integers(0, 256, (height, width, 4))
    blocks = dice.integers(0, 256, (height // 4 + 1, width // 4 + 1, 4)).repeat(4, 0).repeat(4, 1)[:height, :width]
    smooth = np.stack([255 * x / width, 255 * y / height, 255 * (x + y) / (width + height), 0 * x], axis=2)
    made = [noise, blocks, smooth, (blocks + blocks[:, ::-1]) // 2, (blocks + blocks[::-1]) // 2, noise // 8]
    made += [np.full_like(noise, level) for level in (0, 1, 128, 255)]  # nothing but ties
    made += [np.where(noise > 128, 255, 0), np.where(x[..., None] * 2 < width, 10, 240) + 0 * noise]
    pictures = [np.ascontiguousarray(one.astype(np.uint8)) for one in made]
    assert ours(pictures) == [theirs(one) for one in pictures]
    assert ours([one[..., :3] for one in pictures]) == [theirs(one[..., :3]) for one in pictures]


def test_real_sprites_have_imagehashs_bits(shared_data: Path) -> None:
    source = shared_data / "pokesprite" / "pokesprite-2.7.0.zip"
    if not source.is_file():
        pytest.skip("the pokesprite archive is not in ../shared/data")
    with zipfile.ZipFile(source) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))[::25]
        pictures = [decode_part(archive.read(name)) for name in names]
    assert len(pictures) > 200
    assert ours(pictures) == [theirs(one) for one in pictures]


def listed(workspace: Workspace) -> dict[int, str]:
    return {sprite.seq: text for sprite, text in phashes.phashes(workspace, workspace.sprites())}


def test_hashes_are_kept_and_made_again_where_the_file_is_damaged(workspace, monkeypatch) -> None:
    known = listed(workspace)
    assert known == {sprite.seq: theirs(workspace.pixels(sprite)) for sprite in workspace.sprites()}
    path, asked = workspace.folder / phashes.NAME, []
    ids = {sprite.seq: sprite.id for sprite in workspace.sprites()}
    plain = Workspace.pixels
    monkeypatch.setattr(Workspace, "pixels", lambda self, sprite: asked.append(sprite.seq) or plain(self, sprite))
    assert listed(workspace) == known
    assert not asked
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:-7])
    assert listed(workspace) == known
    assert asked == [3, 20]
    assert path.read_bytes() == whole
    assert phashes.kept(workspace, [*ids.values()]) == {ids[seq]: text for seq, text in known.items()}
    path.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    some = [ids[seq] for seq in (7, 3, 1)]
    assert phashes.kept(workspace, [*some, "0" * 64]) == {ids[seq]: known[seq] for seq in (1, 7)}
    workspace.apply(Flip([1, 2]))  # the picture as imported is hashed
    assert listed(workspace) == known
    # Rows of another workspace prove nothing here.
    path.write_bytes(whole[16:] + whole[:16])
    assert listed(workspace) == known


def test_rendering_decodes_no_original_twice_for_its_hash(workspace, tmp_path, monkeypatch) -> None:
    (workspace.folder / phashes.NAME).unlink(missing_ok=True)
    known = {sprite.id: theirs(workspace.pixels(sprite)) for sprite in workspace.sprites()}
    workspace.apply(Flip([1, 2]))  # the picture as imported is hashed
    version = versions.commit(workspace)
    monkeypatch.setattr(Workspace, "pixels", lambda self, sprite: pytest.fail("decoded again"))
    for name in ("first", "second"):  # the second finds them kept
        exporting.export(workspace, version, tmp_path / name, format="webdataset")
    assert (tmp_path / "first" / "train-000000.tar").read_bytes() == (
        tmp_path / "second" / "train-000000.tar"
    ).read_bytes()
    with tarfile.open(tmp_path / "first" / "train-000000.tar") as shard:
        rows = [json.load(shard.extractfile(one)) for one in shard if one.name.endswith(".json")]
    assert rows
    assert {row["id"]: row["phash"] for row in rows} == {row["id"]: known[row["id"]] for row in rows}


def test_a_made_up_row_number_makes_no_file_of_its_size(workspace) -> None:
    known = listed(workspace)
    size = (workspace.folder / phashes.NAME).stat().st_size
    with transaction(workspace.connection) as connection:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        connection.execute("UPDATE sprites SET seq = ? WHERE seq = 20", (1 << 24,))
        connection.execute("UPDATE sources SET sprite = ? WHERE sprite = 20", (1 << 24,))
    assert listed(workspace) == {seq if seq < 20 else 1 << 24: text for seq, text in known.items()}
    assert (workspace.folder / phashes.NAME).stat().st_size == size


def test_what_cannot_be_read_or_kept_does_no_harm(workspace, tmp_path) -> None:
    workspace.originals.discard(workspace.sprite(4).blob)
    (tmp_path / "other").write_bytes(b"untouched")
    try:
        (workspace.folder / phashes.NAME).symlink_to(tmp_path / "other")
    except OSError:
        (workspace.folder / phashes.NAME).mkdir()
    known = listed(workspace)
    assert known.pop(4) == ""
    assert len(set(known.values())) == 19
    assert (tmp_path / "other").read_bytes() == b"untouched"


@pytest.fixture
def version(workspace):
    workspace.apply(Flip([2, 5]))
    workspace.apply(Rotate([3], 1))
    workspace.apply(Drop([20], "text"))
    return versions.commit(workspace, "x")


def rows_of(form: str, out: Path) -> list[dict]:
    """All data lines of an export."""
    if form in ("csv", "croissant"):
        return list(csv.DictReader(io.StringIO((out / "sprites.csv" if out.is_dir() else out).read_text("utf-8"))))
    if form == "parquet":
        return pytest.importorskip("pyarrow.parquet").read_table(out).to_pylist()
    if form == "imagefolder":
        return [json.loads(line) for path in out.glob("*/metadata.jsonl") for line in path.read_text().splitlines()]
    if form == "stylegan":
        with zipfile.ZipFile(out) as archive:
            return json.loads(archive.read("dataset.json"))["sprites"]
    if form == "webdataset":
        rows = []
        for path in out.glob("*.tar"):
            with tarfile.open(path) as shard:
                rows += [json.load(shard.extractfile(m)) for m in shard.getmembers() if m.name.endswith(".json")]
        return rows
    if form == "coco":
        return [image["sprite"] for image in json.loads((out / "annotations.json").read_text())["images"]]
    samples = json.loads((out / "samples.json").read_text())["samples"]
    return [{**sample, "id": sample["sprite_id"]} for sample in samples]


@pytest.mark.parametrize(
    "form", ["csv", "parquet", "imagefolder", "stylegan", "webdataset", "croissant", "coco", "fiftyone"]
)
def test_every_line_of_an_export_has_it(workspace, version, tmp_path, form: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    exporting.export(workspace, version, tmp_path / "x", format=form)
    wanted = {sprite.id: theirs(workspace.pixels(sprite)) for sprite in workspace.sprites() if sprite.seq != 20}
    assert {row["id"]: row["phash"] for row in rows_of(form, tmp_path / "x")} == wanted


def test_digests_do_not_depend_on_it(workspace, version, tmp_path) -> None:
    exporting.export(workspace, version, tmp_path / "x.jsonl", format="jsonl")
    data = (tmp_path / "x.jsonl").read_bytes()
    assert hashlib.sha256(data).hexdigest() == version.digest
    assert b"phash" not in data
    listed(workspace)
    assert versions.commit(workspace, "again").digest == version.digest


def test_list_and_show_have_it(workspace, version, capsys) -> None:
    folder = str(workspace.folder)
    wanted = {sprite.id: theirs(workspace.pixels(sprite)) for sprite in workspace.sprites()}
    workspace.close()
    for _ in range(2):
        assert cli.run(["list", "--json", "-w", folder]) == 0
        assert {row["id"]: row["phash"] for row in json.loads(capsys.readouterr().out)} == wanted
    one = next(iter(wanted))
    assert cli.run(["show", one, "--json", "-w", folder]) == 0
    assert json.loads(capsys.readouterr().out)["phash"] == wanted[one]
