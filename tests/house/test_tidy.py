"""Lint, format and types are part of the tests, so that no other command is needed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

FOLDERS = ("gandam_studio", "trainer", "tests", "docs")


def run(repository: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_finds_nothing(repository: Path) -> None:
    run(repository, "ruff", "check", *FOLDERS)


def test_the_code_is_formatted(repository: Path) -> None:
    run(repository, "ruff", "format", "--check", *FOLDERS)


def test_types_agree(repository: Path) -> None:
    run(repository, "mypy")


def test_no_two_files_of_tests_have_one_name(repository: Path) -> None:
    names = Counter(path.name for path in (repository / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == [], "pytest imports one of them only"


def tracked_text_files(repository: Path) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    names = [name for name in listed.stdout.split("\0") if name]
    suffixes = {".py", ".md", ".toml", ".json", ".tsv", ".svg", ".run", "", ".qss"}
    return [repository / name for name in names if Path(name).suffix in suffixes and (repository / name).is_file()]


def test_nothing_names_a_machine_or_a_registry(repository: Path) -> None:
    forbidden = re.compile(r"/root/|/work/|/home/\w+/|pypi\.org|pythonhosted|npmjs|registry\.")
    found = []
    for path in tracked_text_files(repository):
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if forbidden.search(line):
                found.append(f"{path.relative_to(repository)}:{number}: {line.strip()[:120]}")
    assert found == []
