"""The Train screen: draw up a run, start it, watch it; reattaches to what is already training."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core import runs
from gandam_studio.qt import icons, theme
from gandam_studio.qt.following.follower import RunFollower
from gandam_studio.qt.following.texts import state_words, why_finished
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.screen import Screen, ScreenMenu
from gandam_studio.qt.session import ERROR, INFO, WARNING, Session
from gandam_studio.qt.train.control import RunControl
from gandam_studio.qt.train.notifications import Notifier
from gandam_studio.qt.train.run_strip import RunStrip
from gandam_studio.qt.train.setup.setup_page import SetupPage
from trainer.protocol.config import TrainConfig
from trainer.protocol.run_directory import RunDirectory, RunState
from trainer.protocol.untrusted import shortened

if TYPE_CHECKING:
    from gandam_studio.qt.train.watch.watch_page import WatchPage


class TrainScreen(Screen):
    """Two pages: set up a run, watch a run.

    Attributes:
        control: starts and steers runs. follower: the run being watched, or None. notifier: desktop messages.
        setup, watch: the pages; `watch` is built when a run is first shown, since plots cost half a second to load.
    """

    title = "Train"
    icon_name = "train"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.control = RunControl(session, self)
        self.notifier = Notifier(self)
        self.follower: RunFollower | None = None
        self._stop_at_close: RunDirectory | None = None
        self.setup = SetupPage(session, self.control)
        self._watch: WatchPage | None = None
        self._last_state: RunState | None = None
        self._strip: RunStrip | None = None
        self.pages = QStackedWidget()
        self.pages.addWidget(self.setup)
        self.new_button = QPushButton(self.tr("New run"))
        self.new_button.setProperty("role", "quiet")
        icons.set_icon(self.new_button, "plus", "text", 16)
        self.chooser = QComboBox()
        self.chooser.setAccessibleName(self.tr("Run to watch"))
        self.chooser.setMinimumWidth(260)
        self.chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._lay_out()
        self._make_actions()
        self.setup.start_asked.connect(self.create_and_start)
        self.setup.cure_asked.connect(self.go_to)
        self.control.started.connect(lambda run: self.show_run(run.path))
        self.control.patience_ended.connect(self._offer_to_end)
        self.chooser.activated.connect(lambda index: self.show_run(self.chooser.itemData(index)))
        self.new_button.clicked.connect(lambda _checked=False: self.show_setup())
        session.runs_changed.connect(self._list_runs)
        self._offered: set[str] = set()
        self.pages.currentChanged.connect(self._enable_actions)
        self._enable_actions()
        self._list_runs()

    def _lay_out(self) -> None:
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(14, 6, 14, 6)
        row.setSpacing(theme.SPACE)
        row.addWidget(self.new_button)
        row.addWidget(self.chooser)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(bar)
        layout.addWidget(self.pages, 1)

    def _make_actions(self) -> None:
        act = self.add_action
        self.start_action = act(self.tr("&Start the run"), self._start, "Ctrl+Return", icon="play")
        self.pause_action = act(self.tr("&Pause or resume"), self.toggle_pause, "Ctrl+P", icon="pause")
        self.stop_action = act(self.tr("S&top"), lambda: self.command("stop"), "Ctrl+.", icon="stop")
        self.sample_action = act(self.tr("Sample &now"), lambda: self.command("sample"), "S", icon="sample")
        self.checkpoint_action = act(self.tr("Save a &checkpoint now"), lambda: self.command("checkpoint"), icon="save")
        self.new_action = act(self.tr("&New run"), self.show_setup, "Ctrl+R", icon="plus")
        self.copy_action = act(self.tr("New run with &these settings"), lambda: self.derive({}))
        self.previous_action = act(self.tr("&Earlier sample point"), lambda: self._step(-1), "Left")
        self.next_action = act(self.tr("&Later sample point"), lambda: self._step(1), "Right")
        self.home_action = act(self.tr("&First sample point"), lambda: self._timeline("home"), "Home")
        self.end_action = act(self.tr("&Follow the newest moment"), lambda: self._timeline("end"), "End")
        self.play_action = act(self.tr("P&lay"), lambda: self._timeline("toggle_play"), "P")
        self.spike_back_action = act(self.tr("Spike &before"), lambda: self._spike(-1), "Ctrl+Left")
        self.spike_action = act(self.tr("Spike &after"), lambda: self._spike(1), "Ctrl+Right")
        self.back_action = act(self.tr("&Close the close-up"), self._back, "Escape")
        self.folder_action = act(self.tr("Open the run's &folder"), self._open_folder, icon="folder")

    def menus(self) -> list[ScreenMenu]:
        """Run and Timeline."""
        return [
            ScreenMenu(self.tr("&Run"), (
                self.new_action, self.copy_action, None, self.start_action, self.pause_action, self.stop_action,
                self.sample_action, self.checkpoint_action, None, self.folder_action,
            )),
            ScreenMenu(self.tr("&Timeline"), (
                self.previous_action, self.next_action, self.home_action, self.end_action, self.play_action, None,
                self.spike_back_action, self.spike_action, None, self.back_action,
            )),
        ]  # fmt: skip

    def _enable_actions(self) -> None:
        """Keys of the timeline must not take arrows and letters from the form."""
        watching = self.pages.currentWidget() is not self.setup
        for action in (
            self.previous_action, self.next_action, self.home_action, self.end_action, self.play_action,
            self.spike_back_action, self.spike_action, self.back_action, self.sample_action, self.pause_action,
            self.stop_action, self.checkpoint_action, self.copy_action, self.folder_action,
        ):  # fmt: skip
            action.setEnabled(watching)

    @property
    def watch(self) -> WatchPage:
        """The page that watches; built when it is first needed."""
        if self._watch is None:
            from gandam_studio.qt.train.watch.watch_page import WatchPage

            self._watch = WatchPage()
            self._watch.command_asked.connect(self.command)
            self._watch.action_asked.connect(self._act)
            self.pages.addWidget(self._watch)
        return self._watch

    # Coming and going

    def activated(self) -> None:
        """Reattach to what trains; else stay where the person was."""
        self.setup.refresh_versions()
        self._list_runs()
        self.reattach()

    def reattach(self) -> None:
        """Watch what trains, here and in the status strip, unless another run is being watched."""
        if self.follower is None and (live := self.control.live_run()) is not None:
            self.show_run(live.path)

    def deactivated(self) -> None:
        """Hovering has ended."""
        if self._watch is not None:
            self._watch.timeline.preview(None)
            self._watch.timeline.pause()

    def may_close(self) -> bool:
        """Ask what becomes of a run that trains."""
        self._stop_at_close = None
        live = self.control.live_run()
        return live is None or self._ask_before_closing(live)

    def closing(self) -> None:
        """Let go of everything; a run that was to be stopped is asked to."""
        if self._stop_at_close is not None:
            # The trainer saves its checkpoint by itself: nobody needs to wait for it here.
            self.control.ask(self._stop_at_close, "stop")
        self.close_run()
        self.control.let_go()
        self.notifier.close()

    def _ask_before_closing(self, live: RunDirectory) -> bool:
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("A run is training"))
        box.setText(self.tr("{0} is training.").format(shortened(live.name)))
        box.setInformativeText(
            self.tr("It can go on without this window; open the workspace again to watch it. Or save and stop it now.")
        )
        keep = box.addButton(self.tr("Keep running"), QMessageBox.ButtonRole.AcceptRole)
        stop = box.addButton(self.tr("Save and stop"), QMessageBox.ButtonRole.DestructiveRole)
        cancel = box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(keep)
        box.setEscapeButton(cancel)
        run_dialog(box)
        if box.clickedButton() is stop:
            self._stop_at_close = live
        return box.clickedButton() in (keep, stop)

    def close_run(self) -> None:
        """Stop watching; the run itself goes on."""
        self.setup.preflight.cancel()
        if self._watch is not None:
            self._watch.wait()
        if self.follower is not None:
            self.follower.close()
            self.follower.deleteLater()
            self.follower = None

    # Pages

    def show_setup(self) -> None:
        """Draw up a new run."""
        self.setup.refresh_versions()
        self.pages.setCurrentWidget(self.setup)

    def show_run(self, folder: Path | str) -> None:
        """Watch a run; it may be live or past, of this workspace or any folder."""
        folder = Path(folder)
        self.pages.setCurrentWidget(self.watch)
        if self.follower is not None and self.follower.run_directory.path == folder:
            self.follower.poke()
            return
        self.close_run()
        self._last_state = None
        self.follower = RunFollower(folder, self, self.watch.timeline)
        self.watch.show_run(self.follower)
        self.follower.state_changed.connect(self._note_state)
        self.follower.vanished.connect(self._note_vanished)
        self._show_in_strip(self.follower)
        self.follower.start()
        self._list_runs()

    def _show_in_strip(self, follower: RunFollower) -> None:
        strip = getattr(self.window(), "status_strip", None)
        if strip is not None:
            self._strip = RunStrip()
            self._strip.clicked.connect(lambda: self.go_to("Train"))
            self._strip.command_asked.connect(self.command)
            strip.set_run_widget(self._strip)
            self._strip.follow(follower)

    def go_to(self, name: str) -> None:
        """Show another screen of the window."""
        visit: Any = getattr(self.window(), "visit_by_name", None)
        if visit is not None:
            visit(name)

    def _list_runs(self) -> None:
        found = list(reversed(runs.runs(self.session.workspace)))
        self.chooser.blockSignals(True)
        self.chooser.clear()
        for one in found:
            self.chooser.addItem(f"{shortened(one.run, 60)}  ·  {state_words(one.state)}", one.folder)
        watched = self.follower.run_directory.path if self.follower else None
        index = next((i for i, one in enumerate(found) if one.folder == watched), -1)
        if index < 0 and watched is not None:
            self.chooser.addItem(shortened(str(watched), 80), watched)
            index = self.chooser.count() - 1
        self.chooser.setCurrentIndex(index)
        self.chooser.setPlaceholderText(self.tr("Watch a run…") if found else self.tr("No runs yet"))
        self.chooser.setEnabled(bool(found))
        self.chooser.blockSignals(False)

    # Runs

    def _start(self) -> None:
        if self.pages.currentWidget() is self.setup:
            self.setup.start()
        elif self.follower is not None and not self.follower.is_alive:
            self.control.start(self.follower.run_directory)

    def create_and_start(self, version, config: TrainConfig, parent: str = "") -> None:
        """Make the run's folder in the background, then start it or put it into the queue."""

        def work(workspace: Any, job: Any) -> RunDirectory:
            return runs.create_run(workspace, version, config, parent=parent, job=job)

        self.setup.start_button.setEnabled(False)
        task = self.session.start_job(self.tr("Preparing the run"), work, self._begin)
        task.ended.connect(self.setup._name_start)

    def _begin(self, run: RunDirectory) -> None:
        self.control.start_or_queue(run)
        self._list_runs()

    def command(self, name: str) -> None:
        """Carry out what a button or key asked of the run being watched."""
        follower = self.follower
        if follower is None:
            return
        if name == "start":
            if self.control.start(follower.run_directory):
                follower.poke()
            return
        if not follower.is_alive:
            self.session.post(self.tr("{0} is not training.").format(follower.name), INFO)
            return
        self.control.ask(follower.run_directory, name)
        follower.poke()
        told = {
            "stop": self.tr("Stopping after this step; a checkpoint is saved first."),
            "sample": self.tr("Samples are drawn after this step."),
            "checkpoint": self.tr("A checkpoint is saved after this step."),
        }.get(name)
        if told:
            self.session.post(told, INFO)

    def toggle_pause(self) -> None:
        """Pause the run, or let it go on."""
        paused = self.follower is not None and self.follower.state.state == "paused"
        self.command("resume" if paused else "pause")

    def derive(self, changes: dict[str, Any]) -> None:
        """Fill the form with this run's settings, changed in these, as a child of it."""
        follower = self.follower
        if follower is None or follower.config is None:
            return
        config = follower.config
        self.show_setup()
        self.setup.continue_from(config.origin.version, config.preset, config, follower.name)
        for path, value in changes.items():
            self.setup.draft.set_value(path, value)

    def _act(self, action: str) -> None:
        """A card's one action."""
        follower = self.follower
        if follower is None:
            return
        config = follower.config
        if action == "resume":
            self.command("start")
        elif action == "smaller_batch" and config is not None:
            self.derive({"batch.micro": max(1, follower.pictures_at_once // 2)})
        elif action == "slower" and config is not None:
            rates = dataclasses.asdict(config.optimiser)
            self.derive({f"optimiser.{name}": rates[name] / 2 for name in ("lr_g", "lr_d")})
        elif action == "edit":
            self.derive({})
        elif action == "versions":
            self.go_to("Versions")
        elif action == "folder":
            self._open_folder()
        elif action == "log":
            self.watch.tabs.setCurrentWidget(self.watch.log)
            self.watch.log.show_log()

    def _offer_to_end(self, name: str) -> None:
        """A stop was asked for long ago and the trainer still lives."""
        if name in self._offered:
            return
        self._offered.add(name)
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(self.tr("Still stopping"))
        box.setText(self.tr("{0} has not stopped yet.").format(shortened(name)))
        box.setInformativeText(self.tr("Ending it now loses what came after its newest checkpoint, nothing else."))
        end = box.addButton(self.tr("End it now"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(self.tr("Keep waiting"), QMessageBox.ButtonRole.RejectRole)
        run_dialog(box)
        if box.clickedButton() is end:
            self.control.end_now(name)
        self._offered.discard(name)

    def _open_folder(self) -> None:
        if self.follower is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.follower.run_directory.path)))

    # News of the run

    def _note_state(self, state: RunState) -> None:
        before, self._last_state = self._last_state, state
        self._list_runs()
        was_alive = before is not None and before.state in ("running", "paused")
        if not was_alive or self.follower is None:
            return
        name = self.follower.name
        if state.state == "finished":
            text = self.tr("{0} has finished after {1:,} iterations").format(name, state.iteration)
            why = why_finished(state)
            self._tell(f"{text}: {why}." if why else f"{text}.", INFO)
        elif state.state == "failed":
            self._tell(self.tr("{0} failed: {1}").format(name, state.reason), ERROR)
        elif state.state == "interrupted":
            self._tell(self.tr("{0} was interrupted.").format(name), WARNING)
        if state.state not in ("running", "paused"):
            self.session.runs_changed.emit()

    def _note_vanished(self) -> None:
        if self._last_state is not None and self._last_state.state in ("running", "paused") and self.follower:
            text = self.tr("The folder of {0} has vanished while it was training; its trainer ends.")
            self._tell(text.format(self.follower.name), ERROR)
        self._last_state = None
        self.session.runs_changed.emit()

    def _tell(self, text: str, severity: str) -> None:
        self.session.post(text, severity)
        self.notifier.notify(self.window(), "GANdam Studio", text)

    # Timeline keys

    def _back(self) -> None:
        if self._watch is not None:
            self._watch.back()

    def _step(self, count: int) -> None:
        if self._watch is not None:
            self._watch.timeline.step(count)

    def _timeline(self, method: str) -> None:
        if self._watch is not None:
            getattr(self._watch.timeline, method)()

    def _spike(self, direction: int) -> None:
        if self._watch is not None and self.follower is not None:
            self._watch.step_spike(direction)
