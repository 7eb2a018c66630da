"""Even and odd halves of what EfficientNet-Lite0's middle sees in sprites: a worker of the facing assistant.

The Studio starts it by name (`core.workers.serving`), since it needs torch. Pictures and their mirror images go through
the network; the outputs F of some blocks are blurred and pooled to 4 x 4 cells, since a part may lie a little elsewhere
in another sprite. With m for mirroring, F(x) and F(m x) mirrored are nearly equal, so a cell and its mirror image tell
the same twice: of the even half (F(x) + F(m x)) / 2 and the odd half (F(x) - F(m x)) / 2 the means over both are kept,
which are half the cells. Both halves of a block together have length 1.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from trainer.lite0 import Layer, middle
from trainer.lite0_front import bundled_layers
from trainer.protocol.facing_frames import BLOCKS, CELLS, SIDE, Halves, pack_halves, unpack_canvases

_BLUR = 1.0  # cells of 8 a side


class _Report(Protocol):
    def __call__(self, position: int, /) -> None: ...


class _Handle(Protocol):
    def __call__(self, frame: bytes, report: _Report, /) -> bytes: ...


@contextlib.contextmanager
def prepare(_settings: dict[str, Any]) -> Iterator[_Handle]:
    """Read the weights."""
    torch.set_num_threads(1)
    layers = _channels_last(bundled_layers())

    def handle(frame: bytes, report: _Report, /) -> bytes:
        found = halves_seen(layers, unpack_canvases(frame))
        report(1)
        return pack_halves(found)

    yield handle


@torch.no_grad()
def halves_seen(layers: Sequence[Layer], canvases: np.ndarray[Any, Any]) -> Halves:
    """(N, 2, D) even and odd halves of (N, SIDE, SIDE, 3) uint8 canvases."""
    ways = [middle(layers, np.ascontiguousarray(way), BLOCKS) for way in (canvases, canvases[:, :, ::-1])]
    parts = []
    for one, other in zip(*ways, strict=True):
        x, mirrored = _pooled(one), _pooled(other)
        even, odd = (x + mirrored) / 2, (x - mirrored) / 2
        both = torch.stack([(even + even.flip(3)) / 2, (odd - odd.flip(3)) / 2], 1)[..., : CELLS // 2].flatten(2)
        parts.append(both / both.norm(dim=(1, 2), keepdim=True).clamp_min(1e-6))
    assert canvases.shape[1:] == (SIDE, SIDE, 3)
    return torch.cat(parts, 2).numpy()


def _channels_last(layers: Sequence[Layer]) -> list[Layer]:
    return [one._replace(weight=one.weight.contiguous(memory_format=torch.channels_last)) for one in layers]


def _pooled(x: torch.Tensor) -> torch.Tensor:
    """(N, C, 4, 4) of an output of 4 or 8 cells a side."""
    if x.shape[-1] == CELLS:
        return x
    place = torch.arange(x.shape[-1], dtype=torch.float32)
    blur = torch.exp(-((place[:, None] - place) ** 2) / (2 * _BLUR**2))
    pool = blur.view(CELLS, -1, x.shape[-1]).mean(1)
    return pool @ x @ pool.T
