"""What a widget paints, as a list: every text and every one-colour sign with its rectangle.

A widget is rendered to a device that notes instead of drawing, so that labels, item delegates and custom painting are
all seen in the same way. Text that is first drawn into a picture (cells, plots) is noted while the picture is drawn.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QFontMetricsF,
    QImage,
    QPaintDevice,
    QPaintEngine,
    QPainter,
    QPixmap,
    QRegion,
    QStaticText,
    QTransform,
)
from PySide6.QtWidgets import QWidget

SIGN = 64
"""Pictures larger than this are not icons."""


@dataclass(frozen=True)
class Painted:
    """Something drawn: a text, or "" for a sign, and its rectangle in the widget."""

    text: str
    rect: QRectF


class _Engine(QPaintEngine):
    def __init__(self, notes: PictureNotes | None) -> None:
        super().__init__(QPaintEngine.PaintEngineFeature.AllFeatures)
        self.found: list[Painted] = []
        self._notes = notes
        self._transform = QTransform()

    def begin(self, device: QPaintDevice) -> bool:
        return True

    def end(self) -> bool:
        return True

    def type(self) -> QPaintEngine.Type:
        return QPaintEngine.Type.User

    def updateState(self, state: Any) -> None:
        self._transform = state.transform()

    def drawTextItem(self, at: QPointF, item: Any) -> None:
        if item.text().strip():
            box = QRectF(at.x(), at.y() - item.ascent(), item.width(), item.ascent() + item.descent())
            self.found.append(Painted(item.text(), self._transform.mapRect(box)))

    def drawPixmap(self, into: QRectF, picture: QPixmap, part: QRectF) -> None:
        self._picture(into, picture.toImage(), picture.cacheKey(), part)

    def drawImage(self, into: QRectF, picture: QImage, part: QRectF, flags: object = None) -> None:
        self._picture(into, picture, picture.cacheKey(), part)

    def _picture(self, into: QRectF, picture: QImage, key: int, part: QRectF) -> None:
        area = self._transform.mapRect(into)
        for note in self._notes.of(key) if self._notes else ():
            scale_x, scale_y = area.width() / part.width(), area.height() / part.height()
            seen = note.rect & part
            if seen.isEmpty():
                continue
            corner = QPointF(area.x() + (seen.x() - part.x()) * scale_x, area.y() + (seen.y() - part.y()) * scale_y)
            box = QRectF(corner, QPointF(corner.x() + seen.width() * scale_x, corner.y() + seen.height() * scale_y))
            self.found.append(Painted(note.text, box))
        if max(picture.width(), picture.height()) <= SIGN and _is_sign(picture):
            self.found.append(Painted("", area))

    def drawPolygon(self, *_given: object) -> None: ...
    def drawPath(self, *_given: object) -> None: ...
    def drawLines(self, *_given: object) -> None: ...
    def drawRects(self, *_given: object) -> None: ...
    def drawPoints(self, *_given: object) -> None: ...
    def drawEllipse(self, *_given: object) -> None: ...
    def drawPolyline(self, *_given: object) -> None: ...
    def drawTiledPixmap(self, *_given: object) -> None: ...


def _is_sign(picture: QImage) -> bool:
    """Whether it has one colour on transparency, like icons; sprites have several."""
    if not picture.hasAlphaChannel():
        return False
    picture = picture.convertToFormat(QImage.Format.Format_RGBA8888)
    rgba = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.width(), 4)
    solid = rgba[rgba[..., 3] > 250][:, :3].astype(int)
    clear = (rgba[..., 3] == 0).mean()
    return len(solid) > 3 and clear > 0.2 and int(np.ptp(solid, axis=0).max()) <= 3


class _Device(QPaintDevice):
    def __init__(self, size: QSize, notes: PictureNotes | None) -> None:
        super().__init__()
        self.engine = _Engine(notes)
        self._size = size

    def paintEngine(self) -> QPaintEngine:
        return self.engine

    def metric(self, metric: QPaintDevice.PaintDeviceMetric) -> int:
        kind = QPaintDevice.PaintDeviceMetric
        known = {
            kind.PdmWidth: self._size.width(), kind.PdmHeight: self._size.height(), kind.PdmWidthMM: 300,
            kind.PdmHeightMM: 200, kind.PdmNumColors: 1 << 24, kind.PdmDepth: 32, kind.PdmDpiX: 96, kind.PdmDpiY: 96,
            kind.PdmPhysicalDpiX: 96, kind.PdmPhysicalDpiY: 96, kind.PdmDevicePixelRatio: 1,
            kind.PdmDevicePixelRatioScaled: 1 << 16,
        }  # fmt: skip
        return known.get(metric, 0)


class PictureNotes:
    """Records texts drawn into pictures, by replacing `QPainter.drawText` and `drawStaticText`."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._lock = threading.Lock()
        self._noted: list[tuple[QImage | QPixmap, Painted]] = []
        draw_text, draw_static = QPainter.drawText, QPainter.drawStaticText

        def text(painter: QPainter, *given: Any) -> Any:
            self._note(painter, given)
            return draw_text(painter, *given)

        def static(painter: QPainter, *given: Any) -> Any:
            self._note(painter, given)
            return draw_static(painter, *given)

        patch.setattr(QPainter, "drawText", text)
        patch.setattr(QPainter, "drawStaticText", static)

    def _note(self, painter: QPainter, given: tuple[Any, ...]) -> None:
        device = painter.device()
        if not isinstance(device, QImage | QPixmap):
            return
        what, metrics = given[-1], QFontMetricsF(painter.font())
        if isinstance(given[0], QRect | QRectF):
            box, flags, what = QRectF(given[0]), given[1], given[2]
            box = QRectF(painter.boundingRect(box, int(getattr(flags, "value", flags)), what))
        else:
            at = QPointF(given[0]) if isinstance(given[0], QPointF | QPoint) else QPointF(given[0], given[1])
            if isinstance(what, QStaticText):
                box, what = QRectF(at, what.size()), what.text()
            else:
                box = QRectF(at.x(), at.y() - metrics.ascent(), metrics.horizontalAdvance(what), metrics.height())
        if what.strip():
            with self._lock:
                self._noted.append((device, Painted(what, painter.transform().mapRect(box))))

    def of(self, key: int) -> Iterator[Painted]:
        """The texts in the picture with that cache key."""
        with self._lock:
            return iter([found for picture, found in self._noted if picture.cacheKey() == key])


def painted_by(widget: QWidget, notes: PictureNotes | None = None) -> list[Painted]:
    """What one widget paints itself, without its children, clipped to its visible part."""
    device = _Device(widget.size(), notes)
    widget.render(device, QPoint(), QRegion(), QWidget.RenderFlag(0))
    seen = QRectF(widget.visibleRegion().boundingRect())
    return [Painted(one.text, one.rect & seen) for one in device.engine.found if not (one.rect & seen).isEmpty()]


def visible_widgets(root: QWidget) -> list[QWidget]:
    """`root` and everything visible below it in the same window."""
    below = [one for one in root.findChildren(QWidget) if one.isVisible() and one.window() is root.window()]
    return [root, *(one for one in below if not one.visibleRegion().isEmpty())]


__all__ = ["Painted", "PictureNotes", "Qt", "painted_by", "visible_widgets"]
