"""Dialog to cut a sprite sheet, with a preview of the rectangles that the import will use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.importing import Components, Grid, propose, propose_key, regions
from gandam_studio.core.importing.sheets import Region
from gandam_studio.core.pictures.decoding.limits import UnreadablePicture
from gandam_studio.core.pictures.decoding.parts import keyed
from gandam_studio.qt import theme
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.cell_painter import checker_brush
from gandam_studio.qt.widgets.fitting import resize_within_screen
from gandam_studio.qt.widgets.numbers import WholeBox
from gandam_studio.qt.widgets.picture_cache import image_from_rgba

RECUT_MS = 120


class SheetDialog(QDialog):
    """Attributes:
    slicing: how to cut the sheet.
    key: the colour to make transparent, or None.
    found: the resulting rectangles.

    `pixels` is the sheet, canonical RGBA (H, W, 4) uint8. Nothing is decoded here, because the file is untrusted; see
    `core.importing.preview.load_picture`.
    """

    def __init__(self, name: str, pixels: NDArray[np.uint8], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Cut a sprite sheet: {0}").format(name))
        resize_within_screen(self, 980, 660)
        self._sheet = pixels
        self._proposed_key = propose_key(pixels)
        self.key = self._proposed_key
        self._pixels = pixels if self.key is None else keyed(pixels, self.key)
        self._proposals = propose(self._pixels)
        self.slicing: Grid | Components = self._proposals[0] if self._proposals else Components()
        self.found: list[Region] = []
        self.preview = _Preview(self._pixels)
        self._make_fields()
        self._lay_out()
        self._recut_later = QTimer(self, singleShot=True, interval=RECUT_MS)
        self._recut_later.timeout.connect(self._recut)
        self._show_slicing(self.slicing)
        self._recut()

    def choose(self, slicing: Grid | Components) -> None:
        """Set how to cut, as if entered in the fields."""
        self._show_slicing(slicing)
        self._recut()

    def _make_fields(self) -> None:
        self.kind = QComboBox()
        self.kind.addItems([self.tr("By a grid"), self.tr("Into separate shapes")])
        self.kind.currentIndexChanged.connect(self._change_kind)
        height, width = self._pixels.shape[:2]
        self.grid_fields = {
            "width": _field(1, width), "height": _field(1, height), "left": _field(0, width), "top": _field(0, height),
            "gap_x": _field(0, width), "gap_y": _field(0, height),
        }  # fmt: skip
        self.shape_fields = {"join": _field(0, 64), "smallest": _field(1, 1 << 20)}
        for field in (*self.grid_fields.values(), *self.shape_fields.values()):
            field.valueChanged.connect(lambda _value: self._recut_later.start())
        self.result_label = QLabel(wordWrap=True)
        name = "#{:02x}{:02x}{:02x}".format(*self.key) if self.key else ""
        self.key_box = QCheckBox(self.tr("Make the background {0} transparent").format(name))
        self.key_box.setChecked(self.key is not None)
        self.key_box.setVisible(self.key is not None)
        self.key_box.toggled.connect(self._change_key)

    def _lay_out(self) -> None:
        names = {
            "width": self.tr("Cell width"), "height": self.tr("Cell height"), "left": self.tr("Left margin"),
            "top": self.tr("Top margin"), "gap_x": self.tr("Horizontal gap"), "gap_y": self.tr("Vertical gap"),
            "join": self.tr("Join gaps up to"), "smallest": self.tr("Minimum pixels"),
        }  # fmt: skip
        self.pages = QStackedWidget()
        for fields in (self.grid_fields, self.shape_fields):
            page = QWidget()
            form = QFormLayout(page)
            form.setContentsMargins(0, 0, 0, 0)
            form.setVerticalSpacing(theme.SPACE)
            for key, field in fields.items():
                field.setAccessibleName(names[key])
                form.addRow(names[key], field)
            self.pages.addWidget(page)
        side = QVBoxLayout()
        side.setSpacing(16)
        side.addWidget(self.kind)
        side.addWidget(self.pages)
        side.addWidget(self.key_box)
        side.addWidget(self.result_label)
        side.addStretch()
        area = QScrollArea()
        area.setWidget(self.preview)
        area.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(area, 1)
        row.addLayout(side)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.import_button = self.buttons.addButton(self.tr("Import"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        layout.addLayout(row, 1)
        layout.addWidget(self.buttons)

    def _show_slicing(self, slicing: Grid | Components) -> None:
        is_grid = isinstance(slicing, Grid)
        self.kind.setCurrentIndex(0 if is_grid else 1)
        for key, field in (self.grid_fields if is_grid else self.shape_fields).items():
            field.setValue(getattr(slicing, key))

    def _change_kind(self, index: int) -> None:
        self.pages.setCurrentIndex(index)
        proposal = next((one for one in self._proposals if isinstance(one, Grid) == (index == 0)), None)
        fields = self.grid_fields if index == 0 else self.shape_fields
        if proposal is None:
            height, width = self._pixels.shape[:2]
            proposal = Grid(min(64, width), min(64, height)) if index == 0 else Components()
        for key, field in fields.items():
            field.setValue(getattr(proposal, key))
        self._recut_later.start()

    def _change_key(self, wanted: bool) -> None:
        self.key = self._proposed_key if wanted else None
        self._pixels = self._sheet if self.key is None else keyed(self._sheet, self.key)
        self.preview.show_pixels(self._pixels)
        self._recut()

    def _recut(self) -> None:
        try:
            if self.kind.currentIndex() == 0:
                self.slicing = Grid(**{key: field.value() for key, field in self.grid_fields.items()})
            else:
                self.slicing = Components(**{key: field.value() for key, field in self.shape_fields.items()})
            self.found = regions(self._pixels, self.slicing)
            self.result_label.setText(sprites(len(self.found)))
        except (UnreadablePicture, ValueError) as error:
            self.found = []
            self.result_label.setText(str(error))
        self.preview.show_regions(self.found)
        self.import_button.setEnabled(bool(self.found))


class _Preview(QWidget):
    """The sheet with the rectangles drawn over it."""

    def __init__(self, pixels: np.ndarray) -> None:
        super().__init__()
        self.show_pixels(pixels)
        # Small sheets are enlarged by a whole factor; large ones scroll.
        self._factor = max(1, min(4, 640 // max(self._pixmap.width(), self._pixmap.height())))
        self._regions: list[Region] = []
        self.setFixedSize(QSize(self._pixmap.width(), self._pixmap.height()) * self._factor)

    def show_pixels(self, pixels: np.ndarray) -> None:
        self._pixmap = QPixmap.fromImage(image_from_rgba(pixels))
        self.update()

    def show_regions(self, found: list[Region]) -> None:
        self._regions = found
        self.setAccessibleDescription(str(len(found)))
        self.update()

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        painter.fillRect(event.rect(), checker_brush(self.devicePixelRatioF()))
        painter.drawPixmap(QRectF(self.rect()), self._pixmap, QRectF(self._pixmap.rect()))
        painter.setPen(QPen(theme.color("accent"), 1))
        painter.setBrush(theme.color("accent", 0.10))
        factor = self._factor
        for x, y, w, h in self._regions:
            painter.drawRect(QRectF(x * factor + 0.5, y * factor + 0.5, w * factor - 1, h * factor - 1))


def _field(low: int, high: int) -> WholeBox:
    box = WholeBox()
    box.setRange(low, max(low, high))
    box.setSuffix(" px")
    return box
