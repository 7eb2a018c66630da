"""Dialog about missing or altered files, with a search for the originals."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.versions import Verified
from gandam_studio.qt import icons, theme
from gandam_studio.qt.widgets.fitting import resize_within_screen

SHOWN = 2000


class DamageDialog(QDialog):
    """Signals:
    relink_requested: a folder should be searched for the originals (str).
    """

    relink_requested = Signal(str)

    def __init__(self, found: Verified, *, may_relink: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Missing or altered files"))
        head = QLabel(
            self.tr(
                "Missing or altered: {0} of {1} files. Your decisions are safe, but pictures made from these "
                "files are not."
            ).format(f"{len(found.damage):,}", f"{found.originals + found.manifests:,}"),
            wordWrap=True,
        )
        rows = found.damage[:SHOWN]
        self.table = QTableWidget(len(rows), 3)
        self.table.setHorizontalHeaderLabels([self.tr("Needed by"), self.tr("File"), self.tr("Problem")])
        self.table.verticalHeader().hide()
        self.table.setAccessibleName(self.windowTitle())
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for row, item in enumerate(rows):
            names = ", ".join(item.names[:3]) + (f" +{len(item.names) - 3}" if len(item.names) > 3 else "")
            for column, text in enumerate((names, f"{item.kind} {item.digest[:12]}", item.problem)):
                self.table.setItem(row, column, QTableWidgetItem(text))
        self.table.resizeColumnToContents(1)
        self.table.resizeColumnToContents(2)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        buttons.button(QDialogButtonBox.StandardButton.Close).setDefault(True)
        if may_relink and any(item.kind == "original" for item in found.damage):
            relink = buttons.addButton(self.tr("Search a folder for them…"), QDialogButtonBox.ButtonRole.ActionRole)
            icons.set_icon(relink, "search")
            # Never filled with the accent, on which its icon would not stand out.
            relink.setAutoDefault(False)
            relink.clicked.connect(self._ask_folder)
        layout = QVBoxLayout(self)
        layout.setSpacing(theme.SPACE + theme.HALF)
        layout.addWidget(head)
        layout.addWidget(self.table)
        layout.addWidget(buttons)
        resize_within_screen(self, 680, 420)

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Folder to search for the originals"))
        if folder:
            self.relink_requested.emit(folder)
            self.accept()
