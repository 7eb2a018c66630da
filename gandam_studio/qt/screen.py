"""Base classes of the window's screens: `Screen`, its menus, and the empty state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QKeyCombination, QObject, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QShortcutEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.qt import icons, theme
from gandam_studio.qt.session import Session
from gandam_studio.qt.tips import name_keys, name_of, plain_name, show_keys
from gandam_studio.qt.widgets.focus import clicks_keep_focus, controls_of, needs_key

SEPARATOR = None
_MOVING = (
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down,
    Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown,
)  # fmt: skip


class _KeysOfPopup(QObject):
    """Claims the keys of a popup for it, by filtering its events."""

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Accept every key before it is taken for a shortcut."""
        if event.type() != QEvent.Type.ShortcutOverride:
            return False
        event.accept()
        return True


class _ScreenAction(QAction):
    """An action whose shortcut stays out of an open menu or list, which gets the key instead.

    Qt stops shortcuts of a window while a popup is open, but not those of a widget and its children: a letter that
    chooses from a menu, or from a list of choices, would decide about the sprites behind it.
    """

    def event(self, event: QEvent) -> bool:
        """Hand the key of a shortcut over to an open popup."""
        popup = QApplication.activePopupWidget()
        if popup is None or not isinstance(event, QShortcutEvent):
            return super().event(event)
        target = popup.focusWidget() or popup
        target.installEventFilter(_KeysOfPopup(target))  # from now on; also for the key sent below
        combination: QKeyCombination = event.key()[0]  # type: ignore[index]  # missing from PySide6's types
        letter = QKeySequence(combination.key()).toString().lower()
        text = letter if len(letter) == 1 else ""
        press = QKeyEvent(QEvent.Type.KeyPress, combination.key(), combination.keyboardModifiers(), text)
        QApplication.sendEvent(target, press)
        return True


@dataclass(frozen=True)
class ScreenMenu:
    """A menu that a screen adds to the menu bar while it is shown; None is a separator."""

    title: str
    entries: tuple[QAction | ScreenMenu | None, ...]


class Screen(QWidget):
    """Base of all screens; built on first visit, notified when shown and hidden.

    Subclasses set `title` and build themselves from `session`.

    Attributes:
        session: the open workspace and its signals.

    Signals:
        screen_requested: request to show another screen (its English name, a request for its `receive`).
        run_widget_changed: the status strip should show this widget for the run (QWidget).
    """

    screen_requested = Signal(str, object)
    run_widget_changed = Signal(object)

    title = ""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setObjectName("screen")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        session.closing.connect(self.closing)

    def activated(self) -> None:
        """Called when the screen is shown: bring it up to date."""

    def deactivated(self) -> None:
        """Called when another screen is shown: stop what only matters while visible."""

    def reattach(self) -> None:
        """Called after the workspace was opened while something already goes on in it, such as a training run."""

    def receive(self, request: object) -> None:
        """Handle a request that another screen sent along; each screen documents the requests it accepts."""

    def may_close(self) -> bool:
        """Ask the user if needed; False keeps the window open.

        This must not tear anything down, because another screen may still refuse; that is for `closing`.
        """
        return True

    def closing(self) -> None:
        """Called right before the workspace is closed: stop timers and threads."""

    def reveal(self, seqs: Seqs) -> int:
        """Select the sprites with these row numbers and bring the first into view; returns how many are hidden.

        Called after an undo or redo. Screens that show no sprites do nothing.
        """
        return 0

    def take_undo(self) -> bool:
        """Undo a step of what is going on in this screen; False to undo the newest edit, as everywhere."""
        return False

    def take_redo(self) -> bool:
        """Redo a step of what is going on in this screen; False to redo what was undone last."""
        return False

    def mode_keys(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Keys that only work in a mode of this screen: (heading, (what it does, key))."""
        return []

    @property
    def in_mode(self) -> bool:
        """Whether one of these modes is shown, so that its keys are told first."""
        return False

    # Keys

    @property
    def work_view(self) -> QWidget:
        """The widget that keys are meant for unless text is being typed, such as the gallery."""
        return self

    def focus_work(self) -> None:
        """Give the keys to `work_view`."""
        self.work_view.setFocus()

    def event(self, event: QEvent) -> bool:
        """Let a focused button or text field have Space and Enter, although they are shortcuts of the screen.

        A ShortcutOverride comes here from the focused widget when nothing in between wants the key.
        """
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            focused = QApplication.focusWidget()
            if plain and focused is not self.work_view and needs_key(focused, event.key()):
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Handle what no focused widget wanted: Escape (Enter in a number) returns to the work, arrows move there."""
        key, focused, work = Qt.Key(event.key()), QApplication.focusWidget(), self.work_view
        enter = key in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if work is self or focused is work:
            super().keyPressEvent(event)
        elif enter and isinstance(focused, QAbstractButton):
            focused.click()
        elif key == Qt.Key.Key_Escape or (enter and isinstance(focused, QAbstractSpinBox)):
            self.focus_work()
        elif key in _MOVING and work.isVisible():
            self.focus_work()
            work.keyPressEvent(event)
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Let clicks on controls leave the focus in the work, and the tips of buttons name their keys."""
        super().showEvent(event)
        self.ready_controls()

    def ready_controls(self) -> None:
        """Do so for all controls; also to be called after building controls while the screen is shown."""
        clicks_keep_focus(self)
        actions = [child for child in self.children() if isinstance(child, QAction) and child.shortcuts()]
        by_name = {name_of(action): action for action in actions}
        for button in controls_of(self):
            if not isinstance(button, QAbstractButton):
                continue
            same = None if button.toolTip() else by_name.get(plain_name(button.accessibleName() or button.text()))
            if same is not None:
                name_keys(button, same)

    def menus(self) -> list[ScreenMenu]:
        """Menus for the menu bar; their actions also appear in the command palette (Ctrl+K)."""
        return []

    def add_action(
        self,
        text: str,
        slot: Callable[[], object],
        shortcut: str | list[str] = "",
        *,
        icon: str = "",
        tip: str = "",
        checkable: bool = False,
        edits: bool = False,
        within: QWidget | tuple[QWidget, ...] = (),
    ) -> QAction:
        """Create an action whose shortcuts (portable text such as "Ctrl+E") work while this screen is shown.

        They do not while text is typed into a field; Space and Enter still press a focused button.
        `within` limits the shortcut to parts of the screen, `tip` says more than the text. The tool tip names the keys.
        `edits` marks an action that changes the workspace: it is disabled when the workspace is open read-only.
        Every action must also be listed in `menus()`.
        """
        action = _ScreenAction(text, self)
        if checkable:
            action.setCheckable(True)
            action.toggled.connect(lambda _checked: slot())
        else:
            action.triggered.connect(lambda _checked=False: slot())
        if shortcut:
            shortcuts = [shortcut] if isinstance(shortcut, str) else shortcut
            action.setShortcuts([QKeySequence.fromString(keys) for keys in shortcuts])
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        if icon:
            icons.set_icon(action, icon)
        if tip:
            action.setStatusTip(tip)
        show_keys(action)
        if edits and self.session.read_only:
            action.setEnabled(False)
        places = within if isinstance(within, tuple) else (within,)
        for place in places or (self,):
            place.addAction(action)
        return action


class EmptyState(QWidget):
    """Placeholder for a page with nothing to show yet: icon, headline, a sentence, buttons."""

    def __init__(self, icon: str, headline: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        icons.set_pixmap(self._picture, icon, QSize(48, 48), "muted")
        self._headline = QLabel(headline, alignment=Qt.AlignmentFlag.AlignCenter)
        self._headline.setProperty("role", "headline")
        self._text = QLabel(text, alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._text.setProperty("role", "secondary")
        # 52 characters per line read well; a wrapped label needs a fixed width to compute its height.
        self._text.setFixedWidth(self.fontMetrics().averageCharWidth() * 62)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(theme.SPACE)
        self._buttons.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setSpacing(theme.SPACE)
        layout.addStretch(2)
        layout.addWidget(self._picture)
        layout.addSpacing(theme.SPACE)
        layout.addWidget(self._headline)
        layout.addWidget(self._text, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addSpacing(2 * theme.SPACE)
        layout.addLayout(self._buttons)
        layout.addStretch(3)

    def set_text(self, headline: str, text: str) -> None:
        """Replace headline and text."""
        self._headline.setText(headline)
        self._text.setText(text)
        self._fit()

    def show_buttons(self, shown: bool) -> None:
        """Show or hide the buttons."""
        for button in self.findChildren(QPushButton):
            button.setVisible(shown)

    def showEvent(self, event: QShowEvent) -> None:
        """Fit the labels now that the style sheet's fonts are known."""
        super().showEvent(event)
        self._fit()

    def _fit(self) -> None:
        # Layouts with stretches give a wrapped label less than it needs, so its height is set explicitly.
        self._text.setMinimumHeight(self._text.heightForWidth(self._text.width()))

    def add_button(
        self, text: str, slot: Callable[[], object], *, icon: str = "", primary: bool = False
    ) -> QPushButton:
        """Add a button; a primary one is highlighted."""
        button = QPushButton(text)
        if primary:
            button.setProperty("role", "primary")
        if icon:
            icons.set_icon(button, icon, "on_accent" if primary else "text")
        button.clicked.connect(lambda _checked=False: slot())
        self._buttons.addWidget(button)
        return button
