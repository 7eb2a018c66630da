"""The bar above the cards: maximum distance, filter, counts, and Find again."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QToolButton,
    QWidget,
)

from gandam_studio.qt import counts, icons, theme
from gandam_studio.qt.counts import counted
from gandam_studio.qt.duplicates.wording import relation_meaning, relation_name

STEPS = 100  # of the slider, from distance 0 to 1
NARROWEST_SLIDER, WIDEST_SLIDER = 56, 200  # logical pixels
ALL = ""
COPIES = "copies"
"""Data of the filter that `show_copies` adds."""


class TopBar(QFrame):
    """Signals:
    distance_changed: the slider moved (distance, 0 to `largest`).
    filter_changed: the filter changed.
    find_requested: a new search was requested.
    """

    distance_changed = Signal(float)
    filter_changed = Signal()
    find_requested = Signal()

    def __init__(self, largest: float, relations: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "bar")
        self._name = QLabel(self.tr("Distance"))
        self._name.setProperty("role", "secondary")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, round(largest * STEPS))
        self.slider.setPageStep(5)
        self.slider.setFixedWidth(WIDEST_SLIDER)
        self.slider.setAccessibleName(self.tr("How different copies may be"))
        self.slider.setToolTip(
            self.tr(
                "How different copies may be (distance): 0 finds equal pixels only, more finds less similar sprites too"
            )
        )
        self.slider.valueChanged.connect(self._emit_distance)
        self.number = QLabel()
        self.number.setMinimumWidth(36)
        self.relation = QComboBox()
        self.relation.setAccessibleName(self.tr("Kind of copy"))
        self.relation.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.relation.setMinimumContentsLength(11)
        self.relation.addItem(self.tr("All kinds"), ALL)
        for relation in relations:
            self.relation.addItem(relation_name(relation).capitalize(), relation)
            last = self.relation.count() - 1
            self.relation.setItemData(last, relation_meaning(relation), Qt.ItemDataRole.ToolTipRole)
        self.relation.currentIndexChanged.connect(lambda _index: self.filter_changed.emit())
        self.undecided_only = QCheckBox(self.tr("Undecided only"))
        self.undecided_only.toggled.connect(lambda _on: self.filter_changed.emit())
        self.counts = QLabel()
        self.counts.setProperty("role", "secondary")
        self.find_button = QPushButton(self.tr("Find again"))
        icons.set_icon(self.find_button, "search", size=16)
        self.find_button.clicked.connect(lambda _checked=False: self.find_requested.emit())
        self.panel_button = QToolButton()  # of the screen's action
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(12, theme.SPACE, 12, theme.SPACE)
        row.setSpacing(theme.SPACE)
        for widget in (self._name, self.slider, self.number, self.relation, self.undecided_only):
            row.addWidget(widget)
        row.addStretch()
        row.addWidget(self.counts)
        row.addSpacing(theme.SPACE)
        row.addWidget(self.find_button)
        row.addWidget(self.panel_button)
        self._show_number()

    @property
    def distance(self) -> float:
        """The distance set by the slider."""
        return self.slider.value() / STEPS

    def set_distance(self, distance: float) -> None:
        """Move the slider; emits `distance_changed` if it moved."""
        self.slider.setValue(round(distance * STEPS))
        self._show_number()

    def show_counts(self, groups: int, sprites: int, settled: int) -> None:
        """Show the numbers of listed groups, of their sprites, and of settled groups."""
        text = self.tr("{0} · {1} · {2} decided")
        number = counted(groups, self.tr("1 group"), self.tr("{0} groups"))
        self.counts.setText(text.format(number, counts.sprites(sprites), f"{settled:,}"))
        self._fit()

    def minimumSizeHint(self) -> QSize:
        """The size with the shortest slider, without its name, and only the sign of the last button."""
        hint = super().minimumSizeHint()
        spare = self.slider.width() - NARROWEST_SLIDER
        spare += self._button_name() if self._names_panel else 0
        spare += 0 if self._name.isHidden() else self._slider_name()
        return QSize(hint.width() - spare, hint.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out the names of the last button and of the slider, and shrink it, before the counts are cut off."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        spare = self.width() - self.minimumSizeHint().width()
        named = spare >= self._slider_name()
        self._name.setVisible(named)
        spare -= self._slider_name() if named else 0
        named = spare >= self._button_name()
        styles = Qt.ToolButtonStyle
        self.panel_button.setToolButtonStyle(styles.ToolButtonTextBesideIcon if named else styles.ToolButtonIconOnly)
        spare -= self._button_name() if named else 0
        self.slider.setFixedWidth(min(WIDEST_SLIDER, NARROWEST_SLIDER + max(0, spare)))

    @property
    def _names_panel(self) -> bool:
        return self.panel_button.toolButtonStyle() is Qt.ToolButtonStyle.ToolButtonTextBesideIcon

    def _slider_name(self) -> int:
        return self._name.sizeHint().width() + self._row.spacing()

    def _button_name(self) -> int:
        return self.panel_button.fontMetrics().horizontalAdvance(self.panel_button.text()) + theme.SPACE

    def show_state(self, *, found: bool, busy: bool, stale: bool) -> None:
        """Disable what needs findings, and point out new sprites since the search."""
        for widget in (self.slider, self.relation, self.undecided_only):
            widget.setEnabled(found)
        self.find_button.setEnabled(not busy)
        self.find_button.setText(self.tr("Find in new sprites too") if stale else self.tr("Find again"))
        self.find_button.setVisible(found)

    def show_copies(self, version: str, count: int) -> None:
        """Offer and choose the filter for the copies left in a version; decided groups are listed too."""
        place = self.relation.findData(COPIES)
        if place >= 0:
            self.relation.removeItem(place)
        self.relation.addItem(self.tr("Copies left in {0} ({1})").format(version, f"{count:,}"), COPIES)
        self.undecided_only.setChecked(False)
        self.relation.setCurrentIndex(self.relation.count() - 1)

    def clear_filter(self) -> None:
        """List every group."""
        self.relation.setCurrentIndex(0)
        self.undecided_only.setChecked(False)

    def _emit_distance(self, _value: int) -> None:
        self._show_number()
        self.distance_changed.emit(self.distance)

    def _show_number(self) -> None:
        self.number.setText(f"{self.distance:.2f}")
