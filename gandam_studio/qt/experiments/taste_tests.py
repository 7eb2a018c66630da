"""Blind taste tests on a screen: what to compare, samples drawn in the background, and rounds as they are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from gandam_studio.core.experiments.tastes import EACH, Taste
from gandam_studio.core.experiments.tasting import Found, Pictures
from gandam_studio.core.jobs import Job
from gandam_studio.qt import theme
from gandam_studio.qt.failures import explain
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.session import INFO, Session
from gandam_studio.qt.widgets.choice_box import ChoiceBox
from gandam_studio.qt.widgets.forms import add_row
from trainer.protocol.untrusted import shortened

if TYPE_CHECKING:
    from gandam_studio.qt.experiments.taste_dialog import TasteDialog

Again = Callable[[Taste, int, Job], Pictures]
"""(test, number of a round, job) -> its pictures."""


class TasteTests(QObject):
    """Draws the samples of a test in the background, and shows it until its dialog is closed.

    Signals:
        ended: the dialog of this test was closed.
    """

    ended = Signal(object)

    def __init__(self, session: Session, screen: QWidget) -> None:
        """`screen`: a test is shown while this is, since its keys must not count as picks elsewhere."""
        super().__init__(screen)
        self._session, self._screen = session, screen

    def start(self, begin: Callable[[Job], Found], show: Callable[[Taste, Pictures], None]) -> None:
        """Draw what `begin` begins or continues, then `show` it."""

        def take(found: Found) -> None:
            if not self._screen.isVisible():
                self._session.post(self.tr("The taste test is ready: choose it in Taste test… again."), INFO)
                return
            # Later, since the job that drew the samples ends only when this returns.
            QTimer.singleShot(0, self, lambda: show(*found))

        self._session.start_job(self.tr("Drawing samples for the taste test"), lambda _workspace, job: begin(job), take)

    def show(self, taste: Taste, pictures: Pictures, again: Again, names: Mapping[str, str]) -> None:
        """Show a test until its dialog is closed; `again` draws further rounds, `names`: what to call the runs."""
        from gandam_studio.qt.experiments.taste_dialog import TasteDialog

        dialog = TasteDialog(taste, pictures, self._screen, names)
        dialog.round_needed.connect(lambda number: self._draw(dialog, number, again))
        run_dialog(dialog)
        self.ended.emit(taste)

    def _draw(self, dialog: TasteDialog, number: int, again: Again) -> None:
        task = self._session.start_job(
            self.tr("Drawing samples for the taste test"),
            lambda _workspace, job: again(dialog.taste, number, job),
            lambda pictures: dialog.take_round(number, pictures),
            lambda error: dialog.lose_round(explain(error)),
            lambda: dialog.lose_round(self.tr("Cancelled. Press ← or → to draw new samples.")),
        )
        # Nobody is left to show them to.
        dialog.finished.connect(task.abandon)


@dataclass(frozen=True)
class Offered:
    """A run to compare.

    Attributes:
        key: what is answered for it. name: what it is called here.
        checkpoints: (what it is called, what is answered for it), the one to begin with first.
    """

    key: object
    name: str
    checkpoints: Sequence[tuple[str, int]]


class TasteChoice(QDialog):
    """Asks which two runs or checkpoints to compare, or which earlier test to continue."""

    def __init__(
        self,
        offered: Sequence[Offered],
        earlier: Sequence[Taste] = (),
        names: Mapping[str, str] = MappingProxyType({}),
        parent: QWidget | None = None,
    ) -> None:
        """`names`: what to call the runs of earlier tests."""
        super().__init__(parent)
        self.setWindowTitle(self.tr("Blind taste test"))
        self._earlier, self._offered = earlier, offered
        self.which = ChoiceBox()
        self.which.addItem(self.tr("A new test"), None)
        for number, taste in enumerate(self._earlier):
            text = self.tr("Go on: {0} or {1}, {2} picks").format(*taste.called(names), len(taste.left_picked))
            self.which.addItem(shortened(text, 80), number)
        self.a, self.b = ChoiceBox(), ChoiceBox()
        for one in offered:
            for combo in (self.a, self.b):
                combo.addItem(shortened(one.name, 80))
        self.b.setCurrentIndex(min(1, self.b.count() - 1))
        self.a_at, self.b_at = ChoiceBox(), ChoiceBox()
        for run, checkpoint in ((self.a, self.a_at), (self.b, self.b_at)):
            self._fill(run, checkpoint)
            if len(offered) == 1 and checkpoint is self.b_at:  # Two checkpoints of one run: the last beside the first.
                checkpoint.setCurrentIndex(checkpoint.count() - 1)
            run.currentIndexChanged.connect(lambda _index, of=run, box=checkpoint: self._fill(of, box))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self.ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.each = ChoiceBox()
        self.each.addItem(self.tr("Four"), EACH)
        self.each.addItem(self.tr("One"), 1)
        self.note = QLabel(wordWrap=True)
        self.note.setProperty("role", "secondary")
        form = QFormLayout()
        add_row(form, self.tr("&Test"), self.which)
        add_row(form, self.tr("One &run"), self.a)
        add_row(form, self.tr("&Its checkpoint"), self.a_at)
        add_row(form, self.tr("The &other"), self.b)
        add_row(form, self.tr("Its &checkpoint"), self.b_at)
        add_row(form, self.tr("&Samples a side"), self.each)
        layout = QVBoxLayout(self)
        layout.setSpacing(theme.SPACE)
        layout.addLayout(form)
        layout.addWidget(self.note)
        layout.addWidget(buttons)
        for combo in (self.which, self.a, self.b, self.a_at, self.b_at, self.each):
            combo.currentIndexChanged.connect(lambda _index: self._check())
        self._check()

    def _fill(self, run: ChoiceBox, checkpoint: ChoiceBox) -> None:
        """The checkpoints of the chosen run."""
        checkpoint.clear()
        for name, answer in self._offered[run.currentIndex()].checkpoints if run.currentIndex() >= 0 else ():
            checkpoint.addItem(name, answer)

    def _check(self) -> None:
        new = self.which.currentData() is None
        for combo in (self.a, self.b, self.a_at, self.b_at, self.each):
            combo.setEnabled(new)
        blind = self.tr("You will not see which run drew them, and may stop at any time.")
        if not new:
            self.note.setText(blind)
        elif self.each.currentData() > 1:
            self.note.setText(blind + " " + self.tr(
                "Where single samples would win 65 of 100, four against four take about 29 picks instead of 82 if you "
                "judge a side on average, up to 46 by its best or worst sample. The verdict is about groups of four."
            ))  # fmt: skip
        else:
            self.note.setText(blind + " " + self.tr("A preference of 65:35 takes about 82 picks."))
        self.ok.setEnabled(not new or (None not in self.pair() and self._differ()))

    def _differ(self) -> bool:
        return self.pair()[0] != self.pair()[1] or len(set(self.checkpoints())) > 1

    def earlier(self) -> Taste | None:
        """The test to continue, or None for a new one."""
        number = self.which.currentData()
        return None if number is None else self._earlier[number]

    def pair(self) -> tuple[Any, Any]:
        """The keys of the two runs; None where there is none to choose."""
        chosen = [box.currentIndex() for box in (self.a, self.b)]
        one, other = (self._offered[index].key if index >= 0 else None for index in chosen)
        return one, other

    def checkpoints(self) -> tuple[int, int]:
        """What stands for the chosen checkpoints."""
        return self.a_at.currentData() or 0, self.b_at.currentData() or 0

    def samples_a_side(self) -> int:
        """How many samples of each are shown at once in a new test."""
        return int(self.each.currentData())
