"""Pictures of fresh latents that a run is measured on, drawn once an iteration however many measures use them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from trainer.feature_spaces import FeatureSpace, feature_space
from trainer.grids import draw_pictures
from trainer.randomness import derived_seed, latents
from trainer.session import Session

PICTURES = 256


class FreshPictures:
    """Draws with the weights that samples are drawn with; first rank only."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._space: FeatureSpace | None = None
        self._at = -1
        self._pixels: np.ndarray[Any, Any] | None = None
        self._features: torch.Tensor | None = None

    def pixels(self) -> np.ndarray[Any, Any]:
        """256 pictures of this iteration, uint8 (256, H, W, C)."""
        if self._pixels is None or self._at != self._session.done.iteration:
            self._pixels = self._features = None
            self._pixels = self._drawn("meter")
            self._at = self._session.done.iteration
        return self._pixels

    def features_anew(self) -> torch.Tensor:
        """Features of 256 other pictures of this iteration, for a value that was not chosen among others."""
        return self.features_of(self._drawn("meter again"))

    def _drawn(self, key: str) -> np.ndarray[Any, Any]:
        session = self._session
        seed = derived_seed(session.config.seed, key, session.done.iteration)
        z = latents(seed, "sample", PICTURES, session.sampler.latent)
        labels = None
        if session.data.class_names:
            labels = torch.arange(PICTURES) % len(session.data.class_names)
        return draw_pictures(session.sampler, z, session.data.fill, labels, snap=session.config.sampling.snap)

    def features(self) -> torch.Tensor:
        """Their features, (256, d)."""
        pixels = self.pixels()
        if self._features is None:
            self._features = self.features_of(pixels)
        return self._features

    def features_of(self, pixels: np.ndarray[Any, Any]) -> torch.Tensor:
        """Features (N, d) of other pictures, in the same space."""
        return self.space(pixels)

    @property
    def space(self) -> FeatureSpace:
        """What features are computed by: the judge's space."""
        if self._space is None:
            self._space = feature_space().to(self._session.machine.device)
        return self._space
