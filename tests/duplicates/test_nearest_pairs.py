"""Where more sprites look alike than can be compared, each is compared with the nearest, and copies are still found."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_sprites import blob
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from studio_calls import Studio
from warm_starts import cold

from gandam_studio.core.duplicates import DuplicateReport, candidates, find_duplicates, shares, verifying
from gandam_studio.core.duplicates.candidates import Candidates
from gandam_studio.core.duplicates.links import LOOSEST, Links, links_path, load_findings
from gandam_studio.core.duplicates.nearest import Nearest
from gandam_studio.core.duplicates.sources import ArraySource
from gandam_studio.core.duplicates.verdicts import Verdict
from gandam_studio.core.hashing import COLUMNS, Column
from gandam_studio.core.hashing.layout import LOOK, WHOLE
from gandam_studio.core.importing import import_sources
from gandam_studio.core.workspace import Workspace

__all__ = ["cold"]

ROWS = 24
ends = st.tuples(st.integers(0, ROWS - 1), st.integers(0, ROWS - 1)).filter(lambda pair: pair[0] < pair[1])
found_pairs = st.dictionaries(ends, st.tuples(st.integers(1, 3), st.integers(0, 9)), max_size=250).map(
    lambda found: [(*pair, *told) for pair, told in found.items()]
)


def prints() -> np.ndarray:
    made = np.zeros((ROWS, COLUMNS), dtype=np.uint64)
    made[:, Column.PIXELS] = np.random.default_rng(5).permutation(ROWS)
    return made


def by_definition(rows: list[tuple[int, ...]], most: int) -> tuple[set[tuple[int, ...]], int]:
    """The pairs to keep, and k, by sorting the pairs of each picture."""
    digests = prints()[:, Column.PIXELS].tolist()
    rank = {row: len(rows) for row in rows}
    for picture in range(ROWS):
        mine = [row for row in rows if picture in row[:2]]
        mine.sort(key=lambda row: (row[3], digests[row[0] + row[1] - picture]))
        for place, row in enumerate(mine):
            rank[row] = min(rank[row], place)
    if len(rows) <= most:
        return set(rows), 0
    k = max([1, *(k for k in range(1, len(rows)) if sum(one < k for one in rank.values()) <= most)])
    return {row for row in rows if rank[row] < k}, k


@settings(deadline=None)
@given(rows=found_pairs, most=st.integers(ROWS, 150), parts=st.integers(1, 40), seed=st.integers(0, 9))
def test_the_nearest_of_each_are_kept_in_whatever_order_they_come(rows, most, parts, seed):
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    near = Nearest(prints(), most)
    largest = 0
    for part in np.array_split(table[np.random.default_rng(seed).permutation(len(table))], parts):
        near.add(*part.T)
        largest = max(largest, len(part))
    assert near.most_held <= 3 * most + largest
    chosen, k = near.chosen()
    expected, wanted = by_definition(rows, most)
    both = sorted((i, j, way) for i, j, ways, _ in expected for way in (0, 1) if ways & (1 << way))
    assert [tuple(row) for row in chosen.tolist()] == both
    assert k == (wanted if len(expected) < len(rows) else 0)


def test_a_limit_of_an_earlier_search_holds():
    rows = np.array([(0, other, 0) for other in range(1, 9)])
    near = Nearest(prints(), 100, nearest=3)
    near.add_rows(np.concatenate([rows, rows + np.array([9, 9, 0])]), np.tile(np.arange(8), 2))
    chosen, k = near.chosen()
    # All of these have one neighbour but two, which have eight; each is the nearest of its one.
    assert (len(chosen), k) == (16, 0)
    dense = np.array([(a, b, 0) for a in range(8) for b in range(a + 1, 8)])
    near = Nearest(prints(), 100, nearest=3)
    near.add_rows(dense, np.abs(dense[:, 0] - dense[:, 1]))
    chosen, k = near.chosen()
    assert k == 3
    assert {(a, b) for a, b, _ in chosen.tolist()} >= {(a, a + 1) for a in range(7)}
    assert len(chosen) < len(dense)


def crowd(count: int) -> list[np.ndarray]:
    """Different pictures of one silhouette, all of which hashes nominate: same outline, same light, other details."""
    outline = blob(3, 34, 28)
    made = []
    for seed in range(count):
        dice = np.random.default_rng(seed)
        picture = outline.copy()
        cells = dice.integers(-90, 91, (11, 11, 3)).repeat(4, 0).repeat(4, 1)[: picture.shape[0], : picture.shape[1]]
        picture[..., :3] = np.where(picture[..., 3:] > 0, np.clip(picture[..., :3].astype(int) + cells, 0, 255), 0)
        made.append(picture)
    return made


def planted(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """A copy of each, in four ways by turns."""
    ways = (
        lambda one: one[:, ::-1],
        lambda one: one.repeat(2, 0).repeat(2, 1),
        lambda one: np.pad(one, ((3, 1), (2, 6), (0, 0))),
        lambda one: np.where(one[..., 3:] > 0, one & np.array([0xF8, 0xFC, 0xF8, 0xFF], np.uint8), 0),
    )
    return [np.ascontiguousarray(ways[number % len(ways)](one)) for number, one in enumerate(pictures)]


@pytest.fixture
def little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if three pairs a picture were all that may be judged."""
    monkeypatch.setattr(candidates, "_PAIRS", 0)


def verdicts(report: DuplicateReport) -> dict[tuple[int, int], Verdict]:
    return {(link.i, link.j): link.verdict for link in report.links if link.verdict.distance <= LOOSEST}


def test_planted_copies_among_many_that_look_alike_are_all_found(monkeypatch):
    originals = crowd(32)
    pictures = [*originals, *planted(originals)]
    source = ArraySource(pictures)
    every = len(candidates.candidates(source.fingerprints))
    whole = find_duplicates(source)
    assert whole.nearest == 0
    monkeypatch.setattr(candidates, "_PAIRS", 0)
    pairs = candidates.candidates(source.fingerprints)
    assert len(pairs) <= 5 * len(pictures) < every / 4
    report = find_duplicates(source)
    assert 1 <= report.nearest <= 10
    assert report.regroup(0.3).nearest == report.nearest
    found = verdicts(report)
    copies = {(row, row + len(originals)) for row in range(len(originals))}
    assert copies <= found.keys()
    assert all(found[pair].distance <= report.distance for pair in copies)
    # Less is compared, and what is compared is judged as ever, up to rounding in products of other batches.
    other = verdicts(whole)
    assert all(other[pair].transform == verdict.transform for pair, verdict in found.items())
    assert all(abs(other[pair].distance - verdict.distance) < 1e-5 for pair, verdict in found.items())
    assert len(report.links) == len(found) < len(whole.links)


def test_the_order_of_pictures_does_not_matter(little_time):
    originals = crowd(16)
    pictures = [*originals, *planted(originals)]
    order = np.random.default_rng(2).permutation(len(pictures))
    names = [f"{number:03}" for number in range(len(pictures))]
    report = find_duplicates(ArraySource(pictures, names))
    other = find_duplicates(ArraySource([pictures[row] for row in order], [names[row] for row in order]))
    assert {frozenset(pair) for pair in verdicts(report)} == {
        frozenset((int(order[a]), int(order[b]))) for a, b in verdicts(other)
    }


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of pictures that look alike, with a copy of each; must not be changed, only copied."""
    folder = tmp_path_factory.mktemp("crowd")
    originals = crowd(20)
    (folder / "art").mkdir()
    for number, picture in enumerate([*originals, *planted(originals)]):
        Image.fromarray(picture).save(folder / "art" / f"{number:03}.png")
    with Workspace.create(folder / "workspace") as made:
        import_sources(made, [folder / "art"])
    return folder / "workspace"


def test_what_was_not_compared_is_remembered_with_the_findings(workspace, little_time, tmp_path):
    first = find_duplicates(workspace, workers=1)
    assert first.nearest > 0
    again = find_duplicates(workspace, workers=1)
    assert (again.nearest, again.links) == (first.nearest, first.links)
    for number, picture in enumerate(crowd(24)[20:]):
        Image.fromarray(picture).save(tmp_path / f"new{number}.png")
    import_sources(workspace, sorted(tmp_path.glob("new*.png")))
    later = find_duplicates(workspace, workers=1)
    assert 0 < later.nearest <= first.nearest
    assert verdicts(later).items() >= verdicts(first).items()


def test_findings_of_before_say_that_all_were_compared(workspace):
    find_duplicates(workspace, workers=1)
    path = links_path(workspace.folder)
    with np.load(path) as stored:
        kept = {name: stored[name] for name in stored.files if name != "nearest"}
    np.savez_compressed(path, **kept)
    before = load_findings(workspace.folder, (80, 10))
    assert (before.nearest, len(before.links)) == (0, len(find_duplicates(workspace).links))


def test_dedupe_says_that_not_all_were_compared(workspace, little_time, studio: Studio):
    nearest = studio("dedupe", "--json", "-w", workspace.folder).json["nearest"]
    assert nearest > 0
    assert f"each only with those nearest to it ({nearest})" in studio("dedupe", "-w", workspace.folder).out


KILLED = """
import sys
from gandam_studio.core.duplicates import candidates, find_duplicates, shares, verifying
from gandam_studio.core.jobs import NullJob
from gandam_studio.core.workspace import Workspace

candidates._PAIRS, shares.SHARE, verifying.WORTH_KEEPING = 0, 16, 1


class Slow(NullJob):
    def start(self, label, total):
        self.left = 4 if label == "Comparing pictures" else -1

    def advance(self, count=1):
        self.left -= 1
        if self.left == 0:
            print("judged some", flush=True)
            sys.stdin.read()  # until it is killed


with Workspace.open(sys.argv[1], read_only=True) as workspace:
    find_duplicates(workspace, workers=1, job=Slow())
"""


def test_a_search_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(workspace, little_time, monkeypatch):
    monkeypatch.setattr(shares, "SHARE", 16)
    monkeypatch.setattr(verifying, "WORTH_KEEPING", 1)
    judged: list[int] = []
    judge = verifying.Judge.links

    def counted(self, part, check):
        judged.append(len(part))
        return judge(self, part, check)

    monkeypatch.setattr(verifying.Judge, "links", counted)
    whole = find_duplicates(workspace, workers=1)
    every = judged.copy()
    shutil.rmtree(links_path(workspace.folder).parent)
    command = [sys.executable, "-c", KILLED, str(workspace.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "judged some\n"
        child.kill()
    assert not links_path(workspace.folder).exists()
    judged.clear()
    report = find_duplicates(workspace, workers=1)
    assert judged == every[4:]
    assert (report.nearest, Links.of(report.links)) == (whole.nearest, Links.of(whole.links))
    assert whole.nearest > 0


def test_pairs_of_a_crowd_come_along_a_walk_from_each_picture_to_its_nearest():
    count = 400
    rows = np.random.default_rng(5).permutation(count)  # the chain's pictures, by row
    fingerprints = np.zeros((count, COLUMNS), dtype=np.uint64)
    for place, row in enumerate(rows):  # neighbours differ in one bit, others in as many as they are apart
        for word, column in enumerate((*LOOK, *WHOLE)):
            fingerprints[row, column] = (1 << min(64, max(0, place - 64 * word))) - 1
    ends = np.sort(np.stack([rows[:-1], rows[1:]], axis=1), axis=1)
    i, j = ends[np.lexsort(ends.T[::-1])].T
    order = np.concatenate(list(shares.shares(Candidates(i, j, np.zeros(len(i), dtype=bool), 1), fingerprints)))
    read, held = 0, []
    for ends_of in np.stack([i, j], axis=1)[order].tolist():
        read += len({*ends_of} - {*held})
        held = [*held, *ends_of][-4:]
    assert sorted(order.tolist()) == list(range(count - 1))
    assert read <= count + 2  # each once, but for where the walk begins
