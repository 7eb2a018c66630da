"""Menus from tables: merged by title, built, and listed for the command palette and the shortcuts dialog."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from gandam_studio.qt.screen import ScreenMenu


def merged(menus: list[ScreenMenu]) -> list[ScreenMenu]:
    """Merge menus with the same title, so that a screen can add to File, Edit or View."""
    found: dict[str, ScreenMenu] = {}
    for menu in menus:
        key = menu.title.replace("&", "")
        if key in found:
            found[key] = ScreenMenu(found[key].title, (*found[key].entries, None, *menu.entries))
        else:
            found[key] = menu
    return list(found.values())


def filled(menu: ScreenMenu, parent: QWidget) -> QMenu:
    """Build a QMenu with its submenus; a submenu whose entries are all hidden is hidden too."""
    made = QMenu(menu.title, parent)
    for entry in menu.entries:
        if entry is None:
            made.addSeparator()
        elif isinstance(entry, ScreenMenu):
            below = filled(entry, made)
            made.addMenu(below)
            made.aboutToShow.connect(functools.partial(_hide_if_empty, below))
        else:
            made.addAction(entry)
    return made


def _hide_if_empty(menu: QMenu) -> None:
    menu.menuAction().setVisible(any(action.isVisible() for action in menu.actions()))


def leaves(menu: ScreenMenu, path: str) -> Iterator[tuple[QAction, str]]:
    """Every action below a menu, with the path of menus to it."""
    for entry in menu.entries:
        if isinstance(entry, ScreenMenu):
            yield from leaves(entry, f"{path} › {entry.title.replace('&', '')}")
        elif entry is not None:
            yield entry, path
