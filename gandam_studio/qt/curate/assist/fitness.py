"""Finding unfit sprites: pages from the most suspicious, then a random check that says when to stop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from gandam_studio.core.suggestions.certificates import kept_certificates
from gandam_studio.core.suggestions.fitness.review import UNFIT, FitnessReview
from gandam_studio.core.suggestions.sprites import SpritesInReview, end_review
from gandam_studio.core.workspace.settings import CERTIFICATES, LOOKED_AT
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.curate.assist import keys
from gandam_studio.qt.curate.assist.assistant import AT_ONCE, Assistant
from gandam_studio.qt.curate.assist.grid import Look
from gandam_studio.qt.curate.assist.view import AssistView
from gandam_studio.qt.session import Session

_FEWEST = 8  # sprites on a page, however small the window is


class FitnessAssist(Assistant):
    """Attributes:
    review: what has been said, and how suspicious the rest is.
    """

    def __init__(
        self,
        session: Session,
        view: AssistView,
        review: FitnessReview,
        found: SpritesInReview,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(session, view, found, parent)
        self.review = review
        self._before = dict(zip(self.seqs.tolist(), review.labels.tolist(), strict=True))
        self._rows = np.empty(0, np.intp)
        self._audit = False
        self._said_before = self._earlier()

    def begin(self) -> None:
        """Show the first page."""
        if self.size > AT_ONCE:  # it takes seconds
            self.view.show_nothing(self.tr("Looking for sprites of all kinds…"), "")
            self.view.show_buttons([(keys.leave(), self.leave)], primary=False)
            self._show_progress()
        self._next(audit=False)
        self.keep_keys()

    def _next(self, *, audit: bool) -> None:
        review = self.review
        if not len(review.rest):
            self.leave()
            return
        if audit:
            self._show(review.audit_page(), audit)
            return
        found: list[NDArray[np.intp]] = []
        self.fit(lambda: found.append(review.ranked_page()), lambda: self._show(found[0], audit))

    def _show(self, rows: NDArray[np.intp], audit: bool) -> None:
        review = self.review
        self._rows, self._audit = rows, audit
        if audit:
            heading = self.tr("Random check: {0}?")
        elif (review.labels == UNFIT).any():
            heading = self.tr("Most suspicious first: {0}?")
        else:
            heading = self.tr("Which of these are examples of “{0}”?")
        self.view.heading.setText(heading.format(review.reason))
        self.view.grid.show_page(self.seqs[self._rows].tolist(), self._look, {})
        entries = [
            (keys.accept(), self.accept),
            *([] if audit else [(keys.mark_page(), self.mark_page)]),
            (keys.suspicious(), self.suspicious) if audit else (keys.check(), self.check),
            (keys.back(), self.back),
            (keys.leave(), self.leave),
        ]
        self.view.show_buttons(entries)
        self._show_progress()
        self.ask(
            self.tr("Click every sprite that is “{0}”, then press Enter, which drops those.").format(review.reason),
            len(rows),
        )
        room = max(_FEWEST, self.view.grid.room)
        if not audit and len(rows) > room:
            self._show(rows[:room], audit)  # what is looked at is learned from before more is shown
            return
        self.current_changed()

    def _look(self, seq: int) -> Look:
        return {"status": "dropped", "reason": self.review.reason} if seq in self.view.grid.selection else {}

    def accept(self) -> None:
        """Take the page's answers, and show the next; the random check is offered once pages are clean."""
        if self.busy or not len(self._rows):
            return
        if self.view.grid.show_unseen():  # what nobody has seen must not count as looked at
            return
        rows, audit = self._rows, self._audit
        unfit = np.array([seq in self.view.grid.selection for seq in self.seqs[rows].tolist()], bool)
        before = (self.written, self.review.snapshot(), rows, audit)
        self.review.take(rows, unfit, audit=audit)
        kept, looked_at = (self.session.workspace.setting(key) for key in (CERTIFICATES, LOOKED_AT))
        if not self.write(end_review(self.review, self.found, self._before, kept, looked_at)):
            self.review.put_back(before[1])
            return
        self.remembered.append(before)
        self.fit(self.review.refit, lambda: self._next(audit=audit or self.review.ready))

    def back(self) -> None:
        """Take the last page back."""
        if (before := self.take_page_back()) is not None:
            _, state, rows, audit = before
            self.review.put_back(state)
            # The same sprites: drawing others until they look well would make the certificate worthless.
            self.fit(self.review.refit, lambda: self._show_again(rows, audit))

    def _show_again(self, rows: NDArray[np.intp], audit: bool) -> None:
        self._show(rows, audit)
        self.view.grid.count_as_seen(range(len(self._rows)))

    def mark_page(self) -> None:
        """Mark what is not marked and take back what is, where most of the page is unfit."""
        if not self.busy:
            self.view.grid.toggle_page()

    def check(self) -> None:
        """Draw sprites at random, which says how many unfit ones may be left."""
        if not self.busy and not self.has_marks():
            self._next(audit=True)

    def suspicious(self) -> None:
        """Go back to the most suspicious ones."""
        if not self.busy and not self.has_marks():
            self._next(audit=False)

    def _show_progress(self) -> None:
        now = self.review.certificate()
        text = self.tr("{0} of {1} looked at, {2} unfit").format(
            f"{now.looked_at:,}", f"{now.total:,}", f"{now.unfit:,}"
        )
        first = self._audit and not now.audited
        said = self.tr("this page tells how many may be left") if first else self.said()
        self.view.progress.setText(f"{text} · {said}")

    def said(self) -> str:
        """What may be said about the rest."""
        now = self.review.certificate()
        rest = now.total - now.looked_at
        if not rest:
            return self.tr("everything was looked at")
        if not now.audited:
            return self._said_before or self.tr("how many are left is not known before a random check")
        return self.tr("at most {0} unfit of the other {1}, at {2} % confidence").format(
            f"{now.most_left:,}", f"{rest:,}", round(100 * now.confidence)
        )

    def _earlier(self) -> str:
        """What the last review for the reason said, "" if there was none."""
        kept = kept_certificates(self.session.workspace.setting(CERTIFICATES), self.seqs)
        said = [one.summary for one in kept if one.said.reason == self.review.reason]
        return self.tr("last time: {0}").format(said[0]) if said else ""

    def current_changed(self) -> None:
        """Say why the current sprite is suspicious."""
        row = self.row_of.get(self.view.grid.current_seq, -1)
        if row < 0:
            self.view.why.setText("")
            return
        parts = [self.found.sprites[row].name]
        if self.review.chances is not None:
            chance = min(99, max(1, round(100 * float(self.review.chances[row]))))
            parts.append(self.tr("unfit with a chance of {0} %").format(chance))
        self.view.why.setText(" · ".join([*parts, self.because(self.review.nearest(row, 2), self._verdict)]))

    def _verdict(self, row: int) -> str:
        return self.tr("{0} ({1} %, unfit)") if self.review.labels[row] == UNFIT else self.tr("{0} ({1} %, fit)")

    @property
    def depends_on(self) -> frozenset[str]:
        """Whether a sprite is asked about."""
        return frozenset({"status", "reason"})

    stays = True

    def told(self) -> str:
        """What was dropped, and what may be left."""
        if not self.remembered:
            return ""
        dropped = sum(
            self.review.labels[row] == UNFIT and self._before[int(seq)] != UNFIT
            for row, seq in enumerate(self.seqs.tolist())
        )
        return self.tr("{0} dropped for “{1}”; {2} · {3}").format(
            sprites(int(dropped)), self.review.reason, self.said(), self.undone_by()
        )
