"""What can be done with a sample of a run: save, copy, draw it again, make more of them, make a film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, QPoint, QSettings
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from gandam_studio.core.runs.checkpoints import kept_checkpoints, nearest
from gandam_studio.core.runs.handing_over import Samples, samples_at
from gandam_studio.core.runs.samples import SampleSpot, write_png
from gandam_studio.qt import icons
from gandam_studio.qt.following.follower import RunFollower
from gandam_studio.qt.following.pictures import exact_image
from gandam_studio.qt.outputs.evaluation_dialog import FolderEvaluationDialog, RunEvaluationDialog
from gandam_studio.qt.outputs.film_dialog import FilmDialog
from gandam_studio.qt.outputs.finishing_dialog import HandOverDialog
from gandam_studio.qt.outputs.sprites_dialog import SpritesDialog
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.session import INFO, SUCCESS, Session

SCALES = (4, 8, 16)
_SETTING = "samples/folder"


class SampleActions(QObject):
    """Carries them out for a screen, with its session; `window` is the parent of menus and dialogs."""

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._window = session, window
        self.menu: QMenu | None = None

    def show_menu(self, spot: SampleSpot, follower: RunFollower, at: QPoint) -> None:
        """Show the menu of a sample, or of the whole grid where `spot` has no index."""
        menu = QMenu(self._window)
        menu.setAccessibleName(self.tr("Samples"))
        whole = replace(spot, index=None)
        if spot.index is not None:
            self._add(menu, self.tr("&Save the sample as PNG…"), partial(self.save, spot), "save")
            larger = menu.addMenu(self.tr("Save it &larger"))
            for scale in SCALES:
                self._add(larger, self.tr("{0} times as large…").format(scale), partial(self.save, spot, scale))
            self._add(menu, self.tr("&Hand over the sample…"), partial(self.hand_over, spot))
            self._add(menu, self.tr("&Copy the sample"), partial(self.copy, spot))
            self._add(menu, self.tr("Copy its s&eed"), partial(self.copy_latent, spot))
            self._add(menu, self.tr("Copy the command that &draws it again"), partial(self.copy_command, spot))
            menu.addSeparator()
        moment = float(spot.sample.iteration)
        more = self.tr("&More like this moment…")
        self._add(menu, more, partial(self.make_more, spot.run.path, moment), "sample")
        self._add(menu, self.tr("&Film over time…"), partial(self.make_film, follower, spot.index), "play")
        menu.addSeparator()
        self._add(menu, self.tr("Save &all samples as PNG…"), partial(self.save, whole), "save")
        larger = menu.addMenu(self.tr("Save all la&rger"))
        for scale in SCALES:
            self._add(larger, self.tr("{0} times as large…").format(scale), partial(self.save, whole, scale))
        self._add(menu, self.tr("Ha&nd over all samples…"), partial(self.hand_over, whole))
        self._add(menu, self.tr("Copy all sam&ples"), partial(self.copy, whole))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.destroyed.connect(self._forget_menu)
        self.menu = menu
        menu.popup(at)

    def _forget_menu(self) -> None:
        self.menu = None

    @staticmethod
    def _add(menu: QMenu, text: str, slot: Callable[[], object], icon: str = "") -> None:
        action = menu.addAction(text)
        if icon:
            icons.set_icon(action, icon)
        action.triggered.connect(lambda _checked=False: slot())

    # Pictures

    def save(self, spot: SampleSpot, scale: int = 1) -> None:
        """Ask where to save the picture, and write it."""
        last = QSettings().value(_SETTING)
        folder = Path(str(last)) if last and Path(str(last)).is_dir() else Path.home()
        times = f"-x{scale}" if scale > 1 else ""
        name, _ = QFileDialog.getSaveFileName(
            self._window, self.tr("Save as PNG"), str(folder / f"{spot.file_name}{times}.png"), self.tr("PNG (*.png)")
        )
        if name:
            self.save_to(spot, Path(name), scale)

    def save_to(self, spot: SampleSpot, target: Path, scale: int = 1) -> None:
        """Write the picture; an existing file is replaced, as the file dialog has asked already."""
        if target.suffix.lower() != ".png":
            target = target.with_name(f"{target.name}.png")
        QSettings().setValue(_SETTING, str(target.parent))
        self._session.start_quiet_job(
            lambda _workspace, _job: write_png(spot, target, scale),
            lambda made: self._session.post_result(self.tr("Saved as {0}").format(made), made),
        )

    def copy(self, spot: SampleSpot) -> None:
        """Copy the picture, at its own size."""
        self._session.start_quiet_job(lambda _workspace, _job: spot.pixels(), partial(self._put, spot))

    def _put(self, spot: SampleSpot, pixels: np.ndarray) -> None:
        QGuiApplication.clipboard().setImage(exact_image(pixels))
        what = self.tr("All samples are copied.") if spot.index is None else self.tr("The sample is copied.")
        self._session.post(what, SUCCESS)

    # Names

    def copy_latent(self, spot: SampleSpot) -> None:
        """Copy what names the sample in this run: "fixed/7", or its seed and number."""
        QGuiApplication.clipboard().setText(spot.latent)
        text = self.tr("Copied: {0}, drawn by {1} at {2:,}")
        self._session.post(text.format(spot.latent, spot.run.name, spot.sample.iteration), SUCCESS)

    def copy_command(self, spot: SampleSpot) -> None:
        """Copy the command that draws the sample again, from the checkpoint of its moment or the nearest one kept."""
        found = nearest(kept_checkpoints(spot.run), spot.sample.iteration)
        if found is None:
            self._session.post(self.tr("No checkpoint of this run is kept, so it cannot be drawn again."), INFO)
            return
        QGuiApplication.clipboard().setText(spot.command(found.name))
        if found.iteration == spot.sample.iteration:
            self._session.post(self.tr("The command is copied."), SUCCESS)
        else:
            text = self.tr("The command is copied. No checkpoint of {0:,} is kept: it draws from {1:,}, the nearest.")
            self._session.post(text.format(spot.sample.iteration, found.iteration), INFO)

    # Dialogs

    def hand_over(self, spot: SampleSpot) -> None:
        """Write the sample, or all of the grid, in a palette and a format that a person chooses."""

        def show(samples: Samples) -> None:
            run_dialog(HandOverDialog(self._session, spot.run, samples, self._window))

        self._session.start_quiet_job(lambda _workspace, _job: samples_at(spot), show)

    def make_more(self, folder: Path, moment: float | None = None) -> None:
        """Make new sprites of a run, from the checkpoint nearest to `moment` or the newest."""
        run_dialog(SpritesDialog(self._session, self._session.run_index.runs, folder, moment, self._window))

    def evaluate(self, folder: Path, moment: float | None = None) -> None:
        """Evaluate a checkpoint of a run, at first the one nearest to `moment` or the newest."""
        run_dialog(RunEvaluationDialog(self._session, self._session.run_index.runs, folder, moment, self._window))

    def evaluate_folder(self) -> None:
        """Evaluate a folder of pictures against a version."""
        run_dialog(FolderEvaluationDialog(self._session, self._window))

    def make_film(self, follower: RunFollower, cell: int | None = None) -> None:
        """Make a film of a run's samples."""
        run_dialog(FilmDialog(self._session, follower.run_directory, follower.record.samples, cell, self._window))
