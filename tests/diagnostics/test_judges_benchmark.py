"""The benchmark of judges compares what runs drew, in the order that it is told."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from spoiled import blurred, noisy

Judged = Callable[..., None]


@pytest.fixture
def judged(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Judged:
    """The benchmark's `main`, of few pictures and the judge alone."""
    monkeypatch.syspath_prepend(repository / "tests" / "benchmarks")
    monkeypatch.setattr(sys, "path", list(sys.path))
    script = importlib.import_module("judges")

    def call(*arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", ["judges.py", "--pictures", "16", "--only", "lite0-front", *arguments])
        script.main()

    return call


def test_pairs_of_runs_count_in_the_order_told(
    judged: Judged, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contest = importlib.import_module("trainer_quality")
    real = contest.read(contest.BUNDLED)[0][:64]
    assert contest.file_name("a,b=1", 0) == "a,b=1-0"
    np.save(tmp_path / "a,b=1-0.npy", real)
    for name, side in zip(contest.earlier_names("a,b=1-0"), (7, 5), strict=True):
        np.save(tmp_path / f"{name}.npy", blurred(real, side))
    np.save(tmp_path / "noise-0.npy", noisy(real, 90, np.random.default_rng(0)))
    pairs = ["--pair", "mechas=a,b=1-0:noise-0", "--pair", "mechas=noise-0:a,b=1-0"]
    judged("--samples", f"mechas={tmp_path}", *pairs, "--json")
    found = json.loads(capsys.readouterr().out)["lite0-front"]
    assert found["pairs"] == 13 * 3 + 2 + 2
    of_runs = [text for text in found["wrong"] if "0 before" in text or "late and early" in text]
    assert [text.split(" (")[0] for text in of_runs] == ["mechas: noise-0 before a,b=1-0 0"]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("--samples=birds={0}", "birds"),
        ("--pair=mechas=a-0", "not two samples"),
        ("--samples=mechas={0}", "same name"),
        ("--size=64", "not .64, 64, 3"),
    ],
)
def test_what_there_is_not_is_refused(wrong: str, named: str, judged: Judged, tmp_path: Path) -> None:
    np.save(tmp_path / "a-0.npy", np.zeros((4, 32, 32, 3), np.uint8))
    with pytest.raises(SystemExit, match=named):
        judged("--samples", f"mechas={tmp_path}", wrong.format(tmp_path))
