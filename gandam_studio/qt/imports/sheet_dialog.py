"""Dialog to cut sprite sheets, with a preview of the rectangles that the import will use."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.importing import Atlas, Components, Cut, Grid, Slicing, propose, propose_key, regions
from gandam_studio.core.importing.preview import Sheet
from gandam_studio.core.importing.sheets import Region, proposed_key
from gandam_studio.core.pictures.decoding.limits import UnreadablePicture
from gandam_studio.core.pictures.decoding.parts import INDEX_0, Key, keyed
from gandam_studio.qt import icons, theme
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.cell_painter import checker_brush
from gandam_studio.qt.widgets.fitting import resize_within_screen
from gandam_studio.qt.widgets.numbers import WholeBox
from gandam_studio.qt.widgets.outside_text import wrapped
from gandam_studio.qt.widgets.picture_cache import image_from_rgba

RECUT_MS = 120
GRID, SHAPES, ATLAS = range(3)
SIDE_PX = 260  # width of the column of fields

Pixels = NDArray[np.uint8]
Load = Callable[[int, Callable[[Sheet], None]], None]
"""Loads the sheet with an index off the GUI thread and passes it on."""


class SheetDialog(QDialog):
    """Attributes:
    slicing: how to cut the sheets.
    key: what to make transparent, or None.
    found: the rectangles on the sheet that is shown.
    names: of the sheets that are cut alike.

    `sheet` is the first sheet, or its canonical RGBA (H, W, 4) uint8. Nothing is decoded here, because the file is
    untrusted; see `core.importing.preview.load_sheet`. `load` brings the others. `atlas` is what is said of the first
    by a description beside it, `cut` what to begin with instead of the likeliest proposal.
    """

    def __init__(
        self,
        names: str | Sequence[str],
        sheet: Sheet | Pixels,
        parent: QWidget | None = None,
        *,
        load: Load | None = None,
        atlas: Atlas | None = None,
        cut: Cut | None = None,
        button: str = "",
    ) -> None:
        super().__init__(parent)
        self.names = [names] if isinstance(names, str) else list(names)
        title = self.tr("Cut a sprite sheet: {0}") if len(self.names) == 1 else self.tr("Cut sprite sheets alike: {0}")
        self.setWindowTitle(title.format(self.names[0]))
        resize_within_screen(self, 980, 660)
        self._load = load
        self._shown = 0
        self._atlas = atlas
        self._sheet = sheet if isinstance(sheet, Sheet) else Sheet(sheet)
        self._proposed_key = propose_key(self._sheet.rgba)
        if cut is not None and isinstance(cut.key, tuple):
            self._proposed_key = cut.key
        self.key: Key | None = cut.key if cut else proposed_key(self._sheet.rgba, self._sheet.cleared)
        self._pixels = self._keyed()
        self._proposals = propose(self._pixels)
        self.slicing: Slicing = self._first(cut)
        self.found: list[Region] = []
        self.preview = _Preview(self._pixels)
        self.preview.picked.connect(self._pick)
        self._make_fields(button)
        self._lay_out()
        self._recut_later = QTimer(self, singleShot=True, interval=RECUT_MS)
        self._recut_later.timeout.connect(self._recut)
        self._show_slicing(self.slicing)
        self._recut()

    @property
    def cut(self) -> Cut:
        """How the sheets are cut."""
        return Cut(self.slicing, self.key)

    def _first(self, cut: Cut | None) -> Slicing:
        if cut is not None and isinstance(cut.sheet, Grid | Components | Atlas):
            return cut.sheet
        if self._atlas is not None:
            return self._atlas
        return self._proposals[0] if self._proposals else Components()

    def choose(self, slicing: Slicing) -> None:
        """Set how to cut, as if entered in the fields."""
        self._show_slicing(slicing)
        self._recut()

    def show_sheet(self, index: int) -> None:
        """Show another of the sheets that are cut alike."""
        if self._load is not None and 0 <= index < len(self.names):
            self._load(index, functools.partial(self._take, index))

    def _take(self, index: int, sheet: Sheet) -> None:
        self._shown, self._sheet = index, sheet
        self._pixels = self._keyed()
        self.preview.show_pixels(self._pixels)
        self._recut()

    def _keyed(self) -> Pixels:
        if isinstance(self.key, tuple):
            return keyed(self._sheet.rgba, self.key)
        return self._sheet.cleared if self.key and self._sheet.cleared is not None else self._sheet.rgba

    def _make_fields(self, button: str) -> None:
        self.kind = QComboBox()
        self.kind.addItem(self.tr("By a grid"), GRID)
        self.kind.addItem(self.tr("Into separate shapes"), SHAPES)
        if self._atlas is not None:
            self.kind.addItem(self.tr("By its description"), ATLAS)
        self.kind.setAccessibleName(self.tr("How to cut"))
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
        self.result_label.setProperty("role", "title")
        self.key_box = QCheckBox()
        self.key_box.setChecked(isinstance(self.key, tuple))
        self.key_box.toggled.connect(self._change_key)
        self.index_box = QCheckBox(self.tr("First palette colour transparent"))
        self.index_box.setToolTip(self.tr("As many old games do; other entries of the same colour stay"))
        self.index_box.setChecked(self.key == INDEX_0)
        self.index_box.setVisible(self._sheet.cleared is not None)
        self.index_box.toggled.connect(self._change_index)
        self.key_note = QLabel(self.tr("Click a colour in the picture to make that one transparent."), wordWrap=True)
        self.key_note.setProperty("role", "secondary")
        self._name_key()
        self.back, self.forth = QPushButton(), QPushButton()
        self.place_label = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        # A name may be of any length, and must not widen the dialog.
        self.place_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for one, icon, name, step in (
            (self.back, "chevron-left", self.tr("Previous sheet"), -1),
            (self.forth, "chevron-right", self.tr("Next sheet"), 1),
        ):
            icons.set_icon(one, icon)
            one.setAutoDefault(False)
            one.setAccessibleName(name)
            one.setToolTip(name)
            one.clicked.connect(functools.partial(self._step, step))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.import_button = self.buttons.addButton(button or self.tr("Import"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.import_button.setDefault(True)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    def _step(self, step: int, _checked: bool = False) -> None:
        self.show_sheet(self._shown + step)

    def _lay_out(self) -> None:
        names = {
            "width": self.tr("Cell width"), "height": self.tr("Cell height"), "left": self.tr("Left margin"),
            "top": self.tr("Top margin"), "gap_x": self.tr("Horizontal gap"), "gap_y": self.tr("Vertical gap"),
            "join": self.tr("Join gaps up to"), "smallest": self.tr("Minimum pixels"),
        }  # fmt: skip
        self.pages = QStackedWidget()
        for fields in (self.grid_fields, self.shape_fields, {}):
            page = QWidget()
            form = QFormLayout(page)
            form.setContentsMargins(0, 0, 0, 0)
            form.setVerticalSpacing(theme.SPACE)
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
            for key, field in fields.items():
                field.setAccessibleName(names[key])
                form.addRow(names[key], field)
            self.pages.addWidget(page)
        side = QVBoxLayout()
        side.setSpacing(2 * theme.SPACE)
        side.addWidget(self.kind)
        side.addWidget(self.pages)
        side.addWidget(self.key_box)
        side.addWidget(self.index_box)
        side.addWidget(self.key_note)
        side.addWidget(self.result_label)
        side.addStretch()
        column = QWidget()
        column.setLayout(side)
        side.setContentsMargins(0, 0, 0, 0)
        column.setFixedWidth(SIDE_PX)
        area = QScrollArea()
        area.setWidget(self.preview)
        area.setAlignment(Qt.AlignmentFlag.AlignCenter)
        left = QVBoxLayout()
        left.addWidget(area, 1)
        pager = QWidget()
        row = QHBoxLayout(pager)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.back)
        row.addWidget(self.place_label, 1)
        row.addWidget(self.forth)
        pager.setVisible(len(self.names) > 1)
        left.addWidget(pager)
        columns = QHBoxLayout()
        columns.setSpacing(16)
        columns.addLayout(left, 1)
        columns.addWidget(column)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        layout.addLayout(columns, 1)
        layout.addWidget(self.buttons)

    def _show_slicing(self, slicing: Slicing) -> None:
        kind = GRID if isinstance(slicing, Grid) else ATLAS if isinstance(slicing, Atlas) else SHAPES
        self.kind.setCurrentIndex(self.kind.findData(kind))
        fields = {GRID: self.grid_fields, SHAPES: self.shape_fields, ATLAS: {}}[kind]
        for key, field in fields.items():
            field.setValue(getattr(slicing, key))

    def _change_kind(self, index: int) -> None:
        kind = self.kind.itemData(index)
        self.pages.setCurrentIndex(kind)
        if kind == ATLAS:
            self._recut_later.start()
            return
        wanted = Grid if kind == GRID else Components
        proposal = next((one for one in self._proposals if isinstance(one, wanted)), None)
        if proposal is None:
            height, width = self._pixels.shape[:2]
            proposal = Grid(min(64, width), min(64, height)) if kind == GRID else Components()
        self._show_slicing(proposal)
        self._recut_later.start()

    def _pick(self, x: int, y: int) -> None:
        """Make the colour of the sheet at a pixel transparent."""
        red, green, blue, alpha = (int(value) for value in self._sheet.rgba[y, x])
        if alpha:
            self._proposed_key = (red, green, blue)
            self.key_box.setChecked(True)
            self._change_key(True)

    def _change_key(self, wanted: bool) -> None:
        if wanted:
            self.index_box.setChecked(False)
        self._take_key(self._proposed_key if wanted else None)

    def _change_index(self, wanted: bool) -> None:
        if wanted:
            self.key_box.setChecked(False)
        self._take_key(INDEX_0 if wanted else None)

    def _take_key(self, key: Key | None) -> None:
        self.key = key
        self._name_key()
        self._pixels = self._keyed()
        self._proposals = propose(self._pixels)
        self.preview.show_pixels(self._pixels)
        self._recut()

    def _name_key(self) -> None:
        color = self._proposed_key
        self.key_box.setText(self.tr("Make {0} transparent").format(key_name(color) if color else ""))
        self.key_box.setVisible(color is not None)
        # The sheet may be transparent already: then there is nothing to pick.
        self.key_note.setVisible(color is not None or bool((self._sheet.rgba[..., 3] == 255).all()))

    def _recut(self) -> None:
        try:
            kind = self.kind.currentData()
            if kind == ATLAS:
                assert self._atlas is not None
                self.slicing = self._atlas
                self.found = [piece.box for piece in self._atlas.on(self._pixels.shape[0])]
            elif kind == GRID:
                self.slicing = Grid(**{key: field.value() for key, field in self.grid_fields.items()})
                self.found = regions(self._pixels, self.slicing)
            else:
                self.slicing = Components(**{key: field.value() for key, field in self.shape_fields.items()})
                self.found = regions(self._pixels, self.slicing)
            if len(self.names) > 1:
                text = self.tr("{0} on this sheet").format(sprites(len(self.found)))
            else:
                text = sprites(len(self.found))
            self.result_label.setText(text)
        except (UnreadablePicture, ValueError) as error:
            self.found = []
            self.result_label.setText(str(error))
        name = wrapped(self.names[self._shown], word=24)
        self.place_label.setText(self.tr("{0} ({1} of {2})").format(name, self._shown + 1, len(self.names)))
        self.back.setEnabled(self._shown > 0)
        self.forth.setEnabled(self._shown + 1 < len(self.names))
        self.preview.show_regions(self.found)
        self.import_button.setEnabled(bool(self.found))


class _Preview(QWidget):
    """The sheet with the rectangles drawn over it.

    Signals:
        picked: a pixel was clicked (x, y).
    """

    picked = Signal(int, int)

    def __init__(self, pixels: Pixels) -> None:
        super().__init__()
        self._factor = 1
        self._regions: list[Region] = []
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.show_pixels(pixels)

    def show_pixels(self, pixels: Pixels) -> None:
        self._pixmap = QPixmap.fromImage(image_from_rgba(pixels))
        # Small sheets are enlarged by a whole factor; large ones scroll.
        self._factor = max(1, min(4, 640 // max(self._pixmap.width(), self._pixmap.height())))
        self.setFixedSize(QSize(self._pixmap.width(), self._pixmap.height()) * self._factor)
        self.update()

    def show_regions(self, found: list[Region]) -> None:
        self._regions = found
        self.setAccessibleDescription(str(len(found)))
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            x, y = (int(value / self._factor) for value in (event.position().x(), event.position().y()))
            if 0 <= x < self._pixmap.width() and 0 <= y < self._pixmap.height():
                self.picked.emit(x, y)

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        painter.fillRect(event.rect(), checker_brush(self.devicePixelRatioF()))
        painter.drawPixmap(QRectF(self.rect()), self._pixmap, QRectF(self._pixmap.rect()))
        painter.setPen(QPen(theme.color("accent"), 1))
        painter.setBrush(theme.color("accent", 0.10))
        factor = self._factor
        for x, y, w, h in self._regions:
            painter.drawRect(QRectF(x * factor + 0.5, y * factor + 0.5, w * factor - 1, h * factor - 1))


def key_name(key: Key) -> str:
    """A key colour for people."""
    if isinstance(key, tuple):
        return "#{:02x}{:02x}{:02x}".format(*key)
    return QCoreApplication.translate("SheetDialog", "the palette's first colour")


def _field(low: int, high: int) -> WholeBox:
    box = WholeBox()
    box.setRange(low, max(low, high))
    box.setSuffix(" px")
    return box
