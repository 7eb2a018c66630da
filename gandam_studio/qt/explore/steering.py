"""Finds directions, keeps them under names, and learns new ones from picks and tags."""

from __future__ import annotations

import dataclasses

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QInputDialog, QLineEdit, QWidget

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs.drawing import Answer, Request
from gandam_studio.core.runs.explored import LONGEST_NOTE, Direction
from gandam_studio.core.texts import LONGEST_LABEL, checked
from gandam_studio.qt.explore.cells import Cell
from gandam_studio.qt.explore.directions_panel import OWN, PCA, ROWS, SEFA, DirectionsPanel
from gandam_studio.qt.explore.explorer import Explorer
from gandam_studio.qt.explore.grid import LESS, MORE
from gandam_studio.qt.failures import as_sentence, explain
from gandam_studio.qt.session import ERROR, INFO, SUCCESS, Session
from trainer.protocol.untrusted import shortened


class Steering(QObject):
    """Attributes:
    picks: samples to have more or less of, by their latents.
    """

    def __init__(self, window: QWidget, explorer: Explorer, panel: DirectionsPanel, session: Session) -> None:
        super().__init__(window)
        self._window, self._explorer, self._panel, self._session = window, explorer, panel, session
        self.picks: dict[bytes, tuple[Cell, str]] = {}
        self._search: Request | None = None
        self._learning: Request | None = None  # of a tag
        panel.moved.connect(lambda: explorer.set_moves(panel.moves()))
        panel.kind_chosen.connect(self._find)
        panel.stop_wanted.connect(self._stop_here)
        panel.keep_wanted.connect(self._keep)
        panel.rename_wanted.connect(self._rename)
        panel.remove_wanted.connect(self._remove)
        explorer.kept_changed.connect(self._show_own)

    def reset(self) -> None:
        """Move all sliders back."""
        self._panel.reset()

    def stop(self) -> None:
        """Look for no directions, and learn none: what comes would be of a model that is not open any more."""
        for request in (self._search, self._learning):
            self._explorer.drawer.cancel(request)
        self._search = self._learning = None

    def begin(self) -> None:
        """Find the directions of a model that was just opened."""
        self.picks.clear()
        self._panel.clear()
        self._panel.offer(is_flow=self._is_flow)
        self._show_own()
        self._find(self._panel.kind)

    @property
    def _is_flow(self) -> bool:
        return self._explorer.facts is not None and self._explorer.facts.is_flow

    def _show_own(self) -> None:
        facts = self._explorer.facts
        fitting = [
            one for one in self._explorer.kept.directions
            if facts is None or len(one.vector) in (facts.latent, facts.latent * facts.stages)
        ]  # fmt: skip
        shown = []
        for one in fitting:
            other = facts is not None and one.iteration != facts.iteration
            note = self.tr("Found at iteration {0:,}; here it may do something else.").format(one.iteration)
            shown.append(dataclasses.replace(one, note=f"{one.note}\n{note}".strip()) if other else one)
        self._panel.set_directions(OWN, shown)

    def _find(self, kind: str) -> None:
        self._explorer.drawer.cancel(self._search)
        self._search = None
        if kind == OWN or self._explorer.facts is None or self._panel.directions:
            return
        if kind == PCA:
            self._panel.say(self.tr("Looking at a thousand samples…"), looking=True)
        source = self._explorer.source

        def take(answer: Answer) -> None:
            if source == self._explorer.source:
                self._show_found(kind, answer)

        def progress(answer: Answer) -> None:
            done = answer.values.get("progress")
            if isinstance(done, list) and len(done) == 2 and kind == self._panel.kind:
                text = self.tr("Looking at samples: {0:,} of {1:,}").format(int(done[0]), int(done[1]))
                self._panel.say(text, looking=True)

        def fail(error: Exception) -> None:
            if kind == self._panel.kind:
                self._panel.say(as_sentence(str(error)))

        wanted = {"kind": kind, "count": ROWS}
        self._search = self._explorer.ask("directions", wanted, [], take, progress, fail)

    def _stop_here(self) -> None:
        looking = self._panel.kind != OWN
        self.stop()
        if looking and not self._is_flow:
            self._show_kind(SEFA)  # These are found at once. Choosing the others again looks once more.
        elif looking:
            self._show_kind(OWN)
        else:
            self._panel.say("")

    def _show_found(self, kind: str, answer: Answer) -> None:
        facts = self._explorer.facts
        try:
            vectors = answer.vectors()
        except UserError as error:
            self._panel.say(as_sentence(explain(error)))
            return
        strengths = answer.values.get("strengths", [])
        found = []
        for number, vector in enumerate(vectors):
            note = ""
            if number < len(strengths) and isinstance(strengths[number], (int, float)):
                share = f"{100 * strengths[number]:.0f}"
                note = (
                    self.tr("{0} % of what samples differ in") if kind == PCA else self.tr("{0} % of the first layers")
                ).format(share)
            name = self.tr("Direction {0}").format(number + 1)
            found.append(Direction(name, vector, facts.iteration if facts is not None else 0, kind, note))
        self._panel.set_directions(kind, found)
        if kind == self._panel.kind and found:
            self._panel.say("")

    # What is kept

    def _ask_name(self, title: str, proposed: str) -> str:
        """A name from the person; "" if there is none."""
        text, agreed = QInputDialog.getText(
            self._window, title, self.tr("Name"), QLineEdit.EchoMode.Normal, proposed
        )  # fmt: skip
        if not agreed:
            return ""
        try:
            return checked(text, self.tr("the name"), LONGEST_LABEL)
        except UserError as error:
            self._session.post(explain(error), ERROR)
            return ""

    def _keep(self, number: int) -> None:
        one = self._panel.directions[number]
        if name := self._ask_name(self.tr("Keep the direction"), one.name):
            self.add(dataclasses.replace(one, name=name))

    def add(self, direction: Direction) -> None:
        """Keep a direction and say so."""
        if self._explorer.add_direction(direction):
            text = self.tr("“{0}” is kept under My own.").format(self._explorer.kept.directions[-1].name)
            self._session.post(text, SUCCESS)

    def _own_number(self, number: int) -> int:
        name = self._panel.directions[number].name
        return next(i for i, one in enumerate(self._explorer.kept.directions) if one.name == name)

    def _rename(self, number: int) -> None:
        kept, at = self._explorer.kept, self._own_number(number)
        name = self._ask_name(self.tr("Rename the direction"), kept.directions[at].name)
        if not name or name == kept.directions[at].name:
            return
        if any(one.name == name for one in kept.directions):
            self._session.post(self.tr("A direction needs a name of its own."), ERROR)
            return
        directions = list(kept.directions)
        directions[at] = dataclasses.replace(directions[at], name=name)
        self._explorer.change(dataclasses.replace(kept, directions=tuple(directions)))

    def _remove(self, number: int) -> None:
        kept, at = self._explorer.kept, self._own_number(number)
        rest = tuple(one for i, one in enumerate(kept.directions) if i != at)
        if self._explorer.change(dataclasses.replace(kept, directions=rest)):
            self._explorer.set_moves(self._panel.moves())
            self._session.post(self.tr("The direction is removed. Ctrl+Z brings it back."), SUCCESS)

    # Picks

    def pick_of(self, cell: Cell) -> str | None:
        """Whether a sample is picked to have more or less of it."""
        found = self.picks.get(cell.vector.tobytes())
        return found[1] if found is not None else None

    def pick(self, cell: Cell, kind: str) -> None:
        """Pick a sample, or take the same pick back."""
        key = cell.vector.tobytes()
        if self.pick_of(cell) == kind:
            del self.picks[key]
        else:
            self.picks[key] = (cell, kind)

    def forget(self) -> None:
        """Have picked nothing."""
        self.picks.clear()

    def learn(self) -> None:
        """Learn the direction from what to have less of to what to have more of, and keep it."""
        more = [cell for cell, kind in self.picks.values() if kind == MORE]
        less = [cell for cell, kind in self.picks.values() if kind == LESS]
        if not more:
            text = self.tr("Pick samples first: Y for more like this, Shift+Y for less.")
            self._session.post(text, INFO)
            return
        parts = [cell.vector.astype("<f4").tobytes() for cell in (*more, *less)]
        values = {
            "more": [{"at": index} for index in range(len(more))],
            "less": [{"at": len(more) + index} for index in range(len(less))],
        }
        names = [", ".join(cell.name for cell in some) for some in (more, less)]
        note = self.tr("More like {0}").format(names[0])
        if less:
            note += "; " + self.tr("less like {0}").format(names[1])

        source = self._explorer.source

        def take(answer: Answer) -> None:
            vectors = answer.vectors()
            facts = self._explorer.facts
            if vectors and facts is not None and source == self._explorer.source:
                name = self.tr("Picks")
                self.add(Direction(name, vectors[0], facts.iteration, "picks", shortened(note, LONGEST_NOTE)))
                self._show_kind(OWN)

        self._explorer.ask("learn", values, parts, take)

    def _show_kind(self, kind: str) -> None:
        self._panel.kinds.setCurrentIndex(self._panel.kinds.findData(kind))

    # Tags

    def ask_tag(self) -> None:
        """Ask for a tag of the training sprites, and learn its direction."""
        self._explorer.ask("tags", {}, [], self._choose_tag)

    def _choose_tag(self, answer: Answer) -> None:
        tags = answer.values.get("tags")
        if not isinstance(tags, dict) or not tags:
            self._session.post(self.tr("The training sprites of this run have no tags to learn from."), INFO)
            return
        names = list(tags)
        texts = [self.tr("{0} ({1:,} sprites)").format(name, int(tags[name])) for name in names]
        text, agreed = QInputDialog.getItem(
            self._window, self.tr("Learn from a tag"), self.tr("Direction towards"), texts, 0, False
        )
        if agreed:
            self.learn_tag(names[texts.index(text)])

    def learn_tag(self, tag: str) -> None:
        """Learn the direction of a tag and keep it under the tag's name."""
        self._show_kind(OWN)

        def progress(answer: Answer) -> None:
            done = answer.values.get("progress")
            if isinstance(done, list) and len(done) == 2 and self._panel.kind == OWN:
                text = self.tr("Looking at samples: {0:,} of {1:,}").format(int(done[0]), int(done[1]))
                self._panel.say(text, looking=True)

        def say_nothing() -> None:
            self._learning = None
            if self._panel.kind == OWN:
                self._panel.say("")

        def take(answer: Answer) -> None:
            facts = self._explorer.facts
            vectors = answer.vectors()
            say_nothing()
            if not vectors or facts is None:
                return
            note = self.tr(
                "The tag is told from pictures rightly in {0} % (50 % is chance); the direction explains {1} %."
            )
            note = note.format(round(100 * answer.number("accuracy")), round(100 * answer.number("explained")))
            self.add(Direction(tag, vectors[0], facts.iteration, "tag", note))

        def fail(error: Exception) -> None:
            say_nothing()
            self._session.post(str(error), ERROR)

        self._explorer.drawer.cancel(self._learning)
        self._panel.say(self.tr("Learning from the training sprites…"), looking=True)
        self._learning = self._explorer.ask("tag", {"tag": tag}, [], take, progress, fail)
