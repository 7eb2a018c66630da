"""What every screen of the window is: a widget with a name, actions for menus and the palette, and an empty state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gandam_studio.qt import icons, theme
from gandam_studio.qt.session import Session

SEPARATOR = None


@dataclass(frozen=True)
class ScreenMenu:
    """A menu a screen brings to the menu bar while it is shown; None stands for a separator."""

    title: str
    entries: tuple[QAction | ScreenMenu | None, ...]


class Screen(QWidget):
    """Base of the six screens; built on first visit, told when it comes and goes.

    Subclasses set `title`, `icon_name` (a file of resources/icons) and build themselves from `session`.

    Attributes:
        session: the open workspace and its signals.

    Signals:
        screen_asked: another screen shall be shown (its English name, what to say to it: see `receive`).
        run_widget_changed: what the status strip shows of a run is another widget now (QWidget).
    """

    screen_asked = Signal(str, object)
    run_widget_changed = Signal(object)

    title = ""
    icon_name = ""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setObjectName("screen")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        session.closing.connect(self.closing)

    def activated(self) -> None:
        """The screen is shown now: bring it up to date."""

    def deactivated(self) -> None:
        """Another screen is shown now: stop what only matters while visible."""

    def reattach(self) -> None:
        """The workspace was opened while something of it goes on outside this window, such as a run that trains."""

    def receive(self, request: object) -> None:
        """Another screen has sent the person here with a request; each screen says which it knows."""

    def may_close(self) -> bool:
        """False keeps the window open: the screen asked the person, who said cancel.

        This only asks. Another screen may still say no, and then everything goes on; letting go is for `closing`.
        """
        return True

    def closing(self) -> None:
        """The workspace is closed right after this: stop timers and threads."""

    def menus(self) -> list[ScreenMenu]:
        """Menus for the menu bar; their actions are also found by the command palette (Ctrl+K)."""
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
        """An action whose shortcut (portable text such as "Ctrl+E", or several) works while this screen is shown.

        `within` narrows that to parts of the screen: keys such as Space and plain letters would otherwise be taken
        from the buttons and lists of the rest.
        `edits` marks what changes the workspace: it is switched off when the workspace is open for reading only.
        Put it into `menus()`: every action belongs to a menu.
        """
        action = QAction(text, self)
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
            action.setToolTip(tip)
            action.setStatusTip(tip)
        if edits and self.session.read_only:
            action.setEnabled(False)
        places = within if isinstance(within, tuple) else (within,)
        for place in places or (self,):
            place.addAction(action)
        return action


class EmptyState(QWidget):
    """A calm invitation where there is nothing to show yet: picture, headline, a sentence, buttons."""

    def __init__(self, icon: str, headline: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        icons.set_pixmap(self._picture, icon, QSize(48, 48), "muted")
        self._headline = QLabel(headline, alignment=Qt.AlignmentFlag.AlignCenter)
        self._headline.setProperty("role", "headline")
        self._text = QLabel(text, alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self._text.setProperty("role", "secondary")
        # 52 characters a line read well; a wrapped label needs a fixed width to know its height.
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
        """Say something else."""
        self._headline.setText(headline)
        self._text.setText(text)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:
        """The style sheet's fonts are known only now."""
        super().showEvent(event)
        self._fit()

    def _fit(self) -> None:
        # Layouts with stretches give a wrapped label less than it needs; say the height outright.
        self._text.setMinimumHeight(self._text.heightForWidth(self._text.width()))

    def add_button(
        self, text: str, slot: Callable[[], object], *, icon: str = "", primary: bool = False
    ) -> QPushButton:
        """One thing the person can do about it; the primary one stands out."""
        button = QPushButton(text)
        if primary:
            button.setProperty("role", "primary")
        if icon:
            icons.set_icon(button, icon, "on_accent" if primary else "text")
        button.clicked.connect(lambda _checked=False: slot())
        self._buttons.addWidget(button)
        return button
