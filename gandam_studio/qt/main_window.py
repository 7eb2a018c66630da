"""The main window: rail, screens built on first visit, menus of the current screen, status strip."""

from __future__ import annotations

import contextlib
import functools
import importlib
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QMargins, QMimeData, QPoint, QRect, QSettings, QSize, Qt, QTimer
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.errors import UserError, WorkspaceLocked, WorkspaceNotFound, WorkspaceUnwritable
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.history import Changes
from gandam_studio.core.workspace.lookups import last_seq
from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.qt import icons, keyboard, theme
from gandam_studio.qt.failures import explain
from gandam_studio.qt.menus import filled, leaves, merged
from gandam_studio.qt.rail import PLACES, Place, Rail
from gandam_studio.qt.recent import RECENT, recent_folders, remember_folder
from gandam_studio.qt.responsiveness import collect_set_aside
from gandam_studio.qt.screen import Screen, ScreenMenu
from gandam_studio.qt.session import INFO, WARNING, Session
from gandam_studio.qt.status_strip import StatusStrip
from gandam_studio.qt.tips import show_keys
from gandam_studio.qt.upkeep import Upkeep
from gandam_studio.qt.widgets import accessible
from gandam_studio.qt.widgets.drop_frame import DropFrame, TakesDrops
from gandam_studio.qt.widgets.fitting import Reach
from gandam_studio.qt.widgets.focus import takes_text
from gandam_studio.qt.widgets.next_bar import NextBar
from trainer.protocol.untrusted import shortened

if TYPE_CHECKING:
    from gandam_studio.core.importing import Pasted
    from gandam_studio.qt.curate.screen import CurateScreen
    from gandam_studio.qt.next_steps import NextSteps, Step
    from gandam_studio.qt.palette import Command, CommandPalette
    from gandam_studio.qt.welcome import Welcome

USUAL_SIZE = QSize(1240, 820)
SMALLEST_SIZE = QSize(480, 320)
"""Set once: at fractional scaling the window would lose a pixel whenever a page with another smallest size is shown."""
UNSHOWN_FRAME = QMargins(4, 34, 4, 4)
"""About what window managers put around a window; the real frame is only known once it is shown."""
SETTLED_MS = 150
"""Delay after a workspace is shown before it is remembered and its running training is looked for."""


class MainWindow(TakesDrops, QMainWindow):
    """One workspace in one window.

    Attributes:
        session: the open workspace; None on the welcome page.
        status_strip: jobs, messages and the strip of the training run.
        next_steps: offers what to do next; None until the workspace has settled.
    """

    def __init__(self) -> None:
        super().__init__()
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        keyboard.install(application)
        accessible.install()
        self.session: Session | None = None
        self.screens: dict[str, Screen] = {}
        self._screen: Screen | None = None
        self._areas: dict[Screen, Reach] = {}
        self._changed: Seqs | None = None  # the sprites of the last edit, undo or redo of this session
        self.setWindowTitle("GANdam Studio")
        self.setWindowIcon(icons.application_icon())
        self.rail = Rail()
        self.rail.place_chosen.connect(self.visit)
        self.status_strip = StatusStrip()
        self.next_bar = NextBar()
        self.next_steps: NextSteps | None = None
        self._settles = False  # or has settled, since the workspace was shown
        self._imported = False
        self._seen_seq = 0
        self._stack = QStackedWidget()
        self._welcome: Welcome | None = None
        self._bars: dict[Screen | None, tuple[list[ScreenMenu], list[QMenu]]] = {}
        self._menus: list[ScreenMenu] = []
        self._lay_out()
        self._make_actions()
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._follow_focus)
        self.rail.hide()
        self.setAcceptDrops(True)
        self.drop_frame = DropFrame(self._stack)
        self._take_size()

    # Workspaces

    def open_folder(self, folder: Path, *, read_only: bool = False) -> bool:
        """Show the workspace in `folder`; if it is locked or not a workspace, offer alternatives. False: not opened."""
        is_open = self._is_open(folder)
        if is_open and self.session and (read_only or not self.session.read_only):
            return self._show_already_open(self.session)
        try:
            workspace = Workspace.open(folder, read_only=read_only)
        except WorkspaceLocked as error:
            if is_open and self.session:
                return self._show_already_open(self.session)
            from gandam_studio.qt.questions import offer_read_only

            return offer_read_only(self, explain(error)) and self.open_folder(folder, read_only=True)
        except WorkspaceUnwritable:
            return self.open_folder(folder, read_only=True)
        except WorkspaceNotFound:
            from gandam_studio.qt.questions import offer_creation

            return offer_creation(self, folder) and self.create_folder(folder)
        except UserError as error:
            self._show_error(str(error))  # Without the remedy: what does not open cannot be verified on Versions.
            return False
        return self._show_workspace(workspace)

    def _is_open(self, folder: Path) -> bool:
        """True if this window shows that workspace, by any path that leads to it."""
        try:
            return self.session is not None and folder.samefile(self.session.workspace.folder)
        except OSError:
            return False

    def _show_already_open(self, session: Session) -> bool:
        session.post(self.tr("This workspace is already open."), INFO)
        return True

    def show_folder(self, folder: Path) -> bool:
        """Show the workspace in `folder` without any dialog; False if one would be needed."""
        try:
            workspace = Workspace.open(folder)
        except UserError:
            return False
        return self._show_workspace(workspace)

    def create_folder(self, folder: Path) -> bool:
        """Make a workspace in `folder` and show it."""
        if self.session is not None and not self._may_close():
            return False  # before anything is made
        try:
            workspace = Workspace.create(folder)
        except UserError as error:
            self._show_error(explain(error))
            return False
        if self.session is not None:
            self._leave_workspace()
        return self._show_workspace(workspace)

    def create_and_import(self, folder: Path, sources: list[Path | Pasted]) -> bool:
        """Make a workspace in `folder`, show it, and import the sources into it."""
        if not self.create_folder(folder):
            return False
        self._visit_curate().imports.start(sources)
        return True

    def _visit_curate(self) -> CurateScreen:
        from gandam_studio.qt.curate.screen import CurateScreen

        screen = self.visit_by_name("Curate")
        assert isinstance(screen, CurateScreen)
        return screen

    def _ask_new(self) -> None:
        """Ask for a new workspace's folder; proposed beside the open one, never in it."""
        self.welcome.ask_new(self.session.workspace.folder.parent if self.session else None)

    def close_workspace(self) -> bool:
        """Return to the welcome page; False if the user cancelled."""
        if self.session is None:
            return True
        if not self._may_close():
            return False
        self._leave_workspace()
        self._show_welcome()
        return True

    @property
    def welcome(self) -> Welcome:
        """The page shown without a workspace; built on first use, to keep the start with a workspace fast."""
        if self._welcome is None:
            from gandam_studio.qt.welcome import Welcome

            self._welcome = Welcome()
            self._welcome.open_requested.connect(self.open_folder)
            self._welcome.create_requested.connect(self.create_folder)
            self._welcome.import_requested.connect(self.create_and_import)
            self._welcome.message_posted.connect(lambda text: self.status_strip.show_message(text, INFO))
            self._stack.addWidget(Reach(self._welcome))
        return self._welcome

    def _welcome_area(self) -> Reach:
        area = next(one for one in self._stack.findChildren(Reach) if one.widget() is self.welcome)
        assert isinstance(area, Reach)
        return area

    def _show_welcome(self) -> None:
        self.welcome.refresh()
        self._stack.setCurrentWidget(self._welcome_area())
        self.welcome.setFocus()
        self.rail.hide()
        self._show_menus()

    def showEvent(self, event: QShowEvent) -> None:
        """Show the welcome page, unless a workspace is open."""
        super().showEvent(event)
        if self.size() == self._size_taken:
            # Once more when the window manager has added its frame.
            QTimer.singleShot(SETTLED_MS, self, self._fit_screen)
        if self.session is None and self._welcome is None:
            self._show_welcome()
        elif self.session is not None and not event.spontaneous():
            self._settle_soon()

    def _show_workspace(self, workspace: Workspace) -> bool:
        if not self.close_workspace():
            workspace.close()
            return False
        session = Session(workspace, self)
        self.session = session
        Upkeep(session)
        self._changed = None
        session.edits_applied.connect(self._note_changes)
        self._imported, self._seen_seq = False, last_seq(workspace)
        session.sprites_imported.connect(self._note_import)
        self.status_strip.attach(session)
        name = workspace.folder.name
        title = self.tr("{0} (read-only)").format(name) if session.read_only else name
        self.setWindowTitle(f"{title} – GANdam Studio")
        self.rail.show()
        if self.rail.places:
            self.visit(self.rail.places[0])
        if self.isVisible():
            self._settle_soon()
        if session.read_only:
            session.post(self._why_read_only(workspace.folder), WARNING)
        return True

    def _why_read_only(self, folder: Path) -> str:
        if os.access(folder, os.W_OK):
            return self.tr("Opened read-only: another window or command is using this workspace.")
        return self.tr("Opened read-only: nothing can be written in its folder.")

    def _leave_workspace(self) -> None:
        assert self.session is not None
        remember_folder(self.session.workspace.folder)  # `_settle` may not have run yet
        if self._screen:
            self._screen.deactivated()
        self.status_strip.set_run_widget(None)
        self.session.close()
        QTimer.singleShot(0, collect_set_aside)  # after the screens are deleted
        self.menuBar().clear()
        # The one shown goes last: a stack shows another page in its place, and one shown now would begin its work.
        for screen in sorted(self.screens.values(), key=lambda one: one is self._screen):
            for menu in self._bars.pop(screen, ([], []))[1]:
                menu.deleteLater()
            area = self._areas.pop(screen)
            self._stack.removeWidget(area)
            area.deleteLater()  # and the screen in it
        self.screens.clear()
        self._screen = None
        self.next_steps = None
        self.status_strip.attach(None)
        self.status_strip.clear_message()
        self.session.deleteLater()
        self.session = None
        self._settles = False
        self.setWindowTitle("GANdam Studio")

    def _show_error(self, text: str) -> None:
        from PySide6.QtWidgets import QMessageBox

        QMessageBox.warning(self, "GANdam Studio", text)

    # Screens

    @property
    def screen_shown(self) -> Screen | None:
        """The current screen."""
        return self._screen

    def visit(self, place: Place) -> Screen:
        """Show a screen, building it on the first visit."""
        assert self.session is not None
        screen = self._built(place)
        if screen is not self._screen:
            if self._screen:
                self._screen.deactivated()
            self._screen = screen
            self._stack.setCurrentWidget(self._areas[screen])
            self._show_menus()
            screen.setFocus()
            screen.activated()
        elif not takes_text(QApplication.focusWidget()):
            screen.focus_work()
        self.rail.mark(place)
        if self.next_steps is not None:
            self.next_steps.note_screen(place.name)
        return screen

    def _built(self, place: Place) -> Screen:
        """The screen of a place, built on first use."""
        if place.path not in self.screens:
            module, _, name = place.path.partition(":")
            screen: Screen = getattr(importlib.import_module(module), name)(self.session)
            screen.screen_requested.connect(self._go_to)
            screen.run_widget_changed.connect(self.status_strip.set_run_widget)
            self.screens[place.path] = screen
            self._areas[screen] = Reach(screen)
            self._stack.addWidget(self._areas[screen])
        return self.screens[place.path]

    def build_next(self) -> bool:
        """Build a screen that is not built yet; False when there is none."""
        place = next((place for place in self.rail.places if place.path not in self.screens), None)
        if place is None or self.session is None:
            return False
        self._built(place)
        return True

    def _follow_focus(self, _before: QWidget | None, now: QWidget | None) -> None:
        if now is None and self._screen is not None:
            QTimer.singleShot(0, self, self._keep_focus)

    def changeEvent(self, event: QEvent) -> None:
        """Make sure that some widget has the keys when the window becomes active, for instance after a popup."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            QTimer.singleShot(0, self, self._keep_focus)

    def _keep_focus(self) -> None:
        """Give the keys to the screen when what had them was hidden, disabled or deleted."""
        if self.isActiveWindow() and self._screen is not None and QApplication.focusWidget() is None:
            self._screen.focus_work()

    def _settle_soon(self) -> None:
        session = self.session
        if session is not None and not self._settles:
            self._settles = True
            QTimer.singleShot(SETTLED_MS, session, self._settle)

    def _settle(self) -> None:
        """Do what can wait until the workspace has been painted."""
        from gandam_studio.qt.ahead import ScreensAhead
        from gandam_studio.qt.experiments.paused import PausedExperiments

        if self.session is not None:
            PausedExperiments(self.session)
            remember_folder(self.session.workspace.folder)
            ScreensAhead(self.build_next, self.session)
            trains = self._reattach(self.session)
            self._follow_steps(self.session, trains)

    def _note_import(self) -> None:
        self._imported = True  # A quick import ends before the steps are followed.

    def _follow_steps(self, session: Session, trains: bool) -> None:
        """Offer the next stage whenever one is completed."""
        from gandam_studio.qt.next_steps import NextSteps

        self.next_steps = NextSteps(session, self.next_bar, seen_seq=self._seen_seq, imported=self._imported)
        self.next_steps.step_taken.connect(self._take_step)
        if self._screen is not None:
            self.next_steps.note_screen(self._screen.title)
        if trains and not session.read_only:
            self.next_steps.follow_runs()

    def _take_step(self, step: Step) -> None:
        screen = self.visit_by_name(step.screen)
        if screen is not None and step.request is not None:
            screen.receive(step.request)
        if step.searches:
            from gandam_studio.qt.duplicates.screen import DuplicatesScreen

            if isinstance(screen, DuplicatesScreen):
                screen.search()

    def _reattach(self, session: Session) -> bool:
        """Show a run that is already training, started by an earlier window or on the command line; False if none."""
        with contextlib.suppress(OSError):
            if next((session.workspace.folder / "runs").glob("*"), None) is None:
                return False
        # Imported late: it pulls in all modules for configurations and runs.
        from gandam_studio.core.runs import any_run_trains

        if not any_run_trains(session.workspace):
            return False
        for place in self.rail.places:
            if place.name == "Train":
                self._built(place).reattach()
        return True

    def visit_by_name(self, name: str) -> Screen | None:
        """Show the screen with that English name ("Train"); None if there is none."""
        for place in self.rail.places:
            if place.name == name:
                return self.visit(place)
        return None

    def _go_to(self, name: str, request: object) -> None:
        screen = self.visit_by_name(name)
        if screen is not None and request is not None:
            screen.receive(request)

    # Menus

    def _make_actions(self) -> None:
        make = self._action
        self.new_action = make(self.tr("&New workspace…"), self._ask_new, "Ctrl+N")
        self.open_action = make(self.tr("&Open workspace…"), lambda: self.welcome.ask_open(), "Ctrl+O")
        self.close_action = make(self.tr("&Close workspace"), self.close_workspace, "Ctrl+W")
        self.quit_action = make(self.tr("&Quit"), self.close, "Ctrl+Q")
        self.undo_action = make(self.tr("&Undo"), self._undo, ["Ctrl+Z", "Z"])
        self.redo_action = make(self.tr("&Redo"), self._redo, ["Ctrl+Shift+Z", "Ctrl+Y", "Shift+Z"])
        self.last_change_action = make(self.tr("&Show what was changed last"), self.show_last_change, "Ctrl+J")
        self.history_action = make(self.tr("&History…"), self._show_history, "Ctrl+H")
        self.save_action = make(self.tr("&Save a version…"), self._save_version, "Ctrl+S")
        self.palette_action = make(self.tr("&Find a command…"), self.show_palette, "Ctrl+K")
        self.help_action = make(self.tr("&Keyboard shortcuts"), self._show_help, "F1")
        self.about_action = make(self.tr("&About GANdam Studio"), self._show_about)
        self.full_screen_action = make(self.tr("F&ull screen"), self._toggle_full_screen, "F11")
        self.place_actions = [
            make(place.title, functools.partial(self.visit, place), f"Ctrl+{place.key}") for place in self.rail.places
        ]
        self.scheme_actions: list[QAction] = []
        group = QActionGroup(self)
        names = {"system": self.tr("Follow the &system"), "light": self.tr("&Light"), "dark": self.tr("&Dark")}
        for scheme in theme.SCHEMES:
            action = make(names[scheme], functools.partial(self._set_scheme, scheme))
            action.setCheckable(True)
            action.setChecked(scheme == theme.scheme())
            group.addAction(action)
            self.scheme_actions.append(action)
        self.recent_actions = [make("", functools.partial(self._open_recent, index)) for index in range(RECENT)]
        self._recent: list[Path] = []

    def _action(
        self,
        text: str,
        slot: Callable[[], object],
        keys: str | list[str] = "",
    ) -> QAction:
        action = QAction(text, self)
        action.triggered.connect(lambda _checked=False: slot())
        if keys:
            several = [keys] if isinstance(keys, str) else keys
            action.setShortcuts([QKeySequence.fromString(one) for one in several])
        show_keys(action)
        self.addAction(action)
        return action

    def _menu_table(self) -> list[ScreenMenu]:
        """Every menu of the menu bar; those of the current screen are between Edit and View."""
        recent = ScreenMenu(self.tr("Open &recent"), tuple(self.recent_actions))
        file: tuple[QAction | ScreenMenu | None, ...] = (self.new_action, self.open_action, recent)
        if not self.session:
            file = (*file, self.welcome.paste_action)
        leave = (*((self.close_action,) if self.session else ()), self.quit_action)
        edit = (self.undo_action, self.redo_action, self.last_change_action, self.history_action)
        screens = self._screen.menus() if self._screen else []
        view = (
            self.palette_action,
            ScreenMenu(self.tr("&Theme"), tuple(self.scheme_actions)),
            self.full_screen_action,
        )
        table = [ScreenMenu(self.tr("&File"), file)]
        if self.session:
            if not self._shows_versions:
                table.append(ScreenMenu(self.tr("&File"), (self.save_action,)))
            table.append(ScreenMenu(self.tr("&Edit"), edit))
        table += screens
        table.append(ScreenMenu(self.tr("&View"), view))
        if self.session:
            table.append(ScreenMenu(self.tr("&Go"), tuple(self.place_actions)))
        table.append(ScreenMenu(self.tr("&File"), leave))
        table.append(ScreenMenu(self.tr("&Help"), (self.help_action, self.about_action)))
        return merged(table)

    def _show_menus(self) -> None:
        """Put the menus of the current screen into the menu bar; they are built on its first visit."""
        bar = self.menuBar()
        if self._screen not in self._bars:
            table = self._menu_table()
            self._bars[self._screen] = table, [filled(menu, bar) for menu in table]
        self._menus, menus = self._bars[self._screen]
        bar.clear()
        for menu in menus:
            bar.addMenu(menu)
        self._update_recent()
        busy = self.session is not None
        for action in (
            self.undo_action, self.redo_action, self.last_change_action, self.history_action, *self.place_actions
        ):  # fmt: skip
            action.setEnabled(busy)
        writable = self.session is not None and not self.session.read_only
        self.save_action.setEnabled(writable and not self._shows_versions)
        if busy:
            self._update_undo_texts()

    def _update_recent(self) -> None:
        self._recent = recent_folders()
        for action, folder in itertools.zip_longest(self.recent_actions, self._recent):
            # A single & would mark a mnemonic.
            action.setText(str(folder).replace("&", "&&") if folder else "")
            action.setVisible(folder is not None)

    def _open_recent(self, index: int) -> None:
        if index < len(self._recent):
            self.open_folder(self._recent[index])

    def commands(self) -> Iterator[tuple[QAction, str]]:
        """Every action of every menu, with the menu's name."""
        for menu in self._menus:
            yield from leaves(menu, menu.title.replace("&", ""))

    def show_palette(self) -> None:
        """Open the command palette, with the commands of this screen, then of the others as they are built."""
        from gandam_studio.qt.palette import Command, CommandPalette

        here = [Command(action, menu) for action, menu in self.commands()]
        palette = CommandPalette(here, self)
        palette.chosen.connect(self._run)
        palette.show_over(self)
        if self.session is not None:
            others = iter([place for place in self.rail.places if self.screens.get(place.path) is not self._screen])
            self._extend(palette, others, self.session)

    def _extend(self, palette: CommandPalette, others: Iterator[Place], session: Session) -> None:
        """Add the commands of other screens to the palette, one screen at a time, so that typing never waits long."""
        from gandam_studio.qt.palette import Command

        place = next(others, None)
        if place is None or self.session is not session:
            return
        go = functools.partial(self.visit, place)
        found = [leaf for menu in self._built(place).menus() for leaf in leaves(menu, menu.title.replace("&", ""))]
        palette.add([Command(action, f"{place.title} › {path}", go) for action, path in found])
        QTimer.singleShot(0, palette, lambda: self._extend(palette, others, session))

    def _run(self, command: Command) -> None:
        if command.visit is None:
            self._trigger(command)
        else:
            command.visit()
            # The screen brings itself up to date first.
            QTimer.singleShot(0, command.action, lambda: self._trigger(command))

    def _trigger(self, command: Command) -> None:
        if command.action.isEnabled():
            command.action.trigger()
        elif self.session is not None:
            self.session.post(self.tr("{0} is not possible at the moment.").format(command.text), INFO)

    def _show_help(self) -> None:
        from gandam_studio.qt.help import ShortcutsDialog
        from gandam_studio.qt.questions import run_dialog

        screen = self._screen
        modes = screen.mode_keys() if screen is not None else []
        in_mode = screen is not None and screen.in_mode
        run_dialog(ShortcutsDialog(list(self.commands()), self, modes, modes_first=in_mode))

    def _show_about(self) -> None:
        from gandam_studio.qt.help import show_about

        show_about(self)

    def _toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _set_scheme(self, scheme: str) -> None:
        theme.set_scheme(scheme)
        QSettings().setValue("window/scheme", scheme)

    # Undo

    def _undo(self) -> None:
        if self.session and not (self._screen is not None and self._screen.take_undo()):
            self._reveal(self.session.undo(), self.tr("Undone: {0}"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Answer the keys of undo and redo also while there is nothing to undo or redo."""
        keys = QKeySequence(event.keyCombination())
        if self.session is None or self.session.read_only:
            super().keyPressEvent(event)
        elif keys in self.undo_action.shortcuts():
            if self._screen is not None and self._screen.take_undo():
                return
            if self.session.may_change():
                self.session.post(self.tr("Nothing to undo. Imported sprites stay; drop those you do not want."), INFO)
        elif keys in self.redo_action.shortcuts():
            if self._screen is not None and self._screen.take_redo():
                return
            if self.session.may_change():
                self.session.post(self.tr("Nothing to redo."), INFO)
        else:
            super().keyPressEvent(event)

    def _redo(self) -> None:
        if self.session and not (self._screen is not None and self._screen.take_redo()):
            self._reveal(self.session.redo(), self.tr("Redone: {0}"))

    def _reveal(self, changes: Changes, said: str) -> None:
        """Bring the sprites of an undo or redo into view, and say so if the filter hides them."""
        assert self.session is not None
        if not changes or self._screen is None or not len(changes.seqs):
            return
        hidden = self._screen.reveal(changes.seqs)
        if hidden:
            text = self.tr("{0} · {1:,} of {2:,} not shown here: Ctrl+J shows them in Curate")
            self.session.post(text.format(said.format(changes.label), hidden, len(changes.seqs)), INFO)

    def show_last_change(self) -> None:
        """Go to the sprites changed last, by an edit, an undo or a redo (Ctrl+J)."""
        if self.session is None:
            return
        seqs = self._changed
        if seqs is None:
            history = self.session.workspace.history
            seqs = history.seqs_of(history.last_edit())
        if len(seqs):
            from gandam_studio.qt.following.requests import ShowSprites

            self._go_to("Curate", ShowSprites(seqs))
        else:
            self.session.post(self.tr("Nothing has been changed yet."), INFO)

    def _note_changes(self, changes: Changes) -> None:
        if len(changes.seqs):
            self._changed = changes.seqs
        self._update_undo_texts()

    def _save_version(self) -> None:
        if self.session:
            from gandam_studio.qt.following.requests import SaveVersion

            self._go_to("Versions", SaveVersion())

    @property
    def _shows_versions(self) -> bool:
        """True on the Versions screen, which has an action of its own for Ctrl+S."""
        return self._screen is not None and self._screen.title == "Versions"

    def _update_undo_texts(self) -> None:
        if self.session is None:
            return
        history = self.session.workspace.history
        for action, verb, label in (
            (self.undo_action, self.tr("&Undo"), history.undo_label()),
            (self.redo_action, self.tr("&Redo"), history.redo_label()),
        ):
            action.setText(shortened(f"{verb} {label}".strip().replace("  ", " ")))
            action.setEnabled(bool(label) and not self.session.read_only)

    def _show_history(self) -> None:
        from gandam_studio.qt.following.requests import ShowSprites
        from gandam_studio.qt.help import HistoryDialog
        from gandam_studio.qt.questions import run_dialog

        if self.session:
            dialog = HistoryDialog(self.session, self)
            run_dialog(dialog)
            if dialog.chosen is not None:
                self._go_to("Curate", ShowSprites(dialog.chosen))

    # Drag and drop

    def can_take(self, data: QMimeData) -> bool:
        """Files and pictures, on every screen; Curate and the welcome page take their own."""
        from gandam_studio.qt.imports.sources import holds_sources

        writable = self.session is None or not self.session.read_only
        return writable and holds_sources(data)

    def take(self, data: QMimeData) -> bool:
        """Import them, and show that in Curate."""
        return self.welcome.take(data) if self.session is None else self._visit_curate().imports.take(data)

    # Closing

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask the screens and running jobs first."""
        if self.session is not None:
            if not self._may_close():
                event.ignore()
                return
            self._leave_workspace()
        QSettings().setValue("window/geometry", self.saveGeometry())
        super().closeEvent(event)

    def _may_close(self) -> bool:
        if not all(screen.may_close() for screen in self.screens.values()):
            return False
        if self.session is None or not self.session.tasks:
            return True
        from gandam_studio.qt.questions import offer_stopping

        return offer_stopping(self, [task.title for task in self.session.tasks])

    # Look

    def _lay_out(self) -> None:
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.rail)
        middle.addWidget(self._stack, 1)
        centre = QWidget()
        layout = QVBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(middle, 1)
        layout.addWidget(self.next_bar)
        layout.addWidget(self.status_strip)
        self.setCentralWidget(centre)

    def _take_size(self) -> None:
        """Take the size and place of the last time, or the usual size; always within the screen."""
        self.setMinimumSize(SMALLEST_SIZE)
        self.resize(USUAL_SIZE)
        saved = QSettings().value("window/geometry")
        if isinstance(saved, QByteArray):
            self.restoreGeometry(saved)
        self._fit_screen()
        self._size_taken = self.size()

    def _fit_screen(self) -> None:
        """Bring the window, frame included, onto its screen; screens and scaling may have changed since."""
        screen = QGuiApplication.screenAt(self.geometry().center()) or self.screen()
        if self.isFullScreen() or self.isMaximized() or screen is None:
            return
        outer = self.frameGeometry() if self.isVisible() else self.geometry().marginsAdded(UNSHOWN_FRAME)
        wanted = fitted(outer, screen.availableGeometry())
        if wanted != outer:
            frame = self.geometry().size() - outer.size()
            self.resize(wanted.size() + frame)
            self.move(wanted.topLeft())


def fitted(outer: QRect, room: QRect) -> QRect:
    """A window's rectangle moved, and where it must be shrunk, to lie within `room`."""
    size = outer.size().boundedTo(room.size())
    left = min(max(outer.left(), room.left()), room.right() - size.width() + 1)
    top = min(max(outer.top(), room.top()), room.bottom() - size.height() + 1)
    return QRect(QPoint(left, top), size)


__all__ = ["PLACES", "MainWindow"]
