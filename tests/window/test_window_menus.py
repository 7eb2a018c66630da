"""Every key of a screen belongs to a menu entry, so that F1, Ctrl+K and the documentation list it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QAction
from studio_window import OpenWindow


def test_every_key_is_in_a_menu(folder: Path, open_window: OpenWindow) -> None:
    window = open_window(folder)
    for place in window.rail.places:
        screen = window.visit(place)
        listed = {action for action, _ in window.commands()}
        with_keys = {action for action in screen.findChildren(QAction) if action.shortcuts()}
        assert len(with_keys) > 1
        assert [action.text() for action in with_keys - listed] == []
