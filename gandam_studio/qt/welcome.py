"""The welcome page: drop or paste sprites, create a workspace, open one, or continue with a recent one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton, QVBoxLayout, QWidget

from gandam_studio.core.workspace.proposing import propose_folder
from gandam_studio.qt import theme
from gandam_studio.qt.imports.sources import first_folder, holds_sources, remember_source, sources_of
from gandam_studio.qt.recent import recent_folders
from gandam_studio.qt.screen import EmptyState
from gandam_studio.qt.widgets.drop_frame import DropFrame, TakesDrops
from gandam_studio.qt.widgets.outside_text import tip
from gandam_studio.samples.bundled import sample_sets
from trainer.protocol.untrusted import shortened

if TYPE_CHECKING:
    from gandam_studio.core.importing import Pasted


class Welcome(TakesDrops, QWidget):
    """Signals:
    open_requested: the workspace in this folder should be shown (`Path`).
    create_requested: a workspace should be created in this folder and shown (`Path`).
    import_requested: a workspace should be created in this folder, and the sources imported (`Path`, list).
    message_posted: something to tell the user.
    """

    open_requested = Signal(Path)
    create_requested = Signal(Path)
    import_requested = Signal(Path, list)
    message_posted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        state = EmptyState(
            "sample",
            self.tr("Welcome to GANdam Studio"),
            self.tr(
                "Drop sprites, a folder or an archive here, or paste them, to begin. They are copied into a workspace, "
                "a folder that keeps every decision about them. Your files are never changed."
            ),
        )
        state.add_button(self.tr("Import a folder…"), self.ask_import, icon="import", primary=True)
        state.add_button(self.tr("New workspace…"), self.ask_new, icon="plus")
        state.add_button(self.tr("Open workspace…"), self.ask_open, icon="folder")
        self._samples = [sample for sample in sample_sets() if sample.pictures.is_file()][:1]
        if self._samples:
            state.add_button(self.tr("Try it with sample sprites"), self.offer_samples, icon="sample")
        self.setAcceptDrops(True)
        self.drop_frame = DropFrame(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        paste = QAction(self.tr("Import from the clip&board"), self)
        paste.setShortcut(QKeySequence.StandardKey.Paste)
        paste.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        paste.triggered.connect(lambda _checked=False: self.paste())
        self.addAction(paste)
        self.paste_action = paste
        self._recent = QVBoxLayout()
        self._recent.setSpacing(theme.HALF)
        layout = QVBoxLayout(self)
        layout.addWidget(state, 3)
        layout.addLayout(self._recent)
        layout.addStretch(1)
        self.refresh()

    def refresh(self) -> None:
        """Reload the list of recent workspaces."""
        while (item := self._recent.takeAt(0)) is not None:
            if widget := item.widget():
                widget.deleteLater()
        folders = recent_folders()
        if folders:
            caption = QLabel(self.tr("Opened last"))
            caption.setProperty("role", "section")
            self._recent.addWidget(caption, 0, Qt.AlignmentFlag.AlignHCenter)
        for folder in folders:
            name = f"{shortened(folder.name, 60)}   –   {shortened(str(folder.parent), 100)}"
            button = QPushButton(name.replace("&", "&&"))  # a single & would mark a mnemonic
            button.setToolTip(tip(str(folder)))
            button.setProperty("role", "quiet")
            button.clicked.connect(lambda _checked=False, folder=folder: self.open_requested.emit(folder))
            self._recent.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)

    # Sources

    def take(self, data: QMimeData) -> bool:
        """Offer to make a workspace of dropped or pasted files, or open a dropped workspace; False if it is neither."""
        sources = sources_of(data)
        if len(sources) == 1 and isinstance(sources[0], Path) and (sources[0] / "workspace.sqlite").is_file():
            self.open_requested.emit(sources[0])
        elif sources:
            self.offer(sources)
        return bool(sources)

    def offer(self, sources: Sequence[Path | Pasted], title: str = "", usual_name: str = "sprites") -> None:
        """Ask, without blocking, whether to make a workspace of some sources; see `OfferDialog`."""
        from gandam_studio.qt.imports.offer_dialog import OfferDialog

        dialog = OfferDialog(sources, title, usual_name, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self.import_requested.emit(dialog.folder, list(sources)))
        dialog.open()

    def offer_samples(self) -> None:
        """Ask whether to make a workspace of the bundled sample set."""
        if self._samples:
            self.offer([self._samples[0].pictures], self.tr("the sample sprites"), "sample-sprites")

    def paste(self) -> None:
        """Take the files, paths or picture on the clipboard."""
        data = QGuiApplication.clipboard().mimeData()
        if data is None or not self.take(data):
            self.message_posted.emit(self.tr("The clipboard contains no files or picture."))

    def ask_import(self) -> None:
        """Ask for a folder to make a workspace of."""
        name = QFileDialog.getExistingDirectory(self, self.tr("Import a folder"), first_folder())
        if name:
            remember_source(Path(name))
            data = QMimeData()
            data.setUrls([QUrl.fromLocalFile(name)])
            self.take(data)

    def can_take(self, data: QMimeData) -> bool:
        """Files and pictures."""
        return holds_sources(data)

    def ask_new(self, beside: Path | None = None) -> None:
        """Ask for the folder of a new workspace; proposed in the folder `beside`, by default at home."""
        title = self.tr("New workspace: choose a new or empty folder")
        proposed = propose_folder("sprites", beside or Path.home())
        name, _ = QFileDialog.getSaveFileName(self, title, str(proposed), options=QFileDialog.Option.ShowDirsOnly)
        if name:
            self.create_requested.emit(Path(name))

    def ask_open(self) -> None:
        """Ask for a workspace's folder to open."""
        name = QFileDialog.getExistingDirectory(self, self.tr("Open a workspace folder"))
        if name:
            self.open_requested.emit(Path(name))
