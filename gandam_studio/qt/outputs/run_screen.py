"""What Train and Runs have in common: the commands about a run and its samples, under the same names and keys."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from gandam_studio.core.runs import summary
from gandam_studio.qt.following.requests import ExploreRun
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.reveal import reveal
from gandam_studio.qt.screen import Screen, ScreenMenu
from gandam_studio.qt.session import INFO, Session
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import shortened
from trainer.protocol.weights import POST_HOC

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from gandam_studio.core.runs.samples import SampleSpot
    from gandam_studio.qt.following.follower import RunFollower
    from gandam_studio.qt.outputs.sample_actions import SampleActions


class RunScreen(Screen):
    """A screen that shows runs; it says which run and which samples the commands are about.

    Dialogs are imported when they are first asked for.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._samples: SampleActions | None = None

    # What is shown

    @abstractmethod
    def run_shown(self) -> Path | None:
        """Folder of the run that commands are about; None without one, or with several."""

    @abstractmethod
    def sample_shown(self) -> tuple[SampleSpot, RunFollower] | None:
        """The sample that was clicked last, or else a whole grid (no index); None while there are no samples."""

    @abstractmethod
    def moment_shown(self) -> float | None:
        """The iteration at the cursor; None while it follows the newest."""

    @abstractmethod
    def train_longer(self, folder: Path, options: tuple[str, ...]) -> None:
        """Extend a finished run, or end a stopped one early; `options` are those of `python -m trainer train`."""

    @abstractmethod
    def show_labels(self) -> None:
        """Show names and notes, which have changed."""

    # Actions

    def make_run_actions(self) -> None:
        """Create the actions; the screen puts those of the run into its own menu."""
        act = self.add_action
        self.longer_action = act(self.tr("Train &longer…"), self.ask_longer, icon="clock")
        self.ending_action = act(self.tr("End earl&y…"), self.ask_ending, icon="clock")
        self.sprites_action = act(self.tr("New spr&ites…"), self.ask_sprites, "Ctrl+M", icon="sample")
        self.explore_action = act(self.tr("E&xplore"), self.explore, "Ctrl+Shift+X", icon="explore")
        self.average_action = act(self.tr("Avera&ge the checkpoints…"), self.ask_average, icon="sample")
        self.evaluate_action = act(self.tr("E&valuate…"), self.ask_evaluation, "Ctrl+Shift+E", icon="search")
        self.evaluate_folder_action = act(
            self.tr("Evaluate a folder of pictures…"), lambda: self.samples.evaluate_folder()
        )
        self.report_action = act(self.tr("Repor&t…"), self.ask_report, icon="window")
        self.label_action = act(self.tr("Name an&d note…"), self.ask_label, "F2", icon="tag")
        self.folder_action = act(self.tr("Show in &folder"), self.show_in_folder, icon="folder")
        self.film_action = act(self.tr("Make a fil&m…"), self.ask_film)
        self.save_sample_action = act(self.tr("&Save the sample as PNG…"), lambda: self._with_sample("save"))
        self.copy_sample_action = act(self.tr("&Copy the sample"), lambda: self._with_sample("copy"))
        self.copy_seed_action = act(self.tr("Copy its s&eed"), lambda: self._with_sample("copy_latent"))
        self.copy_command_action = act(
            self.tr("Copy the command that &draws it again"), lambda: self._with_sample("copy_command")
        )
        self.more_action = act(self.tr("&More like this moment…"), self.ask_more)
        self.save_grid_action = act(self.tr("Save &all samples as PNG…"), lambda: self._with_grid("save"))
        self.copy_grid_action = act(self.tr("Copy all sam&ples"), lambda: self._with_grid("copy"))

    def samples_menu(self) -> ScreenMenu:
        """The Samples menu."""
        return ScreenMenu(self.tr("&Samples"), (
            self.save_sample_action, self.copy_sample_action, self.copy_seed_action, self.copy_command_action, None,
            self.more_action, None, self.save_grid_action, self.copy_grid_action,
        ))  # fmt: skip

    @property
    def samples(self) -> SampleActions:
        """What can be done with samples, built on first use."""
        if self._samples is None:
            from gandam_studio.qt.outputs.sample_actions import SampleActions

            self._samples = SampleActions(self.session, self)
        return self._samples

    def ask_longer(self) -> None:
        """Ask how much longer to train the run, and do it."""
        self._ask_limit(ends=False)

    def ask_ending(self) -> None:
        """Ask by when a stopped run is to cool down and end, and do it."""
        self._ask_limit(ends=True)

    def _ask_limit(self, *, ends: bool) -> None:
        folder = self.run_shown()
        if folder is None:
            return
        from gandam_studio.qt.outputs.longer_dialog import LongerDialog

        dialog = LongerDialog(summary(folder), self._busy(), self, ends=ends)
        look = self.session.run_index.changed.connect(lambda _runs: dialog.set_busy(self._busy()))
        accepted = run_dialog(dialog)
        self.session.run_index.changed.disconnect(look)
        if accepted:
            self.train_longer(folder, dialog.options)

    def _busy(self) -> str:
        """Why no run can be started now, or ""; asks the folders, as the index learns later that a run has ended."""
        live = next((run for run in self.session.run_index.live() if RunDirectory(run.folder).is_locked()), None)
        return "" if live is None else self.tr("{0} is training now; wait until it has ended.").format(live.title)

    def explore(self) -> None:
        """Draw from the run on Explore, from the checkpoint nearest to the moment shown."""
        if (folder := self.run_shown()) is not None:
            self.screen_requested.emit("Explore", ExploreRun(folder, self.moment_shown()))

    def ask_sprites(self) -> None:
        """Make new sprites of the run."""
        if (folder := self.run_shown()) is not None:
            self.samples.make_more(folder)

    def ask_more(self) -> None:
        """Make new sprites from the checkpoint nearest to the cursor."""
        if (folder := self.run_shown()) is not None:
            self.samples.make_more(folder, self.moment_shown())

    def ask_evaluation(self) -> None:
        """Evaluate a checkpoint of the run, at first the one nearest to the cursor if that was moved."""
        if (folder := self.run_shown()) is not None:
            self.samples.evaluate(folder, self.moment_shown())

    def ask_average(self) -> None:
        """Average the run's checkpoints, and show the result on Explore if that is asked for."""
        folder = self.run_shown()
        if folder is None:
            return
        from gandam_studio.qt.outputs.average_dialog import AverageDialog

        dialog = AverageDialog(self.session, folder, summary(folder).title, self)
        dialog.explore_requested.connect(
            lambda: self.screen_requested.emit("Explore", ExploreRun(folder, checkpoint=POST_HOC))
        )
        run_dialog(dialog)

    def ask_film(self) -> None:
        """Make a film of the run, or of the sample that was clicked last."""
        shown = self.sample_shown()
        if shown is None:
            self.session.post(self.tr("There are no samples yet."), INFO)
        else:
            self.samples.make_film(shown[1], shown[0].index)

    def runs_to_report(self) -> list[Path]:
        """Folders of the runs that a report would be about."""
        shown = self.run_shown()
        return [shown] if shown is not None else []

    def ask_report(self) -> None:
        """Make a report of the runs."""
        if folders := self.runs_to_report():
            from gandam_studio.qt.outputs.report_dialog import ReportDialog

            about = ", ".join(shortened(summary(folder).title, 60) for folder in folders)
            run_dialog(ReportDialog(self.session, [RunDirectory(folder) for folder in folders], about, self))

    def ask_label(self) -> None:
        """Name the run, or note something about it."""
        folder = self.run_shown()
        if folder is None:
            return
        from gandam_studio.qt.outputs.label_dialog import RunLabelDialog

        if run_dialog(RunLabelDialog(summary(folder), self)):
            self.show_labels()
            self.session.runs_changed.emit()

    def show_in_folder(self) -> None:
        """Show the run's folder in the file manager."""
        if (folder := self.run_shown()) is not None:
            reveal(folder)

    def _with_sample(self, what: str) -> None:
        """Do something with the sample that was clicked last."""
        shown = self.sample_shown()
        if shown is None or shown[0].index is None:
            self.session.post(self.tr("Click a sample first."), INFO)
        else:
            getattr(self.samples, what)(shown[0])

    def _with_grid(self, what: str) -> None:
        """Do something with the whole grid, or with that whose sample was clicked last."""
        shown = self.sample_shown()
        if shown is None:
            self.session.post(self.tr("There are no samples yet."), INFO)
        else:
            getattr(self.samples, what)(dataclasses.replace(shown[0], index=None))
