"""No paint event leaves a painter open: an error in it is reported once, and the window keeps working."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

import gandam_studio.qt
from gandam_studio.qt.painting import paint_event, painting

FOLDER = Path(gandam_studio.qt.__file__).parent
SOURCES = [path for path in sorted(FOLDER.rglob("*.py")) if path.name != "painting.py" or path.parent != FOLDER]


def test_every_paint_event_goes_through_the_one_mechanism() -> None:
    found, loose = 0, []
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            where = f"{path.relative_to(FOLDER)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "QPainter":
                loose.append(f"{where} opens a painter of its own")
            if not isinstance(node, ast.ClassDef):
                continue
            delegate = any(isinstance(base, ast.Name) and base.id.endswith("Delegate") for base in node.bases)
            for method in node.body:
                if not isinstance(method, ast.FunctionDef):
                    continue
                wanted = {"paintEvent": "paint_event"} | ({"paint": "paint_item"} if delegate else {})
                if method.name in wanted:
                    found += 1
                    names = [one.id for one in method.decorator_list if isinstance(one, ast.Name)]
                    if names != [wanted[method.name]]:
                        loose.append(f"{path.relative_to(FOLDER)}:{method.lineno} is not decorated")
    assert found >= 17
    assert loose == []


@pytest.mark.parametrize("base", [QWidget, QAbstractScrollArea])
def test_an_error_in_a_paint_event_is_told_once_and_closes_the_painter(qtbot, base) -> None:  # type: ignore[no-untyped-def]
    painters: list[QPainter] = []

    class Broken(base):  # type: ignore[valid-type,misc]
        @paint_event
        def paintEvent(self, event, painter) -> None:  # type: ignore[no-untyped-def]
            painters.append(painter)
            raise RuntimeError(base.__name__)

    Broken.__qualname__ += base.__name__
    widget = Broken()
    qtbot.addWidget(widget)
    with qtbot.captureExceptions() as told:
        for _ in range(3):
            widget.grab()
    assert len(painters) == 3
    assert not any(painter.isActive() for painter in painters)
    assert [str(value) for _kind, value, _trace in told] == [base.__name__]


def test_an_error_while_a_picture_is_painted_closes_its_painter() -> None:
    picture = QImage(4, 4, QImage.Format.Format_RGB32)
    with pytest.raises(RuntimeError), painting(picture) as painter:
        raise RuntimeError
    assert not painter.isActive()
