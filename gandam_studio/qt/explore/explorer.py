"""What Explore shows and how it was made: the model, the view, the sliders, and what the user keeps."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs.drawing import Answer, Request, Source
from gandam_studio.core.runs.explored import Direction, Explored, Favourite, Vector, explored, keep
from gandam_studio.core.runs.exploring import Facts
from gandam_studio.qt.explore.cells import Cell, cells_of
from gandam_studio.qt.explore.drawer import Drawer, Stream
from gandam_studio.qt.failures import as_sentence, explain
from trainer.protocol.drawing import CLASS
from trainer.protocol.sample_notes import Spot

COUNT = 36
"""Samples shown at once."""
STEPS = 12
"""Pictures from one favourite to the next."""
MOST_ON_PATH = 160
STEERED = "steered-"
"""Begins what a sample is called in files that is not what the rest of its name alone draws."""
SEEN_BYTES = 64 << 20
"""Memory for samples that were shown before, so that going back to them takes no time."""


@dataclass(frozen=True)
class Random:
    """Uncurated samples of a seed."""

    seed: int


@dataclass(frozen=True, eq=False)
class Around:
    """Variations of a sample, which comes first; `first`: number of the first variation."""

    cell: Cell
    radius: float = 0.35
    first: int = 0


@dataclass(frozen=True, eq=False)
class Path:
    """A path through samples, `steps` pictures from each to the next."""

    cells: tuple[Cell, ...]
    steps: int = STEPS


@dataclass(frozen=True, eq=False)
class Opened:
    """The samples of a file, as its note says; `file`: its name. truncation: of those that have a name."""

    file: str
    spots: tuple[Spot, ...]
    truncation: float = 1.0


View = Random | Around | Path | Opened


@dataclass(frozen=True, eq=False)
class Asked:
    """What a drawing shows.

    Attributes:
        key: equal for what draws equal samples. names, captions: of the samples. spots: what draws them, {} for their
            vectors. steered: whether anything is done to what these name.
    """

    key: bytes
    names: list[str]
    spots: list[dict[str, Any]]
    captions: list[str]
    steered: bool


@dataclass(frozen=True, eq=False)
class Move:
    """A step along a direction."""

    vector: Vector
    amount: float


class Explorer(QObject):
    """Attributes:
    source, facts: the open model; None without one. view: what the grid shows. cells: its samples, once drawn; while
        others are being drawn, some of them may be previews or still those of before. room: how many there will be.
    truncation: share of variety, 1 for all. kind: the class of random samples, None for all in turns. moves: the
        sliders. mix, mix_from: the sample whose stages from there on all others take. kept: favourites and directions.
        problem: why nothing can be kept, or "".

    Signals:
        opening: a model is being loaded. opened: it can be drawn from. failed: why it cannot (text).
        drawn: `cells` are final. part_drawn: some `cells` changed, and more will. view_changed: another view will be
        drawn. kept_changed: `kept` changed. complained: something else went wrong (the error).
    """

    opening = Signal()
    opened = Signal()
    failed = Signal(str)
    drawn = Signal()
    part_drawn = Signal()
    view_changed = Signal()
    kept_changed = Signal()
    complained = Signal(object)

    def __init__(self, drawer: Drawer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.drawer = drawer
        self.source: Source | None = None
        self.facts: Facts | None = None
        self.view: View = Random(0)
        self.cells: list[Cell] = []
        self.room = 0
        self.truncation = 1.0
        self.kind: int | None = None
        self.moves: tuple[Move, ...] = ()
        self.mix: Cell | None = None
        self.mix_from = 1
        self.kept = Explored()
        self.problem = ""
        self._undo: list[Explored] = []
        self._redo: list[Explored] = []
        self._drawing = Stream(drawer, self._take, self.complained.emit, self._take_part)
        self._showing: Asked | None = None  # what the previews in `cells` are of
        self._seen: OrderedDict[bytes, list[Cell]] = OrderedDict()
        self._loading: Request | None = None

    # The model

    @property
    def is_opening(self) -> bool:
        """Whether a model is being loaded."""
        return self._loading is not None

    def open(self, source: Source) -> None:
        """Load another model."""
        self.drawer.cancel(self._loading)
        self._drawing.forget()
        another = self.source is None or self.source.folder != source.folder
        self.source, self.facts, self.cells = source, None, []
        self._showing, self.room = None, 0
        self._seen.clear()
        self.moves, self.mix = (), None
        if another:
            self.kind = None
            self.view = Random(self.view.seed if isinstance(self.view, Random) else 0)
            self._undo, self._redo = [], []
            self.read_kept()
        self.opening.emit()
        self._loading = self.drawer.ask("open", source, {}, [], self._open, self._fail)

    def pause(self) -> None:
        """Abandon what is under way: the process is about to end. `redraw` starts it again."""
        self.drawer.cancel(self._loading)
        self._drawing.forget()
        self._loading = None

    def _open(self, answer: Answer) -> None:
        self._loading = None
        try:
            self.facts = Facts.from_answer(answer.values.get("facts"))
        except UserError as error:
            self._fail(error)
            return
        if not self.fits(self.view):
            self.view = Random(0)
        if self.kind is not None and self.kind >= len(self.facts.classes):
            self.kind = None
        self.opened.emit()
        self.redraw()

    def fits(self, view: View) -> bool:
        """Whether the model takes a view's latents: another checkpoint draws the same path, another network not."""
        if isinstance(view, Random) or self.facts is None:
            return True
        if isinstance(view, Opened):
            vectors = [spot.vector for spot in view.spots if spot.vector is not None]
            known = all(not spot.label or spot.label in self.facts.classes for spot in view.spots)
        else:
            vectors = [cell.vector for cell in (view.cells if isinstance(view, Path) else (view.cell,))]
            known = True
        lengths = self.facts.latent, self.facts.latent * self.facts.stages
        return known and all(len(vector) in lengths for vector in vectors)

    def _fail(self, error: Exception) -> None:
        self.facts = self._loading = None
        self.failed.emit(as_sentence(str(error)))

    # Views

    def show(self, view: View) -> None:
        """Show something else. A latent includes all that was done to it, so sliders are reset."""
        if isinstance(view, (Path, Opened)) or (isinstance(view, Around) and not is_plain(view.cell)):
            self.moves, self.mix = (), None
        self.view = view
        self.view_changed.emit()
        self.redraw()

    def set_truncation(self, share: float) -> None:
        """Draw with another share of variety."""
        self.truncation = share
        self.redraw()

    def set_kind(self, kind: int | None) -> None:
        """Draw random samples of one class; None for all in turns."""
        if kind != self.kind:
            self.kind = kind
            self.redraw()

    def set_moves(self, moves: Sequence[Move]) -> None:
        """Draw with other sliders."""
        self.moves = tuple(move for move in moves if move.amount)
        self.redraw()

    def set_mix(self, cell: Cell | None, first: int | None = None) -> None:
        """Give all samples the stages of another one from `first` on; None ends that."""
        self.mix = cell
        if first is not None:
            self.mix_from = first
        self.redraw()

    def redraw(self) -> None:
        """Draw what is shown."""
        if self.source is None or self.facts is None:
            return
        parts: list[bytes] = []
        values: dict[str, Any] = {"truncation": self.truncation}
        op, names, spots = "draw", [], []
        if isinstance(self.view, Random):
            names = [f"{self.view.seed}/{index}" for index in range(COUNT)]
            own = {} if self.kind is None else {CLASS: self.kind}
            spots = [{"name": name, **own} for name in names]
        elif isinstance(self.view, Around):
            names, spots = self._around(self.view, parts)
        elif isinstance(self.view, Opened):
            values["truncation"] = self.view.truncation
            names = [spot.latent for spot in self.view.spots]
            spots = [self._of_file(spot, parts) for spot in self.view.spots]
        else:
            op = "path"
            values["steps"] = self.view.steps
            spots = [self.spot(cell, parts, exact=True) for cell in self.view.cells]
            names = path_names([cell.name for cell in self.view.cells], self.view.steps)
        values["spots"] = spots
        values["moves"] = [{"at": _put(move.vector, parts), "amount": move.amount} for move in self.moves]
        if self.mix is not None:
            values["mix"] = {"spot": self.spot(self.mix, parts, exact=True), "from": self.mix_from}
        asked = self._asked(op, names, spots, values, parts)
        if (seen := self._seen.get(asked.key)) is not None:
            self._seen.move_to_end(asked.key)
            self._drawing.forget()
            self._show_final(asked, seen)
            return
        self._drawing.ask(asked, op, self.source, {**values, "previews": True}, parts)

    def _asked(
        self, op: str, names: list[str], spots: list[dict[str, Any]], values: dict[str, Any], parts: list[bytes]
    ) -> Asked:
        digest = hashlib.blake2b(repr((op, names, values)).encode())
        for part in parts:
            digest.update(part)
        captions = [""] * len(names)
        if isinstance(self.view, Around):
            captions[1:] = [f"~ {self.view.first + number}" for number in range(len(names) - 1)]
        named = [spot if "name" in spot else {} for spot in spots]
        if isinstance(self.view, Path):
            named = [{} for _ in names]
        steered = bool(self.moves) or self.mix is not None or values["truncation"] != 1
        return Asked(digest.digest(), names, named, captions, steered)

    def _around(self, view: Around, parts: list[bytes]) -> tuple[list[str], list[dict[str, Any]]]:
        plain = is_plain(view.cell)
        base = self.spot(view.cell, parts, exact=not plain)
        radius = f"{view.radius:.4f}".rstrip("0").rstrip(".") or "0"
        names, spots = [view.cell.name], [base]
        for number in range(view.first, view.first + COUNT - 1):
            name = f"{view.cell.name}~{radius}/{number}"
            names.append(name)
            extra = {key: base[key] for key in (CLASS,) if key in base}
            spots.append({"name": name, **extra} if plain else {**base, "radius": view.radius, "number": number})
        return names, spots

    def _of_file(self, spot: Spot, parts: list[bytes]) -> dict[str, Any]:
        place: dict[str, Any] = {"name": spot.latent} if spot.vector is None else {"at": _put(spot.vector, parts)}
        classes = self.facts.classes if self.facts is not None else ()
        return {**place, CLASS: classes.index(spot.label)} if spot.label in classes else place

    def again(self, cell: Cell) -> Spot:
        """What draws a sample again, as the files it is written to say: its name, or its latent if it was steered."""
        if cell.latent:
            return Spot(cell.latent)
        name = cell.name if cell.name.startswith(STEERED) else f"{STEERED}{cell.name}"
        return Spot(name, cell.vector, self.label(cell))

    def spot(self, cell: Cell, parts: list[bytes], *, exact: bool = False) -> dict[str, Any]:
        """What draws a sample: by name where it has one, else its latent, put into `parts`.

        `exact`: as it is now, with all that was done to it.
        """
        if "name" in cell.spot and not exact:
            return dict(cell.spot)  # With a class where another one was asked for than the name's own.
        place: dict[str, Any] = {"at": _put(cell.vector, parts)}
        return {**place, CLASS: cell.label} if cell.label is not None else place

    def _cells(self, asked: Asked, answer: Answer, first: int = 0) -> list[Cell]:
        return cells_of(answer, asked.names[first:], asked.spots[first:], asked.captions[first:], asked.steered)

    def _take_part(self, asked: Asked, answer: Answer) -> None:
        """Show what is drawn so far; other places keep what they show, which is true of what it says."""
        first = answer.values.get("first")
        try:
            if type(first) is not int or not 0 <= first < len(asked.names):
                return
            found = self._cells(asked, answer, first)
        except UserError as error:
            self.complained.emit(error)
            return
        if self._showing is not asked and len(self.cells) != len(asked.names):
            self.cells = []
        if first > len(self.cells):
            return
        self._showing, self.room = asked, len(asked.names)
        self.cells = [*self.cells[:first], *found, *self.cells[first + len(found) :]]
        self.part_drawn.emit()

    def _take(self, asked: Asked, answer: Answer) -> None:
        try:
            found = self._cells(asked, answer)
        except UserError as error:
            self.complained.emit(error)
            return
        self._seen[asked.key] = found
        while sum(map(_bytes, self._seen.values())) > SEEN_BYTES and len(self._seen) > 1:
            self._seen.popitem(last=False)
        self._show_final(asked, found)

    def _show_final(self, asked: Asked, cells: list[Cell]) -> None:
        self._showing, self.room = asked, len(cells)
        self.cells = cells
        self.drawn.emit()

    def finish(self, cells: Sequence[Cell], then: Callable[[list[Cell]], None]) -> None:
        """Call `then` with these samples as `sample` draws them: previews among them are drawn to the end first."""
        if not any(cell.preview for cell in cells):
            then(list(cells))
            return
        parts: list[bytes] = []
        spots = [self.spot(cell, parts, exact=True) for cell in cells]
        source = self.source

        def take(answer: Answer) -> None:
            try:
                drawn = answer.pictures()
            except UserError as error:
                self.complained.emit(error)
                return
            if source == self.source and len(drawn) == len(cells):
                pairs = zip(cells, drawn, strict=True)
                then([dataclasses.replace(cell, pixels=pixels, preview=0) for cell, pixels in pairs])

        self.ask("draw", {"spots": spots}, parts, take)

    # Questions

    def ask(
        self, op: str, values: dict[str, Any], parts: Sequence[bytes], on_answer: Callable[[Answer], None],
        on_progress: Callable[[Answer], None] | None = None, on_error: Callable[[Exception], None] | None = None,
    ) -> Request | None:  # fmt: skip
        """Ask about the open model; None without one."""
        if self.source is None or self.facts is None:
            return None
        return self.drawer.ask(
            op, self.source, values, parts, on_answer, on_error or self.complained.emit, on_progress
        )  # fmt: skip

    # What is kept

    def read_kept(self) -> None:
        """Read favourites and directions of the open model."""
        self.problem = ""
        try:
            self.kept = explored(self.source.folder) if self.source is not None else Explored()
        except UserError as error:
            self.kept, self.problem = Explored(), explain(error)
            self.complained.emit(error)
        self.kept_changed.emit()

    def take_others(self) -> None:
        """Show as well what others kept of the model meanwhile, such as `project --keep`."""
        if self.source is None or self.problem:
            return
        try:
            others = self._take_others()
        except UserError as error:
            self.complained.emit(error)
            return
        if others != Explored():
            self.kept_changed.emit()

    def _take_others(self) -> Explored:
        """Add to all that is remembered what others kept meanwhile; undoing a change leaves that alone."""
        assert self.source is not None
        others = explored(self.source.folder).beyond(self.kept)
        if others != Explored():
            self.kept = self.kept.with_all(others)
            for steps in (self._undo, self._redo):
                steps[:] = [one.with_all(others) for one in steps]
        return others

    def change(self, kept: Explored) -> bool:
        """Keep something else, so that it can be undone; False if it cannot be written."""
        before = self.kept
        others = self._write(kept)
        if others is None:
            return False
        self._undo.append(before.with_all(others))
        self._redo.clear()
        return True

    def add(self, cell: Cell, name: str = "") -> bool:
        """Keep a sample."""
        iteration = self.facts.iteration if self.facts is not None else 0
        one = Favourite(name or cell.name, cell.vector, iteration, cell.name, self.label(cell), cell.latent)
        return self.change(self.kept.with_favourite(one))

    def label(self, cell: Cell) -> str:
        """The class of a sample, "" where the model has none."""
        classes = self.facts.classes if self.facts is not None else ()
        return classes[cell.label] if cell.label is not None and cell.label < len(classes) else ""

    def add_direction(self, direction: Direction) -> bool:
        """Keep a direction."""
        return self.change(self.kept.with_direction(direction))

    def undo(self) -> bool:
        """Take the last change of what is kept back; False if there is none."""
        return self._step(self._undo, self._redo)

    def redo(self) -> bool:
        """Change it again; False if nothing was undone."""
        return self._step(self._redo, self._undo)

    def _step(self, here: list[Explored], there: list[Explored]) -> bool:
        if not here:
            return False
        before = self.kept
        others = self._write(here[-1])
        if others is not None:
            here.pop()
            there.append(before.with_all(others))
        return True

    def _write(self, kept: Explored) -> Explored | None:
        """Keep this, and what others kept meanwhile, which is returned; None if it cannot be written."""
        if self.source is None:
            return None
        try:
            if self.problem:
                raise UserError(self.problem)
            others = self._take_others()
            kept = kept.with_all(others)
            keep(self.source.folder, kept)
        except UserError as error:
            self.complained.emit(error)
            return None
        self.kept = kept
        self.kept_changed.emit()
        return others


def is_plain(cell: Cell) -> bool:
    """Whether variations of a sample can be named after it."""
    return "~" not in cell.spot.get("name", "~")


def _bytes(cells: list[Cell]) -> int:
    return sum(cell.pixels.nbytes + cell.vector.nbytes for cell in cells)


def _put(vector: Vector, parts: list[bytes]) -> int:
    parts.append(vector.astype("<f4").tobytes())
    return len(parts) - 1


def path_names(names: Sequence[str], steps: int) -> list[str]:
    """What the pictures on a path are called: the points, and between them how far it is."""
    found = []
    for name in names[:-1]:
        found += [name, *(f"{100 * step // steps} %" for step in range(1, steps))]
    return [*found, names[-1]]
