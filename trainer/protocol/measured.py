"""How `evaluate` measures quality: what the Studio asks for and the trainer obeys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

AUTO, FRONT, RANDOM, LITE0 = FEATURES = ("auto", "lite0-front", "random-conv", "lite0")
"""Feature spaces; auto: lite0-front, which runs are measured with too. lite0 needs the extra of that name."""
JUDGE = "lite0-front-1"
"""The name, in events and results, of the features that runs are measured in. Values in others are not comparable."""
FEATURES_HELP = "What quality is measured with; auto takes lite0-front, as runs do."
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
