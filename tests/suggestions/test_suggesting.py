"""Suggestions for a workspace: the commands, their edits, and what a version stores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from planted import planted
from studio_calls import Studio

from gandam_studio.core.errors import UserError
from gandam_studio.core.importing import import_sources
from gandam_studio.core.importing.options import ImportOptions
from gandam_studio.core.jobs import NullJob
from gandam_studio.core.suggestions import described
from gandam_studio.core.suggestions.fitness.review import UNFIT
from gandam_studio.core.suggestions.odd import odd_ones
from gandam_studio.core.suggestions.pixel_grid import enlarged, reduced
from gandam_studio.core.suggestions.sprites import (
    end_review,
    facing_review,
    facing_suggestions,
    fitness_review,
    set_target,
    target_facing,
)
from gandam_studio.core.versions import commit
from gandam_studio.core.versions.files import header
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, Keep, SetCrop, SetFacing, SetSetting, Tag
from gandam_studio.core.workspace.query import Filter
from gandam_studio.core.workspace.settings import CERTIFICATES, LOOKED_AT


@pytest.fixture(scope="module")
def walkers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 60 walkers of 3 kinds, named by the way they face."""
    folder = tmp_path_factory.mktemp("walkers")
    pictures, truth = planted(kinds=3, each=20, seed=4)
    for number, (picture, side) in enumerate(zip(pictures, truth.tolist(), strict=True)):
        Image.fromarray(picture).save(folder / f"{number:02d}-{'left' if side > 0 else 'right'}.png")
    return folder


@pytest.fixture
def folder(walkers: Path, tmp_path: Path) -> Path:
    with Workspace.create(tmp_path / "w") as workspace:
        import_sources(workspace, [walkers], options=ImportOptions(workers=1))
    return tmp_path / "w"


def test_one_answer_suggests_the_rest_and_applying_is_one_edit(folder: Path, studio: Studio) -> None:
    first = studio("suggest", "facing", "-w", folder, "--json").json
    assert {"id", "facing", "flip", "confidence", "group"} <= set(first[0])
    assert all(row["confidence"] <= 0.5 for row in first)
    assert "which way it faces" in studio("suggest", "apply", "-w", folder).refusal
    rows = studio("list", "-w", folder, "--json").json
    side = {row["id"]: row["name"].split("-")[1].removesuffix(".png") for row in rows}
    for row in rows[::12]:
        studio("face", row["id"], side[row["id"]], "-w", folder)
    found = studio("suggest", "facing", "-w", folder, "--json").json
    assert len(found) == len(rows) - len(rows[::12])
    assert np.mean([row["facing"] == side[row["id"]] for row in found]) > 0.95
    assert [row["confidence"] for row in found] == sorted((row["confidence"] for row in found), reverse=True)
    assert all(row["flip"] == (row["facing"] == "right") for row in found)
    assert all(row["because"] for row in found)
    done = studio("suggest", "apply", "-w", folder, "--target", "right", "--at-least", "0.5", "--json").json
    assert done["edit"] > 0
    after = studio("list", "-w", folder, "--json").json
    assert {row["facing"] for row in after} == {"right"}
    right = [row for row in after if row["flipped"] == (side[row["id"]] == "left")]
    assert len(right) >= 0.95 * len(after)
    studio("undo", "-w", folder)
    assert not any(row["flipped"] for row in studio("list", "-w", folder, "--json").json)


def test_suggesting_works_while_another_process_holds_the_workspace(folder: Path, studio: Studio) -> None:
    with Workspace.open(folder):
        assert len(studio("suggest", "facing", "-w", folder, "--json", "-n", 3).json) == 3
        assert studio("suggest", "odd", "-w", folder, "--json").code == 0


def test_features_are_kept_and_follow_a_crop(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        review, _ = facing_review(workspace)
        before = (folder / described.NAME).read_bytes()
        workspace.apply(SetCrop([1], (0, 0, 20, 40)))
        again, _ = facing_review(workspace)
        assert not np.array_equal(review.features.even[0], again.features.even[0])
        assert np.array_equal(review.features.even[1:], again.features.even[1:])
        # A damaged record counts as missing.
        damaged = bytearray(before)
        damaged[100] ^= 0xFF
        (folder / described.NAME).write_bytes(bytes(damaged[:-50]))
        mended, _ = facing_review(workspace)
        assert np.array_equal(again.features.odd, mended.features.odd)


def test_fitness_ranks_what_looks_like_the_drops_and_drops_nothing(folder: Path, studio: Studio) -> None:
    assert "--reason" in studio("suggest", "fitness", "-w", folder).refusal
    assert "no sprite is dropped" in studio("suggest", "fitness", "--reason", "tail", "-w", folder).refusal
    rows = studio("list", "-w", folder, "--json").json
    kind = {row["id"]: int(row["name"].split("-")[0]) // 20 for row in rows}
    for row in [row for row in rows if kind[row["id"]] == 2][:4]:
        studio("drop", row["id"], "--reason", "tail", "-w", folder)
    found = studio("suggest", "fitness", "--reason", "tail", "-w", folder, "--json").json
    assert {"id", "score", "confidence"} <= set(found[0])
    assert np.mean([kind[row["id"]] == 2 for row in found[:16]]) > 0.8
    assert sum(row["status"] == "dropped" for row in studio("list", "-w", folder, "--json").json) == 4


def test_a_review_is_one_edit_and_its_certificate_is_kept_with_the_version(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        workspace.apply(Drop([1, 2], "tail"))
        review, found = fitness_review(workspace, "tail")
        before = dict(zip(found.seqs.tolist(), review.labels.tolist(), strict=True))
        page = review.audit_page(40)
        wrong = np.zeros(len(page), bool)
        wrong[:3] = True
        review.accept(page, wrong, audit=True)
        workspace.apply(end_review(review, found, before, workspace.setting(CERTIFICATES)))
        assert workspace.counts().dropped == 5
        assert workspace.sprite(int(found.seqs[page[0]])).reason == "tail"
        kept = header(workspace, commit(workspace))["certificates"]["tail"]
        assert kept["audited"] == 40
        assert kept["audited_unfit"] == 3
        assert kept["unfit"] == 5
        assert 0 < kept["most_left"] <= 18
        workspace.undo()
        assert workspace.counts().dropped == 2
        assert workspace.setting(CERTIFICATES) is None
        assert (review.labels == UNFIT).sum() == 5


def test_a_review_goes_on_where_the_last_one_was_left(folder: Path, studio: Studio) -> None:
    def ask(workspace: Workspace):
        review, found = fitness_review(workspace, "tail")
        return review, found, dict(zip(found.seqs.tolist(), review.labels.tolist(), strict=True))

    def end(workspace: Workspace, *review) -> None:
        settings = (workspace.setting(key) for key in (CERTIFICATES, LOOKED_AT))
        workspace.apply(end_review(*review, *settings))

    with Workspace.open(folder) as workspace:
        workspace.apply(Drop([1, 2], "tail"))
    rows = studio("suggest", "fitness", "--reason", "tail", "-w", folder, "--json").json
    assert {row["confidence"] for row in rows} == {0.5}  # nothing is known yet
    with Workspace.open(folder) as workspace:
        review, found, before = ask(workspace)
        page = review.audit_page(30)
        wrong = np.arange(len(page)) % 5 == 0
        review.accept(page, wrong, audit=True)
        end(workspace, review, found, before)
        kept = workspace.setting(CERTIFICATES)
        fit = set(found.seqs[page[~wrong]].tolist())
        again, found, before = ask(workspace)
        assert not fit & set(found.seqs[again.rest].tolist())
        assert len(again.rest) == len(review.rest)
        assert np.allclose(again.chances, review.chances)
        page = again.ranked_page(5)
        again.accept(page, np.zeros(len(page), bool))
        end(workspace, again, found, before)
        assert workspace.setting(CERTIFICATES) == kept  # nothing was drawn at random that could replace it
        other, _ = fitness_review(workspace, "blurred")
        assert len(other.rest) == 60 - 2 - int(wrong.sum())
    rows = studio("suggest", "fitness", "--reason", "tail", "-w", folder, "--json").json
    assert len(rows) == len(again.rest)
    assert len({row["confidence"] for row in rows}) > 1
    with Workspace.open(folder) as workspace:
        last, found, before = ask(workspace)
        last.accept(last.rest, np.zeros(len(last.rest), bool))
        end(workspace, last, found, before)
        anew, _, _ = ask(workspace)
        assert len(anew.rest) == 60 - 2 - int(wrong.sum())  # with nothing left, all may be looked at again
        workspace.undo()
        workspace.undo()
        workspace.undo()
        first, _, _ = ask(workspace)
        assert len(first.rest) == 58


@pytest.mark.parametrize("odd", [7, {"tail": 3}, {"tail": {"fit": "all", "audit": [True, -1, "x", 2.5, 10**30]}}, {}])
def test_what_was_noted_by_others_is_read_with_care(folder: Path, odd: object) -> None:
    with Workspace.open(folder) as workspace:
        if isinstance(odd, dict) and "10" not in str(odd):
            workspace.apply(SetSetting(LOOKED_AT, odd))
        review, found = fitness_review(workspace, "tail")
        page = review.ranked_page(5)
        review.accept(page, np.zeros(len(page), bool))
        assert workspace.apply(end_review(review, found, {}, None, odd))
        assert len(fitness_review(workspace, "tail")[0].rest) == 55


def test_suggesting_reports_its_stages(folder: Path) -> None:
    stages: list[str] = []

    class Watch(NullJob):
        def start(self, label: str, total: int | None) -> None:
            stages.append(label)

    with Workspace.open(folder) as workspace:
        facing_suggestions(workspace, job=Watch())
    assert stages


def test_the_side_to_face_is_chosen_by_an_edit_that_names_it(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        assert target_facing(workspace) == "left"
        assert "right" in workspace.apply(set_target("right")).label
        assert target_facing(workspace) == "right"
        workspace.undo()
        assert target_facing(workspace) == "left"
    with pytest.raises(UserError):
        set_target("up")


def test_what_faces_front_is_left_alone(folder: Path, studio: Studio) -> None:
    with Workspace.open(folder) as workspace:
        workspace.apply(SetFacing([5], "front"))
        workspace.apply(SetFacing([1], "left"))
    assert studio("suggest", "apply", "--at-least", "0.5", "-w", folder).code == 0
    with Workspace.open(folder) as workspace:
        assert workspace.sprite(5).facing == "front"
        assert not workspace.sprite(5).flipped


def test_what_looks_like_those_that_face_front_is_left_alone_too(
    folder: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.open(folder) as workspace:  # as if one kind of three faced front
        some = list(workspace.sprites())
        fronts = {one.id for one in some if int(one.name.split("-")[0]) >= 40}
        workspace.apply(SetFacing([one.seq for one in some if one.id in fronts][:6], "front"))
        for one in [one for one in some if one.id not in fronts][::5]:
            workspace.apply(SetFacing([one.seq], one.name.split("-")[1].removesuffix(".png")))
    found = studio("suggest", "facing", "-w", folder, "--json").json
    told = {one["id"]: one for one in found if one["facing"] == "front"}
    assert len(fronts & told.keys()) > 10
    assert len(told.keys() - fronts) <= 1
    assert {(one["flip"], one["confidence"]) for one in told.values()} == {(False, 0.5)}
    assert len(found) == len({one["id"] for one in found})
    # Nobody is asked, so it takes a higher score than a page about them does.
    monkeypatch.setattr("gandam_studio.core.suggestions.sprites.LIKELY", 9.0)
    with Workspace.open(folder) as workspace:
        assert len(facing_review(workspace)[0].fronts) > 10
        assert all(one.facing != "front" for one in facing_suggestions(workspace))


def test_applying_with_a_filter_leaves_the_other_sprites_alone(folder: Path, studio: Studio) -> None:
    with Workspace.open(folder) as workspace:
        for sprite in list(workspace.sprites())[::6]:
            workspace.apply(SetFacing([sprite.seq], "left" if "left" in sprite.name else "right"))
        tagged = [sprite.seq for sprite in workspace.sprites()][:30]
        workspace.apply(Tag(tagged, frozenset({"half"})))
    assert studio("suggest", "apply", "--tag", "half", "--target", "right", "--at-least", "0.5", "-w", folder).code == 0
    with Workspace.open(folder) as workspace:
        assert any(workspace.sprite(seq).flipped for seq in tagged)
        assert all(workspace.sprite(seq).facing != "unknown" for seq in tagged)
        assert not any(sprite.flipped for sprite in workspace.sprites() if sprite.seq not in tagged)


def test_odd_ones_are_found_and_ordinary_ones_left_out(walkers: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    strange = tmp_path / "strange"
    strange.mkdir()
    small = np.array(Image.open(next(iter(sorted(walkers.iterdir())))))
    Image.fromarray(small.repeat(3, axis=0).repeat(3, axis=1)).save(strange / "tripled.png")
    smooth = np.cumsum(np.cumsum(rng.normal(0, 1, (90, 90, 3)), axis=0), axis=1)
    smooth = (smooth - smooth.min()) / np.ptp(smooth) * 255
    Image.fromarray(smooth.astype(np.uint8)).save(strange / "photo.png")
    speck = np.zeros((40, 40, 4), np.uint8)
    Image.fromarray(speck).save(strange / "empty.png")
    Image.fromarray(np.full((12, 400, 3), 90, np.uint8) * np.array([1, 2, 1], np.uint8)).save(strange / "bar.png")
    with Workspace.create(tmp_path / "w") as workspace:
        import_sources(workspace, [walkers, strange], options=ImportOptions(workers=1))
        found = {one.sprite.name: one for one in odd_ones(workspace)}
        kinds = {name: [kind for kind, _ in one.why] for name, one in found.items()}
        assert "enlarged" in kinds["tripled.png"]
        assert found["tripled.png"].scale == 3
        assert "photograph" in kinds["photo.png"]
        assert "empty" in kinds["empty.png"]
        assert {"size", "aspect"} <= set(kinds["bar.png"])
        assert len(set(found) - {"tripled.png", "photo.png", "empty.png", "bar.png"}) <= 3
        order = workspace.select(Filter(order="surprise")).tolist()
        assert sorted(order) == [sprite.seq for sprite in workspace.sprites()]
        assert {"photo.png", "bar.png"} & {workspace.sprite(seq).name for seq in order[:4]}
        assert workspace.select(Filter(order="surprise", descending=True)).tolist() == order[::-1]


def test_photographs_have_many_colours_in_gentle_steps(walkers: Path, tmp_path: Path) -> None:
    folder, rng = tmp_path / "pictures", np.random.default_rng(4)
    folder.mkdir()
    smooth = np.cumsum(np.cumsum(rng.normal(0, 1, (90, 90, 3)), axis=0), axis=1)
    smooth = (smooth - smooth.min()) / np.ptp(smooth) * 255
    gradient = np.zeros((90, 90, 3))  # gentle steps of only 900 colours
    gradient[..., 0], gradient[..., 1] = np.linspace(0, 255, 90), np.arange(90)[:, None] // 9 * 25
    for name, picture in (("photo", smooth), ("noise", rng.integers(0, 256, (90, 90, 3))), ("gradient", gradient)):
        Image.fromarray(picture.astype(np.uint8)).save(folder / f"{name}.png")
    with Workspace.create(tmp_path / "w") as workspace:
        import_sources(workspace, [walkers, folder], options=ImportOptions(workers=1))
        odd = {one.sprite.name for one in odd_ones(workspace) if "photograph" in dict(one.why)}
    assert odd == {"photo.png"}


@pytest.mark.parametrize("scale", [2, 3, 5])
@pytest.mark.parametrize("offset", [(0, 0), (1, 1)])
def test_enlarged_pictures_are_recognised_and_reduced_to_their_grid(scale: int, offset: tuple[int, int]) -> None:
    small = np.random.default_rng(scale).integers(0, 256, (14, 12, 4), dtype=np.uint8)
    large = small.repeat(scale, axis=0).repeat(scale, axis=1)[offset[1] :, offset[0] :]
    assert enlarged(large) == scale
    assert np.array_equal(reduced(large, scale), small)
    assert enlarged(small) == 1


def test_enlarged_sprites_are_imported_small_with_their_decisions(
    walkers: Path, tmp_path: Path, studio: Studio
) -> None:
    large = tmp_path / "large"
    large.mkdir()
    small = np.array(Image.open(sorted(walkers.iterdir())[0]))
    Image.fromarray(small[::-1].repeat(2, axis=0).repeat(2, axis=1)).save(large / "doubled.png")
    folder = tmp_path / "w"
    with Workspace.create(folder) as workspace:
        import_sources(workspace, [walkers, large], options=ImportOptions(workers=1))
    studio("tag", "doubled.png", "--add", "big", "-w", folder)
    studio("flip", "doubled.png", "-w", folder)
    assert studio("suggest", "reduce", "-w", folder, "--json").json["sprites"] == 2
    rows = {row["name"]: row for row in studio("list", "-w", folder, "--json").json}
    made, before = rows["doubled-reduced.png"], rows["doubled.png"]
    assert (made["width"], made["height"]) == small.shape[1::-1]
    assert (made["tags"], made["flipped"], made["status"]) == (["big"], True, "undecided")
    assert (before["status"], before["reason"]) == ("dropped", "enlarged")
    assert studio("suggest", "reduce", "-w", folder).refusal == "no sprite is enlarged, so nothing was changed"
    studio("undo", "-w", folder)
    assert studio("show", "doubled.png", "-w", folder, "--json").json["status"] == "undecided"


def test_what_was_decided_about_the_small_sprite_itself_stays(walkers: Path, tmp_path: Path, studio: Studio) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, path in enumerate(sorted(walkers.iterdir())[:20]):
        small = np.array(Image.open(path))
        Image.fromarray(small).save(pictures / f"small-{number}.png")
        for scale in (2, 3) if number < 2 else ():
            Image.fromarray(small.repeat(scale, 0).repeat(scale, 1)).save(pictures / f"large-{number}-{scale}.png")
    folder = tmp_path / "w"
    with Workspace.create(folder) as workspace:
        import_sources(workspace, [pictures], options=ImportOptions(workers=1))
        seqs = {sprite.name.removesuffix(".png"): sprite.seq for sprite in workspace.sprites()}
        workspace.apply(Keep([seqs["small-0"], seqs["large-1-2"]]))
        workspace.apply(SetFacing([seqs["small-0"]], "left"))
        workspace.apply(SetFacing([seqs["large-0-2"], seqs["large-1-3"]], "right"))
        workspace.apply(Tag([seqs["small-0"]], frozenset({"mine"})))
        workspace.apply(Tag([seqs["large-0-3"]], frozenset({"big"})))
        workspace.apply(Drop([seqs["small-1"]], "copy"))
    studio("suggest", "reduce", "-w", folder)
    with Workspace.open(folder) as workspace:
        first, second = (workspace.sprite(seqs[f"small-{number}"]) for number in (0, 1))
        assert (first.status, first.shown_facing, first.tags) == ("kept", "left", ("big", "mine"))
        assert (second.status, second.reason, second.shown_facing) == ("kept", "", "right")
        assert workspace.counts().dropped == 4


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (("facing", "--json"), 0, []),
        (("odd", "--json"), 0, []),
        (("odd", "--surprise", "--json"), 0, []),
        (("fitness", "--reason", "blurred", "--json"), 1, None),
        (("apply", "--json"), 1, {"edit": 0, "label": "", "sprites": 0}),
        (("reduce", "--json"), 1, {"edit": 0, "label": "", "sprites": 0}),
    ],
)
def test_an_empty_workspace_is_answered(
    tmp_path: Path, studio: Studio, asked: tuple[str, ...], code: int, said
) -> None:
    Workspace.create(tmp_path / "w").close()
    answer = studio("suggest", *asked, "-w", tmp_path / "w")
    assert answer.code == code, answer.err
    assert said is None or json.loads(answer.out) == said
    assert "inside" not in answer.err
