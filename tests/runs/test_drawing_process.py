"""The drawing process: the same pictures as `sample`, cancelled on demand, and replaced when it dies."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trained_runs import trained_run
from warm_starts import cold

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import Cancelled
from gandam_studio.core.runs.drawing import Answer, DrawingProcess, Request, Source
from gandam_studio.core.runs.process import ask

__all__ = ["cold"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return Source(trained_run(tmp_path_factory.mktemp("runs") / "r1").path)


@pytest.fixture(scope="module")
def process() -> Iterator[DrawingProcess]:
    made = DrawingProcess()
    yield made
    made.close()


def spots(*names: str) -> dict[str, object]:
    return {"spots": [{"name": name} for name in names]}


def test_it_draws_what_sample_draws_and_stays(process: DrawingProcess, source: Source, tmp_path: Path) -> None:
    facts = process.ask("open", source).values["facts"]
    assert (facts["latent"], facts["size"], facts["compares"]) == (8, 32, True)
    answer = process.ask("draw", source, spots(*(f"7/{i}" for i in range(6))))
    ask("sample", str(source.folder), "--count", "6", "--seed", "7", "--singly", "--out", str(tmp_path / "s"))
    drawn = [np.asarray(Image.open(tmp_path / "s" / f"{i:05}.png")) for i in range(6)]
    assert np.array_equal(answer.pictures(), np.stack(drawn))
    again = process.ask("draw", source, {"spots": [{"at": i} for i in range(6)]}, list(answer.parts[1:]))
    assert np.array_equal(again.pictures(), answer.pictures())
    assert process.starts == 1


def test_moves_truncation_and_mixing_change_what_they_should(process: DrawingProcess, source: Source) -> None:
    found = process.ask("directions", source, {"kind": "sefa", "count": 3})
    vector = found.vectors()[0]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    plain = process.ask("draw", source, spots("7/0")).vectors(1)[0]
    moved = process.ask("draw", source, {**spots("7/0"), "moves": [{"at": 0, "amount": 2.5}]}, found.parts)
    assert moved.vectors(1)[0] == pytest.approx(plain + 2.5 * vector, abs=1e-5)
    half = process.ask("draw", source, {**spots("7/0"), "truncation": 0.5})
    assert half.vectors(1)[0] == pytest.approx(plain / 2, abs=1e-6)
    fine = process.ask("draw", source, {**spots("7/0"), "moves": [{"at": 0, "amount": 1, "from": 2}]}, found.parts)
    assert fine.vectors(1)[0].reshape(4, 8)[:2] == pytest.approx(np.stack([plain, plain]))
    other = process.ask("draw", source, spots("7/1")).vectors(1)[0]
    mixed = process.ask("draw", source, {**spots("7/0"), "mix": {"spot": {"name": "7/1"}, "from": 1}})
    assert mixed.vectors(1)[0].reshape(4, 8) == pytest.approx(np.stack([plain, other, other, other]))
    way = process.ask("path", source, {**spots("7/0", "7/1"), "steps": 4})
    assert way.pictures().shape == (5, 32, 32, 3)
    assert way.vectors(1)[4] == pytest.approx(other, abs=1e-5)


def test_a_projection_tells_its_progress_and_is_cancelled(process: DrawingProcess, source: Source) -> None:
    picture = process.ask("draw", source, spots("7/0")).pictures()[0]
    values = {"shape": list(picture.shape)}
    told: list[Answer] = []
    answer = process.ask("project", source, values, [picture.tobytes()], on_progress=told.append)
    assert answer.number("mean_error") < 1
    assert told
    assert told[0].pictures().shape == (1, 32, 32, 3)

    class OnceTold:
        def start(self, label: str, total: int | None) -> None:
            pass

        def advance(self, count: int = 1) -> None:
            raise Cancelled

        def check(self) -> None:
            pass

    with pytest.raises(Cancelled):
        process.ask("project", source, values, [picture.tobytes()], job=OnceTold(), label="Projecting")
    assert process.ask("draw", source, spots("7/0")).pictures().shape[0] == 1
    assert process.starts == 1


def test_the_nearest_pictures_need_not_wait_for_a_search(process: DrawingProcess, source: Source) -> None:
    picture = process.ask("draw", source, spots("1/0")).pictures()[0]
    values = {"shape": list(picture.shape), "per_stage": True}
    ended: list[str] = []
    searches = [
        process.submit("project", source, values, [picture.tobytes()], on_answer=lambda _answer: ended.append("search"))
        for _ in range(4)
    ]
    process.ask("nearest", source, {"shape": list(picture.shape)}, [picture.tobytes()])
    assert len(ended) < 4
    for request in searches:
        process.cancel(request)


def test_what_waits_is_cancelled_without_being_drawn(process: DrawingProcess, source: Source) -> None:
    told: list[object] = []
    over = threading.Event()
    requests: list[Request] = [
        process.submit("draw", source, spots(f"{i}/0"), on_answer=told.append, on_error=told.append) for i in range(50)
    ]
    for request in requests:
        process.cancel(request)
    process.submit("draw", source, spots("9/9"), on_answer=lambda _answer: over.set())
    assert over.wait(30)
    assert len(told) < 50


def kill(process: DrawingProcess) -> None:
    """End the process that answers, as the system does when memory is short."""
    assert process.pid is not None
    os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def test_a_dead_process_is_replaced_and_its_request_answered(source: Source) -> None:
    process = DrawingProcess()
    try:
        before = process.ask("draw", source, spots("3/1")).pictures()
        picture = before[0]
        told: list[Answer] = []

        def kill_once(_answer: Answer) -> None:
            if not told:
                kill(process)
            told.append(_answer)

        values = {"shape": list(picture.shape)}
        answer = process.ask("project", source, values, [picture.tobytes()], on_progress=kill_once)
        assert answer.number("mean_error") < 1
        assert process.starts == 2
        assert np.array_equal(process.ask("draw", source, spots("3/1")).pictures(), before)
        kill(process)
        until = time.monotonic() + 10
        while process.is_alive and time.monotonic() < until:
            time.sleep(0.01)
        assert np.array_equal(process.ask("draw", source, spots("3/1")).pictures(), before)
        assert process.starts == 3
    finally:
        process.close()


def test_a_request_that_kills_twice_is_given_up(source: Source) -> None:
    process = DrawingProcess()
    try:
        picture = process.ask("draw", source, spots("3/1")).pictures()[0]
        values = {"shape": list(picture.shape)}
        with pytest.raises(UserError, match="ended unexpectedly"):
            process.ask("project", source, values, [picture.tobytes()], on_progress=lambda _answer: kill(process))
        assert process.ask("draw", source, spots("3/1")).pictures().shape == (1, 32, 32, 3)
    finally:
        process.close()


@pytest.mark.parametrize(
    ("op", "values", "parts"),
    [("draw", {"spots": [{"name": "nonsense"}]}, []), ("draw", {"spots": []}, []), ("draw", {}, []),
     ("draw", {"spots": [{"at": 0}]}, [b"abc"]), ("draw", {"spots": [{"at": 0}]}, [b"\0\0\xc0\x7f" * 8]),
     ("draw", {"spots": [{"at": 0}]}, [b"\0" * 400]), ("fly", {}, []), ("project", {"shape": [1, 1, 3]}, [b"abc"]),
     ("tag", {"tag": "none"}, []), ("real", {"rows": [10**9]}, []),
     ("path", {"spots": [{"name": "1/1"}], "steps": 3}, [])],
)  # fmt: skip
def test_what_makes_no_sense_is_one_line(
    process: DrawingProcess, source: Source, op: str, values: dict[str, object], parts: list[bytes]
) -> None:
    with pytest.raises(UserError) as told:
        process.ask(op, source, values, parts)
    assert "\n" not in str(told.value)
    assert "unexpected" not in str(told.value)


def test_models_that_are_none_are_one_line(process: DrawingProcess, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(pickle.dumps(os.getcwd))
    for folder in (tmp_path / "nothing", tmp_path, tmp_path / "model.pt"):
        with pytest.raises(UserError) as told:
            process.ask("open", Source(folder))
        assert "\n" not in str(told.value)


def test_a_closed_process_answers_nothing(source: Source) -> None:
    process = DrawingProcess()
    process.close()
    with pytest.raises(Cancelled):
        process.ask("open", source)
    assert process.starts == 0
