"""Both themes name the same colours, text is readable on all of its backgrounds, and every icon is drawn."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QLabel

from gandam_studio.qt import icons, theme
from trainer.protocol.resources import resource_path

THEMES = {
    name: tomllib.loads(resource_path("themes", f"{name}.toml").read_text(encoding="utf-8"))
    for name in ("light", "dark")
}


def _luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [channel / 255 for channel in QColor(color).getRgb()[:3]]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_both_themes_name_the_same_colours() -> None:
    assert set(THEMES["light"]) == set(THEMES["dark"])


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("ground", ["window", "surface", "rail", "accent_soft"])
def test_text_is_readable(name: str, ground: str) -> None:
    colors = THEMES[name]
    assert _contrast(colors["text"], colors[ground]) >= 7
    assert _contrast(colors["secondary"], colors[ground]) >= 4.5
    assert _contrast(colors["accent"], colors[ground]) >= 4.5


@pytest.mark.parametrize("name", THEMES)
def test_signs_and_buttons_are_readable(name: str) -> None:
    colors = THEMES[name]
    assert _contrast(colors["on_accent"], colors["accent_fill"]) >= 4.5
    assert _contrast(colors["on_accent"], colors["accent_hover"]) >= 4.5
    for sign in ("kept", "dropped", "warning", "flipped", "info"):
        assert _contrast(colors[sign], colors["surface"]) >= 4.5, sign


def test_the_style_sheet_uses_only_names_that_exist(qapp: QApplication) -> None:
    text = theme.style_sheet(THEMES["light"], 16)
    assert re.findall(r"\{\w+\}", text) == ["{names}"], "only the comment's example stays"


@pytest.mark.parametrize("path", sorted(resource_path("icons").glob("*.svg")), ids=lambda path: path.stem)
def test_every_icon_draws_something(path: Path, qapp: QApplication) -> None:
    image = icons.pixmap(path.stem, 32).toImage()
    assert any(image.pixelColor(x, y).alpha() for x in range(0, 32, 1) for y in range(0, 32, 1))


def test_icons_follow_the_theme(themed: None) -> None:
    theme.set_scheme("light")
    label = QLabel()
    icons.set_pixmap(label, "stop", 32, "text")
    light = label.pixmap().toImage()
    theme.set_scheme("dark")
    dark = label.pixmap().toImage()
    theme.set_scheme("system")
    assert light != dark
    assert QColor(theme.colors()["text"]).isValid()
