"""Pairs judged in processes get the same verdicts as without, even if the processes fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_sprites import blob
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from warm_starts import cold

from gandam_studio.core import duplicates as d
from gandam_studio.core.duplicates import shares, verifying, verifying_pool
from gandam_studio.core.duplicates.candidates import Candidates
from gandam_studio.core.duplicates.links import Link, links_path
from gandam_studio.core.hashing import COLUMNS
from gandam_studio.core.importing import import_sources
from gandam_studio.core.jobs import Cancelled, NullJob
from gandam_studio.core.workspace import Workspace
from trainer.protocol.files import write_bytes

__all__ = ["cold"]

FAMILIES = 12


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with families of five; must not be changed, only copied."""
    folder = tmp_path_factory.mktemp("families")
    (folder / "art").mkdir()
    for seed in range(FAMILIES):
        picture = blob(seed, 34, 28)
        recolour = np.ascontiguousarray(picture[..., [2, 0, 1, 3]])
        for name, made in {
            "plain": picture,
            "left": picture[:, ::-1],
            "large": picture.repeat(2, 0).repeat(2, 1),
            "shiny": recolour,
            "shiny-left": recolour[:, ::-1],
        }.items():
            Image.fromarray(np.ascontiguousarray(made)).save(folder / "art" / f"{seed:02d}-{name}.png")
    with Workspace.create(folder / "workspace") as made:
        import_sources(made, [folder / "art"])
    return folder / "workspace"


@pytest.fixture
def workspace(workspace: Workspace, monkeypatch) -> Workspace:
    """A workspace with families of five, enough to start processes."""
    monkeypatch.setattr(verifying, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(shares, "SHARE", 8)
    return workspace


class Watched(verifying_pool.VerifyingPool):
    """A pool that records how often it was made and what it returned."""

    made: list[Watched]

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.answered: list[bool] = []
        self.processes: list[subprocess.Popen] = []
        self.made.append(self)

    def run(self, *arguments):
        for number, judged in super().run(*arguments):
            self.processes += [c.process for c in self.pool.children if c.process not in self.processes]
            self.answered.append(judged is not None)
            yield number, judged


@pytest.fixture
def pools(monkeypatch) -> list[Watched]:
    Watched.made = []
    monkeypatch.setattr(verifying, "VerifyingPool", Watched)
    return Watched.made


def links(workspace: Workspace, workers: int) -> list[Link]:
    links_path(workspace.folder).unlink(missing_ok=True)  # what an earlier search found
    report = d.find_duplicates(workspace, workers=workers)
    assert len(report) == FAMILIES
    return report.links


def test_processes_find_what_this_one_finds_to_the_last_bit(workspace: Workspace, pools: list[Watched]):
    alone = links(workspace, 1)
    assert not pools
    assert links(workspace, 2) == alone
    assert links(workspace, 3) == alone
    assert all(pool.answered and all(pool.answered) for pool in pools)
    assert all(process.poll() is not None for pool in pools for process in pool.processes)


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-c", "raise SystemExit(1)"],
        [sys.executable, "-c", "import sys; sys.stdin.buffer.read(40); sys.stdout.buffer.write(bytes(7))"],
        ["a-program-that-does-not-exist"],
    ],
)
def test_what_processes_leave_undone_is_done_here(workspace: Workspace, pools: list[Watched], monkeypatch, command):
    alone = links(workspace, 1)
    monkeypatch.setattr(verifying_pool, "COMMAND", command)
    assert links(workspace, 2) == alone
    assert pools
    assert not any(pools[0].answered)


def test_a_process_that_dies_half_way_loses_nothing(workspace: Workspace, pools: list[Watched], monkeypatch):
    alone = links(workspace, 1)
    plain = Watched.run

    def deadly(self, *arguments):
        for number, judged in plain(self, *arguments):
            self.processes[0].kill()
            yield number, judged

    monkeypatch.setattr(Watched, "run", deadly)
    assert links(workspace, 2) == alone
    assert pools[0].processes[0].poll() is not None


def test_cancelling_ends_the_processes(workspace: Workspace, pools: list[Watched]):
    class Job(NullJob):
        stage = ""

        def start(self, label: str, total: int | None) -> None:
            self.stage = label

        def advance(self, count: int = 1) -> None:
            if self.stage == "Comparing pictures":
                raise Cancelled

    with pytest.raises(Cancelled):
        d.find_duplicates(workspace, workers=2, job=Job())
    assert pools[0].processes
    assert all(process.poll() is not None for process in pools[0].processes)


def test_a_lost_original_is_named_and_the_others_compared(workspace: Workspace, pools: list[Watched]):
    for pack in (workspace.folder / "originals" / "packs").glob("*.pack"):
        stored = bytearray(pack.read_bytes())
        stored[len(stored) // 2] ^= 0xFF
        write_bytes(pack, bytes(stored))
    report = d.find_duplicates(workspace, workers=2)
    assert all(pools[0].answered)
    assert len(report.unreadable) == 1
    assert report.unreadable == d.find_duplicates(workspace, workers=1).unreadable
    assert len(report) in (FAMILIES - 1, FAMILIES)


@settings(deadline=None)  # a crowd's first walk imports scipy
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.booleans()), max_size=120, unique=True),
    st.integers(1, 9),
    st.integers(0, 1),
    st.integers(0, 1 << 32),
)
def test_shares_take_every_pair_once_and_both_orientations_together(rows, size, nearest, seed):
    ordered = sorted({(min(a, b), max(a, b), turned) for a, b, turned in rows if a != b})
    table = np.array(ordered, dtype=np.int64).reshape(-1, 3)
    pairs = Candidates(table[:, 0], table[:, 1], table[:, 2] > 0, nearest)
    fingerprints = np.random.default_rng(seed).integers(0, 1 << 63, (41, COLUMNS), dtype=np.uint64)
    before, shares.SHARE = shares.SHARE, size
    try:
        parts = [part.tolist() for part in shares.shares(pairs, fingerprints)]
    finally:
        shares.SHARE = before
    assert sorted(place for part in parts for place in part) == list(range(len(ordered)))
    assert all(0 < len(part) <= 2 * size + 1 for part in parts)
    owner = {ordered[place][:2]: set() for part in parts for place in part}
    for number, part in enumerate(parts):
        for place in part:
            owner[ordered[place][:2]].add(number)
    assert all(len(numbers) == 1 for numbers in owner.values())


class Stopped(NullJob):
    """A job that is cancelled after some pictures were compared."""

    def __init__(self, after: int) -> None:
        self._left = after
        self._comparing = False

    def start(self, label: str, total: int | None) -> None:
        self._comparing = label == "Comparing pictures"

    def advance(self, units: int = 1) -> None:
        self._left -= units if self._comparing else 0
        if self._left < 0:
            raise Cancelled


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("damage", ["", "cut", "changed"])
def test_a_search_that_was_cancelled_goes_on_where_it_was(workspace, pools, monkeypatch, workers, damage):
    whole = links(workspace, 1)
    monkeypatch.setattr(verifying, "WORTH_KEEPING", 1)
    links_path(workspace.folder).unlink()
    with pytest.raises(Cancelled):
        d.find_duplicates(workspace, workers=workers, job=Stopped(60))
    (kept,) = links_path(workspace.folder).parent.glob("*.unfinished")
    data = kept.read_bytes()
    assert data
    if damage == "cut":
        kept.write_bytes(data[:-3])
    elif damage == "changed":
        kept.write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:])
    judged: list[int] = []
    judge = verifying.Judge.links
    monkeypatch.setattr(
        verifying.Judge, "links", lambda self, part, check: judged.append(1) or judge(self, part, check)
    )
    assert d.find_duplicates(workspace, workers=1).links == whole
    assert not kept.exists()
    again = len(judged)
    links_path(workspace.folder).unlink()
    judged.clear()
    assert d.find_duplicates(workspace, workers=1).links == whole
    assert again < len(judged) if damage != "changed" else again == len(judged)


def test_what_is_left_of_other_pictures_is_not_taken(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(verifying, "WORTH_KEEPING", 1)
    with pytest.raises(Cancelled):
        d.find_duplicates(workspace, workers=1, job=Stopped(60))
    (kept,) = links_path(workspace.folder).parent.glob("*.unfinished")
    Image.fromarray(blob(99, 34, 28)).save(tmp_path / "new.png")
    import_sources(workspace, [tmp_path / "new.png"])
    named: list[Path] = []
    start = verifying.Unfinished.__init__

    def watched(self, *arguments) -> None:
        start(self, *arguments)
        named.append(self._path)
        assert not self.judged

    monkeypatch.setattr(verifying.Unfinished, "__init__", watched)
    assert len(d.find_duplicates(workspace, workers=1)) == FAMILIES
    assert named
    assert kept not in named
    assert not kept.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_what_is_kept_is_not_written_through_a_link(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(verifying, "WORTH_KEEPING", 1)
    with pytest.raises(Cancelled):
        d.find_duplicates(workspace, workers=1, job=Stopped(60))
    (kept,) = links_path(workspace.folder).parent.glob("*.unfinished")
    strange = tmp_path / "strange.txt"
    strange.write_bytes(b"not ours")
    kept.unlink()
    kept.symlink_to(strange)
    with pytest.raises(Cancelled):
        d.find_duplicates(workspace, workers=1, job=Stopped(60))
    assert strange.read_bytes() == b"not ours"
    assert len(d.find_duplicates(workspace, workers=1)) == FAMILIES
    assert strange.read_bytes() == b"not ours"
