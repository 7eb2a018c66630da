"""A box with the checkpoints that a run has kept, with their quality."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QWidget

from gandam_studio.core.runs.checkpoints import KeptCheckpoint, drawable_checkpoints, measured_quality, nearest
from gandam_studio.qt.background import Latest
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.choice_box import ChoiceBox
from trainer.protocol.run_directory import RunDirectory


def checkpoint_words(one: KeptCheckpoint, *, newest: bool) -> str:
    """A checkpoint in a list: its iteration, what it is, its quality."""
    text = _tr("Iteration {0:,}").format(one.iteration)
    if one.width:
        return text + " · " + _tr("average of width {0:g}").format(one.width)
    if one.is_best:
        text += " · " + _tr("best quality")
    elif newest:
        text += " · " + _tr("newest")
    if one.quality is not None:
        text += " · " + _tr("quality {0:.3g} (KID, lower is better)").format(one.quality)
        if one.measured_at != one.iteration:
            text += _tr(" (measured at {0:,})").format(one.measured_at)
    return text


def _tr(text: str) -> str:
    return QCoreApplication.translate("checkpoints", text)


class CheckpointBox(ChoiceBox):
    """Signals:
    listed: the checkpoints of another run, or with their quality, are listed.
    """

    listed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.TextElideMode.ElideRight)
        self._session = session
        self._found: list[KeptCheckpoint] = []
        self._reading = Latest()

    @property
    def chosen(self) -> KeptCheckpoint | None:
        """The chosen checkpoint; None where there is none."""
        index = self.currentIndex()
        return self._found[index] if 0 <= index < len(self._found) else None

    def show_run(self, run: RunDirectory, moment: float | None = None, *, name: str = "", same: bool = False) -> None:
        """List a run's checkpoints, then again with their quality, whose events may take a while to read.

        The one called `name` is chosen, else that nearest to `moment`, or the newest; with `same`, the run is listed
        anew and the choice stays.
        """
        found = drawable_checkpoints(run)
        named = next((one for one in found if one.name == name), self.chosen if same else None)
        self._list(found, moment if named is None or same else None, named)
        self._reading.follow(
            self._session.start_quiet_job(
                lambda _workspace, _job: drawable_checkpoints(run, measured_quality(run)),
                lambda found: self._list(found, None, self.chosen),
                lambda _error: None,
            )
        )

    def _list(self, found: list[KeptCheckpoint], moment: float | None, before: KeptCheckpoint | None) -> None:
        self._found = found
        self.blockSignals(True)
        self.clear()
        for position, one in enumerate(found):
            self.addItem(checkpoint_words(one, newest=position == 0))
        chosen = nearest(found, moment) if moment is not None else None
        names = [one.name for one in found]
        if chosen is not None:
            self.setCurrentIndex(found.index(chosen))
        elif before is not None and before.name in names:
            self.setCurrentIndex(names.index(before.name))
        self.blockSignals(False)
        self.listed.emit()
