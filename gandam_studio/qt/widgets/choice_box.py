"""A box of choices whose texts may be longer than it is, such as names that people gave."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QToolTip, QWidget

from gandam_studio.qt.widgets.outside_text import tip


class ChoiceBox(QComboBox):
    """A text that does not fit is shortened, and the tool tip has all of it; the list is as wide as its texts."""

    def __init__(self, parent: QWidget | None = None, elide: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle) -> None:
        """`elide`: where texts are shortened; names differ at their ends, so in the middle."""
        super().__init__(parent)
        self._elide = elide
        self.view().setTextElideMode(elide)

    def _room(self, option: QStyleOptionComboBox) -> int:
        field = QStyle.SubControl.SC_ComboBoxEditField
        area = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self)
        return area.width() - (0 if option.currentIcon.isNull() else option.iconSize.width() + 4)

    @property
    def is_shortened(self) -> bool:
        """Whether the chosen text does not fit."""
        option = QStyleOptionComboBox()
        QComboBox.initStyleOption(self, option)
        return self.fontMetrics().horizontalAdvance(option.currentText) > self._room(option)

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        """Shorten the text; called before every painting."""
        super().initStyleOption(option)
        option.currentText = self.fontMetrics().elidedText(option.currentText, self._elide, self._room(option))

    def event(self, event: QEvent) -> bool:
        """The tool tip of a text that is shortened begins with the whole text."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self.is_shortened:
            whole = tip(self.currentText())
            own = self.toolTip()
            QToolTip.showText(event.globalPos(), f"{whole}\n\n{own}" if own else whole, self)
            return True
        return super().event(event)

    def showPopup(self) -> None:
        """The list is as wide as its texts, as far as the screen is."""
        view = self.view()
        wide = view.sizeHintForColumn(0) + view.verticalScrollBar().sizeHint().width() + 2 * view.frameWidth() + 8
        view.setMinimumWidth(min(wide, self.screen().availableGeometry().width() * 3 // 4))
        super().showPopup()
