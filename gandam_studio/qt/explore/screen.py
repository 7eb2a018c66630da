"""The Explore screen: random samples of a checkpoint, steered by seed, variety and directions; favourites and paths."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from gandam_studio.core.errors import UserError
from gandam_studio.qt import theme
from gandam_studio.qt.explore import explorer as views
from gandam_studio.qt.explore.actions import ExploreActions
from gandam_studio.qt.explore.browsing import Browsing
from gandam_studio.qt.explore.choosing import Choosing
from gandam_studio.qt.explore.controls import SourceBar, ViewHeader, tool
from gandam_studio.qt.explore.drawer import Drawer
from gandam_studio.qt.explore.explorer import Explorer
from gandam_studio.qt.explore.favourites import Favourites
from gandam_studio.qt.explore.favourites_bar import FavouritesBar
from gandam_studio.qt.explore.grid import LatentGrid
from gandam_studio.qt.explore.model_choice import ModelChoice
from gandam_studio.qt.explore.nearest import Nearest
from gandam_studio.qt.explore.side import ExploreSide
from gandam_studio.qt.explore.steering import Steering
from gandam_studio.qt.explore.taking_out import TakingOut
from gandam_studio.qt.following.requests import ExploreRun
from gandam_studio.qt.screen import EmptyState, Screen, ScreenMenu
from gandam_studio.qt.session import ERROR, Session
from gandam_studio.qt.widgets.drop_frame import DropFrame, TakesDrops

REST_MS = 5 * 60 * 1000
"""How long the screen is hidden before its process ends."""


class ExploreScreen(TakesDrops, Screen):
    """Attributes:
    explorer: what is shown and kept. grid: the samples. side: the chosen one and the directions, beside it.
    favourites: below the grid. bar, header: above it.
    model, browsing, choosing, keeping, steering, taking_out: do what the user asks for. actions_of: for menus.
    """

    title = "Explore"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.drawer = Drawer(self)
        self.explorer = explorer = Explorer(self.drawer, self)
        self.grid = LatentGrid()
        self.grid.setAccessibleName(self.tr("Samples"))
        self.side = ExploreSide()
        self.sample, self.directions = self.side.sample, self.side.directions
        self.favourites = FavouritesBar()
        self.bar, self.header = SourceBar(session), ViewHeader()
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._sleep)
        self._asleep = False
        self.model = ModelChoice(self, explorer, self.bar, session)
        self.steering = Steering(self, explorer, self.directions, session)
        self.keeping = Favourites(self, explorer, self.favourites, session)
        self.choosing = Choosing(self, explorer, self.grid, self.sample, self.keeping, self.steering)
        self.browsing = Browsing(self, explorer, self.bar, self.header, self.keeping, session)
        self.browsing.chosen = lambda: self.choosing.chosen
        self.browsing.place = lambda: self.grid.current
        self.taking_out = TakingOut(self, explorer, self.keeping, self.sample, session)
        self.taking_out.chosen = lambda: self.choosing.chosen
        self.taking_out.selected = lambda: self.choosing.selected
        self.taking_out.open_run = lambda folder, moment, checkpoint: self.model.request(
            ExploreRun(folder, None if moment is None else float(moment), checkpoint)
        )
        self._nearest = Nearest(self, explorer, self.sample)
        self._lay_out()
        self.actions_of = ExploreActions(
            self, self.grid, browsing=self.browsing, choosing=self.choosing, favourites=self.keeping,
            steering=self.steering, model=self.model, taking_out=self.taking_out,
        )  # fmt: skip
        self._connect()
        self.browsing.show_view()
        self.setAcceptDrops(True)
        self.drop_frame = DropFrame(self)

    # Building

    def _lay_out(self) -> None:
        self.favourites_title = QLabel()
        self.favourites_title.setProperty("role", "section")
        self.path_button = tool("runs", self.tr("Path through favourites"), self.tr("Path"))
        self.project_button = tool("search", self.tr("Find a picture…"))
        self.hand_over_button = tool("export", self.tr("Hand over samples…"), self.tr("Hand over…"))
        below = QHBoxLayout()
        below.setSpacing(theme.HALF)  # so that "Hand over 36…" fits into a window of 960 pixels too
        below.addWidget(self.favourites_title)
        below.addStretch(1)
        for button in (self.project_button, self.path_button, self.hand_over_button):
            below.addWidget(button)
        main = QWidget()
        column = QVBoxLayout(main)
        column.setContentsMargins(14, theme.SPACE, 14, theme.SPACE)
        column.setSpacing(theme.HALF + 2)
        column.addWidget(self.header)
        column.addWidget(self.grid, 1)
        column.addLayout(below)
        column.addWidget(self.favourites)
        body = QWidget()
        pages = QHBoxLayout(body)
        pages.setContentsMargins(0, 0, 0, 0)
        pages.setSpacing(0)
        pages.addWidget(main, 1)
        pages.addWidget(self.side)
        self.pages = QStackedWidget()
        self.empty = EmptyState(
            "explore",
            self.tr("No trained run yet"),
            self.tr("Explore steers a trained model: samples by seed, directions, paths and variations."),
        )
        self.empty.add_button(self.tr("Start a run"), lambda: self.screen_requested.emit("Train", None), primary=True)
        self.empty.add_button(self.tr("Open a run or model…"), self.model.ask_open, icon="folder")
        self.pages.addWidget(body)
        self.pages.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.bar)
        layout.addWidget(self.pages, 1)

    def menus(self) -> list[ScreenMenu]:
        """The actions' menus."""
        return self.actions_of.menus()

    def _connect(self) -> None:
        explorer, actions = self.explorer, self.actions_of
        self.model.listed.connect(self._show_listed)
        self.browsing.changed.connect(self._show_view)
        self.browsing.left.connect(self.grid.setFocus)
        self.header.film_button.clicked.connect(lambda _checked=False: self.taking_out.film())
        self.path_button.clicked.connect(lambda _checked=False: self.browsing.show_path())
        self.project_button.clicked.connect(lambda _checked=False: self.taking_out.ask_picture())
        self.hand_over_button.clicked.connect(lambda _checked=False: self.taking_out.hand_over())
        self.grid.selection_changed.connect(self._name_hand_over)
        self.favourites.menu_wanted.connect(actions.popup_of_favourites)
        self.side.learn_button.clicked.connect(lambda _checked=False: self.steering.learn())
        self.side.tag_button.clicked.connect(lambda _checked=False: self.steering.ask_tag())
        self.grid.activated.connect(self.browsing.show_around)
        self.grid.menu_requested.connect(actions.popup)
        self.sample.keep_wanted.connect(self.choosing.keep)
        self.sample.around_wanted.connect(self.browsing.show_around)
        self.sample.menu_wanted.connect(self._show_menu_below)
        self.favourites.around_wanted.connect(self._around_favourite)
        self.favourites.chosen_changed.connect(self._name_favourites)
        explorer.opening.connect(self._show_opening)
        explorer.opened.connect(self._show_opened)
        explorer.failed.connect(self._show_failed)
        explorer.drawn.connect(self._show_cells)
        explorer.part_drawn.connect(self._show_cells)
        explorer.kept_changed.connect(self._name_favourites)
        explorer.complained.connect(self._complain)

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
        self.model.list_new_checkpoints()
        self.explorer.take_others()
        if index.is_read:
            self.model.take_runs(index.runs)
        if self._asleep:
            self._asleep = False
            self.explorer.redraw()

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
            self.model.request(request)

    def take_undo(self) -> bool:
        """Take back the last change of favourites and directions, if this screen made one."""
        return self.explorer.undo()

    def take_redo(self) -> bool:
        """Make it again."""
        return self.explorer.redo()

    # The model

    def _show_listed(self, some: bool) -> None:
        self.pages.setCurrentIndex(0 if some else 1)
        self.bar.setVisible(some)

    def _show_opening(self) -> None:
        self.grid.show_message(self.tr("Loading the model…"))
        self.sample.show_cell(None)
        self.directions.clear()
        self.steering.stop()
        self._enable()

    def _show_opened(self) -> None:
        facts = self.explorer.facts
        assert facts is not None
        self.header.mix_stage.setRange(1, max(1, facts.stages - 1))
        self.browsing.end_mix()
        self.steering.begin()
        self._enable()

    def _show_failed(self, text: str) -> None:
        self.grid.show_message(text)
        self._enable()

    def _complain(self, error: Exception) -> None:
        self.session.post(str(error), ERROR)

    def _enable(self) -> None:
        facts, source = self.explorer.facts, self.explorer.source
        self.actions_of.show_model(facts, is_run=source is not None and source.checkpoint is not None)
        self.side.tag_button.setEnabled(facts is not None and facts.compares)
        for button in (self.project_button, self.bar.dice, self.hand_over_button, self.side.learn_button):
            button.setEnabled(facts is not None)
        self._name_favourites()

    # What is shown

    def _show_view(self) -> None:
        if not isinstance(self.explorer.view, views.Random) and not self.explorer.moves:
            self.directions.settle()
        self.actions_of.show_view(self.explorer)

    def _around_favourite(self, number: int) -> None:
        self.browsing.around_favourite(number)
        self.grid.setFocus()

    def _show_cells(self) -> None:
        self.grid.show_cells(self.explorer.cells, self.explorer.room)
        self.header.show_preview(max((cell.preview for cell in self.explorer.cells), default=0))
        place = self.browsing.next_place
        if place is not None and place < len(self.explorer.cells):
            self.browsing.next_place = None
            self.grid.choose(place)
        self.choosing.mark()
        self.choosing.show_grids()

    def _name_favourites(self) -> None:
        count, facts = len(self.explorer.kept.favourites), self.explorer.facts
        text = self.tr("Favourites") if count else self.tr("Favourites: U keeps the chosen sample")
        self.favourites_title.setText(text)
        self.favourites.setVisible(bool(count))
        self.path_button.setEnabled(count > 1 and facts is not None)
        self.actions_of.show_favourites(count, len(self.favourites.chosen), facts)
        self.choosing.mark()

    def _name_hand_over(self) -> None:
        """Say how many samples would be handed over, if some are selected."""
        count = len(self.grid.selected)
        self.hand_over_button.setText(self.tr("Hand over {0}…").format(count) if count else self.tr("Hand over…"))

    def _show_menu_below(self) -> None:
        button = self.sample.more_button
        self.actions_of.popup(button.mapToGlobal(button.rect().bottomLeft()))

    # Pictures from elsewhere

    def can_take(self, data: QMimeData) -> bool:
        """A picture, to be found in the model."""
        return self.explorer.facts is not None and self.taking_out.holds_picture(data)

    def take(self, data: QMimeData) -> bool:
        """Find it in the model."""
        try:
            picture = self.taking_out.picture_in(data)
        except UserError as error:
            self._complain(error)
            return False
        if picture is None:
            return False
        # After the drop has ended: the dialog has an event loop of its own.
        QTimer.singleShot(0, self, lambda: self.taking_out.project(*picture))
        return True
