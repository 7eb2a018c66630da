"""The question whether a new workspace should be made of what was dropped, pasted or chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.workspace.proposing import beside_sources, propose_folder
from gandam_studio.qt import theme
from gandam_studio.qt.background import BackgroundTask
from gandam_studio.qt.widgets.fitting import grow_to_text
from gandam_studio.qt.widgets.outside_text import wrapped

if TYPE_CHECKING:
    from gandam_studio.core.importing import Pasted

WIDTH = 640  # logical pixels


class OfferDialog(QDialog):
    """Proposes a folder for the workspace, and says what will be imported.

    `title` names the sources if their paths say nothing; `usual_name` is the folder's name in that case.

    Attributes:
        question: the label that asks, with the number of files once they are counted.
        place: the folder, which can be edited.
    """

    def __init__(
        self,
        sources: Sequence[Path | Pasted],
        title: str = "",
        usual_name: str = "sprites",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("New workspace"))
        paths = [source for source in sources if isinstance(source, Path)]
        # A bundled set lies among the program's own files.
        name, beside = beside_sources(paths) if paths and not title else (usual_name, Path.home())
        self.question = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.question.setProperty("role", "headline")
        note = QLabel(
            self.tr("The workspace keeps copies and every decision about them. Your files are never changed."),
            wordWrap=True,
        )
        note.setProperty("role", "secondary")
        self.place = QLineEdit(str(propose_folder(name, beside)))
        self.place.setAccessibleName(self.tr("Folder of the new workspace"))
        self.place.textChanged.connect(lambda _text: self._enable())
        label = QLabel(self.tr("Folder"))
        label.setBuddy(self.place)
        change = QPushButton(self.tr("Change…"))
        change.setAutoDefault(False)
        change.clicked.connect(lambda _checked=False: self._ask_place())
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE)
        for widget in (label, self.place, change):
            row.addWidget(widget)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.make_button = buttons.addButton(
            self.tr("Make workspace and import"), QDialogButtonBox.ButtonRole.AcceptRole
        )
        self.make_button.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(2 * theme.SPACE)
        layout.addWidget(self.question)
        layout.addWidget(note)
        layout.addLayout(row)
        layout.addSpacing(theme.SPACE)
        layout.addWidget(buttons)
        self._task: BackgroundTask | None = None
        self._ask(title or self._what(sources))
        if not title and any(path.is_dir() for path in paths):
            self._count(paths)
        elif len(paths) > 1:
            self._show_count(len(paths))

    def sizeHint(self) -> QSize:
        """Wide enough to read a path, and as high as that needs."""
        return QSize(WIDTH, max(super().sizeHint().height(), self.heightForWidth(WIDTH)))

    def showEvent(self, event: QShowEvent) -> None:
        """Show all of the text, also where the screen allows less than the usual width."""
        super().showEvent(event)
        grow_to_text(self)

    @property
    def folder(self) -> Path:
        """The folder chosen for the workspace."""
        return Path(self.place.text().strip()).expanduser()

    def done(self, result: int) -> None:
        """Stop counting, then close."""
        if self._task is not None:
            self._task.abandon()
            self._task.wait()
        super().done(result)

    def _what(self, sources: Sequence[Path | Pasted]) -> str:
        only = sources[0]
        if not isinstance(only, Path):
            return self.tr("the pasted picture")
        return only.name or str(only)

    def _ask(self, what: str) -> None:
        self.question.setText(wrapped(self.tr("Make a workspace and import {0}?").format(what), word=30))

    def _count(self, paths: list[Path]) -> None:
        def work(_workspace: Any, job: Any) -> int:
            # Imported late: it pulls in the decoders.
            from gandam_studio.core.importing.scan import count

            return count(paths, job.check)

        self._task = BackgroundTask("", None, work, self)
        self._task.succeeded.connect(self._show_count)
        self._task.ended.connect(self._forget_task)
        self._task.start()

    def _forget_task(self) -> None:
        self._task = None

    def _show_count(self, count: int) -> None:
        self._ask(self.tr("1 file") if count == 1 else self.tr("{0} files").format(f"{count:,}"))

    def _enable(self) -> None:
        self.make_button.setEnabled(bool(self.place.text().strip()))

    def _ask_place(self) -> None:
        title = self.tr("New workspace: choose a new or empty folder")
        name, _ = QFileDialog.getSaveFileName(self, title, self.place.text(), options=QFileDialog.Option.ShowDirsOnly)
        if name:
            self.place.setText(name)
