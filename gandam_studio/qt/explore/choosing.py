"""Which sample is chosen, in the grid or among the favourites, and what is marked on the samples."""

from __future__ import annotations

import dataclasses

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from gandam_studio.qt.explore.cells import Cell
from gandam_studio.qt.explore.explorer import Explorer
from gandam_studio.qt.explore.favourites import Favourites
from gandam_studio.qt.explore.grid import FAVOURITE, LatentGrid
from gandam_studio.qt.explore.sample_panel import SamplePanel
from gandam_studio.qt.explore.steering import Steering


class Choosing(QObject):
    """Shows the chosen sample beside the grid, and marks favourites and picks in it."""

    def __init__(
        self, window: QWidget, explorer: Explorer, grid: LatentGrid, panel: SamplePanel, favourites: Favourites,
        steering: Steering,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._explorer, self._grid, self._panel = explorer, grid, panel
        self._favourites, self._steering = favourites, steering
        self._favourite: Cell | None = None
        grid.current_changed.connect(self.show_grids)
        favourites.shown.connect(self._show_favourite)
        explorer.kept_changed.connect(self._follow_favourite)

    @property
    def chosen(self) -> Cell | None:
        """The chosen sample: of the grid, or a favourite that was clicked."""
        return self._favourite or self._grid.chosen

    @property
    def selected(self) -> list[Cell]:
        """The samples that are selected in the grid."""
        return [cell for index, cell in enumerate(self._grid.cells) if index in self._grid.selected]

    def show_grids(self) -> None:
        """The grid's own is the chosen one again."""
        self._favourite = None
        self._show()

    def _show_favourite(self, cell: Cell) -> None:
        self._favourite = cell
        self._show()

    def _follow_favourite(self) -> None:
        """The favourite that is shown may have another name now, or be none any more."""
        if self._favourite is None:
            return
        vector = self._favourite.vector.tobytes()
        names = [one.name for one in self._explorer.kept.favourites if one.vector.tobytes() == vector]
        self._favourite = dataclasses.replace(self._favourite, name=names[0]) if names else None
        self._show()

    def _show(self) -> None:
        cell, facts = self.chosen, self._explorer.facts
        about = ""
        if cell is not None and facts is not None:
            about = self.tr("Iteration {0:,}, {1} × {1} pixels").format(facts.iteration, facts.size)
            if cell.label is not None and cell.label < len(facts.classes):
                about += "\n" + self.tr("Class: {0}").format(facts.classes[cell.label])
        self._panel.show_cell(cell, about)
        self._panel.show_kept(cell is not None and cell.vector.tobytes() in self._kept)

    def keep(self) -> None:
        """Keep the chosen sample, or remove it from the favourites if it is one."""
        if (cell := self.chosen) is not None:
            self._favourites.toggle(cell)
            self.mark()

    def pick(self, kind: str) -> None:
        """Have more, or less, of what the chosen sample has."""
        if (cell := self.chosen) is not None:
            self._steering.pick(cell, kind)
            self.mark()

    def forget_picks(self) -> None:
        """Have picked nothing."""
        self._steering.forget()
        self.mark()

    @property
    def _kept(self) -> set[bytes]:
        return {one.vector.tobytes() for one in self._explorer.kept.favourites}

    def mark(self) -> None:
        """Show which samples are favourites and picks."""
        kept, chosen = self._kept, self.chosen
        self._panel.show_kept(chosen is not None and chosen.vector.tobytes() in kept)
        marks: dict[int, list[str]] = {}
        for index, cell in enumerate(self._grid.cells):
            own = [FAVOURITE] if cell.vector.tobytes() in kept else []
            if (pick := self._steering.pick_of(cell)) is not None:
                own.append(pick)
            if own:
                marks[index] = own
        self._grid.set_marks(marks)
