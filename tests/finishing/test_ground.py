"""Pictures without transparency are cut out of their plain background, and nothing enclosed is lost."""

from __future__ import annotations

from collections import deque

import numpy as np
from drawn import clean_sprites
from hypothesis import given
from hypothesis import strategies as st

from gandam_studio.core.finishing.finish import Finish, finished, with_alpha
from gandam_studio.core.finishing.ground import LEVELS, cut_out, lies_on

WHITE, RED = (255, 255, 255), (200, 30, 30)


def on_white(picture: np.ndarray) -> np.ndarray:
    """A sprite (H, W, 4) as a run without transparency is shown it."""
    share = picture[..., 3:] / 255
    return np.rint(picture[..., :3] * share + 255 * (1 - share)).astype(np.uint8)


def test_a_sprite_on_white_gets_its_transparency_back() -> None:
    wrong = []
    for picture in clean_sprites(20):
        found = cut_out(on_white(picture), WHITE)
        assert (found[found[..., 3] == 0] == 0).all()
        kept = found[..., 3] == 255
        assert (found[kept][:, :3] == on_white(picture)[kept]).all()
        wrong.append((kept != (picture[..., 3] >= 128)).mean())
    assert np.mean(wrong) < 0.02


def test_what_is_enclosed_stays_and_faint_noise_goes() -> None:
    picture = np.full((12, 12, 3), 255, np.uint8)
    picture[3:9, 3:9] = RED
    picture[5, 5] = 255  # an eye
    picture[0, 0] = 255 - LEVELS
    picture[11, 11] = 255 - LEVELS - 1
    found = cut_out(picture, WHITE)
    assert tuple(found[5, 5]) == (255, 255, 255, 255)
    assert found[0, 0, 3] == 0
    assert found[11, 11, 3] == 255
    assert (found[..., 3] == 255).sum() == 36 + 1


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12))
def test_all_that_can_be_reached_from_the_border_is_clear(seed: int, height: int, width: int) -> None:
    open_ = np.random.default_rng(seed).random((height, width)) < 0.6
    picture = np.where(open_[..., None], 255, 0).astype(np.uint8).repeat(3, axis=2)
    edge = [(y, x) for y in range(height) for x in range(width) if y in (0, height - 1) or x in (0, width - 1)]
    reached = {at for at in edge if open_[at]}
    waiting = deque(reached)
    while waiting:
        y, x = waiting.popleft()
        for at in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= at[0] < height and 0 <= at[1] < width and open_[at] and at not in reached:
                reached.add(at)
                waiting.append(at)
    clear = np.zeros(open_.shape, np.bool_)
    for at in reached:
        clear[at] = True
    assert ((cut_out(picture, WHITE)[..., 3] == 0) == clear).all()


def test_only_pictures_on_the_background_are_cut() -> None:
    sprites = [on_white(picture) for picture in clean_sprites(4)]
    tiles = list(np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8))
    assert lies_on(sprites, WHITE)
    assert not lies_on(sprites, (0, 0, 0))
    assert not lies_on(tiles, WHITE)
    assert not lies_on([], WHITE)


def test_transparency_that_is_there_stays() -> None:
    picture = clean_sprites(1)[0]
    picture[..., :3] = 255
    assert (with_alpha(picture, WHITE) == picture).all()
    assert (finished(picture, Finish(background=WHITE))[..., 3] == np.where(picture[..., 3] >= 128, 255, 0)).all()
