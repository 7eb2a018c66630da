"""All texts of the window go through tr(): checked in the source, since no test can show every message."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SAYING = {
    "setText", "setToolTip", "setStatusTip", "setWindowTitle", "setAccessibleName", "setAccessibleDescription",
    "setPlaceholderText", "setInformativeText", "setTitle", "setSuffix", "setPrefix", "setSpecialValueText",
    "addTab", "addItem", "addRow", "addMenu", "addAction", "add_button", "add_action", "post", "setLabelText",
    "QLabel", "QPushButton", "QCheckBox", "QRadioButton", "QGroupBox", "QAction", "QToolButton",
    "getText", "getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory",
    "warning", "information", "question", "critical", "EmptyState", "start_job",
}  # fmt: skip
KEYWORDS = {"placeholderText", "tip", "text", "toolTip"}
# Names, keys, units and markup are the same in every language.
NAMES = re.compile(r"GANdam Studio|\b(?:Ctrl|Alt|Shift)\+|\b(?:ms|px|kimg)\b|<[^>]*(?:>|$)")
WORD = re.compile(r"[A-Za-z]{2,}")
# Which arguments are read, where it is not the first alone.
ARGUMENTS = {"EmptyState": slice(1, 3), "addTab": slice(1, 2), "warning": slice(1, 3), "question": slice(1, 3)}


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _literals(node: ast.expr) -> list[str]:
    """Text literals in an argument, except those inside another call."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [part.value for part in node.values if isinstance(part, ast.Constant)]
    if isinstance(node, ast.BinOp):
        return _literals(node.left) + _literals(node.right)
    if isinstance(node, ast.IfExp):
        return _literals(node.body) + _literals(node.orelse)
    return []


def untranslated(source: str) -> list[tuple[int, str]]:
    """Line and text of every message that is not translated."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or _called(node) not in SAYING:
            continue
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        if isinstance(receiver, ast.Name) and receiver.id in ("log", "logger", "warnings"):
            continue
        first = node.args[ARGUMENTS.get(_called(node), slice(1))]
        said = [*first, *(one.value for one in node.keywords if one.arg in KEYWORDS)]
        for text in (text for one in said for text in _literals(one)):
            if WORD.search(NAMES.sub("", text)):
                found.append((node.lineno, text))
    return found


def test_the_search_finds_what_it_is_for() -> None:
    assert untranslated('label.setText("Hello there")') == [(1, "Hello there")]
    assert untranslated('x.setToolTip(f"{name}  (Delete)")') == [(1, "  (Delete)")]
    assert untranslated('x.setText(self.tr("Hello there")); x.setText(f"{a} × {b}")') == []


@pytest.mark.parametrize("module", sorted((Path(__file__).parents[2] / "gandam_studio" / "qt").rglob("*.py")),
                         ids=lambda path: path.stem)  # fmt: skip
def test_messages_are_translated(module: Path) -> None:
    assert untranslated(module.read_text(encoding="utf-8")) == []
