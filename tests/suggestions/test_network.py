"""What a trained network sees in sprites: odd to rounding, kept in a file, and done without where there is none."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from planted import planted

from gandam_studio.core.importing import import_sources
from gandam_studio.core.importing.options import ImportOptions
from gandam_studio.core.suggestions import described
from gandam_studio.core.suggestions.facing import network
from gandam_studio.core.suggestions.facing.features import DIMENSIONS, NETWORK, Halves, halves
from gandam_studio.core.suggestions.facing.kernel import OddKernels
from gandam_studio.core.suggestions.facing.model import mixtures
from gandam_studio.core.suggestions.facing.review import FacingReview
from gandam_studio.core.suggestions.sprites import facing_review
from gandam_studio.core.workspace import Workspace
from trainer.protocol.facing_frames import SIDE

_PICTURES, _TRUTH = planted(kinds=3, each=8, seed=2)
_INSTALLED = network.installed


def flipped(pictures: list[np.ndarray]) -> list[np.ndarray]:
    return [np.ascontiguousarray(picture[:, ::-1]) for picture in pictures]


def made_up(pictures: list[np.ndarray]) -> Halves:
    """Known features of as many numbers as the network's: blurred light, even and odd under mirroring."""
    rows = []
    for picture in pictures:
        light = network.canvas(picture).astype(np.float32).mean(axis=2).reshape(16, 8, 16, 8).mean(axis=(1, 3)) / 255
        both = np.stack([light + light[:, ::-1], light - light[:, ::-1]]).reshape(2, -1)
        rows.append(np.resize(both, (2, network.DIMENSIONS)) / 100)
    found = np.stack(rows)
    return Halves(found[:, 0], found[:, 1])


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    from PIL import Image

    (tmp_path / "walkers").mkdir()
    for number, picture in enumerate(_PICTURES):
        Image.fromarray(picture).save(tmp_path / "walkers" / f"{number:02d}.png")
    with Workspace.create(tmp_path / "w") as made:
        import_sources(made, [tmp_path / "walkers"], options=ImportOptions(workers=1))
        yield made


@pytest.mark.parametrize("shape", [(7, 4), (40, 40), (33, 20), (200, 131)])
def test_the_canvas_of_a_mirrored_picture_is_the_mirrored_canvas(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 4), dtype=np.uint8)
    one, other = network.canvas(picture), network.canvas(flipped([picture])[0])
    assert one.shape == (SIDE, SIDE, 3)
    assert np.abs(one.astype(int) - other[:, ::-1]).max() <= 1
    # The content fills the canvas one way, to its margin.
    assert (one != 255).any(axis=(1, 2)).sum() >= 0.9 * SIDE or (one != 255).any(axis=(0, 2)).sum() >= 0.9 * SIDE


def test_a_blank_picture_has_a_blank_canvas() -> None:
    assert (network.canvas(np.zeros((8, 8, 4), np.uint8)) == 255).all()
    assert (network.canvas(np.zeros((0, 0, 4), np.uint8)) == 255).all()


def test_the_network_has_a_share_of_the_kernel_only_where_it_is_there() -> None:
    plain = halves(_PICTURES)
    assert plain.even.shape[1] == DIMENSIONS
    assert NETWORK not in OddKernels(plain).kinds
    kernels = OddKernels(plain.beside(made_up(_PICTURES)))
    assert NETWORK in kernels.kinds
    for weights in mixtures(kernels.kinds):
        assert sum(weights.values()) == pytest.approx(1)
        assert weights[NETWORK] > 0
    # Zeros, as of sprites that were not looked at, tell nothing and get no share.
    assert NETWORK not in OddKernels(plain.beside(network.blank(len(plain)))).kinds


def test_what_was_seen_is_kept_and_missing_alone_is_looked_at(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def look(rows, picture, check=lambda: None, workers=0):
        asked.extend(rows)
        for row in rows:
            # The child process dies at one sprite.
            yield [row], None if row == 5 else made_up([picture(row)])

    monkeypatch.setattr(network, "installed", lambda: True)
    monkeypatch.setattr(network, "look", look)
    first, _ = facing_review(workspace)
    assert asked == list(range(len(_PICTURES)))
    assert first.features.even.shape[1] == DIMENSIONS + network.DIMENSIONS
    assert not first.features.even[5, DIMENSIONS:].any()
    asked.clear()
    again, _ = facing_review(workspace)
    assert asked == [5]
    assert np.array_equal(first.features.odd, again.features.odd)
    monkeypatch.setattr(network, "MOST", len(_PICTURES) - 1)
    assert facing_review(workspace)[0].features.even.shape[1] == DIMENSIONS


def test_without_a_network_nothing_is_kept_of_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "installed", lambda: False)
    assert facing_review(workspace)[0].features.even.shape[1] == DIMENSIONS
    assert not (workspace.folder / described.NETWORK_NAME).exists()


def test_processes_that_cannot_look_leave_the_other_features(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "installed", lambda: True)
    monkeypatch.setattr(network, "WORKER", "no.such.module")
    assert facing_review(workspace)[0].features.even.shape[1] == DIMENSIONS


def test_mirroring_a_picture_negates_what_the_network_sees_as_odd() -> None:
    one, other = network.halves_seen(_PICTURES), network.halves_seen(flipped(_PICTURES))
    odd = np.abs(one.odd).max()
    assert odd > 0.01
    assert np.abs(one.even - other.even).max() < 0.02 * odd
    assert np.abs(one.odd + other.odd).max() < 0.02 * odd


def test_with_the_network_a_planted_set_takes_a_click_a_kind_at_most() -> None:
    features = halves(_PICTURES).beside(network.halves_seen(_PICTURES))
    review = FacingReview(features, np.zeros(len(_TRUTH), np.int8), np.ones(len(_TRUTH), np.int8))
    first = review.first()
    review.answer(first, int(_TRUTH[first]))
    clicks = 1
    while len((page := review.page()).rows):
        wrong = page.signs != _TRUTH[page.rows]
        clicks += int(wrong.sum())
        review.accept(page, wrong)
    assert clicks <= 2 * 3


def test_torch_is_looked_for_before_a_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _INSTALLED()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not _INSTALLED()


def test_a_review_begins_before_the_network_has_looked(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(rows, picture, check=lambda: None, workers=0):
        yield list(rows), made_up([picture(row) for row in rows])

    monkeypatch.setattr(network, "installed", lambda: True)
    monkeypatch.setattr(network, "look", look)
    review, found = facing_review(workspace, closely=False)
    assert not review.closely
    truth = np.array([_TRUTH[int(sprite.name[:2])] for sprite in found.sprites], np.int8)
    first = review.first()
    review.answer(first, int(truth[first]))
    before = review.snapshot()
    page = review.page()
    review.take(page, page.signs != truth[page.rows])
    seen = described.seen(workspace, found.sprites)
    assert seen is not None
    labels = review.labels.copy()
    review.see(seen)
    # As if it had been looked at so from the start, with the same confirmed.
    assert review.closely
    assert np.array_equal(review.labels, labels)
    at_once = FacingReview(review.features, labels, review.shown)
    assert np.allclose(review.view.diagonal, at_once.view.diagonal)
    assert np.array_equal(review.groups.number, at_once.groups.number)
    # A page from before is taken back; what was seen stays.
    review.restore(before)
    assert review.closely
    assert NETWORK in review.weights
    assert int((review.labels != 0).sum()) == 1
    while len((page := review.page()).rows):
        review.accept(page, page.signs != truth[page.rows])
    assert np.array_equal(review.labels[~review.symmetric], truth[~review.symmetric])
    # What is kept is there from the start.
    assert facing_review(workspace, closely=False)[0].closely


def test_the_bundled_layers_are_the_first_of_the_network() -> None:
    from trainer.lite0 import middle
    from trainer.lite0_front import FURTHER_LAYERS, LAYERS, Lite0Front, bundled_layers

    layers = bundled_layers()
    assert len(layers) == LAYERS + FURTHER_LAYERS
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    eighth, fifteenth = middle(layers, pixels, (8, 15))
    assert np.allclose(eighth.mean((2, 3)), Lite0Front()(pixels)[:, :80], atol=1e-4)
    assert fifteenth.shape == (2, 192, 2, 2)
    # All blocks but the last, whose weights were read and not made up.
    assert sum(layer.starts for layer in layers) == 15
    assert float(fifteenth.std()) > 0.1
