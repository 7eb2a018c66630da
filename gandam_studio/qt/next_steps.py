"""Offers the next stage when one has been completed: look for copies, save a version, train, use the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from gandam_studio.core.workspace.lookups import last_seq
from gandam_studio.qt.background import Latest
from gandam_studio.qt.following.requests import SaveVersion, ShowRun
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.next_bar import NextBar
from trainer.protocol.untrusted import shortened

SETTLED_MS = 300
COPIES, VERSION, TRAIN, RESULT = "copies", "version", "train", "result"


@dataclass(frozen=True)
class Step:
    """What is offered.

    Attributes:
        kind: COPIES, VERSION, TRAIN or RESULT; a dismissed kind is not offered again while the window shows the
            workspace, except for another subject.
        screen: the English name of the screen it leads to.
        text, button: the words of the bar.
        request: for the screen's `receive`, or None.
        subject: what it is about, such as a version.
    """

    kind: str
    screen: str
    text: str
    button: str
    request: object = None
    subject: str = ""

    @property
    def searches(self) -> bool:
        """Whether taking it begins a search for duplicates."""
        return self.kind == COPIES


class NextSteps(QObject):
    """Follows one session and fills the bar.

    Signals:
        step_taken: the user accepted an offer (`Step`).
    """

    step_taken = Signal(object)

    def __init__(self, session: Session, bar: NextBar, *, seen_seq: int, imported: bool = False) -> None:
        """Follow a session.

        Args:
            session: whose stages are offered.
            bar: what is filled.
            seen_seq: the highest row number when the workspace was shown: an import may have stored its sprites
                since, and not have said so yet.
            imported: whether an import has said so since.
        """
        super().__init__(session)
        self._session, self._bar = session, bar
        self.step: Step | None = None
        self._screen = ""
        self._searched = False
        self._reviewed = False  # copies were searched for, then decided about or left
        self._dismissed: set[tuple[str, str]] = set()
        self._states: dict[Path, str] | None = None  # of the runs when they were last listed; None: not followed
        self._last_seq = seen_seq
        self._last_version = self._newest_version()
        self._changed = self._last_version == ""
        self._all_decided = True  # only the moment when the last sprite is decided is worth an offer
        self._looking = Latest()
        self._soon = QTimer(self, singleShot=True, interval=SETTLED_MS)
        self._soon.timeout.connect(self._look)
        if session.read_only:
            return
        session.sprites_imported.connect(self._note_import)
        session.edits_applied.connect(self._note_edit)
        session.duplicates_found.connect(self._note_search)
        session.versions_changed.connect(self._note_version)
        session.runs_changed.connect(self._note_run)
        session.closing.connect(self._stop)
        bar.accepted.connect(self._take)
        bar.dismissed.connect(self._dismiss)
        if imported:
            self._note_import()
        self._look()

    def note_screen(self, name: str) -> None:
        """A screen was shown: an offer that leads there has served."""
        if self._screen == "Duplicates" != name and self._searched:
            self._reviewed = True
            self._soon.start()
        self._screen = name
        if self.step is not None and self.step.screen == name and self.step.kind != COPIES:
            self._withdraw(self.step.kind)

    def follow_runs(self) -> None:
        """Notice when a run finishes; begins when the first one is started or found training."""
        if self._states is None:
            self._states = {}
            self._session.run_index.changed.connect(self._note_runs)
            self._note_runs()

    # Events

    def _note_search(self) -> None:
        """Nothing needs to be offered about duplicates until the next import."""
        self._searched = True
        self._withdraw(COPIES)
        self._soon.start()

    def _note_import(self) -> None:
        newest = last_seq(self._session.workspace)
        if newest == self._last_seq:
            return  # Everything was there already.
        self._last_seq = newest
        self._changed = True
        self._searched = self._reviewed = False
        self._offer(self._copies(self.tr("New sprites have been imported.")))
        self._soon.start()

    def _note_edit(self, _changes: object) -> None:
        self._changed = True
        self._reviewed |= self._searched and self._screen == "Duplicates"
        self._soon.start()

    def _note_version(self) -> None:
        newest = self._newest_version()
        if newest and newest != self._last_version:
            self._changed = False
            self._withdraw(VERSION)
            text = self.tr("{0} is saved. Every run remembers the version it was trained on.").format(newest)
            self._offer(Step(TRAIN, "Train", text, self.tr("Train on {0}").format(newest), subject=newest))
        self._last_version = newest

    def _note_run(self) -> None:
        self.follow_runs()
        self._withdraw(TRAIN)

    def _note_runs(self) -> None:
        """Offer what can be done with a run that was seen before it finished, and has finished now."""
        before = self._states or {}
        listed = self._session.run_index.runs
        self._states = {run.folder: run.state.state for run in listed}
        finished = {
            run.folder: run.run
            for run in listed
            if run.state.state == "finished" and before.get(run.folder, "finished") != "finished"
        }
        for folder in list(finished)[-1:]:
            name = shortened(finished[folder], 60)
            text = self.tr("{0} has finished.").format(name)
            if self._screen == "Train":
                step = Step(RESULT, "Runs", text, self.tr("Compare or export it"), ShowRun(folder), str(folder))
            else:
                step = Step(RESULT, "Train", text, self.tr("See its samples"), ShowRun(folder), str(folder))
            self._offer(step)

    # State

    def _look(self) -> None:
        """Count in the background whether everything is decided."""

        def work(workspace: Any, _job: Any) -> Any:
            return workspace.counts()

        self._looking.follow(self._session.start_quiet_job(work, self._take_counts))

    def _take_counts(self, counts: Any) -> None:
        decided = counts.total > 0 and not counts.undecided
        just_now, self._all_decided = decided and not self._all_decided, decided
        waiting = self.step is not None and self.step.kind == COPIES
        if not decided and self._reviewed and self._changed and counts.total > counts.dropped:
            if self.step is None:
                text = self.tr("Save a version when you are done with the copies: a run is trained on a version.")
                self._offer(self._version(text))
        elif not decided:
            self._withdraw(VERSION)
        elif just_now or waiting or self.step is None:
            text = self.tr("Every sprite is decided.")
            if not self._searched and (COPIES, "") not in self._dismissed:
                if just_now:
                    self._offer(self._copies(text))
            elif self._changed:
                text += " " + self.tr("Save a version, so that you can train on it.")
                self._offer(self._version(text))

    def _copies(self, text: str) -> Step:
        text += " " + self.tr("Look for copies, also mirrored, resized or recoloured ones.")
        return Step(COPIES, "Duplicates", text, self.tr("Look for copies"))

    def _version(self, text: str) -> Step:
        return Step(VERSION, "Versions", text, self.tr("Save a version"), SaveVersion())

    def _newest_version(self) -> str:
        from gandam_studio.core import versions
        from gandam_studio.core.errors import UserError

        try:
            found = versions.versions(self._session.workspace)
        except UserError:  # a damaged row; the Versions screen says so
            return ""
        return found[-1].label if found else ""

    # The bar

    def _offer(self, step: Step) -> None:
        if (step.kind, step.subject) not in self._dismissed:
            self.step = step
            self._bar.offer(step.text, step.button)

    def _withdraw(self, kind: str) -> None:
        if self.step is not None and self.step.kind == kind:
            self.step = None
            self._bar.hide()

    def _take(self) -> None:
        step, self.step = self.step, None
        if step is not None:
            self.step_taken.emit(step)

    def _dismiss(self) -> None:
        step, self.step = self.step, None
        if step is not None:
            self._dismissed.add((step.kind, step.subject))
            self._soon.start()  # what comes after it may be offered

    def _stop(self) -> None:
        self._soon.stop()
        self._bar.hide()
