"""The judge of quality: EfficientNet-Lite0's first layers order pictures as people do, offline."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from known_sprites import Known
from spoiled import ladders

from trainer.kid import Reference
from trainer.lite0 import folded_layers, prepared, through
from trainer.lite0_front import LAYERS, NAME, Lite0Front
from trainer.protocol.diagnosis_cards import sees_shapes
from trainer.protocol.lite0_weights import weights_path


@pytest.fixture(scope="module")
def judge() -> Lite0Front:
    """The network."""
    return Lite0Front()


def test_the_judge_orders_spoiled_sprites_as_people_do(sprites: Known, judge: Lite0Front) -> None:
    """The colours of these sprites are random, so that other colours are as good."""
    reference = Reference.of(judge(sprites.unseen[:100]), one_scale=True)
    looked_at = 0
    for name, steps in ladders(sprites.unseen[100:132]):
        if name != "other colours":
            values = [reference.kid(judge(step)) for step in steps]
            assert values == sorted(values), name
            looked_at += len(values)
    assert looked_at >= 40


def test_unseen_sprites_are_as_near_as_training_ones(sprites: Known, judge: Lite0Front) -> None:
    reference = Reference.of(judge(sprites.held_out), one_scale=True)
    spoiled = dict(ladders(sprites.unseen[:100]))["horizontal streaks"][2]
    unseen, training = (abs(reference.kid(judge(pictures))) for pictures in (sprites.unseen[:100], sprites.training))
    assert max(unseen, training) < 0.25 * reference.kid(judge(spoiled))


def test_the_stored_layers_compute_what_those_of_the_whole_network_do(judge: Lite0Front) -> None:
    y, x = np.mgrid[:64, :64]
    picture = np.stack([4 * x, 4 * y, (x * y) % 256], -1).astype(np.uint8)[None]
    found = judge(picture)[0]
    assert found.shape == (160,)
    # As the whole network's layers give it in single precision; those stored are in half precision.
    assert found[:4].tolist() == pytest.approx([-8.7913, -6.2025, -2.9956, -9.9605], abs=0.05)
    assert found[80:84].tolist() == pytest.approx([3.3506, 5.5118, 7.2494, 6.7506], abs=0.05)
    if weights_path() is not None:
        whole = through(folded_layers()[:LAYERS], next(prepared(picture, 1)))
        assert found[:80].tolist() == pytest.approx(whole.mean((2, 3))[0].tolist(), abs=0.05)


def test_alpha_is_white_and_any_size_is_taken(judge: Lite0Front) -> None:
    random = np.random.default_rng(0)
    for side in (8, 16, 64, 96):
        clear = random.integers(0, 256, (2, side, side, 4), np.uint8)
        clear[..., 3] = 255 * (clear[..., 3] > 127)
        white = np.where(clear[..., 3:] == 255, clear[..., :3], 255).astype(np.uint8)
        assert torch.allclose(judge(clear), judge(white), atol=1e-4)
    assert judge(np.zeros((0, 32, 32, 3), np.uint8)).shape == (0, 160)


def test_values_do_not_depend_on_what_is_measured_with_them(sprites: Known, judge: Lite0Front) -> None:
    together, alone = judge(sprites.training[:40]), judge(sprites.training[39:40])
    assert torch.allclose(together[39:], alone, atol=1e-4)


def test_the_judge_is_said_to_see_shapes_and_the_random_network_is_not() -> None:
    assert sees_shapes(NAME)
    assert not sees_shapes("random-conv-1")
