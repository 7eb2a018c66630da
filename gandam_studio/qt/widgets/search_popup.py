"""A field with a list below it over the window: typing searches, Up and Down move, Enter takes."""

from __future__ import annotations

from abc import abstractmethod

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QListWidget, QVBoxLayout, QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.widgets.focus import keep_plain_keys


class SearchPopup(QFrame):
    """Base of popups with a list to choose from; Escape closes them.

    Attributes:
        field: where is typed. list: what matches. note: a line of text below.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("role", "popup")
        self.field = QLineEdit()
        self.field.textChanged.connect(self.search)
        self.field.installEventFilter(self)
        self.list = QListWidget()
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.itemClicked.connect(lambda _item: self.take())
        self.note = QLabel(wordWrap=True)
        self.note.setProperty("role", "secondary")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.SPACE, theme.SPACE, theme.SPACE, theme.SPACE)
        layout.setSpacing(theme.SPACE)
        for widget in (self.field, self.list, self.note):
            layout.addWidget(widget)

    @abstractmethod
    def search(self, text: str) -> None:
        """Fill the list with what matches the text."""

    @abstractmethod
    def take(self) -> None:
        """Choose the highlighted row, or what was typed, and close."""

    def take_key(self, _event: QKeyEvent) -> bool:
        """Handle another key of the field; True if it was meant for the list."""
        return False

    def event(self, event: QEvent) -> bool:
        """Keep plain keys from the screen behind."""
        return keep_plain_keys(event) or super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Forward Up, Down and Enter from the field to the list."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step and self.list.count():
                self.list.setCurrentRow((self.list.currentRow() + step) % self.list.count())
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.take()
                return True
            if self.take_key(event):
                return True
        return super().eventFilter(watched, event)
