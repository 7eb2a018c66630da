"""A field for the path of a file or folder, which may also be dropped on it."""

from __future__ import annotations

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QLineEdit


class PathField(QLineEdit):
    """A dropped file or folder replaces the path; other text is inserted, as in every field."""

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept a file or folder."""
        self._welcome(event)
        if not event.isAccepted():
            super().dragEnterEvent(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Accept a file or folder, without the mark where text would be inserted."""
        self._welcome(event)
        if not event.isAccepted():
            super().dragMoveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Take the path of the first one."""
        path = _first_path(event.mimeData())
        if path:
            self.setText(path)
            event.acceptProposedAction()
        else:
            super().dropEvent(event)

    def _welcome(self, event: QDragMoveEvent) -> None:
        event.ignore()
        if self.isEnabled() and not self.isReadOnly() and _first_path(event.mimeData()):
            event.acceptProposedAction()


def _first_path(data: QMimeData) -> str:
    return next((url.toLocalFile() for url in data.urls() if url.isLocalFile()), "")
