"""The table of every wait that has a goal (`tests/benchmarks/all.py`): what it says of figures, and of missing ones."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("table_of_waits", BENCHMARKS / "all.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up
        spec.loader.exec_module(module)
    return module


def told(table: ModuleType, found: Any, **options: Any) -> dict[str, Any]:
    """The line of a row with the figure `taken_s` and a goal of 2 s."""
    return table.line(table.Row("wait", "bench", "taken_s", "s", 2.0, **options), found)


def test_every_row_belongs_to_a_benchmark_that_is_there(table: ModuleType):
    assert {row.benchmark for row in table.ROWS} == set(table.BENCHMARKS)
    assert all((BENCHMARKS / f"{name}.py").is_file() for name in table.BENCHMARKS)
    works = [row.work for row in table.ROWS]
    assert len(works) == len(set(works))


@pytest.mark.parametrize(
    ("taken", "more", "met"), [(2.0, False, True), (2.1, False, False), (2.1, True, True), (1.9, True, False)]
)
def test_a_goal_is_met_or_missed(table: ModuleType, taken: float, more: bool, met: bool):
    one = told(table, {"taken_s": taken}, more=more)
    assert one["met"] is met
    assert table.cells(one)[1:4] == (f"{taken:.3g} s", "2 s", "met" if met else "missed")


def test_a_figure_of_another_size_is_not_held_against_the_goal(table: ModuleType):
    sized = {"count": "n", "goal_count": 100_000}
    small = told(table, {"taken_s": 1.0, "n": 2_000}, **sized)
    assert small["met"] is None
    assert table.cells(small)[0] == "wait (here 2,000)"
    assert table.cells(small)[3] == "not comparable"
    assert told(table, {"taken_s": 1.0}, **sized)["met"] is None  # nothing says how many
    assert told(table, {"taken_s": 1.0, "n": 100_000}, **sized)["met"] is True


def test_a_goal_in_a_word_has_no_verdict(table: ModuleType):
    one = table.line(table.Row("memory", "bench", "mb", "MB", "flat"), {"mb": 300})
    assert table.cells(one)[1:4] == ("300 MB", "flat", "")


def test_each_peer_has_its_ratio_and_a_missing_one_says_why(table: ModuleType):
    beside = tuple(table.Beside(name, f"peers/{name}") for name in ("slow", "fast", "absent", "unknown"))
    one = told(table, {"taken_s": 1.5, "peers": {"slow": 6.0, "fast": 0.5, "absent": "not installed"}}, beside=beside)
    assert table.cells(one)[4] == [
        "slow: 6 s (x 0.25)", "fast: 0.5 s (x 3)", "absent: not installed", "unknown: not measured",
    ]  # fmt: skip


def test_a_peer_with_fewer_things_has_no_ratio_but_a_smaller_run_of_ours_has(table: ModuleType):
    found = {"taken_s": 8.0, "n": 100, "of": {"capped": 20}, "capped_s": 4.0, "whole_s": 4.0}
    beside = (
        table.Beside("capped", "capped_s", "of/capped"),
        table.Beside("whole", "whole_s", "of/whole"),
        table.Beside("smaller run", "capped_s", "of/capped", smaller=True),
    )
    one = told(table, found, beside=beside, count="n", goal_count=100)
    assert table.cells(one)[4] == ["capped, 20: 4 s", "whole: 4 s (x 2)", "smaller run, 20: 4 s (x 2)"]


def test_rows_of_a_benchmark_that_gave_nothing_say_why(table: ModuleType):
    one = told(table, "longer than 900 s", beside=(table.Beside("peer", "peer_s"),))
    assert one["met"] is None
    assert table.cells(one)[1] == "longer than 900 s"
    assert table.cells(one)[4] == ["peer: longer than 900 s"]


@pytest.mark.parametrize(
    ("value", "text"), [(10_000.0, "10,000"), (6732.4, "6,732"), (449.6, "450"), (12.34, "12.3"), (0.0456, "0.0456")]
)
def test_large_numbers_have_no_exponent(table: ModuleType, value: float, text: str):
    assert table.shown(value) == text


def test_both_forms_of_the_table_name_all(table: ModuleType):
    beside = (table.Beside("a|b", "a_s"), table.Beside("c", "c_s"))
    lines = [told(table, {"taken_s": 4.0, "a_s": 2.0, "c_s": 8.0}, beside=beside), told(table, {"taken_s": 1.0})]
    text = table.as_text(lines).splitlines()
    assert len(text) == 4  # the heads, a line for each that stands beside the first, and the second row
    assert text[1].split() == ["wait", "4", "s", "2", "s", "missed", "a|b:", "2", "s", "(x", "2)"]
    assert text[2].split() == ["c:", "8", "s", "(x", "0.5)"]
    marked = table.as_markdown(lines).splitlines()
    assert marked[2] == "| wait | 4 s | 2 s | missed | a\\|b: 2 s (x 2); c: 8 s (x 0.5) |"
    assert {row.replace("\\|", "").count("|") for row in marked} == {6}


def benchmark(table: ModuleType, monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> Any:
    """What is found by a benchmark of this text."""
    (folder / "tried.py").write_text(script, encoding="utf-8")
    monkeypatch.setattr(table, "HERE", folder)
    monkeypatch.setitem(table.BENCHMARKS, "tried", (["whole"], ["look"]))
    return table.run("tried", False, None)


def test_a_benchmark_gives_its_json_or_why_not(table: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    said = "import json, sys; print('words'); print(json.dumps(sys.argv[1:]))"
    assert benchmark(table, monkeypatch, tmp_path, said) == ["--json", "whole"]
    assert benchmark(table, monkeypatch, tmp_path, "raise SystemExit(3)") == "failed, exit code 3"
    assert benchmark(table, monkeypatch, tmp_path, "print('words')") == "failed, no JSON"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups to end")
def test_a_late_benchmark_is_ended_with_what_it_has_started(
    table: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(table, "PATIENCE_S", 1)
    started = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
        "time.sleep(60)\n"
    )
    since = time.monotonic()
    assert benchmark(table, monkeypatch, tmp_path, started) == "longer than 1 s"
    assert time.monotonic() - since < 30  # the grandchild holds the pipe as long as it lives


@pytest.mark.skipif(sys.platform == "win32", reason="there need not be a sh")
def test_tests_that_fail_are_counted_instead_of_timed(table: ModuleType, tmp_path: Path):
    script = tmp_path / "run"

    def ci(text: str) -> dict[str, Any]:
        script.write_text(text, encoding="utf-8")
        return table.line(table.CI, table.run_tests(None, script))

    assert ci("true")["now"] is not None
    failed = ci("echo '5 failed'; echo '= 3 failed, 40 passed, 2 errors in 7.5s ='; exit 1")
    assert failed["now"] is None
    assert failed["met"] is None
    assert re.fullmatch(r"3 failed, 2 errors, after \d+ s", failed["why"])
    broken = ci("echo 'no such Python' >&2; exit 4")
    assert re.fullmatch(r"exit code 4 \(no such Python\), after \d+ s", broken["why"])


def test_why_a_peer_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(BENCHMARKS)])
    from measuring import reason

    assert reason("Traceback ...\nModuleNotFoundError: No module named 'faiss'\n") == "not installed"
    assert reason("Traceback ...\nMemoryError\n") == "failed: MemoryError"
    assert reason("") == "failed: no word why"


def test_the_lines_are_json(table: ModuleType):
    rows = [table.line(row, {}) for row in table.ROWS]
    assert json.loads(json.dumps(rows)) == rows
