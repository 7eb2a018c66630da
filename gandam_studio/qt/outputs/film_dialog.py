"""Make a film of a run's samples over time: GIF, MP4, animated PNG or WebP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs.film import LEAST_MS, FilmPlan, check_film, film_size, write_film
from gandam_studio.qt.outputs.output_dialog import OutputDialog
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.numbers import WholeBox
from trainer.protocol.events import SamplesSaved
from trainer.protocol.run_directory import RunDirectory

MOST_MOMENTS = 1000


class FilmDialog(OutputDialog):
    """Attributes:
    what, cell, kind, scale, frame, moments: the choices.
    """

    setting = "film/folder"

    def __init__(
        self,
        session: Session,
        run: RunDirectory,
        samples: Sequence[SamplesSaved],
        cell: int | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """`cell`: the sample chosen at first, None for all of them."""
        super().__init__(session, "", "", parent)
        self.setWindowTitle(self.tr("Film of the samples"))
        self.start_button.setText(self.tr("Make the film"))
        self._run, self._samples = run, list(samples)
        self._proposed = ""
        last = samples[-1] if samples else SamplesSaved(rows=1, columns=1, size=1)
        cells = max(1, last.rows * last.columns)
        self.what = QComboBox()
        self.what.addItem(self.tr("All samples: the same ones over time"), ("fixed", False))
        self.what.addItem(self.tr("One sample over time"), ("fixed", True))
        self.what.addItem(self.tr("All samples: new random ones each time"), ("random", False))
        self.cell = WholeBox(minimum=1, maximum=cells, value=min(cells, (cell or 0) + 1))
        self.kind = QComboBox()
        for text, suffix in (
            (self.tr("GIF: plays everywhere, 256 colours a frame"), ".gif"),
            (self.tr("MP4: small, no transparency"), ".mp4"),
            (self.tr("Animated PNG: exact colours and transparency"), ".png"),
            (self.tr("WebP: the same, smaller, for the web"), ".webp"),
        ):
            self.kind.addItem(text, suffix)
        self.scale = WholeBox(minimum=1, maximum=32, value=_fitting(last, one=cell is not None))
        self.scale.setSuffix(self.tr(" times as large"))
        self.frame = WholeBox(minimum=LEAST_MS, maximum=5000, value=150, singleStep=10)
        self.frame.setSuffix(self.tr(" ms each"))
        self.moments = WholeBox(
            minimum=2, maximum=MOST_MOMENTS, value=min(MOST_MOMENTS, max(2, min(200, len(samples))))
        )
        self.size_note = QLabel()
        self.size_note.setProperty("role", "secondary")
        self.add_row(self.tr("&Show"), self.what)
        self.add_row(self.tr("Sample &number"), self.cell)
        self.add_row(self.tr("&Format"), self.kind)
        self.add_row(self.tr("Si&ze"), self.scale)
        self.add_row(self.tr("&Time"), self.frame)
        self.add_row(self.tr("&Moments, at most"), self.moments)
        self.form.addRow("", self.size_note)
        self.add_target_row()
        self.what.setCurrentIndex(0 if cell is None else 1)
        for box in (self.what, self.kind):
            box.currentIndexChanged.connect(lambda _index: self._change())
        for spin in (self.cell, self.scale, self.frame, self.moments):
            spin.valueChanged.connect(lambda _value: self._change())
        self._change()

    @property
    def plan(self) -> FilmPlan:
        """The choices."""
        which, one = self.what.currentData()
        return FilmPlan(
            which, self.cell.value() - 1 if one else None, self.scale.value(), self.frame.value(),
            hold_ms=max(1000, self.frame.value()), most=self.moments.value(),
        )  # fmt: skip

    def _change(self) -> None:
        self.form.setRowVisible(self.cell, bool(self.what.currentData()[1]))
        try:
            width, height, count = film_size(self._samples, self.plan)
            seconds = (count - 1) * self.frame.value() / 1000 + self.plan.hold_ms / 1000
            text = self.tr("{0:,} × {1:,} pixels, {2:,} moments, {3:.1f} s").format(width, height, count, seconds)
        except UserError:
            text = ""
        self.size_note.setText(text)
        typed = self.target.text().strip()
        if not typed or typed == self._proposed:
            which, one = self.what.currentData()
            name = f"sample-{self.cell.value()}" if one else f"{which}-samples"
            self.propose(f"{self._run.name}-{name}", self.kind.currentData())
            self._proposed = self.target.text().strip()
        elif Path(typed).suffix.lower() != self.kind.currentData():
            self.target.setText(str(Path(typed).with_suffix(self.kind.currentData())))
        self.check()

    def reason(self, target: Path, *, force: bool) -> str:
        """Why nothing can be written to `target`, or "". Raises UserError."""
        film_size(self._samples, self.plan)
        if target.suffix.lower() != self.kind.currentData():
            return self.tr("The name must end in {0}.").format(self.kind.currentData())
        check_film(self._run, target, force=force)
        return ""

    def work(self, target: Path, *, force: bool) -> Callable[[Any, Any], Any]:
        """The function that writes to `target`."""
        run, samples, plan = self._run, self._samples, self.plan
        return lambda _workspace, job: write_film(run, samples, target, plan, force=force, job=job)

    def done_text(self, answer: Any, target: Path) -> str:
        """What was written, in a sentence."""
        return self.tr("A film of {0:,} moments is in {1}").format(answer, target)


def _fitting(sample: SamplesSaved, *, one: bool) -> int:
    """An enlargement that gives about 512 pixels."""
    side = sample.size * (1 if one else max(sample.columns, sample.rows))
    return min(32, max(1, 512 // max(1, side)))
