"""Number fields in languages that group digits with a point: "1.5" and "1,5" are one and a half."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtTest import QTest
from studio_window import OpenWindow, curate

import gandam_studio.qt
from gandam_studio.qt.widgets.numbers import DecimalBox, WholeBox, with_point

LANGUAGES = [
    QLocale.Language.German, QLocale.Language.English, QLocale.Language.French, QLocale.Language.Arabic,
    QLocale.Language.C,
]  # fmt: skip


@pytest.fixture(params=LANGUAGES, ids=lambda language: language.name)
def language(request: pytest.FixtureRequest) -> Iterator[QLocale.Language]:
    """The window's language for one test."""
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield request.param
    QLocale.setDefault(before)


def typed(box: DecimalBox | WholeBox, text: str) -> float:
    """The value of a field after its text was replaced and the focus moved on."""
    box.show()
    box.selectAll()
    QTest.keyClicks(box, text)
    QTest.keyClick(box, Qt.Key.Key_Return)
    return box.value()


@pytest.mark.parametrize(
    ("text", "value"), [("1.5", 1.5), ("1,5", 1.5), ("0.25", 0.25), ("12", 12.0), ("1234.5", 1234.5), (",5", 0.5)]
)
def test_both_separators_mean_decimals(qtbot, language: QLocale.Language, text: str, value: float) -> None:
    box = DecimalBox()
    qtbot.addWidget(box)
    box.setRange(0, 100_000)
    assert typed(box, text) == value
    box.setValue(2.5)
    assert box.text() in ("2.50", "2,50", "2\u066b50", "٢٫٥٠")


@pytest.mark.parametrize("text", ["1.234,5", "1,234.5", "1..5"])
def test_no_separator_groups_digits(qtbot, language: QLocale.Language, text: str) -> None:
    box = DecimalBox()
    qtbot.addWidget(box)
    box.setRange(0, 100_000)
    assert typed(box, text) < 2


@pytest.mark.parametrize("suffix", ["", " px", " %"])
@pytest.mark.parametrize("text", ["1.5", "1,5", "1.500"])
def test_a_whole_number_is_never_made_of_a_broken_one(
    qtbot, language: QLocale.Language, text: str, suffix: str
) -> None:
    box = WholeBox()
    qtbot.addWidget(box)
    box.setRange(0, 1 << 20)
    box.setSuffix(suffix)
    box.setValue(7)
    assert typed(box, text) in (1, 7)
    assert typed(box, "1234") == 1234


def test_typed_settings_take_a_comma() -> None:
    assert [with_point(text) for text in ("1,5", "1.5", "15", "1.234,5", "x")] == ["1.5", "1.5", "15", "1.234,5", "x"]


def test_the_filter_by_shape_takes_both(language: QLocale.Language, folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    bar = curate(window).filter_bar
    for text in ("1.5", "1,5"):
        bar.open_more()
        assert bar.more_panel is not None
        typed(bar.more_panel.aspects[0], text)
        bar.more_panel.close()
        assert bar.filter.min_aspect == 1.5


def test_the_window_has_no_other_number_fields() -> None:
    for path in Path(gandam_studio.qt.__file__).parent.rglob("*.py"):
        if path.name != "numbers.py":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"\bQ(Double)?SpinBox\b|\bQ\w+Validator\b|\bget(Int|Double)\(", text), path
