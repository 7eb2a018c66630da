"""Keeps favourites: adds, renames, moves and removes them, and draws their pictures."""

from __future__ import annotations

import dataclasses

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs.drawing import Answer
from gandam_studio.core.runs.explored import Favourite
from gandam_studio.core.texts import LONGEST_LABEL, checked
from gandam_studio.qt.explore.cells import Cell, cells_of
from gandam_studio.qt.explore.explorer import Explorer
from gandam_studio.qt.explore.favourites_bar import FavouritesBar
from gandam_studio.qt.failures import explain
from gandam_studio.qt.session import ERROR, SUCCESS, Session
from trainer.protocol.drawing import CLASS, LATER


class Favourites(QObject):
    """Signals:
    shown: a favourite is to be the chosen sample (`Cell`).
    """

    shown = Signal(object)

    def __init__(self, window: QWidget, explorer: Explorer, bar: FavouritesBar, session: Session) -> None:
        super().__init__(window)
        self._explorer, self._bar, self._session = explorer, bar, session
        self._cells: dict[tuple[bytes, str], Cell] = {}
        explorer.kept_changed.connect(self.refresh)
        explorer.opened.connect(self._draw_anew)
        bar.shown.connect(lambda number: self.shown.emit(self.cell(number)))
        bar.renamed.connect(self._rename)
        bar.remove_wanted.connect(self.remove)
        bar.reordered.connect(self._reorder)

    def cell(self, number: int) -> Cell:
        """A favourite as a sample."""
        one = self._explorer.kept.favourites[number]
        found = self._cells.get(_key(one))
        side = self._explorer.facts.size if self._explorer.facts is not None else 1
        pixels = found.pixels if found is not None else np.zeros((side, side, 3), np.uint8)
        preview = found.preview if found is not None else 1
        return Cell(one.name, pixels, one.vector, self._label(one), latent=one.latent, preview=preview)

    @property
    def all(self) -> list[Cell]:
        """All favourites as samples."""
        return [self.cell(number) for number in range(len(self._explorer.kept.favourites))]

    @property
    def chosen(self) -> list[Cell]:
        """Those that are chosen."""
        return [self.cell(number) for number in self._bar.chosen]

    def edit_name(self) -> None:
        """Let the name of the current one be typed."""
        self._bar.edit_current()

    def _label(self, one: Favourite) -> int | None:
        classes = self._explorer.facts.classes if self._explorer.facts is not None else ()
        if not classes:
            return None
        return classes.index(one.label) if one.label in classes else 0

    def holds(self, cell: Cell) -> bool:
        """Whether a sample is kept."""
        return any(self._is_of(one, cell) for one in self._explorer.kept.favourites)

    def _is_of(self, one: Favourite, cell: Cell) -> bool:
        return np.array_equal(one.vector, cell.vector) and self._label(one) == cell.label

    def toggle(self, cell: Cell) -> None:
        """Keep a sample, or no longer keep it."""
        kept = self._explorer.kept
        same = [one for one in kept.favourites if self._is_of(one, cell)]
        if same:
            rest = tuple(one for one in kept.favourites if not self._is_of(one, cell))
            if self._explorer.change(dataclasses.replace(kept, favourites=rest)):
                self._session.post(self.tr("Removed from the favourites. Ctrl+Z brings it back."), SUCCESS)
            return
        self._cells[cell.vector.tobytes(), self._explorer.label(cell)] = cell
        if self._explorer.add(cell):
            self._session.post(self.tr("Kept as {0}. F2 renames it.").format(self._explorer.kept.favourites[-1].name))

    def remove(self) -> None:
        """Remove the chosen ones."""
        chosen = set(self._bar.chosen)
        kept = self._explorer.kept
        if not chosen:
            return
        rest = tuple(one for number, one in enumerate(kept.favourites) if number not in chosen)
        if self._explorer.change(dataclasses.replace(kept, favourites=rest)):
            self._session.post(self.tr("Removed from the favourites. Ctrl+Z brings it back."), SUCCESS)

    def _rename(self, number: int, text: str) -> None:
        kept = self._explorer.kept
        favourites = list(kept.favourites)
        if favourites[number].name == text:
            return
        try:
            name = checked(text, self.tr("the name"), LONGEST_LABEL)
            if not name or any(one.name == name for at, one in enumerate(favourites) if at != number):
                raise UserError(self.tr("A favourite needs a name of its own."))
        except UserError as error:
            self._session.post(explain(error), ERROR)
            self.refresh()
            return
        favourites[number] = dataclasses.replace(favourites[number], name=name)
        if not self._explorer.change(dataclasses.replace(kept, favourites=tuple(favourites))):
            self.refresh()

    def _reorder(self, order: list[int]) -> None:
        kept = self._explorer.kept
        if sorted(order) == list(range(len(kept.favourites))):
            self._explorer.change(dataclasses.replace(kept, favourites=tuple(kept.favourites[i] for i in order)))

    def refresh(self) -> None:
        """Show what is kept; pictures that are not known yet are drawn."""
        favourites = self._explorer.kept.favourites
        cells = [self._cells.get(_key(one)) for one in favourites]
        unknown = [one for one, cell in zip(favourites, cells, strict=True) if cell is None or cell.preview]
        images = [cell.image() if cell is not None else _blank() for cell in cells]
        self._bar.show_favourites([one.name for one in favourites], images)
        if unknown:
            self._draw(unknown)

    def _draw_anew(self) -> None:
        """Another checkpoint draws other pictures of the same latents."""
        self._cells.clear()
        self.refresh()

    def _draw(self, favourites: list[Favourite]) -> None:
        facts = self._explorer.facts
        if facts is None:
            return
        # What another model kept cannot be drawn by this one.
        fitting = [one for one in favourites if len(one.vector) in (facts.latent, facts.latent * facts.stages)][:1000]
        if not fitting:
            return
        spots = []
        for number, one in enumerate(fitting):
            label = self._label(one)
            spots.append({"at": number, **({CLASS: label} if label is not None else {})})
        parts = [one.vector.astype("<f4").tobytes() for one in fitting]

        def take(answer: Answer) -> None:
            try:
                cells = cells_of(answer, [one.name for one in fitting])
            except UserError:
                return
            for one, cell in zip(fitting, cells, strict=True):
                self._cells[_key(one)] = dataclasses.replace(cell, vector=one.vector)
            if all(_key(one) in self._cells for one in fitting):
                self.refresh()

        # After what is asked for on the grid: a flow takes seconds for many.
        self._explorer.ask("draw", {"spots": spots, LATER: True}, parts, take)


def _key(one: Favourite) -> tuple[bytes, str]:
    """Equal for favourites that are drawn alike."""
    return one.vector.tobytes(), one.label


def _blank() -> QImage:
    image = QImage(8, 8, QImage.Format.Format_ARGB32)
    image.fill(0)
    return image
