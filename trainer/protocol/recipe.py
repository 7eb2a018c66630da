"""The recipe that turns a sprite into a training picture; stored with workspace, version and run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

BACKGROUNDS = ("alpha", "white", "black", "detected")
INTERPOLATIONS = ("auto", "nearest", "area", "lanczos")
SIZES = (32, 64, 128, 256)
SCALES = ("fit", "whole", "set", "family")


@dataclass(frozen=True)
class Recipe:
    """How pictures become square training tensors.

    Attributes:
        size: side of the square in pixels, one of `SIZES`.
        trim: first crop fully transparent (or plain background) margins.
        pad: "square" centres the picture in a square; "bottom" also stands it on the square's lower edge.
        margin: share of the side left free on each edge, in [0, 0.25].
        background: "alpha" keeps a fourth channel; "white", "black", "#rrggbb" composite; "detected" uses the
            data set's own most common border colour.
        interpolation: "auto" takes nearest for integer enlargements of pixel art and area for reductions.
        scale: "fit" fills the square with every picture; "whole" does so with whole factors only (3 times, or a third);
            "set" gives all pictures one scale, so that large ones stay larger, and "family" all pictures of a family.
    """

    size: int = 64
    trim: bool = True
    pad: str = "square"
    margin: float = 0.0
    background: str = "white"
    interpolation: str = "auto"
    scale: str = "fit"

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ValueError(f"size must be one of {', '.join(map(str, SIZES))}, not {self.size}")
        if self.pad not in ("square", "bottom"):
            raise ValueError(f"pad must be square or bottom, not {self.pad!r}")
        if not 0.0 <= self.margin <= 0.25:
            raise ValueError(f"margin must lie in 0 to 0.25, not {self.margin}")
        if self.background not in BACKGROUNDS and not re.fullmatch(r"#[0-9a-f]{6}", self.background):
            raise ValueError(f"background must be {', '.join(BACKGROUNDS)} or #rrggbb, not {self.background!r}")
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f"interpolation must be one of {', '.join(INTERPOLATIONS)}, not {self.interpolation!r}")

        if self.scale not in SCALES:
            raise ValueError(f"scale must be one of {', '.join(SCALES)}, not {self.scale!r}")

    @property
    def is_relative(self) -> bool:
        """Whether a picture's scale depends on other pictures."""
        return self.scale in ("set", "family")

    @property
    def channels(self) -> int:
        """4 when alpha is kept, else 3."""
        return 4 if self.background == "alpha" else 3

    def to_json(self) -> dict[str, Any]:
        """Plain values, in field order.

        The scale is left out where it is "fit": recipes had no other when the first data sets were named by them.
        """
        values = dataclasses.asdict(self)
        if self.scale == "fit":
            del values["scale"]
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Recipe:
        """Build from plain values. Raises ValueError, also for unknown keys."""
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown recipe field {unknown[0]!r}; known: {', '.join(sorted(known))}")
        return cls(**values)

    def canonical(self) -> str:
        """The recipe as JSON with sorted keys, the same for equal recipes."""
        return json.dumps(self.to_json(), sort_keys=True)

    def digest(self) -> str:
        """SHA-256 (hex) of the canonical JSON: part of a prepared data set's key."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()
