"""Small dialogs: keyboard shortcuts, edit history, about."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHeaderView,
    QLabel,
    QMessageBox,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

import gandam_studio
from gandam_studio.qt import icons, theme
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.tints import show_tints, tint

HISTORY_SHOWN = 500


class ShortcutsDialog(QDialog):
    """Every action with a shortcut, by menu."""

    def __init__(self, commands: list[tuple[QAction, str]], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(4 * theme.SPACE)
        grid.setVerticalSpacing(theme.HALF)
        menu_before = ""
        row = 0
        for action, menu in commands:
            keys = ", ".join(one.toString(QKeySequence.SequenceFormat.NativeText) for one in action.shortcuts())
            if not keys:
                continue
            if menu != menu_before:
                heading = QLabel(menu)
                heading.setProperty("role", "section")
                heading.setContentsMargins(0, theme.SPACE if row else 0, 0, 0)
                grid.addWidget(heading, row, 0, 1, 2)
                menu_before = menu
                row += 1
            name = QLabel(action.text().replace("&", ""))
            shown = QLabel(keys)
            shown.setProperty("role", "secondary")
            grid.addWidget(name, row, 0)
            grid.addWidget(shown, row, 1)
            row += 1
        inner = QWidget()
        inner.setLayout(grid)
        area = QScrollArea(widgetResizable=True)
        area.setWidget(inner)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(area)
        layout.addWidget(buttons)
        self.resize(460, 620)


class HistoryDialog(QDialog):
    """The edits of the workspace, newest first."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("History"))
        self.resize(620, 480)
        states = {"done": "", "undone": self.tr("undone"), "abandoned": self.tr("abandoned")}
        entries = session.workspace.history.entries(HISTORY_SHOWN)
        table = QTableWidget(len(entries), 3)
        table.setHorizontalHeaderLabels([self.tr("Edit"), self.tr("State"), self.tr("When (UTC)")])
        table.verticalHeader().hide()
        table.setAccessibleName(self.windowTitle())
        show_tints(table)
        table.setShowGrid(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for row, entry in enumerate(entries):
            when = entry.at.replace("T", " ").rstrip("Z")
            for column, text in enumerate((entry.label, states[entry.state], when)):
                item = QTableWidgetItem(text)
                if entry.state != "done":
                    tint(item, "muted")
                table.setItem(row, column, item)
        table.resizeColumnToContents(2)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(table)
        layout.addWidget(buttons)


def show_about(parent: QWidget) -> None:
    """Show name, version and licence."""
    box = QMessageBox(parent)
    box.setWindowTitle("GANdam Studio")
    box.setIconPixmap(icons.application_icon().pixmap(QSize(64, 64)))
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(f"GANdam Studio {gandam_studio.__version__}")
    box.setInformativeText(box.tr("Curate sprites, train a GAN on them, know what you are looking at. MIT licence."))
    run_dialog(box)
