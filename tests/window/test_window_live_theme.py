"""A theme chosen while everything is open reaches every pixel: what is switched equals what is built in that theme."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contrast import pixels_of
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from studio_window import OpenWindow, close
from tour import SCENES, begin, make_workspace, opened, still

from gandam_studio.qt import theme
from gandam_studio.qt.main_window import MainWindow

SAME = 40
"""Pixels that may differ: a time of day, a mark on a pixel's edge."""


def _tour(window: MainWindow, before: str, after: str) -> dict[str, np.ndarray]:
    """A grab of every scene, opened in one theme and looked at in another."""
    grabs = {}
    for scene in SCENES:
        if scene.name.startswith("message"):
            continue
        theme.set_scheme(before)
        with opened(scene, window) as root:
            theme.set_scheme(after)
            window.status_strip.clear_message()
            still(window)
            grabs[scene.name] = pixels_of(root.grab().toImage())
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
    assert len(fresh) > 20


def test_the_systems_theme_is_followed(qapp: QApplication, tmp_path: Path, open_window: OpenWindow) -> None:
    theme.set_scheme("system")
    open_window(None)
    told: list[bool] = []
    theme.notifier().changed.connect(lambda: told.append(theme.is_dark()))
    hints = QGuiApplication.styleHints()
    hints.colorSchemeChanged.emit(hints.colorScheme())
    assert told == [theme.is_dark()]
