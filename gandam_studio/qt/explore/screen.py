"""The Explore screen: random samples of a checkpoint, steered by seed, variety and directions; favourites and paths."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, Qt, QTimer
from PySide6.QtGui import QAction, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs import RunSummary
from gandam_studio.core.runs.drawing import Answer, Source
from gandam_studio.qt import theme
from gandam_studio.qt.explore import explorer as views
from gandam_studio.qt.explore.cells import Cell
from gandam_studio.qt.explore.controls import LARGEST_SEED, SourceBar, ViewHeader, tool
from gandam_studio.qt.explore.directions_panel import DirectionsPanel
from gandam_studio.qt.explore.drawer import Drawer, Stream
from gandam_studio.qt.explore.explorer import Explorer
from gandam_studio.qt.explore.favourites import Favourites
from gandam_studio.qt.explore.favourites_bar import FavouritesBar
from gandam_studio.qt.explore.grid import FAVOURITE, LESS, MORE, LatentGrid
from gandam_studio.qt.explore.sample_panel import NEAREST, SamplePanel
from gandam_studio.qt.explore.steering import Steering
from gandam_studio.qt.explore.taking_out import TakingOut
from gandam_studio.qt.following.requests import ExploreRun
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.screen import EmptyState, Screen, ScreenMenu
from gandam_studio.qt.session import ERROR, INFO, Session
from gandam_studio.qt.widgets.drop_frame import DropFrame, TakesDrops
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import shortened

SIDE_WIDTH = 344
REST_MS = 5 * 60 * 1000
"""How long the screen is hidden before its process ends."""


class ExploreScreen(TakesDrops, Screen):
    """Attributes:
    explorer: what is shown and kept. grid: the samples. sample: the chosen one, beside it. directions: sliders.
    favourites: below the grid. bar, header: above it. runs, checkpoints, seed, variety, radius: controls in these.
    """

    title = "Explore"
    icon_name = "explore"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.drawer = Drawer(self)
        self.explorer = Explorer(self.drawer, self)
        self.grid = LatentGrid()
        self.grid.setAccessibleName(self.tr("Samples"))
        self.sample = SamplePanel()
        self.directions = DirectionsPanel()
        self.favourites = FavouritesBar()
        self._nearest = Stream(self.drawer, self._take_nearest, self._miss_nearest)
        self._wanted: ExploreRun | None = None
        self._shown_favourite: Cell | None = None
        self._before: views.View | None = None  # what Escape goes back to
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._sleep)
        self._asleep = False
        self._first_next = False  # whether the first of the samples that are being drawn is to be chosen
        self._seeds, self._seed_at = [0], 0
        self.bar, self.header = SourceBar(session), ViewHeader()
        self.runs, self.checkpoints = self.bar.runs, self.bar.checkpoints
        self.seed, self.variety, self.radius = self.bar.seed, self.bar.variety, self.header.radius
        self.steering = Steering(self, self.explorer, self.directions, session)
        self.keeping = Favourites(self, self.explorer, self.favourites, session)
        self.taking_out = TakingOut(self, self.explorer, session)
        self.taking_out.chosen = lambda: self.chosen
        self.taking_out.keep = self.keeping.toggle
        self._lay_out()
        self._make_actions()
        self._connect()
        self._show_view()
        self.setAcceptDrops(True)
        self.drop_frame = DropFrame(self)

    # Building

    def _lay_out(self) -> None:
        self.favourites_title = QLabel()
        self.favourites_title.setProperty("role", "section")
        self.path_button = tool("runs", self.tr("Path through favourites"), self.tr("Path"))
        self.project_button = tool("search", self.tr("Find a picture…"), self.tr("Find a picture…"))
        below = QHBoxLayout()
        below.setSpacing(theme.SPACE)
        below.addWidget(self.favourites_title)
        below.addStretch(1)
        below.addWidget(self.project_button)
        below.addWidget(self.path_button)
        main = QWidget()
        column = QVBoxLayout(main)
        column.setContentsMargins(14, theme.SPACE, 14, theme.SPACE)
        column.setSpacing(theme.HALF + 2)
        column.addWidget(self.header)
        column.addWidget(self.grid, 1)
        column.addLayout(below)
        column.addWidget(self.favourites)
        pages = QHBoxLayout()
        pages.setContentsMargins(0, 0, 0, 0)
        pages.setSpacing(0)
        pages.addWidget(main, 1)
        pages.addWidget(self._side())
        body = QWidget()
        body.setLayout(pages)
        self.pages = QStackedWidget()
        self.empty = EmptyState(
            "explore",
            self.tr("No trained run yet"),
            self.tr("Explore steers a trained model: samples by seed, directions, paths and variations."),
        )
        self.empty.add_button(self.tr("Start a run"), lambda: self.screen_requested.emit("Train", None), primary=True)
        self.empty.add_button(self.tr("Open a run or model…"), self.ask_open, icon="folder")
        self.pages.addWidget(body)
        self.pages.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.bar)
        layout.addWidget(self.pages, 1)

    def _side(self) -> QWidget:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(14, theme.SPACE + theme.HALF, 14, theme.SPACE)
        column.setSpacing(theme.SPACE)
        title = QLabel(self.tr("Directions"))
        title.setProperty("role", "section")
        title.setToolTip(self.tr("Each slider changes all samples the same way, one thing at a time."))
        self.learn_button = tool("plus", self.tr("Learn from picks"), self.tr("Learn from picks"))
        self.tag_button = tool("tag", self.tr("Learn from a tag…"), self.tr("Learn from a tag…"))
        learning = QHBoxLayout()
        learning.setSpacing(theme.HALF)
        learning.addWidget(self.learn_button)
        learning.addWidget(self.tag_button)
        learning.addStretch(1)
        line = QFrame()
        line.setProperty("role", "line")
        column.addWidget(self.sample)
        column.addWidget(line)
        column.addWidget(title)
        column.addWidget(self.directions)
        column.addLayout(learning)
        column.addWidget(self.sample.nearest)
        column.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inner)
        side = QFrame()
        side.setProperty("role", "side")
        side.setFixedWidth(SIDE_WIDTH)
        outer = QVBoxLayout(side)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        return side

    def _make_actions(self) -> None:
        act = self.add_action
        self.seed_action = act(self.tr("&Another seed"), self.another_seed, "N", icon="sample")
        self.earlier_seed_action = act(self.tr("&Earlier seed"), self.earlier_seed, "P")
        self.keep_action = act(self.tr("&Keep"), self.keep, "U", icon="star")
        self.around_action = act(self.tr("&Variations"), self.show_around, "A", icon="sample")
        self.more_around_action = act(self.tr("&Other variations"), self.other_variations, "Shift+A")
        self.mix_action = act(self.tr("&Mix: all with its details"), self.mix, "Shift+M", icon="onion")
        self.path_action = act(self.tr("&Path through favourites"), self.show_path, "I", icon="runs")
        self.film_action = act(self.tr("&Film of the path…"), self.taking_out.film, "Ctrl+Shift+M", icon="play")
        self.back_action = act(self.tr("&Back"), self.back, "Escape", icon="chevron-left")
        self.project_action = act(self.tr("F&ind a picture…"), self.ask_picture, "Ctrl+Shift+P", icon="search")
        self.project_nearest_action = act(self.tr("Find its nearest &training picture"), self.project_nearest)
        self.paste_action = act(self.tr("Find the &pasted picture"), self.paste, "Ctrl+Shift+V")
        self.open_action = act(self.tr("&Open another run or model…"), self.ask_open, icon="folder")
        self.save_action = act(self.tr("&Save the sample as PNG…"), self.taking_out.save, "Ctrl+E", icon="save")
        self.hand_over_action = act(
            self.tr("Hand over all &samples…"), self.taking_out.hand_over, "Ctrl+M", icon="export"
        )
        self.hand_over_favourites_action = act(self.tr("Hand over the fa&vourites…"), self.hand_over_favourites)
        self.copy_action = act(self.tr("&Copy the sample"), self.taking_out.copy, "Ctrl+C")
        self.model_action = act(self.tr("&Hand the model over…"), self.hand_over_model, icon="export")
        self.copy_seed_action = act(self.tr("Copy its s&eed"), self.taking_out.copy_seed)
        self.more_action = act(self.tr("&More like this"), partial(self.pick, MORE), "Y", icon="plus")
        self.less_action = act(self.tr("&Less like this"), partial(self.pick, LESS), "Shift+Y", icon="minus")
        self.forget_action = act(self.tr("&Forget the picks"), self.forget_picks)
        self.learn_action = act(self.tr("Learn from &picks"), self.steering.learn, "Ctrl+Shift+L")
        self.tag_action = act(self.tr("Learn from a &tag…"), self.steering.ask_tag, icon="tag")
        self.reset_action = act(self.tr("&Reset the sliders"), self.directions.reset, "Backspace", icon="undo")
        self.rename_action = act(self.tr("Re&name the favourite"), self.favourites.edit_current, "F2")
        self.remove_action = act(
            self.tr("Remo&ve the chosen favourites"), self.keeping.remove, ["X", "Delete"], icon="trash"
        )

    def menus(self) -> list[ScreenMenu]:
        """The Sample, Explore and Directions menus."""
        return [
            ScreenMenu(self.tr("&Sample"), (
                self.keep_action, self.around_action, self.more_around_action, self.mix_action, None,
                self.save_action, self.hand_over_action, self.copy_action, self.copy_seed_action, None,
                self.rename_action, self.remove_action, self.hand_over_favourites_action,
            )),
            ScreenMenu(self.tr("E&xplore"), (
                self.seed_action, self.earlier_seed_action, self.path_action, self.film_action, self.back_action, None,
                self.project_action, self.paste_action, self.project_nearest_action, None, self.open_action,
                self.model_action,
            )),
            ScreenMenu(self.tr("&Directions"), (
                self.more_action, self.less_action, self.forget_action, self.learn_action, self.tag_action, None,
                self.reset_action,
            )),
        ]  # fmt: skip

    def _connect(self) -> None:
        index, explorer = self.session.run_index, self.explorer
        index.changed.connect(self._take_runs)
        self.runs.currentIndexChanged.connect(lambda _index: self._change_run())
        self.checkpoints.currentIndexChanged.connect(lambda _index: self._open_chosen())
        self.checkpoints.listed.connect(self._follow_list)
        self.seed.valueChanged.connect(lambda value: self._show_seed(value))
        self.bar.dice.clicked.connect(lambda _checked=False: self.another_seed())
        self.bar.open_button.clicked.connect(lambda _checked=False: self.ask_open())
        self.variety.valueChanged.connect(self._set_variety)
        self.radius.valueChanged.connect(lambda _value: self._set_radius())
        self.header.steps.valueChanged.connect(lambda _value: self._set_steps())
        self.header.back_button.clicked.connect(lambda _checked=False: self.back())
        self.header.film_button.clicked.connect(lambda _checked=False: self.taking_out.film())
        self.path_button.clicked.connect(lambda _checked=False: self.show_path())
        self.project_button.clicked.connect(lambda _checked=False: self.ask_picture())
        self.learn_button.clicked.connect(lambda _checked=False: self.steering.learn())
        self.tag_button.clicked.connect(lambda _checked=False: self.steering.ask_tag())
        self.header.mix_stage.valueChanged.connect(lambda value: explorer.set_mix(explorer.mix, value))
        self.header.mix_end.clicked.connect(lambda _checked=False: self._end_mix())
        self.grid.current_changed.connect(self._choose)
        self.grid.activated.connect(self.show_around)
        self.grid.menu_requested.connect(self._show_menu)
        self.sample.keep_wanted.connect(self.keep)
        self.sample.around_wanted.connect(self.show_around)
        self.sample.menu_wanted.connect(self._show_menu_below)
        self.sample.nearest_wanted.connect(self._ask_nearest)
        self.favourites.around_wanted.connect(self._around_favourite)
        self.favourites.chosen_changed.connect(self._name_favourites)
        explorer.opening.connect(self._show_opening)
        explorer.opened.connect(self._show_opened)
        explorer.failed.connect(self._show_failed)
        explorer.drawn.connect(self._show_cells)
        explorer.view_changed.connect(self._show_view)
        explorer.kept_changed.connect(self._name_favourites)
        explorer.complained.connect(self._complain)
        self.keeping.shown.connect(self._show_favourite)

    # Life cycle

    @property
    def work_view(self) -> QWidget:
        """The grid."""
        return self.grid

    def activated(self) -> None:
        """Bring the runs up to date, and the process back if it rests."""
        self._rest.stop()
        index = self.session.run_index
        index.watch(True)
        self._list_new_checkpoints()
        if index.is_read:
            self._take_runs(index.runs)
        if self._asleep:
            self._asleep = False
            self.explorer.redraw()

    def _list_new_checkpoints(self) -> None:
        """A run that trains keeps new ones meanwhile; the chosen one stays."""
        source = self.explorer.source
        if source is None or self.checkpoints.chosen is None:
            return
        self.checkpoints.blockSignals(True)
        self.checkpoints.show_run(RunDirectory(source.folder), same=True)
        self.checkpoints.blockSignals(False)
        self._open_chosen()

    def deactivated(self) -> None:
        """Look for nothing; after a while the process ends."""
        self.session.run_index.watch(False)
        self.sample.stop()
        self._rest.start()

    def closing(self) -> None:
        """End the process."""
        self._rest.stop()
        self.sample.stop()
        self.drawer.close()

    def showEvent(self, event: QShowEvent) -> None:
        """Give the keys to the grid."""
        super().showEvent(event)
        self.grid.setFocus()

    def _sleep(self) -> None:
        self._asleep = True
        self.explorer.pause()
        self._nearest.forget()
        self.drawer.rest()

    def receive(self, request: object) -> None:
        """Explore a run (`ExploreRun`)."""
        if isinstance(request, ExploreRun):
            self._wanted = request
            self._take_runs(self.session.run_index.runs)

    def take_undo(self) -> bool:
        """Take back the last change of favourites and directions, if this screen made one."""
        return self.explorer.undo()

    def take_redo(self) -> bool:
        """Make it again."""
        return self.explorer.redo()

    # Runs and checkpoints

    def _take_runs(self, found: Sequence[RunSummary]) -> None:
        """List the runs that have something to draw with; one that was opened from elsewhere stays."""
        if not self.isVisible() and self._wanted is None:
            return
        asked, source = self._wanted, self.explorer.source
        wanted = asked.folder if asked is not None else self.runs.currentData()
        listed = {run.folder: shortened(run.title, 60) for run in reversed(found) if run.state.checkpoint}
        for folder in (wanted, source.folder if source is not None else None):
            if folder is not None:
                listed.setdefault(folder, shortened(folder.name, 60))
        self.runs.blockSignals(True)
        if list(listed.items()) != [(self.runs.itemData(i), self.runs.itemText(i)) for i in range(self.runs.count())]:
            self.runs.clear()
            for folder, text in listed.items():
                self.runs.addItem(text, folder)
        self.runs.setCurrentIndex(list(listed).index(wanted) if wanted is not None else 0)
        self.runs.blockSignals(False)
        self.pages.setCurrentIndex(0 if listed else 1)
        self.bar.setVisible(bool(listed))
        if listed and (asked is not None or source is None or source.folder != self.runs.currentData()):
            self._change_run()
        self._wanted = None

    def _change_run(self) -> None:
        folder = self.runs.currentData()
        if folder is None:
            return
        moment = self._wanted.moment if self._wanted is not None else None
        self.checkpoints.blockSignals(True)
        self.checkpoints.show_run(RunDirectory(folder), moment)
        self.checkpoints.blockSignals(False)
        self._open_chosen()

    def _open_chosen(self) -> None:
        folder = self.runs.currentData()
        if folder is None:
            return
        chosen = self.checkpoints.chosen
        self.checkpoints.setVisible(chosen is not None)
        source = Source(folder, chosen.name if chosen is not None else None)
        if source != self.explorer.source:
            self.explorer.open(source)

    def _follow_list(self) -> None:
        """The list was read again, with quality; the choice stays unless its checkpoint is gone."""
        if self.explorer.source is not None and self.checkpoints.chosen is not None:
            self._open_chosen()

    def ask_open(self) -> None:
        """Ask for the folder of a run, or of an exported model, from anywhere."""
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Open the folder of a run or of an exported model"))
        if chosen:
            self.open_folder(Path(chosen))

    def open_folder(self, folder: Path) -> None:
        """Explore a run or an exported model of any folder."""
        self.receive(ExploreRun(folder))

    def _show_opening(self) -> None:
        self.grid.show_message(self.tr("Loading the model…"))
        self.sample.show_cell(None)
        self.directions.clear()
        self._enable()

    def _show_opened(self) -> None:
        facts = self.explorer.facts
        assert facts is not None
        self.header.mix_stage.setRange(1, max(1, facts.stages - 1))
        self._end_mix()
        self.steering.begin()
        self._show_view()
        self._enable()

    def _show_failed(self, text: str) -> None:
        self.grid.show_message(text)
        self._enable()

    def _complain(self, error: Exception) -> None:
        self.session.post(str(error), ERROR)

    def _enable(self) -> None:
        ready = self.explorer.facts is not None
        mixes = ready and self.explorer.facts is not None and self.explorer.facts.stages > 1
        compares = ready and self.explorer.facts is not None and self.explorer.facts.compares
        for action in (
            self.seed_action, self.keep_action, self.around_action, self.path_action, self.project_action,
            self.paste_action, self.save_action, self.copy_action, self.copy_seed_action, self.more_action,
            self.less_action, self.earlier_seed_action, self.learn_action, self.reset_action, self.more_around_action,
            self.hand_over_action,
        ):  # fmt: skip
            action.setEnabled(ready)
        self.mix_action.setEnabled(mixes)
        self.model_action.setEnabled(self.explorer.source is not None and self.explorer.source.checkpoint is not None)
        for part in (self.tag_action, self.tag_button, self.project_nearest_action):
            part.setEnabled(compares)
        for button in (self.project_button, self.bar.dice):
            button.setEnabled(ready)
        self._name_favourites()

    # Views

    def another_seed(self) -> None:
        """Other random samples: those seen next, after going back, or new ones."""
        at = self._seed_at + 1
        self.seed.setValue(self._seeds[at] if at < len(self._seeds) else secrets.randbelow(LARGEST_SEED + 1))

    def earlier_seed(self) -> None:
        """The random samples seen before."""
        if self._seed_at > 0:
            self._seed_at -= 1
            self.seed.setValue(self._seeds[self._seed_at])

    def _show_seed(self, seed: int) -> None:
        if self._seeds[self._seed_at] != seed:
            if self._seeds[self._seed_at + 1 : self._seed_at + 2] != [seed]:
                del self._seeds[self._seed_at + 1 :]
                self._seeds.append(seed)
            self._seed_at += 1
        self.explorer.show(views.Random(seed))

    def _set_variety(self, value: int) -> None:
        self.bar.variety_value.setText(f"{value} %")
        self.explorer.set_truncation(value / 100)

    def show_around(self) -> None:
        """Variations of the chosen sample."""
        if (cell := self.chosen) is not None:
            self._around(cell)

    def _around(self, cell: Cell) -> None:
        self._remember()
        self._first_next = True
        self.explorer.show(views.Around(cell, self.radius.value() / 100))

    def _around_favourite(self, number: int) -> None:
        self._around(self.keeping.cell(number))
        self.grid.setFocus()

    def other_variations(self) -> None:
        """Other variations of the same sample."""
        view = self.explorer.view
        if isinstance(view, views.Around):
            self.explorer.show(views.Around(view.cell, view.radius, view.first + views.COUNT - 1))
        else:
            self.show_around()

    def _set_radius(self) -> None:
        self.header.radius_value.setText(f"{self.radius.value()} %")
        view = self.explorer.view
        if isinstance(view, views.Around):
            self.explorer.show(views.Around(view.cell, self.radius.value() / 100, view.first))

    def show_path(self) -> None:
        """The path through the chosen favourites, or through all if fewer than two are chosen."""
        chosen = self.favourites.chosen
        numbers = chosen if len(chosen) > 1 else list(range(len(self.explorer.kept.favourites)))
        if len(numbers) < 2:
            self.session.post(self.tr("A path needs at least two favourites: keep samples with U."), INFO)
            return
        self._remember()
        cells = tuple(self.keeping.cell(number) for number in numbers)
        self.explorer.show(views.Path(cells, self._steps_for(len(cells))))

    def _steps_for(self, points: int) -> int:
        return max(2, min(self.header.steps.value(), views.MOST_ON_PATH // max(1, points - 1)))

    def _set_steps(self) -> None:
        view = self.explorer.view
        if isinstance(view, views.Path):
            self.explorer.show(views.Path(view.cells, self._steps_for(len(view.cells))))

    def _remember(self) -> None:
        if isinstance(self.explorer.view, views.Random):
            self._before = self.explorer.view

    def back(self) -> None:
        """End mixing, or go back to random samples."""
        if self.explorer.mix is not None:
            self._end_mix()
        elif not isinstance(self.explorer.view, views.Random):
            self.explorer.show(self._before or views.Random(self.seed.value()))
        self.grid.setFocus()

    def mix(self) -> None:
        """Give all samples the details of the chosen one."""
        cell, facts = self.chosen, self.explorer.facts
        if cell is None or facts is None or facts.stages < 2:
            return
        self.header.mix_stage.blockSignals(True)
        self.header.mix_stage.setValue(max(1, facts.stages // 2))
        self.header.mix_stage.blockSignals(False)
        self.explorer.set_mix(cell, self.header.mix_stage.value())
        self._show_view()

    def _end_mix(self) -> None:
        if self.explorer.mix is not None:
            self.explorer.set_mix(None)
        self._show_view()

    def _show_view(self) -> None:
        """Name what is shown, and show the controls that belong to it."""
        view, explorer = self.explorer.view, self.explorer
        random = isinstance(view, views.Random)
        if isinstance(view, views.Random):
            self.header.heading.setText(self.tr("{0} random samples, none left out").format(views.COUNT))
            if view.seed != self.seed.value():
                self.seed.blockSignals(True)
                self.seed.setValue(view.seed)
                self.seed.blockSignals(False)
        elif isinstance(view, views.Around):
            self.header.heading.setText(self.tr("Variations of {0}").format(shortened(view.cell.name, 40)))
            self.header.radius_value.setText(f"{self.radius.value()} %")
        else:
            self.header.heading.setText(self.tr("A path through {0} favourites").format(len(view.cells)))
        if not random and not explorer.moves:
            self.directions.settle()
        self.header.back_button.setVisible(not random)
        self.header.radius_box.setVisible(isinstance(view, views.Around))
        self.header.path_box.setVisible(isinstance(view, views.Path))
        self.header.mix_box.setVisible(explorer.mix is not None)
        if explorer.mix is not None:
            self.header.mix_label.setText(self.tr("Details of {0}").format(shortened(explorer.mix.name, 24)))
        plain = random or (isinstance(view, views.Around) and views.is_plain(view.cell))
        self.bar.variety_box.setEnabled(plain)
        self.film_action.setEnabled(isinstance(view, views.Path))
        self.more_around_action.setEnabled(isinstance(view, views.Around))
        self.back_action.setEnabled(not random or explorer.mix is not None)

    def _show_cells(self) -> None:
        self.grid.show_cells(self.explorer.cells)
        if self._first_next:
            self._first_next = False
            self.grid.choose(0)
        self.mark()
        self._shown_favourite = None
        self._show_chosen()

    def mark(self) -> None:
        """Show which samples are favourites and picks."""
        kept = {one.vector.tobytes() for one in self.explorer.kept.favourites}
        marks: dict[int, list[str]] = {}
        for index, cell in enumerate(self.grid.cells):
            own = [FAVOURITE] if cell.vector.tobytes() in kept else []
            if (pick := self.steering.pick_of(cell)) is not None:
                own.append(pick)
            if own:
                marks[index] = own
        self.grid.set_marks(marks)

    # The chosen sample

    @property
    def chosen(self) -> Cell | None:
        """The chosen sample: of the grid, or a favourite that was clicked."""
        return self._shown_favourite or self.grid.chosen

    def _choose(self) -> None:
        self._shown_favourite = None
        self._show_chosen()

    def _show_favourite(self, cell: Cell) -> None:
        self._shown_favourite = cell
        self._show_chosen()

    def _show_chosen(self) -> None:
        cell = self.chosen
        facts = self.explorer.facts
        about = ""
        if cell is not None and facts is not None:
            about = self.tr("Iteration {0:,}, {1} × {1} pixels").format(facts.iteration, facts.size)
            if cell.label is not None and cell.label < len(facts.classes):
                about += "\n" + self.tr("Class: {0}").format(facts.classes[cell.label])
        self.sample.show_cell(cell, about)

    def keep(self) -> None:
        """Keep the chosen sample, or remove it from the favourites if it is one."""
        cell = self.chosen
        if cell is None:
            return
        self.keeping.toggle(cell)
        self.mark()

    def pick(self, kind: str) -> None:
        """Have more, or less, of what the chosen sample has."""
        cell = self.chosen
        if cell is not None:
            self.steering.pick(cell, kind)
            self.mark()

    def forget_picks(self) -> None:
        """Have picked nothing."""
        self.steering.forget()
        self.mark()

    def _name_favourites(self) -> None:
        count = len(self.explorer.kept.favourites)
        text = self.tr("Favourites") if count else self.tr("Favourites: U keeps the chosen sample")
        self.favourites_title.setText(text)
        self.favourites.setVisible(bool(count))
        self.path_button.setEnabled(count > 1 and self.explorer.facts is not None)
        self.rename_action.setEnabled(bool(count))
        self.hand_over_favourites_action.setEnabled(bool(count) and self.explorer.facts is not None)
        self.remove_action.setEnabled(bool(self.favourites.chosen))
        self.mark()

    def _show_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        actions: tuple[QAction | None, ...] = (
            self.keep_action, self.around_action, self.mix_action, None, self.more_action, self.less_action, None,
            self.save_action, self.copy_action, self.copy_seed_action,
        )  # fmt: skip
        for action in actions:
            menu.addSeparator() if action is None else menu.addAction(action)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(at)

    def _show_menu_below(self) -> None:
        button = self.sample.more_button
        self._show_menu(button.mapToGlobal(button.rect().bottomLeft()))

    # Nearest pictures

    def _ask_nearest(self) -> None:
        cell, facts, source = self.sample.cell, self.explorer.facts, self.explorer.source
        if cell is None or facts is None or source is None:
            return
        if not facts.compares:
            self.sample.show_nearest(None, self.tr("The training pictures of this model are not at hand."))
            return
        values = {"shape": list(cell.pixels.shape), "count": NEAREST}
        self._nearest.ask(cell, "nearest", source, values, [cell.pixels.tobytes()])

    def _take_nearest(self, cell: Cell, answer: Answer) -> None:
        if cell is self.sample.cell:
            self.sample.show_nearest(answer, "")

    def _miss_nearest(self, error: Exception) -> None:
        self.sample.show_nearest(None, str(error))

    # Pictures from elsewhere

    def can_take(self, data: QMimeData) -> bool:
        """A picture, to be found in the model."""
        return self.explorer.facts is not None and self.taking_out.holds_picture(data)

    def take(self, data: QMimeData) -> bool:
        """Find it in the model."""
        try:
            picture = self.taking_out.picture_in(data)
        except UserError as error:
            self.session.post(str(error), ERROR)
            return False
        if picture is None:
            return False
        # After the drop has ended: the dialog has an event loop of its own.
        QTimer.singleShot(0, self, lambda: self.taking_out.project(*picture))
        return True

    def hand_over_favourites(self) -> None:
        """Write the chosen favourites, or all of them, for other programs."""
        numbers = self.favourites.chosen or list(range(len(self.explorer.kept.favourites)))
        self.taking_out.hand_over([self.keeping.cell(number) for number in numbers])

    def hand_over_model(self) -> None:
        """Write the model that is shown, for others to use."""
        source, facts = self.explorer.source, self.explorer.facts
        if source is None or facts is None:
            return
        from gandam_studio.qt.outputs.model_dialog import ModelDialog

        words = self.checkpoints.currentText() or self.tr("Iteration {0:,}").format(facts.iteration)
        run_dialog(ModelDialog(self.session, source.folder, source.checkpoint, words, self))

    def ask_picture(self) -> None:
        """Ask for a picture to find in the model."""
        self.taking_out.ask_picture()

    def project_nearest(self) -> None:
        """Find the training picture nearest to the chosen sample in the model: how well does it know that one?"""
        picture = self.sample.nearest_picture
        if picture is None:
            self.session.post(self.tr("The nearest training picture is not known yet."), INFO)
        else:
            name = self.tr("training picture near {0}").format(self.sample.name.text())
            self.taking_out.project_pixels(picture, name)

    def paste(self) -> None:
        """Find the picture on the clipboard in the model."""
        self.taking_out.paste()
