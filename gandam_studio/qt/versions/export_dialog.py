"""The export dialog: format, handling of pictures, target."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSettings, QSize, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
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

from gandam_studio.core.exporting import ALL, FORMATS
from gandam_studio.core.versions import ManifestVersion
from gandam_studio.qt import theme
from gandam_studio.qt.widgets.fitting import resize_within_screen

_SETTING = "versions/export_folder"


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

    def __init__(self, version: ManifestVersion, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._version = version
        self.request: ExportRequest | None = None
        self.setWindowTitle(self.tr("Export {0}").format(version.label))
        self.formats = QListWidget()
        self.formats.setAccessibleName(self.tr("Format"))
        self.pictures = QComboBox()
        self.target = QLineEdit()
        self.target.setAccessibleName(self.tr("Target"))
        self.target.textChanged.connect(lambda _text: self._check())
        self.browse = QPushButton(self.tr("Browse…"))
        self.browse.clicked.connect(self._browse)
        self.replace = QCheckBox(self.tr("Replace existing files"))
        self.replace.toggled.connect(lambda _on: self._check())
        self.classes = QLineEdit()
        self.classes.setPlaceholderText(self.tr("None; or tags such as knight, slime; or * for all tags"))
        self.captions = QCheckBox(self.tr("A text file with the tags of each picture"))
        self.pictures.currentIndexChanged.connect(lambda _index: self._enable_text_options())
        self.remark = QLabel(wordWrap=True)
        self.remark.setProperty("role", "secondary")
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
            "jsonl": self.tr("Manifest (JSON lines)"),
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
        form.addRow(self.tr("Target"), where)
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
        layout.addWidget(self.buttons)
        resize_within_screen(self, 820, 420)

    def _choose_format(self) -> None:
        form = FORMATS.get(self.format)
        texts = {
            "none": self.tr("None: the list only"),
            "copy": self.tr("Originals, copied unchanged"),
            "link": self.tr("Originals, hard-linked (no extra space)"),
            "render": self.tr("Ready for training: edits and recipe applied"),
        }
        self.pictures.clear()
        for name in form.pictures if form else ():
            self.pictures.addItem(texts[name], name)
        if form is None:
            self.pictures.addItem(self.tr("Default of each format"), "")
        self.pictures.setEnabled(self.pictures.count() > 1)
        self._enable_text_options()
        self.remark.setText(f"{form.title}." if form else self.tr("A folder with every format available here."))
        folder = QSettings().value(_SETTING) or str(Path.home())
        name = form.path if form else "export"
        self.target.setText(str(Path(str(folder)) / f"{self._version.label}-{name}"))
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
        options = QFileDialog.Option.DontConfirmOverwrite
        if self._is_folder():
            options |= QFileDialog.Option.ShowDirsOnly
        name, _ = QFileDialog.getSaveFileName(self, self.windowTitle(), self.target.text(), options=options)
        if name:
            self.target.setText(name)

    def _check(self) -> None:
        text = self.target.text().strip()
        exists = bool(text) and "://" not in text and Path(text).exists()
        self.replace.setVisible(exists)
        self.export.setEnabled(bool(text) and (not exists or self.replace.isChecked()))

    def _accept(self) -> None:
        text = self.target.text().strip()
        self.request = ExportRequest(
            text,
            self.format,
            str(self.pictures.currentData() or ""),
            self.replace.isChecked(),
            self.classes.text().strip() if self.classes.isEnabled() else "",
            self.captions.isEnabled() and self.captions.isChecked(),
        )
        if "://" not in text:
            QSettings().setValue(_SETTING, str(Path(text).parent))
        self.accept()
