"""The actions of the Curate screen, with shortcuts, menus and buttons."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QToolButton

from gandam_studio.core.workspace.history import Changes
from gandam_studio.qt.curate.decisions import Decisions
from gandam_studio.qt.curate.filter_bar import FilterBar
from gandam_studio.qt.curate.gallery import Gallery
from gandam_studio.qt.curate.hints import HintBar
from gandam_studio.qt.curate.large_view import LargeView
from gandam_studio.qt.curate.saved_filters import SavedFilters
from gandam_studio.qt.curate.side_panel import SidePanel
from gandam_studio.qt.curate.work_area import WorkArea
from gandam_studio.qt.imports.controller import ImportController
from gandam_studio.qt.screen import Screen, ScreenMenu
from gandam_studio.qt.widgets.grid_view import USUAL

TILE_STEP = 24
_ADVANCE_KEY = "curate/advance"


class CurateBase(Screen):
    """What the actions of the Curate screen work on; implemented by `CurateScreen`."""

    gallery: Gallery
    large_view: LargeView
    work: WorkArea
    filter_bar: FilterBar
    hints: HintBar
    panel: SidePanel
    decisions: Decisions
    imports: ImportController

    def decide(self, decision: Callable[[], Changes]) -> None:
        """Apply a decision about the status."""
        raise NotImplementedError

    def next_undecided(self) -> None:
        """Go to the next undecided sprite."""
        raise NotImplementedError

    def choose_reason(self) -> None:
        """Drop with a reason chosen from a menu."""
        raise NotImplementedError

    def ask_tags(self) -> None:
        """Edit the tags of the selected sprites."""
        raise NotImplementedError

    def sort_by_similarity(self) -> None:
        """Sort by similarity to the current sprite."""
        raise NotImplementedError


class CurateActions:
    """Attributes:
    advance: whether a decision moves on to the next undecided sprite.
    show_panel: shows the side panel.
    """

    def __init__(self, screen: CurateBase) -> None:
        self._screen = screen
        self._tr = screen.tr
        # Not in the crop view, where Enter and the arrows have another meaning.
        self._views = (screen.gallery, screen.large_view)
        self._make_decisions()
        self._make_selection()
        self._make_views()
        self._make_filters()
        self._fill_bar()

    def refresh(self, chosen: int) -> None:
        """Disable the actions that need a sprite while there is none."""
        for action in self._needing_sprites:
            action.setEnabled(chosen > 0 and not (action in self._editing and self._screen.session.read_only))

    def menus(self) -> list[ScreenMenu]:
        """Menus for the menu bar, which merges them with its own File, Edit and View."""
        tr = self._tr
        facing = ScreenMenu(tr("F&acing"), tuple(self.facings))
        return [
            ScreenMenu(tr("&File"), tuple(self._screen.imports.actions)),
            ScreenMenu(tr("&Edit"), (self.select_all, self.select_none, self.invert, self.toggle)),
            ScreenMenu(tr("&Sprite"), (*self._decision_entries(), None, facing, None, self.next, self.advance)),
            ScreenMenu(tr("F&ilter"), self._filter_entries()),
            ScreenMenu(
                tr("&View"),
                (self.zoom, self.onion, None, self.larger, self.smaller, self.usual, None, self.show_panel, self.hints),
            ),
        ]

    def context(self) -> ScreenMenu:
        """The gallery's context menu."""
        facing = ScreenMenu(self._tr("F&acing"), tuple(self.facings))
        return ScreenMenu("", (*self._decision_entries(), facing, None, self.zoom, self.similar))

    def _decision_entries(self) -> tuple[QAction | None, ...]:
        return (
            self.keep, self.drop, self.drop_because, self.restore, None,
            self.flip, self.rotate_right, self.rotate_left, None,
            self.tag, self.crop, self.trim, self.uncrop,
        )  # fmt: skip

    def _make_decisions(self) -> None:
        screen, tr = self._screen, self._tr
        decisions = screen.decisions
        decide = screen.decide

        def make(text: str, slot: Callable[[], object], keys: str | list[str] = "", icon: str = "") -> QAction:
            action = screen.add_action(text, slot, keys, icon=icon, edits=True, within=self._views)
            self._editing.append(action)
            return action

        self._editing: list[QAction] = []
        self.keep = make(tr("&Keep"), lambda: decide(decisions.keep), "U", "keep")
        self.drop = make(tr("&Drop"), lambda: decide(decisions.drop), ["X", "Del"], "drop")
        self.drop_because = make(tr("Drop &with reason…"), screen.choose_reason, "Shift+X")
        self.restore = make(tr("&Make undecided"), decisions.restore, "Shift+U", "restore")
        self.flip = make(tr("&Flip left-right"), decisions.flip, "F", "flip")
        self.rotate_right = make(tr("&Turn right"), lambda: decisions.rotate(1), "]", "rotate")
        self.rotate_left = make(tr("Turn &left"), lambda: decisions.rotate(-1), "[")
        self.tag = make(tr("Ta&g…"), screen.ask_tags, "T", "tag")
        self.crop = make(tr("&Crop…"), screen.work.open_crop, "C", "crop")
        self.trim = make(tr("Tr&im to content"), decisions.trim, "Shift+T")
        self.uncrop = make(tr("Remove cro&p"), lambda: decisions.crop(None), "Shift+C")
        self.facings = [
            make(tr("Facing &left"), lambda: decisions.face("left"), "L"),
            make(tr("Facing &right"), lambda: decisions.face("right"), "R"),
            make(tr("Facing &front"), lambda: decisions.face("front"), "V"),
            make(tr("Facing &unknown"), lambda: decisions.face("unknown"), "Shift+L"),
        ]
        self.next = screen.add_action(
            tr("&Next undecided"), screen.next_undecided, ["Return", "Enter"], within=self._views
        )
        self.advance = screen.add_action(tr("Move on &after a decision"), self._keep_advance, checkable=True)

    def _make_selection(self) -> None:
        screen, tr, gallery = self._screen, self._tr, self._screen.gallery
        make = screen.add_action
        self.select_all = make(tr("Select &all shown"), gallery.select_all, "Ctrl+A", within=self._views)
        self.select_none = make(tr("Select &none"), gallery.select_none, "Ctrl+Shift+A", within=self._views)
        self.invert = make(tr("&Invert the selection"), gallery.invert_selection, "Ctrl+Shift+I", within=self._views)
        self.toggle = make(
            tr("Add or remove the current sprite"), gallery.toggle_current, "Ctrl+Space", within=(gallery,)
        )

    def _make_views(self) -> None:
        screen, tr, gallery = self._screen, self._tr, self._screen.gallery
        make = screen.add_action
        self.zoom = make(tr("Large &view"), screen.work.toggle_zoom, "Space", icon="zoom", within=self._views)
        self.onion = make(
            tr("&Onion skin (mirror over itself)"), screen.large_view.toggle_onion, "O", within=(screen.large_view,)
        )
        self.larger = make(
            tr("&Larger cells"), lambda: gallery.set_tile(gallery.tile + TILE_STEP), ["Ctrl++", "Ctrl+="]
        )
        self.smaller = make(tr("&Smaller cells"), lambda: gallery.set_tile(gallery.tile - TILE_STEP), "Ctrl+-")
        self.usual = make(tr("&Default cell size"), lambda: gallery.set_tile(USUAL), "Ctrl+0")
        self.show_panel = make(tr("&Panel"), self._show_panel, "Ctrl+I", checkable=True)
        self.hints = make(tr("Show the &hints again"), screen.hints.reset)
        self._needing_sprites = [*self._editing, self.zoom]

    def _make_filters(self) -> None:
        screen, tr = self._screen, self._tr
        bar = screen.filter_bar
        make = screen.add_action
        self.search = make(tr("&Search names"), bar.search.setFocus, "Ctrl+F")
        self.more = make(tr("&More filters…"), bar.more_button.click, "Ctrl+Shift+F")
        self.clear = make(tr("&Clear the filter"), bar.clear_button.click, "Ctrl+Backspace")
        self.similar = make(
            tr("Sort by &similarity to this sprite"), screen.sort_by_similarity, "Ctrl+L", within=self._views
        )
        self.saved = SavedFilters(screen.session, bar, lambda menu: menu.addAction(self.save))
        self.save = make(tr("Sa&ve this filter…"), self.saved.ask_name, "Ctrl+D", edits=True)
        self.choose_saved = make(tr("Saved &filters…"), bar.saved_button.showMenu, "Ctrl+Shift+D")
        self._needing_sprites.append(self.similar)

    def _filter_entries(self) -> tuple[QAction | None, ...]:
        return (self.search, self.more, self.clear, None, self.similar, None, self.choose_saved, self.save)

    def _fill_bar(self) -> None:
        """Fill the tool bar with buttons; tool tips show the shortcuts."""
        bar = self._screen.filter_bar
        for action in (
            self.keep,
            self.drop,
            self.restore,
            self.flip,
            self.rotate_right,
            self.tag,
            self.crop,
            self.zoom,
        ):
            button = QToolButton()
            button.setDefaultAction(action)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            name = action.text().replace("&", "").rstrip("…")
            button.setAccessibleName(name)
            button.setToolTip(f"{name}  ({action.shortcut().toString()})")
            bar.actions_area.addWidget(button)

    def _show_panel(self) -> None:
        self._screen.panel.setVisible(self.show_panel.isChecked())

    def _keep_advance(self) -> None:
        if self.advance.isChecked() != advances():  # nothing to store while the action is restored at the start
            QSettings().setValue(_ADVANCE_KEY, self.advance.isChecked())


def advances() -> bool:
    """The stored setting: whether a decision moves on to the next undecided sprite."""
    return str(QSettings().value(_ADVANCE_KEY, "true")).lower() == "true"
