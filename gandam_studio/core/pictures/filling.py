"""The colour behind a picture. Apart from rendering, since asking for it needs no OpenCV."""

from __future__ import annotations

from trainer.protocol.recipe import Recipe


def fill_color(recipe: Recipe, background: str) -> tuple[int, int, int]:
    """Return the (r, g, b) colour a recipe composites on; `background` replaces "detected"."""
    name = background if recipe.background == "detected" else recipe.background
    text = {"white": "#ffffff", "black": "#000000"}.get(name, name)
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
