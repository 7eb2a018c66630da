"""How `evaluate` measures quality: what the Studio asks for and the trainer obeys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FEATURES = ("auto", "random-conv", "lite0")
"""Feature spaces; auto: lite0 where its weights are installed, else random-conv."""
FEATURES_HELP = "What quality is measured with; auto takes lite0 where it is installed."
INCEPTION_HELP = "Inception's weights that you have, for FID and KID as published."


@dataclass(frozen=True)
class Measured:
    """How quality is measured.

    Attributes:
        features: one of `FEATURES`. inception: a file with Inception's weights, for published metrics too.
    """

    features: str = FEATURES[0]
    inception: Path | None = None

    def words(self) -> list[str]:
        """The trainer's options."""
        return ["--features", self.features, *(["--inception", str(self.inception)] if self.inception else [])]
