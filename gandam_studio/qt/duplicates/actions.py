"""The actions of the Duplicates screen, with shortcuts, menus and buttons."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from gandam_studio.core.workspace.review import DIGITS
from gandam_studio.qt import theme
from gandam_studio.qt.duplicates.canvas import Mode
from gandam_studio.qt.duplicates.group_view import GroupView
from gandam_studio.qt.duplicates.top_bar import TopBar
from gandam_studio.qt.screen import Screen, ScreenMenu
from gandam_studio.qt.tips import keys_of, name_keys, name_of, show_keys
from trainer.protocol.untrusted import shortened

Slot = Callable[[], object]


class DuplicatesBase(Screen):
    """What the actions of the Duplicates screen work on; implemented by `DuplicatesScreen`."""

    work: QWidget
    view: GroupView
    bar: TopBar

    @abstractmethod
    def keep(self) -> None:
        """Keep the current sprite."""

    @abstractmethod
    def drop(self) -> None:
        """Drop the current sprite."""

    @abstractmethod
    def flip_and_keep(self) -> None:
        """Mirror the current sprite and keep it."""

    @abstractmethod
    def undecide(self) -> None:
        """Make the current sprite undecided again."""

    @abstractmethod
    def choose_reason(self) -> None:
        """Drop the current sprite with a reason chosen from a list."""

    @abstractmethod
    def drop_for(self, number: int) -> None:
        """Drop the current sprite with the workspace's reason of that number, 1 to 9."""

    @abstractmethod
    def toggle_large(self) -> None:
        """Give the comparison the whole screen, or show the groups again."""

    @abstractmethod
    def keep_best(self) -> None:
        """Keep the best sprite of the group and drop the rest."""

    @abstractmethod
    def keep_all(self) -> None:
        """Keep all sprites: the group holds no duplicates."""

    @abstractmethod
    def apply_rules(self) -> None:
        """Apply the rules to all groups."""

    @abstractmethod
    def next_undecided(self) -> None:
        """Go to the next undecided sprite of the group, or else to the next undecided group."""

    @abstractmethod
    def step(self, step: int) -> None:
        """Move by `step` groups."""

    @abstractmethod
    def show_panel(self) -> None:
        """Show or hide the side panel; in a narrow window, in place of the comparison."""

    @abstractmethod
    def search(self) -> None:
        """Search for duplicates again."""


class DuplicatesActions:
    """Creates the screen's actions; plain letters work within the cards, the comparison and the row of sprites."""

    def __init__(self, screen: DuplicatesBase) -> None:
        self._screen = screen
        self._tr = screen.tr
        self.place = QLabel()
        self._make_decisions()
        self._make_navigation()
        self._make_comparison()
        self._make_search()

    def menus(self) -> list[ScreenMenu]:
        """Menus for the menu bar."""
        tr = self._tr
        reasons = ScreenMenu(tr("Drop f&or a reason"), (self.drop_because, None, *self.reasons))
        decisions = (
            self.keep, self.drop, reasons, self.undecide, self.flip_and_keep, None, self.keep_best, self.keep_all, None,
            self.onward, self.next, self.previous, None, self.find, self.looser, self.tighter, self.undecided_only,
            None, self.apply_rules,
        )  # fmt: skip
        looks = (
            self.large, None, self.side_by_side, self.blink, self.difference, self.overlay, self.aligned, None,
            self.zoom_in, self.zoom_out, self.fit, None, self.show_panel,
        )  # fmt: skip
        return [ScreenMenu(tr("&Duplicates"), decisions), ScreenMenu(tr("&View"), looks)]

    def show_state(self, group: bool, member: bool) -> None:
        """Disable the actions that need a group or a sprite while there is none."""
        writable = not self._screen.session.read_only
        for action in (
            self.keep, self.drop, self.drop_because, *self.reasons, self.undecide, self.flip_and_keep
        ):  # fmt: skip
            action.setEnabled(member and writable)
        for action in (self.keep_best, self.keep_all):
            action.setEnabled(group and writable)
        for action in (self.onward, self.next, self.previous, self.large):
            action.setEnabled(group)

    def show_place(self, group: int, groups: int, sprite: int, sprites: int) -> None:
        """Show which group and which of its sprites is current, counted from 1; 0 for none."""
        self.place.setText(f"{group}/{groups}" if group else "")
        whole = self._tr("Group {0:,} of {1:,}, sprite {2:,} of {3:,}").format(group, groups, sprite, sprites)
        self.place.setToolTip(whole if group else "")
        self.place.setAccessibleName(whole if group else "")

    def show_reasons(self, reasons: Sequence[str]) -> None:
        """Name the actions of the digits after the workspace's reasons."""
        for number, action in enumerate(self.reasons, 1):
            reason = shortened(reasons[number - 1]).replace("&", "&&") if number <= len(reasons) else ""
            text = self._tr("Drop: {0}").format(reason) if reason else self._tr("Drop with reason {0}").format(number)
            action.setVisible(bool(reason))
            if action.text() != text:
                action.setText(text)
                show_keys(action)

    def bar(self) -> QWidget:
        """A bar of buttons labelled with their shortcuts."""
        bar = _ButtonBar(self.place)
        row = bar.row
        tr = self._tr
        decisions = (
            (self.keep, tr("Keep")), (self.drop, tr("Drop")), (self.flip_and_keep, tr("Flip")), None,
            (self.keep_best, tr("Keep best")), (self.keep_all, tr("Keep all")),
        )  # fmt: skip
        for entry in decisions:
            if entry is None:
                row.addSpacing(theme.SPACE)
            else:
                bar.add(_button(*entry))
        self.place.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.place.setProperty("role", "secondary")
        self.place.setMinimumWidth(1)  # cut off before the buttons are
        row.addWidget(self.place, 1)
        row.addWidget(_button(self.next, ""))
        return bar

    def _make_decisions(self) -> None:
        screen, tr = self._screen, self._tr

        def make(
            text: str, slot: Callable[[], object], keys: str | list[str], icon: str = "", tip: str = ""
        ) -> QAction:
            return screen.add_action(text, slot, keys, icon=icon, tip=tip, edits=True)

        self.keep = make(tr("&Keep"), screen.keep, ["U", "K"], "keep")
        self.drop = make(tr("&Drop"), screen.drop, ["X", "D", "Del"], "drop", tr("Drop this sprite as a copy"))
        self.drop_because = make(tr("Drop &with reason…"), screen.choose_reason, "Shift+X")
        self.reasons = [
            make(tr("Drop with reason {0}").format(number), functools.partial(screen.drop_for, number), str(number))
            for number in range(1, DIGITS + 1)
        ]
        self.undecide = make(tr("&Make undecided"), screen.undecide, "Shift+U", "restore")
        self.flip_and_keep = make(
            tr("&Flip and keep"), screen.flip_and_keep, "F", "flip", tr("Mirror this sprite and keep it")
        )
        self.keep_best = make(
            tr("Keep the &best"),
            screen.keep_best,
            "B",
            "star",
            tr("Keep the best sprite, drop the others"),
        )
        self.keep_all = make(
            tr("Keep &all"),
            screen.keep_all,
            "Shift+K",
            "compare",
            tr("They are different sprites: never group these again"),
        )
        self.apply_rules = screen.add_action(
            tr("Apply the rules to all groups"), screen.apply_rules, ["Ctrl+Return", "Ctrl+Enter"], edits=True
        )

    def _make_navigation(self) -> None:
        screen, tr = self._screen, self._tr
        make = screen.add_action
        self.onward = make(tr("Next &undecided"), screen.next_undecided, ["Return", "Enter"])
        self.next = make(tr("&Next group"), lambda: screen.step(1), "N", icon="chevron-right")
        self.previous = make(tr("&Previous group"), lambda: screen.step(-1), "P")

    def _make_comparison(self) -> None:
        screen, tr, panel = self._screen, self._tr, self._screen.view.compare
        canvas = panel.canvas

        def make(text: str, slot: Slot, keys: str | list[str], icon: str = "") -> QAction:
            return screen.add_action(text, slot, keys, icon=icon)

        self.large = make(tr("Large &view"), screen.toggle_large, "Space", "zoom")
        self.side_by_side = make(tr("&Side by side"), lambda: panel.set_mode(Mode.SIDE_BY_SIDE), "Q")
        self.blink = make(tr("&Blink"), panel.toggle_blink, "W")
        self.difference = make(tr("&Difference"), lambda: panel.set_mode(Mode.DIFFERENCE), "E")
        self.overlay = make(tr("&Overlay"), lambda: panel.set_mode(Mode.OVERLAY), "O")
        self.aligned = make(tr("Al&ign B with A"), panel.toggle_aligned, "M", "link")
        self.zoom_in = make(tr("&Larger"), canvas.zoom_in, ["+", "="])
        self.zoom_out = make(tr("S&maller"), canvas.zoom_out, "-")
        self.fit = make(tr("&Fit"), canvas.fit, "0", "zoom")
        self.show_panel = screen.add_action(
            tr("&Rules"),
            screen.show_panel,
            "Ctrl+I",
            icon="settings",
            tip=tr("Show the rules and the balance; in a narrow window, in place of the comparison"),
            checkable=True,
        )
        screen.bar.panel_button.setDefaultAction(self.show_panel)
        for mode, action in (
            (Mode.SIDE_BY_SIDE, self.side_by_side), (Mode.BLINK, self.blink),
            (Mode.DIFFERENCE, self.difference), (Mode.OVERLAY, self.overlay),
        ):  # fmt: skip
            name_keys(panel.mode_buttons[mode], action)
        for button, action in zip(panel.zoom_buttons, (self.zoom_out, self.zoom_in, self.fit), strict=True):
            name_keys(button, action)
        name_keys(panel.aligned, self.aligned, panel.aligned.toolTip())

    def _make_search(self) -> None:
        screen, tr, bar = self._screen, self._tr, self._screen.bar
        self.find = screen.add_action(tr("Find &again"), screen.search, "F5", icon="search")
        self.looser = screen.add_action(tr("&Looser"), lambda: bar.set_distance(bar.distance + 0.02), ".")
        self.tighter = screen.add_action(tr("&Tighter"), lambda: bar.set_distance(bar.distance - 0.02), ",")
        self.undecided_only = screen.add_action(tr("&Undecided groups only"), bar.undecided_only.toggle, "H")
        name_keys(bar.find_button, self.find, tr("Search the whole workspace"))
        name_keys(bar.undecided_only, self.undecided_only, tr("Hide decided groups"))
        keys = ", ".join(keys_of(action) for action in (self.looser, self.tighter))
        bar.slider.setToolTip(f"{bar.slider.toolTip()}  ({keys})")


class _ButtonBar(QWidget):
    """A row of buttons that leave out their icons while the names and the label would not fit beside them."""

    def __init__(self, label: QLabel) -> None:
        super().__init__()
        self._label = label
        self._buttons: list[QToolButton] = []
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(8, 2, 8, 8)
        self.row.setSpacing(0)

    def add(self, button: QToolButton) -> None:
        """Add a button whose icon can be left out."""
        self._buttons.append(button)
        self.row.addWidget(button)

    def minimumSizeHint(self) -> QSize:
        """Without icons."""
        hint = super().minimumSizeHint()
        shown = not self._bare
        icons = sum(self._icon_width(button) for button in self._buttons) if shown else 0
        return QSize(hint.width() - icons, hint.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out the icons, or show them again."""
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """Do so for the current width."""
        icons = sum(self._icon_width(button) for button in self._buttons)
        label = self._label.fontMetrics().horizontalAdvance(self._label.text() or "0/0") + theme.SPACE
        needed = super().minimumSizeHint().width() + label + (icons if self._bare else 0)
        style = Qt.ToolButtonStyle.ToolButtonTextOnly if needed > self.width() else _BOTH
        for button in self._buttons:
            button.setToolButtonStyle(style)

    @property
    def _bare(self) -> bool:
        return bool(self._buttons) and self._buttons[0].toolButtonStyle() != _BOTH

    def _icon_width(self, button: QToolButton) -> int:
        return button.iconSize().width() + 4  # as QToolButton.sizeHint adds it


_BOTH = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
_KEYS = {"Shift+K": "⇧K"}


def _button(action: QAction, name: str) -> QToolButton:
    """A button labelled with name and shortcut; `setDefaultAction` would override the text."""
    button = QToolButton()
    keys = action.shortcut().toString()
    full = name_of(action)
    button.setIcon(action.icon())
    button.setText(f"{name}  {_KEYS.get(keys, keys)}".strip())
    button.setToolButtonStyle(_BOTH)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setAccessibleName(full)
    name_keys(button, action)
    button.clicked.connect(lambda _checked=False: action.trigger())

    def follow() -> None:
        button.setEnabled(action.isEnabled())
        button.setIcon(action.icon())

    action.changed.connect(follow)
    follow()
    return button
