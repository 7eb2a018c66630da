"""The effects of an experiment: what changed, by how much with its interval drawn, and the verdict in words."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from gandam_studio.core.experiments.scale import RATIO, signed, times
from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_item
from gandam_studio.qt.widgets.outside_text import tip
from gandam_studio.qt.widgets.tints import show_tints, tint
from trainer.protocol.untrusted import shortened

CHANGE, INTERVAL, NUMBERS, BEATS, VERDICT = range(5)
_RANGE = Qt.ItemDataRole.UserRole + 1
_TONES = {"better": "kept", "worse": "dropped", "within noise": "muted", "unknown": "muted"}
_MARGIN = 10
WIDEST = math.log(100)
"""Of ratios: how far the axis goes to either side at most."""


class IntervalDelegate(QStyledItemDelegate):
    """Draws an interval on an axis shared by all rows, with a line at no effect; left of it is better."""

    @paint_item
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint an interval."""
        super().paint(painter, option, index)
        found = index.data(_RANGE)
        if not found:
            return
        low, estimate, high, reach, tone = found
        colors = theme.colors()
        area = QRectF(option.rect).adjusted(_MARGIN, 0, -_MARGIN, 0)

        def at(value: float) -> float:
            share = (value / reach + 1) / 2
            return area.left() + area.width() * min(1.0, max(0.0, share))

        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colors["border"]), 1))
        painter.drawLine(QPointF(at(0), area.top() + 3), QPointF(at(0), area.bottom() - 3))
        color = QColor(colors[tone])
        painter.setPen(QPen(color, 2))
        middle = area.center().y()
        painter.drawLine(QPointF(at(low), middle), QPointF(at(high), middle))
        for end in (low, high):
            if abs(end) > reach * 1.001:
                continue  # It goes on beyond the axis.
            painter.drawLine(QPointF(at(end), middle - 4), QPointF(at(end), middle + 4))
        painter.setBrush(color)
        painter.drawEllipse(QPointF(at(estimate), middle), 4, 4)


class EffectsTable(QTableWidget):
    """Shows "effects" of an experiment's results, as ratios or as differences of KID."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setColumnCount(5)
        self.setHorizontalHeaderLabels([
            self.tr("Change"), self.tr("Better ← KID → worse"), "", self.tr("Beats the base"), self.tr("Verdict"),
        ])  # fmt: skip
        self.setItemDelegateForColumn(INTERVAL, IntervalDelegate(self))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(True)
        self.verticalHeader().hide()
        self.setAccessibleName(self.tr("Effects"))
        show_tints(self)
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for column in (NUMBERS, BEATS):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        tips = (
            self.tr("What is changed against the base"),
            self.tr("The effect and its 95 % interval; the line is no effect"),
            "",
            self.tr("Share of seeds in which the change was better, with its 95 % interval"),
            self.tr("Corrected for the number of changes"),
        )
        for column, text in enumerate(tips):
            if (item := self.horizontalHeaderItem(column)) is not None:
                item.setToolTip(text)

        self._name_scale(RATIO)
        # Rows are as high as their texts; columns get their widths later than their texts.
        self._fit = QTimer(self, singleShot=True, interval=0)
        self._fit.timeout.connect(self.resizeRowsToContents)
        header.sectionResized.connect(lambda _column, _before, _now: self._fit.start())

    def _name_scale(self, scale: str) -> None:
        if scale == RATIO:
            text = self.tr("KID, times (95 %)")
            more = self.tr("By how much the distance to held-out sprites (KID) is multiplied; below 1 is better")
        else:
            text = self.tr("Difference (95 %)")
            more = self.tr("Mean difference of the distance to held-out sprites (KID); below 0 is better")
        if (item := self.horizontalHeaderItem(NUMBERS)) is not None:
            item.setText(text)
            item.setToolTip(more)

    def show_effects(self, effects: list[dict[str, Any]]) -> None:
        """Show changes, and of the pairs of changes those that say something."""
        shown = [e for e in effects if e["level"] or e["verdict"] in ("better", "worse")]
        drawn = [place for e in shown if (place := _drawn(e)) is not None]
        reach = max((max(abs(low), abs(high)) for _, low, high in drawn), default=1.0) or 1.0
        if shown:
            self._name_scale(shown[0]["scale"])
        if shown and shown[0]["scale"] == RATIO:
            reach = min(reach, WIDEST)  # Two seeds may leave all open; the others should be seen beside it.
        self.setRowCount(len(shown))
        for row, effect in enumerate(shown):
            self._show(row, effect, reach)
        self.resizeRowsToContents()

    def _show(self, row: int, effect: dict[str, Any], reach: float) -> None:
        names = " × ".join(effect["factors"])
        change = f"{names}: {effect['against']} → {effect['level']}" if effect["level"] else names
        tone = _TONES.get(effect["verdict"], "muted")
        numbers, beats = "–", "–"
        place = _drawn(effect)
        if place is not None:
            numbers = self.tr("{0} ({1} to {2})").format(*_numbers(effect))
        if effect["beats"]:
            share = effect["beats"]
            beats = self.tr("{0:.0%} ({1:.0%} to {2:.0%})").format(share["share"], share["low"], share["high"])
        verdict = self.tr("unknown: {0}").format(effect["why"]) if effect["verdict"] == "unknown" else effect["words"]
        for column, text in ((CHANGE, change), (NUMBERS, numbers), (BEATS, beats), (VERDICT, verdict)):
            item = QTableWidgetItem(shortened(text, 300))
            item.setToolTip(tip(self._explained(effect) if column == VERDICT else text))
            self.setItem(row, column, item)
            if column == VERDICT:
                tint(item, tone)
        drawn = QTableWidgetItem()
        if place is not None:
            estimate, low, high = place
            drawn.setData(_RANGE, (low, estimate, high, reach, tone))
            drawn.setData(Qt.ItemDataRole.AccessibleTextRole, numbers)
        self.setItem(row, INTERVAL, drawn)

    def _explained(self, effect: dict[str, Any]) -> str:
        lines = [effect["words"]]
        if effect["p"] is not None:
            lines.append(self.tr("p = {0:.3g}, corrected {1:.3g}; {2} seeds").format(
                effect["p"], effect["p_adjusted"], effect["seeds"]))  # fmt: skip
        if effect["dropped_seeds"]:
            lines.append(self.tr("without seeds {0}: a run is missing").format(
                ", ".join(map(str, effect["dropped_seeds"]))))  # fmt: skip
        if effect["aliases"]:
            others = ", ".join(" × ".join(alias) for alias in effect["aliases"])
            lines.append(self.tr("cannot be told from {0}").format(others))
        return "\n".join(lines)


def _told(effect: dict[str, Any]) -> dict[str, Any] | None:
    """What the verdict is about: the ratio or the difference; None where it is unknown."""
    found: dict[str, Any] | None = effect["ratio"] if effect["scale"] == RATIO else effect
    return None if found is None or found["estimate"] is None else found


def _drawn(effect: dict[str, Any]) -> tuple[float, float, float] | None:
    """(estimate, low, high) on the axis: ratios by their logarithms, so that twice and half are equally far from 1."""
    found = _told(effect)
    if found is None:
        return None
    estimate, low, high = (found[name] for name in ("estimate", "low", "high"))
    if effect["scale"] == RATIO:
        estimate, low, high = math.log(estimate), math.log(low), math.log(high)
    return estimate, low, high


def _numbers(effect: dict[str, Any]) -> list[str]:
    """The same in words."""
    found = _told(effect) or {}
    number = times if effect["scale"] == RATIO else signed
    return [number(found[name]) for name in ("estimate", "low", "high")]
