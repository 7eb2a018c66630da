"""Runs by lineage: versions, the runs trained on them, and the runs derived from those."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from gandam_studio.core.runs import RunSummary
from gandam_studio.core.texts import folded
from gandam_studio.core.versions import ManifestVersion
from gandam_studio.qt import icons, theme
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.following.texts import (
    STATE_COLORS,
    clock,
    day,
    resume_label,
    state_name,
    state_words,
    why_finished,
)
from gandam_studio.qt.widgets.outside_text import tip
from gandam_studio.qt.widgets.tints import show_tints, tint
from trainer.protocol.run_directory import CUT_SHORT
from trainer.protocol.untrusted import shortened

_FOLDER = Qt.ItemDataRole.UserRole
MOST = 4
NAME, STATE, ITERATIONS, DATE = range(4)
LINEAGE = -1
"""The order by versions and parents, instead of by a column."""


class LineageTree(QTreeWidget):
    """Signals:
    runs_selected: the selection changed (folders, list of Path, at most four).
    run_opened: a run was double-clicked, or Enter pressed (Path).
    """

    runs_selected = Signal(object)
    run_opened = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setColumnCount(4)
        self.setIndentation(14)
        self.setHeaderLabels([self.tr("Run"), self.tr("State"), self.tr("Iterations"), self.tr("Date")])
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setUniformRowHeights(True)
        self.setAccessibleName(self.tr("Runs, by the version they were trained on"))
        header = self.header()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (STATE, ITERATIONS, DATE):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(False)
        header.setSectionsClickable(True)
        header.setToolTip(self.tr("Click to sort; a third click lists the runs by version again."))
        header.sectionClicked.connect(self._click_header)
        self.order, self.descending = LINEAGE, False
        self._runs: list[RunSummary] = []
        self._versions: list[ManifestVersion] = []
        self.run_items: dict[Path, QTreeWidgetItem] = {}
        self.pending_of: Callable[[RunSummary], str] = lambda _run: ""
        self._shape: object = None
        self.itemSelectionChanged.connect(lambda: self.runs_selected.emit(self.selected()))
        self.itemActivated.connect(self._open)
        show_tints(self)
        theme.notifier().changed.connect(self._show_signs)

    def show_runs(self, runs: list[RunSummary], versions: list[ManifestVersion]) -> None:
        """Fill the tree, keeping the selection; if only states have changed, the items stay."""
        self._runs, self._versions = runs, versions
        by = (self.order, self.descending)
        keys = [
            (run.folder, run.version, run.parent, None if self.order == LINEAGE else self._key(run)) for run in runs
        ]
        shape = keys, versions, by
        if shape == self._shape:
            for run in runs:
                self._fill(self.run_items[run.folder], run)
            return
        self._shape = shape
        selected = set(self.selected())
        self.blockSignals(True)
        self.clear()
        self.run_items = {}
        if self.order == LINEAGE:
            self._fill_by_lineage(runs, versions)
        else:
            for run in sorted(runs, key=self._key, reverse=self.descending):
                self._item(run, self.invisibleRootItem())
        for folder, item in self.run_items.items():
            item.setSelected(folder in selected)
        self.expandAll()
        self.blockSignals(False)
        if set(self.selected()) != selected:
            self.runs_selected.emit(self.selected())

    def sort_by(self, column: int, *, descending: bool = False) -> None:
        """List the runs by a column, or by version and parent (`LINEAGE`)."""
        self.order, self.descending = column, descending
        header = self.header()
        header.setSortIndicatorShown(column != LINEAGE)
        if column != LINEAGE:
            way = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
            header.setSortIndicator(column, way)
        self.setRootIsDecorated(column == LINEAGE)
        self.show_runs(self._runs, self._versions)

    def _click_header(self, column: int) -> None:
        """Sort by the column, then the other way round, then by lineage; dates and numbers begin with the largest."""
        first = column in (ITERATIONS, DATE)
        if self.order != column:
            self.sort_by(column, descending=first)
        elif self.descending == first:
            self.sort_by(column, descending=not first)
        else:
            self.sort_by(LINEAGE)

    def _key(self, run: RunSummary) -> tuple[object, ...]:
        number = run.run.partition("-")[0][1:]
        last = int(number) if number.isdecimal() and len(number) < 10 else 0
        by: object = {
            NAME: folded(run.title), STATE: state_words(run.state), ITERATIONS: run.state.iteration, DATE: run.date,
        }[self.order]  # fmt: skip
        return by, last

    def _fill_by_lineage(self, runs: list[RunSummary], versions: list[ManifestVersion]) -> None:
        labels = {version.label: version for version in versions}
        groups: dict[str, QTreeWidgetItem] = {}
        names: dict[str, QTreeWidgetItem] = {}
        of_version: dict[str, str] = {}
        for run in runs:
            # A child is listed under its parent if both were trained on the same data, otherwise under its version.
            parent = names.get(run.parent) if of_version.get(run.parent) == run.version else None
            if parent is None:
                parent = self._group(run.version, labels.get(run.version), groups)
            names[run.run], of_version[run.run] = self._item(run, parent), run.version

    def _group(
        self, label: str, version: ManifestVersion | None, groups: dict[str, QTreeWidgetItem]
    ) -> QTreeWidgetItem:
        if label not in groups:
            if version is None:
                text = label or self.tr("Unknown data")
            else:
                text = f"{label}: {sprites(version.sprites)}"
                if version.parent_label:
                    text += self.tr(" (from {0})").format(version.parent_label)
            group = QTreeWidgetItem([shortened(text, 120)])
            group.setFlags(Qt.ItemFlag.ItemIsEnabled)
            tint(group, "secondary")
            if version is not None and version.message:
                group.setToolTip(0, tip(version.message))
            # Newest version first, since its runs are the most relevant.
            self.insertTopLevelItem(0, group)
            group.setFirstColumnSpanned(True)
            groups[label] = group
            self._show_signs()
        return groups[label]

    def _show_signs(self) -> None:
        for row in range(self.topLevelItemCount()):
            if (group := self.topLevelItem(row)) is not None:
                group.setIcon(0, icons.icon("versions", "secondary", 16))

    def _item(self, run: RunSummary, parent: QTreeWidgetItem) -> QTreeWidgetItem:
        item = QTreeWidgetItem()
        self._fill(item, run)
        parent.addChild(item)
        self.run_items[run.folder] = item
        return item

    def _fill(self, item: QTreeWidgetItem, run: RunSummary) -> None:
        state = run.state
        when = day(run.date)
        name = state_words(state, self.pending_of(run))
        texts = (shortened(run.title, 120), name, f"{state.iteration:,}", when)
        for column, text in enumerate(texts):
            item.setText(column, text)
        item.setData(0, _FOLDER, str(run.folder))
        tint(item, STATE_COLORS.get(state.state, "secondary"), 1)
        item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        at = f"{when} {clock(run.date)}" if run.date else when
        words = [*([run.name] if run.name else []), f"{run.run}: {state_name(state.state)}, {at}"]
        words += [run.note] if run.note else []
        if state.state in CUT_SHORT:
            words.append(resume_label(state))
        words += [text for text in (why_finished(state) or state.reason, run.problem) if text]
        if run.parent:
            words.append(self.tr("derived from {0}").format(run.parent))
        for column in range(self.columnCount()):
            item.setToolTip(column, tip("\n".join(words)))

    def selected(self) -> list[Path]:
        """Folders of the selected runs, in tree order, at most four."""
        return [folder for folder, item in self.run_items.items() if item.isSelected()][:MOST]

    def select(self, folders: list[Path]) -> None:
        """Select these runs."""
        self.blockSignals(True)
        self.clearSelection()
        for folder in folders:
            if folder in self.run_items:
                self.run_items[folder].setSelected(True)
                self.setCurrentItem(self.run_items[folder], 0, self.selectionModel().SelectionFlag.NoUpdate)
        self.blockSignals(False)
        self.runs_selected.emit(self.selected())

    def step(self, offset: int) -> None:
        """Select only the next or previous run."""
        folders = self.in_view_order()
        if not folders:
            return
        selected = self.selected()
        at = folders.index(selected[-1]) + offset if selected else (0 if offset > 0 else -1)
        self.select([folders[min(max(at, 0), len(folders) - 1)] if at != -1 or selected else folders[-1]])

    def in_view_order(self) -> list[Path]:
        """The listed runs' folders from top to bottom, closed branches left out."""
        order: list[Path] = []
        item = self.topLevelItem(0)
        while item is not None:
            if (folder := item.data(0, _FOLDER)) is not None:
                order.append(Path(folder))
            item = self.itemBelow(item)
        return order

    def _open(self, item: QTreeWidgetItem) -> None:
        if (folder := item.data(0, _FOLDER)) is not None:
            self.run_opened.emit(Path(folder))
