"""The Studio's icons: one-colour SVG files tinted by the theme, drawn at the screen's resolution."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QColor, QGuiApplication, QIcon, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QLabel

from gandam_studio.qt import theme
from gandam_studio.qt.painting import painting
from trainer.protocol.resources import resource_path

SIZE = 20

# What shows an icon is tinted again when the theme changes: (weak reference, function that sets the icon).
_shown: list[tuple[weakref.ref[Any], Callable[[Any], None]]] = []


def pixmap(name: str, size: QSize | int = SIZE, color: str = "text") -> QPixmap:
    """An icon in a token's colour; `size` in logical pixels."""
    if isinstance(size, int):
        size = QSize(size, size)
    application = QGuiApplication.instance()
    ratio = application.devicePixelRatio() if isinstance(application, QGuiApplication) else 1.0
    return QPixmap.fromImage(image(name, size, theme.color(color), ratio))


def image(name: str, size: QSize | int, color: QColor, ratio: float) -> QImage:
    """An icon in any colour at a device pixel ratio; callable from any thread."""
    width, height = (size, size) if isinstance(size, int) else (size.width(), size.height())
    picture = QImage(_shape(name, width, height, ratio))
    with painting(picture) as painter:
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
        painter.fillRect(QRectF(0, 0, width, height), color)
    return picture


@functools.lru_cache(maxsize=256)
def _shape(name: str, width: int, height: int, ratio: float) -> QImage:
    """The icon in black, cached: drawing the SVG costs more than tinting it, and most icons need three colours."""
    picture = QImage(QSize(width, height) * ratio, QImage.Format.Format_ARGB32_Premultiplied)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    with painting(picture) as painter:
        source = (_folder() / f"{name}.svg").read_bytes().replace(b"currentColor", b"#000000")
        QSvgRenderer(QByteArray(source)).render(painter, QRectF(0, 0, width, height))
    return picture


def icon(name: str, color: str = "text", size: int = SIZE) -> QIcon:
    """An icon with its disabled variant; checked buttons get their colour from the style sheet."""
    made = QIcon(pixmap(name, size, color))
    made.addPixmap(pixmap(name, size, "disabled"), QIcon.Mode.Disabled)
    if color == "secondary":
        made.addPixmap(pixmap(name, size, "accent"), QIcon.Mode.Normal, QIcon.State.On)
    return made


def set_icon(target: QAbstractButton | QAction, name: str, color: str = "text", size: int = SIZE) -> None:
    """Show an icon on a button or action, now and after every theme change."""

    def apply(one: QAbstractButton | QAction) -> None:
        one.setIcon(icon(name, color, size))
        if isinstance(one, QAbstractButton):
            one.setIconSize(QSize(size, size))

    _keep(target, apply)


def set_pixmap(target: QLabel, name: str, size: QSize | int = SIZE, color: str = "text") -> None:
    """Show an icon in a label, now and after every theme change."""
    _keep(target, lambda label: label.setPixmap(pixmap(name, size, color)))


def application_icon() -> QIcon:
    """The program's icon, in colour."""
    return QIcon(str(resource_path("icons", "gandam-studio.svg")))


@functools.cache
def _folder() -> Path:
    return resource_path("icons")


def _keep(target: Any, apply: Callable[[Any], None]) -> None:
    apply(target)
    if not _shown:
        theme.notifier().changed.connect(_apply_all)
    _shown[:] = [(kept, how) for kept, how in _shown if (one := kept()) is not None and one is not target]
    _shown.append((weakref.ref(target), apply))


def _apply_all() -> None:
    alive = []
    for kept, apply in _shown:
        target = kept()
        if target is None:
            continue
        try:
            apply(target)
        except RuntimeError:
            continue  # its C++ object was deleted
        alive.append((kept, apply))
    _shown[:] = alive
