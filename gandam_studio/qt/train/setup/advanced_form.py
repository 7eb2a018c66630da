"""All settings of a run by section, searchable, with marks where they differ from the preset."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.train.setup.draft import ConfigDraft, editable_fields
from gandam_studio.qt.train.setup.field_editors import FieldRow
from trainer.protocol.advice import SECTIONS

SHORTEST = 220  # logical pixels of the list of settings, in a small window that scrolls


class AdvancedForm(QWidget):
    """Attributes:
    rows: one per setting, by dotted path.
    """

    def __init__(self, draft: ConfigDraft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: dict[str, FieldRow] = {}
        self._sections: dict[str, tuple[QLabel, list[FieldRow]]] = {}
        self.search = QLineEdit(
            placeholderText=self.tr("Find a setting: rate, batch, penalty …"), clearButtonEnabled=True
        )
        self.search.setAccessibleName(self.tr("Find a setting"))
        self.search.textChanged.connect(self._filter)
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, theme.SPACE, 0)
        self._column.setSpacing(0)
        for info in editable_fields():
            self._add(FieldRow(info, draft, info.name))
        self._column.addStretch(1)
        area = QScrollArea(widgetResizable=True)
        area.setWidget(inner)
        area.setMinimumHeight(SHORTEST)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.search)
        layout.addWidget(area, 1)

    def _add(self, row: FieldRow) -> None:
        section = row.info.path.rpartition(".")[0]
        if section not in self._sections:
            heading = QLabel(SECTIONS.get(section, section).upper())
            heading.setProperty("role", "section")
            heading.setContentsMargins(0, 12 if self._sections else 4, 0, 3)
            self._column.addWidget(heading)
            self._sections[section] = (heading, [])
        self._sections[section][1].append(row)
        self._column.addWidget(row)
        self.rows[row.info.path] = row

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        for heading, rows in self._sections.values():
            shown = 0
            for row in rows:
                subject = f"{row.info.path} {row.name.text()} {row.info.meaning} {row.info.advice}".lower()
                visible = all(word in subject for word in words)
                row.setVisible(visible)
                shown += visible
            heading.setVisible(shown > 0)
