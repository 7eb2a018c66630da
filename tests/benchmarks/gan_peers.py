"""Two programs an artist finds on PyPI, trained by their own trainers: contenders of trainer_quality.py.

lightweight-gan (FastGAN's networks, Liu et al. 2021) and stylegan2_pytorch (StyleGAN2, Karras et al. 2020, with
differentiable augmentation), both by P. Wang under the MIT licence. Every iteration is a call of their `Trainer.train`.
They ask for CUDA by name; on a processor, `.cuda()` does nothing here. Pictures come from the generator itself,
untruncated, since their averages only begin after 20,000 iterations. Each takes part as published and at a width for a
CPU.
"""

from __future__ import annotations

import functools
import sys
import tempfile
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from peers import BATCH, CPU, Peer

AUGMENT = 0.3  # lightweight-gan's own choice below 100,000 pictures; stylegan2_pytorch's README advises .2 to .3.


class GanPeer(Peer):
    """A GAN in training by its package's trainer."""

    def __init__(
        self,
        trainer: Any,
        pixels: np.ndarray[Any, Any],
        seed: int,
        device: torch.device,
        draw: Callable[..., torch.Tensor],
    ) -> None:
        super().__init__(pixels, seed, device)
        self._trainer, self._draw = trainer, draw
        trainer.save = trainer.evaluate = lambda *_, **__: None
        trainer.aug_prob = AUGMENT
        trainer.loader = self.batches
        trainer.init_GAN()

    def train(self) -> None:
        """One iteration of the package's own trainer."""
        self._trainer.train()

    def sample(self, count: int) -> torch.Tensor:
        """Pictures of the generator as it is, (count, 3, H, W)."""
        self._trainer.GAN.eval()
        return self._draw(self._trainer.GAN, count)


def _prepare(device: torch.device) -> None:
    """What the packages need before they are imported."""
    sys.modules.setdefault("aim", types.ModuleType("aim"))  # An experiment tracker stylegan2_pytorch imports.
    if device.type == "cpu":
        _without_cuda()


@functools.cache
def _without_cuda() -> None:
    """Let `.cuda()` be nothing, and let packages that insist on a GPU when they are imported be content."""
    torch.Tensor.cuda = lambda self, *_, **__: self  # type: ignore[method-assign, assignment]
    torch.nn.Module.cuda = lambda self, *_, **__: self  # type: ignore[method-assign, assignment]
    asked, torch.cuda.is_available = torch.cuda.is_available, lambda: True
    try:
        import lightweight_gan.lightweight_gan as lightweight
        import stylegan2_pytorch.stylegan2_pytorch  # noqa: F401
    finally:
        torch.cuda.is_available = asked
    fake = types.ModuleType("torch")
    fake.__getattr__ = lambda name: getattr(torch, name)  # type: ignore[method-assign]
    fake.device = lambda *_: torch.device("cpu")  # type: ignore[attr-defined]
    lightweight.torch = fake


def _arguments(pixels: np.ndarray[Any, Any]) -> dict[str, Any]:
    scratch = tempfile.mkdtemp(prefix="gan-peer-")
    return {"image_size": pixels.shape[1], "batch_size": BATCH, "num_workers": 0, "base_dir": scratch}


def lightweight_gan(pixels: np.ndarray[Any, Any], seed: int, device: torch.device = CPU, *, width: int) -> GanPeer:
    """lightweight-gan at `width` feature maps at most (512 as published)."""
    _prepare(device)
    from lightweight_gan.lightweight_gan import Trainer

    trainer = Trainer(use_aim=False, fmap_max=width, **_arguments(pixels))

    def draw(gan: Any, count: int) -> torch.Tensor:
        return gan.G(torch.randn(count, gan.latent_dim, device=device))  # type: ignore[no-any-return]

    return GanPeer(trainer, pixels, seed, device, draw)


def stylegan2(pixels: np.ndarray[Any, Any], seed: int, device: torch.device = CPU, *, capacity: int) -> GanPeer:
    """stylegan2_pytorch at a network capacity (16 as published)."""
    _prepare(device)
    from stylegan2_pytorch import stylegan2_pytorch as peer

    def draw(gan: Any, count: int) -> torch.Tensor:
        style = peer.noise_list(count, gan.G.num_layers, gan.G.latent_dim, 0)
        noise = peer.image_noise(count, gan.G.image_size, 0)
        return gan.G(peer.styles_def_to_tensor(peer.latent_to_w(gan.S, style)), noise)  # type: ignore[no-any-return]

    return GanPeer(peer.Trainer(network_capacity=capacity, **_arguments(pixels)), pixels, seed, device, draw)


GANS: dict[str, Callable[[np.ndarray[Any, Any], int, torch.device], Peer]] = {
    "lightweight-gan": functools.partial(lightweight_gan, width=512),
    "lightweight-gan, 64 wide": functools.partial(lightweight_gan, width=64),
    "stylegan2": functools.partial(stylegan2, capacity=16),
    "stylegan2, capacity 4": functools.partial(stylegan2, capacity=4),
}
"""name -> (pixels (N, H, W, 3) uint8, seed, device) -> contender."""
