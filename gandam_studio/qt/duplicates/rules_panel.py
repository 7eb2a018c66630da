"""The rules panel: rules that choose the sprite to keep, in an order set by dragging, with a preview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.qt import icons, theme
from gandam_studio.qt.widgets.numbers import WholeBox

SURE = 95  # percent: at this confidence no two different sprites of the bundled mechas are dropped for each other
_KEY = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class RuleText:
    """A rule for display: its key in the core, a name, and a sentence about what it prefers."""

    key: str
    name: str
    meaning: str


@dataclass(frozen=True)
class PreviewText:
    """A description of what applying the rules would do.

    Attributes:
        lines: one fact per line; the first says what happens, the others count and explain.
        possible: whether there is anything to apply.
        kept_groups: groups with copies that stay only because they are marked keep.
    """

    lines: tuple[str, ...]
    possible: bool
    kept_groups: int = 0


class RuleList(QListWidget):
    """Rules from the strongest to the last tie-break; reordered with the mouse or Alt+Up and Alt+Down.

    Signals:
        order_changed: the order or choice of rules changed.
    """

    order_changed = Signal()

    def __init__(self, rules: Sequence[RuleText], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Rules in order of priority"))
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for rule in rules:
            self._add(rule, True)
        self._fit()
        self.model().rowsMoved.connect(lambda *_: self.order_changed.emit())
        self.itemChanged.connect(lambda _item: self.order_changed.emit())

    def changeEvent(self, event: QEvent) -> None:
        """Fit the height again once the style sheet's font is known, and when it changes."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Fit the height: only now margins and paddings of the style sheet are known."""
        super().showEvent(event)
        self._fit()

    def _fit(self) -> None:
        """All rules are visible without scrolling."""
        for row in range(self.count()):
            self.item(row).setSizeHint(QSize(0, self.fontMetrics().height() + 12))
        frame = self.height() - self.viewport().height()
        rows = sum(self.sizeHintForRow(row) for row in range(self.count()))
        self.setFixedHeight(rows + frame)

    def order(self) -> list[str]:
        """Keys of the enabled rules, strongest first."""
        items = [self.item(row) for row in range(self.count())]
        return [str(item.data(_KEY)) for item in items if item.checkState() is Qt.CheckState.Checked]

    def set_order(self, keys: Sequence[str]) -> None:
        """Enable these rules in this order, with the others below them and disabled. Emits no signal."""
        self.blockSignals(True)
        for place, key in enumerate(keys):
            for row in range(place, self.count()):
                if self.item(row).data(_KEY) == key:
                    self.insertItem(place, self.takeItem(row))
                    break
        for row in range(self.count()):
            item = self.item(row)
            item.setCheckState(Qt.CheckState.Checked if item.data(_KEY) in keys else Qt.CheckState.Unchecked)
        self.blockSignals(False)

    def move(self, step: int) -> None:  # type: ignore[override]
        """Move the current rule up (-1) or down (1)."""
        row = self.currentRow()
        target = row + step
        if row < 0 or not 0 <= target < self.count():
            return
        self.insertItem(target, self.takeItem(row))
        self.setCurrentRow(target)
        self.order_changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Alt with an arrow key moves the rule instead of the selection."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.move(step)
        else:
            super().keyPressEvent(event)

    def _add(self, rule: RuleText, on: bool) -> None:
        item = QListWidgetItem(rule.name)
        item.setData(_KEY, rule.key)
        item.setToolTip(rule.meaning)
        # Drops are allowed between items only, so that a rule never replaces another.
        flags = item.flags() | Qt.ItemFlag.ItemIsUserCheckable
        item.setFlags(flags & ~Qt.ItemFlag.ItemIsDropEnabled)
        item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        self.addItem(item)


class RulesPanel(QWidget):
    """Signals:
    order_changed: the order of the rules changed (list of keys).
    relations_changed: the relations to drop, the confidence, or whether kept sprites are included, changed.
    apply_requested: the previewed change should be applied to all groups shown.
    """

    order_changed = Signal(list)
    relations_changed = Signal()
    apply_requested = Signal()

    def __init__(
        self, rules: Sequence[RuleText], relations: Sequence[tuple[str, str]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.rules = RuleList(rules)
        self.rules.order_changed.connect(lambda: self.order_changed.emit(self.rules.order()))
        explanation = QLabel(
            self.tr("Keeps the best of each group: the first rule decides, the next breaks ties. Drag to reorder."),
            wordWrap=True,
        )
        explanation.setProperty("role", "secondary")
        self.relations = {name: self._relation(name, text) for name, text in relations}
        self.include_kept = QCheckBox(self.tr("even if marked keep"))
        self.include_kept.setToolTip(
            self.tr("The best of each group still stays. Switched off again once the rules are applied.")
        )
        self.include_kept.toggled.connect(lambda _on: self.relations_changed.emit())
        self.kept_button = QPushButton(self.tr("Include the kept groups"))
        self.kept_button.setToolTip(self.tr("Then check the preview and apply; a single undo reverts it"))
        self.kept_button.clicked.connect(lambda _checked=False: self.include_kept.setChecked(True))
        self.kept_button.hide()
        self.headline = QLabel(wordWrap=True)
        self.headline.setTextFormat(Qt.TextFormat.RichText)
        self.preview = QLabel(wordWrap=True)
        self.preview.setTextFormat(Qt.TextFormat.RichText)
        self.preview.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.apply_button = QPushButton(self.tr("Apply to all groups"))
        self.apply_button.setProperty("role", "primary")
        self.apply_button.setToolTip(self.tr("A single undo reverts it"))
        self.apply_button.clicked.connect(lambda _checked=False: self.apply_requested.emit())
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(14, 12, 14, theme.SPACE)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(explanation)
        layout.addLayout(self._movers())
        layout.addWidget(self.rules)
        layout.addSpacing(theme.HALF)
        layout.addWidget(section(self.tr("Drop copies that are")))
        grid = QGridLayout()
        grid.setSpacing(theme.HALF)
        for place, box in enumerate(self.relations.values()):
            grid.addWidget(box, place // 2, place % 2)
        layout.addLayout(grid)
        layout.addWidget(self.include_kept)
        self.sure = WholeBox()
        self.sure.setRange(50, 100)
        self.sure.setValue(SURE)
        self.sure.setSuffix(" %")
        self.sure.setFixedWidth(84)
        self.sure.setAccessibleName(self.tr("Minimum confidence of a drop, percent"))
        self.sure.setToolTip(
            self.tr("How sure the search must be that a sprite is a copy; less certain ones are left for you")
        )
        self.sure.valueChanged.connect(lambda _value: self.relations_changed.emit())
        row = QHBoxLayout()
        row.addWidget(QLabel(self.tr("Minimum confidence")))
        row.addStretch()
        row.addWidget(self.sure)
        layout.addLayout(row)
        layout.addSpacing(theme.HALF)
        self._details = section(self.tr("In detail"))
        layout.addWidget(self._details)
        layout.addWidget(self.preview)
        layout.addStretch()
        # In a low window the panel scrolls, so that no line is cut; what will happen and the buttons stay in sight.
        area = QScrollArea(widgetResizable=True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        footer = QFrame()
        footer.setProperty("role", "footer")
        foot = QVBoxLayout(footer)
        foot.setContentsMargins(14, theme.SPACE, 14, 14)
        foot.setSpacing(theme.SPACE)
        foot.addWidget(self.headline)
        foot.addWidget(self.kept_button)
        foot.addWidget(self.apply_button)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(area, 1)
        outer.addWidget(footer)

    def show_preview(self, preview: PreviewText) -> None:
        """Show what applying would do."""
        head, *details = preview.lines
        self._show_text(head, "<br>".join(details))
        self.apply_button.setEnabled(preview.possible)
        groups = preview.kept_groups
        text = self.tr("Include the kept group") if groups == 1 else self.tr("Include the {0} kept groups")
        self.kept_button.setText(text.format(f"{groups:,}"))
        self.kept_button.setVisible(groups > 0)

    @property
    def confidence(self) -> float:
        """The minimum confidence of a drop by the rules, in [0, 1]."""
        return self.sure.value() / 100

    def show_busy(self) -> None:
        """Show that the preview is being computed."""
        self._show_text(self.tr("Computing…"), "")
        self.apply_button.setEnabled(False)
        self.kept_button.hide()

    def _show_text(self, head: str, details: str) -> None:
        self.headline.setText(head)
        self.preview.setText(details)
        self._details.setVisible(bool(details))

    def chosen_relations(self) -> frozenset[str]:
        """The relations whose duplicates are dropped."""
        return frozenset(name for name, box in self.relations.items() if box.isChecked())

    def _relation(self, name: str, text: str) -> QCheckBox:
        box = QCheckBox(text)
        box.setChecked(True)
        box.toggled.connect(lambda _on: self.relations_changed.emit())
        return box

    def _movers(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.HALF)
        row.addWidget(section(self.tr("Which one is kept")))
        row.addStretch()
        for name, icon, step in ((self.tr("Earlier"), "control-chevron-up", -1), (self.tr("Later"), "chevron-down", 1)):
            button = QToolButton()
            button.setAccessibleName(name)
            button.setToolTip(f"{name}  (Alt+{'↑' if step < 0 else '↓'})")
            icons.set_icon(button, icon, "secondary", 16)
            button.clicked.connect(lambda _checked=False, step=step: self.rules.move(step))
            row.addWidget(button)
        return row


def section(text: str) -> QLabel:
    """A small heading within a panel."""
    label = QLabel(text)
    label.setProperty("role", "section")
    return label
