"""The export dialog: format, handling of pictures, target."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSettings, QSize, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.exporting import ALL, FORMATS, target_problem
from gandam_studio.core.versions import ManifestVersion
from gandam_studio.qt import theme
from gandam_studio.qt.widgets.fitting import resize_within_screen
from gandam_studio.qt.widgets.outside_text import wrapped
from gandam_studio.qt.widgets.path_field import PathField
from gandam_studio.qt.widgets.targets import ask_target, target_trouble

_SETTING = "versions/export_folder"
MANY = 5_000


@dataclass(frozen=True)
class ExportRequest:
    """The choices made in the dialog; see `core.exporting.export`."""

    out: str
    format: str
    pictures: str
    force: bool
    classes: str = ""
    captions: bool = False


class ExportDialog(QDialog):
    """Attributes:
    request: the choices when the dialog was accepted.
    """

    def __init__(self, version: ManifestVersion, parent: QWidget | None = None, near: Path | None = None) -> None:
        """`near`: the workspace's folder, into which nothing is exported."""
        super().__init__(parent)
        self._version, self._near = version, () if near is None else (near,)
        self.request: ExportRequest | None = None
        self.setWindowTitle(self.tr("Export {0}").format(version.label))
        self.formats = QListWidget()
        self.formats.setAccessibleName(self.tr("Format"))
        self.pictures = QComboBox()
        self.target = PathField()
        self.target.setAccessibleName(self.tr("Save to"))
        self.target.textChanged.connect(lambda _text: self._check())
        self.browse = QPushButton(self.tr("Browse…"))
        self.browse.clicked.connect(self._browse)
        self.replace = QCheckBox(self.tr("Replace existing files"))
        self.replace.toggled.connect(lambda _on: self._check())
        self.classes = QLineEdit()
        self.classes.setPlaceholderText(self.tr("None; or tags such as knight, slime; or * for all tags"))
        self.captions = QCheckBox(self.tr("A text file with the tags of each picture"))
        self.pictures.currentIndexChanged.connect(lambda _index: self._change_pictures())
        self.remark = QLabel(wordWrap=True)
        self.remark.setProperty("role", "secondary")
        self.problem = QLabel(wordWrap=True)
        self.problem.setProperty("role", "error")
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.export = self.buttons.addButton(self.tr("Export"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.export.setProperty("role", "primary")
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self._fill()
        self._lay_out()
        self.formats.currentRowChanged.connect(lambda _row: self._choose_format())
        self.formats.setCurrentRow(0)

    @property
    def format(self) -> str:
        """The chosen format."""
        return str(self.formats.currentItem().data(Qt.ItemDataRole.UserRole))

    def _fill(self) -> None:
        titles = {
            "pngs": self.tr("Folder of PNGs"),
            "jsonl": self.tr("List of sprites (JSON lines)"),
            "csv": self.tr("Table (CSV)"),
            "parquet": self.tr("Table (Parquet)"),
            "imagefolder": self.tr("Hugging Face image folder"),
            "stylegan": self.tr("StyleGAN2 / StyleGAN3 zip"),
            "webdataset": self.tr("WebDataset shards"),
            "croissant": self.tr("Croissant"),
            "coco": self.tr("COCO"),
            "fiftyone": self.tr("FiftyOne"),
            ALL: self.tr("All formats, side by side"),
        }
        for name in (*FORMATS, ALL):
            item = QListWidgetItem(titles.get(name) or FORMATS[name].title)
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setSizeHint(QSize(0, self.fontMetrics().height() + 14))
            problem = FORMATS[name].problem() if name in FORMATS else ""
            if problem:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
                item.setToolTip(problem)
            self.formats.addItem(item)

    def _lay_out(self) -> None:
        where = QHBoxLayout()
        where.setSpacing(theme.SPACE)
        where.addWidget(self.target, 1)
        where.addWidget(self.browse)
        form = QFormLayout()
        form.setVerticalSpacing(theme.SPACE + theme.HALF)
        form.addRow(self.tr("Pictures"), self.pictures)
        form.addRow(self.tr("Classes"), self.classes)
        form.addRow(self.tr("Captions"), self.captions)
        form.addRow(self.tr("Save to"), where)
        form.addRow("", self.replace)
        right = QVBoxLayout()
        right.addWidget(self.remark)
        right.addSpacing(theme.SPACE)
        right.addLayout(form)
        right.addStretch()
        self.formats.setFixedWidth(self.fontMetrics().averageCharWidth() * 36)
        columns = QHBoxLayout()
        columns.setSpacing(2 * theme.SPACE)
        columns.addWidget(self.formats)
        columns.addLayout(right, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE)
        layout.setSpacing(2 * theme.SPACE)
        layout.addLayout(columns, 1)
        layout.addWidget(self.problem)
        layout.addWidget(self.buttons)
        resize_within_screen(self, 820, 420)

    def _choose_format(self) -> None:
        form = FORMATS.get(self.format)
        texts = {
            "none": self.tr("No pictures, only the list"),
            "copy": self.tr("Originals, copied unchanged"),
            "link": self.tr("Originals, hard-linked (no extra space)"),
            "render": self.tr("Ready for training: edits and recipe applied"),
            "edit": self.tr("Edited: flips, crops and turns applied, at their own size"),
        }
        self.pictures.clear()
        for name in form.pictures if form else ():
            self.pictures.addItem(texts[name], name)
        if form is None:
            self.pictures.addItem(self.tr("What each format usually has"), "")
        self.pictures.setEnabled(self.pictures.count() > 1)
        self._enable_text_options()
        self.remark.setText(f"{form.title}." if form else self.tr("A folder with every format available here."))
        folder = QSettings().value(_SETTING) or str(Path.home())
        name = form.path if form else "export"
        self.target.setText(str(Path(str(folder)) / f"{self._version.label}-{name}"))
        self._check()

    def _change_pictures(self) -> None:
        self._enable_text_options()
        self._check()

    def _enable_text_options(self) -> None:
        """Enable classes and captions if the format supports them."""
        form = FORMATS.get(self.format)
        self.classes.setEnabled(form is None or form.classes)
        self.captions.setEnabled(form is None or form.can_caption(str(self.pictures.currentData())))

    def _is_folder(self) -> bool:
        form = FORMATS.get(self.format)
        return form is None or form.is_folder(str(self.pictures.currentData()))

    def _browse(self) -> None:
        name = ask_target(self, self.target.text(), folder=self._is_folder())
        if name:
            self.target.setText(name)

    def _check(self) -> None:
        """Say what is wrong with the target, and offer to replace what is there if that would help."""
        text = self.target.text().strip()
        problem = target_trouble(text, lambda force: self._problem(text, force=force) if text else "", self.replace)
        self.problem.setText(wrapped(problem))
        self.problem.setVisible(bool(problem))
        self.export.setEnabled(bool(text) and not problem)

    def _problem(self, text: str, *, force: bool) -> str:
        """Why nothing can be exported to the target, as a sentence, or ""."""
        if force and _has_many(Path(text)):  # The export itself tells: reading the list of its files takes a while.
            return ""
        pictures = str(self.pictures.currentData() or "")
        problem = target_problem(text, self.format, pictures, force=force, near=self._near)
        return f"{problem[:1].upper()}{problem[1:]}." if problem else ""

    def _accept(self) -> None:
        text = self.target.text().strip()
        self.request = ExportRequest(
            text,
            self.format,
            str(self.pictures.currentData() or ""),
            not self.replace.isHidden() and self.replace.isChecked(),
            self.classes.text().strip() if self.classes.isEnabled() else "",
            self.captions.isEnabled() and self.captions.isChecked(),
        )
        if "://" not in text:
            QSettings().setValue(_SETTING, str(Path(text).parent))
        self.accept()


def _has_many(folder: Path) -> bool:
    """Whether there are so many files in a folder that their list is not read at every key press."""
    try:
        with os.scandir(folder) as entries:
            return len(list(itertools.islice(entries, MANY))) == MANY
    except OSError:
        return False
