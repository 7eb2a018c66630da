"""Comparison canvas: two pictures side by side, blinking, as their difference, or overlaid."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QHideEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QShowEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.duplicates.difference import CHANGED, ONLY_LEFT, ONLY_RIGHT
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.sprite_painting import draw_checkerboard, draw_chip, fitted_scale

BLINK_MS = 450
MARGIN = 16
GAP = 1
CAPTION = 28
ZOOMS = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0)


class Mode(Enum):
    """How the two pictures are shown."""

    SIDE_BY_SIDE = "side-by-side"
    BLINK = "blink"
    DIFFERENCE = "difference"
    OVERLAY = "overlay"


@dataclass(frozen=True)
class Compared:
    """Two pictures ready to paint.

    Attributes:
        left, right: as shown elsewhere, each in its own size.
        aligned_left, aligned_right: in a common frame, the right one mapped onto the left one.
        difference: in the same frame.
        left_name, right_name: captions.
    """

    left: QImage
    right: QImage
    aligned_left: QImage
    aligned_right: QImage
    difference: QImage
    left_name: str
    right_name: str


class CompareCanvas(QWidget):
    """The wheel zooms around the pointer, dragging pans, a double click fits; both panes move together.

    Signals:
        zoom_changed: device pixels per picture pixel changed (float).
    """

    zoom_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Comparison"))
        self.setMinimumSize(240, 80)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._compared: Compared | None = None
        self._mode = Mode.SIDE_BY_SIDE
        self._aligned = True
        self._opacity = 0.5
        self._right_is_shown = False
        self._zoom: float | None = None  # None: fit
        self._pan = QPointF(0, 0)  # offset of the pictures' centre from the pane's, device pixels
        self._grabbed: QPointF | None = None
        self._blink = QTimer(self, interval=BLINK_MS)
        self._blink.timeout.connect(self.swap)

    # What is shown

    @property
    def compared(self) -> Compared | None:
        """The two pictures, or None."""
        return self._compared

    @property
    def mode(self) -> Mode:
        """How the pictures are shown."""
        return self._mode

    @property
    def right_is_shown(self) -> bool:
        """In blink mode: whether the right picture is visible now."""
        return self._right_is_shown

    def show_pair(self, compared: Compared | None) -> None:
        """Show a pair and reset the zoom to fit."""
        self._compared = compared
        self._right_is_shown = False
        self.fit()

    def set_mode(self, mode: Mode) -> None:
        """Change how the pictures are shown."""
        self._mode = mode
        self._right_is_shown = False
        self._run_blink()
        self.update()
        self.zoom_changed.emit(self.scale())

    def set_aligned(self, aligned: bool) -> None:
        """Side by side: map the right picture onto the left one, or show both as they are."""
        self._aligned = aligned
        self.update()
        self.zoom_changed.emit(self.scale())

    def set_opacity(self, opacity: float) -> None:
        """Overlay: set the opacity of the right picture, 0 to 1."""
        self._opacity = min(1.0, max(0.0, opacity))
        self.update()

    def swap(self) -> None:
        """Blink: show the other picture now."""
        self._right_is_shown = not self._right_is_shown
        self.update()

    # Zoom

    def fit(self) -> None:
        """Fit the pictures to the panes."""
        self._zoom, self._pan = None, QPointF(0, 0)
        self.update()
        self.zoom_changed.emit(self.scale())

    def zoom_in(self) -> None:
        """Zoom in by one step."""
        self._step(1)

    def zoom_out(self) -> None:
        """Zoom out by one step."""
        self._step(-1)

    def scale(self) -> float:
        """Device pixels per picture pixel."""
        if self._zoom is not None:
            return self._zoom
        if self._compared is None:
            return 1.0
        pane = self._panes()[0]
        ratio = self.devicePixelRatioF()
        room = QSize(int((pane.width() - 2 * MARGIN) * ratio), int((pane.height() - CAPTION - 2 * MARGIN) * ratio))
        return fitted_scale(self._largest(), room)

    def _step(self, steps: int, at: QPointF | None = None) -> None:
        if self._compared is None:
            return
        old = self.scale()
        if steps > 0:
            new = next((zoom for zoom in ZOOMS if zoom > old * 1.01), ZOOMS[-1])
        else:
            new = next((zoom for zoom in reversed(ZOOMS) if zoom < old * 0.99), ZOOMS[0])
        if at is not None:
            # Keep the point under the pointer in place.
            offset = at * self.devicePixelRatioF() - self._pan
            self._pan -= offset * (new / old - 1)
        self._zoom = new
        self.update()
        self.zoom_changed.emit(new)

    def _largest(self) -> QSize:
        compared = self._compared
        assert compared is not None
        if self._shows_as_they_are():
            return compared.left.size().expandedTo(compared.right.size())
        return compared.aligned_left.size()

    def _shows_as_they_are(self) -> bool:
        return self._mode is Mode.SIDE_BY_SIDE and not self._aligned

    # Painting

    def _panes(self) -> list[QRect]:
        area = self.rect()
        if self._mode is not Mode.SIDE_BY_SIDE:
            return [area]
        half = (area.width() - GAP) // 2
        return [QRect(0, 0, half, area.height()), QRect(half + GAP, 0, area.width() - half - GAP, area.height())]

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Draw the prepared images."""
        painter.fillRect(self.rect(), theme.color("canvas"))
        panes = self._panes()
        if len(panes) > 1:
            painter.fillRect(QRect(panes[0].right() + 1, 0, GAP, self.height()), theme.color("border"))
        if self._compared is None:
            return
        layers = self._layers(self._compared)
        scale = self.scale()
        for pane, (caption, color, pictures) in zip(panes, layers, strict=True):
            painter.setClipRect(pane)
            self._draw_stack(painter, pane, pictures, scale)
            self._draw_caption(painter, pane, caption, color)
        if self._mode is Mode.DIFFERENCE:
            self._draw_legend(painter)

    def _layers(self, pair: Compared) -> list[tuple[str, str, list[tuple[QImage, float]]]]:
        """For each pane: caption, colour of the caption, pictures from bottom to top with their opacity."""
        left, right = self.tr("A  {0}").format(pair.left_name), self.tr("B  {0}").format(pair.right_name)
        if self._mode is Mode.SIDE_BY_SIDE:
            first, second = (pair.aligned_left, pair.aligned_right) if self._aligned else (pair.left, pair.right)
            return [(left, "plot_1", [(first, 1.0)]), (right, "plot_2", [(second, 1.0)])]
        if self._mode is Mode.BLINK:
            if self._right_is_shown:
                return [(right, "plot_2", [(pair.aligned_right, 1.0)])]
            return [(left, "plot_1", [(pair.aligned_left, 1.0)])]
        if self._mode is Mode.DIFFERENCE:
            return [(self.tr("Difference"), "secondary", [(pair.difference, 1.0)])]
        both = [(pair.aligned_left, 1.0), (pair.aligned_right, self._opacity)]
        return [(self.tr("B over A, {0} %").format(round(self._opacity * 100)), "secondary", both)]

    def _draw_stack(self, painter: QPainter, pane: QRect, pictures: list[tuple[QImage, float]], scale: float) -> None:
        ratio = self.devicePixelRatioF()
        size = pictures[0][0].size()
        width, height = size.width() * scale, size.height() * scale
        middle_x = (pane.x() + pane.width() / 2) * ratio + self._pan.x()
        middle_y = (CAPTION + (pane.height() - CAPTION) / 2) * ratio + self._pan.y()
        # On whole device pixels, so that all enlarged pixels have the same width.
        left, top = round(middle_x - width / 2), round(middle_y - height / 2)
        target = QRectF(left / ratio, top / ratio, width / ratio, height / ratio)
        draw_checkerboard(painter, target)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 1)
        for picture, opacity in pictures:
            painter.setOpacity(opacity)
            painter.drawImage(target, picture, QRectF(picture.rect()))
        painter.setOpacity(1.0)
        painter.setPen(QPen(theme.color("border_strong"), 0))
        painter.drawRect(target)

    def _draw_caption(self, painter: QPainter, pane: QRect, caption: str, color: str) -> None:
        text = painter.fontMetrics().elidedText(caption, Qt.TextElideMode.ElideMiddle, pane.width() - 48)
        painter.fillRect(QRect(pane.x(), 0, pane.width(), CAPTION), theme.color("window"))
        draw_chip(painter, QPoint(pane.x() + 12, 6), text, color)

    def _draw_legend(self, painter: QPainter) -> None:
        """Legend of the difference's colours, to the right of the caption."""
        right = self.width() - 12
        words = ((self.tr("only in B"), ONLY_RIGHT), (self.tr("only in A"), ONLY_LEFT), (self.tr("changed"), CHANGED))
        for text, color in words:
            width = painter.fontMetrics().horizontalAdvance(text)
            painter.setPen(theme.color("secondary"))
            painter.drawText(QRect(right - width, 6, width, CAPTION - 8), Qt.AlignmentFlag.AlignVCenter, text)
            painter.fillRect(QRect(right - width - 16, 6 + (CAPTION - 18) // 2, 10, 10), QColor(*color))
            right -= width + 30

    # Mouse

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom around the pointer."""
        steps = event.angleDelta().y()
        if steps and self._compared is not None:
            position = event.position()
            pane = next((pane for pane in self._panes() if pane.contains(position.toPoint())), self._panes()[0])
            middle = QPointF(pane.x() + pane.width() / 2, CAPTION + (pane.height() - CAPTION) / 2)
            self._step(1 if steps > 0 else -1, position - middle)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start panning."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._grabbed = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pan the pictures."""
        if self._grabbed is not None:
            self._pan += (event.position() - self._grabbed) * self.devicePixelRatioF()
            self._grabbed = event.position()
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Stop panning."""
        self._grabbed = None
        self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Reset the zoom to fit."""
        self.fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Resume blinking."""
        self._run_blink()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop the blink timer while hidden."""
        self._blink.stop()

    def _run_blink(self) -> None:
        if self._mode is Mode.BLINK and self.isVisible():
            self._blink.start()
        else:
            self._blink.stop()
