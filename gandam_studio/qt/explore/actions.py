"""The actions of the Explore screen, with shortcuts, menus and the menu of a sample."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from gandam_studio.core.runs.exploring import Facts
from gandam_studio.qt.explore import explorer as views
from gandam_studio.qt.explore.browsing import Browsing
from gandam_studio.qt.explore.choosing import Choosing
from gandam_studio.qt.explore.explorer import Explorer
from gandam_studio.qt.explore.favourites import Favourites
from gandam_studio.qt.explore.grid import LESS, MORE, LatentGrid
from gandam_studio.qt.explore.model_choice import ModelChoice
from gandam_studio.qt.explore.steering import Steering
from gandam_studio.qt.explore.taking_out import TakingOut
from gandam_studio.qt.screen import Screen, ScreenMenu


class ExploreActions:
    """Creates the screen's actions; `screen` and its parts perform them."""

    def __init__(
        self, screen: Screen, grid: LatentGrid, *, browsing: Browsing, choosing: Choosing, favourites: Favourites,
        steering: Steering, model: ModelChoice, taking_out: TakingOut,
    ) -> None:  # fmt: skip
        self._screen = screen
        self._tr = screen.tr
        act, tr = screen.add_action, screen.tr
        self.another_seed = act(tr("&Another seed"), browsing.another_seed, "N", icon="sample")
        self.earlier_seed = act(tr("&Earlier seed"), browsing.earlier_seed, "P")
        self.around = act(tr("&Variations"), browsing.show_around, "A", icon="sample")
        self.more_around = act(tr("&Other variations"), browsing.other_variations, "Shift+A")
        self.mix = act(tr("&Mix: all with its details"), browsing.mix, "Shift+M", icon="onion")
        self.path = act(tr("&Path through favourites"), browsing.show_path, "I", icon="runs")
        self.back = act(tr("&Back"), browsing.back, "Escape", icon="chevron-left")
        self.keep = act(tr("&Keep"), choosing.keep, "U", icon="star")
        self.more = act(tr("&More like this"), partial(choosing.pick, MORE), "Y", icon="plus")
        self.less = act(tr("&Less like this"), partial(choosing.pick, LESS), "Shift+Y", icon="minus")
        self.forget = act(tr("&Forget the picks"), choosing.forget_picks)
        self.learn = act(tr("Learn from &picks"), steering.learn, "Ctrl+Shift+L")
        self.tag = act(tr("Learn from a &tag…"), steering.ask_tag, icon="tag")
        self.reset = act(tr("&Reset the sliders"), steering.reset, "Backspace", icon="undo")
        self.rename = act(tr("Re&name the favourite"), favourites.edit_name, "F2")
        self.remove = act(tr("Remo&ve the chosen favourites"), favourites.remove, ["X", "Delete"], icon="trash")
        self.open = act(tr("&Open another run or model…"), model.ask_open, icon="folder")
        self.open_sprite = act(tr("Open a sprite's f&ile…"), taking_out.ask_sprite)
        self.model = act(tr("&Hand the model over…"), model.hand_over, icon="export")
        self.project = act(tr("F&ind a picture…"), taking_out.ask_picture, "Ctrl+Shift+P", icon="search")
        self.project_nearest = act(tr("Find its nearest &training picture…"), taking_out.project_nearest)
        self.paste = act(tr("Find the &pasted picture…"), taking_out.paste, "Ctrl+Shift+V")
        self.film = act(tr("&Film of the path…"), taking_out.film, "Ctrl+Shift+M", icon="play")
        self.save = act(tr("&Save the sample as PNG…"), taking_out.save, "Ctrl+E", icon="save")
        self.hand_over = act(tr("Hand over &samples…"), taking_out.hand_over, "Ctrl+M", icon="export")
        self.select_all = act(tr("Se&lect all samples"), grid.select_all, "Ctrl+A")
        self.hand_over_favourites = act(tr("Hand over the fa&vourites…"), taking_out.hand_over_favourites)
        self.copy = act(tr("&Copy the sample"), taking_out.copy, "Ctrl+C")
        self.copy_seed = act(tr("Copy its s&eed"), taking_out.copy_seed)

    def menus(self) -> list[ScreenMenu]:
        """The Sample, Explore and Directions menus."""
        tr = self._tr
        sample = (
            self.keep, self.around, self.more_around, self.mix, None,
            self.save, self.select_all, self.hand_over, self.copy, self.copy_seed, None,
            self.rename, self.remove, self.hand_over_favourites,
        )  # fmt: skip
        explore = (
            self.another_seed, self.earlier_seed, self.path, self.film, self.back, None,
            self.project, self.paste, self.project_nearest, None, self.open, self.open_sprite, self.model,
        )  # fmt: skip
        directions = (self.more, self.less, self.forget, self.learn, self.tag, None, self.reset)
        return [
            ScreenMenu(tr("&Sample"), sample),
            ScreenMenu(tr("E&xplore"), explore),
            ScreenMenu(tr("&Directions"), directions),
        ]

    def show_model(self, facts: Facts | None, *, is_run: bool) -> None:
        """Enable what the open model can do; `is_run`: it can be handed over."""
        for action in (
            self.another_seed, self.earlier_seed, self.keep, self.around, self.path, self.project, self.paste,
            self.save, self.select_all, self.hand_over, self.copy, self.copy_seed, self.more, self.less, self.learn,
            self.reset,
        ):  # fmt: skip
            action.setEnabled(facts is not None)
        self.mix.setEnabled(facts is not None and facts.stages > 1)
        for action in (self.tag, self.project_nearest):
            action.setEnabled(facts is not None and facts.compares)
        self.model.setEnabled(is_run)

    def show_view(self, explorer: Explorer) -> None:
        """Enable what belongs to the view that is shown."""
        view = explorer.view
        self.film.setEnabled(isinstance(view, views.Path))
        self.more_around.setEnabled(isinstance(view, views.Around))
        self.back.setEnabled(not isinstance(view, views.Random) or explorer.mix is not None)

    def show_favourites(self, count: int, chosen: int, facts: Facts | None) -> None:
        """Enable what `count` favourites allow, of which some are chosen."""
        self.rename.setEnabled(count > 0)
        self.hand_over_favourites.setEnabled(count > 0 and facts is not None)
        self.remove.setEnabled(chosen > 0)

    def popup(self, at: QPoint) -> None:
        """Show the menu of a sample."""
        self._popup(at, (
            self.keep, self.around, self.mix, None, self.more, self.less, None, self.save, self.copy, self.copy_seed,
            self.hand_over,
        ))  # fmt: skip

    def popup_of_favourites(self, at: QPoint) -> None:
        """Show the menu of a favourite."""
        self._popup(at, (self.around, self.path, None, self.rename, self.remove, None, self.hand_over_favourites))

    def _popup(self, at: QPoint, actions: tuple[QAction | None, ...]) -> None:
        menu = QMenu(self._screen)
        for action in actions:
            menu.addSeparator() if action is None else menu.addAction(action)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(at)
