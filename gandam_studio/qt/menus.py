"""Menus from tables: merged by title, filled, and walked for the command palette and the list of shortcuts."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from gandam_studio.qt.screen import ScreenMenu


def merged(menus: list[ScreenMenu]) -> list[ScreenMenu]:
    """One menu a title: a screen adds to File, Edit or View by naming it."""
    found: dict[str, ScreenMenu] = {}
    for menu in menus:
        key = menu.title.replace("&", "")
        if key in found:
            found[key] = ScreenMenu(found[key].title, (*found[key].entries, None, *menu.entries))
        else:
            found[key] = menu
    return list(found.values())


def fill(target: QMenu, menu: ScreenMenu) -> None:
    """Put a table's entries into a menu, submenus included."""
    for entry in menu.entries:
        if entry is None:
            target.addSeparator()
        elif isinstance(entry, ScreenMenu):
            fill(target.addMenu(entry.title), entry)
        else:
            target.addAction(entry)


def leaves(menu: ScreenMenu, path: str) -> Iterator[tuple[QAction, str]]:
    """Every action below a menu, with the path of menus that leads to it."""
    for entry in menu.entries:
        if isinstance(entry, ScreenMenu):
            yield from leaves(entry, f"{path} › {entry.title.replace('&', '')}")
        elif entry is not None:
            yield entry, path
