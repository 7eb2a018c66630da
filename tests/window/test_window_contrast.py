"""All texts and signs have enough contrast, measured on the pixels of every screen and dialog in both themes.

WCAG 2.2: 4.5 for text, 3 for signs and for what is needed to recognise a control.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from contrast import MARK, TEXT, measured, pixels_of, ratio
from painted import Painted, PictureNotes, painted_by, visible_widgets
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QLineEdit,
    QMenu,
    QMenuBar,
    QPushButton,
    QRadioButton,
    QSlider,
    QStyle,
    QStyleOptionButton,
    QWidget,
)
from pytestqt.qtbot import QtBot
from studio_window import OpenWindow
from tour import SCENES, begin, make_workspace, opened

from gandam_studio.core.workspace import Workspace
from gandam_studio.qt import theme
from gandam_studio.qt.widgets.cell_painter import BADGE, CellPainter
from gandam_studio.qt.widgets.plots.plot_canvas import Drawing, Line, PlotCanvas

READABLE = 3.0
"""For what is switched off, which WCAG exempts."""


def _picture(pen: str, ground: str, pixels: int, weight: QFont.Weight = QFont.Weight.Normal) -> np.ndarray:
    image = QImage(90, 20, QImage.Format.Format_RGB32)
    image.fill(QColor(ground))
    painter = QPainter(image)
    font = QFont(QApplication.font())
    font.setPixelSize(pixels)
    font.setWeight(weight)
    painter.setFont(font)
    painter.setPen(QColor(pen))
    painter.drawText(image.rect(), Qt.AlignmentFlag.AlignCenter, "Hamburgefons")
    painter.end()
    return pixels_of(image)


@pytest.mark.parametrize("size", [11, 13, 16])
@pytest.mark.parametrize(("pen", "ground", "known"), [
    ("#000000", "#ffffff", 21.0), ("#767676", "#ffffff", 4.54), ("#7a7a7a", "#ffffff", 4.29),
    ("#ffffff", "#767676", 4.54), ("#8c8c8c", "#17171b", 5.30), ("#747482", "#17171b", 3.87),
    ("#cccccc", "#ffffff", 1.61),
])  # fmt: skip
def test_the_contrast_of_a_known_text_is_measured(qapp: QApplication, size: int, pen: str, ground: str,
                                                  known: float) -> None:  # fmt: skip
    assert measured(_picture(pen, ground, size)) == pytest.approx(known, rel=0.05)


def test_an_empty_ground_has_no_contrast_and_strays_are_not_text(qapp: QApplication) -> None:
    plain = np.full((16, 60, 3), 240, np.uint8)
    assert measured(plain) == 1
    plain[0, :2] = 0
    assert measured(plain) == 1


def test_the_ratio_is_that_of_the_standard() -> None:
    colors = np.array([[255, 255, 255], [119, 119, 119]])
    assert ratio(colors, np.array([0, 0, 0])).round(2).tolist() == [21.0, 4.69]


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> PictureNotes:
    return PictureNotes(monkeypatch)


def _is_off(widget: QWidget, place: QPoint) -> bool:
    """Whether the widget at a place is disabled."""
    if not widget.isEnabled():
        return True
    if isinstance(widget, QMenu | QMenuBar) and (action := widget.actionAt(place)) is not None:
        return not action.isEnabled()
    view = widget.parentWidget()
    if isinstance(view, QAbstractItemView) and view.viewport() is widget and (index := view.indexAt(place)).isValid():
        return not index.flags() & Qt.ItemFlag.ItemIsEnabled
    return False


def _fault(widget: QWidget, one: Painted, pixels: np.ndarray, root: QWidget) -> str:
    """The problem with something painted, or ""."""
    area = one.rect.toAlignedRect()
    corner = widget.mapTo(root, area.topLeft()) if widget is not root else area.topLeft()
    place = QRect(corner, area.size()) & root.rect()
    off = _is_off(widget, area.center())
    # A sliver of a text at an edge is not read.
    if place.width() < 5 or place.height() < 7 or (off and not one.text):
        return ""
    part = pixels[place.top() : place.bottom() + 1, place.left() : place.right() + 1]
    found, wanted = measured(part, strays=2 if one.text else 0), READABLE if off else TEXT if one.text else MARK
    # Blending in eight bits costs a little.
    if found >= wanted - 0.05:
        return ""
    what = repr(one.text) if one.text else "a sign"
    return f"{what} in {type(widget).__name__} of {type(widget.parentWidget()).__name__}: {found:.2f} < {wanted}"


def _edge_fault(widget: QWidget, pixels: np.ndarray, root: QWidget) -> str:
    """The problem with the outline of a control, or ""."""
    corner = widget.mapTo(root, QPoint()) if widget is not root else QPoint()
    if isinstance(widget, QCheckBox | QRadioButton):
        option = QStyleOptionButton()
        widget.initStyleOption(option)
        kind = QStyle.SubElement
        part = kind.SE_CheckBoxIndicator if isinstance(widget, QCheckBox) else kind.SE_RadioButtonIndicator
        box = widget.style().subElementRect(part, option, widget).adjusted(-1, -1, 1, 1).translated(corner)
    elif isinstance(widget, QSlider):
        box = widget.rect().translated(corner)
    else:
        # Across the upper edge, in the middle.
        box = QRect(corner.x() + widget.width() // 2, corner.y() - 2, 1, 5)
    box &= root.rect()
    found = measured(pixels[box.top() : box.bottom() + 1, box.left() : box.right() + 1], strays=0)
    name = f"{type(widget).__name__} {widget.accessibleName()!r} of {type(widget.parentWidget()).__name__}"
    return "" if found >= MARK - 0.05 else f"the outline of {name}: {found:.2f}"


def _is_outlined(widget: QWidget) -> bool:
    """Whether a control is recognised by its outline."""
    part = isinstance(widget.parentWidget(), QAbstractSpinBox | QComboBox)
    plain = isinstance(widget, QPushButton) and not widget.property("role")
    outlined = (QLineEdit, QComboBox, QAbstractSpinBox, QCheckBox, QRadioButton, QSlider)
    whole = widget.visibleRegion().boundingRect() == widget.rect()
    return whole and widget.isEnabled() and not part and (plain or isinstance(widget, outlined))


_BADGES: tuple[tuple[bool, dict[str, object]], ...] = (
    (True, {"status": "kept"}), (True, {"status": "dropped"}), (False, {"flipped": True}), (False, {"rotation": 1}),
    (False, {"crop": (0, 0, 1, 1)}), (False, {"tags": ("a",)}), (False, {"family": "f"}),
)  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_badges_stand_out_on_any_sprite(scheme: str, own_settings: None, folder: Path) -> None:
    theme.set_scheme(scheme)
    with Workspace.open(folder, read_only=True) as workspace:
        plain = next(iter(workspace.sprites()))
    for ground in ("white", "black", "gray"):
        picture = QImage(128, 128, QImage.Format.Format_RGB32)
        picture.fill(QColor(ground))
        for on_the_right, facts in _BADGES:
            sprite = dataclasses.replace(plain, **facts)
            cells = CellPainter(128, 1.0, QApplication.font())
            drawn = cells.compose(sprite, (picture, 1.0), (False, False, False, False), 128)
            left = 128 - BADGE - 4 if on_the_right else 4
            inside = pixels_of(drawn.copy(left + 2, 6, BADGE - 4, BADGE - 4))
            assert measured(inside, strays=0) >= MARK, (facts, ground)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_lines_of_plots_stand_out(scheme: str, own_settings: None, qtbot: QtBot) -> None:
    theme.set_scheme(scheme)
    x = np.linspace(0.0, 1.0, 50)
    for token in ("plot_1", "plot_2", "plot_3", "plot_4"):
        line = Line(x, x, token, 1.0, 1.7, smooth=True)
        canvas = PlotCanvas(lambda _width, line=line: Drawing([line]))
        qtbot.addWidget(canvas)
        canvas.resize(240, 120)
        pixels = pixels_of(canvas.grab().toImage())
        # The line alone, away from the axes and the cursor.
        assert measured(pixels[20:80, 60:200], strays=20) >= MARK, token


def test_a_curve_of_one_value_is_a_dot(own_settings: None, qtbot: QtBot) -> None:
    theme.set_scheme("light")
    middle = np.array([0.5])
    canvas = PlotCanvas(lambda _width: Drawing([Line(middle, middle, "plot_1", 1.0, 1.7)]))
    qtbot.addWidget(canvas)
    canvas.resize(240, 120)
    area = pixels_of(canvas.grab().toImage())[20:80, 100:200].astype(int)
    dot = np.abs(area - np.array(theme.color("plot_1").getRgb()[: area.shape[-1]])).max(axis=-1) < 8
    assert 12 <= dot.sum() <= 60


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_painted_stands_out(
    scheme: str, tmp_path: Path, open_window: OpenWindow, notes: PictureNotes
) -> None:
    folder = make_workspace(tmp_path / "w")
    theme.set_scheme(scheme)
    window = open_window(folder)
    begin(window)
    faults: dict[str, list[str]] = {}
    texts = signs = 0
    for scene in SCENES:
        with opened(scene, window) as root:
            pixels = pixels_of(root.grab().toImage())
            for widget in visible_widgets(root):
                if _is_outlined(widget) and (fault := _edge_fault(widget, pixels, root)):
                    faults.setdefault(fault, []).append(scene.name)
                for one in painted_by(widget, notes):
                    texts, signs = texts + bool(one.text), signs + (not one.text)
                    if fault := _fault(widget, one, pixels, root):
                        faults.setdefault(fault, []).append(scene.name)
    assert texts > 800, "texts were looked at"
    assert signs > 100, "signs were looked at"
    assert not faults, "\n".join(f"{fault}  [{', '.join(places[:3])}]" for fault, places in sorted(faults.items()))
