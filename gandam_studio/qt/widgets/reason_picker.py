"""The list of reasons for a drop (Shift+X): a digit or Enter chooses one, typing finds one or makes a new one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from gandam_studio.core.texts import LONGEST_REASON, folded
from gandam_studio.qt import theme
from gandam_studio.qt.widgets.focus import keep_plain_keys
from trainer.protocol.untrusted import shortened

DIGITS = 9
WIDTH, ROWS = 340, 9


class ReasonPicker(QFrame):
    """A field and the workspace's reasons below it, over the window; closes when one is chosen.

    Attributes:
        field: the field. list: the reasons that match it.

    Signals:
        chosen: a reason was chosen (str).
    """

    chosen = Signal(str)

    def __init__(self, reasons: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("role", "panel")
        self.setAccessibleName(self.tr("Reason for the drop"))
        self._reasons = list(reasons)
        self.field = QLineEdit(placeholderText=self.tr("Reason for the drop"))
        self.field.setAccessibleName(self.tr("Reason for the drop"))
        self.field.setMaxLength(LONGEST_REASON)
        self.field.textChanged.connect(self._search)
        self.field.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Reasons of this workspace"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.itemClicked.connect(lambda _item: self.take())
        self._hint = QLabel(wordWrap=True)
        self._hint.setProperty("role", "secondary")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.SPACE, theme.SPACE, theme.SPACE, theme.SPACE)
        layout.setSpacing(theme.SPACE)
        for widget in (self.field, self.list, self._hint):
            layout.addWidget(widget)
        self._search("")

    def open_at(self, where: QPoint) -> None:
        """Open with the upper left corner at a global position, or as near to it as the screen allows."""
        row = max(1, self.list.sizeHintForRow(0))
        self.list.setFixedHeight(row * min(ROWS, max(1, len(self._reasons))) + 2 * self.list.frameWidth() + theme.HALF)
        self.setFixedWidth(WIDTH)
        self.adjustSize()
        room = self.screen().availableGeometry()
        x = max(room.left(), min(where.x(), room.right() - self.width()))
        y = max(room.top(), min(where.y(), room.bottom() - self.height()))
        self.move(x, y)
        self.show()
        self.field.setFocus()

    def take(self) -> None:
        """Choose the highlighted reason, or else what was typed."""
        item = self.list.currentItem()
        reason = str(item.data(Qt.ItemDataRole.UserRole)) if item else self.field.text().strip()
        if reason:
            self.close()
            self.chosen.emit(reason)

    def event(self, event: QEvent) -> bool:
        """Keep plain keys from the screen behind."""
        return keep_plain_keys(event) or super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Digits choose while nothing is typed; Up, Down and Enter go to the list."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step and self.list.count():
                self.list.setCurrentRow((self.list.currentRow() + step) % self.list.count())
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.take()
                return True
            number = event.key() - Qt.Key.Key_0
            if not self.field.text() and 1 <= number <= min(DIGITS, len(self._reasons)):
                self.list.setCurrentRow(number - 1)
                self.take()
                return True
        return super().eventFilter(watched, event)

    def _search(self, text: str) -> None:
        typed = folded(text.strip())
        self.list.clear()
        for number, reason in enumerate(self._reasons, 1):
            if typed in folded(reason):
                digit = str(number) if number <= DIGITS else " "
                item = QListWidgetItem(f"{digit}   {shortened(reason, 60)}", self.list)
                item.setData(Qt.ItemDataRole.UserRole, reason)
        exact = next((row for row, one in enumerate(self._shown()) if folded(one) == typed), -1)
        # What is typed is a new reason, unless it is one of the list or a row is chosen with the arrows.
        self.list.setCurrentRow(exact if typed else 0 if self._reasons else -1)
        self.list.setVisible(self.list.count() > 0)
        new = typed and exact < 0
        self._hint.setText(
            self.tr("Enter drops with this new reason.") if new
            else self.tr("A digit or Enter chooses; type for a new reason.") if self._reasons
            else self.tr("Type a reason, such as: blurry. Enter drops.")
        )  # fmt: skip

    def _shown(self) -> list[str]:
        return [str(self.list.item(row).data(Qt.ItemDataRole.UserRole)) for row in range(self.list.count())]
