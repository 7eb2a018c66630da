"""Sliders for directions: those found in the network, those of its pictures, and the person's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.runs.explored import Direction
from gandam_studio.qt import icons, theme
from gandam_studio.qt.explore.explorer import Move
from gandam_studio.qt.widgets.outside_text import OutsideLabel

SEFA, PCA, OWN = "sefa", "pca", "own"
PER_UNIT = 10
"""Slider steps for a step of 1 along a direction; latents vary by about 1 along each."""
REACH = 5
ROWS = 6


class DirectionsPanel(QWidget):
    """Attributes:
    kind: which directions are shown. rows: their sliders. stop_button: shown while directions are looked for.

    Signals:
        moved: sliders changed. kind_chosen: other directions are wanted (kind). keep_wanted, rename_wanted,
        remove_wanted: of the direction at a row (number). stop_wanted: directions are no longer to be looked for.
    """

    moved = Signal()
    kind_chosen = Signal(str)
    keep_wanted = Signal(int)
    rename_wanted = Signal(int)
    remove_wanted = Signal(int)
    stop_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: dict[str, list[Direction]] = {SEFA: [], PCA: [], OWN: []}
        self._amounts: dict[str, list[int]] = {SEFA: [], PCA: [], OWN: []}
        self._instead = False  # whether PCA is shown because a flow has nothing else
        self.rows: list[QSlider] = []
        self._values: list[QLabel] = []
        self._buttons: list[QToolButton] = []
        self.kinds = QComboBox()
        self.kinds.setAccessibleName(self.tr("Which directions"))
        for text, kind, meaning in (
            (self.tr("Found in the network (SeFa)"), SEFA,
             self.tr("What its first layers react to most, read from the weights (Shen and Zhou 2021).")),
            (self.tr("Largest changes (PCA)"), PCA,
             self.tr("What differs most between a thousand of its pictures (after GANSpace, 2020).")),
            (self.tr("My own"), OWN, self.tr("Those you have kept, or learnt from a tag or from picks.")),
        ):  # fmt: skip
            self.kinds.addItem(text, kind)
            self.kinds.setItemData(self.kinds.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
        self._sefa = str(self.kinds.itemData(0, Qt.ItemDataRole.ToolTipRole))
        self.kinds.currentIndexChanged.connect(lambda _index: self._change_kind())
        self.reset_button = QToolButton()
        icons.set_icon(self.reset_button, "undo", "text", 16)
        self.reset_button.setAccessibleName(self.tr("Reset the sliders"))
        self.reset_button.clicked.connect(lambda _checked=False: self.reset())
        self.note = QLabel(wordWrap=True)
        self.note.setProperty("role", "secondary")
        self.stop_button = QToolButton()
        icons.set_icon(self.stop_button, "close", "text", 16)
        self.stop_button.setAccessibleName(self.tr("Stop looking for directions"))
        self.stop_button.setToolTip(self.stop_button.accessibleName())
        self.stop_button.clicked.connect(lambda _checked=False: self.stop_wanted.emit())
        self.stop_button.hide()
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(theme.SPACE)
        self._grid.setVerticalSpacing(theme.HALF)
        self._grid.setColumnStretch(1, 1)
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE)
        top.addWidget(self.kinds, 1)
        top.addWidget(self.reset_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SPACE)
        layout.addLayout(top)
        told = QHBoxLayout()
        told.setSpacing(theme.SPACE)
        told.addWidget(self.note, 1)
        told.addWidget(self.stop_button, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(told)
        layout.addLayout(self._grid)
        self._say("")

    def offer(self, *, is_flow: bool) -> None:
        """Offer what a model has, without a signal: nothing can be read from the network of a flow."""
        item = cast(QStandardItemModel, self.kinds.model()).item(self.kinds.findData(SEFA))
        item.setEnabled(not is_flow)
        item.setToolTip(
            self.tr("A flow draws from noise as large as its picture; it has none.") if is_flow else self._sefa
        )
        if (is_flow and self.kind == SEFA) or (self._instead and not is_flow and self.kind == PCA):
            blocker = QSignalBlocker(self.kinds)
            self.kinds.setCurrentIndex(self.kinds.findData(PCA if is_flow else SEFA))
            blocker.unblock()
            self._instead = is_flow
            self._lay_out()

    @property
    def kind(self) -> str:
        """Which directions are shown."""
        return str(self.kinds.currentData())

    @property
    def directions(self) -> list[Direction]:
        """Those shown."""
        return self._shown[self.kind]

    def moves(self) -> list[Move]:
        """The steps of all sliders, also of kinds that are not shown now."""
        found = []
        for kind, amounts in self._amounts.items():
            found += [
                Move(one.vector, amount / PER_UNIT)
                for one, amount in zip(self._shown[kind], amounts, strict=True)
                if amount
            ]
        return found

    def set_directions(self, kind: str, directions: Sequence[Direction]) -> None:
        """Offer other directions of a kind; sliders of those that stay keep their place."""
        held = {
            one.name: (one, amount)
            for one, amount in zip(self._shown[kind], self._amounts[kind], strict=True)
        }  # fmt: skip
        self._shown[kind] = list(directions)
        self._amounts[kind] = [
            held[one.name][1] if one.name in held and np.array_equal(held[one.name][0].vector, one.vector) else 0
            for one in directions
        ]
        if kind == self.kind:
            self._lay_out()

    def clear(self) -> None:
        """Without a model there are none."""
        for kind in self._shown:
            self._shown[kind], self._amounts[kind] = [], []
        self._lay_out()

    def reset(self) -> None:
        """Bring all sliders to the middle."""
        for kind, own in self._amounts.items():
            self._amounts[kind] = [0] * len(own)
        for row in self.rows:
            blocker = QSignalBlocker(row)
            row.setValue(0)
            blocker.unblock()
        self._show_values()
        self.moved.emit()

    def settle(self) -> None:
        """Bring all sliders to the middle without a signal: what they did is part of the samples now."""
        self.blockSignals(True)
        self.reset()
        self.blockSignals(False)

    def say(self, text: str, *, looking: bool = False) -> None:
        """Say something instead of sliders; `looking`: that directions are being found, which can be stopped."""
        self._say(text)
        self.stop_button.setVisible(looking)

    def _say(self, text: str) -> None:
        self.note.setText(text)
        self.note.setVisible(bool(text))
        self.stop_button.hide()

    def _change_kind(self) -> None:
        self.kinds.setToolTip(str(self.kinds.currentData(Qt.ItemDataRole.ToolTipRole)))
        self._lay_out()
        self.kind_chosen.emit(self.kind)

    def _lay_out(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.rows, self._values, self._buttons = [], [], []
        for number, (one, amount) in enumerate(zip(self.directions, self._amounts[self.kind], strict=True)):
            name = OutsideLabel(one.name, elide=Qt.TextElideMode.ElideRight)
            name.setFixedWidth(self.fontMetrics().averageCharWidth() * 14)
            name.setToolTip(one.note or one.name)
            slider = QSlider(Qt.Orientation.Horizontal)
            slider.setProperty("role", "both")
            slider.setRange(-REACH * PER_UNIT, REACH * PER_UNIT)
            slider.setPageStep(PER_UNIT)
            slider.setValue(amount)
            slider.setAccessibleName(one.name)
            slider.setMinimumWidth(72)
            slider.valueChanged.connect(lambda value, at=number: self._move(at, value))
            value = QLabel()
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setFixedWidth(self.fontMetrics().horizontalAdvance("−5.0") + 4)
            more = QToolButton()
            icons.set_icon(more, "star" if self.kind != OWN else "more", "secondary", 16)
            if self.kind == OWN:
                more.setAccessibleName(self.tr("Rename or remove {0}").format(one.name))
                more.clicked.connect(lambda _checked=False, at=number: self._show_menu(at))
            else:
                more.setAccessibleName(self.tr("Keep {0} under a name").format(one.name))
                more.clicked.connect(lambda _checked=False, at=number: self.keep_wanted.emit(at))
            more.setToolTip(more.accessibleName())
            for column, widget in enumerate((name, slider, value, more)):
                self._grid.addWidget(widget, number, column)
            self.rows.append(slider)
            self._buttons.append(more)
            self._values.append(value)
        self._show_values()
        empty = self.kind == OWN and not self.directions
        self._say(self.tr("Keep a direction with its star, or learn one from a tag or from picks.") if empty else "")

    def _show_menu(self, number: int) -> None:
        button = self._buttons[number]
        menu = QMenu(self)
        menu.addAction(self.tr("Rename…")).triggered.connect(lambda _checked=False: self.rename_wanted.emit(number))
        menu.addAction(self.tr("Remove")).triggered.connect(lambda _checked=False: self.remove_wanted.emit(number))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(button.mapToGlobal(button.rect().bottomLeft()))

    def _move(self, number: int, value: int) -> None:
        self._amounts[self.kind][number] = value
        self._show_values()
        self.moved.emit()

    def _show_values(self) -> None:
        for label, slider in zip(self._values, self.rows, strict=True):
            amount = slider.value() / PER_UNIT
            label.setText(f"{amount:+.1f}".replace("-", "−") if amount else "0")
        self.reset_button.setEnabled(any(any(own) for own in self._amounts.values()))
