"""The actions of the Curate screen, with shortcuts, menus and buttons."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QSlider, QToolButton

from gandam_studio.core.workspace.history import Changes
from gandam_studio.core.workspace.review import DIGITS
from gandam_studio.qt.curate.decisions import Decisions
from gandam_studio.qt.curate.filter_bar import FilterBar
from gandam_studio.qt.curate.gallery import Gallery
from gandam_studio.qt.curate.hints import HintBar
from gandam_studio.qt.curate.saved_filters import SavedFilters
from gandam_studio.qt.curate.side_panel import SidePanel
from gandam_studio.qt.curate.work_area import WorkArea
from gandam_studio.qt.imports.controller import ImportController
from gandam_studio.qt.screen import Screen, ScreenMenu
from gandam_studio.qt.tips import name_keys, name_of, show_keys
from gandam_studio.qt.widgets.grid_view import USUAL
from trainer.protocol.untrusted import shortened

if TYPE_CHECKING:
    from gandam_studio.qt.curate.large_view import LargeView

NATIVE = QKeySequence.SequenceFormat.NativeText
TILE_STEP = 24
_ADVANCE_KEY = "curate/advance"


class CurateBase(Screen):
    """What the actions of the Curate screen work on; implemented by `CurateScreen`."""

    gallery: Gallery
    work: WorkArea
    filter_bar: FilterBar
    hints: HintBar
    panel: SidePanel
    decisions: Decisions
    imports: ImportController

    @property
    @abstractmethod
    def large_view(self) -> LargeView:
        """The current sprite, enlarged."""

    @abstractmethod
    def decide(self, decision: Callable[[], Changes]) -> None:
        """Apply a decision about the status."""

    @abstractmethod
    def next_undecided(self) -> None:
        """Go to the next undecided sprite."""

    @abstractmethod
    def choose_reason(self) -> None:
        """Drop with a reason chosen from a menu."""

    @abstractmethod
    def drop_for(self, number: int) -> None:
        """Drop with the workspace's reason of that number, 1 to 9."""

    @abstractmethod
    def face(self, facing: str) -> None:
        """Set the facing; after that of a single sprite, move on to the next without one."""

    @abstractmethod
    def look(self, facing: str) -> None:
        """Flip the sprites that face away from `facing`: the selected ones, or all that are shown."""

    @abstractmethod
    def keep_undecided(self) -> None:
        """Keep every undecided sprite that is shown."""

    @abstractmethod
    def turn_all(self) -> None:
        """Turn the sprites shown to face one way, with suggestions."""

    @abstractmethod
    def find_unfit(self) -> None:
        """Look for unfit sprites, with suggestions."""

    @abstractmethod
    def odd_first(self) -> None:
        """Select what is out of the ordinary."""

    @abstractmethod
    def reduce_enlarged(self) -> None:
        """Offer to reduce enlarged sprites to their own pixels."""

    @abstractmethod
    def surprise(self) -> None:
        """Sort so that the first sprites show what kinds there are."""

    @abstractmethod
    def toggle_onion(self) -> None:
        """Show or hide the mirrored picture in the large view."""

    @abstractmethod
    def ask_tags(self) -> None:
        """Edit the tags of the selected sprites."""

    @abstractmethod
    def sort_by_similarity(self) -> None:
        """Sort by similarity to the current sprite."""


class CurateActions:
    """Attributes:
    advance: whether a decision moves on to the next undecided sprite.
    show_panel: shows the side panel.
    """

    def __init__(self, screen: CurateBase) -> None:
        self._screen = screen
        self._tr = screen.tr
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
        return [
            ScreenMenu(tr("&File"), tuple(self._screen.imports.actions)),
            ScreenMenu(tr("&Edit"), (self.select_all, self.select_none, self.invert, self.toggle)),
            ScreenMenu(
                tr("&Sprite"),
                (*self._decision_entries(), None, self._facing_menu(), None, self.keep_all, self.next, self.advance),
            ),
            ScreenMenu(
                tr("&Assist"), (self.turn_all, self.find_unfit, self.find_odd, None, self.reduce, self.surprise)
            ),
            ScreenMenu(tr("F&ilter"), self._filter_entries()),
            ScreenMenu(
                tr("&View"),
                (self.zoom, self.onion, None, self.larger, self.smaller, self.usual, None, self.show_panel, self.hints),
            ),
        ]

    def context(self) -> ScreenMenu:
        """The gallery's context menu."""
        return ScreenMenu("", (*self._decision_entries(), self._facing_menu(), None, self.zoom, self.similar))

    def show_reasons(self, reasons: Sequence[str]) -> None:
        """Name the actions of the digits after the workspace's reasons."""
        for number, action in enumerate(self.reasons, 1):
            reason = shortened(reasons[number - 1]).replace("&", "&&") if number <= len(reasons) else ""
            text = self._tr("Drop: {0}").format(reason) if reason else self._tr("Drop with reason {0}").format(number)
            action.setVisible(bool(reason))
            if action.text() != text:
                action.setText(text)
                show_keys(action)

    def _facing_menu(self) -> ScreenMenu:
        return ScreenMenu(self._tr("F&acing"), (*self.facings, None, self.all_left, self.all_right))

    def _decision_entries(self) -> tuple[QAction | ScreenMenu | None, ...]:
        reasons = ScreenMenu(self._tr("Drop f&or a reason"), (self.drop_because, None, *self.reasons))
        return (
            self.keep, self.drop, reasons, self.undecide, None,
            self.flip, self.rotate_right, self.rotate_left, None,
            self.tag, self.crop, self.trim, self.uncrop,
        )  # fmt: skip

    def _make_decisions(self) -> None:
        screen, tr = self._screen, self._tr
        decisions = screen.decisions
        decide = screen.decide

        def make(text: str, slot: Callable[[], object], keys: str | list[str] = "", icon: str = "") -> QAction:
            action = screen.add_action(text, slot, keys, icon=icon, edits=True)
            self._editing.append(action)
            return action

        self._editing: list[QAction] = []
        self.keep = make(tr("&Keep"), lambda: decide(decisions.keep), "U", "keep")
        self.drop = make(tr("&Drop"), lambda: decide(decisions.drop), ["X", "Del"], "drop")
        self.drop_because = make(tr("Drop &with reason…"), screen.choose_reason, "Shift+X")
        self.reasons = [
            make(tr("Drop with reason {0}").format(number), functools.partial(screen.drop_for, number), str(number))
            for number in range(1, DIGITS + 1)
        ]
        self.undecide = make(tr("&Make undecided"), decisions.undecide, "Shift+U", "restore")
        self.flip = make(tr("&Flip left-right"), decisions.flip, "F", "flip")
        self.rotate_right = make(tr("&Turn right"), lambda: decisions.rotate(1), "]", "rotate")
        self.rotate_left = make(tr("Turn &left"), lambda: decisions.rotate(-1), "[")
        self.tag = make(tr("Ta&g…"), screen.ask_tags, "T", "tag")
        self.crop = make(tr("&Crop…"), screen.work.open_crop, "C", "crop")
        self.trim = make(tr("Tr&im to content"), decisions.trim, "Shift+T")
        self.uncrop = make(tr("Remove cro&p"), lambda: decisions.crop(None), "Shift+C")
        self.facings = [
            make(tr("Facing &left"), lambda: screen.face("left"), "L", "facing-left"),
            make(tr("Facing &right"), lambda: screen.face("right"), "R", "facing-right"),
            make(tr("Facing &front"), lambda: screen.face("front"), "V", "facing-front"),
            make(tr("Facing &unknown"), lambda: decisions.face("unknown"), "Shift+V"),
        ]
        self.all_left = make(tr("Flip all to face l&eft"), lambda: screen.look("left"), "Shift+L")
        self.all_right = make(tr("Flip all to face r&ight"), lambda: screen.look("right"), "Shift+R")
        self.keep_all = make(tr("&Keep all undecided shown"), screen.keep_undecided, "Shift+K")
        self.turn_all = make(tr("&Turn all to face one way…"), screen.turn_all, "G", "star")
        self.find_unfit = make(tr("Find &unfit sprites…"), screen.find_unfit, "Shift+G")
        self.find_odd = screen.add_action(tr("Find &odd ones"), screen.odd_first, "Ctrl+G")
        self.reduce = screen.add_action(tr("&Reduce enlarged sprites…"), screen.reduce_enlarged, edits=True)
        self.surprise = screen.add_action(
            tr("&Surprise me"),
            screen.surprise,
            tip=tr("Sort so that each sprite is as unlike those before it as can be"),
        )
        self.next = screen.add_action(tr("&Next undecided"), screen.next_undecided, ["Return", "Enter"])
        self.advance = screen.add_action(tr("Move on &after a decision"), self._keep_advance, checkable=True)

    def _make_selection(self) -> None:
        screen, tr, gallery = self._screen, self._tr, self._screen.gallery
        make = screen.add_action
        self.select_all = make(tr("Select &all shown"), gallery.select_all, "Ctrl+A")
        self.select_none = make(tr("Select &none"), gallery.select_none, "Ctrl+Shift+A")
        self.invert = make(tr("&Invert the selection"), gallery.invert_selection, "Ctrl+Shift+I")
        self.toggle = make(tr("Select or deselect the current sprite"), gallery.toggle_current, "Ctrl+Space")

    def _make_views(self) -> None:
        screen, tr, gallery = self._screen, self._tr, self._screen.gallery
        make = screen.add_action
        self.zoom = make(tr("Large &view"), screen.work.toggle_zoom, "Space", icon="zoom")
        self.onion = make(tr("&Onion skin (mirror over itself)"), screen.toggle_onion, "O")
        self.larger = make(
            tr("&Larger cells"), lambda: gallery.set_tile(gallery.tile + TILE_STEP), ["Ctrl++", "Ctrl+="]
        )
        self.smaller = make(tr("&Smaller cells"), lambda: gallery.set_tile(gallery.tile - TILE_STEP), "Ctrl+-")
        self.usual = make(tr("&Default cell size"), lambda: gallery.set_tile(USUAL), "Ctrl+0")
        self.show_panel = make(tr("&Panel"), self._show_panel, "Ctrl+I", checkable=True)
        self.hints = make(tr("Show the &hints again"), screen.hints.reset)
        self._needing_sprites = [*self._editing, self.zoom, self.onion, self.toggle]

    def _make_filters(self) -> None:
        screen, tr = self._screen, self._tr
        bar = screen.filter_bar
        make = screen.add_action
        self.search = make(tr("&Search names"), bar.start_search, "Ctrl+F")
        self.more = make(tr("&More filters…"), bar.more_button.click, "Ctrl+Shift+F")
        self.clear = make(tr("&Clear the filter"), bar.clear_button.click, "Ctrl+Backspace")
        self.similar = make(tr("Sort by &similarity to this sprite"), screen.sort_by_similarity, "Ctrl+L")
        self.saved = SavedFilters(screen.session, bar, lambda menu: menu.addAction(self.save))
        self.save = make(tr("Sa&ve this filter…"), self.saved.ask_name, "Ctrl+D", edits=True)
        self.choose_saved = make(tr("Saved &filters…"), bar.saved_button.showMenu, "Ctrl+Shift+D")
        self._needing_sprites.append(self.similar)

    def _filter_entries(self) -> tuple[QAction | None, ...]:
        return (self.search, self.more, self.clear, None, self.similar, None, self.choose_saved, self.save)

    def _fill_bar(self) -> None:
        """Fill the tool bar with buttons; the other controls there name the keys of the actions that do the same."""
        bar = self._screen.filter_bar
        for control, same in (
            (bar.search, self.search), (bar.more_button, self.more), (bar.clear_button, self.clear),
            (bar.saved_button, self.choose_saved),
        ):  # fmt: skip
            name_keys(control, same)
        self._name_slider(bar.slider)
        for action in (
            self.keep,
            self.drop,
            self.undecide,
            self.flip,
            self.rotate_right,
            self.tag,
            self.crop,
            self.zoom,
        ):
            button = QToolButton()
            button.setDefaultAction(action)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setAccessibleName(name_of(action))
            bar.actions_area.addWidget(button)

    def _name_slider(self, slider: QSlider) -> None:
        keys = ", ".join(action.shortcut().toString(NATIVE) for action in (self.larger, self.smaller, self.usual))
        slider.setToolTip(f"{slider.accessibleName()}  ({keys})")

    def _show_panel(self) -> None:
        self._screen.panel.setVisible(self.show_panel.isChecked())

    def _keep_advance(self) -> None:
        if self.advance.isChecked() != advances():  # nothing to store while the action is restored at the start
            QSettings().setValue(_ADVANCE_KEY, self.advance.isChecked())


def advances() -> bool:
    """The stored setting: whether a decision moves on to the next undecided sprite."""
    return str(QSettings().value(_ADVANCE_KEY, "true")).lower() == "true"
