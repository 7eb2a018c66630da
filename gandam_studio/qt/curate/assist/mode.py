"""Begins and ends the Assist mode of the Curate screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from gandam_studio.core.workspace.lookups import last_seq
from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.questions import offer_reducing
from gandam_studio.qt.session import INFO, Session

if TYPE_CHECKING:
    from gandam_studio.qt.curate.assist.assistant import Assistant


class Host(Protocol):
    """What the mode needs of the screen."""

    session: Session
    work: Any  # shows the gallery or the mode; the screen's parts stand above this package
    panel: QWidget
    filter_bar: QWidget
    footer: QWidget
    hints: QWidget

    def reveal(self, seqs: Seqs) -> int:
        """Select sprites and go to the first."""

    def activated(self) -> None:
        """Show what has changed, and give the keys to the work."""

    def refresh_current(self) -> None:
        """Enable what can be done now."""


class AssistMode(QObject):
    """Attributes:
    assistant: the one at work; None outside the mode.
    """

    def __init__(self, host: Any) -> None:
        super().__init__(host)
        self._host: Host = host
        self.assistant: Assistant | None = None
        self._wired = False
        self._waiting = False
        self._hidden: list[QWidget] = []

    def turn(self, seqs: Seqs | None) -> None:
        """Begin to turn sprites, those of some rows or all."""
        self._prepare(
            self.tr("Look at sprites"), lambda workspace, job: _facing_review(workspace, seqs, job), self._turn
        )

    def find_unfit(self, reason: str, seqs: Seqs | None) -> None:
        """Begin to look for sprites that are unfit for a reason."""
        self._prepare(
            self.tr("Look at sprites"),
            lambda workspace, job: _fitness_review(workspace, reason, seqs, job),
            self._find_unfit,
        )

    def find_odd(self, seqs: Seqs | None) -> None:
        """Find what is out of the ordinary, and select it in the gallery."""
        self._prepare(self.tr("Look for odd ones"), lambda workspace, job: _odd_ones(workspace, seqs, job), self._odd)

    def find_enlarged(self, seqs: Seqs | None) -> None:
        """Look for sprites that are enlarged, and offer to reduce them."""
        self._prepare(
            self.tr("Look for enlarged sprites"), lambda workspace, job: _odd_ones(workspace, seqs, job), self._enlarged
        )

    def take_undo(self) -> bool:
        """Take the last page back; False outside the mode."""
        if self.assistant is None:
            return False
        self.assistant.back()
        return True

    def take_redo(self) -> bool:
        """Nothing is redone while pages are shown; False outside the mode."""
        if self.assistant is None:
            return False
        self._host.session.post(self.tr("Pages that were taken back are accepted again, with Enter."), INFO)
        return True

    def leave(self) -> None:
        """End the mode."""
        if self.assistant is not None:
            self.assistant.leave()

    def _prepare(self, label: str, work: Any, then: Any) -> None:
        if self.assistant is not None or self._waiting or not last_seq(self._host.session.workspace):
            return
        self._waiting = True
        task = self._host.session.start_job(label, work, then)
        task.ended.connect(self._ready)

    def _ready(self) -> None:
        self._waiting = False

    def _turn(self, made: tuple[Any, Any, Any]) -> None:
        from gandam_studio.qt.curate.assist.facing import FacingAssist

        review, found, growing = made
        if not len(review.open) and growing is None:
            self._host.session.post(self.tr("Every sprite has a facing, looks the same mirrored, or is dropped."), INFO)
            return
        self._begin(FacingAssist(self._host.session, self._host.work.assist_view, review, found, growing, self))

    def _find_unfit(self, made: tuple[Any, Any]) -> None:
        from gandam_studio.qt.curate.assist.fitness import FitnessAssist

        review, found = made
        if not len(review.rest):
            self._host.session.post(self.tr("Every sprite is decided already."), INFO)
            return
        self._begin(FitnessAssist(self._host.session, self._host.work.assist_view, review, found, self))

    def _odd(self, found: list[Any]) -> None:
        session = self._host.session
        if not found:
            session.post(self.tr("Nothing stands out."), INFO)
            return
        self._host.reveal(np.sort(np.array([one.sprite.seq for one in found], np.int64)))
        some = "; ".join(f"{one.sprite.name}: {one.why[0][1]}" for one in found[:3])
        session.post(self.tr("{0} selected that stand out. {1}").format(sprites(len(found)), some), INFO, stays=True)
        if not session.read_only and any(one.is_reducible for one in found):
            self._enlarged(found)

    def _enlarged(self, found: list[Any]) -> None:
        """Ask whether to reduce the enlarged ones."""
        host, some = self._host, [one for one in found if one.is_reducible]
        if not some:
            host.session.post(self.tr("No sprite is enlarged."), INFO)
            return
        # The question comes once the job that found them has ended.
        QTimer.singleShot(0, self, lambda: self._ask_to_reduce(some))

    def _ask_to_reduce(self, some: list[Any]) -> None:
        session = self._host.session
        scales = [f"{scale}x" for scale in sorted({one.scale for one in some})]
        times = self.tr(" or ").join(filter(None, (", ".join(scales[:-1]), scales[-1])))
        if not offer_reducing(self._host.work, len(some), times):
            return

        def reduce(workspace: Any, job: Any) -> Any:
            from gandam_studio.core.suggestions.reducing import reduce_enlarged

            return reduce_enlarged(workspace, some, job)

        task = session.apply_later(reduce, self.tr("Reduce sprites"))
        if task is not None:
            task.succeeded.connect(lambda _changes: session.sprites_imported.emit())

    def _begin(self, assistant: Any) -> None:
        host, view = self._host, self._host.work.assist_view
        self.assistant = assistant
        if not self._wired:
            self._wired = True
            view.grid.current_changed.connect(lambda _seq: self._forward("current_changed"))
            view.grid.marked.connect(lambda _seq: self._forward("marked"))
        assistant.ended.connect(self._end)
        self._hidden = [one for one in (host.panel, host.filter_bar, host.footer, host.hints) if one.isVisible()]
        for one in self._hidden:
            one.hide()
        host.work.open_assist()
        host.refresh_current()
        assistant.begin()
        if self.assistant is not None:
            view.grid.setFocus()

    def _forward(self, what: str) -> None:
        if self.assistant is not None:
            getattr(self.assistant, what)()

    def _end(self) -> None:
        assistant, self.assistant = self.assistant, None
        if assistant is not None:
            assistant.deleteLater()
        for one in self._hidden:
            one.show()
        self._host.work.show_gallery()
        self._host.refresh_current()
        self._host.activated()


def _facing_review(workspace: Any, seqs: Seqs | None, job: Any) -> Any:
    from gandam_studio.core.suggestions.sprites import facing_review_soon

    # The rest is described, and the network looks, while the person answers.
    return facing_review_soon(workspace, seqs, job)


def _fitness_review(workspace: Any, reason: str, seqs: Seqs | None, job: Any) -> Any:
    from gandam_studio.core.suggestions.sprites import fitness_review

    return fitness_review(workspace, reason, seqs, job)


def _odd_ones(workspace: Any, seqs: Seqs | None, job: Any) -> Any:
    from gandam_studio.core.suggestions.odd import odd_ones

    return odd_ones(workspace, seqs, job)
