"""Crop view: choose a rectangle of an original with the mouse, the arrow keys or numbers."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QAccessible, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt import theme
from gandam_studio.qt.failures import explain
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.cell_painter import checker_brush, zoom_to_fit
from gandam_studio.qt.widgets.numbers import WholeBox
from gandam_studio.qt.widgets.picture_cache import image_from_rgba

MARGIN = 24
Box = tuple[int, int, int, int]


class CropView(QWidget):
    """The original as imported (not rotated or flipped) with the rectangle to keep.

    Signals:
        chosen: a crop was chosen: (x, y, w, h) in original pixels, or None for the whole picture.
        left: the view was cancelled.
    """

    accessible_role = QAccessible.Role.Graphic

    chosen = Signal(object)
    left = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._size = (1, 1)
        self._content: Box = (0, 0, 1, 1)
        self.canvas = _Canvas()
        self.canvas.dragged.connect(self.set_box)
        names = (self.tr("Left"), self.tr("Top"), self.tr("Width"), self.tr("Height"))
        self.fields = [WholeBox() for _ in names]
        row, second = _centred_row(), _centred_row()
        for name, field in zip(names, self.fields, strict=True):
            field.setAccessibleName(name)
            field.valueChanged.connect(lambda _value: self._take_fields())
            row.addWidget(QLabel(name))
            row.addWidget(field)
        for text, slot, role in (
            (self.tr("Trim to content"), self._trim, ""),
            (self.tr("Whole picture"), lambda: self.chosen.emit(None), ""),
            (self.tr("Cancel"), self.left.emit, ""),
            (self.tr("Crop"), self.accept, "primary"),
        ):
            button = QPushButton(text)
            button.setProperty("role", role)
            button.clicked.connect(lambda _checked=False, slot=slot: slot())
            second.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 2 * theme.SPACE)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(self.canvas, 1)
        for line in (row, second):
            line.addStretch()
            layout.addLayout(line)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Crop"))

    @property
    def box(self) -> Box:
        """The current rectangle."""
        x, y, w, h = (field.value() for field in self.fields)
        return x, y, w, h

    def show_sprite(self, sprite: Sprite) -> None:
        """Start with the sprite's current crop, or the whole picture."""
        from gandam_studio.core.pictures.rendering import content_box, plain_border

        self._size = (sprite.width, sprite.height)
        whole = (0, 0, sprite.width, sprite.height)
        self._content = whole
        pixmap = QPixmap()
        try:
            pixels = self._workspace.pixels(sprite)
            self._content = content_box(pixels, plain_border(pixels))
            pixmap = QPixmap.fromImage(image_from_rgba(pixels))
        except (UserError, OSError) as error:
            self.setAccessibleDescription(explain(error))
        self.canvas.show_pixmap(pixmap, self._size)
        self.set_box(sprite.crop or whole)

    def set_box(self, box: Box) -> None:
        """Set the rectangle, clipped to the picture."""
        width, height = self._size
        x, y = min(max(0, box[0]), width - 1), min(max(0, box[1]), height - 1)
        w, h = min(max(1, box[2]), width - x), min(max(1, box[3]), height - y)
        limits = ((0, width - 1), (0, height - 1), (1, width - x), (1, height - y))
        for field, value, (low, high) in zip(self.fields, (x, y, w, h), limits, strict=True):
            field.blockSignals(True)
            field.setRange(low, high)
            field.setValue(value)
            field.blockSignals(False)
        self.canvas.show_box((x, y, w, h))

    def accept(self) -> None:
        """Accept the rectangle; the whole picture means no crop."""
        self.chosen.emit(None if self.box == (0, 0, *self._size) else self.box)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move the rectangle, with Shift its right and bottom edges; Enter accepts, Escape cancels."""
        key = Qt.Key(event.key())
        step = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }.get(key)
        x, y, w, h = self.box
        if step and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.set_box((x, y, w + step[0], h + step[1]))
        elif step:
            self.set_box((min(x + step[0], self._size[0] - w), min(y + step[1], self._size[1] - h), w, h))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accept()
        elif key == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def _trim(self) -> None:
        self.set_box(self._content)

    def _take_fields(self) -> None:
        self.set_box(self.box)


def _centred_row() -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(16, 0, 16, 0)
    row.setSpacing(theme.SPACE)
    row.addStretch()
    return row


class _Canvas(QWidget):
    frames_parents_focus = True

    dragged = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._pixmap = QPixmap()
        self._size = (1, 1)
        self._box: Box = (0, 0, 1, 1)
        self._from: QPointF | None = None
        self.setCursor(Qt.CursorShape.CrossCursor)

    def show_pixmap(self, pixmap: QPixmap, size: tuple[int, int]) -> None:
        self._pixmap, self._size = pixmap, size
        self.update()

    def show_box(self, box: Box) -> None:
        self._box = box
        self.update()

    def _target(self) -> QRectF:
        """Where the picture is drawn, in logical pixels."""
        ratio = self.devicePixelRatioF()
        width, height = self._size
        room = self.rect().adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        factor = min(
            zoom_to_fit(width, 1, room.width() * ratio) if width else 1,
            zoom_to_fit(1, height, room.height() * ratio) if height else 1,
        )
        across, down = width * factor / ratio, height * factor / ratio
        left = round((self.width() - across) / 2 * ratio) / ratio
        top = round((self.height() - down) / 2 * ratio) / ratio
        return QRectF(left, top, across, down)

    def _pixel(self, point: QPointF) -> QPointF:
        target = self._target()
        x = (point.x() - target.x()) * self._size[0] / max(1.0, target.width())
        y = (point.y() - target.y()) * self._size[1] / max(1.0, target.height())
        return QPointF(min(max(0.0, x), self._size[0]), min(max(0.0, y), self._size[1]))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._from = self._pixel(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is None:
            return
        to = self._pixel(event.position())
        left, right = sorted((self._from.x(), to.x()))
        top, bottom = sorted((self._from.y(), to.y()))
        x, y = int(left), int(top)
        self.dragged.emit((x, y, max(1, int(right + 0.999) - x), max(1, int(bottom + 0.999) - y)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._from = None

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        painter.fillRect(event.rect(), theme.color("canvas"))
        target = self._target()
        painter.fillRect(target, checker_brush(self.devicePixelRatioF()))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, target.width() < self._size[0])
        painter.drawPixmap(target, self._pixmap, QRectF(self._pixmap.rect()))
        scale = target.width() / self._size[0]
        x, y, w, h = self._box
        box = QRectF(target.x() + x * scale, target.y() + y * scale, w * scale, h * scale)
        veil = theme.color("canvas", 0.72)
        for part in (
            QRectF(target.x(), target.y(), target.width(), box.top() - target.y()),
            QRectF(target.x(), box.bottom(), target.width(), target.bottom() - box.bottom()),
            QRectF(target.x(), box.top(), box.left() - target.x(), box.height()),
            QRectF(box.right(), box.top(), target.right() - box.right(), box.height()),
        ):
            painter.fillRect(part, veil)
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.drawRect(box)
