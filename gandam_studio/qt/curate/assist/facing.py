"""Turning sprites to face one way: one question, then pages of which the wrong ones are marked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer

from gandam_studio.core.jobs import Job
from gandam_studio.core.suggestions.described import GrowingDescription
from gandam_studio.core.suggestions.facing.features import Halves
from gandam_studio.core.suggestions.facing.review import (
    FRONT,
    LEFT,
    RIGHT,
    UNKNOWN,
    Comparison,
    FacingReview,
    Page,
    compare,
)
from gandam_studio.core.suggestions.sprites import FACINGS, SpritesInReview, set_target, target_facing, turn_all
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Edit, Together
from gandam_studio.qt.background import BackgroundTask
from gandam_studio.qt.counts import counted, sprites
from gandam_studio.qt.curate.assist import keys
from gandam_studio.qt.curate.assist.assistant import Assistant
from gandam_studio.qt.curate.assist.grid import Look
from gandam_studio.qt.curate.assist.view import AssistView
from gandam_studio.qt.session import INFO, Session

_PAGES_TO_TELL = 2  # full ones, accepted, before the clicks that are left are shown: the model must prove itself first
FOLLOW_MS = 300
_STEP = 512  # sprites described, after which it is asked whether the person waits for them
_WORTH_IT = 1.2  # times as many as before are compared for a person who waits
_STACK = 2  # sprites of a stack on a page, from which it is shown as one


class FacingAssist(Assistant):
    """Pages begin before all sprites of a large set are described; the others join with the pages that are accepted.

    Attributes:
        review: the answers so far, and what the model infers from them.
        target: the side to face.
    """

    def __init__(
        self,
        session: Session,
        view: AssistView,
        review: FacingReview,
        found: SpritesInReview,
        growing: GrowingDescription | None = None,
        parent: QObject | None = None,
    ) -> None:
        """`growing` is the description of the sprites where not all are described yet."""
        super().__init__(session, view, found, parent)
        self.review = review
        self._growing = growing
        self._compared: Comparison | None = None  # to be learned from with the next page
        self._describing: BackgroundTask | None = None
        self._waits = False
        self._told = ""  # of the progress, but for the description
        self._follow = QTimer(self, interval=FOLLOW_MS)
        self._follow.timeout.connect(self._show_growth)
        self.target = target_facing(session.workspace)
        review.wanted = LEFT if self.target == "left" else RIGHT
        self._target_written = self.target
        self._before = review.labels.copy()
        self._page: Page | None = None
        self._fronts: set[int] = set()
        self._sign_of: dict[int, int] = {}
        self._clicks = 0
        self._told_plain = False
        self._seen: Halves | None = None  # to be learned from with the next page
        self._taken_back: dict[int, int] = {}  # the signs of a page that was taken back, which all were in view
        self._looking: BackgroundTask | None = None

    def begin(self) -> None:
        """Show the question, or the first page; meanwhile describe the other sprites, then have the network look."""
        if self._growing is None:
            self._next()
            self._look_closely()
            return
        growing = self._growing
        texts = (self.tr("Describe sprites"), self.tr("Compare sprites"))
        self._describing = self.session.start_job(
            texts[0], lambda workspace, job: self._describe(workspace, growing, job, texts), self._described
        )
        self._describing.ended.connect(self._describing_ended)
        self._follow.start()
        self._next()

    @property
    def size(self) -> int:
        """How many sprites are learned about when a page is accepted."""
        return self.review.compared

    # What is found meanwhile

    def _describe(self, workspace: Workspace, growing: GrowingDescription, job: Job, texts: tuple[str, str]) -> None:
        """Describe all sprites and compare them now and then; in another thread. `texts` are those of its stages."""
        job.start(texts[0], len(growing.order))
        job.advance(growing.count)
        compared, parts = growing.count, growing.parts()
        while parts:
            growing.describe(workspace, min(parts[0], growing.count + _STEP), job)
            # The person waits for more, or there is twice as much.
            if not (self._waits and growing.count >= _WORTH_IT * compared) and growing.count < parts[0]:
                continue
            if growing.is_whole:
                job.start(texts[1], None)
            self._compared = compare(growing.features, self.review.sided, growing.chosen, job.check)
            compared = growing.count
            parts = [until for until in parts if until > compared]

    def _described(self, _nothing: object) -> None:
        self._look_closely()

    def _describing_ended(self) -> None:
        self._describing = None
        self._show_growth()

    def _show_growth(self) -> None:
        """Follow the description: say how far it is, and go on where it was waited for."""
        if not self._follow.isActive():
            return  # it is over
        if self._describing is None and self._compared is None:
            self._follow.stop()
        if self._waits and not self.busy and (self._compared is not None or self._describing is None):
            self._learn()
        else:
            self.view.progress.setText(self._told + self._told_growth())

    def _learn(self) -> None:
        """Learn from what was found meanwhile and from what was confirmed, and go on."""
        seen, self._seen = self._seen, None
        compared, self._compared = self._compared, None
        self._waits = False

        def learn() -> None:
            if compared is not None:
                self.review.grow(compared)
            if seen is not None:
                self.review.see(seen)
            self.review.refit()

        self.fit(learn, self._next, slow=seen is not None or compared is not None)

    def _look_closely(self) -> None:
        """Have the network look at the sprites."""
        from gandam_studio.core.suggestions.described import seen
        from gandam_studio.core.suggestions.facing import network

        if self.review.closely or len(self.seqs) > network.MOST or not network.installed():
            return
        sprites = self.found.sprites
        # Quietly: nobody waits for it, and what it has found is kept.
        self._looking = self.session.start_quiet_job(
            lambda workspace, job: seen(workspace, sprites, job), self._take_seen
        )
        self._looking.ended.connect(self._looked)

    def _take_seen(self, seen: Halves | None) -> None:
        self._seen = seen

    def _looked(self) -> None:
        self._looking = None

    def end(self) -> None:
        """Stop describing, and let the network stop looking as well."""
        self._follow.stop()
        if self._describing is not None:
            self._describing.abandon()
        if self._looking is not None:
            self._looking.cancel()
        super().end()

    # Pages

    def _next(self) -> None:
        review = self.review
        review.room = self.view.grid.room
        if not len(review.open):
            if self._describing is None and self._compared is None:
                self.leave()
            else:
                self._wait()
        elif not review.started and (first := review.first()) >= 0:
            self._ask(first)
        else:
            self._show(review.page())
            if self.view.grid.room != review.room:  # the first page's buttons took some
                review.room = self.view.grid.room
                self._show(review.page())

    def _wait(self) -> None:
        """Nothing is open until more sprites are described."""
        self._page, self._waits = None, True
        self.view.show_nothing(
            self.tr("Looking at more sprites…"),
            self.tr("Everything that was looked at so far is confirmed. The next page comes by itself."),
        )
        self.view.show_buttons([(keys.back(), self.back), (keys.leave(), self.leave)], primary=False)
        self._show_progress()
        self.current_changed()

    def _ask(self, row: int) -> None:
        """Ask which way one sprite looks: all others follow from it."""
        seq = int(self.seqs[row])
        self._page = None
        self.view.heading.setText(self.tr("Which way does this one look?"))
        self.view.question.setText(self.tr("One answer is enough to suggest which way all the others look."))
        self.view.grid.show_page([seq], lambda seq: {}, {}, large=True)
        left, right, front = keys.question()
        self.view.show_buttons(
            [
                (left, lambda: self._answer(row, LEFT)),
                (right, lambda: self._answer(row, RIGHT)),
                (front, lambda: self._answer(row, FRONT)),
                (keys.back(), self.back),
                (keys.leave(), self.leave),
            ],
            primary=False,
        )
        self._show_progress()
        self.current_changed()

    def _answer(self, row: int, shown: int) -> None:
        if self.busy:
            return
        # What is asked about is the picture as shown, what is learned the one before the flip.
        flipped = self.found.sprites[row].flipped
        label = -shown if flipped and shown != FRONT else shown
        self._accept(lambda: self.review.take_answer(row, label))

    def _show(self, page: Page) -> None:
        self._fronts, self._clicks = set(), 0
        self._take_page(page)
        if page.plain and not self._told_plain:
            self._told_plain = True
            self.session.post(
                self.tr("The suggestions were no help on the last pages. The rest comes in its own order, as it is."),
                INFO,
            )
        groups = self.review.groups.number[page.rows]
        sizes = np.bincount(groups)
        stacks = {
            int(self.seqs[row]): int(group)
            for row, group in zip(page.rows.tolist(), groups.tolist(), strict=True)
            if sizes[group] >= _STACK and not page.plain and not page.front
        }
        self.view.grid.show_page(self.seqs[page.rows].tolist(), self._look, stacks)
        actions = (self.turn_stack, self.turn_page, self.face_front, self.doubtful_first, self.other_side)
        self.view.show_buttons(
            [
                (keys.accept(), self.accept),
                *(zip(keys.facing(), actions, strict=True) if not page.front else ()),
                (keys.back(), self.back),
                (keys.leave(), self.leave),
            ]
        )
        self._show_progress()
        wrong = self.tr("Click those that face the wrong way, then press Enter.")
        sided = self.tr("Click those that face left or right, then press Enter: the others are left as they are.")
        self.ask(sided if page.front else wrong, len(page.rows))
        taken_back, self._taken_back = self._taken_back, {}
        self.view.grid.count_as_seen(
            place for place, seq in enumerate(self._sign_of) if taken_back.get(seq) == self._sign_of[seq]
        )
        self.current_changed()

    def _take_page(self, page: Page) -> None:
        """Ask about a page, or about the one that is shown for the other side."""
        self._page = page
        self._sign_of = dict(zip(self.seqs[page.rows].tolist(), page.signs.tolist(), strict=True))
        side = self.tr("left") if self.target == "left" else self.tr("right")
        heading = self.tr("Which of these do not face {0}?") if page.plain else self.tr("All of these face {0}?")
        self.view.heading.setText(self.tr("All of these face front?") if page.front else heading.format(side))

    def _look(self, seq: int) -> Look:
        """How a sprite would look: turned to the target, and the other way where it is marked."""
        page = self._page
        if page is None:
            return {}
        if page.front or seq in self._fronts:
            sprite = self.found.sprites[self.row_of[seq]]
            marked = page.front and seq in self.view.grid.selection
            return {"flipped": sprite.flipped, "facing": "unknown" if marked else "front"}
        sign = self._sign_of.get(seq, LEFT)
        # As it would be stored: facing before the flip, and flipped where that is not the target.
        facing = FACINGS[-sign if seq in self.view.grid.selection else sign]
        return {"flipped": facing != self.target, "facing": facing}

    def accept(self) -> None:
        """Confirm the page, and show the next."""
        page = self._page
        if page is None or self.busy:
            return
        if self.view.grid.show_unseen():  # what nobody has seen must not count as confirmed
            return
        seqs = self.seqs[page.rows].tolist()
        wrong = np.array([seq in self.view.grid.selection for seq in seqs], bool)
        front = np.array([seq in self._fronts for seq in seqs], bool)
        clicks = self._clicks
        self._accept(lambda: self.review.take(page, wrong, front, clicks))

    def _accept(self, take: Callable[[], None]) -> None:
        """Note an answer or a page, write it, and learn from it."""
        state, known = self.review.snapshot(), self.review.labels.copy()
        before = (self.written, state, self._target_written, self._sign_of if self._page is not None else {})
        take()
        fresh = np.flatnonzero(self.review.labels != known)
        if len(fresh) and not self._write(fresh):
            self.review.put_back(state)
            return
        self.remembered.append(before)
        self._learn()

    def _write(self, fresh: NDArray[np.intp]) -> bool:
        """Turn sprites that were confirmed: `fresh` rows, and at first and for another side those known before."""
        turns_all = not self._edit or self.target != self._target_written
        rows = np.flatnonzero(self.review.labels != UNKNOWN) if turns_all else fresh
        labels = {int(self.seqs[row]): int(self.review.labels[row]) for row in rows.tolist()}
        by_seq = {seq: self.found.sprites[self.row_of[seq]] for seq in labels}
        edit: Edit = turn_all(labels, by_seq, self.target)
        if self.target != self._target_written:
            edit = Together((edit, set_target(self.target)), f"Turn to face {self.target}")
        if not self.write(edit):
            return False
        self._target_written = self.target
        return True

    def marked(self) -> None:
        """Count a click."""
        self._clicks += 1
        if self.view.grid.current_seq in self.view.grid.selection:
            self._fronts.discard(self.view.grid.current_seq)
        self.view.grid.repaint_page()

    def turn_stack(self) -> None:
        """Turn all of the current sprite's stack."""
        if self._page is not None and not self.busy:
            self.view.grid.toggle_stack()

    def turn_page(self) -> None:
        """Turn everything on the page, where most of it is wrong."""
        if self._page is not None and not self.busy:
            self.view.grid.toggle_page()

    def face_front(self) -> None:
        """The current sprite faces front: it is left as it is."""
        seq = self.view.grid.current_seq
        if self._page is None or not seq or self.busy:
            return
        self._fronts ^= {seq}
        self._clicks += 1
        self.view.grid.selection.remove(np.array([seq], np.int64))
        self.view.grid.repaint_page()

    def doubtful_first(self) -> None:
        """Order pages from the most doubtful, or from the surest again."""
        if not self.busy and not self.has_marks():
            self.review.doubtful_first = not self.review.doubtful_first
            self._next()

    def other_side(self) -> None:
        """Have everything face the other side."""
        if self._page is None or self.busy or (self._page.plain and self.has_marks()):
            return
        self.target = "right" if self.target == "left" else "left"
        self.review.wanted = -self.review.wanted
        # What is turned the wrong way stays so for the other side, but in plain order the same are shown as they are.
        self._take_page(self.review.page() if self._page.plain else self._page)
        self.view.grid.repaint_page()

    def back(self) -> None:
        """Take the last page or answer back."""
        if (before := self.take_page_back()) is not None:
            _, state, self._target_written, self._taken_back = before
            self._waits = False
            self.review.put_back(state)  # now, since the person may leave before it is learned
            self.fit(lambda: self.review.restore(state), self._next)

    # What is said

    def _show_progress(self) -> None:
        progress = self.review.progress()
        total = len(self.seqs) - progress.left_alone
        if self._waits:
            text = self.tr("{0} of {1} confirmed").format(f"{progress.confirmed:,}", f"{total:,}")
        elif not self.review.started:
            text = self.tr("{0} to be turned").format(sprites(total))
        elif self.review.windows < _PAGES_TO_TELL:
            text = self.tr("{0} of {1} confirmed; too early to say how many clicks are left")
            text = text.format(f"{progress.confirmed:,}", f"{total:,}")
        else:
            clicks = max(0, round(progress.clicks))
            about = counted(clicks, self.tr("about 1 more click"), self.tr("about {0} more clicks"))
            about = about if clicks else self.tr("probably no more clicks")
            if progress.total < total:
                about = self.tr("{0} for the first {1}").format(about, f"{progress.total:,}")
            text = self.tr("{0} of {1} sure; {2}").format(f"{progress.sure:,}", f"{total:,}", about)
        if progress.left_alone:
            text += self.tr(" · {0} left alone, the same when mirrored").format(sprites(progress.left_alone))
        self._told = text
        self.view.progress.setText(text + self._told_growth())

    def _told_growth(self) -> str:
        """ " · 12,000 of 100,000 described", as long as not all are."""
        growing = self._growing
        if growing is None or growing.is_whole:
            return ""
        text = self.tr("{0} of {1} described").format(f"{growing.count:,}", f"{len(growing.order):,}")
        if self._describing is None:
            text += self.tr(", stopped: begin again for the others")
        return f" · {text}"

    def current_changed(self) -> None:
        """Say why the current sprite is suggested to look that way."""
        seq = self.view.grid.current_seq
        row = self.row_of.get(seq, -1)
        if row < 0 or self._page is None:
            self.view.why.setText("")
            return
        parts = [self.found.sprites[row].name, self.because(self.review.nearest(row, 2))]
        if self._page.front:
            parts[1:] = [self.tr("looks like those that you said face front")]
        elif not self._page.plain:  # it is as it was, and not what the suggestions are about
            parts.insert(1, self.tr("{0} % sure").format(min(99, round(100 * float(self.review.chances[row])))))
        if (size := self.view.grid.stack_size()) >= _STACK:
            parts.insert(1, self.tr("stack of {0}, G turns it").format(size))
        self.view.why.setText(" · ".join(parts))

    def leave(self, why: str = "") -> None:
        """End, and say what was done. Where another side was chosen last, what was confirmed is turned to it."""
        fresh = np.flatnonzero((self.review.labels != UNKNOWN) & (self.review.labels != self._before))
        if len(fresh) and self._edit and self.target != self._target_written and not why and not self.busy:
            self._write(fresh)
        super().leave(why)

    @property
    def depends_on(self) -> frozenset[str]:
        """What is turned, how it looks, and which way that is."""
        return frozenset({"status", "facing", "flipped", "rotation", "crop"})

    def told(self) -> str:
        """What was done."""
        fresh = np.flatnonzero((self.review.labels != UNKNOWN) & (self.review.labels != self._before))
        if not (len(fresh) and self._edit):
            return ""
        turned = sum(self._turned(row) for row in np.flatnonzero(self.review.labels != UNKNOWN).tolist())
        text = self.tr("{0} confirmed, {1} turned, by {2} · {3}").format(
            sprites(len(fresh)), f"{turned:,}",
            counted(self.review.clicks, self.tr("1 click"), self.tr("{0} clicks")),
            self.undone_by(),
        )  # fmt: skip
        growing = self._growing
        if growing is not None and not growing.is_whole:
            text += self.tr(" · {0} not looked at yet: begin again to go on with them").format(
                sprites(len(self.seqs) - self.review.compared)
            )
        return text

    def _turned(self, row: int) -> bool:
        """Whether a sprite is flipped now and was not before, or the other way round."""
        label = int(self.review.labels[row])
        return label != FRONT and (FACINGS[label] != self._target_written) != self.found.sprites[row].flipped
