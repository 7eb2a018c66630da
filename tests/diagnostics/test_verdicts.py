"""Verdicts on samples with known properties: procedural sprites by default, real ones in slow tests."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from known_sprites import Known, blurred, known

from trainer.diagnostics.copying import Copying
from trainer.diagnostics.likeness import Array
from trainer.diagnostics.variety import variety_of
from trainer.diagnostics.verdict import Evidence, judge
from trainer.protocol.diagnosis import CANNOT_TELL, COLLAPSED, COLLAPSED_ONTO_TRAINING, HEALTHY, MEMORISED, Diagnosis
from trainer.protocol.diagnosis_cards import cards, summary


def _half_copies(data: Known) -> Array:
    return np.concatenate([data.copies(128), data.fresh(128)])


CASES = {
    "fresh": (lambda data: data.fresh(), HEALTHY),
    "copies": (lambda data: data.copies(), MEMORISED),
    "mirrored copies": (lambda data: data.copies()[:, :, ::-1].copy(), MEMORISED),
    "soft copies": (lambda data: blurred(data.copies(), 3), MEMORISED),
    "half copies": (_half_copies, MEMORISED),
    "one picture": (lambda data: data.modes(1, data.unseen), COLLAPSED),
    "eight pictures": (lambda data: data.modes(8, data.unseen), COLLAPSED),
    "one training picture": (lambda data: data.modes(1, data.training), COLLAPSED_ONTO_TRAINING),
    "eight training pictures": (lambda data: data.modes(8, data.training), COLLAPSED_ONTO_TRAINING),
    "a third of them one picture": (
        lambda data: np.concatenate([data.modes(1, data.unseen[:1], 80), data.fresh(176)]), COLLAPSED,
    ),
    "blurry": (lambda data: blurred(data.fresh(), 9), CANNOT_TELL),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_state_of_the_samples_is_told(case: str, sprites: Known) -> None:
    make, wanted = CASES[case]
    found = sprites.look(make(sprites))
    assert found.diagnosis.verdict == wanted
    assert Diagnosis.from_json(found.diagnosis.to_json()).verdict == wanted
    told = summary(found.diagnosis)
    assert told.title
    assert told.meaning
    assert set(cards(found.diagnosis)) == {"variety", "copying", "quality", "drift"}


def test_ten_training_pictures_are_too_few_to_tell() -> None:
    data = known(5, training=10, held_out=4)
    found = data.look(data.copies())
    assert (found.diagnosis.verdict, found.diagnosis.reason) == (CANNOT_TELL, "few pictures")


def test_sheets_show_the_samples_above_their_sources(sprites: Known) -> None:
    from trainer.diagnostics.sheets import group_sheet, nearest_distances, nearest_sheet

    samples = sprites.copies(32)
    found = sprites.look(samples)
    sheet = nearest_sheet(samples, found, sprites.diagnostics.training, sprites.diagnostics.held_out)
    columns = sheet.shape[1] // 32
    assert sheet.shape == (96, columns * 32, 3)
    assert 2 <= columns <= 8
    difference = np.abs(sheet[:32].astype(int) - sheet[32:64]).mean()
    assert difference < np.abs(sheet[:32].astype(int) - sheet[64:]).mean()
    distances = nearest_distances(found, sprites.diagnostics.scale.tau)
    assert distances == sorted(distances)
    assert len(distances) == columns
    assert group_sheet(samples, found).shape[0] == 32


def _judged(
    *, alike: float, low: float, high: float, sources: int, different: bool, sharp: float = 0.9, families: int = 200
) -> tuple[str, str]:
    """The verdict on 256 samples, for this many families of training pictures with similarity `alike`."""
    matrix = torch.zeros(256, 256, dtype=torch.bool)
    if not different:
        matrix = torch.arange(256)[:, None] % sources == torch.arange(256)[None, :] % sources
        matrix.fill_diagonal_(False)
    real = variety_of(torch.zeros(200, 200, dtype=torch.bool))
    copies = Copying(256, (), (low + high) / 2, low, high, dict.fromkeys(range(sources), 1))
    verdict = judge(Evidence(families, families, variety_of(matrix), real, sharp, copies, None, alike))
    return verdict.word, verdict.reason


def test_among_relatives_copies_cannot_be_ruled_out_by_how_many_relatives_there_are() -> None:
    assert _judged(alike=0.2, low=0.03, high=0.12, sources=9, different=True) == (CANNOT_TELL, "related copies")
    assert _judged(alike=0.2, low=0.0, high=0.03, sources=2, different=True) == (HEALTHY, "varied")
    assert _judged(alike=0.01, low=0.01, high=0.04, sources=9, different=True) == (HEALTHY, "varied")


def test_one_picture_that_resembles_a_training_picture_may_be_its_relative() -> None:
    assert _judged(alike=0.2, low=0.98, high=1.0, sources=1, different=False)[0] == COLLAPSED
    assert _judged(alike=0.2, low=0.98, high=1.0, sources=2, different=False)[0] == COLLAPSED_ONTO_TRAINING
    assert _judged(alike=0.01, low=0.98, high=1.0, sources=1, different=False)[0] == COLLAPSED_ONTO_TRAINING


def test_with_few_families_copies_need_more_evidence() -> None:
    few = _judged(alike=0.0, low=0.1, high=0.2, sources=9, different=True, families=40)
    assert few == (CANNOT_TELL, "few families")
    assert _judged(alike=0.0, low=0.6, high=0.7, sources=9, different=True, families=40)[0] == MEMORISED
    assert _judged(alike=0.0, low=0.1, high=0.2, sources=9, different=True, families=60)[0] == MEMORISED


def test_blurry_look_alikes_are_no_copies_yet() -> None:
    assert _judged(alike=0.0, low=0.2, high=0.3, sources=30, different=True, sharp=0.2) == (CANNOT_TELL, "blurry")
    assert _judged(alike=0.0, low=0.6, high=0.7, sources=90, different=True, sharp=0.2)[0] == MEMORISED
    assert _judged(alike=0.0, low=0.2, high=0.3, sources=30, different=True)[0] == MEMORISED
