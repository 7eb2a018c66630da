"""Paints the cells of the gallery: tile, picture, badges, caption. Whatever can be reused is cached."""

from __future__ import annotations

import functools

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetrics, QImage, QPainter, QPen, QPixmap, QStaticText, QTransform

from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt import icons, theme
from gandam_studio.qt.painting import painting

Picture = QPixmap | QImage
Look = tuple[bool, bool, bool, bool]  # selected, current, focused, with a caption

PADDING = 4  # between the tile's edge and the picture
BADGE = 18
CHECKER = 8
CAPTIONS_KEPT = 1000
TURNED_KEPT = 600
OVERHANG = 3  # how far a caption's descenders reach below its cell
WHOLE_KEPT = 240  # drawn cells in the cache, unless a view shows more
SELECTED = 3.0  # width of the frame of a selected cell
DROPPED_OPACITY = 0.42


class CellPainter:
    """Paints cells of one tile size at one device pixel ratio, in the theme's colours at the time of creation.

    An instance belongs to one thread, which need not be the GUI thread: everything is drawn on QImage. See `twin`.

    Attributes:
        tile: side of the tile, logical pixels.
        ratio: device pixels per logical pixel.
        room: capacity of the cache of drawn cells; a view sets it to somewhat more than it shows.
    """

    def __init__(self, tile: int, ratio: float, font: QFont) -> None:
        self.tile = tile
        self.ratio = ratio
        self.room = WHOLE_KEPT
        self._font = font
        self._tiles: dict[tuple[bool, bool, bool, bool], QImage] = {}
        self._badges: dict[str, QImage] = {}
        self._turned: dict[int, tuple[tuple[int, int, bool], Picture]] = {}
        self._captions: dict[int, QStaticText] = {}
        self._widths: dict[str, int] = {}
        # Drawn cells by what they show (sprite, picture, look), oldest first.
        self._whole: dict[int, tuple[Sprite, Picture, Look, QImage]] = {}
        self._palette = theme.colors()
        self._colors = {name: QColor(value) for name, value in self._palette.items()}

    def twin(self) -> CellPainter:
        """A painter with the same settings, for another thread."""
        made = CellPainter(self.tile, self.ratio, self._font)
        made._palette, made._colors = self._palette, self._colors
        return made

    @functools.cached_property
    def metrics(self) -> QFontMetrics:
        """Font metrics of the captions."""
        return QFontMetrics(self._font)

    @functools.cached_property
    def fit(self) -> int:
        """Side of the square available to a picture, device pixels."""
        return max(1, int((self.tile - 2 * PADDING) * self.ratio))

    def paint(
        self,
        painter: QPainter,
        rect: QRect,
        sprite: Sprite,
        picture: tuple[Picture, float] | None,
        *,
        selected: bool,
        current: bool,
        focused: bool,
        caption: bool,
    ) -> None:
        """Draw a cell at `rect` (tile and caption).

        A cell with its picture is drawn once and then copied, since scrolling reveals it strip by strip.
        """
        look = (selected, current, focused, caption)
        if picture is None:
            self._draw(painter, rect.x(), rect.y(), sprite, None, look)
            return
        whole = self.whole(sprite, picture[0], look)
        if whole is None:
            whole = self.compose(sprite, picture, look, rect.height())
            self.keep(sprite, picture[0], look, whole)
        if self.ratio == 1.0:
            painter.drawImage(rect.x(), rect.y(), whole)
        else:
            # On whole device pixels, to keep the sprite's pixels sharp.
            corner = QPointF(round(rect.x() * self.ratio) / self.ratio, round(rect.y() * self.ratio) / self.ratio)
            painter.drawImage(corner, whole)

    def compose(self, sprite: Sprite, picture: tuple[Picture, float], look: Look, height: int) -> QImage:
        """Draw a cell of that logical height on the canvas colour, including what extends below it."""
        whole = blank(self.tile, height + OVERHANG, self.ratio, self._colors["canvas"])
        with painting(whole) as painter:
            self._draw(painter, 0, 0, sprite, picture, look)
        return whole

    def whole(self, sprite: Sprite, picture: Picture, look: Look) -> QImage | None:
        """The cached cell, or None if it would look different now."""
        known = self._whole.get(sprite.seq)
        if known is None or known[0] is not sprite or known[1] is not picture or known[2] != look:
            return None
        return known[3]

    def keep(self, sprite: Sprite, picture: Picture, look: Look, whole: QImage) -> None:
        """Cache a drawn cell, evicting the oldest."""
        kept = self._whole
        kept.pop(sprite.seq, None)
        kept[sprite.seq] = (sprite, picture, look, whole)
        while len(kept) > self.room:
            del kept[next(iter(kept))]

    def fit_of(self, sprite: Sprite) -> int:
        """Side of the square that the whole original would fill, device pixels; larger for a cropped sprite."""
        return fit_of(sprite, self.fit) if sprite.crop else self.fit

    def _draw(
        self,
        painter: QPainter,
        x: int,
        y: int,
        sprite: Sprite,
        picture: tuple[Picture, float] | None,
        look: Look,
    ) -> None:
        selected, current, focused, caption = look
        painter.drawImage(x, y, self._tile(sprite.alpha, selected, current, focused))
        dropped = sprite.status == "dropped"
        if picture is not None:
            if dropped:
                painter.setOpacity(DROPPED_OPACITY)
            into = QRectF(x, y, self.tile, self.tile)
            if (sprite.flipped or sprite.rotation) and not sprite.crop:
                turned = self.turned(sprite, picture[0])
                _draw_upright(painter, into, turned, QRectF(turned.rect()), self.fit, self.ratio)
            else:
                draw_picture(painter, into, sprite, picture, self.fit, self.ratio)
            if dropped:
                painter.setOpacity(1.0)
        self._paint_badges(painter, x, y, sprite)
        if caption:
            painter.setFont(self._font)
            painter.setPen(self._colors["text" if selected else "muted" if dropped else "secondary"])
            painter.drawStaticText(x + 2, y + self.tile + 4, self._caption(sprite))

    def turned(self, sprite: Sprite, pixmap: Picture) -> Picture:
        """The whole picture rotated and flipped, cached because painting through a transform is slow."""
        key = (pixmap.cacheKey(), sprite.rotation, sprite.flipped)
        known = self._turned.get(sprite.seq)
        if known is None or known[0] != key:
            if len(self._turned) > TURNED_KEPT:
                del self._turned[next(iter(self._turned))]
            known = self._turned[sprite.seq] = (key, pixmap.transformed(_orientation(sprite.rotation, sprite.flipped)))
        return known[1]

    def _paint_badges(self, painter: QPainter, x: int, y: int, sprite: Sprite) -> None:
        """Paint the badges: edits and tags at the top left, status at the top right, reason and facing below."""
        right = x + self.tile - BADGE - 4
        if sprite.status != "undecided":
            painter.drawImage(right, y + 4, self._badge(sprite.status))
        facing = sprite.shown_facing
        if facing in _FACING_BADGES:
            painter.drawImage(right, y + self.tile - BADGE - 4, self._badge(_FACING_BADGES[facing]))
        if sprite.status == "dropped" and sprite.reason and self.tile >= 72:
            self._paint_reason(painter, x, y, sprite.reason)
        left = x + 4
        for name, shown in (
            ("flipped", sprite.flipped),
            ("rotated", sprite.rotation != 0),
            ("cropped", sprite.crop is not None),
            ("tagged", bool(sprite.tags)),
            ("family", bool(sprite.family)),
        ):
            if shown and left < right - BADGE:
                painter.drawImage(left, y + 4, self._badge(name))
                left += BADGE + 2

    def _paint_reason(self, painter: QPainter, x: int, y: int, reason: str) -> None:
        painter.setFont(self._font)
        text = self.metrics.elidedText(reason, Qt.TextElideMode.ElideRight, self.tile - 22 - BADGE)
        height = self.metrics.height() + 2
        box = QRect(x + 4, y + self.tile - height - 4, self.metrics.horizontalAdvance(text) + 12, height)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._colors["surface"])
        painter.drawRoundedRect(box, 4, 4)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(self._colors["dropped"])
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _caption(self, sprite: Sprite) -> QStaticText:
        """The laid-out caption, cached because shaping text costs as much as painting the picture."""
        text = self._captions.get(sprite.seq)
        if text is None:
            if len(self._captions) > CAPTIONS_KEPT:
                self._captions.clear()
            text = QStaticText(self.elided(sprite.name, self.tile - 4))
            text.setTextFormat(Qt.TextFormat.PlainText)
            text.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
            self._captions[sprite.seq] = text
        return text

    def elided(self, text: str, room: int) -> str:
        """Elide a text to fit, by adding up character widths, which is much faster than shaping."""
        widths = self._widths
        for letter in text:
            if letter not in widths:
                widths[letter] = self.metrics.horizontalAdvance(letter) + 1
        if sum(widths[letter] for letter in text) <= room:
            return text
        return self.metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room)

    def _tile(self, alpha: bool, selected: bool, current: bool, focused: bool) -> QImage:
        key = (alpha, selected, current, focused)
        if key not in self._tiles:
            self._tiles[key] = self._draw_tile(*key)
        return self._tiles[key]

    def _draw_tile(self, alpha: bool, selected: bool, current: bool, focused: bool) -> QImage:
        # On the canvas colour instead of transparency, since an opaque picture is copied without blending.
        drawn = blank(self.tile, self.tile, self.ratio, self._colors["canvas"])
        with painting(drawn) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._checker if alpha else QBrush(self._colors["cell"]))
            painter.drawRoundedRect(QRectF(0, 0, self.tile, self.tile), theme.RADIUS, theme.RADIUS)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            # Frames only: a tint would change the colours that are being judged.
            width = SELECTED if selected else 2.0 if current else 1.0
            color = "accent" if selected else ("text" if focused else "control") if current else "border"
            painter.setPen(QPen(self._colors[color], width))
            inset = width / 2
            frame = QRectF(inset, inset, self.tile - width, self.tile - width)
            painter.drawRoundedRect(frame, theme.RADIUS - inset, theme.RADIUS - inset)
            if current and focused:
                # A second frame shows the focus, also among selected cells.
                painter.setPen(QPen(self._colors["text"], 1.0))
                painter.drawRoundedRect(frame.adjusted(2, 2, -2, -2), theme.RADIUS - 3, theme.RADIUS - 3)
        return drawn

    @functools.cached_property
    def _checker(self) -> QBrush:
        return _checkered(self.ratio, CHECKER, self._colors["checker_a"], self._colors["checker_b"])

    def _badge(self, name: str) -> QImage:
        if name not in self._badges:
            icon, color = _BADGES[name]
            self._badges[name] = self._draw_badge(icon, color)
        return self._badges[name]

    def _draw_badge(self, icon: str, color: str) -> QImage:
        drawn = blank(BADGE, BADGE, self.ratio)
        with painting(drawn) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            filled = color in ("kept", "dropped")
            painter.setBrush(self._colors[color] if filled else faded(self._colors["surface"], 0.92))
            painter.drawRoundedRect(QRectF(0, 0, BADGE, BADGE), 5, 5)
            tint = self._colors["surface" if filled else color]
            painter.drawImage(QPointF(2, 2), icons.image(icon, BADGE - 4, tint, self.ratio))
        return drawn


_BADGES = {
    "kept": ("keep", "kept"),
    "dropped": ("drop", "dropped"),
    "flipped": ("flip", "flipped"),
    "rotated": ("rotate", "flipped"),
    "cropped": ("crop", "secondary"),
    "tagged": ("tag", "secondary"),
    "family": ("duplicates", "secondary"),
    "facing left": ("facing-left", "text"),
    "facing right": ("facing-right", "text"),
    "facing front": ("facing-front", "text"),
}
_FACING_BADGES = {"left": "facing left", "right": "facing right", "front": "facing front"}


def draw_picture(
    painter: QPainter, into: QRectF, sprite: Sprite, picture: tuple[Picture, float], fit: int, ratio: float
) -> None:
    """Draw a sprite with its edits (crop, rotation, flip), centred in `into`.

    Enlarged with nearest neighbour by whole factors only, so that all pixels are squares of the same size.
    `fit` is the available side in device pixels.
    """
    pixmap, scale = picture
    source = QRectF(pixmap.rect())
    if sprite.crop:
        x, y, w, h = sprite.crop
        source = QRectF(x * scale, y * scale, w * scale, h * scale) & source
    if not sprite.flipped and not sprite.rotation:
        _draw_upright(painter, into, pixmap, source, fit, ratio)
        return
    factor = zoom_to_fit(source.width(), source.height(), fit)
    width, height = source.width() * factor / ratio, source.height() * factor / ratio
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, factor < 1)
    box_width, box_height = (height, width) if sprite.rotation % 2 else (width, height)
    # The corner of the rotated picture, not its centre, must be on a device pixel.
    left = round((into.x() + (into.width() - box_width) / 2) * ratio) / ratio
    top = round((into.y() + (into.height() - box_height) / 2) * ratio) / ratio
    centre = QTransform.fromTranslate(left + box_width / 2, top + box_height / 2)
    before = painter.transform()
    painter.setTransform(_orientation(sprite.rotation, sprite.flipped) * centre, True)
    _draw_part(painter, QRectF(-width / 2, -height / 2, width, height), pixmap, source)
    painter.setTransform(before)


def _draw_upright(painter: QPainter, into: QRectF, picture: Picture, source: QRectF, fit: float, ratio: float) -> None:
    """Draw part of a picture without rotation or flip, centred in `into` on whole device pixels."""
    factor = zoom_to_fit(source.width(), source.height(), fit)
    width, height = source.width() * factor / ratio, source.height() * factor / ratio
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, factor < 1)
    left = round((into.x() + (into.width() - width) / 2) * ratio) / ratio
    top = round((into.y() + (into.height() - height) / 2) * ratio) / ratio
    _draw_part(painter, QRectF(left, top, width, height), picture, source)


def _draw_part(painter: QPainter, target: QRectF, picture: Picture, source: QRectF) -> None:
    if isinstance(picture, QImage):
        painter.drawImage(target, picture, source)
    else:
        painter.drawPixmap(target, picture, source)


def fit_of(sprite: Sprite, room: int) -> int:
    """Side of the square that the whole original would fill if its crop fills `room` device pixels."""
    if not sprite.crop:
        return room
    largest = max(sprite.width, sprite.height)
    return min(largest, -(-room * largest // max(sprite.crop[2:])))


def zoom_to_fit(width: float, height: float, fit: float) -> float:
    """Device pixels per picture pixel to fit: a whole number when enlarging, any when reducing."""
    factor = fit / max(width, height, 1)
    return float(int(factor)) if factor >= 1 else factor


@functools.cache
def _orientation(rotation: int, flipped: bool) -> QTransform:
    """Rotate, then mirror; QTransform applies the last operation first."""
    return QTransform().scale(-1 if flipped else 1, 1).rotate(90 * rotation)


def checker_brush(ratio: float, side: int = CHECKER) -> QBrush:
    """The checkerboard shown under transparent pixels."""
    return _checkered(ratio, side, theme.color("checker_a"), theme.color("checker_b"))


def _checkered(ratio: float, side: int, first: QColor, second: QColor) -> QBrush:
    tile = blank(2 * side, 2 * side, ratio, first)
    with painting(tile) as painter:
        for corner in (QPoint(0, 0), QPoint(side, side)):
            painter.fillRect(QRect(corner.x(), corner.y(), side, side), second)
    return QBrush(tile)


def blank(width: int, height: int, ratio: float, color: QColor | None = None) -> QImage:
    """An image of a logical size at the screen's resolution; transparent unless an opaque colour is given."""
    kind = QImage.Format.Format_ARGB32_Premultiplied if color is None else QImage.Format.Format_RGB32
    made = QImage(max(1, round(width * ratio)), max(1, round(height * ratio)), kind)
    made.setDevicePixelRatio(ratio)
    made.fill(QColor(0, 0, 0, 0) if color is None else color)
    return made


def faded(color: QColor, alpha: float) -> QColor:
    """A colour with an opacity in [0, 1]."""
    value = QColor(color)
    value.setAlphaF(alpha)
    return value
