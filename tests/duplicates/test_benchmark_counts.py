"""What the benchmarks of duplicates count: exact intervals, copies that pixels cannot tell, and what a peer finds."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(BENCHMARKS)])


def test_the_interval_is_that_of_clopper_and_pearson():
    from duplicates_quality import exact_interval

    assert exact_interval(0, 677) == pytest.approx((0, 1 - 0.025 ** (1 / 677)))
    assert exact_interval(10, 10) == pytest.approx((0.025**0.1, 1))
    assert exact_interval(5, 10) == pytest.approx((0.1871, 0.8129), abs=1e-4)  # of their tables


def test_only_what_was_left_out_is_pooled_and_by_count():
    from duplicates_quality import COUNTS, WORD_COUNTS, pooled

    one = dict.fromkeys((*COUNTS, *WORD_COUNTS), 0) | {"words": 1.0}
    small = one | {"drawings": 10, "lost_by_eye": 1, "copies_made": 10, "copies_found": 10, "words_right": 5}
    large = one | {"drawings": 990, "lost_by_eye": 0, "copies_made": 990, "copies_found": 490, "words_right": 490}
    both = pooled([small, large])
    assert both["per_thousand_by_eye"] == 1
    assert both["found"] == 0.5
    assert both["words"] == 0.99


def test_a_copy_that_shows_nothing_or_what_another_shows_cannot_be_told():
    from duplicates_lost import is_even, shows_one_colour, untellable

    drawing = np.full((8, 8, 4), 255, dtype=np.uint8)
    drawing[:, :, 3] = np.tri(8) * 255
    other = drawing[:, ::-1].copy()
    white = np.full((8, 8, 4), 255, dtype=np.uint8)
    slope = white.copy()
    slope[..., 0] = np.arange(8) * 10
    spotted = slope.copy()
    spotted[3, 3, 1] = 0
    assert [is_even(one) for one in (white, slope, spotted, drawing)] == [True, True, False, False]
    assert [shows_one_colour(one) for one in (drawing, slope)] == [True, False]
    assert untellable([drawing, other, spotted], [white, drawing, spotted]).tolist() == [True, False, False]
    assert untellable([drawing, other], [drawing, drawing]).all()
    assert not untellable([white], [white]).any()


def test_copies_of_one_drawing_in_two_sizes_lose_nothing(monkeypatch: pytest.MonkeyPatch):
    """A person looked at drawings; what went in favour of a copy went in favour of what it is a copy of."""
    import duplicates_lost

    generator = np.random.default_rng(0)
    pictures = [generator.integers(0, 256, (8, 8, 4), dtype=np.uint8) for _ in range(6)]
    names = sorted(duplicates_lost.digest(pictures[row]) for row in (0, 1))
    monkeypatch.setattr(duplicates_lost, "_seen_to_be_one", lambda: frozenset({(names[0], names[1])}))
    shows = np.array([0, 1, 2, 0, 1, 2])  # three drawings and their copies
    made = duplicates_lost.Lost(3)
    made.count_drops(np.array([0, 3, 3, 3, 3, 3]), shows, pictures)
    assert made.lost == 2
    assert made.lost_by_eye == 1  # 1 went for a copy of 0, which shows the same; 2 shows something else


def test_pictures_that_a_peer_finds_alike(tmp_path: Path):
    from dedupe_peers import run_peer
    from PIL import Image

    generator = np.random.default_rng(0)
    pictures = [Image.fromarray(generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)) for _ in range(3)]
    for number, picture in enumerate([*pictures, pictures[0].resize((64, 64), Image.Resampling.NEAREST)]):
        picture.save(tmp_path / f"{number}.png")
    found = run_peer("imagehash", tmp_path)
    assert isinstance(found, dict)
    assert found["alike"] == 2
    assert 0 < found["search_s"] < found["process_s"]
    (tmp_path / "0.png").write_bytes(b"")
    assert str(run_peer("imagehash", tmp_path)).startswith("failed: PIL.UnidentifiedImageError")
