"""Design tokens: a spacing scale, radii, and two palettes; the window follows the system's light or dark mode.

Colours live in resources/themes/{light,dark}.toml, the style sheet in window.qss. Painting code calls
`color("accent")` at paint time and connects to `notifier().changed` if it caches anything.
"""

from __future__ import annotations

import functools
import re
import tomllib

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from trainer.protocol.resources import resource_path

# Spacing in steps of 4 px: half a space between icon and label, one within a group, two between groups.
SPACE = 8
HALF = 4
RADIUS = 8
RADIUS_SMALL = 5
STYLE_ARGUMENTS = ("-style", "Fusion")
SCHEMES = ("system", "light", "dark")


class _Notifier(QObject):
    """Signals:
    changed: the theme's colours changed; repaint and discard tinted pictures.
    """

    changed = Signal()


_scheme = "system"


@functools.cache
def notifier() -> _Notifier:
    """The object that signals theme changes."""
    return _Notifier()


def is_dark() -> bool:
    """True while the dark palette is in use."""
    return _scheme == "dark" if _scheme != "system" else _system_is_dark()


@functools.cache
def _system_is_dark() -> bool:
    """Cached: painting code asks for colours hundreds of times a second. `_apply` clears the cache."""
    return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark


@functools.cache
def _colors(name: str) -> dict[str, str]:
    return tomllib.loads(resource_path("themes", f"{name}.toml").read_text(encoding="utf-8"))


def colors() -> dict[str, str]:
    """Token name -> '#rrggbb' of the current palette."""
    return _colors("dark" if is_dark() else "light")


def color(name: str, alpha: float = 1.0) -> QColor:
    """A token's colour, with opacity in [0, 1]."""
    return QColor(_color(colors()[name], alpha))


@functools.lru_cache(maxsize=512)
def _color(text: str, alpha: float) -> QColor:
    value = QColor(text)
    value.setAlphaF(alpha)
    return value


def install(application: QApplication, *, styled: bool = False, sheet: bool = True) -> None:
    """Set the application's style and follow the system's light or dark mode.

    `sheet`: also apply the style sheet; otherwise call `apply_style_sheet` once the window is built.

    `styled`: the application was started with STYLE_ARGUMENTS, which is free. `setStyle` returns a QStyle, for which
    PySide6 builds a dozen large enums, 10 ms of the start.
    """
    if not styled:
        application.setStyle(STYLE_ARGUMENTS[1])
    font = application.font()
    # Some platforms default to 9 points, too small for all-day use.
    if 0 < font.pointSizeF() < 10:
        font.setPointSizeF(10)
        application.setFont(font)
    if sheet:
        _apply(application)
    else:
        application.setPalette(_palette(colors()))
    _follow_system()


@functools.cache
def _follow_system() -> None:
    """Apply the theme again whenever the system's mode changes; connected once, however often a theme is installed."""
    QGuiApplication.styleHints().colorSchemeChanged.connect(_apply_again)


def _apply_again() -> None:
    application = QApplication.instance()
    if isinstance(application, QApplication):
        _apply(application)


def scheme() -> str:
    """ "system", "light" or "dark", as the user chose."""
    return _scheme


def set_scheme(name: str) -> None:
    """Follow the system, or stay light or dark."""
    global _scheme
    if name not in SCHEMES:
        raise ValueError(f"a scheme is one of {', '.join(SCHEMES)}, not {name!r}")
    if name == _scheme:
        return
    _scheme = name
    _apply_again()


def apply_style_sheet(application: QApplication) -> None:
    """Apply the style sheet, once the window is built: set earlier, it would be recomputed for every new widget."""
    application.setStyleSheet(style_sheet(colors(), QFontMetrics(application.font()).height()))


def _apply(application: QApplication) -> None:
    _system_is_dark.cache_clear()
    application.setPalette(_palette(colors()))
    apply_style_sheet(application)
    notifier().changed.emit()


def _palette(values: dict[str, str]) -> QPalette:
    """Palette for what the style sheet does not reach: message boxes, item views, disabled text, links."""
    role = QPalette.ColorRole
    palette = QPalette()
    for which, name in (
        (role.Window, "window"), (role.WindowText, "text"), (role.Base, "surface"), (role.AlternateBase, "window"),
        (role.Text, "text"), (role.Button, "raised"), (role.ButtonText, "text"), (role.ToolTipBase, "surface"),
        (role.ToolTipText, "text"), (role.PlaceholderText, "muted"), (role.Highlight, "accent_fill"),
        (role.HighlightedText, "on_accent"), (role.Link, "accent"), (role.Mid, "border"), (role.Dark, "border_strong"),
        (role.Accent, "accent"),
    ):  # fmt: skip
        palette.setColor(which, QColor(values[name]))
    for which in (role.WindowText, role.Text, role.ButtonText, role.PlaceholderText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(values["disabled"]))
    return palette


def style_sheet(values: dict[str, str], line_height: int) -> str:
    """The application's style sheet from a theme's colours (token -> "#rrggbb") and a line height in pixels."""
    body = round(line_height * 0.86)
    tokens = {
        **values,
        "radius": str(RADIUS),
        "radius_small": str(RADIUS_SMALL),
        "font_small": str(max(10, round(body * 0.86))),
        "font_large": str(round(body * 1.45)),
        "icons": resource_path("icons").as_posix(),
    }
    text = resource_path("themes", "window.qss").read_text(encoding="utf-8")
    # Only names of tokens are replaced, because comments may contain braces too.
    return re.sub(r"\{(\w+)\}", lambda match: tokens.get(match[1], match[0]), text)
