"""The checkerboard behind transparent pictures is the same at every scale of the screen and in both colour schemes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QImage

from gandam_studio.qt import theme
from gandam_studio.qt.painting import painting
from gandam_studio.qt.widgets.sample_grid import CHECKER, paint_checker


@pytest.fixture(autouse=True)
def own_scheme() -> Iterator[None]:
    """The scheme is as before for the tests after these."""
    yield
    theme.set_scheme("system")


@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0])
@pytest.mark.parametrize("area", [QRect(0, 0, 96, 96), QRect(7, 13, 91, 61)])
def test_squares_alternate_from_the_top_left_and_stay_inside(qtbot, ratio: float, area: QRect) -> None:  # type: ignore[no-untyped-def]
    outside = 0xFFFF0000
    for scheme in ("light", "dark"):
        theme.set_scheme(scheme)
        image = QImage(QSize(120, 120) * ratio, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        image.fill(outside)
        with painting(image) as painter:
            paint_checker(painter, area)
        shades = [theme.color(name).rgba() for name in ("checker_a", "checker_b")]
        assert shades[0] != shades[1]
        for x in range(2, 120, 4):  # Between the squares' edges at each of these scales.
            for y in range(2, 120, 4):
                column, row = (x - area.left()) // CHECKER, (y - area.top()) // CHECKER
                edge = min((x - area.left()) % CHECKER, (y - area.top()) % CHECKER)
                if edge in (0, CHECKER - 1):
                    continue
                inside = area.adjusted(1, 1, -1, -1).contains(QPoint(x, y))
                wanted = shades[1 - (column + row) % 2] if inside else outside
                if inside or not area.adjusted(-1, -1, 1, 1).contains(QPoint(x, y)):
                    assert image.pixel(round(x * ratio), round(y * ratio)) == wanted, (x, y)
