"""The table of differences between runs."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.runs.comparison import LONGEST, Difference, RunComparison, row_name, value_words
from gandam_studio.qt import theme
from gandam_studio.qt.widgets.outside_text import tip, wrapped
from gandam_studio.qt.widgets.tints import show_tints, tint
from trainer.protocol.advice import advice
from trainer.protocol.untrusted import shortened


class DifferenceTable(QWidget):
    """Attributes:
    summary: how many factors differ and whether the comparison is meaningful. table: the rows.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.summary = QLabel(wordWrap=True)
        self.table = QTableWidget()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setShowGrid(False)
        show_tints(self.table)
        self.table.setAlternatingRowColors(True)
        self.table.verticalHeader().hide()
        self.table.setAccessibleName(self.tr("Differences"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.HALF)
        layout.addWidget(self.summary)
        layout.addWidget(self.table, 1)

    def show_comparison(self, comparison: RunComparison) -> None:
        """Show these differences."""
        data = [html.escape(wrapped(line)) for _name, line in comparison.data if line]
        self.summary.setText("<br>".join([self._verdict(comparison), *data]))
        rows = comparison.differences
        self.table.clear()
        self.table.setColumnCount(1 + len(comparison.names))
        self.table.setRowCount(len(rows))
        self.table.setHorizontalHeaderLabels(
            [self.tr("What differs"), *(shortened(name, 60) for name in comparison.names)]
        )
        for position, row in enumerate(rows):
            name = QTableWidgetItem(shortened(row_name(row), LONGEST))
            name.setToolTip(tip(_explained(row)))
            if not row.is_factor:
                tint(name, "muted")
            self.table.setItem(position, 0, name)
            for column, value in enumerate(row.values):
                item = QTableWidgetItem(value_words(value))
                item.setToolTip(tip(value_words(value)))
                if value != row.values[0]:
                    tint(item, "accent")
                self.table.setItem(position, column + 1, item)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.resizeRowsToContents()

    def _verdict(self, comparison: RunComparison) -> str:
        count = comparison.factors
        if count == 0:
            return self.tr("<b>No differences</b> in settings or data: if the results differ, that is luck.")
        if count == 1 and any(comparison.other_data):
            return self.tr("<b>One thing</b> differs, the data: it explains different results, apart from luck.")
        if count == 1:
            return self.tr("<b>One thing</b> differs: it explains different results, apart from luck.")
        return self.tr(
            "<b>{0} things</b> differ, so you cannot tell which one made the results differ (confounded: {0} factors)."
        ).format(count)


def _explained(row: Difference) -> str:
    """What a row is, what good and bad values look like, and its name in files and commands."""
    sentences = [row.meaning[:1].upper() + row.meaning[1:], advice(row.name)]
    told = " ".join(f"{sentence}." for sentence in sentences if sentence)
    return f"{told}\n{row.name}" if row.group == "configuration" else told
