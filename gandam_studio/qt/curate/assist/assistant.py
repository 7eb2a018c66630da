"""What the assistants of the Assist mode have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal

from gandam_studio.core.suggestions.sprites import SpritesInReview
from gandam_studio.core.workspace.edits import Edit
from gandam_studio.core.workspace.history import Changes
from gandam_studio.qt.background import BackgroundTask
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.curate.assist.view import AssistView
from gandam_studio.qt.session import INFO, SUCCESS, Session

# Up to this many sprites a page is fitted at once; above, in the background.
AT_ONCE = 2_000


class Assistant(QObject):
    """Drives the view while one assistant is at work.

    What is accepted is written at once, so that a crash loses none of it. All of it is one edit that grows, which one
    step undoes later; `back` takes back one page. A version that is saved in between holds what was written so far, so
    what follows is another edit.

    Attributes:
        found: the sprites in review.
        seqs: (N,) their row numbers.
        row_of: the row of a sprite in the review, by its row number.

    Signals:
        ended: it is over.
    """

    ended = Signal()

    def __init__(
        self, session: Session, view: AssistView, found: SpritesInReview, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.session = session
        self.view = view
        self.found = found
        self.seqs = found.seqs
        self.row_of = {seq: row for row, seq in enumerate(self.seqs.tolist())}
        self.busy = self._had_keys = False
        self.remembered: list[tuple[Any, ...]] = []  # before each page: `written`, then what the assistant needs
        self._edit = self._parts = 0  # what was written: number of the edit, and how many deltas it has
        self._edits: list[int] = []  # all that were written, the newest last
        self._label: Callable[[int], str] = str
        self._writing = False
        self._fitting: BackgroundTask | None = None
        session.edits_applied.connect(self._take_changes)

    def current_changed(self) -> None:
        """The current sprite has changed: say why it is suggested."""

    def marked(self) -> None:
        """A sprite was marked or unmarked."""

    @property
    def size(self) -> int:
        """How many sprites are learned about when a page is accepted."""
        return len(self.seqs)

    @abstractmethod
    def back(self) -> None:
        """Take the last page back."""

    @property
    @abstractmethod
    def depends_on(self) -> frozenset[str]:
        """The fields of sprites that pages are made from."""

    @abstractmethod
    def told(self) -> str:
        """What was done; "" for nothing."""

    def leave(self, why: str = "") -> None:
        """End, and say what was done, after `why`. What is marked, but was not accepted, is not written."""
        marked = 0 if self.busy else self.view.grid.selection.count  # what is learned from was accepted
        lost = self.tr("{0} marked on the last page, which was not accepted").format(sprites(marked)) if marked else ""
        parts = [one for one in (why, self.told(), lost) if one]
        if parts:
            self.session.post(" · ".join(parts), INFO if why or lost else SUCCESS, stays=self.stays or bool(why))
        self.end()

    stays = False
    """Whether what was done is told until it is dismissed."""

    def end(self) -> None:
        """Announce the end, and stop what runs in the background."""
        if self._fitting is not None:
            self._fitting.abandon()
            self._fitting = None
            self._set_busy(False)
        self.ended.emit()

    def has_marks(self) -> bool:
        """Whether something is marked that another page would forget; says so."""
        if marked := self.view.grid.selection.count:
            self.session.post(
                self.tr("{0} marked here: Enter accepts the page, a click takes a mark back.").format(sprites(marked)),
                INFO,
            )
        return marked > 0

    @property
    def written(self) -> tuple[int, int]:
        """How far the edit is, for `take_back`."""
        return self._edit, self._parts

    def write(self, edit: Edit) -> bool:
        """Write what was accepted, as a part of the one edit; False if that failed, which has been said."""
        self._writing = True
        try:
            changes = self.session.apply(edit, into=self._edit)
        finally:
            self._writing = False
        if changes:
            if changes.edit != self._edit:
                self._edits.append(changes.edit)
            self._edit, self._parts, self._label = changes.edit, changes.parts, edit.label
        return bool(changes)

    def take_back(self, before: tuple[int, int]) -> bool:
        """Undo what was written since `written` was `before`; False if that failed, which has been said."""
        if before == self.written:
            return True
        edit, parts = before
        self._writing = True
        try:
            # A version saved in between has made a new edit begin.
            done = self.session.take_back(self._edit, parts if edit == self._edit else 0, self._label)
        finally:
            self._writing = False
        if done:
            self._edit, self._parts = (edit, parts) if parts else (0, 0)
            self._edits = [one for one in self._edits if one <= self._edit]
        return bool(done)

    def undone_by(self) -> str:
        """How all of it is undone later."""
        first = self._edits[0] if self._edits else 0
        steps = sum(one.state == "done" and one.edit >= first for one in self.session.workspace.history.entries())
        if first and steps > len(self._edits):
            return self.tr("other things were changed meanwhile: {0} times Ctrl+Z undoes all of it with them").format(
                steps
            )
        if len(self._edits) < 2:
            return self.tr("Ctrl+Z undoes all of it")
        return self.tr("a version was saved meanwhile: Ctrl+Z undoes what came after, {0} times all of it").format(
            len(self._edits)
        )

    def take_page_back(self) -> tuple[Any, ...] | None:
        """Undo the last page; returns what was remembered before it. None if that cannot be, which has been said."""
        if self.busy:
            return None
        if not self.remembered:
            self.session.post(self.tr("No page was accepted yet. Leave with Esc to undo what was done before."), INFO)
            return None
        if not self.take_back(self.remembered[-1][0]):
            return None
        return self.remembered.pop()

    def _take_changes(self, changes: Changes) -> None:
        """Where another screen undoes what was written or changes sprites, what is shown here is no longer true."""
        if self._writing:
            return
        if changes.edit in self._edits:
            self._edits, self._edit, self._parts = [], 0, 0
            self.end()
        elif self.depends_on & set(changes.fields) and np.isin(changes.seqs, self.seqs).any():
            self.leave(self.tr("Sprites were changed elsewhere, so Assist has ended: begin again to go on"))

    def fit(self, work: Callable[[], Any], then: Callable[[], object], *, slow: bool = False) -> None:
        """Do what a page takes, in the background where that is `slow` or there are many sprites, and then go on.

        What was marked on the page is accepted by then.
        """

        def go_on() -> None:
            self.view.grid.selection.clear()
            then()

        if self.size <= AT_ONCE and not slow:
            work()
            go_on()
            return
        self._set_busy(True)

        def done(_nothing: Any) -> None:
            self._fitting = None
            self._set_busy(False)
            go_on()

        def failed(error: BaseException) -> None:
            self._fitting = None
            self._set_busy(False)
            self.session.post_failure(error)

        self._fitting = self.session.start_quiet_job(lambda workspace, job: work(), done, failed)

    def ask(self, question: str, count: int) -> None:
        """Ask about a page of `count` sprites, and say so where it goes on below the window.

        What else is said and offered comes before.
        """
        self.view.question.setText(question)
        self.view.settle()
        if count > self.view.grid.room:
            more = self.tr("{0} on this page: Enter accepts it once all were in view.")
            question += " " + more.format(sprites(count))
            self.view.question.setText(question)
            self.view.settle()
        self.view.grid.note_seen()

    def _set_busy(self, busy: bool) -> None:
        grid = self.view.grid
        if busy:
            self._had_keys = grid.hasFocus()
            if self._had_keys:
                self.view.hold_keys()
        self.busy = busy
        grid.setEnabled(not busy)
        for key, button in self.view.buttons.items():
            button.setEnabled(not busy or key == Qt.Key.Key_Escape)
        if not busy and self._had_keys:
            grid.setFocus()  # what is disabled loses the keys

    def keep_keys(self) -> None:
        """Give the page the keys once it can be used, though it could not when the mode began."""
        self._had_keys = True

    def because(self, near: list[tuple[int, float]], text: Callable[[int], str] | None = None) -> str:
        """ "Most like a.png and b.png, which are confirmed." `text` says more of a row, with {0} for its name."""
        if not near:
            return self.tr("Nothing like it has been confirmed yet.")
        usual = self.tr("{0} ({1} %)")
        some = [
            (text(row) if text else usual).format(self.found.sprites[row].name, round(100 * abs(alike)))
            for row, alike in near
        ]
        return self.tr("Most like, of those confirmed: {0}").format(", ".join(some))
