"""The import report: counts, and every refused file with the reason."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.importing import ImportSummary
from gandam_studio.qt import theme
from gandam_studio.qt.counts import duration
from gandam_studio.qt.failures import helped
from gandam_studio.qt.widgets.fitting import WrappingRow, resize_within_screen
from gandam_studio.qt.widgets.outside_text import wrapped

_NOTES = 5
_TAGS = 12


class SummaryDialog(QDialog):
    """Attributes:
    table: one row per refused, missing or edited file; damaged pictures first.

    Signals:
        larger_requested: pictures that were too large are wanted all the same.
    """

    larger_requested = Signal()

    def __init__(self, summary: ImportSummary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Import report"))
        resize_within_screen(self, 760, 480)
        self._rows = list(summary.rows())
        numbers = WrappingRow(spacing=4 * theme.SPACE)
        always = (self.tr("imported"), self.tr("rejected"))
        for name, count in (
            (self.tr("imported"), summary.imported),
            (self.tr("exact copies merged"), summary.copies),
            (self.tr("already imported"), summary.already_imported),
            (self.tr("rejected"), summary.rejected_count),
            (self.tr("missing"), summary.missing_count),
            (self.tr("edited"), summary.edited_count),
            (self.tr("left out"), summary.others_count + summary.hidden),
            (self.tr("blank"), summary.blank),
            (self.tr("with captions"), summary.captions),
        ):
            if count or name in always:
                numbers.addWidget(_number(f"{count:,}", name))
        numbers.add_gap()
        numbers.addWidget(_number(duration(summary.seconds), self.tr("time taken")))
        self.table = self._make_table()
        note = QLabel(self.tr("Your files were not changed. Refused files are remembered and not read again."))
        note.setProperty("role", "secondary")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        buttons.button(QDialogButtonBox.StandardButton.Close).setDefault(True)
        if summary.too_large:
            larger = buttons.addButton(self.tr("Import the large ones too"), QDialogButtonBox.ButtonRole.ActionRole)
            larger.setToolTip(self.tr("Up to 256 million pixels; each may take a minute and gigabytes of memory"))
            larger.clicked.connect(lambda _checked=False: self._ask_larger())
        copy = buttons.addButton(self.tr("Copy the list"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.setAutoDefault(False)
        copy.clicked.connect(self._copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(16)
        layout.addLayout(numbers)
        lines = [helped(note, summary.remedies.get(note)) for note in summary.notes[:_NOTES]]
        if left_out := summary.left_out():
            lines.append(self.tr("Left out, as they are no pictures: {0}").format(left_out))
        if summary.tagged:
            tags = ", ".join(f"{tag} ({count:,})" for tag, count in list(summary.tagged.items())[:_TAGS])
            more = len(summary.tagged) - _TAGS
            tags = self.tr("{0} and {1} more").format(tags, f"{more:,}") if more > 0 else tags
            lines.append(self.tr("Tags given: {0}. Undo takes them back.").format(tags))
        for text in lines:
            line = QLabel(wrapped(text, word=40), wordWrap=True, textFormat=Qt.TextFormat.PlainText)
            line.setProperty("role", "secondary")
            layout.addWidget(line)
        layout.addWidget(self.table, 1)
        layout.addWidget(note)
        layout.addWidget(buttons)

    def _ask_larger(self) -> None:
        self.accept()
        self.larger_requested.emit()

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(len(self._rows), 3)
        table.setHorizontalHeaderLabels([self.tr("File"), self.tr("Result"), self.tr("Reason")])
        table.verticalHeader().hide()
        table.setAccessibleName(self.windowTitle())
        table.setShowGrid(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        table.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        table.setColumnWidth(0, 320)
        table.setWordWrap(False)
        table.setTextElideMode(Qt.TextElideMode.ElideLeft)
        for row, (verdict, path, reason) in enumerate(self._rows):
            for column, text in enumerate((path, verdict, reason)):
                # File names may contain line breaks; table rows must not.
                item = QTableWidgetItem(" ".join(text.split()))
                item.setToolTip(text)
                table.setItem(row, column, item)
        return table

    def _copy(self) -> None:
        text = "\n".join("\t".join((path, verdict, reason)) for verdict, path, reason in self._rows)
        QGuiApplication.clipboard().setText(text)


def _number(value: str, name: str) -> QWidget:
    figure = QLabel(value)
    figure.setProperty("role", "headline")
    label = QLabel(name)
    label.setProperty("role", "secondary")
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(figure)
    column.addWidget(label)
    return holder
