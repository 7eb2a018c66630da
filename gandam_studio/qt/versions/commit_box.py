"""The commit box: a note, a preview of the version, and the button to save it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from gandam_studio.qt import icons, theme
from gandam_studio.qt.widgets.fitting import WrappingBar, WrappingRow
from gandam_studio.qt.widgets.outside_text import wrapped


class CommitBox(WrappingBar):
    """Signals:
    commit_requested: a commit was requested (message); `choices` says of what.
    choices_changed: a box was toggled.
    unseen_requested: sprites should be shown that show hardly anything ("blank" or "faint"), or that a run has drawn
        ("candidates", undecided, or "accepted").
    state_wanted: a commit was requested before it was known what has changed: `show_state` is awaited.
    refused: a commit was requested, but there is nothing to save (why).
    """

    commit_requested = Signal(str)
    state_wanted = Signal()
    refused = Signal(str)
    choices_changed = Signal()
    unseen_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.state = QLabel(wordWrap=True)
        self.state.setProperty("role", "secondary")
        self.unseen = QLabel(self.tr("Hardly anything to see on:"))
        self.unseen_buttons = {which: self._unseen_button(which) for which in ("blank", "faint")}
        unseen = WrappingRow(spacing=theme.SPACE)
        for widget in (self.unseen, *self.unseen_buttons.values()):
            unseen.addWidget(widget)
        self.drawn = QLabel(self.tr("Drawn by a run:"))
        self.drawn_buttons = {which: self._unseen_button(which) for which in ("candidates", "accepted")}
        self.drawn_buttons["candidates"].setToolTip(self.tr("Show them in Curate, where you may keep them"))
        self.with_generated = QCheckBox(self.tr("Train on the kept ones too"))
        self.with_generated.setToolTip(self.tr("A run that trains on them learns its own kind's mistakes"))
        self.with_generated.toggled.connect(lambda _on: self.choices_changed.emit())
        drawn = WrappingRow(spacing=theme.SPACE)
        for widget in (self.drawn, *self.drawn_buttons.values(), self.with_generated):
            drawn.addWidget(widget)
        self.show_unseen(0, 0)
        self.show_drawn(0, 0)
        self.note = _Note()
        self.note.setAccessibleName(self.tr("Note for the next version"))
        self.note.setToolTip(self.tr("Enter saves, Shift+Enter begins a new line"))
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(self.fontMetrics().height() * 2 + 22)
        self.note.submitted.connect(self.ask)
        self.kept_only = QCheckBox(self.tr("Only kept sprites"))
        self.kept_only.setToolTip(self.tr("Leave out undecided sprites"))
        self.kept_only.toggled.connect(lambda _on: self.choices_changed.emit())
        self.button = QPushButton(self.tr("Save a version"))
        self.button.setProperty("role", "primary")
        self.button.setToolTip(self.tr("Save the current decisions as a version (Ctrl+S, then Enter)"))
        icons.set_icon(self.button, "save", "on_accent")
        self.button.clicked.connect(lambda _checked=False: self.ask())
        foot = WrappingRow(spacing=theme.SPACE)
        foot.addWidget(self.kept_only)
        foot.add_gap()
        foot.addWidget(self.button)
        layout = QVBoxLayout(self)
        margin = theme.SPACE + theme.HALF
        layout.setContentsMargins(margin, margin, margin, margin)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(self.state)
        layout.addLayout(unseen)
        layout.addLayout(drawn)
        layout.addWidget(self.note)
        layout.addLayout(foot)
        self._suggestion = ""
        self._enabled = True
        self._checked = False  # whether `show_state` has told what is to be saved
        self._asked_early = False
        self._show(self.tr("Checking…"), "", can_commit=False)

    def expect_state(self) -> None:
        """Note that something may have changed, and that `show_state` will tell; a save asked for meanwhile waits."""
        self._checked = False

    def show_state(self, text: str, suggestion: str, *, can_commit: bool) -> None:
        """Show what a version would contain; `suggestion` becomes its note if the user enters none."""
        self._checked = True
        self._show(text, suggestion, can_commit=can_commit)
        asked, self._asked_early = self._asked_early, False
        if asked:
            self.ask()

    def _show(self, text: str, suggestion: str, *, can_commit: bool) -> None:
        self.state.setText(wrapped(text))
        self._suggestion = suggestion
        self.note.setPlaceholderText(suggestion or self.tr("Why this version?"))
        self.note.viewport().update()  # Qt leaves parts of the text before it.
        self.button.setEnabled(can_commit and self._enabled)

    def show_unseen(self, blank: int, faint: int) -> None:
        """Say how many sprites of the next version show hardly anything; nothing if there are none."""
        texts = {
            "blank": self.tr("{0} blank").format(f"{blank:,}"),
            "faint": self.tr("{0} hard to see").format(f"{faint:,}"),
        }
        for (which, text), count in zip(texts.items(), (blank, faint), strict=True):
            self.unseen_buttons[which].setText(text)
            self.unseen_buttons[which].setVisible(count > 0)
        self.unseen.setVisible(blank + faint > 0)

    def show_drawn(self, kept: int, undecided: int) -> None:
        """Say how many sprites that a run has drawn the next version holds, and how many it leaves out until kept."""
        texts = {
            "candidates": self.tr("{0} left out until kept").format(f"{undecided:,}"),
            "accepted": (
                self.tr("{0} kept, to be trained on")
                if self.with_generated.isChecked()
                else self.tr("{0} kept, not trained on")
            ).format(f"{kept:,}"),
        }
        for (which, text), count in zip(texts.items(), (undecided, kept), strict=True):
            self.drawn_buttons[which].setText(text)
            self.drawn_buttons[which].setVisible(count > 0)
        self.drawn.setVisible(kept + undecided > 0)
        self.with_generated.setVisible(kept > 0)
        if not kept:
            self.with_generated.setChecked(False)

    @property
    def choices(self) -> dict[str, bool]:
        """Which sprites are to be in, as arguments of `versions.commit`."""
        return {"kept_only": self.kept_only.isChecked(), "with_generated": self.with_generated.isChecked()}

    def _unseen_button(self, which: str) -> QPushButton:
        button = QPushButton()
        button.setToolTip(self.tr("Show them in Curate"))
        button.clicked.connect(lambda _checked=False: self.unseen_requested.emit(which))
        return button

    def set_locked(self, locked: bool) -> None:
        """Disable committing, for a read-only workspace or during a commit."""
        self._enabled = not locked
        self.note.setReadOnly(locked)
        if locked:
            self.button.setEnabled(False)

    def clear(self) -> None:
        """Clear the note after a commit."""
        self.note.clear()

    def ask(self) -> None:
        """Request a commit, like a click on the button; with nothing to save, say why."""
        if not self._enabled:
            return
        if not self._checked:
            self._asked_early = True
            self.state_wanted.emit()
        elif self.button.isEnabled():
            self.commit_requested.emit(self.note.toPlainText().strip() or self._suggestion)
        else:
            self.refused.emit(self.state.text())


class _Note(QPlainTextEdit):
    """Signals:
    submitted: Enter was pressed.
    """

    submitted = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter commits, as in other fields; with Shift it begins a new line. Other keys edit the note."""
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.submitted.emit()
            return
        super().keyPressEvent(event)
