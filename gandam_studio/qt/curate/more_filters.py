"""More filters in a popup: tag, source, family, reason, size, colours, aspect ratio, alpha."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.query import Filter
from gandam_studio.core.workspace.review import known_families, known_reasons, known_tags
from gandam_studio.qt import theme
from gandam_studio.qt.curate.criteria import FIELDS
from gandam_studio.qt.widgets.focus import keep_plain_keys
from gandam_studio.qt.widgets.numbers import DecimalBox, WholeBox


class MoreFilters(QFrame):
    """Signals:
    changed: the criteria changed (field of Filter -> value).
    """

    changed = Signal(object)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "popup")
        self.setAccessibleName(self.tr("More filters"))
        self._workspace = workspace
        self._loading = False
        self.tag = _choice()
        self.tag.setToolTip(self.tr("Prefix with a minus to find sprites without the tag"))
        self.source = QLineEdit(placeholderText=self.tr("part of the path"))
        self.family = _choice()
        self.reason = _choice()
        self.alpha = QComboBox()
        for text, value in ((self.tr("Any"), None), (self.tr("Transparent"), True), (self.tr("Opaque"), False)):
            self.alpha.addItem(text, value)
        self.blank = QComboBox()
        for text, both in (
            (self.tr("Any"), (None, None)),
            (self.tr("Blank"), (True, None)),
            (self.tr("Hard to see"), (None, True)),
            (self.tr("Hard to see, not blank"), (False, True)),
            (self.tr("Not blank"), (False, None)),
            (self.tr("Easy to see"), (None, False)),
        ):
            self.blank.addItem(text, both)
        self.blank.setToolTip(
            self.tr(
                "Blank sprites are empty or of one colour. Hard to see are those of the recipe's background colour, "
                "such as white on white."
            )
        )
        self.sides = (_whole(1, 1 << 20), _whole(1, 1 << 20))
        self.colors = (_whole(1, 4096), _whole(1, 4096))
        self.aspects = (_ratio(), _ratio())
        self._lay_out()
        for combo in (self.tag, self.family, self.reason):
            combo.editTextChanged.connect(lambda _text: self._emit_changes())
        self.source.textChanged.connect(lambda _text: self._emit_changes())
        for choice in (self.alpha, self.blank):
            choice.currentIndexChanged.connect(lambda _index: self._emit_changes())
        for box in (*self.sides, *self.colors, *self.aspects):
            box.valueChanged.connect(lambda _value: self._emit_changes())

    def open_under(self, button: QWidget, chosen: Filter) -> None:
        """Open below a button, showing a filter's criteria."""
        self._loading = True
        for combo, words, text in (
            (self.tag, known_tags(self._workspace), chosen.tag),
            (self.family, ["*", *known_families(self._workspace)], chosen.family),
            (self.reason, known_reasons(self._workspace), chosen.reason),
        ):
            combo.clear()
            combo.addItems(["", *words])
            combo.setEditText(text)
        self.source.setText(chosen.source)
        self.alpha.setCurrentIndex(self.alpha.findData(chosen.alpha))
        self.blank.setCurrentIndex(
            next((i for i in range(self.blank.count()) if self.blank.itemData(i) == (chosen.blank, chosen.faint)), 0)
        )
        for (low, high), first, second in (
            (self.sides, chosen.min_side, chosen.max_side),
            (self.colors, chosen.min_colors, chosen.max_colors),
            (self.aspects, chosen.min_aspect, chosen.max_aspect),
        ):
            low.setProperty("value", first or 0)
            high.setProperty("value", second or 0)
        self._loading = False
        self.adjustSize()
        self.move(button.mapToGlobal(QPoint(0, button.height() + theme.HALF)))
        self.show()
        self.tag.setFocus()

    def event(self, event: QEvent) -> bool:
        """Keep plain keys from the screen behind."""
        return keep_plain_keys(event) or super().event(event)

    def _emit_changes(self) -> None:
        if self._loading:
            return
        self.changed.emit(
            {
                "tag": self.tag.currentText().strip(),
                "source": self.source.text().strip(),
                "family": self.family.currentText().strip(),
                "reason": self.reason.currentText().strip(),
                "alpha": self.alpha.currentData(),
                "blank": self.blank.currentData()[0],
                "faint": self.blank.currentData()[1],
                "min_side": self.sides[0].value() or None,
                "max_side": self.sides[1].value() or None,
                "min_colors": self.colors[0].value() or None,
                "max_colors": self.colors[1].value() or None,
                "min_aspect": self.aspects[0].value() or None,
                "max_aspect": self.aspects[1].value() or None,
            }
        )

    def _clear(self) -> None:
        plain = {name: getattr(Filter(), name) for name in FIELDS}
        self.changed.emit(plain)
        self.close()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(2 * theme.SPACE)
        form.setVerticalSpacing(theme.SPACE)
        for name, widget in (
            (self.tr("Tag"), self.tag),
            (self.tr("Source"), self.source),
            (self.tr("Family"), self.family),
            (self.tr("Drop reason"), self.reason),
            (self.tr("Background"), self.alpha),
            (self.tr("Content"), self.blank),
            (self.tr("Longer side"), _between(*self.sides)),
            (self.tr("Colours"), _between(*self.colors)),
            (self.tr("Width / height"), _between(*self.aspects)),
        ):
            form.addRow(name, widget)
            for part in (widget, *widget.findChildren(QWidget)):
                if not part.accessibleName():
                    part.setAccessibleName(name)
            if len(ends := widget.findChildren(QAbstractSpinBox)) == 2:
                ends[0].setAccessibleName(self.tr("{0}, at least").format(name))
                ends[1].setAccessibleName(self.tr("{0}, at most").format(name))
        clear = QPushButton(self.tr("Clear these"))
        clear.clicked.connect(self._clear)
        done = QPushButton(self.tr("Done"))
        done.setProperty("role", "primary")
        done.clicked.connect(self.close)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(clear)
        buttons.addWidget(done)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        layout.addLayout(form)
        layout.addLayout(buttons)


def _choice() -> QComboBox:
    combo = QComboBox(editable=True)
    combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    combo.setMinimumWidth(220)
    return combo


def _whole(low: int, high: int) -> WholeBox:
    box = WholeBox()
    box.setRange(low - 1, high)
    box.setSpecialValueText("–")
    return box


def _ratio() -> DecimalBox:
    box = DecimalBox()
    box.setRange(0, 100)
    box.setSingleStep(0.1)
    box.setSpecialValueText("–")
    return box


def _between(low: QWidget, high: QWidget) -> QWidget:
    both = QWidget()
    layout = QHBoxLayout(both)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(theme.SPACE)
    layout.addWidget(low, 1)
    layout.addWidget(QLabel("–"))
    layout.addWidget(high, 1)
    return both
