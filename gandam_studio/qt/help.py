"""Small dialogs: keyboard shortcuts, edit history, about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHeaderView,
    QLabel,
    QMessageBox,
    QScrollArea,
    QTableView,
    QVBoxLayout,
    QWidget,
)

import gandam_studio
from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.history import HistoryEntry
from gandam_studio.core.workspace.review import names_of
from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.qt import icons, theme
from gandam_studio.qt.failures import explain
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.session import Session
from gandam_studio.qt.tips import keys_of, name_of
from gandam_studio.qt.widgets.fitting import resize_within_screen
from trainer.protocol.untrusted import shortened

HISTORY_SHOWN = 500
NAMED = 3  # sprites named in a row of the history

Index = QModelIndex | QPersistentModelIndex


class ShortcutsDialog(QDialog):
    """Every action with a shortcut, by menu, and the keys of modes: (heading, (what it does, key))."""

    def __init__(
        self,
        commands: list[tuple[QAction, str]],
        parent: QWidget,
        modes: Sequence[tuple[str, Sequence[tuple[str, str]]]] = (),
        *,
        modes_first: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(4 * theme.SPACE)
        grid.setVerticalSpacing(theme.HALF)
        sections: dict[str, list[tuple[str, str]]] = {}
        for action, menu in commands:
            if keys := keys_of(action):
                sections.setdefault(menu, []).append((name_of(action), keys))
        row = 0
        by_menu = list(sections.items())
        for title, entries in [*modes, *by_menu] if modes_first else [*by_menu, *modes]:
            heading = QLabel(title)
            heading.setProperty("role", "section")
            heading.setContentsMargins(0, theme.SPACE if row else 0, 0, 0)
            grid.addWidget(heading, row, 0, 1, 2)
            for place, (text, keys) in enumerate(entries, start=row + 1):
                shown = QLabel(keys)
                shown.setProperty("role", "secondary")
                grid.addWidget(QLabel(text), place, 0)
                grid.addWidget(shown, place, 1)
            row += len(entries) + 1
        inner = QWidget()
        inner.setLayout(grid)
        area = QScrollArea(widgetResizable=True)
        area.setWidget(inner)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(area)
        layout.addWidget(buttons)
        # As wide as the longest keys, so that nothing has to be scrolled sideways.
        resize_within_screen(self, max(460, inner.sizeHint().width() + 64), 560)


class HistoryDialog(QDialog):
    """The edits of the workspace, newest first, with the sprites they changed.

    Attributes:
        table: the edits.
        chosen: row numbers of the sprites to show after closing; None for none.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("History"))
        resize_within_screen(self, 820, 520)
        self.chosen: Seqs | None = None
        self._history = session.workspace.history
        self.model = _HistoryModel(session.workspace, self)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName(self.tr("Edits, newest first"))
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        advance = self.fontMetrics().horizontalAdvance
        for column, width in ((0, 250), (2, advance("abandoned") + 24), (3, advance("2000-00-00 00:00:00") + 32)):
            header.resizeSection(column, width)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.doubleClicked.connect(lambda _index: self._choose())
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.show_button = buttons.addButton(self.tr("Show the sprites"), QDialogButtonBox.ButtonRole.ActionRole)
        self.show_button.setDefault(True)
        self.show_button.setToolTip(self.tr("Select the sprites of this edit in Curate (Enter)"))
        self.show_button.clicked.connect(lambda _checked=False: self._choose())
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.table)
        layout.addWidget(buttons)
        self.table.selectionModel().currentRowChanged.connect(lambda *_rows: self._enable())
        if self.model.entries:
            self.table.selectRow(0)
        self._enable()
        self.table.setFocus()

    def _enable(self) -> None:
        row = self.table.currentIndex().row()
        self.show_button.setEnabled(row >= 0 and self.model.entries[row].sprites > 0)

    def _choose(self) -> None:
        row = self.table.currentIndex().row()
        if row >= 0:
            self.chosen = self._history.seqs_of(self.model.entries[row].edit)
            self.accept() if len(self.chosen) else None


class _HistoryModel(QAbstractTableModel):
    """The newest edits; names are looked up for the rows that are shown."""

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.entries = workspace.history.entries(HISTORY_SHOWN)
        self._names: dict[int, str] = {}
        self._states = {"done": "", "undone": self.tr("undone"), "abandoned": self.tr("abandoned")}
        self._titles = (self.tr("Edit"), self.tr("Sprites"), self.tr("State"), self.tr("When"))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.ForegroundRole and entry.state != "done":
            return theme.color("muted")
        if role == Qt.ItemDataRole.DisplayRole:
            column = index.column()
            if column == 1:
                return self._named(entry)
            return (entry.label, "", self._states[entry.state], local_time(entry.at))[column]
        return None

    def _named(self, entry: HistoryEntry) -> str:
        if entry.edit not in self._names:
            self._names[entry.edit] = self._look_up(entry)
        return self._names[entry.edit]

    def _look_up(self, entry: HistoryEntry) -> str:
        if not entry.sprites:
            return ""
        try:
            seqs = self._workspace.history.seqs_of(entry.edit)
            names = [shortened(name, 60) for name in names_of(self._workspace, seqs[:NAMED])]
        except UserError as error:  # a damaged row of the history
            return explain(error)
        more = len(seqs) - len(names)
        text = ", ".join(names)
        return self.tr("{0} and {1:,} more").format(text, more) if more > 0 else text


def local_time(at: str) -> str:
    """A stored time (UTC, ISO 8601) as local date and time; the text itself if it is not a time."""
    try:
        moment = datetime.fromisoformat(at).astimezone()
    except ValueError:
        return shortened(at, 40)
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def show_about(parent: QWidget) -> None:
    """Show name, version and licence."""
    box = QMessageBox(parent)
    box.setWindowTitle("GANdam Studio")
    box.setIconPixmap(icons.application_icon().pixmap(QSize(64, 64)))
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(f"GANdam Studio {gandam_studio.__version__}")
    box.setInformativeText(box.tr("Curate sprites, train a GAN on them, know what you are looking at. MIT licence."))
    run_dialog(box)
