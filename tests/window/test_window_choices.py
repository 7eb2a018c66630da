"""Boxes of choices whose texts are longer than the box."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QStyleOptionComboBox, QToolTip

from gandam_studio.qt.widgets.choice_box import ChoiceBox

LONG = "mechas with the second palette and without flips, wider networks, lower rate (seed 17)"


def shown(box: ChoiceBox) -> str:
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    return option.currentText


@pytest.mark.parametrize(("elide", "ends"), [(Qt.TextElideMode.ElideMiddle, ")"), (Qt.TextElideMode.ElideRight, "…")])
def test_a_long_name_is_shortened_and_told_whole(themed, qtbot, elide, ends) -> None:  # type: ignore[no-untyped-def]
    box = ChoiceBox(None, elide)
    qtbot.addWidget(box)
    box.addItems([LONG, "r1"])
    box.setToolTip("Which run")
    box.setFixedWidth(180)
    box.show()
    assert box.is_shortened
    assert len(shown(box)) < len(LONG)
    assert shown(box).startswith("me")
    assert shown(box).endswith(ends)
    assert box.currentText() == LONG

    def tip() -> str:
        place = QPoint(20, 10)
        QApplication.sendEvent(box, QHelpEvent(QEvent.Type.ToolTip, place, box.mapToGlobal(place)))
        return QToolTip.text()

    assert LONG in tip()
    assert "Which run" in tip()
    box.showPopup()
    assert box.view().width() > box.fontMetrics().horizontalAdvance(LONG)
    box.hidePopup()
    box.setCurrentIndex(1)
    assert not box.is_shortened
    assert shown(box) == "r1"
    assert tip() == "Which run"


def test_a_name_is_shown_literally(themed, qtbot) -> None:  # type: ignore[no-untyped-def]
    box = ChoiceBox()
    qtbot.addWidget(box)
    box.addItem("<b>bold</b>" * 20)
    box.setFixedWidth(100)
    box.show()
    QApplication.sendEvent(box, QHelpEvent(QEvent.Type.ToolTip, QPoint(9, 9), box.mapToGlobal(QPoint(9, 9))))
    assert "&lt;b&gt;bold" in QToolTip.text()
