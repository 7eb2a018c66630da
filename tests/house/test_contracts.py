"""The dependency rules of ARCHITECTURE.md, and what may be imported at start-up."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SQL = re.compile(r"\s*(SELECT .+ FROM|INSERT (OR \w+ )?INTO|UPDATE \w+ SET|DELETE FROM|PRAGMA) ", re.DOTALL)


def test_import_contracts_hold(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c())"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or indirectly (Tarjan 1972)."""
    found: list[list[str]] = []
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(module: str) -> None:
        number[module] = low[module] = len(number)
        stack.append(module)
        for imported in sorted(imports[module]):
            if imported not in number:
                visit(imported)
            if imported in stack:
                low[module] = min(low[module], low[imported])
        if low[module] == number[module]:
            group = stack[stack.index(module) :]
            del stack[-len(group) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in sorted(imports):
        if module not in number:
            visit(module)
    return found


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circles({"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": {"d"}}) == [["d", "e"], ["a", "b", "c"]]


def test_no_module_imports_itself_by_way_of_others(repository: Path) -> None:
    """Imports inside functions and for type checking count as well."""
    grimp = pytest.importorskip("grimp")
    graph = grimp.build_graph("gandam_studio", "trainer", cache_dir=None)
    assert len(graph.modules) > 300
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert circles(imports) == []


SQL_ROOMS = ("workspace", "importing", "duplicates", "versions")
"""The packages of the core that own tables."""


def test_sql_stays_in_its_rooms(repository: Path) -> None:
    root = repository / "gandam_studio"
    rooms = [root / "core" / name for name in SQL_ROOMS]
    found = []
    for path in root.rglob("*.py"):
        if any(room in path.parents for room in rooms):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Attribute) and node.attr in ("connection", "execute", "executemany")
            if called or (isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)):
                found.append(f"{path.relative_to(repository)}:{node.lineno}")
    assert found == []


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("gandam_studio.cli", {"torch", "PySide6", "cv2", "numpy", "pyqtgraph"}),
        ("gandam_studio.core.workspace.workspace", {"torch", "PySide6", "pyqtgraph", "scipy"}),
        ("gandam_studio.core.importing.worker", {"torch", "PySide6", "scipy", "filelock"}),
        ("gandam_studio.qt.application", {"torch", "pyqtgraph", "scipy", "torchvision", "cv2"}),
        ("trainer.protocol.config", {"torch", "PySide6", "gandam_studio"}),
        ("trainer.protocol.events", {"torch", "PySide6", "gandam_studio"}),
        ("trainer.protocol.run_directory", {"torch", "PySide6", "gandam_studio"}),
    ],
)
def test_start_up_imports_stay_light(module: str, unwanted: set[str]) -> None:
    script = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}} & {unwanted!r}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
