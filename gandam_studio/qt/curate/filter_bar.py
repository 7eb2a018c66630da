"""The bar above the gallery: status filters with counts, search, facing, more filters, sorting, cell size."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.workspace import Counts, Workspace
from gandam_studio.core.workspace.query import ORDERS, Filter
from gandam_studio.core.workspace.sprite import FACINGS
from gandam_studio.qt import icons, theme
from gandam_studio.qt.curate.criteria import further_criteria
from gandam_studio.qt.widgets.fitting import WrappingRow
from gandam_studio.qt.widgets.grid_view import LARGEST, SMALLEST, USUAL

if TYPE_CHECKING:
    from gandam_studio.qt.curate.more_filters import MoreFilters

SEARCH_MS = 180  # the search starts after a typing pause of this length


class FilterBar(QFrame):
    """Shows and changes one `Filter`.

    Attributes:
        search: the field for free text.
        slider: size of the cells.
        saved_button: filled by the screen with its menu.

    Signals:
        filter_changed: the user changed the filter (`Filter`).
        leave_requested: the user finished typing; the gallery should get the focus.
    """

    filter_changed = Signal(object)
    leave_requested = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "bar")
        self._filter = Filter()
        self._workspace = workspace
        self.more_panel: MoreFilters | None = None
        self._pause = QTimer(self, singleShot=True, interval=SEARCH_MS)
        self._pause.timeout.connect(self._take_search)
        self._make_widgets()
        self._lay_out()

    @property
    def filter(self) -> Filter:
        """The current filter."""
        return self._filter

    def set_filter(self, chosen: Filter) -> None:
        """Replace the filter, e.g. by a saved one."""
        self._filter = chosen
        self._show_filter()
        self.filter_changed.emit(chosen)

    def show_counts(self, counts: Counts) -> None:
        """Show the counts on the buttons."""
        for name, number in (
            ("", counts.total),
            ("undecided", counts.undecided),
            ("kept", counts.kept),
            ("dropped", counts.dropped),
        ):
            self.status_buttons[name].setText(f"{self._names[name]}  {number:,}")
        self.flipped_button.setText(self.tr("Flipped  {0:,}").format(counts.flipped))

    def _make_widgets(self) -> None:
        self._names = {
            "": self.tr("All"),
            "undecided": self.tr("Undecided"),
            "kept": self.tr("Kept"),
            "dropped": self.tr("Dropped"),
        }
        group = self._statuses = QButtonGroup(self)
        self.status_buttons: dict[str, QPushButton] = {}
        for name, text in self._names.items():
            button = _segment(text)
            button.clicked.connect(lambda _checked=False, name=name: self._change(status=name))
            group.addButton(button)
            self.status_buttons[name] = button
        self.status_buttons[""].setChecked(True)
        self.flipped_button = _segment(self.tr("Flipped"))
        self.flipped_button.clicked.connect(lambda checked: self._change(flipped=True if checked else None))
        self.search = QLineEdit(placeholderText=self.tr("Search names"), clearButtonEnabled=True)
        self.search.setAccessibleName(self.tr("Search names"))
        self.search.setMaximumWidth(280)
        self.search.textEdited.connect(lambda _text: self._pause.start())
        self.search.textChanged.connect(lambda text: None if text else self._pause.start())
        self.search.returnPressed.connect(self._finish_search)
        self.facing = _combo(self.tr("Facing"))
        facings = {
            "left": self.tr("Facing left"),
            "right": self.tr("Facing right"),
            "front": self.tr("Facing front"),
            "unknown": self.tr("Facing unknown"),
        }
        self.facing.addItem(self.tr("Any facing"), "")
        for facing in FACINGS:
            self.facing.addItem(facings[facing], facing)
        self.facing.activated.connect(lambda _index: self._change(facing=self.facing.currentData()))
        self.more_button = QPushButton(self.tr("Filters"))
        icons.set_icon(self.more_button, "filter", size=16)
        self.more_button.clicked.connect(self.open_more)
        self.clear_button = QPushButton(self.tr("Clear"))
        self.clear_button.setProperty("role", "quiet")
        self.clear_button.clicked.connect(lambda: self.set_filter(Filter()))
        self.saved_button = _tool("star", self.tr("Saved filters"))
        self.saved_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.sort = _combo(self.tr("Sort by"))
        for order, text in self._order_names().items():
            self.sort.addItem(text, order)
        self.sort.activated.connect(lambda _index: self._change(order=self.sort.currentData()))
        self.direction = _tool("sort", self.tr("Reverse the order"))
        self.direction.setCheckable(True)
        self.direction.clicked.connect(lambda checked: self._change(descending=checked))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(SMALLEST, LARGEST)
        self.slider.setValue(USUAL)
        self.slider.setFixedWidth(120)
        self.slider.setSingleStep(8)
        self.slider.setPageStep(32)
        self.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.slider.setAccessibleName(self.tr("Size of the cells"))

    def _order_names(self) -> dict[str, str]:
        names = {
            "imported": self.tr("By import order"),
            "name": self.tr("By name"),
            "status": self.tr("By status"),
            "facing": self.tr("By facing"),
            "size": self.tr("By size"),
            "aspect": self.tr("By proportions"),
            "colors": self.tr("By colours"),
            "alpha": self.tr("By transparency"),
            "tags": self.tr("By tags"),
            "source": self.tr("By source"),
            "family": self.tr("By family"),
            "similarity": self.tr("By similarity"),
            "surprise": self.tr("By surprise"),
        }
        return {order: names.get(order, order) for order in ORDERS}

    def _lay_out(self) -> None:
        first = WrappingRow(spacing=theme.SPACE)
        for widget in (self.search, self.facing, self.more_button, self.saved_button, self.clear_button):
            first.addWidget(widget)
        first.add_gap()
        for widget in (self.sort, self.direction):
            first.addWidget(widget)
        second = WrappingRow(spacing=theme.HALF)
        for button in (*self.status_buttons.values(), self.flipped_button):
            second.addWidget(button)
        second.add_gap()
        self.actions_area = _buttons_of(second)
        second.addWidget(self.slider)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, theme.SPACE, 12, theme.SPACE)
        layout.setSpacing(theme.SPACE)
        layout.addLayout(first)
        layout.addLayout(second)
        self.clear_button.hide()

    def _change(self, **changes: object) -> None:
        """Replace some criteria of the filter."""
        chosen = dataclasses.replace(self._filter, **changes)  # type: ignore[arg-type]
        if chosen != self._filter:
            self._filter = chosen
            self._show_filter()
            self.filter_changed.emit(chosen)

    def _take_search(self) -> None:
        self._pause.stop()
        self._change(text=self.search.text().strip())

    def _finish_search(self) -> None:
        self._take_search()
        self.leave_requested.emit()

    def _take_more(self, values: dict[str, object]) -> None:
        self._change(**values)

    def start_search(self) -> None:
        """Put the keys into the search field, ready to replace what was searched before."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def open_more(self) -> None:
        """Open the panel of further filters."""
        if self.more_panel is None:
            from gandam_studio.qt.curate.more_filters import MoreFilters

            self.more_panel = MoreFilters(self._workspace, self)
            self.more_panel.changed.connect(self._take_more)
        self.more_panel.open_under(self.more_button, self._filter)

    def _show_filter(self) -> None:
        chosen = self._filter
        self._statuses.setExclusive(False)  # none is checked for "not-dropped"
        for name, button in self.status_buttons.items():
            button.setChecked(chosen.status == name)
        self._statuses.setExclusive(True)
        self.flipped_button.setChecked(chosen.flipped is True)
        if self.search.text().strip() != chosen.text:
            self.search.setText(chosen.text)
        self.facing.setCurrentIndex(max(0, self.facing.findData(chosen.facing)))
        self.sort.setCurrentIndex(max(0, self.sort.findData(chosen.order)))
        self.direction.setChecked(chosen.descending)
        further = further_criteria(chosen)
        self.more_button.setText(self.tr("Filters · {0}").format(further) if further else self.tr("Filters"))
        self.clear_button.setVisible(chosen.has_criteria)


def _buttons_of(row: WrappingRow) -> QHBoxLayout:
    """A group of tool buttons in a row, which stays together when the row wraps."""
    holder = QWidget()
    group = QHBoxLayout(holder)
    group.setContentsMargins(0, 0, 0, 0)
    group.setSpacing(2)
    row.addWidget(holder)
    return group


def _segment(text: str) -> QPushButton:
    button = QPushButton(text)
    button.setProperty("role", "segment")
    button.setCheckable(True)
    # A click leaves the focus in the gallery; Tab still reaches the button.
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def _combo(name: str) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setToolTip(name)
    combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    return combo


def _tool(icon: str, name: str) -> QToolButton:
    button = QToolButton()
    icons.set_icon(button, icon, size=18)
    button.setToolTip(name)
    button.setAccessibleName(name)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
