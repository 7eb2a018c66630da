"""Where a version is made: a note, what it would hold, and the button."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from gandam_studio.qt import icons, theme
from gandam_studio.qt.widgets.outside_text import wrapped


class CommitBox(QFrame):
    """Signals:
    commit_asked: the person wants a version (message, kept only).
    kept_only_changed: the box is ticked differently now (bool).
    """

    commit_asked = Signal(str, bool)
    kept_only_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.state = QLabel(wordWrap=True)
        self.state.setProperty("role", "secondary")
        self.note = _Note()
        self.note.setAccessibleName(self.tr("Note for the next version"))
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(self.fontMetrics().height() * 2 + 22)
        self.note.submitted.connect(self.ask)
        self.kept_only = QCheckBox(self.tr("Only sprites kept by word"))
        self.kept_only.setToolTip(self.tr("Leave out what is still undecided"))
        self.kept_only.toggled.connect(self.kept_only_changed)
        self.button = QPushButton(self.tr("Commit"))
        self.button.setProperty("role", "primary")
        self.button.setToolTip(self.tr("Make a version of what is decided now (Ctrl+S)"))
        icons.set_icon(self.button, "save", "on_accent")
        self.button.clicked.connect(lambda _checked=False: self.ask())
        foot = QHBoxLayout()
        foot.addWidget(self.kept_only)
        foot.addStretch()
        foot.addWidget(self.button)
        layout = QVBoxLayout(self)
        margin = theme.SPACE + theme.HALF
        layout.setContentsMargins(margin, margin, margin, margin)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(self.state)
        layout.addWidget(self.note)
        layout.addLayout(foot)
        self._suggestion = ""
        self._enabled = True
        self.show_state(self.tr("Looking…"), "", can_commit=False)

    def show_state(self, text: str, suggestion: str, *, can_commit: bool) -> None:
        """Say what a version would hold; `suggestion` becomes its note when the person writes none."""
        self.state.setText(wrapped(text))
        self._suggestion = suggestion
        self.note.setPlaceholderText(suggestion or self.tr("Why this version?"))
        self.button.setEnabled(can_commit and self._enabled)

    def set_locked(self, locked: bool) -> None:
        """Nothing can be committed: read only, or a commit is under way."""
        self._enabled = not locked
        self.note.setReadOnly(locked)
        if locked:
            self.button.setEnabled(False)

    def clear(self) -> None:
        """After a commit."""
        self.note.clear()

    def ask(self) -> None:
        """As if the button were clicked."""
        if self.button.isEnabled():
            self.commit_asked.emit(self.note.toPlainText().strip() or self._suggestion, self.kept_only.isChecked())


class _Note(QPlainTextEdit):
    """Signals:
    submitted: Ctrl+Enter was pressed.
    """

    submitted = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+Enter commits; everything else writes."""
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.submitted.emit()
            return
        super().keyPressEvent(event)
