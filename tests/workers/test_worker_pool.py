"""Worker processes that crash, hang and answer with garbage."""

from __future__ import annotations

import gc
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gandam_studio.core.jobs import Cancelled
from gandam_studio.core.workers import pool as pools
from gandam_studio.core.workers.child import command
from gandam_studio.core.workers.pool import Again, Settled, Window, WorkerPool, WorkersUnavailable, worker_count

ODD = [sys.executable, str(Path(__file__).with_name("odd_worker.py"))]


class Work:
    """Lists of words; tasks on which a worker died are repeated `tries` times, then settled as "dead"."""

    def __init__(self, tries: int = 0) -> None:
        self.tries = tries
        self.deaths = []

    def encode(self, task):
        return json.dumps(task).encode()

    def decode(self, task, answer):
        found = json.loads(answer)
        if len(found) != len(task):
            raise ValueError("a wrong number of answers")
        return found

    def after_death(self, task, death):
        self.deaths.append(death)
        if len(self.deaths) <= self.tries:
            return [Again(task, alone=True)]
        at = death.position
        rest = [Again(part) if part else None for part in (task[:at], task[at + 1 :])]
        return [one for one in (rest[0], Settled(["dead"]), rest[1]) if one is not None]


def odd(work=None, *, workers=2, seconds=20.0, window=Window(), settings=None, start=ODD) -> WorkerPool:  # noqa: B008
    return WorkerPool(start, settings or {}, work or Work(), workers=workers, seconds=seconds, window=window)


def joined(results) -> list:
    return [word for _, parts in results for part in parts for word in part]


def test_results_come_in_order_whatever_takes_long() -> None:
    tasks = [["sleep 0.4"], [1], [2], ["sleep 0.1", 3], [4]]
    with odd() as pool:
        results = list(pool.run(iter(tasks)))
    assert [task for task, _ in results] == tasks
    assert joined(results) == ["sleep 0.4", 2, 4, "sleep 0.1", 6, 8]
    assert pool.restarts == 0


def test_a_killed_worker_costs_what_it_died_on_and_nothing_else() -> None:
    work = Work()
    with odd(work) as pool:
        results = list(pool.run(iter([[1, 2], [3, "crash", 4, 5], [6], ["crash"], [7]])))
    assert [parts for _, parts in results] == [[[2, 4]], [[6], ["dead"], [8, 10]], [[12]], [["dead"]], [[14]]]
    assert sorted(death.position for death in work.deaths) == [0, 1]
    assert not any(death.overtime or death.malformed for death in work.deaths)
    assert pool.restarts == 2


def test_a_task_may_be_tried_again(tmp_path: Path) -> None:
    work = Work(tries=1)
    with odd(work) as pool:
        assert joined(pool.run(iter([[1, f"once {tmp_path / 'mark'}"], [2]]))) == [2, f"once {tmp_path / 'mark'}", 4]
    assert len(work.deaths) == 1


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="killed by a POSIX signal")
def test_a_worker_killed_from_outside_in_the_middle(tmp_path: Path) -> None:
    work, pid, go = Work(tries=1), tmp_path / "pid", tmp_path / "go"

    def check() -> None:
        if pid.exists() and pid.read_text() and not go.exists():
            os.kill(int(pid.read_text()), signal.SIGKILL)
            go.touch()

    with odd(work, workers=1) as pool:
        results = joined(pool.run(iter([[1], [f"write {pid}", f"wait {go}", 5], [7]]), check))
    assert results == [2, f"write {pid}", f"wait {go}", 10, 14]
    assert [death.position for death in work.deaths] == [1]


def test_a_hang_is_ended_after_its_time() -> None:
    work = Work()
    began = time.monotonic()
    with odd(work, seconds=1.0) as pool:
        assert joined(pool.run(iter([[1], [2, "hang", 3], [4]]))) == [2, 4, "dead", 6, 8]
    assert 1.0 < time.monotonic() - began < 30
    assert [(death.position, death.overtime) for death in work.deaths] == [(1, True)]


def test_work_that_moves_on_may_take_longer_than_a_hang() -> None:
    with odd(seconds=1.5, workers=1) as pool:
        assert len(joined(pool.run(iter([["sleep 0.5"] * 5])))) == 5
    assert pool.restarts == 0


HEAD = struct.Struct("<QQ")


@pytest.mark.parametrize(
    ("garbage", "malformed", "overtime"),
    [
        (HEAD.pack(2, 1) + b"{]", True, False),  # no JSON, but framed well
        (HEAD.pack(6, 1) + b"[1, 2]", True, False),  # JSON of the wrong length
        (HEAD.pack(3, 99) + b"[1]", True, False),  # an answer to a task nobody gave
        (b"\xff" * 40, False, False),  # a length beyond all bounds: the pipe cannot be read any further
        (HEAD.pack(1 << 30, 1) + b"[1]", False, True),  # a length that never comes
        (b"\x01\x02\x03", False, True),
    ],
)
def test_garbage_on_the_pipe_costs_one_task(garbage: bytes, malformed: bool, overtime: bool) -> None:
    work = Work()
    with odd(work, seconds=1.0, workers=1) as pool:
        assert joined(pool.run(iter([[f"pipe {garbage.hex()}"], [3]]))) == ["dead", 6]
    (death,) = work.deaths
    assert (death.malformed is not None, death.overtime) == (malformed, overtime)


def test_an_exception_comes_back_as_text() -> None:
    work = Work()
    with odd(work) as pool:
        assert joined(pool.run(iter([[1, "raise"], [2]]))) == [2, "dead", 4]
    assert "LookupError: as asked" in work.deaths[0].traceback


@pytest.mark.parametrize(
    ("start", "settings", "why"),
    [
        ([sys.executable, "-c", "raise SystemExit(3)"], {}, "cannot be started"),
        (["a-program-that-does-not-exist"], {}, "cannot be started"),
        (ODD, {"broken": True}, "LookupError: the settings are broken"),
        (ODD, {"mute": True}, "cannot be started"),
        (ODD, {"garbage_hello": "abc"}, "cannot be started"),
    ],
)
def test_workers_that_cannot_start_give_everything_back(start, settings, why) -> None:
    with odd(start=start, settings=settings) as pool:
        for _ in range(2):
            tasks = iter([[n] for n in range(40)])
            with pytest.raises(WorkersUnavailable, match=why) as caught:
                list(pool.run(tasks))
            assert [*caught.value.undone, *tasks] == [[n] for n in range(40)]


def test_workers_that_say_hello_and_die_are_given_up() -> None:
    hello = "import sys, struct; o = sys.stdout.buffer; o.write(struct.pack('<QQ', 0, 0)); o.flush(); sys.stdin.read(1)"
    with odd(start=[sys.executable, "-c", hello]) as pool, pytest.raises(WorkersUnavailable):
        list(pool.run(iter([[1]])))


def test_fewer_workers_do_when_the_system_gives_no_more(monkeypatch) -> None:
    started = []

    class Few(pools.Child):
        def __init__(self, *arguments) -> None:
            if started:
                raise OSError("no more processes")
            started.append(self)
            super().__init__(*arguments)

    monkeypatch.setattr(pools, "Child", Few)
    with odd(workers=4) as pool:
        assert joined(pool.run(iter([[n] for n in range(20)]))) == [2 * n for n in range(20)]
        assert len(pool.children) == 1


def test_tasks_are_taken_in_only_as_far_as_the_window() -> None:
    taken = 0

    def tasks():
        nonlocal taken
        for number in range(200):
            taken += 1
            yield [number]

    ahead = []
    with odd(window=Window(tasks=3)) as pool:
        for done, _ in enumerate(pool.run(tasks()), start=1):
            ahead.append(taken - done)
    assert taken == 200
    assert max(ahead) < 2 * 3
    taken, ahead = 0, []
    with odd(window=Window(tasks=50, weight=lambda task: 10, bytes=20)) as pool:
        for done, _ in enumerate(pool.run(tasks()), start=1):
            ahead.append(taken - done)
    assert max(ahead) < 2 * 2


def test_cancelling_leaves_at_once_and_ends_the_processes() -> None:
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise Cancelled

    began = time.monotonic()
    pool = odd()
    with pool, pytest.raises(Cancelled):
        for _ in pool.run(iter([["hang"], ["hang"]]), check):
            pass
    assert time.monotonic() - began < 15
    assert not pool.children


def test_closing_kills_and_a_pool_runs_more_than_once() -> None:
    pool = odd()
    with pool:
        assert joined(pool.run(iter([[1], [2]]))) == [2, 4]
        for _ in pool.run(iter([[n] for n in range(30)])):
            break
        assert joined(pool.run(iter([[3], [4]]))) == [6, 8]
        processes = [child.process for child in pool.children]
    assert processes
    assert all(process.poll() is not None for process in processes)
    gc.collect()  # nothing is left open: warnings are errors


def test_one_thread_each_and_prints_do_not_reach_the_pipe() -> None:
    with odd(workers=1) as pool:
        assert joined(pool.run(iter([["threads"]]))) == [[1, "1"]]


def test_a_module_named_on_the_command_line_serves(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with odd(start=command("odd_worker")) as pool:
        assert joined(pool.run(iter([[21]]))) == [42]
    # A file of that name where the program was started is not what is imported.
    (tmp_path / "numpy.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    with odd(start=command("odd_worker")) as pool:
        assert joined(pool.run(iter([[21]]))) == [42]


def test_how_many_workers() -> None:
    assert worker_count(5, 2) == 5
    assert 1 <= worker_count(0, 2) <= 2


PARENT = """
import sys
sys.path[:0] = [{tests!r}, {root!r}]
from test_worker_pool import odd
import gandam_studio.core.workers.pool as pools
pools._BACKSTOP_S = {backstop}
with odd(workers=2, seconds=1.0) as pool:
    tasks = iter([["write {first}", {word!r}], ["write {second}", {word!r}]])
    for _ in pool.run(tasks, lambda: None):
        pass
    print("done", flush=True)
    {then}
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie that nobody has waited for is dead as well.
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill asks for nothing there")
@pytest.mark.parametrize("word", ["idle", "sleep 0.8", "hang"])
def test_a_parent_that_dies_takes_its_workers_with_it(tmp_path: Path, repository: Path, word: str) -> None:
    """Idle workers see the closed pipe, busy ones when they answer, and a watchdog ends hanging ones."""
    first, second = tmp_path / "first", tmp_path / "second"
    code = PARENT.format(
        tests=str(Path(__file__).parent), root=str(repository), first=first, second=second, word=word,
        backstop=1.0, then="import time; time.sleep(60)",
    )  # fmt: skip
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        limit = time.monotonic() + 60
        while not all(path.exists() and path.read_text() for path in (first, second)):
            assert time.monotonic() < limit
            time.sleep(0.01)
        if word == "idle":
            assert parent.stdout is not None
            parent.stdout.readline()
        parent.kill()
    workers = [int(path.read_text()) for path in (first, second)]
    limit = time.monotonic() + 30
    while any(map(alive, workers)):
        assert time.monotonic() < limit, "a worker outlived its parent"
        time.sleep(0.05)
