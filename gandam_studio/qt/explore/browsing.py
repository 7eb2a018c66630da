"""What the grid of Explore shows: random samples, variations, a path through favourites; details of one mixed in."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from gandam_studio.qt.counts import sprites
from gandam_studio.qt.explore import explorer as views
from gandam_studio.qt.explore.cells import Cell
from gandam_studio.qt.explore.controls import LARGEST_SEED, SourceBar, ViewHeader
from gandam_studio.qt.explore.explorer import Explorer
from gandam_studio.qt.explore.favourites import Favourites
from gandam_studio.qt.session import INFO, Session
from trainer.protocol.untrusted import shortened


class Browsing(QObject):
    """Attributes:
        chosen: tells the chosen sample. place: tells its number in the grid. next_place: that of the one to be chosen
            among the samples being drawn, None for no other.

    Signals:
        changed: another view is shown, or mixing began or ended. left: it was gone back from a view.
    """

    changed = Signal()
    left = Signal()

    def __init__(
        self, window: QWidget, explorer: Explorer, bar: SourceBar, header: ViewHeader, favourites: Favourites,
        session: Session,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._explorer, self._bar, self._header = explorer, bar, header
        self._favourites, self._session = favourites, session
        self.chosen: Callable[[], Cell | None] = lambda: None
        self.place: Callable[[], int] = lambda: 0
        self.next_place: int | None = None
        self._seeds, self._seed_at = [0], 0
        self._before: views.View | None = None  # what Escape goes back to
        self._place_before = 0
        bar.seed.valueChanged.connect(self._show_seed)
        bar.dice.clicked.connect(lambda _checked=False: self.another_seed())
        bar.variety.valueChanged.connect(self._set_variety)
        bar.kinds.currentIndexChanged.connect(lambda index: explorer.set_kind(index - 1 if index > 0 else None))
        explorer.opened.connect(self._show_kinds)
        header.radius.valueChanged.connect(lambda _value: self._set_radius())
        header.steps.valueChanged.connect(lambda _value: self._set_steps())
        header.back_button.clicked.connect(lambda _checked=False: self.back())
        header.mix_stage.valueChanged.connect(lambda value: explorer.set_mix(explorer.mix, value))
        header.mix_end.clicked.connect(lambda _checked=False: self.end_mix())
        explorer.view_changed.connect(self.show_view)

    # Random samples

    def another_seed(self) -> None:
        """Other random samples: those seen next, after going back, or new ones."""
        at = self._seed_at + 1
        self._bar.seed.setValue(self._seeds[at] if at < len(self._seeds) else secrets.randbelow(LARGEST_SEED + 1))

    def earlier_seed(self) -> None:
        """The random samples seen before."""
        if self._seed_at > 0:
            self._seed_at -= 1
            self._bar.seed.setValue(self._seeds[self._seed_at])

    def _show_seed(self, seed: int) -> None:
        if self._seeds[self._seed_at] != seed:
            if self._seeds[self._seed_at + 1 : self._seed_at + 2] != [seed]:
                del self._seeds[self._seed_at + 1 :]
                self._seeds.append(seed)
            self._seed_at += 1
        self.next_place = None
        self._explorer.show(views.Random(seed))

    def _show_kinds(self) -> None:
        facts = self._explorer.facts
        self._bar.show_kinds(facts.classes if facts is not None else (), self._explorer.kind)

    def _set_variety(self, value: int) -> None:
        self._bar.variety_value.setText(f"{value} %")
        self._explorer.set_truncation(value / 100)

    # Variations

    def show_around(self) -> None:
        """Variations of the chosen sample."""
        if (cell := self.chosen()) is not None:
            self._around(cell)

    def around_favourite(self, number: int) -> None:
        """Variations of a favourite."""
        self._around(self._favourites.cell(number))

    def _around(self, cell: Cell) -> None:
        self._remember()
        self.next_place = 0
        self._explorer.show(views.Around(cell, self._header.radius.value() / 100))

    def other_variations(self) -> None:
        """Other variations of the same sample."""
        view = self._explorer.view
        if isinstance(view, views.Around):
            self._explorer.show(views.Around(view.cell, view.radius, view.first + views.COUNT - 1))
        else:
            self.show_around()

    def _set_radius(self) -> None:
        percent = self._header.radius.value()
        self._header.radius_value.setText(f"{percent} %")
        view = self._explorer.view
        if isinstance(view, views.Around):
            self._explorer.show(views.Around(view.cell, percent / 100, view.first))

    # Paths

    def show_path(self) -> None:
        """The path through the chosen favourites, or through all if fewer than two are chosen."""
        cells = self._favourites.chosen if len(self._favourites.chosen) > 1 else self._favourites.all
        if len(cells) < 2:
            self._session.post(self.tr("A path needs at least two favourites: keep samples with U."), INFO)
            return
        self._remember()
        self._explorer.show(views.Path(tuple(cells), self._steps_for(len(cells))))

    def _steps_for(self, points: int) -> int:
        return max(2, min(self._header.steps.value(), views.MOST_ON_PATH // max(1, points - 1)))

    def _set_steps(self) -> None:
        view = self._explorer.view
        if isinstance(view, views.Path):
            self._explorer.show(views.Path(view.cells, self._steps_for(len(view.cells))))

    # There and back

    def _remember(self) -> None:
        if isinstance(self._explorer.view, views.Random):
            self._before, self._place_before = self._explorer.view, self.place()

    def back(self) -> None:
        """End mixing, or go back to random samples."""
        if self._explorer.mix is not None:
            self.end_mix()
        elif not isinstance(self._explorer.view, views.Random):
            if self._before is not None:
                self.next_place = self._place_before
            self._explorer.show(self._before or views.Random(self._bar.seed.value()))
        self.left.emit()

    def mix(self) -> None:
        """Give all samples the details of the chosen one."""
        cell, facts = self.chosen(), self._explorer.facts
        if cell is None or facts is None or facts.stages < 2:
            return
        stage = self._header.mix_stage
        stage.blockSignals(True)
        stage.setValue(max(1, facts.stages // 2))
        stage.blockSignals(False)
        self._explorer.set_mix(cell, stage.value())
        self.show_view()

    def end_mix(self) -> None:
        """Let every sample have its own details again."""
        if self._explorer.mix is not None:
            self._explorer.set_mix(None)
        self.show_view()

    def show_view(self) -> None:
        """Name what is shown, and show the controls that belong to it."""
        explorer, header, view = self._explorer, self._header, self._explorer.view
        if isinstance(view, views.Random):
            header.heading.setText(self.tr("{0} random samples, none left out").format(views.COUNT))
            if view.seed != self._bar.seed.value():
                self._bar.seed.blockSignals(True)
                self._bar.seed.setValue(view.seed)
                self._bar.seed.blockSignals(False)
        elif isinstance(view, views.Around):
            header.heading.setText(self.tr("Variations of {0}").format(shortened(view.cell.name, 40)))
            header.radius_value.setText(f"{header.radius.value()} %")
        elif isinstance(view, views.Opened):
            text = self.tr("{0} of {1}").format(sprites(len(view.spots)), shortened(view.file, 40))
            header.heading.setText(text)
        else:
            header.heading.setText(self.tr("A path through {0} favourites").format(len(view.cells)))
        random, around = isinstance(view, views.Random), isinstance(view, views.Around)
        header.back_button.setVisible(not random)
        header.radius_box.setVisible(around)
        header.path_box.setVisible(isinstance(view, views.Path))
        header.mix_box.setVisible(explorer.mix is not None)
        if explorer.mix is not None:
            header.mix_label.setText(self.tr("Details of {0}").format(shortened(explorer.mix.name, 24)))
        plain = random or (isinstance(view, views.Around) and views.is_plain(view.cell))
        self._bar.variety_box.setEnabled(plain)
        self._bar.kinds.setEnabled(random)  # Variations and paths keep the class of what they come from.
        self.changed.emit()
