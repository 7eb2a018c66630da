"""Phrases that people did not understand are not used again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPLACED = (
    "Look closely", "favourite stays", "Fixed latents", "Fresh latents", "robust standard deviations: ",
    "without a word",    "that is how it is", "{0} manifests", "Confounded", "Scores (logits)", "Watch a run…",
    "sample point", "1 sprites", "Internal error in the trainer", "Create a version",
)  # fmt: skip
READ = ("gandam_studio/qt", "gandam_studio/commands", "gandam_studio/core", "trainer")


def said(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every string but docstrings."""
    tree = ast.parse(source)
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield node.lineno, node.value


def old_wordings(source: str) -> list[tuple[int, str]]:
    """Line and phrase of every replaced wording."""
    return [(line, phrase) for line, text in said(source) for phrase in REPLACED if phrase in text]


def test_the_search_finds_what_it_is_for() -> None:
    assert old_wordings('x = self.tr("Look closely at it")') == [(1, "Look closely")]
    assert old_wordings('"""Look closely."""\nx = self.tr("Large view")') == []


@pytest.mark.parametrize("folder", READ)
def test_replaced_wordings_stay_replaced(folder: str) -> None:
    found = {
        path.relative_to(ROOT).as_posix(): phrases
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (phrases := old_wordings(path.read_text(encoding="utf-8")))
    }
    assert found == {}
