"""Asks for the real pictures nearest to the chosen sample, and shows them beside it."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from gandam_studio.core.runs.drawing import Answer
from gandam_studio.qt.explore.cells import Cell
from gandam_studio.qt.explore.drawer import Stream
from gandam_studio.qt.explore.explorer import Explorer
from gandam_studio.qt.explore.sample_panel import NEAREST, SamplePanel


class Nearest(QObject):
    """Answers the panel whenever a sample has been chosen for a while."""

    def __init__(self, window: QWidget, explorer: Explorer, panel: SamplePanel) -> None:
        super().__init__(window)
        self._explorer, self._panel = explorer, panel
        self._stream = Stream(explorer.drawer, self._take, self._miss)
        panel.nearest_wanted.connect(self._ask)

    def forget(self) -> None:
        """Abandon a question that is under way."""
        self._stream.forget()

    def _ask(self) -> None:
        cell, facts, source = self._panel.cell, self._explorer.facts, self._explorer.source
        if cell is None or facts is None or source is None or cell.preview:
            return  # The final sample is shown, and asked about, when it is drawn.
        if not facts.compares:
            self._panel.show_nearest(None, self.tr("The training pictures of this model are missing."))
            return
        values = {"shape": list(cell.pixels.shape), "count": NEAREST}
        self._stream.ask(cell, "nearest", source, values, [cell.pixels.tobytes()])

    def _take(self, cell: Cell, answer: Answer) -> None:
        if cell is self._panel.cell:
            self._panel.show_nearest(answer, "")

    def _miss(self, error: Exception) -> None:
        self._panel.show_nearest(None, str(error))
