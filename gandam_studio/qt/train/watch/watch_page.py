"""The page to watch a run: grids, timeline, plots, metrics and log with a common cursor."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from gandam_studio.core.runs.concerns import Concern, concern
from gandam_studio.core.runs.diagnoses import Finding, verdict_changes
from gandam_studio.core.runs.labels import label_of
from gandam_studio.core.runs.longer import can_be_ended
from gandam_studio.core.runs.record import RecordChanges
from gandam_studio.core.runs.samples import SampleSpot
from gandam_studio.qt import icons, theme
from gandam_studio.qt.counts import memory
from gandam_studio.qt.following.follower import RunFollower
from gandam_studio.qt.following.texts import (
    STATE_COLORS,
    Failure,
    alarm_words,
    concern_card,
    failure,
    pauses,
    pending_name,
    resume_label,
    state_name,
    time_left,
    why_finished,
)
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.train.watch.cards import FailureCard
from gandam_studio.qt.train.watch.grids import GridArea
from gandam_studio.qt.train.watch.log_drawer import LogDrawer
from gandam_studio.qt.train.watch.meters import meter_meanings, meter_plots
from gandam_studio.qt.train.watch.sample_zoom import SampleZoom
from gandam_studio.qt.widgets.diagnosis.cards import DiagnosisCards
from gandam_studio.qt.widgets.diagnosis.sheet_dialog import DiagnosisSheetDialog
from gandam_studio.qt.widgets.diagnosis.verdict_line import VerdictLine
from gandam_studio.qt.widgets.fitting import Reach, WrappingBar, WrappingRow
from gandam_studio.qt.widgets.outside_text import OutsideLabel, tip
from gandam_studio.qt.widgets.plots.plot_panel import PlotPanel
from gandam_studio.qt.widgets.plots.plot_specs import plot_specs
from gandam_studio.qt.widgets.plots.timeline import Timeline
from gandam_studio.qt.widgets.plots.timeline_bar import CLEARED, RAISED, VERDICT, Mark, TimelineBar
from gandam_studio.qt.widgets.steady import release_width, set_steady_text
from trainer.protocol import events as ev
from trainer.protocol.diagnosis_cards import summary
from trainer.protocol.measures import meaning
from trainer.protocol.run_directory import CUT_SHORT, RunState

METERS_MS = 500
SHORT_TITLE = 160  # logical pixels
LEAST_GRIDS = 200
"""Height that is left to the grids when the cards need more room, logical pixels."""
JUDGE_MS = 2000
"""Delay until new curves are looked at for signs that the run goes wrong."""


class WatchPage(QWidget):
    """Shows a `RunFollower`; commands are requested by signals.

    Signals:
        command_requested: "pause", "resume", "stop", "sample", "checkpoint" or "start" (also resumes an ended run).
        action_requested: the action of a card was chosen (see `texts.Failure`).
        menu_requested: the menu of a sample is wanted (SampleSpot, global position).
        sprites_requested, film_requested, longer_requested, ending_requested, evaluation_requested: these dialogs are
            wanted.
    """

    command_requested = Signal(str)
    action_requested = Signal(str)
    menu_requested = Signal(object, QPoint)
    sprites_requested = Signal()
    film_requested = Signal()
    longer_requested = Signal()
    ending_requested = Signal()
    evaluation_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.follower: RunFollower | None = None
        self.timeline = Timeline(self)
        self.grids = GridArea()
        self.zoom = SampleZoom()
        self.zoom.hide()
        self.timeline_bar = TimelineBar(self.timeline, self.tr("iterations"))
        self.plots = PlotPanel(self.timeline)
        self.meters = PlotPanel(self.timeline)
        self.meters.hide_smoothing()
        self.diagnosis = DiagnosisCards()
        self.verdict = VerdictLine()
        self._shown_finding: Finding | None = None
        self._spikes_told = 0
        self.log = LogDrawer()
        self.card = FailureCard()
        self._busy = False
        self._concern: Concern | None = None
        self._judge_later = QTimer(self, singleShot=True, interval=JUDGE_MS)
        self._judge_later.timeout.connect(self._judge)
        self._state_text = "secondary", "", ""
        self._measured = QTimer(self, singleShot=True, interval=METERS_MS)
        self._measured.timeout.connect(self._show_meters)
        self._lay_out()
        self._connect()

    # Building

    def _lay_out(self) -> None:
        upper = QWidget()
        row = QHBoxLayout(upper)
        row.setContentsMargins(14, 0, 14, 0)
        row.setSpacing(theme.SPACE)
        row.addWidget(self.grids, 1)
        lower = QWidget()
        column = QVBoxLayout(lower)
        column.setContentsMargins(14, 2, 14, theme.SPACE)
        column.setSpacing(2)
        self.film_button = self._button("play", self.tr("Make a film…"), self.film_requested.emit)
        self.film_button.setProperty("role", "quiet")
        self.film_button.setToolTip(self.tr("Make a GIF or MP4 of the samples over time"))
        along = QHBoxLayout()
        along.setSpacing(theme.SPACE)
        self.raw_box = QCheckBox(self.tr("As drawn"))
        self.raw_box.toggled.connect(self._show_raw)
        self.raw_box.hide()
        along.addWidget(self.timeline_bar, 1)
        along.addWidget(self.raw_box)
        along.addWidget(self.film_button)
        column.addLayout(along)
        self.tabs = QTabWidget()
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(_padded(self.plots), self.tr("Training"))
        self.tabs.addTab(_padded(self.meters), self.tr("Quality"))
        self.diagnosis_tab = Reach(self.diagnosis)
        self.diagnosis_tab.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tabs.addTab(self.diagnosis_tab, self.tr("Diagnosis"))
        self.tabs.addTab(self.log, self.tr("Log"))
        column.addWidget(self.tabs, 1)
        self._split = QSplitter(Qt.Orientation.Vertical)
        self._split.addWidget(upper)
        self._split.addWidget(lower)
        self._split.setStretchFactor(0, 11)
        self._split.setStretchFactor(1, 9)
        self._split.setChildrenCollapsible(False)
        self._split.setSizes([400, 330])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(self._make_header())
        holder = QVBoxLayout()
        holder.setContentsMargins(14, 0, 14, 0)
        holder.addWidget(self.card)
        layout.addLayout(holder)
        beside = QHBoxLayout()
        beside.setSpacing(0)
        beside.addWidget(self._split, 1)
        beside.addWidget(self.zoom)
        layout.addLayout(beside, 1)

    def _make_header(self) -> QFrame:
        self.state_label = QLabel()
        self.title_label = OutsideLabel()
        self.title_label.setProperty("role", "secondary")
        self.numbers_label = QLabel()
        self.numbers_label.setProperty("role", "secondary")
        self.numbers_label.setToolTip(meaning("pictures_per_s"))
        self.numbers_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setAccessibleName(self.tr("Progress of the run"))
        self.pause_button = self._button("pause", self.tr("Pause"), lambda: self._toggle_pause())
        self.stop_button = self._button("stop", self.tr("Stop"), lambda: self.command_requested.emit("stop"))
        self.sample_button = self._button(
            "sample", self.tr("Sample now"), lambda: self.command_requested.emit("sample")
        )
        self.resume_button = self._button("play", "", lambda: self.command_requested.emit("start"))
        self.resume_button.setProperty("role", "primary")
        icons.set_icon(self.resume_button, "play", "on_accent", 16)
        self.longer_button = self._button("clock", self.tr("Train longer…"), self.longer_requested.emit)
        self.longer_button.setToolTip(self.tr("Train this finished run for more minutes or iterations"))
        self.ending_button = self._button("clock", self.tr("End early…"), self.ending_requested.emit)
        self.ending_button.setToolTip(
            self.tr("Let the learning rates fall for some last minutes, and end the run there")
        )
        self.sprites_button = self._button("sample", self.tr("New sprites…"), self.sprites_requested.emit)
        self.sprites_button.setToolTip(self.tr("Draw any number of new sprites from this run and save them"))
        bar = WrappingBar()
        bar.setProperty("role", "bar")
        line = WrappingRow(spacing=theme.SPACE)
        line.addWidget(_Titles(self.state_label, self.title_label))
        line.addWidget(self.numbers_label)
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(theme.SPACE, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        for button in (
            self.sample_button, self.pause_button, self.stop_button, self.longer_button, self.sprites_button,
            self.ending_button, self.resume_button,
        ):  # fmt: skip
            row.addWidget(button)
        line.addWidget(buttons)
        column = QVBoxLayout(bar)
        column.setContentsMargins(14, theme.SPACE, 14, theme.SPACE)
        column.setSpacing(theme.SPACE)
        column.addLayout(line)
        column.addWidget(self.verdict)
        column.addWidget(self._bar)
        return bar

    def _button(self, icon: str, text: str, slot) -> QPushButton:
        button = QPushButton(text)
        icons.set_icon(button, icon, "text", 16)
        button.clicked.connect(lambda _checked=False: slot())
        return button

    def _connect(self) -> None:
        self.timeline.moved.connect(self._move)
        theme.notifier().changed.connect(self._take_theme)
        self.timeline_bar.spike_clicked.connect(self.show_spike_at)
        self.plots.spike_clicked.connect(self.show_spike_at)
        self.meters.spike_clicked.connect(self.show_spike_at)
        self.grids.currentChanged.connect(lambda _page: self.raw_box.setEnabled(self.grids.spike is None))
        self.grids.cell_clicked.connect(self._look_closer)
        self.grids.moment_chosen.connect(self._go_to)
        self.grids.menu_requested.connect(self.menu_requested)
        self.zoom.closed.connect(self.close_zoom)
        self.zoom.moment_chosen.connect(self._go_to)
        self.log.moment_chosen.connect(self._go_to)
        self.card.action_chosen.connect(self.action_requested)
        self.verdict.details_wanted.connect(self.show_cards)
        self.verdict.evaluation_wanted.connect(self.evaluation_requested)
        self.diagnosis.pictures_wanted.connect(self.show_pictures)
        self.diagnosis.spike_wanted.connect(self.show_pictured_spike)

    # The run

    def show_run(self, follower: RunFollower) -> None:
        """Watch a run; the follower must use this page's `timeline`."""
        self.follower = follower
        self.timeline.reset()
        self.close_zoom()
        self.card.hide()
        self._concern = self._shown_finding = None
        self.verdict.show_note(self.tr("Reading…"))
        self.diagnosis.show_note(self.tr("Reading…"))
        self.grids.set_follower(follower)
        self.raw_box.hide()
        self.log.reset([], "")
        follower.opened.connect(self._open)
        follower.changed.connect(self._take)
        follower.events_arrived.connect(self._log_events)
        follower.state_changed.connect(self._show_state)
        follower.log_grew.connect(self.log.add_log)
        follower.vanished.connect(self._show_vanished)
        follower.pending_changed.connect(lambda: None if follower.is_gone else self._show_state(follower.state))
        follower.trouble_changed.connect(lambda _trouble: self._show_card(follower.state))
        follower.picture_loaded.connect(lambda _path: self._pictures_came())
        self._show_title()
        self._show_state(follower.state)

    def _open(self) -> None:
        follower = self.follower
        assert follower is not None
        self.plots.set_record(follower.record, plot_specs(follower.config))
        self.log.reset(follower.record.story, follower.log_text)
        self._show_meters()
        self._take(RecordChanges(curves=True, samples=True, checkpoints=True, spikes=True, diagnoses=True))
        self._judge()
        self._show_state(follower.state)

    def _take(self, changes: RecordChanges) -> None:
        """Update what new events have changed."""
        follower = self.follower
        assert follower is not None
        record = follower.record
        stops = [float(sample.iteration) for sample in record.samples]
        moved = self.timeline.set_axis(float(record.last_iteration), stops)
        if (changes.curves or changes.metrics or changes.diagnoses) and not self._judge_later.isActive():
            self._judge_later.start()
        if changes.curves:
            self.plots.schedule()
            self.show_numbers()
        if changes.spikes or changes.checkpoints or changes.diagnoses:
            spikes = [float(spike.spike_iteration) for spike in record.spikes]
            self.plots.set_spikes(spikes)
            checkpoints = [float(saved.iteration) for saved in record.checkpoints]
            self.timeline_bar.set_marks(spikes, checkpoints, self._marks())
        # What follows the cursor is shown already if the cursor moved.
        if (changes.spikes or changes.diagnoses) and not moved:
            self._show_diagnosis()
        if changes.samples:
            # At some moments of a run there was nothing to clean.
            self.raw_box.setVisible(any(sample.raw_fixed or sample.raw_random for sample in reversed(record.samples)))
        if changes.samples and not moved:
            self._refresh_pictures()
        if changes.metrics and not self._measured.isActive():
            self._measured.start()

    def _log_events(self, events: list[ev.TrainEvent]) -> None:
        self.log.add_events(events)
        self.log.mark(self.timeline.shown)

    def _marks(self) -> list[Mark]:
        """Where the verdict changes, and where alarms are raised and cleared."""
        assert self.follower is not None
        record = self.follower.record
        changes = [
            Mark(float(one.iteration), VERDICT, summary(one.diagnosis).title)
            for one in verdict_changes(record.diagnoses)
            if one.diagnosis is not None
        ]
        return changes + [
            Mark(float(alarm.iteration), RAISED if alarm.state == "raised" else CLEARED, alarm_words(alarm))
            for alarm in record.alarms
        ]

    # Diagnosis

    def _show_diagnosis(self) -> None:
        """Show the verdict and the cards of the moment at the cursor."""
        follower = self.follower
        if follower is None:
            return
        finding = follower.diagnosis()
        until = sum(1 for spike in follower.record.spikes if spike.spike_iteration <= self.timeline.shown)
        before, self._shown_finding = self._shown_finding, finding
        if finding is None:
            self._show_no_diagnosis(follower)
            return
        if finding is before and until == self._spikes_told:
            return  # The cursor moves many times a second.
        self._spikes_told = until
        self.verdict.show_finding(finding)
        spikes = ""
        if until:
            spikes = self.tr("One sudden jump of a curve so far.")
            if until > 1:
                spikes = self.tr("{0:,} sudden jumps of curves so far.").format(until)
        self.diagnosis.show_finding(finding, where="", spikes=spikes)

    def _show_no_diagnosis(self, follower: RunFollower) -> None:
        later = follower.record.diagnoses
        may_evaluate = bool(follower.state.checkpoint)
        if later:
            text = self.tr("Not judged before iteration {0:,}").format(later[0].iteration)
            note = self.tr("The first verdict is that of iteration {0:,}.").format(later[0].iteration)
        elif (follower.is_alive or follower.pending_command == "start") and (
            follower.config is None or follower.config.diagnostics.enabled
        ):
            text = self.tr("Not judged yet")
            note = self.tr("The run is judged when it saves samples, after the first ones.")
        else:
            text = self.tr("Not judged while it trained")
            note = self.tr("Is it collapsed, does it copy, is it good?")
            note += " " + (
                self.tr("Evaluate… answers that from a checkpoint.")
                if may_evaluate
                else self.tr("There is no checkpoint to answer that from.")
            )
        self.verdict.show_note(text)
        self.diagnosis.show_note(note)

    def show_cards(self) -> None:
        """Show the cards, and make room for all of their text where the grids can give some."""
        self.tabs.setCurrentWidget(self.diagnosis_tab)
        layout = self.diagnosis.layout()
        if layout is None:
            return
        missing = layout.totalHeightForWidth(self.diagnosis.width()) - self.diagnosis_tab.viewport().height()
        upper, lower = self._split.sizes()
        given = min(missing, upper - LEAST_GRIDS)
        if given > 0:
            self._split.setSizes([upper - given, lower + given])

    def show_pictures(self, name: str) -> None:
        """Show the pictures behind the card of the diagnosis shown: "nearest" or "group"."""
        follower, finding = self.follower, self._shown_finding
        if follower is None or finding is None:
            return
        path = finding.pictures.get(name, "")
        dialog = DiagnosisSheetDialog(name, finding, self.tr("iteration {0:,}").format(finding.iteration), self)

        def look(_path: str = "") -> None:
            image = follower.picture(path)
            if image is not None or follower.picture_is_lost(path):
                dialog.show_sheet(image)

        follower.picture_loaded.connect(look)
        look()
        run_dialog(dialog)
        if isValid(follower):  # The window may have been closed meanwhile.
            follower.picture_loaded.disconnect(look)

    def _judge(self) -> None:
        """Say so if the curves show plainly that the run goes wrong."""
        follower = self.follower
        if follower is None:
            return
        found = concern(follower.record, follower.config.objective.kind if follower.config else "bce")
        if found != self._concern:
            self._concern = found
            if not follower.is_gone:
                self._show_card(follower.state)

    def _show_meters(self) -> None:
        if self.follower is not None:
            plots = meter_plots(self.follower.record)
            self.meters.set_plots(plots, [], [tip(text) for text in meter_meanings(self.follower.record)])
            self.meters.set_spikes([float(spike.spike_iteration) for spike in self.follower.record.spikes])
            self.tabs.setTabVisible(1, bool(plots))

    def _move(self, position: float) -> None:
        self._refresh_pictures()
        self.show_numbers()
        if self.follower is not None and self.follower.is_open:
            self._show_diagnosis()
        self.log.mark(position)

    def toggle_raw(self) -> str:
        """Show samples as they were drawn, or cleaned again; returns why that cannot be, else ""."""
        if self.grids.spike is not None:
            return self.tr("The samples around a sudden jump are kept cleaned alone.")
        if not self.raw_box.isHidden():
            self.raw_box.toggle()
            return ""
        config = self.follower.config if self.follower is not None else None
        if config is not None and config.sampling.snap > 0:
            return self.tr("This run has no samples from before their background was cleaned.")
        return self.tr("This run does not clean the background of its samples: they are as they were drawn.")

    def _show_raw(self, raw: bool) -> None:
        self.grids.show_raw(raw)
        self.zoom.show_raw(raw)

    def _refresh_pictures(self) -> None:
        self.grids.refresh()
        self.zoom.refresh()

    def _pictures_came(self) -> None:
        # Pictures requested during a refresh must not start another refresh each if they arrive at once.
        if not self._busy:
            self._busy = True
            QTimer.singleShot(0, self, self._refresh_late)

    def _refresh_late(self) -> None:
        self._busy = False
        self._refresh_pictures()

    # Header and card

    def _show_title(self) -> None:
        follower = self.follower
        assert follower is not None
        label = label_of(follower.run_directory.path)
        words = [label.name, follower.name] if label.name else [follower.name]
        if follower.config is not None:
            origin = follower.config.origin
            words += [word for word in (origin.version, follower.config.preset) if word and word not in follower.name]
        self.title_label.setText(" · ".join(words))
        lines = [str(follower.run_directory.path), *([label.note] if label.note else [])]
        self.title_label.setToolTip(tip("\n".join(lines)))

    def refresh_title(self) -> None:
        """Show the run's name and note, which have changed."""
        if self.follower is not None:
            self._show_title()

    @property
    def chosen(self) -> SampleSpot | None:
        """The sample that was clicked last, in the fixed or random grid; None without one."""
        for which, grid in (("fixed", self.grids.fixed), ("random", self.grids.random)):
            if grid.view.selected is not None:
                return self.grids.spot(which, grid.view.selected)
        return None

    def _show_state(self, state: RunState) -> None:
        assert self.follower is not None
        pending = self.follower.pending_command
        words = pending_name(pending) or state_name(state.state)
        token = STATE_COLORS.get(state.state, "secondary")
        self._show_state_text(token, words, "" if pending else why_finished(state))
        alive = state.state in ("running", "paused")
        if not alive:
            release_width(self.numbers_label)  # which was as wide as the longest numbers while it was training
            self.show_numbers()
        for button in (self.pause_button, self.stop_button, self.sample_button):
            button.setVisible(alive)
            button.setEnabled(pending != "stop")
        paused = pauses(self.follower)
        self.pause_button.setText(self.tr("Resume") if paused else self.tr("Pause"))
        icons.set_icon(self.pause_button, "play" if paused else "pause", "text", 16)
        self.resume_button.setVisible(state.state in ("created", *CUT_SHORT))
        self.resume_button.setText(self.tr("Start") if state.state == "created" else resume_label(state))
        self.longer_button.setVisible(state.state == "finished")
        self.ending_button.setVisible(can_be_ended(state) and pending != "start")
        self.sprites_button.setVisible(bool(state.checkpoint))
        self.verdict.evaluate_button.setVisible(bool(state.checkpoint))
        if self._shown_finding is None and self.follower.is_open:
            self._show_diagnosis()
        self._show_card(state)
        if pending == "start":
            self.resume_button.hide()
            self.card.hide()
        self.show_numbers()

    def _show_state_text(self, token: str, name: str, why: str = "") -> None:
        self._state_text = token, name, why
        text = f'<span style="color:{theme.colors()[token]}">●</span> <b>{name}</b>'
        self.state_label.setText(f"{text}: {why}" if why else text)

    def _take_theme(self) -> None:
        if self._state_text[1]:
            self._show_state_text(*self._state_text)

    def _show_card(self, state: RunState) -> None:
        follower = self.follower
        if follower is not None and follower.trouble:
            note = Failure(
                follower.trouble,
                self.tr("The Studio keeps trying. Curves and samples read so far are shown."), "", "",
            )  # fmt: skip
            self.card.show_failure(self.tr("The run's folder cannot be read"), note, severe=False)
            return
        if follower is None or state.state not in ("failed", "interrupted"):
            if follower is not None and follower.problem:
                note = Failure(follower.problem, self.tr("Curves and samples are shown as far as available."), "", "")
                self.card.show_failure(self.tr("The settings of this run cannot be read"), note, severe=False)
            elif follower is not None and self._concern is not None:
                headline, note = concern_card(self._concern)
                self.card.show_failure(headline, note, severe=False)
            else:
                self.card.hide()
            return
        details = failure(state, follower.pictures_at_once)
        headline = self.tr("The run failed") if state.state == "failed" else self.tr("Training stopped unexpectedly")
        self.card.show_failure(headline, details, severe=state.state == "failed")
        # Only one action: the card's button replaces the one in the header.
        self.resume_button.setVisible(not details.action)

    def _show_vanished(self) -> None:
        gone = Failure(
            self.tr("The run's folder was moved or deleted, or its drive was removed."),
            self.tr("What was read so far is still shown."), "", "",
        )  # fmt: skip
        self.card.show_failure(self.tr("The run's folder is missing"), gone, severe=False)
        self._show_state_text("secondary", self.tr("Missing"))
        for button in (
            self.pause_button, self.stop_button, self.sample_button, self.resume_button, self.longer_button,
            self.ending_button, self.sprites_button, self.verdict.evaluate_button,
        ):  # fmt: skip
            button.hide()
        self.show_numbers()

    def show_numbers(self) -> None:
        """Write iteration, speed and time left beside the state."""
        follower = self.follower
        assert follower is not None
        record, progress = follower.record, follower.record.progress
        total = self._total()
        # With another limit, which may be reached first, the number of iterations is only an upper bound.
        of = self.tr("{0:,} of at most {1:,}") if self._has_other_limit() else self.tr("{0:,} of {1:,}")
        done = record.last_iteration
        words = [of.format(done, total) if total else self.tr("{0:,} iterations").format(done)]
        if progress is not None:
            words.append(self.tr("{0:,} pictures").format(progress.images_seen))
            if follower.is_alive:
                words.append(self.tr("{0:,.0f} pictures/s").format(progress.pictures_per_s))
            if progress.memory_mb:
                words.append(self.tr("{0} memory").format(memory(progress.memory_mb)))
            if follower.is_alive and progress.busy_percent is not None:
                words.append(f"{self._device()} {progress.busy_percent:.0f} %")
            if follower.is_alive:
                words.append(time_left(progress))
            self._bar.setValue(round(1000 * min(1.0, max(0.0, progress.share or 0))))
        self._bar.setVisible(follower.is_alive or follower.state.state in ("interrupted", "stopped"))
        set_steady_text(self.numbers_label, "   ".join(words))

    def _device(self) -> str:
        assert self.follower is not None
        started = self.follower.record.started
        return "GPU" if started and started.device.startswith("cuda") else "CPU"

    def _total(self) -> int:
        follower = self.follower
        assert follower is not None
        if follower.record.started and follower.record.started.total_iterations:
            return follower.record.started.total_iterations
        return follower.config.stop.iterations if follower.config else 0

    def _has_other_limit(self) -> bool:
        config = self.follower.config if self.follower else None
        return config is not None and (config.stop.minutes > 0 or config.stop.images > 0)

    # Details

    def _look_closer(self, which: str, index: int) -> None:
        assert self.follower is not None
        for name, grid in (("fixed", self.grids.fixed), ("random", self.grids.random), ("real", self.grids.real)):
            grid.view.selected = index if name == which else None
            grid.view.update()
        self.zoom.show()
        if which == "real":
            self.zoom.show_real(self.follower, self.grids.real.view.cell(index))
        else:
            self.zoom.show_sample(self.follower, which, index)

    def close_zoom(self) -> None:
        """Close the details pane."""
        self.zoom.hide()
        for grid in (self.grids.fixed, self.grids.random, self.grids.real):
            grid.view.selected = None
            grid.view.update()

    def show_spike_at(self, position: float) -> None:
        """Show the grids around the spike nearest to a position, and move the cursor to it."""
        assert self.follower is not None
        spikes = self.follower.record.spikes
        if not spikes:
            return
        spike: ev.SpikeFound = min(spikes, key=lambda spike: abs(spike.spike_iteration - position))
        self.timeline.grab(float(spike.spike_iteration))
        self.grids.show_spike(spike)

    def show_pictured_spike(self) -> None:
        """Show the grids around the spike nearest to the cursor of those that have grids; of all, if none has."""
        position, spikes = self.timeline.position, self.follower.record.spikes if self.follower else []
        pictured = [spike.spike_iteration for spike in spikes if len(spike.pictures) > 1]
        self.show_spike_at(min(pictured, key=lambda place: abs(place - position), default=position))

    def step_spike(self, direction: int) -> None:
        """Go to the next (+1) or previous (-1) spike."""
        assert self.follower is not None
        places = [spike.spike_iteration for spike in self.follower.record.spikes]
        here = self.timeline.position
        ahead = [p for p in places if p > here] if direction > 0 else [p for p in reversed(places) if p < here]
        if ahead:
            self.show_spike_at(float(ahead[0]))

    def _go_to(self, iteration: float) -> None:
        self.grids.show_spike(None)
        self.timeline.grab(iteration)

    def back(self) -> None:
        """Close what was opened last (Escape)."""
        if self.grids.spike is not None:
            self.grids.show_spike(None)
        else:
            self.close_zoom()

    def _toggle_pause(self) -> None:
        paused = self.follower is not None and pauses(self.follower)
        self.command_requested.emit("resume" if paused else "pause")

    def wait(self) -> None:
        """Wait for background loading to end."""
        self.grids.wait()
        self.zoom.wait()


class _Titles(QWidget):
    """State and title on one line; the title is cut before the row that holds it is broken."""

    def __init__(self, state: QLabel, title: OutsideLabel) -> None:
        super().__init__()
        self._state, self._title = state, title
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        row.addWidget(state)
        row.addWidget(title, 1)

    def sizeHint(self) -> QSize:
        """Room for the state and some of the title."""
        title = min(self._title.sizeHint().width(), SHORT_TITLE)
        return QSize(self._state.sizeHint().width() + theme.SPACE + title, super().sizeHint().height())


def _padded(widget: QWidget) -> QWidget:
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, theme.HALF, 0, 0)
    layout.addWidget(widget)
    return holder
