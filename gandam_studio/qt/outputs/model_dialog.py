"""Hand a run's model over: a folder with weights, settings, a model card, and an example that draws from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QCheckBox, QLabel, QPlainTextEdit, QWidget

from gandam_studio.core.runs.model_export import FORMATS, export_model, model_target_problem
from gandam_studio.qt.outputs.output_dialog import OutputDialog
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.outside_text import wrapped
from trainer.protocol.run_directory import RunDirectory


class ModelDialog(OutputDialog):
    """Attributes:
    note: about rights. onnx: whether an ONNX file is written as well.
    """

    setting = "model/folder"

    def __init__(
        self, session: Session, folder: Path, checkpoint: str | None, words: str, parent: QWidget | None = None
    ) -> None:
        """`checkpoint`: what the trainer's --iteration takes; `words`: the same for people."""
        super().__init__(session, "", "", parent)
        self.setWindowTitle(self.tr("Hand the model over"))
        self.start_button.setText(self.tr("Export the model"))
        self._run, self._checkpoint = RunDirectory(folder), checkpoint
        explanation = QLabel(wordWrap=True)
        explanation.setProperty("role", "secondary")
        explanation.setText(
            self.tr(
                "Writes a folder with the weights (safetensors), all settings, a model card with data, diagnosis and "
                "your note, and draw.py, which draws from it without this program."
            )
        )
        self.note = QPlainTextEdit()
        self.note.setPlaceholderText(self.tr("Who may use the model and its pictures, and for what?"))
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(self.fontMetrics().lineSpacing() * 5)
        self.onnx = QCheckBox(self.tr("Also as ONNX, for other programs"))
        self.onnx.setChecked(True)
        self.form.addRow(explanation)
        self.form.addRow(QLabel(self.tr("Checkpoint")), QLabel(words))
        self.add_row(self.tr("Ri&ghts"), self.note)
        self.form.addRow("", self.onnx)
        self.add_target_row()
        at = f"-{checkpoint}" if checkpoint else ""
        self.propose(f"{self._run.name}{at}-model")
        self.check()
        self.note.setFocus()

    def writes_folder(self) -> bool:
        """Whether a folder is written rather than a file."""
        return True

    def reason(self, target: Path, *, force: bool) -> str:
        """Why nothing can be written to `target`, or ""."""
        if problem := model_target_problem(self._run, target):
            return problem
        try:
            filled = target.exists() and any(target.iterdir())
        except OSError as error:
            return f"{target}: {error.strerror or error}"
        return self.tr("{0} exists already").format(target) if filled and not force else ""

    def work(self, target: Path, *, force: bool) -> Callable[[Any, Any], Any]:
        """The function that writes to `target`."""
        run, checkpoint, note = self._run, self._checkpoint, self.note.toPlainText()
        formats = FORMATS if self.onnx.isChecked() else FORMATS[:1]
        return lambda _workspace, job: export_model(
            run, target, note=note, formats=formats, iteration=checkpoint, force=force, job=job
        )

    def done_text(self, answer: Any, target: Path) -> str:
        """What was written, in a sentence."""
        files = answer.get("files", {})
        worst = max(files.values(), default=0.0)
        text = self.tr("The model is in {0}. Its files draw what the checkpoint draws (largest difference {1}).")
        text = text.format(target, f"{worst:.1g}")
        for name, reason in answer.get("skipped", {}).items():
            text += "\n" + wrapped(self.tr("Not written: {0} ({1})").format(name, reason))
        return text
