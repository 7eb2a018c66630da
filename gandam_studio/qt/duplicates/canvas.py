"""Two pictures under one magnifier: side by side, blinking, their difference, or one over the other."""

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
        left, right: as they are shown elsewhere, each in its own size.
        aligned_left, aligned_right: in one frame of one size, the right one mapped onto the left one.
        difference: in that frame too.
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
    """Wheel zooms about the pointer, dragging pans, a double click fits; both panes always move together.

    Signals:
        zoom_changed: device pixels a pixel of the picture takes now (float).
    """

    zoom_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Comparison"))
        self.setMinimumSize(240, 160)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._compared: Compared | None = None
        self._mode = Mode.SIDE_BY_SIDE
        self._aligned = True
        self._opacity = 0.5
        self._right_is_shown = False
        self._zoom: float | None = None  # None: as large as fits
        self._pan = QPointF(0, 0)  # of the pictures' middle from the pane's, device pixels
        self._grabbed: QPointF | None = None
        self._blink = QTimer(self, interval=BLINK_MS)
        self._blink.timeout.connect(self.swap)

    # What is shown

    @property
    def compared(self) -> Compared | None:
        """The two pictures; None while there are none."""
        return self._compared

    @property
    def mode(self) -> Mode:
        """How they are shown."""
        return self._mode

    @property
    def right_is_shown(self) -> bool:
        """In blink mode: whether the right picture is the one seen now."""
        return self._right_is_shown

    def show_pair(self, compared: Compared | None) -> None:
        """Compare these from now on; the magnification fits them again."""
        self._compared = compared
        self._right_is_shown = False
        self.fit()

    def set_mode(self, mode: Mode) -> None:
        """Show them another way."""
        self._mode = mode
        self._right_is_shown = False
        self._run_blink()
        self.update()
        self.zoom_changed.emit(self.scale())

    def set_aligned(self, aligned: bool) -> None:
        """Side by side: the right picture mapped onto the left one, or both as they are."""
        self._aligned = aligned
        self.update()
        self.zoom_changed.emit(self.scale())

    def set_opacity(self, opacity: float) -> None:
        """Overlay: how much of the right picture is seen, 0 to 1."""
        self._opacity = min(1.0, max(0.0, opacity))
        self.update()

    def swap(self) -> None:
        """Blink: show the other one now."""
        self._right_is_shown = not self._right_is_shown
        self.update()

    # Magnification

    def fit(self) -> None:
        """As large as fits."""
        self._zoom, self._pan = None, QPointF(0, 0)
        self.update()
        self.zoom_changed.emit(self.scale())

    def zoom_in(self) -> None:
        """One step larger."""
        self._step(1)

    def zoom_out(self) -> None:
        """One step smaller."""
        self._step(-1)

    def scale(self) -> float:
        """Device pixels a pixel of the pictures takes."""
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
            # The point under the pointer stays where it is.
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
        """Only images that are ready are drawn here."""
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
        """For each pane: caption, its colour, pictures from bottom to top with their opacity."""
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
        # On whole device pixels, or every enlarged pixel would get another width.
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
        """At the right of the caption: what each colour of the difference means."""
        right = self.width() - 12
        words = ((self.tr("only in B"), ONLY_RIGHT), (self.tr("only in A"), ONLY_LEFT), (self.tr("changed"), CHANGED))
        for text, color in words:
            width = painter.fontMetrics().horizontalAdvance(text)
            painter.setPen(theme.color("secondary"))
            painter.drawText(QRect(right - width, 6, width, CAPTION - 8), Qt.AlignmentFlag.AlignVCenter, text)
            painter.fillRect(QRect(right - width - 16, 6 + (CAPTION - 18) // 2, 10, 10), QColor(*color))
            right -= width + 30

    # Hands

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the pointer."""
        steps = event.angleDelta().y()
        if steps and self._compared is not None:
            position = event.position()
            pane = next((pane for pane in self._panes() if pane.contains(position.toPoint())), self._panes()[0])
            middle = QPointF(pane.x() + pane.width() / 2, CAPTION + (pane.height() - CAPTION) / 2)
            self._step(1 if steps > 0 else -1, position - middle)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the pictures."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._grabbed = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag them along."""
        if self._grabbed is not None:
            self._pan += (event.position() - self._grabbed) * self.devicePixelRatioF()
            self._grabbed = event.position()
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._grabbed = None
        self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fit again."""
        self.fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Blink on."""
        self._run_blink()

    def hideEvent(self, event: QHideEvent) -> None:
        """No timer runs unseen."""
        self._blink.stop()

    def _run_blink(self) -> None:
        if self._mode is Mode.BLINK and self.isVisible():
            self._blink.start()
        else:
            self._blink.stop()
