"""Samples handed over: what is in the files, what they say of themselves, and the way back through an import."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from odd_targets import content, odd_targets
from PIL import Image
from recorded_runs import make_run, recorded

from gandam_studio.core.errors import UserError
from gandam_studio.core.finishing.finish import BINARY, KEPT, shares
from gandam_studio.core.finishing.palette import packed
from gandam_studio.core.finishing.palette_files import read_palette
from gandam_studio.core.importing import import_sources
from gandam_studio.core.jobs import Cancelled, NullJob
from gandam_studio.core.pictures.decoding import DEFAULT_LIMITS, aseprite
from gandam_studio.core.runs import film
from gandam_studio.core.runs.handing_over import (
    CLEAN_LOOK,
    DATA,
    EACH,
    OWN,
    HandOverPlan,
    Look,
    Samples,
    drawn_otherwise,
    file_names,
    hand_over,
    real_pictures,
    resolved,
    samples_at,
)
from gandam_studio.core.runs.samples import SampleSpot
from gandam_studio.core.workspace import Workspace
from trainer.protocol import files
from trainer.protocol.events import SamplesSaved
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.sample_notes import read_note

DIGEST = "0123456789abcdef" * 4


def real_sprites(count: int = 18) -> np.ndarray:
    """Bodies of two colours with black outlines on nothing, one stray light each: (N, 32, 32, 4)."""
    pictures = np.zeros((count, 32, 32, 4), np.uint8)
    for index, picture in enumerate(pictures):
        left, top = 6 + index % 3, 5 + index % 4
        picture[top : top + 20, left : left + 16] = (0, 0, 0, 255)
        picture[top + 1 : top + 19, left + 1 : left + 15] = (200, 40 + 5 * index, 40, 255)
        picture[top + 5 : top + 9, left + 4 : left + 12] = (40, 60, 90 + 5 * index, 255)
        picture[top + 12, left + 7] = (255, 255, 0, 255)
    return pictures


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    made = make_run(tmp_path / "runs" / "r1-test", (f"origin.manifest={DIGEST}", "data.channels=4"))
    np.save(made.dataset_path, real_sprites())
    files.write_json(made.dataset_info_path, {"split": ["train"] * 12 + ["held-out"] * 6})
    return made


@pytest.fixture
def samples() -> Samples:
    """Soft pictures as a network draws them."""
    dice = np.random.default_rng(8)
    pictures = real_sprites(9).astype(int)
    pictures[..., :3] += dice.integers(-20, 21, pictures[..., :3].shape)
    pictures[..., 3] += np.where(pictures[..., 3] > 0, -1, 1) * dice.integers(0, 90, pictures.shape[:3])
    facts = {"run": "r1-test", "iteration": 400, "weights": "ema", "seed": 7, "count": 9, "manifest": DIGEST}
    return Samples(list(np.clip(pictures, 0, 255).astype(np.uint8)), [f"7/{i}" for i in range(9)], facts)


def test_the_run_s_own_pictures_are_those_it_learned_from(run: RunDirectory) -> None:
    found = real_pictures(run)
    assert (np.array(found) == real_sprites()[:12]).all()
    some = real_pictures(run, 5)
    assert len(some) == 5
    assert (some[0] == found[0]).all()
    assert (some[-1] == found[-1]).all()


def test_a_folder_holds_clean_sprites_with_their_origin(run: RunDirectory, samples: Samples, tmp_path: Path) -> None:
    out = tmp_path / "out"
    plan = HandOverPlan((1, 2, 4), sheet=True, aseprite=True)
    made = hand_over(run, out, lambda _folder: samples, Look(DATA, 12, BINARY, 1.0, 0.5), plan)
    names = [f"r1-test-400-01234567-seed-7-{index:04d}" for index in range(9)]
    wanted = {f"{name}{at}.png" for name in names for at in ("", "@2x", "@4x")}
    wanted |= {f"sheet{at}.{kind}" for at in ("", "@2x", "@4x") for kind in ("png", "json")}
    assert {path.name for path in out.iterdir()} == wanted | {"sprites.aseprite", "palette.gpl", "seeds.json"}
    palette = read_palette(out / "palette.gpl")
    assert len(palette.colours) == made.colours == 12
    document = aseprite.Document((out / "sprites.aseprite").read_bytes(), DEFAULT_LIMITS)
    found = []
    for index, name in enumerate(names):
        with Image.open(out / f"{name}.png") as picture:
            pixels = np.asarray(picture)
            told = json.loads(picture.text["gandam"])  # type: ignore[attr-defined]
        with Image.open(out / f"{name}@4x.png") as larger:
            assert (np.asarray(larger) == pixels.repeat(4, 0).repeat(4, 1)).all()
        assert (document.frame(index) == pixels).all()
        assert set(np.unique(pixels[..., 3]).tolist()) == {0, 255}
        assert set(packed(pixels[pixels[..., 3] > 0][:, :3]).tolist()) <= set(packed(palette.rgb).tolist())
        known = (told["run"], told["iteration"], told["seed"], told["latent"], told["manifest"])
        assert known == ("r1-test", 400, 7, f"7/{index}", DIGEST)
        assert told["palette"]["digest"] == palette.digest
        found.append(pixels)
    assert made.data_stray is not None
    assert shares(found) <= 1.2 * made.data_stray
    side = json.loads((out / "seeds.json").read_text(encoding="utf-8"))
    assert [one["file"] for one in side["sprites"]] == [f"{name}.png" for name in names]
    assert side["manifest"] == DIGEST


def test_sheet_and_document_come_back_through_the_import(run: RunDirectory, samples: Samples, tmp_path: Path) -> None:
    out = tmp_path / "out"
    hand_over(run, out, lambda _folder: samples, CLEAN_LOOK, HandOverPlan(sheet=True, aseprite=True))
    singles = {path.name for path in out.glob("r1-*.png")}
    from gandam_studio.core.importing import ImportOptions

    ids = []
    for which in (["sheet.png", "sheet.json"], ["sprites.aseprite"], sorted(singles)):
        part = tmp_path / f"part-{len(ids)}"
        part.mkdir()
        for name in which:
            (part / name).write_bytes((out / name).read_bytes())
        with Workspace.create(tmp_path / f"w{len(ids)}") as workspace:
            import_sources(workspace, [part], options=ImportOptions(workers=1, frames="distinct"))
            sprites = list(workspace.sprites(workspace.select()))
            ids.append(sorted(sprite.id for sprite in sprites))
            if which[0] == "sheet.png":
                assert {sprite.name for sprite in sprites} == singles
    assert len(ids[0]) == 9
    assert ids[0] == ids[1] == ids[2]


def test_equal_wishes_give_equal_bytes(run: RunDirectory, samples: Samples, tmp_path: Path) -> None:
    plan = HandOverPlan((1, 2), sheet=True, aseprite=True)
    for name in ("a", "b"):
        hand_over(run, tmp_path / name, lambda _folder: samples, CLEAN_LOOK, plan)
        for suffix in (".png", ".aseprite", ".gif", ".webp", ".apng"):
            hand_over(run, tmp_path / f"{name}{suffix}", lambda _folder: samples, CLEAN_LOOK)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    for suffix in (".png", ".aseprite", ".gif", ".webp", ".apng"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("palette", [DATA, OWN, EACH, "file"])
def test_every_kind_of_palette_is_kept_to(run: RunDirectory, samples: Samples, tmp_path: Path, palette: str) -> None:
    if palette == "file":
        (tmp_path / "four.hex").write_text("000000\nc83c28\n283c5a\nffff00\n")
        palette = str(tmp_path / "four.hex")
    look = Look(palette, 6, BINARY, 0.0, 0.0)
    hand_over(run, tmp_path / "out.png", lambda _folder: samples, look)
    with Image.open(tmp_path / "out.png") as picture:
        sheet = np.asarray(picture)
    shown = sheet[..., 3] == 255
    colours = set(packed(sheet[shown][:, :3]).tolist())
    if palette.endswith(".hex"):
        assert colours <= {0x000000, 0xC83C28, 0x283C5A, 0xFFFF00}
    else:
        assert len(colours) <= (54 if palette == EACH else 6)


def test_plain_samples_stay_as_drawn(run: RunDirectory, samples: Samples, tmp_path: Path) -> None:
    hand_over(run, tmp_path / "out", lambda _folder: samples, Look())
    for index in range(9):
        with Image.open(tmp_path / "out" / f"r1-test-400-01234567-seed-7-{index:04d}.png") as picture:
            assert (np.asarray(picture) == samples.pictures[index]).all()
    assert not (tmp_path / "out" / "palette.gpl").exists()


def test_the_note_in_a_folder_names_files_that_are_there(run: RunDirectory, samples: Samples, tmp_path: Path) -> None:
    named = replace(samples, names=["", "the tall/one", *[""] * 7])
    for number, scales in enumerate(((4,), (2, 4), (1, 4))):
        out = tmp_path / f"out{number}"
        hand_over(run, out, lambda _folder: named, CLEAN_LOOK, HandOverPlan(scales))
        told = json.loads((out / "seeds.json").read_text(encoding="utf-8"))["sprites"]
        for one in told:
            with Image.open(out / one["file"]) as picture:
                assert picture.width == 32 * scales[0]
                own = json.loads(picture.text["gandam"])  # type: ignore[attr-defined]
            assert (own["latent"], own.get("name")) == (one["latent"], one.get("name"))
        assert [one.get("name") for one in told] == [None, "the tall/one", *[None] * 7]
        assert "the-tall-one" in told[1]["file"]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
def test_an_animation_that_does_not_fit_into_memory_is_refused(
    run: RunDirectory, samples: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(film, "MOST_PIXELS", 9 * 64 * 64 - 1)
    with pytest.raises(UserError, match="memory"):
        hand_over(run, tmp_path / f"a{suffix}", lambda _folder: samples, CLEAN_LOOK, HandOverPlan((2,)))
    with pytest.raises(UserError, match="too many"):
        hand_over(
            run,
            tmp_path / f"a{suffix}",
            lambda _folder: replace(samples, pictures=[np.zeros((512, 512, 4), np.uint8)] * 9),
            Look(),
            HandOverPlan((16,)),
        )
    hand_over(run, tmp_path / f"a{suffix}", lambda _folder: samples, CLEAN_LOOK)
    assert [path.name for path in tmp_path.glob("a*")] == [f"a{suffix}"]


def test_names_are_different_and_fit_every_system() -> None:
    facts = {"run": "r1-x", "iteration": 5, "manifest": ""}
    latents = ["1/2", "fixed/3", "1/2", "a b/c:*?", "A B/C", "\u202ex", "3/0+1of8"]
    names = file_names(Samples([], latents, facts))
    assert names == [
        "r1-x-5-seed-1-0002", "r1-x-5-fixed-0003", "r1-x-5-seed-1-0002-again-2", "r1-x-5-a-b-c", "r1-x-5-A-B-C-again-2",
        "r1-x-5-x", "r1-x-5-3-0-1of8",
    ]  # fmt: skip


def test_targets_that_must_not_be_written_are_refused(run: RunDirectory, samples: Samples, tmp_path: Path) -> None:
    before = content(tmp_path)
    for target in odd_targets(tmp_path / "odd"):
        with pytest.raises(UserError):
            hand_over(run, target, lambda _folder: samples)
    for name in ("config.json", "samples", "checkpoints/x.aseprite"):
        with pytest.raises(UserError):
            hand_over(run, run.path / name, lambda _folder: samples)
    assert {name: what for name, what in content(tmp_path).items() if not name.startswith("odd")} == before


def test_an_earlier_folder_is_replaced_only_when_asked_and_only_if_ours(
    run: RunDirectory, samples: Samples, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    hand_over(run, out, lambda _folder: samples, Look())
    with pytest.raises(UserError, match="exists"):
        hand_over(run, out, lambda _folder: samples)
    hand_over(run, out, lambda _folder: samples, force=True)
    (out / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=r"mine\.txt"):
        hand_over(run, out, lambda _folder: samples, force=True)


def test_a_cancelled_export_leaves_nothing(run: RunDirectory, samples: Samples, tmp_path: Path) -> None:
    class Cancelling(NullJob):
        def start(self, label: str, total: int | None = None) -> None:
            if label == "Writing":
                raise Cancelled

    with pytest.raises(Cancelled):
        hand_over(run, tmp_path / "out", lambda _folder: samples, job=Cancelling())
    assert not list(tmp_path.glob("*out*"))


def test_what_cannot_be_used_is_said_before_anything_is_drawn(run: RunDirectory, tmp_path: Path) -> None:
    def never(_folder: Path) -> Samples:
        raise AssertionError

    with pytest.raises(UserError, match=r"none\.gpl cannot be read"):
        hand_over(run, tmp_path / "out", never, Look(str(tmp_path / "none.gpl")))
    for name, plan, count, reason in (
        ("a.gif", HandOverPlan((16,)), 9000, "memory"), ("a.webp", HandOverPlan((2,)), 400_000, "memory"),
        ("a.png", HandOverPlan((16,)), 2000, "too large"), ("a.png", HandOverPlan(), 300_000, "too large"),
        ("out", HandOverPlan((1, 16), sheet=True), 2000, "too large"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=reason):
            hand_over(run, tmp_path / name, never, Look(), plan, count=count)
    with pytest.raises(UserError, match="1 to 256"):
        Look(DATA, 300)
    with pytest.raises(UserError, match="times as large"):
        HandOverPlan((0,))


def test_a_run_without_its_pictures_says_so(run: RunDirectory, samples: Samples) -> None:
    run.dataset_path.write_bytes(b"\x93NUMPY junk")
    with pytest.raises(UserError, match="cannot be read"):
        resolved(run, Look(DATA), lambda: samples.pictures)
    # A file's palette needs them only to compare with.
    assert resolved(run, Look(EACH, 4, KEPT, 0.0), lambda: samples.pictures).share == 0.0


def test_saved_samples_of_a_flow_say_in_how_many_steps_they_were_drawn(tmp_path: Path) -> None:
    """While it trains it draws in fewer than `sample` does, which would draw other pictures."""
    run = recorded(tmp_path / "runs" / "r3-flow", iterations=200, preset="sprite-flow-cpu")
    flow = run.config().flow
    assert flow.grid_steps != flow.steps
    (*_, newest) = [event for event in run.events().read() if isinstance(event, SamplesSaved)]
    spot = SampleSpot(run, newest, "fixed", 5)
    hand_over(run, tmp_path / "out.aseprite", lambda _folder: samples_at(spot), Look())
    (tmp_path / "one.png").write_bytes(spot.png())
    for name in ("out.aseprite", "one.png"):
        note = read_note(tmp_path / name)
        assert note.steps == flow.grid_steps
        assert drawn_otherwise(run, note)
        assert not drawn_otherwise(run, replace(note, steps=flow.steps))
        assert not drawn_otherwise(run, replace(note, steps=None))
        assert drawn_otherwise(run, replace(note, steps=None, raw=True)) == (run.config().sampling.snap > 0)
    assert spot.command("200").split()[-2:] == ["--passes", str(flow.grid_steps)]


def test_saved_samples_are_handed_over_by_their_names(tmp_path: Path) -> None:
    recorded_run = recorded(tmp_path / "runs" / "r2-test", iterations=200)
    (*_, newest) = [event for event in recorded_run.events().read() if isinstance(event, SamplesSaved)]
    spot = SampleSpot(recorded_run, newest, "random")
    found = samples_at(spot)
    assert len(found.pictures) == len(found.latents) == newest.rows * newest.columns
    assert found.latents[5] == f"{newest.random_seed}/5"
    one = samples_at(SampleSpot(recorded_run, newest, "fixed", 5))
    assert one.latents == ["fixed/5"]
    assert (one.pictures[0] == SampleSpot(recorded_run, newest, "fixed", 5).pixels()).all()
    whole = samples_at(SampleSpot(recorded_run, newest, "fixed"))
    assert (whole.pictures[5] == one.pictures[0]).all()
    (recorded_run.path / newest.fixed).unlink()
    with pytest.raises(UserError, match="cannot be read"):
        samples_at(SampleSpot(recorded_run, newest, "fixed"))


def opaque_run(folder: Path, pictures: np.ndarray) -> RunDirectory:
    """A run that draws no transparency, over white."""
    made = make_run(folder, (f"origin.manifest={DIGEST}",))
    np.save(made.dataset_path, pictures)
    files.write_json(made.dataset_info_path, {"split": ["train"] * len(pictures), "background": [255, 255, 255]})
    return made


def test_samples_on_a_plain_background_are_cut_out_of_it(samples: Samples, tmp_path: Path) -> None:
    real = real_sprites()
    white = np.where(real[..., 3:] > 0, real[..., :3], 255).astype(np.uint8)
    run = opaque_run(tmp_path / "r1-test", white)
    soft = np.clip(white[:9].astype(int) + np.random.default_rng(1).integers(-9, 10, white[:9].shape), 0, 255)
    drawn = Samples(list(soft.astype(np.uint8)), samples.latents, samples.facts)
    made = hand_over(run, tmp_path / "cut", lambda _folder: drawn, CLEAN_LOOK)
    assert ((np.array(made.pictures)[..., 3] > 0) == (real[:9, ..., 3] > 0)).all()
    assert (255, 255, 255) not in read_palette(tmp_path / "cut" / "palette.gpl").colours
    told = json.loads((tmp_path / "cut" / "seeds.json").read_text(encoding="utf-8"))
    assert told["cut_out_of"] == [255, 255, 255]
    whole = hand_over(run, None, lambda _folder: drawn, Look(DATA, 12, BINARY, 1.0, 0.5))
    assert (np.array(whole.pictures)[..., 3] == 255).all()
    assert "cut_out_of" not in whole.samples.facts
    plain = hand_over(run, None, lambda _folder: drawn, Look(cut=True))
    assert ((np.array(plain.pictures)[..., 3] > 0) == (real[:9, ..., 3] > 0)).all()


def test_pictures_that_fill_their_frame_stay_whole(samples: Samples, tmp_path: Path) -> None:
    run = opaque_run(tmp_path / "r1-test", np.random.default_rng(2).integers(0, 256, (12, 32, 32, 3), np.uint8))
    light = [np.full((32, 32, 3), 250, np.uint8)]
    made = hand_over(run, None, lambda _folder: Samples(light, ["7/0"], samples.facts), CLEAN_LOOK)
    assert (made.pictures[0][..., 3] == 255).all()
    assert "cut_out_of" not in made.samples.facts
