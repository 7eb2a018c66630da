"""The large view: one sprite with zoom, a checkerboard under alpha, and an onion skin of its mirror image."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap, QWheelEvent
from PySide6.QtWidgets import QWidget

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt import theme
from gandam_studio.qt.curate.large_picture import LargePictureLoader
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.cell_painter import checker_brush, zoom_to_fit

MARGIN = 32
CAPTION = 44
LARGEST_FACTOR = 64.0
ONION_OPACITY = 0.5
STALE_MS = 60  # the previous picture stays this long, so that fast loads do not flicker


class LargeView(QWidget):
    """Shows the current sprite; the gallery's shortcuts work here too.

    Attributes:
        onion: whether the mirrored picture is overlaid, half transparent.

    Signals:
        step_requested: the next (1) or previous (-1) sprite was requested.
        left: the user returned to the gallery.
    """

    accessible_role = QAccessible.Role.Graphic

    step_requested = Signal(int)
    left = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loader = LargePictureLoader(workspace, self)
        self._loader.loaded.connect(self._take)
        self._late = QTimer(self, singleShot=True, interval=STALE_MS)
        self._late.timeout.connect(self._clear_stale)
        self._loading = False
        self._sprite: Sprite | None = None
        self._pixmap = QPixmap()
        self._note = self._place = self._reach = ""
        self._factor: float | None = None  # device pixels per picture pixel; None: fit to the window
        self._offset = QPointF()
        self._grip: QPointF | None = None
        self.onion = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Large view"))
        theme.notifier().changed.connect(self.update)

    def show_sprite(self, sprite: Sprite | None, *, position: int = 0, count: int = 0, selected: int = 0) -> None:
        """Show or update a sprite; the zoom is kept, the position is reset to the centre.

        `selected` is the number of sprites that actions apply to; displayed if there is more than one.
        """
        if sprite is None or self._sprite is None or sprite.seq != self._sprite.seq:
            self._offset = QPointF()
        self._sprite = sprite
        self._place = self.tr("{0:,} of {1:,}").format(position + 1, count) if count else ""
        self._reach = self.tr("applies to {0:,} selected").format(selected) if selected > 1 else ""
        self._loading = sprite is not None
        if sprite is None:
            self._pixmap, self._note = QPixmap(), ""
        else:
            self._loader.want([sprite])
            self._late.start()
            self.setAccessibleDescription(f"{sprite.name}, {sprite.status}")
        self.update()

    @property
    def is_loading(self) -> bool:
        """True until the sprite's picture, or the reason why there is none, is shown."""
        return self._loading

    def stop(self) -> None:
        """End the loader; call before the workspace is closed."""
        self._loader.stop()

    def _take(self, sprite: Sprite, image: QImage, note: str) -> None:
        if sprite != self._sprite:
            return  # outdated: another sprite, or another edit of this one, is requested by now
        self._late.stop()
        self._loading = False
        self._pixmap, self._note = QPixmap.fromImage(image, Qt.ImageConversionFlag.NoFormatConversion), note
        self.update()

    def _clear_stale(self) -> None:
        self._pixmap, self._note = QPixmap(), ""
        self.update()

    @property
    def factor(self) -> float:
        """Current device pixels per picture pixel."""
        if self._factor is not None:
            return self._factor
        room = self._room()
        size = self._pixmap.size()
        if size.isEmpty():
            return 1.0
        ratio = self.devicePixelRatioF()
        across, down = room.width() * ratio / size.width(), room.height() * ratio / size.height()
        return zoom_to_fit(1, 1, min(across, down))

    def zoom_by(self, steps: int) -> None:
        """Zoom by whole factors, so that pixels stay square; below 1 by halves."""
        factor = self.factor
        for _ in range(abs(steps)):
            if steps > 0:
                factor = factor * 2 if factor < 1 else float(int(factor) + 1)
            else:
                factor = factor / 2 if factor <= 1 else max(1.0, float(int(factor + 0.999) - 1))
        self._factor = min(LARGEST_FACTOR, max(1 / 16, factor))
        self.update()

    def zoom_fit(self) -> None:
        """Fit the picture to the window."""
        self._factor = None
        self._offset = QPointF()
        self.update()

    def zoom_actual(self) -> None:
        """Show one picture pixel as one logical pixel."""
        self._factor = max(1.0, round(self.devicePixelRatioF()))
        self.update()

    def toggle_onion(self) -> None:
        """Show or hide the mirrored picture."""
        self.onion = not self.onion
        self.update()

    def image(self) -> QImage:
        """The picture shown, with edits applied."""
        return self._pixmap.toImage()

    # Events

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right step; plus, minus, 0 and / zoom; Escape and Space go back."""
        key = Qt.Key(event.key())
        step = {Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1}.get(key)
        if step:
            self.step_requested.emit(step)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(1)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(-1)
        elif key == Qt.Key.Key_0:
            self.zoom_fit()
        elif key == Qt.Key.Key_Slash:
            self.zoom_actual()
        elif key == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom."""
        steps = event.angleDelta().y()
        if steps:
            self.zoom_by(1 if steps > 0 else -1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start panning."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._grip = event.position() - self._offset

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pan the picture."""
        if self._grip is not None:
            self._offset = event.position() - self._grip
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Stop panning."""
        self._grip = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Return to the gallery."""
        self.left.emit()

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Paint the checkerboard, the picture, its mirror image, and a line of facts."""
        painter.fillRect(event.rect(), theme.color("canvas"))
        if self._sprite is None:
            return
        if self._pixmap.isNull():
            painter.setPen(theme.color("secondary" if self._loading else "dropped"))
            text = self.tr("Decoding…") if self._loading else self._note or self.tr("Nothing to show")
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)
        else:
            self._paint_picture(painter)
        self._paint_facts(painter, self._sprite)

    def _paint_picture(self, painter: QPainter) -> None:
        ratio, factor = self.devicePixelRatioF(), self.factor
        width, height = self._pixmap.width() * factor / ratio, self._pixmap.height() * factor / ratio
        room = self._room()
        left = round((room.x() + (room.width() - width) / 2 + self._offset.x()) * ratio) / ratio
        top = round((room.y() + (room.height() - height) / 2 + self._offset.y()) * ratio) / ratio
        target = QRectF(left, top, width, height)
        painter.fillRect(target, checker_brush(ratio))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, factor < 1)
        painter.drawPixmap(target, self._pixmap, QRectF(self._pixmap.rect()))
        if self.onion:
            painter.setOpacity(ONION_OPACITY)
            painter.translate(target.center())
            painter.scale(-1, 1)
            painter.translate(-target.center())
            painter.drawPixmap(target, self._pixmap, QRectF(self._pixmap.rect()))
            painter.resetTransform()
            painter.setOpacity(1)
            painter.setPen(theme.color("accent"))
            painter.drawLine(QPointF(target.center().x(), target.top()), QPointF(target.center().x(), target.bottom()))

    def _paint_facts(self, painter: QPainter, sprite: Sprite) -> None:
        band = QRect(0, self.height() - CAPTION, self.width(), CAPTION)
        painter.fillRect(band, theme.color("canvas"))
        facts = [
            sprite.name,
            f"{sprite.width} × {sprite.height}",
            "" if self._pixmap.isNull() else f"{self.factor * 100 / self.devicePixelRatioF():.0f} %",
        ]
        facts += [self._status_text(sprite), self._place, self._reach]
        if self.onion:
            facts.append(self.tr("mirror over itself (onion skin)"))
        painter.setPen(theme.color("secondary"))
        painter.drawText(band, Qt.AlignmentFlag.AlignCenter, "   ·   ".join(fact for fact in facts if fact))

    def _status_text(self, sprite: Sprite) -> str:
        names = {
            "undecided": self.tr("undecided"),
            "kept": self.tr("kept"),
            "dropped": self.tr("dropped: {0}").format(sprite.reason) if sprite.reason else self.tr("dropped"),
        }
        words = [names[sprite.status]]
        if sprite.flipped:
            words.append(self.tr("flipped"))
        facings = {"left": self.tr("faces left"), "right": self.tr("faces right"), "front": self.tr("faces front")}
        if sprite.shown_facing in facings:
            words.append(facings[sprite.shown_facing])
        return ", ".join(words)

    def _room(self) -> QRect:
        return self.rect().adjusted(MARGIN, MARGIN, -MARGIN, -CAPTION)
