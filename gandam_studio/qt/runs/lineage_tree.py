"""Runs by lineage: versions, the runs trained on them, and the runs derived from those."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from gandam_studio.core.runs import RunSummary
from gandam_studio.core.versions import ManifestVersion
from gandam_studio.qt import icons, theme
from gandam_studio.qt.following.texts import STATE_COLORS, resume_label, state_name, state_words, why_finished
from gandam_studio.qt.widgets.outside_text import tip
from gandam_studio.qt.widgets.tints import show_tints, tint
from trainer.protocol.untrusted import shortened

_FOLDER = Qt.ItemDataRole.UserRole
MOST = 4


class LineageTree(QTreeWidget):
    """Signals:
    runs_selected: the selection changed (folders, list of Path, at most four).
    run_opened: a run was double-clicked, or Enter pressed (Path).
    """

    runs_selected = Signal(object)
    run_opened = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setColumnCount(3)
        self.setIndentation(14)
        self.setHeaderLabels([self.tr("Run"), self.tr("State"), self.tr("Iterations")])
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setUniformRowHeights(True)
        self.setAccessibleName(self.tr("Runs by lineage"))
        header = self.header()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(False)
        self.run_items: dict[Path, QTreeWidgetItem] = {}
        self.pending_of: Callable[[RunSummary], str] = lambda _run: ""
        self._shape: object = None
        self.itemSelectionChanged.connect(lambda: self.runs_selected.emit(self.selected()))
        self.itemActivated.connect(self._open)
        theme.notifier().changed.connect(self.viewport().update)
        theme.notifier().changed.connect(self._forget_shape)
        show_tints(self)
        theme.notifier().changed.connect(self._show_signs)

    def show_runs(self, runs: list[RunSummary], versions: list[ManifestVersion]) -> None:
        """Fill the tree, keeping the selection; if only states have changed, the items stay."""
        shape = [(run.folder, run.version, run.parent) for run in runs], versions
        if shape == self._shape:
            for run in runs:
                self._fill(self.run_items[run.folder], run)
            return
        self._shape = shape
        selected = set(self.selected())
        self.blockSignals(True)
        self.clear()
        self.run_items = {}
        labels = {version.label: version for version in versions}
        groups: dict[str, QTreeWidgetItem] = {}
        names: dict[str, QTreeWidgetItem] = {}
        of_version: dict[str, str] = {}
        for run in runs:
            # A child is listed under its parent if both were trained on the same data, otherwise under its version.
            parent = names.get(run.parent) if of_version.get(run.parent) == run.version else None
            if parent is None:
                parent = self._group(run.version, labels.get(run.version), groups)
            item = self._item(run, parent)
            names[run.run], of_version[run.run] = item, run.version
            item.setSelected(run.folder in selected)
        self.expandAll()
        self.blockSignals(False)
        if set(self.selected()) != selected:
            self.runs_selected.emit(self.selected())

    def _forget_shape(self) -> None:
        self._shape = None  # icons and colours of the groups change with the theme

    def _group(
        self, label: str, version: ManifestVersion | None, groups: dict[str, QTreeWidgetItem]
    ) -> QTreeWidgetItem:
        if label not in groups:
            if version is None:
                text = label or self.tr("Unknown data")
            else:
                text = self.tr("{0}: {1:,} sprites").format(label, version.sprites)
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
        when = time.strftime("%d %b %H:%M", time.localtime(state.wall_time)) if state.wall_time else "–"
        texts = (shortened(run.run, 120), state_words(state, self.pending_of(run)), f"{state.iteration:,}")
        for column, text in enumerate(texts):
            item.setText(column, text)
        item.setData(0, _FOLDER, str(run.folder))
        tint(item, STATE_COLORS.get(state.state, "secondary"), 1)
        item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        words = [f"{run.run}: {state_name(state.state)}, {when}"]
        if state.state in ("interrupted", "stopped", "failed"):
            words.append(resume_label(state))
        words += [text for text in (why_finished(state) or state.reason, run.problem) if text]
        if run.parent:
            words.append(self.tr("derived from {0}").format(run.parent))
        for column in range(3):
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
        folders = self._in_view_order()
        if not folders:
            return
        selected = self.selected()
        at = folders.index(selected[-1]) + offset if selected else (0 if offset > 0 else -1)
        self.select([folders[min(max(at, 0), len(folders) - 1)] if at != -1 or selected else folders[-1]])

    def _in_view_order(self) -> list[Path]:
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
