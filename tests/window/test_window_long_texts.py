"""Names, tags, reasons, families and messages of any length do not widen any screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QSizePolicy, QWidget
from studio_window import OpenWindow, close

from gandam_studio.core import versions
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.store import transaction
from gandam_studio.qt.rail import PLACES

LONG = "x" * 5000


def fill(folder: Path, text: str) -> None:
    """Put `text` everywhere a workspace stores text, as another program might have."""
    with Workspace.open(folder) as workspace:
        versions.commit(workspace, text)
        with transaction(workspace.connection) as connection:
            connection.execute("UPDATE sprites SET name = ?, family = ?, tags = ?", (text, text, f"\n{text}\n"))
            connection.execute("UPDATE sprites SET status = 'dropped', reason = ? WHERE seq < 12", (text,))
            connection.execute("UPDATE sources SET path = ? || source", (text,))


def _narrowest(widget: QWidget) -> int:
    """The least width that a text requires; 0 if its layout may shrink it."""
    ignored = widget.sizePolicy().horizontalPolicy() == QSizePolicy.Policy.Ignored
    asks = isinstance(widget, QLabel | QAbstractButton | QComboBox) and widget.isVisible() and not ignored
    return min(widget.minimumSizeHint().width(), widget.maximumWidth()) if asks else 0


@pytest.mark.parametrize("name", [place.name for place in PLACES])
def test_no_screen_grows_wider_for_what_it_shows(name: str, folder: Path, open_window: OpenWindow) -> None:
    widths = []
    for text in ("a", LONG):
        fill(folder, text)
        window = open_window(folder)
        window.visit_by_name(name)
        QTest.qWait(50)
        window.session.post(text, "error")
        window.grab()
        widths.append(max(map(_narrowest, window.findChildren(QWidget))))
        close(window)
    assert widths[1] <= widths[0] + 300
