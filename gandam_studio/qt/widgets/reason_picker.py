"""The list of reasons for a drop (Shift+X): a digit or Enter chooses one, typing finds one or makes a new one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListWidgetItem, QWidget

from gandam_studio.core.texts import LONGEST_REASON, folded
from gandam_studio.core.workspace.review import DIGITS
from gandam_studio.qt import theme
from gandam_studio.qt.widgets.search_popup import SearchPopup
from trainer.protocol.untrusted import shortened

WIDTH, ROWS = 340, 9


class ReasonPicker(SearchPopup):
    """A field and the workspace's reasons below it, over the window; closes when one is chosen.

    Attributes:
        field: the field. list: the reasons that match it.

    Signals:
        chosen: a reason was chosen (str).
    """

    chosen = Signal(str)

    def __init__(self, reasons: Sequence[str], parent: QWidget, question: str = "", effect: str = "") -> None:
        """Offer the reasons.

        Args:
            reasons: those of the workspace, which digits choose.
            parent: the screen it belongs to.
            question: what is asked, if not for the reason of a drop.
            effect: what Enter does with the reason, as a sentence, if it does not drop.
        """
        super().__init__(parent)
        question = question or self.tr("Reason for the drop")
        self._effect = effect or self.tr("Enter drops.")
        self._reasons = list(reasons)
        self.setAccessibleName(question)
        self.field.setPlaceholderText(question)
        self.field.setAccessibleName(question)
        self.field.setMaxLength(LONGEST_REASON)
        self.list.setAccessibleName(self.tr("Reasons of this workspace"))
        self.search("")

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

    def take_key(self, event: QKeyEvent) -> bool:
        """Digits choose while nothing is typed."""
        number = event.key() - Qt.Key.Key_0
        if self.field.text() or not 1 <= number <= min(DIGITS, len(self._reasons)):
            return False
        self.list.setCurrentRow(number - 1)
        self.take()
        return True

    def search(self, text: str) -> None:
        """List the reasons that hold the text."""
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
        self.note.setText(
            self.tr("A new reason. {0}").format(self._effect) if new
            else self.tr("A digit or Enter chooses; type for a new reason.") if self._reasons
            else self.tr("Type a reason, such as: blurry. {0}").format(self._effect)
        )  # fmt: skip

    def _shown(self) -> list[str]:
        return [str(self.list.item(row).data(Qt.ItemDataRole.UserRole)) for row in range(self.list.count())]
