"""A theme chosen while everything is open reaches every pixel: the result equals a window started in that theme."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contrast import pixels_of
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from studio_window import OpenWindow, close
from tour import SCENES, begin, make_workspace, still

from gandam_studio.qt import theme
from gandam_studio.qt.main_window import MainWindow

CURVES_S = 0.3
"""Curves are read from files and drawn one after another."""
SAME = 40
"""Pixels that may differ: a time of day, a mark on a pixel's edge."""


# Each screen in a state that shows most of what it can.
LEFT_AT = ("several selected", "recipe", "balance", "versions", "all settings", "sample", "log", "runs compared")
KEPT_OPEN = ("history of edits", "export", "damage", "import report", "sprite sheet", "question", "evaluation",
             "nearest pictures")  # fmt: skip


def _tour(window: MainWindow, before: str, after: str) -> dict[str, np.ndarray]:
    """Grabs of every screen and of open dialogs, built in one theme and shown in another."""
    scenes = {scene.name: scene for scene in SCENES}
    theme.set_scheme(before)
    for name in LEFT_AT:
        scenes[name].show(window)
        still(window)
    dialogs = {name: scenes[name].show(window) for name in KEPT_OPEN}
    theme.set_scheme(after)
    window.activateWindow()
    grabs = {}
    for place in window.rail.places:
        window.visit(place)
        window.status_strip.clear_message()
        still(window, CURVES_S)
        grabs[place.name] = pixels_of(window.grab().toImage())
    for name, dialog in dialogs.items():
        grabs[name] = pixels_of(dialog.grab().toImage())
        dialog.close()
        dialog.deleteLater()
    return grabs


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_theme_chosen_live_equals_one_chosen_before(scheme: str, tmp_path: Path, open_window: OpenWindow) -> None:
    folder = make_workspace(tmp_path / "w")
    grabs = []
    for before in (scheme, "light" if scheme == "dark" else "dark"):
        theme.set_scheme(before)
        window = open_window(folder)
        begin(window)
        grabs.append(_tour(window, before, scheme))
        close(window)
    fresh, live = grabs
    faults = []
    for name, wanted in fresh.items():
        if wanted.shape != live[name].shape:
            faults.append(f"{name}: another size")
            continue
        different = (wanted != live[name]).any(axis=2)
        if different.sum() > SAME:
            rows, columns = np.nonzero(different)
            place = (int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max()))
            faults.append(f"{name}: {different.sum()} pixels differ within {place}")
    assert not faults, "\n".join(faults)


def test_the_systems_theme_is_followed_once(qapp: QApplication, open_window: OpenWindow) -> None:
    theme.install(qapp)
    theme.install(qapp)
    open_window(None)
    told: list[bool] = []
    theme.notifier().changed.connect(lambda: told.append(theme.is_dark()))
    hints = QGuiApplication.styleHints()
    hints.colorSchemeChanged.emit(hints.colorScheme())
    assert told == [theme.is_dark()]
