"""The generator of sample sprites describes them correctly and draws the same on every machine."""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gandam_studio.core.jobs import Cancelled, NullJob
from gandam_studio.samples.bundled import MECHA_COUNT, MECHA_SEED, data_path, sample_sets
from gandam_studio.samples.mechas import SIZE, read_truth, sprite, truth, truths, write_set
from gandam_studio.samples.mechas.collection import RELATIONS

SEED = 20
COUNT = 600


def by_relation(relation: str) -> list:
    return [t for t in truths(SEED, COUNT) if t.relation == relation]


def number(file: str) -> int:
    return int(file.removesuffix(".png").rsplit("-", 1)[1])


def test_the_bundled_set_is_what_the_generator_makes_today() -> None:
    mechas = sample_sets()[0]
    table = list(read_truth(mechas.truth))
    assert table == list(truths(MECHA_SEED, MECHA_COUNT))
    with zipfile.ZipFile(mechas.pictures) as archive:
        assert archive.namelist() == [row.file for row in table]
        for row in table:
            with Image.open(io.BytesIO(archive.read(row.file))) as picture:
                assert picture.mode == "RGBA"
                np.testing.assert_array_equal(np.asarray(picture), sprite(MECHA_SEED, row.index))


def test_the_bundled_sets_are_small_and_complete() -> None:
    assert sum(path.stat().st_size for path in data_path("mechas").iterdir()) < 2_000_000
    for sample_set in sample_sets():
        with zipfile.ZipFile(sample_set.pictures) as archive, sample_set.truth.open(encoding="utf-8") as stream:
            names = [row["file"] for row in csv.DictReader(stream, delimiter="\t")]
            assert sorted(names) == sorted(archive.namelist())
    attribution = data_path("gearhead-caramel", "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert "art by Joseph Hewitt, GearHead Caramel" in attribution
    assert "CC-BY-4.0" in attribution


def test_another_process_draws_the_same_pixels() -> None:
    script = (
        "import hashlib; from gandam_studio.samples.mechas import sprite; d = hashlib.sha256();"
        f"[d.update(sprite({SEED}, i).tobytes()) for i in reversed(range(60))]; print(d.hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    digest = hashlib.sha256()
    for index in reversed(range(60)):
        digest.update(sprite(SEED, index).tobytes())
    assert digest.hexdigest() == other


def test_every_sprite_is_clean_pixel_art() -> None:
    for index in range(150):
        picture = sprite(SEED, index)
        assert picture.dtype == np.uint8
        alpha = picture[..., 3]
        assert set(np.unique(alpha)) <= {0, 255}
        assert not picture[alpha == 0].any()
        assert (alpha > 0).mean() > 0.03 or truth(SEED, index).relation == "cropped"
        colours = np.unique(picture[alpha > 0], axis=0)
        assert 8 <= len(colours) <= 48


def test_relations_say_how_a_copy_follows_from_its_original() -> None:
    seen = set()
    for copy in truths(SEED, COUNT):
        seen.add(copy.relation)
        source, original = truth(SEED, number(copy.original)), sprite(SEED, number(copy.original))
        assert source.relation == "original"
        assert (source.family, source.kind, source.bipedal) == (copy.family, copy.kind, copy.bipedal)
        assert (source.facing != copy.facing) == (copy.relation == "mirrored")
        picture = sprite(SEED, copy.index)
        same_shape = picture.shape == original.shape and bool(((picture[..., 3] > 0) == (original[..., 3] > 0)).all())
        if copy.relation == "mirrored":
            np.testing.assert_array_equal(picture[:, ::-1], original)
        elif copy.relation == "exact":
            np.testing.assert_array_equal(picture, original)
        elif copy.relation == "resized":
            np.testing.assert_array_equal(picture[::2, ::2], original)
            np.testing.assert_array_equal(picture[1::2, 1::2], original)
        elif copy.relation == "recoloured":
            assert same_shape
            shown = original[..., 3] > 0
            assert (picture[shown] != original[shown]).any(axis=1).mean() > 0.15
        elif copy.relation == "re-encoded":
            assert same_shape
            assert 0 < np.abs(picture.astype(int) - original).max() <= 7
        elif copy.relation == "near":
            assert picture.shape == original.shape
            assert 0 < (picture != original).any(axis=2).mean() < 0.6
        elif copy.relation == "cropped":
            assert np.flatnonzero(picture[..., 3].any(0))[[0, -1]].tolist() == [0, picture.shape[1] - 1]
            assert np.flatnonzero(picture[..., 3].any(1))[[0, -1]].tolist() == [0, picture.shape[0] - 1]
            assert (picture[..., 3] > 0).sum() == (original[..., 3] > 0).sum()
    assert seen == {name for name, _ in RELATIONS}


def test_originals_are_all_different_and_mostly_face_left() -> None:
    originals = by_relation("original")
    assert len({sprite(SEED, t.index).tobytes() for t in originals}) == len(originals)
    right = sum(t.facing == "right" for t in originals)
    assert 0.08 < right / len(originals) < 0.25
    assert 0.80 < sum(t.bipedal for t in originals) / len(originals) < 0.95


def test_facing_can_be_seen() -> None:
    """Arms and their load are held in front: a left-facing mecha extends to the left of its feet."""
    lean: dict[str, list[float]] = {"left": [], "right": []}
    for row in truths(SEED, COUNT):
        if row.relation == "original" and row.bipedal:
            feet = np.flatnonzero(sprite(SEED, row.index)[54:, :, 3].any(0))
            body = np.flatnonzero(sprite(SEED, row.index)[8:40, :, 3].any(0))
            lean[row.facing].append(body.mean() - feet.mean())
    assert len(lean["right"]) > 20
    assert np.mean(lean["left"]) < -2 < 2 < np.mean(lean["right"])


def test_the_light_comes_from_the_top_left_whichever_way_a_mecha_looks() -> None:
    """Only mirrored copies are lit from the right."""

    def lit_from_left(picture: np.ndarray) -> float:
        brightness = picture[..., :3].astype(float).sum(-1)
        inside = picture[..., 3] > 0
        edges = inside[:, 1:-1] & (brightness[:, 1:-1] > 200)
        return float(
            (brightness[:, 1:-1] - brightness[:, 2:])[edges].mean()
            - (brightness[:, 1:-1] - brightness[:, :-2])[edges].mean()
        )

    for facing in ("left", "right"):
        rows = [t for t in by_relation("original") if t.facing == facing][:25]
        assert np.mean([lit_from_left(sprite(SEED, t.index)) for t in rows]) > 0
    assert np.mean([lit_from_left(sprite(SEED, t.index)) for t in by_relation("mirrored")]) < 0


def test_a_written_folder_and_a_zip_hold_the_same_sprites(tmp_path: Path) -> None:
    table = write_set(tmp_path / "folder", 17, seed=SEED)
    write_set(tmp_path / "zip" / "set.zip", 17, seed=SEED)
    assert list(read_truth(table)) == list(read_truth(tmp_path / "zip" / "truth.tsv")) == list(truths(SEED, 17))
    with zipfile.ZipFile(tmp_path / "zip" / "set.zip") as archive:
        for name in archive.namelist():
            assert archive.read(name) == (tmp_path / "folder" / name).read_bytes()
    with Image.open(tmp_path / "folder" / truth(SEED, 0).file) as picture:
        assert picture.size == (SIZE, SIZE)


def test_a_cancelled_zip_leaves_nothing_behind(tmp_path: Path) -> None:
    class Impatient(NullJob):
        left = 5

        def advance(self, count: int = 1) -> None:
            self.left -= count
            if self.left == 0:
                raise Cancelled

    with pytest.raises(Cancelled):
        write_set(tmp_path / "set.zip", 17, seed=SEED, job=Impatient())
    assert list(tmp_path.iterdir()) == []


def test_another_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no truth table"):
        list(read_truth(data_path("gearhead-caramel", "truth.tsv")))
