"""The page to set up a run: version and preset, basic or all settings, checks, and Start."""

from __future__ import annotations

import logging
import sqlite3

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core import runs, versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.runs import checks as training_checks
from gandam_studio.core.runs.checks import Check
from gandam_studio.core.versions import ManifestVersion
from gandam_studio.core.versions.files import recipe_of
from gandam_studio.qt import icons, theme
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.failures import as_sentence, explain
from gandam_studio.qt.following.requests import ShowCopies, ShowFilter
from gandam_studio.qt.following.training_size import FIRST_PRESET, TrainingSize
from gandam_studio.qt.session import Session
from gandam_studio.qt.train.control import RunControl
from gandam_studio.qt.train.setup.advanced_form import AdvancedForm
from gandam_studio.qt.train.setup.draft import ConfigDraft, as_text, editable_fields
from gandam_studio.qt.train.setup.field_editors import FieldRow
from gandam_studio.qt.train.setup.one_change import DATA, OneChange, OneChangeBar, changes_from, split
from gandam_studio.qt.train.setup.preflight_card import PreflightCard
from gandam_studio.qt.train.setup.preset_delegate import PresetDelegate
from gandam_studio.qt.train.setup.preset_look import PresetLook
from gandam_studio.qt.train.setup.queue_list import QueueList
from gandam_studio.qt.widgets.choice_box import ChoiceBox
from gandam_studio.qt.widgets.fitting import Columns, Reach
from gandam_studio.qt.widgets.outside_text import OutsideLabel, tip, wrapped
from trainer.protocol.advice import setting_name
from trainer.protocol.config import TrainConfig
from trainer.protocol.presets import load_preset, preset_names
from trainer.protocol.suitability import training_count
from trainer.protocol.untrusted import one_line

KEPT = ("data.size", "stop.iterations", "stop.minutes", "stop.images", "device", "seed")
"""Settings that stay when the proposed preset is taken."""
CHECK_MS = 250
MEASURE_MS = 1500
LABEL_PX = 168
PRESETS_PX = 680  # logical pixels: descriptions fit
log = logging.getLogger(__name__)


class SetupPage(QWidget):
    """The form of a new run.

    Attributes:
        draft: the configuration being edited.

    Signals:
        start_requested: a run should be started (ManifestVersion, TrainConfig, parent run's name).
        split_requested: several runs should be queued, each with one change (list of the same three).
        cure_requested: the user wants to fix a problem on another screen (its English name, a request or None).
    """

    start_requested = Signal(object, object, str)
    split_requested = Signal(list)
    cure_requested = Signal(str, object)

    def __init__(self, session: Session, control: RunControl, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._control = control
        self.draft = ConfigDraft(self)
        self._faint_for: tuple[str, str] | None = None
        self._faint: list[Check] = []
        self.versions = ChoiceBox()
        self.versions.setAccessibleName(self.tr("Version"))
        # As wide as the form, whatever a version's message says.
        self.versions.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.versions.setMinimumContentsLength(12)
        self.presets = ChoiceBox()
        self.presets.setAccessibleName(self.tr("Preset"))
        self.preflight = PreflightCard()
        self.queue = QueueList(session, control)
        self.one_change = OneChangeBar()
        self._parent: TrainConfig | None = None
        self._data_diffs: dict[tuple[str, str], str] = {}
        self._advanced: AdvancedForm | None = None
        self._found: list[ManifestVersion] = []
        self._size_followed = 0  # the picture size taken from a recipe, not set by hand
        self._recipe_size = 0  # of the chosen version; 0 without one
        self._kept_in: tuple[str, int] | None = None  # a version's digest, and how many of it are not held out
        self._devices_asked = False
        self._check_soon = QTimer(self, singleShot=True, interval=CHECK_MS)
        self._check_soon.timeout.connect(self.check)
        self._measure_soon = QTimer(self, singleShot=True, interval=MEASURE_MS)
        self._measure_soon.timeout.connect(self._measure_if_idle)
        session.closing.connect(self._stop_checks)
        self.draft.choose(FIRST_PRESET)
        self._lay_out()
        self._connect()
        self.refresh_versions()
        self._follow_recipe()
        self._show_draft()

    # Building

    def _lay_out(self) -> None:
        for name in preset_names():
            self.presets.addItem(name)
            at, description = self.presets.count() - 1, load_preset(name).description
            self.presets.setItemData(at, description, Qt.ItemDataRole.ToolTipRole)
            self.presets.setItemData(at, f"{name}: {description}", Qt.ItemDataRole.AccessibleTextRole)
        self.presets.setItemDelegate(PresetDelegate(self.presets))
        self.presets.view().setMinimumWidth(PRESETS_PX)
        self.presets.setCurrentText(FIRST_PRESET)
        self.description = QLabel(wordWrap=True)
        self.description.setProperty("role", "secondary")
        self.problem = QLabel(wordWrap=True)
        self.problem.setProperty("role", "error")
        self.look = PresetLook()
        self.proposal = _Remark(self.tr("Choose another preset"))
        self.proposed_look = PresetLook()
        self.size_note = _Remark(self.tr("Train at the size of the recipe"))
        self.device_note = _Remark(self.tr("Train on the CPU instead"), role="error")
        self.all_settings = QCheckBox(self.tr("All settings"))
        self.departures = OutsideLabel()
        self.departures.setProperty("role", "secondary")
        self.start_button = QPushButton(self.tr("Start"))
        self.start_button.setProperty("role", "primary")
        icons.set_icon(self.start_button, "play", "on_accent", 16)
        form = QWidget()
        self._form = QVBoxLayout(form)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setSpacing(theme.HALF)
        title = QLabel(self.tr("New run"))
        title.setProperty("role", "headline")
        self._form.addWidget(title)
        self._form.addSpacing(theme.SPACE)
        self._form.addLayout(_labelled(self.tr("Version"), self.versions))
        self._form.addLayout(_labelled(self.tr("Preset"), self.presets))
        self._form.addLayout(_labelled("", self.description))
        self._form.addLayout(_indented(self.look))
        self._form.addWidget(self.proposal)
        self._form.addLayout(_indented(self.proposed_look))
        self._form.addSpacing(theme.SPACE)
        self.basic = self._basic_rows()
        for path, row in self.basic.items():
            self._form.addWidget(row)
            if path == "data.size":
                self._form.addWidget(self.size_note)
        self._form.addSpacing(theme.SPACE)
        more = QHBoxLayout()
        more.addWidget(self.all_settings)
        more.addWidget(self.departures, 1)
        self._form.addLayout(more)
        self._form.addWidget(self.device_note)
        self._spring = QWidget()
        self._form.addWidget(self._spring, 1)
        self.columns = Columns(form, self._right_side(), (10, 9), 3 * theme.SPACE, (22, 18, 22, 14))
        # Settings and checks scroll; Start stays where it is.
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(Reach(self.columns), 1)
        layout.addWidget(self._start_bar())

    def _basic_rows(self) -> dict[str, FieldRow]:
        labels = {
            "data.size": self.tr("Picture size"), "batch.size": self.tr("Batch"),
            "stop.iterations": self.tr("Stop after"), "stop.minutes": self.tr("… or after"),
            "device": self.tr("Device"), "seed": self.tr("Seed"),
        }  # fmt: skip
        infos = {info.path: info for info in editable_fields()}
        return {path: FieldRow(infos[path], self.draft, label) for path, label in labels.items()}

    def _right_side(self) -> QWidget:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2 * theme.SPACE)
        column.addWidget(self.one_change)
        column.addWidget(self.preflight)
        column.addWidget(self.queue)
        column.addStretch(1)
        return inner

    def _start_bar(self) -> QFrame:
        bar = QFrame()
        bar.setProperty("role", "footer")
        row = QHBoxLayout(bar)
        row.setContentsMargins(22, theme.SPACE, 22, theme.SPACE)
        row.addWidget(self.problem, 1)
        row.addStretch()
        row.addWidget(self.start_button)
        return bar

    def _connect(self) -> None:
        self.presets.activated.connect(lambda _index: self._choose_preset())
        self.proposal.button.clicked.connect(lambda: self._take_proposal())
        self.versions.activated.connect(lambda _index: self._choose_version())
        self.size_note.button.clicked.connect(lambda: self.draft.set_value("data.size", self._recipe_size))
        self.device_note.button.clicked.connect(lambda: self.draft.set_value("device", "cpu"))
        self.draft.changed.connect(self._show_draft)
        self.draft.changed.connect(self._check_soon.start)
        self.all_settings.toggled.connect(self._show_advanced)
        self.start_button.clicked.connect(lambda _checked=False: self.start())
        self.one_change.split_requested.connect(self.split)
        self.preflight.cure_requested.connect(self._cure)
        self.preflight.end_requested.connect(lambda images: self.draft.set_value("stop.images", images))
        self.preflight.measure_button.clicked.connect(lambda _checked=False: self.measure())
        self.preflight.measured.connect(lambda _costs: self._check_soon.start())
        self._session.versions_changed.connect(self.refresh_versions)
        self._session.runs_changed.connect(self._name_start)

    # State

    def version(self) -> ManifestVersion | None:
        """The chosen version; None if there is none yet."""
        index = self.versions.currentIndex()
        return self._found[index] if 0 <= index < len(self._found) else None

    def refresh_versions(self) -> None:
        """Reload the versions, newest first, and choose the newest if it is new."""
        before, newest = self.version(), self._found[0] if self._found else None
        self._found = list(reversed(versions.versions(self._session.workspace)))
        self.versions.clear()
        for version in self._found:
            note = f" – {version.message}" if version.message else ""
            text = f"{version.label}: {sprites(version.sprites)}{note}"
            self.versions.addItem(one_line(text if len(text) < 70 else text[:69] + "…"))
        same = [i for i, version in enumerate(self._found) if before and version.number == before.number]
        is_new = bool(self._found) and newest is not None and self._found[0].number != newest.number
        self.versions.setCurrentIndex(0 if is_new or not same else same[0])
        self._follow_recipe()
        self._show_proposal()
        self._name_start()
        self._check_soon.start()

    def _choose_preset(self) -> None:
        self.draft.choose(self.presets.currentText())
        self._size_followed = 0
        self._follow_recipe()

    def _proposed(self) -> runs.Proposal | None:
        """What suits device, sprites and limits; None if nothing is known, and for a run that goes on from another."""
        draft, version = self.draft, self.version()
        device = draft.config.device
        if device == "auto":
            device = draft.devices[0] if draft.devices else ""
        if draft.parent_run or version is None or not device or draft.missing_device:
            return None
        config = draft.config
        kept_in = self._kept_in[1] if self._kept_in and self._kept_in[0] == version.digest else version.sprites
        trained = training_count(config, kept_in)
        found = runs.propose(device, config.data.size, trained, config.stop.minutes)
        if found is None:
            return None
        batch = (config if found.preset == config.preset else load_preset(found.preset)).batch.size
        pictures = training_checks.limit_in_pictures(config.stop, batch)
        return runs.propose(device, config.data.size, trained, config.stop.minutes, pictures)

    def _show_proposal(self) -> None:
        """Say which preset suits, with a button for it; or, if that is chosen, what to expect."""
        found, chosen = self._proposed(), self.draft.config.preset
        other = found.preset if found is not None and found.preset != chosen else ""
        text = {
            "card": self.tr("On a graphics card {0} is the preset to begin with."),
            "short": self.tr("On a processor {0} is ahead at any time; in so little time, shapes with few colours."),
            "few": self.tr(
                "With so few sprites a flow soon draws copies of them. {0} should do so later, but draws less detail."
            ),
            "clearest": self.tr(
                "On a processor {0} draws the most detail: heads, limbs and colours, a bit grainy inside."
            ),
        }
        if not other:
            text |= {
                "card": "",
                "short": self.tr("In so little time, expect shapes with few colours."),
                "clearest": self.tr("Expect heads, limbs and colours, a bit grainy inside."),
            }
        said = text[found.why].format(found.preset) if found else ""
        self.proposal.show_text(said, self.tr("Choose {0}").format(other) if other else "")
        # All settings need the room, and a user who opens them has chosen.
        wanted = (chosen, other)
        for look, preset in zip((self.look, self.proposed_look), wanted, strict=True):
            look.show_preset("" if self.all_settings.isChecked() else preset, self.draft.config.data.size)

    def _take_proposal(self) -> None:
        """Choose the proposed preset; limit, device and seed stay as they were set."""
        found = self._proposed()
        if found is None:
            return
        kept = {path: self.draft.value(path) for path in self.draft.departures() if path in KEPT}
        self.presets.setCurrentText(found.preset)
        self._choose_preset()
        for path, value in kept.items():
            self.draft.set_value(path, value)

    def _choose_version(self) -> None:
        self._follow_recipe()
        self._show_proposal()
        self._show_changes()
        self._check_soon.start()

    def _follow_recipe(self) -> None:
        """Take the picture size from the version's recipe by the rule of `size_to_train`, unless it was set by hand."""
        version, draft = self.version(), self.draft
        try:
            self._recipe_size = recipe_of(self._session.workspace, version).size if version else 0
        except UserError:  # a damaged header; starting a run will say so
            self._recipe_size = 0
        if not draft.parent_run and not self._size_by_hand():
            own = draft.preset.data.size
            wanted = runs.size_to_train(own, self._recipe_size) if self._recipe_size else own
            self._size_followed = wanted
            if wanted != draft.config.data.size:
                draft.set_value("data.size", wanted)
            if draft.problem:  # the preset's networks cannot have that size
                self._size_followed = 0
                draft.reset("data.size")
        self._show_size()

    def _size_by_hand(self) -> bool:
        size = self.draft.config.data.size
        return size not in (self.draft.preset.data.size, self._size_followed)

    def _show_size(self) -> None:
        """Say where recipe and run differ, here and to the Recipe panel."""
        draft = self.draft
        size, own = draft.config.data.size, draft.preset.data.size
        follows = size == (self._size_followed or own) and not draft.parent_run
        self._session.set_training_size(TrainingSize(draft.config.preset, own, 0 if follows else size))
        text = ""
        if self._recipe_size and size != self._recipe_size:
            why = self.tr("the preset's size") if size == own else self.tr("set here")
            text = self.tr("Trains at {0} px, {1}; the version's recipe says {2} px.").format(
                size, why, self._recipe_size
            )
        self.size_note.show_text(text, self.tr("Train at {0} px").format(self._recipe_size))

    def showEvent(self, event: QShowEvent) -> None:
        """Ask once which devices this machine has."""
        super().showEvent(event)
        if not self._devices_asked:
            self._devices_asked = True
            self._session.start_quiet_job(
                lambda _workspace, job: runs.available_devices(job), self.draft.set_devices, self._devices_unknown
            )

    def _devices_unknown(self, error: BaseException) -> None:
        """Without an answer, auto and CPU are offered; the next visit asks again."""
        log.warning("the devices are not known: %s", error)
        self._devices_asked = False

    def continue_from(self, version_label: str, preset: str, config, parent: str) -> None:
        """Fill the form with an earlier run's settings."""
        base = load_preset(preset) if preset in preset_names() else config
        self._parent = config
        self.draft.start_from(base, config, parent)
        self.presets.setCurrentText(preset)
        for index, version in enumerate(self._found):
            if version.label == version_label:
                self.versions.setCurrentIndex(index)
        self._size_followed = 0
        self._follow_recipe()
        self._show_changes()

    # One change at a time

    @property
    def changes(self) -> list[OneChange]:
        """What the form changes against the run that it was filled from; nothing without one."""
        version = self.version()
        if self._parent is None or not self.draft.parent_run or version is None:
            return []
        before = self._parent.origin.version
        known = self._data_diff(before, version) if before and before != version.label else ""
        return changes_from(self._parent, self.draft.config, version.label, known)

    def _show_changes(self) -> None:
        if self._parent is None or not self.draft.parent_run:
            self.one_change.hide()
            return
        found = self.changes
        parts = len(split(self._parent, self.draft.config, found)) if len(found) > 1 else 0
        # What has no effect without another change is no run of its own, so such changes stay together.
        self.one_change.show_changes(self.draft.parent_run, found, parts if parts == len(found) else 0)

    def _data_diff(self, before: str, version: ManifestVersion) -> str:
        """The readable difference of two versions; until it is known "", and then the bar is shown again."""
        key = (before, version.label)
        older = next((one for one in self._found if one.label == before), None)
        if key not in self._data_diffs and older is not None:
            self._data_diffs[key] = ""

            def take(summary: str) -> None:
                self._data_diffs[key] = summary
                self._show_changes()

            self._session.start_quiet_job(
                lambda workspace, _job: versions.diff(workspace, older, version).summary,
                take,
                lambda error: log.warning("the versions cannot be compared: %s", error),
            )
        return self._data_diffs.get(key, "")

    def split(self) -> None:
        """Ask for a run of its own for every change."""
        version = self.version()
        if self._parent is None or version is None:
            return
        before = next((one for one in self._found if one.label == self._parent.origin.version), version)
        wanted = [
            (version if change.factor == DATA else before, config, self.draft.parent_run)
            for change, config in split(self._parent, self.draft.config, self.changes)
        ]
        self.split_requested.emit(wanted)

    def _cure(self, check: Check) -> None:
        """Go where a problem can be fixed, with exactly the sprites concerned if they are known."""
        version = self.version()
        request: ShowCopies | ShowFilter | None = None
        if version and check.copies:
            request = ShowCopies(version.label, check.copies)
        elif check.shown or check.panel:
            request = ShowFilter(check.shown, check.panel)
        self.cure_requested.emit(check.cure, request)

    def start(self) -> None:
        """Request a start with the current settings."""
        version = self.version()
        if version is not None and not self.draft.problem and not self.draft.missing_device:
            self.preflight.cancel()
            self.start_requested.emit(version, self.draft.config, self.draft.parent_run)

    def measure(self) -> None:
        """Measure a step of the trainer."""
        self._measure_soon.stop()
        if not self.draft.problem and not self.draft.missing_device:
            self.preflight.measure(self.draft.config)

    def _measure_if_idle(self) -> None:
        # A trial step beside a training run would measure the contention.
        if self.isVisible() and self._control.live_run() is None and self.version() is not None:
            self.measure()

    def _show_draft(self) -> None:
        preset = self.draft.preset
        text = preset.description
        if self.draft.config.scaled:
            size = self.draft.config.architecture.size
            adapted = self.tr("Adapted to this size: its networks were designed for {0} px.").format(size)
            text = " ".join(part for part in (as_sentence(text), adapted) if part)
        self.description.setText(wrapped(text))
        departures = self.draft.departures()
        shown = [f"{setting_name(path)} {as_text(after)}" for path, (_, after) in list(departures.items())[:3]]
        text = self.tr("Changed from the preset: {0}").format(", ".join(shown))
        more = len(departures) - len(shown)
        text += " " + self.tr("and {0} more").format(more) if more else ""
        self.departures.setText(text if departures else "")
        self.departures.setToolTip(
            tip("\n".join(f"{path} = {as_text(after)}" for path, (_, after) in departures.items()))
        )
        self.problem.setText(wrapped(self.draft.problem))
        self.problem.setVisible(bool(self.draft.problem))
        self._show_size()
        self._show_proposal()
        self._show_changes()
        missing = self.draft.missing_device
        text = self.tr("This machine has no {0} device.").format(missing.upper()) if missing else ""
        self.device_note.show_text(text, self.tr("Train on the CPU instead"))
        self.preflight.forget_costs()
        self._name_start()
        self._measure_soon.start()

    def _name_start(self) -> None:
        busy = self._control.live_run() is not None
        self.start_button.setText(self.tr("Add to the queue") if busy else self.tr("Start"))
        wrong = self.draft.problem or self.draft.missing_device
        self.start_button.setEnabled(self.version() is not None and not wrong and not self._session.read_only)

    def _stop_checks(self) -> None:
        """Stop all checks before the workspace is closed."""
        self._measure_soon.stop()
        self._check_soon.stop()
        self._check_soon.timeout.disconnect(self.check)

    def check(self) -> None:
        """Check the chosen version and show the results."""
        version = self.version()
        if version is None:
            text = self.tr(
                "There is no version yet. Save one: every run is trained on a version, so that it can be repeated"
            )
            self.preflight.show_checks([Check("version", training_checks.WARNING, text, "Versions")])
            return
        workspace = self._session.workspace
        costs = self.preflight.costs
        steps = costs["steps"] if costs is not None else None
        try:
            checks = training_checks.check_data(workspace, version, self.draft.config, steps)
        except (OSError, ValueError, UserError, sqlite3.Error) as error:
            text = str(error) if isinstance(error, ValueError) else explain(error)
            checks = [Check("version", training_checks.WARNING, text, "Versions")]
        else:
            count = next((check.count for check in checks if check.name == "sprites"), version.sprites)
            if self._kept_in != (version.digest, count):
                self._kept_in = version.digest, count
                self._show_proposal()
            checks += self._faint_of(version)
        if costs is not None:
            checks.append(training_checks.check_disk(workspace.folder, int(costs["disk_mb"] * 1e6)))
        self.preflight.show_checks(checks)

    def _faint_of(self, version: ManifestVersion) -> list[Check]:
        """What is known of sprites that can hardly be seen; if nothing is, it is looked for, and shown later."""
        workspace = self._session.workspace
        asked = (version.digest, workspace.recipe.background)
        if asked == self._faint_for:
            return self._faint

        def take(found: Check | None) -> None:
            self._faint = [found] if found is not None else []
            if self._faint and self._faint_for == asked:
                self._check_soon.start()

        self._faint_for, self._faint = asked, []
        self._session.start_quiet_job(
            lambda workspace, _job: training_checks.check_faint(workspace, version),
            take,
            lambda _error: None,  # the other checks report what cannot be read
        )
        return self._faint

    def _show_advanced(self, on: bool) -> None:
        if on and self._advanced is None:
            self._advanced = AdvancedForm(self.draft)
            self._form.insertWidget(self._form.indexOf(self._spring), self._advanced, 20)
        if self._advanced is not None:
            self._advanced.setVisible(on)
        self._spring.setVisible(not on)
        self._show_proposal()
        # The basic settings are part of all settings, so they are not shown twice.
        for row in self.basic.values():
            row.setVisible(not on)


class _Remark(QWidget):
    """A sentence below a setting, and a button that settles it, if any; hidden while there is nothing to say."""

    def __init__(self, action: str, role: str = "secondary") -> None:
        super().__init__()
        self.label = QLabel(wordWrap=True)
        self.label.setProperty("role", role)
        self.button = QPushButton(action)
        row = QHBoxLayout(self)
        row.setContentsMargins(LABEL_PX + theme.SPACE, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        row.addWidget(self.label, 1)
        row.addWidget(self.button)
        self.hide()

    def show_text(self, text: str, action: str) -> None:
        """Show this, or nothing; without `action` there is no button."""
        self.label.setText(wrapped(text))
        self.button.setVisible(bool(action))
        if action:
            self.button.setText(action)
        self.setVisible(bool(text))


def _indented(widget: QWidget) -> QHBoxLayout:
    """Below the editors, and as far to the right as the form goes."""
    row = QHBoxLayout()
    row.setSpacing(theme.SPACE)
    row.addSpacing(LABEL_PX + theme.SPACE)
    row.addWidget(widget, 1)
    return row


def _labelled(text: str, widget: QWidget) -> QHBoxLayout:
    label = QLabel(text)
    label.setFixedWidth(LABEL_PX)
    label.setBuddy(widget)
    row = QHBoxLayout()
    row.setSpacing(theme.SPACE)
    row.addWidget(label)
    row.addWidget(widget, 1)
    # Aligned with the editors below, which leave room for units and marks.
    row.addSpacing(widget.fontMetrics().horizontalAdvance("of the side ") + 44)
    return row
