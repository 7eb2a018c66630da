"""The recipe panel: how pictures become training data, with a live preview of what the network will see."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QComboBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import SetSetting
from gandam_studio.core.workspace.query import Filter
from gandam_studio.core.workspace.review import detected_background
from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.cell_painter import checker_brush, zoom_to_fit
from gandam_studio.qt.widgets.numbers import WholeBox
from gandam_studio.qt.widgets.picture_cache import image_from_rgba
from trainer.protocol.recipe import INTERPOLATIONS, SIZES, Recipe

SAMPLES = 9
COLUMNS = (3, 2)
PREVIEW = 240


class RecipePanel(QWidget):
    """Edits the workspace's recipe; every change can be undone.

    Attributes:
        fields: the controls, by name of the recipe's field.
    """

    def __init__(self, session: Session, targets: Callable[[], Seqs], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._targets = targets
        self._loading = False
        self._color = "#ffffff"
        self.preview = _Samples()
        self.size_note = QLabel(wordWrap=True)
        self.size_note.setProperty("role", "secondary")
        session.training_size_changed.connect(self.show_samples)
        self._render_later = QTimer(self, singleShot=True, interval=40)
        self._render_later.timeout.connect(self._render)
        self._make_fields()
        self._lay_out()
        self.show_recipe()

    def show_recipe(self) -> None:
        """Set the controls to the workspace's recipe."""
        recipe = self._session.workspace.recipe
        self._loading = True
        self.side.setCurrentIndex(self.side.findData(recipe.size))
        self.trim.setChecked(recipe.trim)
        self.pad.setCurrentIndex(self.pad.findData(recipe.pad))
        self.margin.setValue(round(100 * recipe.margin))
        if recipe.background.startswith("#"):
            self._color = recipe.background
        self.background.setCurrentIndex(
            self.background.findData("color" if recipe.background.startswith("#") else recipe.background)
        )
        self.color_button.setVisible(recipe.background.startswith("#"))
        self.color_button.setText(self._color)
        self.scale.setCurrentIndex(self.scale.findData(recipe.scale))
        self.interpolation.setCurrentIndex(self.interpolation.findData(recipe.interpolation))
        self._loading = False
        self.show_samples()

    def show_samples(self) -> None:
        """Schedule an update of the preview of the selected sprites."""
        if self.isVisible():
            self._render_later.start()

    def showEvent(self, event: QShowEvent) -> None:
        """Update the preview."""
        super().showEvent(event)
        self._render_later.start()

    def _make_fields(self) -> None:
        self.side = QComboBox()
        for side in SIZES:
            self.side.addItem(f"{side} × {side}", side)
        self.trim = QCheckBox(self.tr("Trim empty margins"))
        self.pad = QComboBox()
        self.pad.addItem(self.tr("Centred"), "square")
        self.pad.addItem(self.tr("At the bottom"), "bottom")
        self.margin = WholeBox()
        self.margin.setRange(0, 25)
        self.margin.setSuffix(" %")
        self.background = QComboBox()
        for text, value in (
            (self.tr("Keep transparent"), "alpha"),
            (self.tr("White"), "white"),
            (self.tr("Black"), "black"),
            (self.tr("As detected"), "detected"),
            (self.tr("A colour…"), "color"),
        ):
            self.background.addItem(text, value)
        self.color_button = QPushButton()
        self.color_button.clicked.connect(self._ask_color)
        self.scale = QComboBox()
        for text, value, meaning in (
            (
                self.tr("Fill each"),
                "fit",
                self.tr("Every sprite fills the picture: small ones become as large as big ones"),
            ),
            (
                self.tr("Whole factors"),
                "whole",
                self.tr("2, 3 or 4 times, or a half, a third: every pixel of pixel art stays a square"),
            ),
            (
                self.tr("One for all"),
                "set",
                self.tr("The largest sprite fills the picture, and small ones stay small"),
            ),
            (
                self.tr("One a family"),
                "family",
                self.tr("The largest of each family fills the picture, its others keep their size beside it"),
            ),
        ):
            self.scale.addItem(text, value)
            self.scale.setItemData(self.scale.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
        self.scale_note = QLabel(wordWrap=True)
        self.scale_note.setProperty("role", "secondary")
        names = {
            "auto": self.tr("Automatic"),
            "nearest": self.tr("Nearest (pixel art)"),
            "area": self.tr("Area (smooth)"),
            "lanczos": self.tr("Lanczos (sharp)"),
        }
        self.interpolation = QComboBox()
        for name in INTERPOLATIONS:
            self.interpolation.addItem(names.get(name, name), name)
        for combo in (self.side, self.scale, self.pad, self.interpolation, self.background):
            combo.currentIndexChanged.connect(lambda _index: self._change())
        self.trim.toggled.connect(lambda _on: self._change())
        self.margin.valueChanged.connect(lambda _value: self._change())

    def _lay_out(self) -> None:
        heading = QLabel(self.tr("WHAT THE NETWORK WILL SEE"))
        heading.setProperty("role", "section")
        form = QFormLayout()
        form.setVerticalSpacing(theme.SPACE)
        form.setHorizontalSpacing(2 * theme.SPACE)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for name, field in (
            (self.tr("Size"), self.side),
            (self.tr("Scale"), self.scale),
            (self.tr("Position"), self.pad),
            (self.tr("Margin"), self.margin),
            (self.tr("Background"), self.background),
            ("", self.color_button),
            (self.tr("Resampling"), self.interpolation),
        ):
            field.setAccessibleName(name or self.tr("Background colour"))
            field.setEnabled(not self._session.read_only)
            # Their width follows the panel, not their longest entry.
            field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            form.addRow(name, field)
        self.trim.setEnabled(not self._session.read_only)
        note = QLabel(self.tr("Stored with every version and run; your pictures are not changed."), wordWrap=True)
        note.setProperty("role", "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addWidget(heading)
        layout.addWidget(self.preview)
        layout.addWidget(self.size_note)
        layout.addWidget(self.trim)
        layout.addLayout(form)
        layout.addWidget(self.scale_note)
        layout.addWidget(note)
        layout.addStretch()

    def _change(self) -> None:
        if self._loading:
            return
        background = str(self.background.currentData())
        self.color_button.setVisible(background == "color")
        recipe = dataclasses.replace(
            self._session.workspace.recipe,
            size=int(self.side.currentData()),
            trim=self.trim.isChecked(),
            pad=str(self.pad.currentData()),
            margin=self.margin.value() / 100,
            background=self._color if background == "color" else background,
            scale=str(self.scale.currentData()),
            interpolation=str(self.interpolation.currentData()),
        )
        if recipe != self._session.workspace.recipe:
            self._session.apply(SetSetting("recipe", recipe.to_json(), self.tr("Change the recipe")))
            self.show_samples()

    def _ask_color(self) -> None:
        chosen = QColorDialog.getColor(QColor(self._color), self, self.tr("Background colour"))
        if chosen.isValid():
            self._color = chosen.name()
            self.color_button.setText(self._color)
            self._change()

    def _at_training_size(self, recipe: Recipe) -> Recipe:
        """The recipe at the size that the next run has, which is said where it is not the recipe's own."""
        training = self._session.training_size
        side = training.side(recipe.size)
        self.size_note.setVisible(side != recipe.size)
        if training.by_hand:
            text = self.tr("Shown at {0} × {0}: that is the picture size set on Train for the next run.")
            self.size_note.setText(text.format(side))
        else:
            text = self.tr("Shown at {0} × {0}: the preset {1}, chosen on Train, trains at that size.")
            self.size_note.setText(text.format(side, training.preset))
        return dataclasses.replace(recipe, size=side)

    def _render(self) -> None:
        """Render the preview: a few small pictures, fast enough for the GUI thread and always up to date."""
        workspace = self._session.workspace
        recipe = self._at_training_size(workspace.recipe)
        background = detected_background(workspace) if recipe.background == "detected" else "#ffffff"
        # Imported late: it pulls in cv2, which the window does not need to open.
        from gandam_studio.core.pictures.rendering import render

        self.scale_note.setText(self.scale.currentData() and str(self.scale.currentData(Qt.ItemDataRole.ToolTipRole)))
        shown = []
        longest: dict[str, int] = {}
        for sprite, picture in _pictures(workspace, self._targets()):
            side = 0
            if recipe.is_relative:
                group = sprite.family if recipe.scale == "family" else ""
                alone = recipe.scale == "family" and not group
                if group not in longest and not alone:
                    longest[group] = _longest(workspace, recipe, group)
                side = max(_side(picture, recipe), 0 if alone else longest[group])
            shown.append(_rgba(render(picture, recipe, background, side)))
        self.preview.show_pictures(shown)


def _pictures(workspace: Workspace, seqs: Seqs) -> list[tuple[Sprite, np.ndarray]]:
    """Up to SAMPLES sprites with their pictures: the selected ones, or the first of the workspace."""
    if len(seqs) < 2:
        first = int(seqs[0]) if len(seqs) else 1
        seqs = np.arange(first, first + SAMPLES, dtype=np.int64)
    return _opened(workspace, seqs)


def _opened(workspace: Workspace, seqs: Seqs) -> list[tuple[Sprite, np.ndarray]]:
    """The first SAMPLES of some sprites with their pictures; those that cannot be read are left out."""
    found = []
    for sprite in workspace.sprites(seqs[:SAMPLES]):
        with contextlib.suppress(UserError, OSError, ValueError):
            found.append((sprite, workspace.picture(sprite)))
    return found


def _longest(workspace: Workspace, recipe: Recipe, family: str) -> int:
    """The longest side among the largest few sprites of a family, or of all for "".

    All are measured when a version is prepared; here, a smaller canvas with a larger drawing on it can be missed.
    """
    largest = workspace.select(Filter(status="not-dropped", family=family, order="size", descending=True))
    return max((_side(picture, recipe) for _, picture in _opened(workspace, largest)), default=0)


def _side(picture: np.ndarray, recipe: Recipe) -> int:
    from gandam_studio.core.pictures.rendering import longest_side

    return longest_side(picture, recipe)


def _rgba(pixels: np.ndarray) -> np.ndarray:
    if pixels.shape[2] == 4:
        return pixels
    return np.dstack((pixels, np.full(pixels.shape[:2], 255, np.uint8)))


class _Samples(QWidget):
    """Square pictures in a grid, enlarged by whole factors."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(PREVIEW, PREVIEW)
        self._pixmaps: list[QPixmap] = []

    def show_pictures(self, pictures: list[np.ndarray]) -> None:
        self._pixmaps = [QPixmap.fromImage(image_from_rgba(picture)) for picture in pictures]
        self.setAccessibleName(self.tr("{0} pictures as the network will see them").format(len(pictures)))
        self.update()

    @property
    def pictures(self) -> list[Any]:
        """The pictures shown, as QImages."""
        return [pixmap.toImage() for pixmap in self._pixmaps]

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        ratio = self.devicePixelRatioF()
        columns = self._columns(ratio)
        cell = PREVIEW // columns
        for number, pixmap in enumerate(self._pixmaps[: columns * columns]):
            row, column = divmod(number, columns)
            factor = zoom_to_fit(pixmap.width(), pixmap.height(), (cell - 4) * ratio)
            width = pixmap.width() * factor / ratio
            left = round((column * cell + (cell - width) / 2) * ratio) / ratio
            top = round((row * cell + (cell - width) / 2) * ratio) / ratio
            target = QRectF(left, top, width, width)
            painter.fillRect(target, checker_brush(ratio, 6))
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, factor < 1)
            painter.drawPixmap(target, pixmap, QRectF(pixmap.rect()))
            painter.setPen(theme.color("border"))
            painter.drawRect(target.adjusted(-0.5, -0.5, 0.5, 0.5))

    def _columns(self, ratio: float) -> int:
        """The number of columns that leaves the least space empty, given that factors are whole."""
        side = self._pixmaps[0].width() if self._pixmaps else 1

        def filled(columns: int) -> float:
            room = (PREVIEW // columns - 4) * ratio
            return side * zoom_to_fit(side, side, room) / room

        return max(COLUMNS, key=filled)
