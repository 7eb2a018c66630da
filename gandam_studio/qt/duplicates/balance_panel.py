"""The balance panel: the largest families, and the effect of a cap or weights on them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.workspace import Workspace
from gandam_studio.qt import theme
from gandam_studio.qt.duplicates.family_list import FamilyList, FamilyRow
from gandam_studio.qt.duplicates.rules_panel import PreviewText, section
from gandam_studio.qt.widgets.numbers import WholeBox


class BalancePanel(QWidget):
    """Signals:
    choice_changed: the treatment of large families was changed.
    name_requested: the groups should be recorded as families.
    apply_requested: the previewed change should be applied.
    """

    AS_IT_IS, WEIGHT, CAP = "none", "weight", "cap"

    choice_changed = Signal()
    name_requested = Signal()
    apply_requested = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        explanation = _text_label(
            self.tr(
                "A family is one character in all its colours and forms. A network draws most what it sees "
                "most, so large families crowd out the others."
            )
        )
        explanation.setProperty("role", "secondary")
        self.list = FamilyList(workspace)
        self.headline = _text_label()
        self.name_button = QPushButton(self.tr("Name the groups as families"))
        self.name_button.setToolTip(self.tr("One family per group; a single undo reverts it"))
        self.name_button.clicked.connect(lambda _checked=False: self.name_requested.emit())
        self.preview = _text_label()
        self.preview.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.apply_button = QPushButton(self.tr("Apply to the data set"))
        self.apply_button.setProperty("role", "primary")
        self.apply_button.setToolTip(self.tr("A single undo reverts it"))
        self.apply_button.clicked.connect(lambda _checked=False: self.apply_requested.emit())
        self._choices = QWidget()
        self._choices.setLayout(self._make_choices())
        happens = section(self.tr("Preview"))
        self._filled = (self.list, self._choices, happens, self.preview, self.apply_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 14)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(explanation)
        layout.addWidget(self.headline)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.name_button)
        layout.addWidget(self._choices)
        layout.addWidget(happens)
        layout.addWidget(self.preview)
        layout.addWidget(self.apply_button)
        layout.addStretch()
        self.show_families(())

    @property
    def mode(self) -> str:
        """`AS_IT_IS`, `WEIGHT` or `CAP`."""
        button = self._group.checkedButton()
        return str(button.property("mode")) if button else self.AS_IT_IS

    @property
    def at_most(self) -> int:
        """How many sprites a family may count for, or may keep; 0 for no limit."""
        numbers = {self.WEIGHT: self.weight_number, self.CAP: self.cap_number}
        return numbers[self.mode].value() if self.mode in numbers else 0

    def counts_for(self, size: int) -> float:
        """How many sprites a family of that size would count for with the current choice."""
        return float(min(size, self.at_most) if self.at_most else size)

    def show_families(self, rows: Sequence[FamilyRow]) -> None:
        """List these families; if there are none, only naming is offered."""
        self.list.show_families(rows)
        for widget in self._filled:
            widget.setVisible(bool(rows))

    def show_naming(self, text: str, possible: bool) -> None:
        """Set the text and state of the button that names the groups."""
        self.name_button.setText(text)
        self.name_button.setEnabled(possible)

    def show_preview(self, preview: PreviewText) -> None:
        """Show what applying would do."""
        self.preview.setText("<br>".join(preview.lines))
        self.apply_button.setEnabled(preview.possible)

    def _make_choices(self) -> QVBoxLayout:
        self._group = QButtonGroup(self)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.HALF)
        as_it_is = self._choice(self.AS_IT_IS, self.tr("Every sprite counts the same"))
        as_it_is.setChecked(True)
        column.addWidget(as_it_is)
        self.weight_number = self._number(1, self.tr("Sprites a family may count for"))
        self.weigh = self._choice(self.WEIGHT, self.tr("Weight: count as"))
        column.addLayout(_row(self.weigh, self.weight_number))
        self.cap_number = self._number(3, self.tr("Sprites a family may keep"))
        self.cap = self._choice(self.CAP, self.tr("Cap: drop all but"))
        column.addLayout(_row(self.cap, self.cap_number))
        return column

    def _choice(self, mode: str, text: str) -> QRadioButton:
        button = QRadioButton(text)
        button.setProperty("mode", mode)
        button.toggled.connect(lambda on: self.choice_changed.emit() if on else None)
        self._group.addButton(button)
        return button

    def _number(self, value: int, name: str) -> WholeBox:
        box = WholeBox()
        box.setRange(1, 9999)
        box.setValue(value)
        box.setFixedWidth(76)
        box.setAccessibleName(name)
        box.valueChanged.connect(lambda _value: self.choice_changed.emit())
        return box


def _text_label(text: str = "") -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    return label


def _row(button: QRadioButton, number: WholeBox) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(theme.HALF)
    row.addWidget(button)
    row.addStretch()
    row.addWidget(number)
    return row
