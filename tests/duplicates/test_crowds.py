"""What a search for copies need not read, compare or decide changes nothing that it finds."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_sprites import blob
from hypothesis import given
from hypothesis import strategies as st

from gandam_studio.core.duplicates import pictures
from gandam_studio.core.duplicates.candidates import Candidates
from gandam_studio.core.duplicates.judging import Judge
from gandam_studio.core.duplicates.links import LOOSEST, Link
from gandam_studio.core.duplicates.pictures import Pictures
from gandam_studio.core.duplicates.sources import ArraySource
from gandam_studio.core.hashing.content import find_content


class Counted(ArraySource):
    """A source that says which rows were read."""

    def __init__(self, made: list[np.ndarray]) -> None:
        super().__init__(made)
        self.read: list[int] = []

    def rgba(self, row: int) -> np.ndarray:
        self.read.append(row)
        return super().rgba(row)


def test_pictures_that_make_room_are_not_read_again(monkeypatch):
    monkeypatch.setattr(pictures, "_PREPARED_BYTES", 1)  # so that two are prepared at a time
    source = Counted([blob(seed) for seed in range(8)])
    kept = Pictures(source)
    for row in [*range(8), *range(8)]:
        expected = find_content(source.pictures[row])
        assert np.array_equal(kept[row].rgba, source.pictures[row])
        assert np.array_equal(kept[row].content.rgba, expected.rgba)
        assert kept[row].content.box == expected.box
    assert source.read == list(range(8))
    # What is kept has an end, too.
    monkeypatch.setattr(pictures, "_ASIDE_BYTES", 3 * 2 * source.pictures[0].nbytes)
    few = Pictures(source)
    for row in [*range(8), 0, 7]:
        assert few[row].content.box == find_content(source.pictures[row]).box
    assert source.read[8:] == [*range(8), 0]


def test_colours_are_counted_also_where_a_tile_takes_the_place_of_another(monkeypatch):
    monkeypatch.setattr(pictures, "_TILES", 4)
    monkeypatch.setattr(pictures, "_FEW_TILES", 2)
    source = ArraySource([blob(seed) for seed in range(5)])
    kept, fresh = Pictures(source), Pictures(source)
    kept.tiles(np.array([0, 1, 2, 3]), whole=False)
    kept.tiles(np.array([4]), whole=False)  # in the place of 0
    rows, others = np.array([1, 0]), np.array([2, 3])
    assert kept.may_share(rows, others, 0.97).tolist() == fresh.may_share(rows, others, 0.97).tolist()


@given(seed=st.integers(0, 99), edge=st.integers(0, 3), touched=st.integers(0, 60))
def test_nothing_with_an_edge_cut_off_is_ruled_out_by_its_colours(seed, edge, touched):
    plain = blob(seed)
    cut = [plain[6:], plain[:-6], plain[:, 7:], plain[:, :-7]][edge].copy()
    dice = np.random.default_rng(seed)
    ys, xs = dice.integers(0, cut.shape[0], touched), dice.integers(0, cut.shape[1], touched)
    cut[ys, xs, 0] ^= cut[ys, xs, 3] & 1
    kept = Pictures(ArraySource([plain, cut]))
    mine, theirs = (find_content(one).rgba for one in (plain, cut))
    least = np.count_nonzero((theirs[..., 3] > 0).ravel()) - touched
    share = least / min(np.count_nonzero(one[..., 3]) for one in (mine, theirs))
    assert kept.may_share(np.array([0]), np.array([1]), share).tolist() == [True]


def test_other_colours_are_ruled_out():
    plain = blob(5)
    other = np.where(plain[..., 3:] > 0, plain ^ np.array([1, 1, 1, 0], np.uint8), plain)
    kept = Pictures(ArraySource([plain, np.ascontiguousarray(plain[:, ::-1]), other]))
    assert kept.may_share(np.array([0, 0]), np.array([1, 2]), 0.97).tolist() == [True, False]


def stretched(seed: int) -> list[np.ndarray]:
    """A picture, a wider and a higher one, a larger one and one of other colours, some of them on a larger canvas."""
    plain = blob(seed)
    wide = plain[:, np.arange(int(plain.shape[1] * 1.2)) * 5 // 6]
    high = plain[np.arange(int(plain.shape[0] * 1.15)) * 20 // 23]
    made = [plain, wide, high, plain.repeat(2, 0).repeat(2, 1), plain[..., [1, 2, 0, 3]]]
    return [np.ascontiguousarray(np.pad(one, ((4, seed % 3), (seed % 5, 4), (0, 0)))) for one in made] + made


@pytest.mark.parametrize("seed", range(4))
def test_what_a_crowd_drops_is_further_than_any_setting_shows(seed):
    source = ArraySource([one for at in (seed, seed + 50) for one in stretched(at)])
    i, j = (np.repeat(each, 2) for each in np.triu_indices(len(source.pictures), 1))
    turned = np.arange(len(i)) % 2 > 0
    whole, crowd = (Judge(source).links(Candidates(i, j, turned, nearest=few)) for few in (0, 1))

    def shown(found: list[Link]) -> list[Link]:
        return [link for link in found if link.verdict.distance <= LOOSEST]

    assert crowd == shown(crowd) == shown(whole)
    assert 20 < len(crowd) < len(whole)
