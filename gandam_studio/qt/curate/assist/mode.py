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
    from gandam_studio.qt.background import BackgroundTask
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
        self._looking: BackgroundTask | None = None  # what is waited for
        self._hidden: list[QWidget] = []

    @property
    def is_preparing(self) -> bool:
        """Whether sprites are looked at before the first page, which the person sees."""
        return self._looking is not None and self._host.work.is_assisting

    def turn(self, seqs: Seqs | None) -> None:
        """Begin to turn sprites, those of some rows or all."""
        self._prepare(
            self.tr("Look at sprites"), lambda workspace, job: _facing_review(workspace, seqs, job), self._turn,
            self.tr("Turn all to face one way"),
        )  # fmt: skip

    def find_unfit(self, reason: str, seqs: Seqs | None) -> None:
        """Begin to look for sprites that are unfit for a reason."""
        self._prepare(
            self.tr("Look at sprites"), lambda workspace, job: _fitness_review(workspace, reason, seqs, job),
            self._find_unfit, self.tr("Find unfit sprites: {0}").format(reason.strip()),
        )  # fmt: skip

    def find_odd(self, seqs: Seqs | None) -> None:
        """Find what is out of the ordinary, and select it in the gallery."""
        self._prepare(self.tr("Look for odd ones"), lambda workspace, job: _odd_ones(workspace, seqs, job), self._odd)

    def find_enlarged(self, seqs: Seqs | None) -> None:
        """Look for sprites that are enlarged, and offer to reduce them."""
        self._prepare(
            self.tr("Look for enlarged sprites"), lambda workspace, job: _odd_ones(workspace, seqs, job), self._enlarged
        )

    def take_undo(self) -> bool:
        """Take the last page back, or the wish to begin; False outside the mode."""
        if self.assistant is None:
            stops = self.is_preparing
            self._stop()
            return stops
        self.assistant.back()
        return True

    def take_redo(self) -> bool:
        """Nothing is redone while pages are shown; False outside the mode."""
        if self.assistant is None:
            return self.is_preparing
        self._host.session.post(self.tr("Pages that were taken back are accepted again, with Enter."), INFO)
        return True

    def leave(self) -> None:
        """End the mode."""
        if self.assistant is not None:
            self.assistant.leave()
        else:
            self._stop()

    def _prepare(self, label: str, work: Any, then: Any, heading: str = "") -> None:
        """Do `work` in the background, and `then` go on; with a `heading` the mode is shown meanwhile.

        Otherwise keys that are meant for the first page would decide about what the gallery shows.
        """
        session = self._host.session
        if self.assistant is not None or self._looking is not None or not last_seq(session.workspace):
            return
        if heading:
            self._enter(heading)

        def failed(error: BaseException) -> None:
            session.post_failure(error)
            self._go_back()

        made: list[Any] = []

        def ended() -> None:
            if self._looking is task:
                self._looking = None
            if made:
                then(made[0])  # now that the strip shows the work no more: a page is made for the room there is

        self._looking = task = session.start_job(label, work, made.append, failed, self._go_back)
        task.ended.connect(ended)

    def _stop(self) -> None:
        """Go back to the gallery before the first page. What was described is kept."""
        if self.is_preparing and self._looking is not None:
            self._looking.abandon()
            self._looking = None
            self._go_back()

    def _turn(self, made: tuple[Any, Any, Any]) -> None:
        from gandam_studio.qt.curate.assist.facing import FacingAssist

        review, found, growing = made
        if not len(review.open) and growing is None:
            self._go_back()
            self._host.session.post(self.tr("Every sprite has a facing, looks the same mirrored, or is dropped."), INFO)
            return
        self._begin(FacingAssist(self._host.session, self._host.work.assist_view, review, found, growing, self))

    def _find_unfit(self, made: tuple[Any, Any]) -> None:
        from gandam_studio.qt.curate.assist.fitness import FitnessAssist

        review, found = made
        if not len(review.rest):
            self._go_back()
            self._host.session.post(
                self.tr(
                    "Every sprite shown is kept or dropped already, so there is none to ask about. "
                    "Shift+U makes the selected ones undecided."
                ),
                INFO,
            )
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
        # A question has its own event loop, which is no part of the job's end.
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

    def _enter(self, heading: str) -> None:
        """Show the mode before there is a page."""
        from gandam_studio.qt.curate.assist import keys

        host, view = self._host, self._host.work.assist_view
        if not self._wired:
            self._wired = True
            view.grid.current_changed.connect(lambda _seq: self._forward("current_changed"))
            view.grid.marked.connect(lambda _seq: self._forward("marked"))
        self._hidden = [one for one in (host.panel, host.filter_bar, host.footer, host.hints) if one.isVisible()]
        for one in self._hidden:
            one.hide()
        view.show_nothing(heading, self.tr("Looking at sprites. The first page comes by itself."))
        view.show_buttons([(keys.leave(), self._stop)], primary=False)
        host.work.open_assist()
        host.refresh_current()

    def _begin(self, assistant: Any) -> None:
        view = self._host.work.assist_view
        self.assistant = assistant
        assistant.ended.connect(self._end)
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
        self._go_back()

    def _go_back(self) -> None:
        """Show the gallery again, and what the mode hid."""
        if not self._host.work.is_assisting:
            return
        for one in self._hidden:
            one.show()
        self._hidden = []
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
