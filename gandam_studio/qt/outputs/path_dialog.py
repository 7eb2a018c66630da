"""Make a film of a path between samples: GIF, MP4, animated PNG or WebP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QWidget

from gandam_studio.core.runs.exploring import there_and_back, write_path
from gandam_studio.core.runs.film import LEAST_MS, FilmPlan, check_film, too_large
from gandam_studio.qt.following.pictures import to_image
from gandam_studio.qt.outputs.output_dialog import OutputDialog
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.numbers import WholeBox
from gandam_studio.qt.widgets.picture_view import FilmView
from trainer.protocol.run_directory import RunDirectory

PREVIEW_SIDE = 128


class PathDialog(OutputDialog):
    """Attributes:
    kind, scale, frame, back: the choices. preview: plays the film.
    """

    setting = "film/folder"

    def __init__(
        self, session: Session, folder: Path, pictures: NDArray[np.uint8], parent: QWidget | None = None, *,
        note: str = "",
    ) -> None:  # fmt: skip
        """`pictures`: (N, H, W, C), those on the path, in order. `folder`: the model's. `note`: stored in the file."""
        super().__init__(session, "", "", parent)
        self.setWindowTitle(self.tr("Film of the path"))
        self.start_button.setText(self.tr("Make the film"))
        self._folder, self._pictures, self._note = folder, pictures, note
        self._proposed = ""
        side = pictures.shape[1]
        self.kind = QComboBox()
        for text, suffix in (
            (self.tr("GIF: plays everywhere, 256 colours a frame"), ".gif"),
            (self.tr("MP4: small, no transparency"), ".mp4"),
            (self.tr("Animated PNG: exact colours and transparency"), ".png"),
            (self.tr("WebP: the same, smaller, for the web"), ".webp"),
        ):
            self.kind.addItem(text, suffix)
        self.scale = WholeBox(minimum=1, maximum=32, value=max(1, min(32, 256 // side)))
        self.scale.setSuffix(self.tr(" times as large"))
        self.frame = WholeBox(minimum=LEAST_MS, maximum=5000, value=60, singleStep=10)
        self.frame.setSuffix(self.tr(" ms each"))
        self.back = QCheckBox(self.tr("And back again, so that it can loop"))
        self.back.setChecked(True)
        self.preview = FilmView(PREVIEW_SIDE)
        self.preview.setAccessibleName(self.tr("The film"))
        self._images = [to_image(picture) for picture in pictures]
        self.size_note = QLabel()
        self.size_note.setProperty("role", "secondary")
        self.add_row(self.tr("&Format"), self.kind)
        self.add_row(self.tr("Si&ze"), self.scale)
        self.add_row(self.tr("&Time"), self.frame)
        self.form.addRow("", self.back)
        self.form.addRow("", self.size_note)
        self.form.addRow("", self.preview)
        self.add_target_row()
        self.kind.currentIndexChanged.connect(lambda _index: self._change())
        self.back.toggled.connect(lambda _on: self._change())
        for box in (self.scale, self.frame):
            box.valueChanged.connect(lambda _value: self._change())
        self.back.toggled.connect(lambda _on: self._play())
        self.frame.valueChanged.connect(lambda _value: self._play())
        self._change()
        self._play()

    @property
    def plan(self) -> FilmPlan:
        """The choices."""
        frame = self.frame.value()
        return FilmPlan(scale=self.scale.value(), frame_ms=frame, hold_ms=frame if self.back.isChecked() else 1000)

    def _size(self) -> tuple[int, int, int]:
        count, height, width = self._pictures.shape[:3]
        frames = count + max(0, count - 2) if self.back.isChecked() else count
        return width * self.scale.value(), height * self.scale.value(), frames

    def _change(self) -> None:
        width, height, frames = self._size()
        seconds = frames * self.frame.value() / 1000
        text = self.tr("{0:,} × {1:,} pixels, {2:,} pictures, {3:.1f} s").format(width, height, frames, seconds)
        self.size_note.setText(text)
        typed, suffix = self.target.text().strip(), self.kind.currentData()
        if not typed or typed == self._proposed:
            self.propose(f"{self._folder.name}-path", suffix)
            self._proposed = self.target.text().strip()
        elif Path(typed).name and Path(typed).suffix.lower() != suffix:
            self.target.setText(str(Path(typed).with_suffix(suffix)))
        self.check()

    def _play(self) -> None:
        frames = there_and_back(self._images) if self.back.isChecked() else self._images
        self.preview.play(frames, self.plan.frame_ms, self.plan.hold_ms)

    def reason(self, target: Path, *, force: bool) -> str:
        """Why nothing can be written to `target`, or "". Raises UserError."""
        if target.suffix.lower() != self.kind.currentData():
            return self.tr("The name must end in {0}.").format(self.kind.currentData())
        if problem := too_large(*self._size()):
            return problem
        check_film(RunDirectory(self._folder), target, force=force)
        return ""

    def work(self, target: Path, *, force: bool) -> Callable[[Any, Any], Any]:
        """The function that writes to `target`."""
        pictures, plan, back, near = self._pictures, self.plan, self.back.isChecked(), [self._folder]
        return lambda _workspace, job: write_path(
            pictures, target, plan, near, back=back, comment=self._note, force=force, job=job
        )

    def done_text(self, answer: Any, target: Path) -> str:
        """What was written, in a sentence."""
        return self.tr("A film of {0:,} pictures is in {1}").format(answer, target)
