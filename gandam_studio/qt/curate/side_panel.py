"""The panel to the right of the gallery: details of the sprite, and the recipe for training pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt.curate.inspector import WIDTH, Inspector
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.focus import clicks_keep_focus

if TYPE_CHECKING:
    from gandam_studio.qt.curate.recipe_panel import RecipePanel


class SidePanel(QFrame):
    """Attributes:
    inspector, recipe: the two pages; the recipe page is built when first shown.
    """

    def __init__(self, session: Session, targets: Callable[[], Seqs], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "side")
        self.setFixedWidth(WIDTH + 14)
        self.inspector = Inspector(session.workspace, read_only=session.read_only)
        self.recipe: RecipePanel | None = None
        self._session = session
        self._targets = targets
        self._recipe_area = _scrolling(QWidget())
        self._tabs = QTabWidget(documentMode=True)
        self._tabs.tabBar().setDrawBase(False)
        self._tabs.addTab(_scrolling(self.inspector), self.tr("Details"))
        self._tabs.addTab(self._recipe_area, self.tr("Recipe"))
        self._tabs.currentChanged.connect(lambda _index: self._refresh())
        self._shown: tuple[Sprite | None, int] = (None, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._tabs)

    def show_sprite(self, sprite: Sprite | None, selected: int) -> None:
        """Show the gallery's current sprite and selection."""
        self._shown = sprite, selected
        self._refresh()

    def show_details(self) -> None:
        """Show the details page."""
        self._tabs.setCurrentIndex(0)

    def show_recipe(self) -> None:
        """Show the recipe page."""
        self._tabs.setCurrentIndex(1)

    def refresh_recipe(self) -> None:
        """Update the controls after the recipe was changed or undone."""
        if self.recipe is not None:
            self.recipe.show_recipe()

    def _refresh(self) -> None:
        if self._tabs.currentIndex() == 0:
            self.inspector.show_sprite(*self._shown)
            return
        if self.recipe is None:
            from gandam_studio.qt.curate.recipe_panel import RecipePanel

            self.recipe = RecipePanel(self._session, self._targets)
            self.recipe.setObjectName("screen")
            self._recipe_area.setWidget(self.recipe)
            clicks_keep_focus(self.recipe)
        self.recipe.show_samples()


class _Area(QScrollArea):
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave the arrows to the gallery; the wheel scrolls here."""
        event.ignore()


def _scrolling(page: QWidget) -> QScrollArea:
    area = _Area(widgetResizable=True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(page)
    page.setObjectName("screen")
    return area
