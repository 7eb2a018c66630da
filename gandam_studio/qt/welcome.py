"""The welcome page: create a workspace, open one, or continue with a recent one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QPushButton, QVBoxLayout, QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.screen import EmptyState

RECENT = 6
_KEY = "window/recent"


def recent_folders() -> list[Path]:
    """Recently opened workspaces that still exist, newest first."""
    stored = QSettings().value(_KEY) or []
    names = [stored] if isinstance(stored, str) else list(stored)
    return [Path(name) for name in names if (Path(name) / "workspace.sqlite").is_file()][:RECENT]


def remember_folder(folder: Path) -> None:
    """Put a workspace first in the recent ones."""
    recent = recent_folders()
    if recent[:1] != [folder]:
        others = [str(other) for other in recent if other != folder]
        QSettings().setValue(_KEY, [str(folder), *others][:RECENT])


class Welcome(QWidget):
    """Signals:
    open_requested: the workspace in this folder should be shown (`Path`).
    create_requested: a workspace should be created in this folder and shown (`Path`).
    """

    open_requested = Signal(Path)
    create_requested = Signal(Path)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        state = EmptyState(
            "sample",
            self.tr("Welcome to GANdam Studio"),
            self.tr(
                "A workspace is a folder that keeps every decision about your sprites. "
                "Your files are copied into it and never changed."
            ),
        )
        state.add_button(self.tr("New workspace…"), self.ask_new, icon="plus", primary=True)
        state.add_button(self.tr("Open workspace…"), self.ask_open, icon="folder")
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
        for folder in recent_folders():
            button = QPushButton(f"{folder.name}   –   {folder.parent}")
            button.setProperty("role", "quiet")
            button.clicked.connect(lambda _checked=False, folder=folder: self.open_requested.emit(folder))
            self._recent.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)

    def ask_new(self) -> None:
        """Ask for the folder of a new workspace."""
        title = self.tr("New workspace: choose a new or empty folder")
        name, _ = QFileDialog.getSaveFileName(
            self, title, str(Path.home() / "sprites"), options=QFileDialog.Option.ShowDirsOnly
        )
        if name:
            self.create_requested.emit(Path(name))

    def ask_open(self) -> None:
        """Ask for a workspace's folder to open."""
        name = QFileDialog.getExistingDirectory(self, self.tr("Open a workspace folder"))
        if name:
            self.open_requested.emit(Path(name))
