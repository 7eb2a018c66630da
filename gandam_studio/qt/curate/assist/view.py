"""The Assist view: what is asked, how far it is, a page of suggestions, and the keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QCoreApplication, QEvent, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gandam_studio.core.workspace import Workspace
from gandam_studio.qt import icons, theme
from gandam_studio.qt.curate.assist import keys
from gandam_studio.qt.curate.assist.grid import AssistGrid
from gandam_studio.qt.curate.assist.keys import ModeKey
from gandam_studio.qt.widgets.fitting import WrappingBar, WrappingRow

_LAYOUTS = 3  # the bar's rows, the bar, the view
_WAYS_OUT = (Qt.Key.Key_Backspace, Qt.Key.Key_Escape)


class AssistView(QWidget):
    """Shows pages; their contents and what happens to them are up to the assistant (`facing`, `fitness`).

    Attributes:
        grid: the page.
        heading, question, progress, why: labels.
        buttons: what the person can do, by key; see `show_buttons`.
    """

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.grid = AssistGrid(workspace)
        self.grid.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.grid.seen_changed.connect(self._name_accept)
        self.heading, self.question, self.progress, self.why = QLabel(), QLabel(), QLabel(), QLabel()
        self.heading.setProperty("role", "headline")
        self.heading.setWordWrap(True)
        self.heading.setTextFormat(Qt.TextFormat.PlainText)
        for label, name in (
            (self.question, self.tr("What to do")), (self.progress, self.tr("Progress")), (self.why, self.tr("Why"))
        ):  # fmt: skip
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setAccessibleDescription(name)
        self.progress.setProperty("role", "secondary")
        self.why.setProperty("role", "secondary")
        sign = QLabel()
        icons.set_pixmap(sign, "star", QSize(20, 20), "accent")
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE)
        top.addWidget(sign)
        top.addWidget(self.heading, 1)
        self._ways_out = QHBoxLayout()
        self._ways_out.setSpacing(theme.SPACE)
        top.addLayout(self._ways_out)
        bar = WrappingBar()
        column = QVBoxLayout(bar)
        column.setContentsMargins(12, theme.SPACE, 12, theme.SPACE)
        column.setSpacing(theme.HALF)
        column.addLayout(top)
        column.addWidget(self.question)
        column.addWidget(self.progress)
        self._row = WrappingRow(spacing=theme.SPACE)
        column.addLayout(self._row)
        self.buttons: dict[Qt.Key, QPushButton] = {}
        self._acts: dict[Qt.Key, Callable[[], object]] = {}
        self._foot = foot = QFrame()
        line = QHBoxLayout(foot)
        line.setContentsMargins(12, 2, 12, 3)
        line.addWidget(self.why, 1)
        # Room for two lines, so that the page stays still while the current sprite changes.
        self.why.setMinimumHeight(2 * self.fontMetrics().lineSpacing() + 2)
        self.why.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(bar)
        layout.addWidget(self.grid, 1)
        layout.addWidget(foot)
        self.setFocusProxy(self.grid)

    def show_nothing(self, heading: str, question: str) -> None:
        """Show an empty page, while the next one is looked for."""
        self.heading.setText(heading)
        self.question.setText(question)
        self.progress.setText("")
        self.why.setText("")
        self.grid.show_page([], lambda seq: {}, {})

    def show_buttons(self, entries: Sequence[tuple[ModeKey, Callable[[], object]]], *, primary: bool = True) -> None:
        """Show what can be done, by key; the first one stands out if it is `primary`."""
        # Equal buttons stay, with what they do now.
        self._acts = {one.key: act for one, act in entries}
        texts = [(one.key, one.text) for one, _ in entries]
        if texts != [(key, button.property("words")) for key, button in self.buttons.items()]:
            for row in (self._row, self._ways_out):
                while (item := row.takeAt(0)) is not None:
                    if (widget := item.widget()) is not None:
                        widget.hide()
                        widget.deleteLater()
            made = {}
            # In the order of the layout, which Tab follows: the line of the heading first.
            for one, _ in sorted(entries, key=lambda entry: entry[0].key not in _WAYS_OUT):
                key, name, text = one.key, one.name, one.text
                button = QPushButton(f"{text}  ({name})")
                button.setProperty("words", text)
                button.setAccessibleName(text)
                button.setToolTip(f"{text}  ({name})")
                if primary and one == entries[0][0]:
                    button.setProperty("role", "primary")
                # The page keeps the keys.
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
                button.clicked.connect(lambda _checked=False, key=key: self._acts[key]())
                made[key] = button
                # Going back and leaving stand by themselves, so that the others fit in one row.
                (self._ways_out if key in _WAYS_OUT else self._row).addWidget(button)
                button.show()  # now, so that `settle` counts it
                button.setMinimumWidth(button.sizeHint().width())  # also with shorter words
            self.buttons = {one.key: made[one.key] for one, _ in entries}
            self._name_accept()

    def _name_accept(self) -> None:
        """Say on the button what Enter does: it accepts a page once all of it was in view."""
        button = self.buttons.get(Qt.Key.Key_Return)
        if button is None:
            return
        one = keys.show_rest() if self.grid.has_unseen else keys.accept()
        button.setText(f"{one.text}  ({one.name})")
        button.setToolTip(button.text())
        button.setAccessibleName(one.text)

    def settle(self) -> None:
        """Lay out now what was just said and offered, so that the page has its size."""
        for _ in range(_LAYOUTS):
            QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)

    def hold_keys(self) -> None:
        """Take the keys from the page, which is to be disabled: the next button, which leaves, would get them."""
        self._foot.setFocus()

    def press(self, key: Qt.Key) -> bool:
        """Do what a key means; False if it means nothing now."""
        button = self.buttons.get(Qt.Key.Key_Return if key == Qt.Key.Key_Enter else key)
        if button is None or not button.isEnabled():
            return False
        button.click()
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space marks the current sprite; other keys are those of the buttons, of which only "back" can be held."""
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
            return
        key = Qt.Key(event.key())
        if event.isAutoRepeat() and key != Qt.Key.Key_Backspace:
            return  # Enter that is held would accept pages that nobody has seen.
        if key == Qt.Key.Key_Space and key not in self.buttons:
            if self.grid.isEnabled():
                self.grid.toggle(self.grid.current)
        elif not self.press(key):
            super().keyPressEvent(event)
