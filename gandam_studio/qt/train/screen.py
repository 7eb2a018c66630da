"""The Train screen: set up a run, start it, watch it; reattaches to a run that is already training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint
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
from gandam_studio.qt.following.requests import ShowRun
from gandam_studio.qt.following.texts import alarm_words, pauses, state_words, why_finished
from gandam_studio.qt.outputs.run_screen import RunScreen
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.screen import ScreenMenu
from gandam_studio.qt.session import ERROR, INFO, WARNING, Session
from gandam_studio.qt.tips import name_keys
from gandam_studio.qt.train.control import RunControl
from gandam_studio.qt.train.notifications import Notifier
from gandam_studio.qt.train.run_strip import RunStrip
from gandam_studio.qt.train.setup.setup_page import SetupPage
from gandam_studio.qt.widgets.choice_box import ChoiceBox
from gandam_studio.qt.widgets.plots.timeline import Timeline
from trainer.protocol.config import TrainConfig
from trainer.protocol.events import Alarm, TrainEvent
from trainer.protocol.run_directory import RunDirectory, RunState
from trainer.protocol.untrusted import shortened

if TYPE_CHECKING:
    from gandam_studio.core.runs.samples import SampleSpot
    from gandam_studio.qt.train.watch.watch_page import WatchPage


class TrainScreen(RunScreen):
    """Two pages: set up a run, watch a run.

    Attributes:
        control: starts and controls runs. follower: the watched run, or None. notifier: desktop notifications.
        setup, watch: the pages; `watch` is built when a run is first shown, since plots take half a second to load.
    """

    title = "Train"

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
        self._listed: tuple[list[str], Path | None] | None = None
        self.pages = QStackedWidget()
        self.pages.addWidget(self.setup)
        self.new_button = QPushButton(self.tr("New run"))
        self.new_button.setProperty("role", "quiet")
        icons.set_icon(self.new_button, "plus", "text", 16)
        self.chooser = ChoiceBox()
        self.chooser.setAccessibleName(self.tr("Run to watch"))
        self.chooser.setMinimumWidth(260)
        self.chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._lay_out()
        self._make_actions()
        self.setup.start_requested.connect(self.create_and_start)
        self.setup.split_requested.connect(self.create_and_queue)
        self.setup.cure_requested.connect(self.screen_requested)
        self.control.started.connect(lambda run: self.show_run(run.path))
        self.control.stop_timed_out.connect(self._offer_kill)
        self.chooser.activated.connect(lambda index: self.show_run(self.chooser.itemData(index)))
        self.new_button.clicked.connect(lambda _checked=False: self.show_setup())
        session.run_index.changed.connect(self._list_runs)
        session.run_index.changed.connect(self.setup._name_start)
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
        self.copy_action = act(self.tr("New run from &this"), lambda: self.derive({}))
        self.previous_action = act(self.tr("&Earlier samples"), lambda: self._step(-1), "Left")
        self.next_action = act(self.tr("&Later samples"), lambda: self._step(1), "Right")
        self.home_action = act(self.tr("&First samples"), lambda: self._timeline(Timeline.home), "Home")
        self.end_action = act(self.tr("&Follow the newest step"), lambda: self._timeline(Timeline.end), "End")
        self.play_action = act(self.tr("P&lay"), lambda: self._timeline(Timeline.toggle_play), "Shift+P")
        self.spike_back_action = act(self.tr("P&revious sudden jump"), lambda: self._spike(-1), "Ctrl+Left")
        self.spike_action = act(self.tr("Ne&xt sudden jump"), lambda: self._spike(1), "Ctrl+Right")
        self.raw_action = act(
            self.tr("Samples &as drawn, or cleaned"), self._show_raw, "Shift+D",
            tip=self.tr("Show the samples as the network drew them, before their background was cleaned"),
        )  # fmt: skip
        self.back_action = act(self.tr("&Close the details"), self._back, "Escape")
        self.make_run_actions()
        name_keys(self.setup.start_button, self.start_action)

    def menus(self) -> list[ScreenMenu]:
        """The Run, Samples and Timeline menus."""
        return [
            ScreenMenu(self.tr("&Run"), (
                self.new_action, self.copy_action, None, self.start_action, self.pause_action, self.stop_action,
                self.sample_action, self.checkpoint_action, None, self.longer_action, self.ending_action,
                self.sprites_action, self.explore_action, self.average_action, None, self.evaluate_action,
                self.evaluate_folder_action, self.report_action, None, self.label_action, self.folder_action,
            )),
            self.samples_menu(),
            ScreenMenu(self.tr("&Timeline"), (
                self.previous_action, self.next_action, self.home_action, self.end_action, self.play_action, None,
                self.spike_back_action, self.spike_action, None, self.raw_action, self.film_action, None,
                self.back_action,
            )),
        ]  # fmt: skip

    def _enable_actions(self) -> None:
        """Enable the shortcuts of the timeline only on the watch page, so that the form gets arrows and letters."""
        watching = self.pages.currentWidget() is not self.setup
        for action in (
            self.previous_action, self.next_action, self.home_action, self.end_action, self.play_action,
            self.spike_back_action, self.spike_action, self.raw_action, self.back_action, self.sample_action,
            self.pause_action,
            self.stop_action, self.checkpoint_action, self.copy_action, self.folder_action, self.longer_action,
            self.ending_action, self.sprites_action, self.explore_action, self.label_action, self.film_action,
            self.save_sample_action,
            self.copy_sample_action, self.copy_seed_action, self.copy_command_action, self.more_action,
            self.save_grid_action, self.copy_grid_action, self.evaluate_action, self.average_action, self.report_action,
        ):  # fmt: skip
            action.setEnabled(watching)

    @property
    def watch(self) -> WatchPage:
        """The page to watch a run, built on first use."""
        if self._watch is None:
            from gandam_studio.qt.train.watch.watch_page import WatchPage

            self._watch = WatchPage()
            self._watch.command_requested.connect(self.command)
            self._watch.menu_requested.connect(self._show_sample_menu)
            self._watch.sprites_requested.connect(self.ask_sprites)
            self._watch.film_requested.connect(self.ask_film)
            self._watch.longer_requested.connect(self.ask_longer)
            self._watch.ending_requested.connect(self.ask_ending)
            self._watch.evaluation_requested.connect(self.ask_evaluation)
            self._watch.action_requested.connect(self._act)
            self.pages.addWidget(self._watch)
            name_keys(self._watch.pause_button, self.pause_action)
            name_keys(self._watch.raw_box, self.raw_action)
            sprites = self._watch.sprites_button
            name_keys(sprites, self.sprites_action, sprites.toolTip())
            name_keys(
                self._watch.verdict.evaluate_button, self.evaluate_action,
                self.tr("Judge a checkpoint by 1,024 new samples: collapsed, copying, how good?"),
            )  # fmt: skip
            self.ready_controls()
        return self._watch

    # Life cycle

    def activated(self) -> None:
        """Reattach to a training run, if any."""
        self.setup.refresh_versions()
        self.session.run_index.refresh()
        self.reattach()

    def reattach(self) -> None:
        """Watch the training run, here and in the status strip, unless another run is watched."""
        if self.follower is None and (live := self.control.live_run_now()) is not None:
            self.show_run(live.path)

    def deactivated(self) -> None:
        """End the preview of the timeline."""
        if self._watch is not None:
            self._watch.timeline.preview(None)
            self._watch.timeline.pause()

    def may_close(self) -> bool:
        """Ask whether a training run should continue or stop."""
        self._stop_at_close = None
        live = self.control.live_run_now()
        return live is None or self._ask_before_closing(live)

    def closing(self) -> None:
        """Release all resources, and send a stop if the user chose so."""
        if self._stop_at_close is not None:
            # The trainer saves a checkpoint by itself, so there is no need to wait for it.
            self.control.ask(self._stop_at_close, "stop")
        self.close_run()
        self.control.release()
        self.notifier.close()

    def _ask_before_closing(self, live: RunDirectory) -> bool:
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("A run is training"))
        box.setText(self.tr("{0} is training.").format(shortened(live.name)))
        box.setInformativeText(
            self.tr("It can go on by itself; open this workspace again to watch it. Or save and stop it now.")
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
        """Stop watching; the run itself continues."""
        self.setup.preflight.cancel()
        if self._watch is not None:
            self._watch.wait()
        if self.follower is not None:
            self.follower.close()
            self.follower.deleteLater()
            self.follower = None

    # Pages

    def show_setup(self) -> None:
        """Show the form for a new run."""
        self.setup.refresh_versions()
        self.pages.setCurrentWidget(self.setup)

    def show_run(self, folder: Path | str) -> None:
        """Watch a run, live or past, in this workspace or any other folder."""
        folder = Path(folder)
        self.pages.setCurrentWidget(self.watch)
        if self.follower is not None and self.follower.run_directory.path == folder:
            self.follower.poke()
            return
        self.close_run()
        self._last_state = None
        self.follower = RunFollower(folder, self, self.watch.timeline)
        self.follower.share_commands(self.session.run_index.pending)
        self.watch.show_run(self.follower)
        self.session.runs_changed.connect(self.follower.poke)
        self.follower.state_changed.connect(self._note_state)
        self.follower.vanished.connect(self._note_vanished)
        self.follower.events_arrived.connect(self._note_alarms)
        self._show_in_strip(self.follower)
        self.follower.start()
        self._list_runs()

    def _show_in_strip(self, follower: RunFollower) -> None:
        self._strip = RunStrip()
        self._strip.clicked.connect(lambda: self.go_to("Train"))
        self._strip.command_requested.connect(self.command)
        self.run_widget_changed.emit(self._strip)
        self._strip.follow(follower)

    def go_to(self, name: str) -> None:
        """Go to another screen of the window."""
        self.screen_requested.emit(name, None)

    def receive(self, request: object) -> None:
        """Watch a run, and start or resume it if requested (`ShowRun`)."""
        if isinstance(request, ShowRun):
            self.show_run(request.folder)
            if request.start:
                self.start_watched(*request.options)

    def _list_runs(self) -> None:
        index = self.session.run_index
        found = list(reversed(index.runs))
        watched = self.follower.run_directory.path if self.follower else None
        lines = [f"{shortened(one.title, 60)}  ·  {state_words(one.state, index.pending_of(one))}" for one in found]
        if (listed := (lines, watched)) == self._listed:
            return  # An open list would close.
        self._listed = listed
        self.chooser.blockSignals(True)
        self.chooser.clear()
        for line, one in zip(lines, found, strict=True):
            self.chooser.addItem(line, one.folder)
        row = next((i for i, one in enumerate(found) if one.folder == watched), -1)
        if row < 0 and watched is not None:
            self.chooser.addItem(shortened(str(watched), 80), watched)
            row = self.chooser.count() - 1
        self.chooser.setCurrentIndex(row)
        self.chooser.setPlaceholderText(self.tr("Choose a run to watch") if found else self.tr("No runs yet"))
        self.chooser.setEnabled(bool(found))
        self.chooser.blockSignals(False)

    # Runs

    def _start(self) -> None:
        if self.pages.currentWidget() is self.setup:
            self.setup.start()
        elif self.follower is not None and not self.follower.is_alive:
            self.control.start(self.follower.run_directory)

    def create_and_start(self, version, config: TrainConfig, parent: str = "") -> None:
        """Create the run's folder in the background, then start or queue the run."""

        def work(workspace: Any, job: Any) -> RunDirectory:
            return runs.create_run(workspace, version, config, parent=parent, job=job)

        self.setup.start_button.setEnabled(False)
        task = self.session.start_job(self.tr("Preparing the run"), work, self._begin)
        task.ended.connect(self.setup._name_start)

    def create_and_queue(self, wanted: list[tuple[Any, TrainConfig, str]]) -> None:
        """Create several runs in the background; the first is started, unless one trains, and the others wait."""

        def work(workspace: Any, job: Any) -> list[RunDirectory]:
            return [
                runs.create_run(workspace, version, config, parent=parent, job=job)
                for version, config, parent in wanted
            ]

        def begin(made: list[RunDirectory]) -> None:
            for run in made:
                self._begin(run)

        self.session.start_job(self.tr("Preparing the runs"), work, begin)

    def _begin(self, run: RunDirectory) -> None:
        self.control.start_or_queue(run)
        self._list_runs()

    def command(self, name: str) -> None:
        """Send a command of a button or shortcut to the watched run."""
        follower = self.follower
        if follower is None:
            return
        if name == "start":
            self.start_watched()
            return
        if not follower.is_alive:
            self.session.post(self.tr("{0} is not training.").format(follower.name), INFO)
            return
        self.control.ask(follower.run_directory, name)
        follower.poke()
        message = {
            "stop": self.tr("Stopping after this step, with a checkpoint."),
            "sample": self.tr("Samples will be saved after this step."),
            "checkpoint": self.tr("A checkpoint will be saved after this step."),
        }.get(name)
        if message:
            self.session.post(message, INFO)

    def start_watched(self, *options: str) -> None:
        """Start, resume or extend the watched run; `options` are those of `python -m trainer train`."""
        if self.follower is not None and self.control.start(self.follower.run_directory, *options):
            self.follower.poke()

    # Sprites, films, names

    def run_shown(self) -> Path | None:
        """The watched run."""
        return self.follower.run_directory.path if self.follower is not None else None

    def sample_shown(self) -> tuple[SampleSpot, RunFollower] | None:
        """The sample that was clicked last, or else the grid of the same samples over time."""
        if self.follower is None or self._watch is None:
            return None
        spot = self._watch.chosen or self._watch.grids.spot("fixed", None)
        return (spot, self.follower) if spot is not None else None

    def moment_shown(self) -> float | None:
        """The iteration at the cursor."""
        if self.follower is None or self.follower.timeline.following:
            return None
        return self.follower.timeline.position

    def train_longer(self, folder: Path, options: tuple[str, ...]) -> None:
        """Extend the watched run."""
        self.start_watched(*options)

    def show_labels(self) -> None:
        """Show the watched run's name and note."""
        self.watch.refresh_title()

    def _show_sample_menu(self, spot: SampleSpot, at: QPoint) -> None:
        if self.follower is not None:
            self.samples.show_menu(spot, self.follower, at)

    def toggle_pause(self) -> None:
        """Pause or resume the run."""
        paused = self.follower is not None and pauses(self.follower)
        self.command("resume" if paused else "pause")

    def derive(self, changes: dict[str, Any]) -> None:
        """Fill the form with the run's settings plus these changes, for a child run."""
        follower = self.follower
        if follower is None or follower.config is None:
            return
        config = follower.config
        self.show_setup()
        self.setup.continue_from(config.origin.version, config.preset, config, follower.name)
        for path, value in changes.items():
            self.setup.draft.set_value(path, value)

    def _act(self, action: str) -> None:
        """Carry out the action of a card."""
        follower = self.follower
        if follower is None:
            return
        config = follower.config
        if action == "resume":
            self.command("start")
        elif action == "on_cpu":
            if self.control.start(follower.run_directory, "--device", "cpu"):
                follower.poke()
        elif action == "smaller_batch" and config is not None:
            self.derive({"batch.micro": max(1, follower.pictures_at_once // 2)})
        elif action == "slower" and config is not None:
            rates = dataclasses.asdict(config.optimiser)
            names = ("lr_g",) if config.is_flow else ("lr_g", "lr_d")
            self.derive({f"optimiser.{name}": rates[name] / 2 for name in names})
        elif action == "edit":
            self.derive({})
        elif action == "versions":
            self.go_to("Versions")
        elif action == "folder":
            self.show_in_folder()
        elif action == "log":
            self.watch.tabs.setCurrentWidget(self.watch.log)
            self.watch.log.show_log()

    def _offer_kill(self, name: str) -> None:
        """Offer to kill a trainer that has not stopped in time."""
        if name in self._offered:
            return
        self._offered.add(name)
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(self.tr("Still stopping"))
        box.setText(self.tr("{0} has not stopped yet.").format(shortened(name)))
        box.setInformativeText(self.tr("Ending it by force loses only what it learnt since its newest checkpoint."))
        end = box.addButton(self.tr("End it now"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(self.tr("Keep waiting"), QMessageBox.ButtonRole.RejectRole)
        run_dialog(box)
        if box.clickedButton() is end:
            self.control.end_now(name)
        self._offered.discard(name)

    # Events of the run

    def _note_state(self, state: RunState) -> None:
        before, self._last_state = self._last_state, state
        self.session.run_index.refresh()
        was_alive = before is not None and before.state in ("running", "paused")
        if not was_alive or self.follower is None:
            return
        name = self.follower.name
        if state.state == "finished":
            text = self.tr("{0} has finished after {1:,} iterations").format(name, state.iteration)
            why = why_finished(state)
            self._notify(f"{text}: {why}." if why else f"{text}.", INFO)
        elif state.state == "failed":
            self._notify(self.tr("{0} failed: {1}").format(name, state.reason), ERROR)
        elif state.state == "interrupted":
            self._notify(self.tr("{0}: training stopped unexpectedly.").format(name), WARNING)
        if state.state not in ("running", "paused"):
            self.session.runs_changed.emit()

    def _note_alarms(self, events: list[TrainEvent]) -> None:
        """Tell alarms that are raised while the run is watched; those of the past are in its log."""
        for event in events:
            if isinstance(event, Alarm) and event.state == "raised" and self.follower is not None:
                text = f"{self.follower.name}: {alarm_words(event)} ({event.iteration:,})."
                self._notify(shortened(text, 300), WARNING)

    def _note_vanished(self) -> None:
        if self._last_state is not None and self._last_state.state in ("running", "paused") and self.follower:
            text = self.tr("The folder of {0} disappeared during training; its training will end.")
            self._notify(text.format(self.follower.name), ERROR)
        self._last_state = None
        self.session.runs_changed.emit()

    def _notify(self, text: str, severity: str) -> None:
        self.session.post(text, severity)
        self.notifier.notify(self.window(), "GANdam Studio", text)

    # Timeline keys

    def _back(self) -> None:
        if self._watch is not None:
            self._watch.back()

    def _show_raw(self) -> None:
        if self._watch is not None and (why_not := self._watch.toggle_raw()):
            self.session.post(why_not, INFO)

    def _step(self, count: int) -> None:
        self._timeline(lambda timeline: timeline.step(count))

    def _timeline(self, move: Callable[[Timeline], object]) -> None:
        if self._watch is not None:
            move(self._watch.timeline)

    def _spike(self, direction: int) -> None:
        if self._watch is not None and self.follower is not None:
            self._watch.step_spike(direction)
