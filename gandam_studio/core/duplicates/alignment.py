"""Alignment of tiles: finds the small stretch and shift that maps one content onto another.

Contents are trimmed, so they nearly match already; a cut-off edge, or a background that was detected a pixel too wide,
moves them by a few per cent. Gauss-Newton on the sum of squared differences (Lucas and Kanade 1981; the additive form
in Baker and Matthews 2004, section 2) over stretch and shift of each axis, for many pairs at once. Compares opacity and
edge strength, which do not change when a picture is recoloured.
"""

from __future__ import annotations

import numpy as np

from gandam_studio.core.duplicates import compiled
from gandam_studio.core.duplicates.sampling import resampled
from gandam_studio.core.duplicates.tiles import SIDE

_ROUNDS = 4
_EDGE_WEIGHT, _LEAST_ALPHA = 2.0, 0.1
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# Priors for stretch and shift, so that a featureless pair does not move.
_STIFFNESS = np.array([1.0, 0.01, 1.0, 0.01], dtype=np.float32)
_STEP = np.array([0.08, 1.5, 0.08, 1.5], dtype=np.float32)
_REACH = np.array([0.2, 3.0, 0.2, 3.0], dtype=np.float32)


def align(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the parameters that align `b` with `a`: (P, 4) float32 of stretch x, shift x, stretch y, shift y.

    a, b: (P, SIDE, SIDE, 4) tiles. Output pixel x, counted from the centre, is that of b at (1 + stretch) x + shift, in
    tile pixels. At most 20 % and 3 pixels.
    """
    wanted, moving = _shapes(a), _shapes(b)
    found = np.zeros((len(a), 4), dtype=np.float32)
    slopes = np.empty((*wanted.shape, 4), dtype=np.float32)
    lines = slopes.reshape(len(a), -1, 4)
    now = moving
    for round_ in range(_ROUNDS):
        if round_:
            now = warp(moving, found)
        off = _slopes(now, wanted, slopes)
        curvature = lines.transpose(0, 2, 1) @ lines + np.diag(_STIFFNESS)
        pull = lines.transpose(0, 2, 1) @ off.reshape(len(a), -1, 1)
        step = np.linalg.solve(curvature, pull)[..., 0]
        found = np.clip(found + np.clip(step, -_STEP, _STEP), -_REACH, _REACH).astype(np.float32)
    return found


def warp(tiles: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Resample (P, SIDE, SIDE, C) tiles linearly by the parameters of `align`; zero beyond their edges."""
    loops = compiled.tile_kernels
    if loops is not None:
        made: np.ndarray = loops.warped(tiles, parameters, *compiled.fused)
        return made
    return resampled(tiles, parameters)


def _slopes(now: np.ndarray, wanted: np.ndarray, into: np.ndarray) -> np.ndarray:
    """Write how (P, SIDE, SIDE, 2) shapes change with each parameter, (P, SIDE, SIDE, 2, 4); returns wanted - now."""
    if compiled.tile_kernels is not None:
        count, channels = len(now), now.shape[3]
        lines, aims = (values.reshape(count, SIDE, SIDE * channels) for values in (now, wanted))
        into = into.reshape(*lines.shape, 4)
        off: np.ndarray = compiled.tile_kernels.slopes(lines, aims, into, channels)
        return off
    x = (np.arange(SIDE) - (SIDE - 1) / 2).astype(np.float32)
    across, down = into[..., 1], into[..., 3]
    _gradient(now.transpose(2, 0, 1, 3), across.transpose(2, 0, 1, 3))
    _gradient(now.transpose(1, 0, 2, 3), down.transpose(1, 0, 2, 3))
    np.multiply(across, x[:, None], out=into[..., 0])
    np.multiply(down, x[:, None, None], out=into[..., 2])
    return np.asarray(wanted - now)


def _gradient(values: np.ndarray, into: np.ndarray) -> None:
    """Differences along the first axis as by `np.gradient`, written to `into`."""
    np.subtract(values[2:], values[:-2], out=into[1:-1])
    into[1:-1] *= np.float32(0.5)
    np.subtract(values[1], values[0], out=into[0])
    np.subtract(values[-1], values[-2], out=into[-1])


def _shapes(tiles: np.ndarray) -> np.ndarray:
    """(P, SIDE, SIDE, 2): opacity, and the strength of brightness edges inside it."""
    luma = tiles[..., :3] @ _LUMA
    if compiled.tile_kernels is not None:
        found: np.ndarray = compiled.tile_kernels.shapes(tiles, luma, _LEAST_ALPHA, _EDGE_WEIGHT)
        return found
    alpha = tiles[..., 3]
    luma = luma / np.maximum(alpha, _LEAST_ALPHA)
    across = np.diff(luma, axis=2, append=luma[:, :, -1:])
    down = np.diff(luma, axis=1, append=luma[:, -1:])
    return np.stack([alpha, _EDGE_WEIGHT * np.sqrt(across**2 + down**2) * alpha], axis=-1)
