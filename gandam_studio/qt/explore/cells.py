"""A sample on Explore: its picture, its latent, and what it is called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from gandam_studio.core.runs.drawing import Answer
from gandam_studio.core.runs.explored import Vector
from gandam_studio.qt.following.pictures import to_image
from trainer.protocol.drawing import CLASS


@dataclass(frozen=True, eq=False)
class Cell:
    """A sample as drawn.

    Attributes:
        name: "7/3", the name of a favourite, or what it is in words. pixels: (H, W, C). vector: its latent, with all
            that was done to it. label: number of its class, or None. spot: what draws it before sliders are applied;
            {} means its vector. caption: its name below it, where that can be shorter. latent: what alone draws it,
            such as "7/3", "" if nothing does. preview: in how few steps of a flow it was drawn, 1 for other sketches; 0
            for what `sample` draws.
    """

    name: str
    pixels: NDArray[np.uint8]
    vector: Vector
    label: int | None = None
    spot: dict[str, Any] = field(default_factory=dict)
    caption: str = ""
    latent: str = ""
    preview: int = 0

    def image(self) -> QImage:
        """The picture, with transparency where the model draws it."""
        return to_image(self.pixels)


def cells_of(
    answer: Answer, names: list[str], spots: list[dict[str, Any]] | None = None, captions: list[str] | None = None,
    steered: bool = True,
) -> list[Cell]:  # fmt: skip
    """The samples of an answer, or of a part of it. Raises UserError for one that does not fit together.

    `steered`: whether anything was done to the latents that `spots` name.
    """
    pixels, vectors = answer.pictures(), answer.vectors(1)
    labels = answer.values.get("classes")
    known = labels if isinstance(labels, list) and len(labels) == len(pixels) else [None] * len(pixels)
    own = spots or [{}] * len(pixels)
    preview = answer.values.get("preview", 0)
    steps = preview if type(preview) is int else 0
    return [
        Cell(
            name, picture, vector, label if isinstance(label, int) else None, spot, caption,
            name if "name" in spot and CLASS not in spot and not steered else "", steps,
        )
        for name, picture, vector, label, spot, caption in zip(
            names, pixels, vectors, known, own, captions or [""] * len(pixels), strict=False
        )
    ]  # fmt: skip
