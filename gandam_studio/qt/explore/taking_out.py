"""Takes samples out of Explore (PNG, clipboard, film), and pictures into it, to be found in the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QMimeData, QObject, QSettings
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs import exploring
from gandam_studio.core.runs.exploring import Pixels
from gandam_studio.core.runs.handing_over import drawn_otherwise, manifest_of, marked, note_of
from gandam_studio.core.runs.sampling import write_file
from gandam_studio.qt.explore.cells import Cell
from gandam_studio.qt.explore.explorer import MOST_ON_PATH, Explorer, Opened
from gandam_studio.qt.explore.explorer import Path as PathView
from gandam_studio.qt.explore.favourites import Favourites
from gandam_studio.qt.explore.sample_panel import SamplePanel
from gandam_studio.qt.failures import explain
from gandam_studio.qt.following.pictures import exact_image
from gandam_studio.qt.imports.sources import holds_sources, png_bytes, sources_of
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.session import ERROR, INFO, SUCCESS, Session
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.sample_notes import Note, told
from trainer.protocol.untrusted import shortened
from trainer.protocol.weights import POST_HOC, is_post_hoc

_SETTING = "samples/folder"
_PICTURES = "explore/pictures"


class TakingOut(QObject):
    """Carries it out for the screen.

    Attributes:
        chosen: tells the chosen sample. selected: tells those that are selected to be handed over.
        open_run: opens a run at the checkpoint nearest to an iteration, or at that of a name.
    """

    def __init__(
        self, window: QWidget, explorer: Explorer, favourites: Favourites, panel: SamplePanel, session: Session
    ) -> None:
        super().__init__(window)
        self._window, self._explorer, self._session = window, explorer, session
        self._favourites, self._panel = favourites, panel
        self.chosen: Callable[[], Cell | None] = lambda: None
        self.selected: Callable[[], list[Cell]] = list
        self.open_run: Callable[[Path, int | None, str], None] = lambda _folder, _iteration, _checkpoint: None
        self._later: tuple[Note, str] | None = None
        explorer.opened.connect(self.show_opened)
        explorer.failed.connect(self._forget_opened)

    def _notes(self, cell: Cell) -> dict[str, Any]:
        source, facts = self._explorer.source, self._explorer.facts
        if source is None or facts is None:
            return {}
        notes: dict[str, Any] = {"run": source.folder.name, "iteration": facts.iteration, "name": cell.name}
        again = self._explorer.again(cell)
        notes |= {"latent": again.latent, **again.to_json()}
        if is_post_hoc(facts.weights):
            notes["weights"] = facts.weights
        if manifest := manifest_of(RunDirectory(source.folder)):
            notes["manifest"] = manifest
        return notes

    def save(self) -> None:
        """Ask where to save the chosen sample, and write it."""
        cell, source = self.chosen(), self._explorer.source
        if cell is None or source is None:
            return
        last = QSettings().value(_SETTING)
        folder = Path(str(last)) if last and Path(str(last)).is_dir() else Path.home()
        plain = "".join(letter if letter.isalnum() or letter in "-_ " else "-" for letter in cell.name)
        proposed = folder / f"{source.folder.name}-{shortened(plain, 60).replace('…', '-')}.png"
        name, _ = QFileDialog.getSaveFileName(
            self._window, self.tr("Save as PNG"), str(proposed), self.tr("PNG (*.png)")
        )
        if name:
            self.save_to(Path(name))

    def save_to(self, target: Path) -> None:
        """Write the chosen sample; an existing file is replaced, as the file dialog has asked already."""
        cell, source = self.chosen(), self._explorer.source
        if cell is None or source is None:
            return
        if target.suffix.lower() != ".png":
            target = target.with_name(f"{target.name}.png")
        QSettings().setValue(_SETTING, str(target.parent))

        def write(final: list[Cell]) -> None:
            try:
                made = write_file(target, exploring.png(final[0].pixels, self._notes(final[0])), [source.folder])
            except UserError as error:
                self._session.post(explain(error), ERROR)
                return
            self._session.post_result(self.tr("Saved as {0}").format(made), made)

        self._finish([cell], write)

    def _finish(self, cells: Sequence[Cell], then: Callable[[list[Cell]], None]) -> None:
        """Continue with the final samples; say so if they still have to be drawn."""
        if any(cell.preview for cell in cells):
            self._session.post(self.tr("Drawing the final samples…"), INFO)
        self._explorer.finish(cells, then)

    def copy(self) -> None:
        """Copy the chosen sample, at its own size."""

        def put(final: list[Cell]) -> None:
            QGuiApplication.clipboard().setImage(exact_image(final[0].pixels))
            self._session.post(self.tr("The sample is copied."), SUCCESS)

        if (cell := self.chosen()) is not None:
            self._finish([cell], put)

    def copy_seed(self) -> None:
        """Copy what names the chosen sample, as `sample --latent` takes it."""
        cell = self.chosen()
        if cell is None:
            return
        if not cell.latent:
            text = self.tr("This sample has no seed of its own: it was steered. Keep it as a favourite instead.")
            if self._favourites.holds(cell):
                text = self.tr("This favourite has no seed of its own: its place in the model is kept with it.")
            self._session.post(text, INFO)
            return
        QGuiApplication.clipboard().setText(cell.latent)
        self._session.post(self.tr("Copied: {0}").format(cell.latent), SUCCESS)

    def hand_over(self, chosen: Sequence[Cell] = ()) -> None:
        """Write samples, in a palette and a format that a person chooses: these, else the selected ones, else all."""
        cells = list(chosen) or self.selected() or self._explorer.cells
        if cells:
            self._finish(cells, self._hand_over)

    def _hand_over(self, cells: list[Cell]) -> None:
        source, facts = self._explorer.source, self._explorer.facts
        if source is None or facts is None:
            return
        from gandam_studio.core.runs.handing_over import Samples
        from gandam_studio.qt.outputs.finishing_dialog import HandOverDialog

        run = RunDirectory(source.folder)
        spots = [self._explorer.again(cell) for cell in cells]
        latents = [spot.latent for spot in spots]
        names = [cell.name if cell.latent and cell.name != cell.latent else "" for cell in cells]
        of_all = self._facts_of(cells)
        samples = Samples([cell.pixels for cell in cells], latents, of_all, names if any(names) else (), spots)
        run_dialog(HandOverDialog(self._session, run, samples, self._window))

    def _facts_of(self, cells: Sequence[Cell]) -> dict[str, Any]:
        source, facts = self._explorer.source, self._explorer.facts
        assert source is not None
        assert facts is not None
        run = RunDirectory(source.folder)
        about = {"run": run.name, "iteration": facts.iteration, "count": len(cells), "manifest": manifest_of(run)}
        # Others are those that are drawn from anyway; only an average made after training has to be named.
        return {**about, "weights": facts.weights if is_post_hoc(facts.weights) else None, "seed": None}

    def hand_over_favourites(self) -> None:
        """Write the chosen favourites, or all of them, for other programs."""
        self.hand_over(self._favourites.chosen or self._favourites.all)

    def film(self) -> None:
        """Make a film of the path that is shown."""
        source, cells = self._explorer.source, self._explorer.cells
        if source is None or not isinstance(self._explorer.view, PathView) or len(cells) < 2:
            self._session.post(self.tr("Show a path first: choose favourites and press I."), INFO)
            return
        from gandam_studio.qt.outputs.path_dialog import PathDialog

        def show(final: list[Cell]) -> None:
            pictures = np.stack([cell.pixels for cell in final])
            note = told(self._facts_of(final), [self._explorer.again(cell) for cell in final])
            run_dialog(PathDialog(self._session, source.folder, pictures, self._window, note=marked(note)))

        self._finish(cells, show)

    # Samples of files

    def ask_sprite(self) -> None:
        """Ask for the file of a sprite that a run has drawn, and show the sample it is."""
        last = QSettings().value(_PICTURES)
        folder = str(last) if last and Path(str(last)).is_dir() else str(Path.home())
        name, _ = QFileDialog.getOpenFileName(
            self._window, self.tr("Open the file of a sprite that a run has drawn"), folder,
            self.tr("Sprites ({0})").format("*.png *.aseprite *.ase *.gif *.webp *.apng *.json"),
        )  # fmt: skip
        if name:
            QSettings().setValue(_PICTURES, str(Path(name).parent))
            self.open_sprite(Path(name))

    def open_sprite(self, path: Path) -> None:
        """Show the samples that a file says it holds, drawn by the run and checkpoint it names where these are here."""
        try:
            note = note_of(path)
        except UserError as error:
            self._session.post(explain(error), ERROR)
            return
        if note.walk is not None:
            text = self.tr("This is a walk. The command sample RUN --from FILE draws it again.")
            self._session.post(text, INFO)
            return
        self._later = (note, path.name)
        run = next((one.folder for one in self._session.run_index.runs if one.folder.name == note.run), None)
        source, facts = self._explorer.source, self._explorer.facts
        here = source is not None and (run is None or source.folder == run)
        if run is not None and not (here and facts is not None and facts.drew(note)):
            self.open_run(run, note.iteration, POST_HOC if is_post_hoc(note.weights) else "")
        if self._explorer.facts is not None:  # Otherwise when it is loaded.
            self.show_opened()

    def show_opened(self) -> None:
        """Show the samples of the file that was opened last, now that there is a model to draw with."""
        source, facts = self._explorer.source, self._explorer.facts
        if self._later is None or source is None or facts is None:
            return
        (note, name), self._later = self._later, None
        view = Opened(name, note.spots[:MOST_ON_PATH], note.truncation)
        if not self._explorer.fits(view):
            text = self.tr("{0} was drawn by another network ({1}), which is not here.")
            self._session.post(text.format(name, note.run or self.tr("unknown")), ERROR)
            return
        if note.run != source.folder.name or not facts.drew(note):
            self._session.post(self._not_the_same(name, note), INFO)
        elif drawn_otherwise(RunDirectory(source.folder), note):
            text = self.tr(
                "{0} was drawn in other steps or uncleaned. The command sample RUN --from FILE draws just that."
            )
            self._session.post(text.format(name), INFO)
        self._explorer.show(view)

    def _forget_opened(self) -> None:
        self._later = None

    def _not_the_same(self, name: str, note: Note) -> str:
        if note.iteration is None:
            return self.tr("{0} does not say which checkpoint drew it, so this may be another picture.").format(name)
        text = self.tr("{0} was drawn by {1} at iteration {2:,}, which is not here: this may be another picture.")
        return text.format(name, note.run, note.iteration)

    # Pictures to be found

    @staticmethod
    def holds_picture(data: QMimeData) -> bool:
        """Whether a drop may hold a picture."""
        return holds_sources(data)

    def picture_in(self, data: QMimeData) -> tuple[bytes, str] | None:
        """The picture of a drop or of the clipboard, and its name. Raises UserError."""
        found = sources_of(data)
        if not found:
            return None
        first = found[0]
        if isinstance(first, Path):
            return exploring.picture_from(first), first.name
        image = data.imageData()
        return (png_bytes(image), self.tr("pasted picture")) if isinstance(image, QImage) else None

    def ask_picture(self) -> None:
        """Ask for a picture file, and find it in the model."""
        last = QSettings().value(_PICTURES)
        folder = str(last) if last and Path(str(last)).is_dir() else str(Path.home())
        name, _ = QFileDialog.getOpenFileName(self._window, self.tr("Find a picture in the model"), folder)
        if not name:
            return
        QSettings().setValue(_PICTURES, str(Path(name).parent))
        try:
            self.project(exploring.picture_from(Path(name)), Path(name).name)
        except UserError as error:
            self._session.post(explain(error), ERROR)

    def paste(self) -> None:
        """Find the picture on the clipboard in the model."""
        try:
            picture = self.picture_in(QGuiApplication.clipboard().mimeData())
        except UserError as error:
            self._session.post(explain(error), ERROR)
            return
        if picture is None:
            self._session.post(self.tr("There is no picture on the clipboard."), INFO)
            return
        self.project(*picture)

    def project(self, data: bytes, name: str) -> None:
        """Find a picture in the model, in a dialog; what was found can be kept."""
        source, facts = self._explorer.source, self._explorer.facts
        if source is None or facts is None:
            return
        try:
            picture = exploring.fitted(source.folder, facts, data)
        except UserError as error:
            self._session.post(explain(error), ERROR)
            return
        self.project_pixels(picture, name)

    def project_pixels(self, picture: Pixels, name: str) -> None:
        """Find a picture of the model's size in it, (H, W, C)."""
        from gandam_studio.qt.explore.project_dialog import ProjectDialog

        dialog = ProjectDialog(self._explorer, picture, name, self._window)
        if run_dialog(dialog) != QDialog.DialogCode.Accepted or dialog.cell is None:
            return
        if self._favourites.holds(dialog.cell):  # The same picture was looked for before.
            self._session.post(self.tr("This sample is a favourite already."), INFO)
        else:
            self._favourites.toggle(dialog.cell)

    def project_nearest(self) -> None:
        """Find the training picture nearest to the chosen sample in the model: how well does it know that one?"""
        picture = self._panel.nearest_picture
        if picture is None:
            self._session.post(self.tr("The nearest training picture is not known yet."), INFO)
        else:
            name = self.tr("training picture near {0}").format(self._panel.name.text())
            self.project_pixels(picture, name)
