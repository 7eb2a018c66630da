"""Find a picture in the model (projection): the picture, what comes nearest to it so far, and how near that is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs.drawing import Answer, Request
from gandam_studio.core.runs.exploring import Pixels
from gandam_studio.qt import theme
from gandam_studio.qt.explore.cells import Cell, cells_of
from gandam_studio.qt.explore.explorer import Explorer
from gandam_studio.qt.failures import as_sentence
from gandam_studio.qt.following.pictures import to_image
from gandam_studio.qt.widgets.fitting import grow_to_text
from gandam_studio.qt.widgets.picture_view import PictureView

SIDE = 224
NEAR, FAR = 4.0, 12.0
"""Mean errors in levels of 255 below which a picture was met, and above which it is another one."""


class ProjectDialog(QDialog):
    """Begins at once; closing it cancels the search.

    Attributes:
        wanted, found: the two pictures. result: the sample that was found, None before. per_stage: search nearer.
        keep_button: closes it with the sample. told: how near it comes.
    """

    def __init__(self, explorer: Explorer, picture: Pixels, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Find a picture in the model"))
        self._explorer, self._picture, self._name = explorer, picture, name
        self._request: Request | None = None
        self.cell: Cell | None = None
        self.wanted, self.found = PictureView(SIDE), PictureView(SIDE)
        self.wanted.setAccessibleName(self.tr("The picture"))
        self.found.setAccessibleName(self.tr("The nearest sample"))
        self.wanted.show_image(to_image(picture))
        explanation = QLabel(wordWrap=True)
        explanation.setProperty("role", "secondary")
        explanation.setText(
            self.tr(
                "The seed whose sample comes nearest is searched for (projection). A model can only draw what is like "
                "its training pictures."
            )
        )
        self.per_stage = QCheckBox(self.tr("Come nearer: a seed for each stage, from shape to details"))
        self.per_stage.setToolTip(self.tr("Nearer to pictures that the model would not draw; variations are wilder."))
        stages = explorer.facts.stages if explorer.facts is not None else 1
        self.per_stage.setVisible(stages > 1)
        self.per_stage.toggled.connect(lambda _on: self.start())
        self.told = QLabel(wordWrap=True)
        self.told.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(self.tr("Progress"))
        buttons = QDialogButtonBox()
        self.keep_button = QPushButton(self.tr("Keep as favourite"))
        self.close_button = QPushButton(self.tr("Cancel"))
        buttons.addButton(self.keep_button, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.close_button, QDialogButtonBox.ButtonRole.RejectRole)
        self.keep_button.clicked.connect(lambda _checked=False: self.accept())
        self.close_button.clicked.connect(lambda _checked=False: self.reject())
        self.keep_button.setDefault(True)
        pictures = QHBoxLayout()
        pictures.setSpacing(2 * theme.SPACE)
        for title, view in ((self.tr("The picture"), self.wanted), (self.tr("Nearest sample"), self.found)):
            label = QLabel(title)
            label.setProperty("role", "section")
            column = QVBoxLayout()
            column.setSpacing(theme.HALF)
            column.addWidget(label)
            column.addWidget(view)
            pictures.addLayout(column)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE)
        layout.setSpacing(theme.SPACE + theme.HALF)
        layout.addWidget(explanation)
        layout.addLayout(pictures)
        layout.addWidget(self.per_stage)
        layout.addWidget(self.told)
        layout.addWidget(self.bar)
        layout.addWidget(buttons)
        self.start()

    def start(self) -> None:
        """Search, from the beginning."""
        self._stop()
        self.cell = None
        self.keep_button.setEnabled(False)
        self.bar.setRange(0, 0)
        self.bar.show()
        facts = self._explorer.facts
        is_flow = facts is not None and facts.is_flow
        self.told.setText(self.tr("Searching… A flow takes some minutes.") if is_flow else self.tr("Searching…"))
        values = {"shape": list(self._picture.shape), "per_stage": self.per_stage.isChecked()}
        self._request = self._explorer.ask(
            "project", values, [self._picture.tobytes()], self._finish, self._progress, self._fail
        )

    def _progress(self, answer: Answer) -> None:
        done = answer.values.get("progress")
        if isinstance(done, list) and len(done) == 2:
            self.bar.setRange(0, int(done[1]))
            self.bar.setValue(int(done[0]))
        try:
            if answer.parts:
                self.found.show_image(to_image(answer.pictures()[0]))
            self.told.setText(self.tr("Searching… {0} levels of 255 away").format(f"{answer.number('error_now'):.1f}"))
        except UserError:
            return

    def _finish(self, answer: Answer) -> None:
        try:
            self.cell = cells_of(answer, [self._name])[0]
            error = answer.number("mean_error")
        except (UserError, IndexError) as problem:
            self._fail(problem)
            return
        self.found.show_image(self.cell.image())
        if error < NEAR:
            text = self.tr("Found: {0} levels of 255 away on average. That is the same picture to the eye.")
        elif error < FAR:
            text = self.tr("Near: {0} levels of 255 away on average.")
        else:
            text = self.tr("Not near: {0} levels of 255 away on average. This model does not draw such a picture.")
        self.told.setText(text.format(f"{error:.1f}"))
        self.bar.hide()
        self.keep_button.setEnabled(True)
        self.keep_button.setFocus()
        grow_to_text(self)

    def _fail(self, error: Exception) -> None:
        self.told.setText(as_sentence(str(error)))
        self.bar.hide()
        grow_to_text(self)

    def _stop(self) -> None:
        self._explorer.drawer.cancel(self._request)
        self._request = None

    def done(self, result: int) -> None:
        """Stop searching and close."""
        self._stop()
        super().done(result)
