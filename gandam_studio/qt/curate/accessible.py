"""Accessibility of the gallery: a list whose items are the sprites, created on demand.

Qt's list view has this built in, but the gallery computes its cells itself. Items are addressed by position, so a
million of them cost nothing until one is used. (The exemptions from type checks: Qt allows None as a return value
where its stubs do not.)
"""

from __future__ import annotations

import functools

from PySide6.QtCore import QObject, QRect
from PySide6.QtGui import QAccessible, QAccessibleInterface, QColor, QWindow
from PySide6.QtWidgets import QAccessibleWidget

from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt.curate.gallery import Gallery
from gandam_studio.qt.widgets.accessible import install_factory


class AccessibleGallery(QAccessibleWidget):
    """The gallery as a list."""

    def __init__(self, gallery: Gallery) -> None:
        super().__init__(gallery, QAccessible.Role.List, gallery.accessibleName())
        self._gallery = gallery
        self._items: dict[int, AccessibleSprite] = {}

    def childCount(self) -> int:
        """How many sprites the view shows."""
        return len(self._gallery.order)

    def child(self, index: int) -> QAccessibleInterface | None:  # type: ignore[override]
        """The sprite at a position."""
        if not 0 <= index < len(self._gallery.order):
            return None
        item = self._items.get(index)
        if item is None:
            # Never deleted: Qt's own cache points to every item it was given.
            item = self._items[index] = AccessibleSprite(self, self._gallery, index)
        return item

    def indexOfChild(self, child: QAccessibleInterface) -> int:
        """The position of an item."""
        return child.position if isinstance(child, AccessibleSprite) else -1

    def focusChild(self) -> QAccessibleInterface | None:  # type: ignore[override]
        """The current sprite."""
        return self.child(self._gallery.current)


class AccessibleSprite(QAccessibleInterface):
    """One sprite as a list item."""

    def __init__(self, parent: AccessibleGallery, gallery: Gallery, position: int) -> None:
        super().__init__()
        self._parent = parent
        self._gallery = gallery
        self.position = position

    def isValid(self) -> bool:
        """False if the view has become shorter than that."""
        return self.position < len(self._gallery.order)

    def object(self) -> QObject | None:  # type: ignore[override]
        """An item has no object of its own."""
        return None

    def window(self) -> QWindow | None:  # type: ignore[override]
        """The gallery's window."""
        return self._parent.window()

    def parent(self) -> QAccessibleInterface:
        """The list."""
        return self._parent

    def childCount(self) -> int:
        """None."""
        return 0

    def child(self, index: int) -> QAccessibleInterface | None:  # type: ignore[override]
        """None."""
        return None

    def childAt(self, x: int, y: int) -> QAccessibleInterface | None:  # type: ignore[override]
        """None."""
        return None

    def indexOfChild(self, child: QAccessibleInterface) -> int:
        """None."""
        return -1

    def rect(self) -> QRect:
        """Rectangle in screen coordinates."""
        rect = self._gallery.rect_of(self.position)
        return QRect(self._gallery.viewport().mapToGlobal(rect.topLeft()), rect.size())

    def role(self) -> QAccessible.Role:
        """A list item."""
        return QAccessible.Role.ListItem

    def state(self) -> QAccessible.State:
        """Selectable and focusable, with the current selection and focus."""
        state = QAccessible.State()
        state.selectable = state.focusable = state.multiSelectable = True
        gallery = self._gallery
        state.focused = self.position == gallery.current and gallery.hasFocus()
        state.selected = int(gallery.order[self.position]) in gallery.selection
        return state

    def text(self, kind: QAccessible.Text) -> str:
        """Description of the sprite, used as name and description."""
        if kind in (QAccessible.Text.Name, QAccessible.Text.Description) and self.isValid():
            return describe(self._gallery, self._gallery.sprite(self.position))
        return ""

    def setText(self, kind: QAccessible.Text, text: str) -> None:
        """Do nothing: the text is read-only."""

    def backgroundColor(self) -> QColor:
        """Not provided."""
        return QColor()

    def foregroundColor(self) -> QColor:
        """Not provided."""
        return QColor()


def describe(gallery: Gallery, sprite: Sprite) -> str:
    """Describe a sprite: "mecha-3.png, dropped: cropped, flipped, facing left"."""
    status = {
        "undecided": gallery.tr("undecided"),
        "kept": gallery.tr("kept"),
        "dropped": gallery.tr("dropped: {0}").format(sprite.reason) if sprite.reason else gallery.tr("dropped"),
    }[sprite.status]
    words = [sprite.name, status]
    if sprite.flipped:
        words.append(gallery.tr("flipped"))
    if sprite.shown_facing != "unknown":
        words.append(gallery.tr("facing {0}").format(sprite.shown_facing))
    words += sprite.tags
    return ", ".join(words)


@functools.cache
def install() -> None:
    """Register the interfaces of galleries."""
    install_factory(lambda subject: AccessibleGallery(subject) if isinstance(subject, Gallery) else None)
