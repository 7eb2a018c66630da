"""Two pictures side by side, before and after: zoomed and moved together, with crisp pixels on checkers."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAccessible, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.sample_grid import paint_checker

MOST_ZOOM = 32
_STEP = 24  # logical pixels that an arrow key moves


class PixelPane(QWidget):
    """One of the two pictures.

    Attributes:
        image: the picture, or None. message: the text shown without one.
        zoom: device pixels a pixel of the picture.
        origin: where the picture's upper left corner lies, in device pixels.

    Signals:
        moved: it was dragged by so much, device pixels (QPointF).
        zoom_wanted: larger or smaller by so many steps, around a point in device pixels (int, QPointF).
        fit_wanted: it should be shown whole.
    """

    accessible_role = QAccessible.Role.Graphic

    moved = Signal(QPointF)
    zoom_wanted = Signal(int, QPointF)
    fit_wanted = Signal()

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image: QImage | None = None
        self.message = ""
        self.zoom = 1.0
        self.origin = QPointF()
        self._held: QPointF | None = None
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setMinimumSize(120, 120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setToolTip(self.tr("Wheel or + and − zoom, drag or the arrows move, 0 shows all"))
        theme.notifier().changed.connect(self.update)

    def accessible_value(self) -> str:
        """The size of the picture and its zoom, or why there is none."""
        if self.image is None:
            return self.message
        return self.tr("{0} × {1} pixels, {2:.0f} %").format(
            self.image.width(), self.image.height(), 100 * self.zoom / self.devicePixelRatioF()
        )

    def sizeHint(self) -> QSize:
        """A square size."""
        return QSize(320, 320)

    def room(self) -> QSize:
        """The pane's size in device pixels."""
        ratio = self.devicePixelRatioF()
        return QSize(round(self.width() * ratio), round(self.height() * ratio))

    def show_at(self, zoom: float, origin: QPointF) -> None:
        """Place the picture: device pixels a pixel, and where its upper left corner lies in device pixels."""
        self.zoom, self.origin = zoom, origin
        self.update()

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Paint the picture, or the message."""
        if self.image is None or self.image.isNull():
            painter.setPen(theme.color("muted"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.message)
        else:
            ratio = self.devicePixelRatioF()
            area = QRectF(
                self.origin.x() / ratio, self.origin.y() / ratio, self.image.width() * self.zoom / ratio,
                self.image.height() * self.zoom / ratio,
            )  # fmt: skip
            painter.setClipRect(self.rect())
            paint_checker(painter, area.toAlignedRect() & self.rect())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.zoom < 1)
            painter.drawImage(area, self.image)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    def _device(self, point: QPointF) -> QPointF:
        return point * self.devicePixelRatioF()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer."""
        steps = event.angleDelta().y()
        if steps:
            self.zoom_wanted.emit(1 if steps > 0 else -1, self._device(event.position()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to move the picture."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the picture."""
        if self._held is not None:
            self.moved.emit(self._device(event.position() - self._held))
            self._held = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._held = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom and move."""
        key = event.key()
        middle = QPointF(self.room().width() / 2, self.room().height() / 2)
        way = {
            Qt.Key.Key_Left: QPointF(_STEP, 0), Qt.Key.Key_Right: QPointF(-_STEP, 0), Qt.Key.Key_Up: QPointF(0, _STEP),
            Qt.Key.Key_Down: QPointF(0, -_STEP),
        }  # fmt: skip
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_wanted.emit(1, middle)
        elif key == Qt.Key.Key_Minus:
            self.zoom_wanted.emit(-1, middle)
        elif key == Qt.Key.Key_0:
            self.fit_wanted.emit()
        elif (found := way.get(Qt.Key(key))) is not None:
            self.moved.emit(self._device(found))
        else:
            super().keyPressEvent(event)


class BeforeAfter(QWidget):
    """Both pictures with their titles, and buttons to zoom.

    Attributes:
        before, after: the panes. zoom: device pixels a pixel of the pictures.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.zoom = 1.0
        self._origin = QPointF()
        self._fits = True
        self.before, self.after = PixelPane(self.tr("Before")), PixelPane(self.tr("After"))
        self.smaller, self.larger, self.whole = QPushButton("−"), QPushButton("+"), QPushButton(self.tr("Fit"))
        for button, tip, slot in (
            (self.smaller, self.tr("Smaller"), lambda: self._change_zoom(-1)),
            (self.larger, self.tr("Larger"), lambda: self._change_zoom(1)),
            (self.whole, self.tr("Show all"), self.fit),
        ):
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _checked=False, slot=slot: slot())
        for button in (self.smaller, self.larger):
            button.setFixedWidth(button.fontMetrics().averageCharWidth() * 5)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.HALF)
        buttons.addStretch(1)
        for button in (self.smaller, self.larger, self.whole):
            buttons.addWidget(button)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SPACE)
        for column, (pane, text) in enumerate(((self.before, self.tr("Before")), (self.after, self.tr("After")))):
            title = QLabel(text)
            title.setProperty("role", "title")
            layout.addWidget(title, 0, column)
            layout.addWidget(pane, 1, column)
            layout.setColumnStretch(column, 1)
            pane.moved.connect(self._move)
            pane.zoom_wanted.connect(self._change_zoom)
            pane.fit_wanted.connect(self.fit)
        layout.addLayout(buttons, 2, 0, 1, 2)
        layout.setRowStretch(1, 1)

    def set_message(self, text: str) -> None:
        """Show a text instead of the pictures."""
        for pane in (self.before, self.after):
            pane.image, pane.message = None, text
            pane.update()

    def set_images(self, before: QImage, after: QImage) -> None:
        """Show two pictures of one size; the place stays unless the size is another."""
        same = self.before.image is not None and self.before.image.size() == before.size()
        self.before.image, self.after.image = before, after
        if same and not self._fits:
            self._place()
        else:
            self.fit()

    def fit(self) -> None:
        """Show the pictures as large as fits, at a whole number of device pixels a pixel where they are enlarged."""
        image, room = self.before.image, self.before.room()
        self._fits = True
        if image is None or image.isNull():
            return
        factor = min(room.width() / image.width(), room.height() / image.height())
        self.zoom = float(int(factor)) if factor >= 1 else factor
        self._origin = QPointF(
            (room.width() - round(image.width() * self.zoom)) // 2,
            (room.height() - round(image.height() * self.zoom)) // 2,
        )
        self._place()

    def _change_zoom(self, steps: int, around: QPointF | None = None) -> None:
        room = self.before.room()
        around = around or QPointF(room.width() / 2, room.height() / 2)
        zoom = self.zoom
        if zoom < 1 or (zoom == 1 and steps < 0):
            new = zoom * 2 if steps > 0 else zoom / 2
            new = 1.0 if 0.7 < new < 1.5 else max(new, 1 / 16)
        else:
            new = min(float(MOST_ZOOM), zoom + steps)
        at = (around - self._origin) / zoom
        origin = around - at * new
        self.zoom, self._origin, self._fits = new, QPointF(round(origin.x()), round(origin.y())), False
        self._place()

    def _move(self, by: QPointF) -> None:
        self._origin += QPointF(round(by.x()), round(by.y()))
        self._fits = False
        self._place()

    def _place(self) -> None:
        """Keep at least a corner of the pictures in sight, and tell both panes."""
        image, room = self.before.image, self.before.room()
        if image is not None:
            edge = 16
            wide, high = image.width() * self.zoom, image.height() * self.zoom
            self._origin = QPointF(
                min(max(self._origin.x(), edge - wide), room.width() - edge),
                min(max(self._origin.y(), edge - high), room.height() - edge),
            )
        for pane in (self.before, self.after):
            pane.show_at(self.zoom, self._origin)

    def resizeEvent(self, event: object) -> None:
        """Fit again, unless another zoom was chosen."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        if self._fits:
            self.fit()
