"""Metrics as they are published, by torch-fidelity (Obukhov 2020), with Inception weights that the user has.

Nothing is downloaded: the weights are a file named by the user. Their values can be compared with those of papers only
where the pictures, their number and their size are the same too.
"""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer.diagnostics.likeness import Array
from trainer.protocol.errors import TrainerError
from trainer.protocol.untrusted import open_regular

INSTALL = "pip install 'gandam-studio[fidelity]'"
KNOWN = "6726825d"
"""The SHA-256 of torch-fidelity's file pt_inception-2015-12-05 begins with this."""
LEAST = 16
SUBSETS = 100
NEAREST = 3


def published_metrics(samples: Array, real: Array, weights: Path) -> dict[str, Any]:
    """FID, KID, Inception score, precision and recall of uint8 pictures (N, H, W, 3 or 4) against real ones.

    Returns {"fid", "kid", "kid_sd", "inception_score", "precision", "recall", "real", "weights", "known_weights"}.
    Raises TrainerError if torch-fidelity is not installed or `weights` are not plain tensors that fit.
    """
    try:
        from torch_fidelity import calculate_metrics
    except ImportError:
        raise TrainerError(f"published metrics need torch-fidelity; {INSTALL}", "settings") from None
    if min(len(samples), len(real)) < LEAST:
        raise TrainerError(f"published metrics need {LEAST} samples and {LEAST} real pictures", "data")
    digest = _checked(weights)
    smallest = min(len(samples), len(real))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = calculate_metrics(
                input1=_Pictures(samples), input2=_Pictures(real), cuda=False, batch_size=16, save_cpu_ram=True,
                isc=True, fid=True, kid=True, prc=True, kid_subsets=SUBSETS, kid_subset_size=min(1000, smallest),
                prc_neighborhood=NEAREST, feature_extractor="inception-v3-compat", cache=False, verbose=False,
                feature_extractor_weights_path=str(weights),
            )  # fmt: skip
    except (RuntimeError, KeyError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise TrainerError(f"torch-fidelity cannot use {weights.name}: {reason}", "settings") from None
    names = {
        "fid": "frechet_inception_distance", "kid": "kernel_inception_distance_mean",
        "kid_sd": "kernel_inception_distance_std", "inception_score": "inception_score_mean",
        "precision": "precision", "recall": "recall",
    }  # fmt: skip
    answer: dict[str, Any] = {short: float(f"{found[name]:.6g}") for short, name in names.items()}
    return answer | {"real": len(real), "weights": digest, "known_weights": digest.startswith(KNOWN)}


def _checked(weights: Path) -> str:
    """The file's SHA-256. torch-fidelity would unpickle anything: what is not plain tensors is refused before."""
    try:
        with open_regular(weights) as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            state = torch.load(stream, map_location="cpu", weights_only=True)
    except OSError as error:
        raise TrainerError(f"cannot read {weights}: {error.strerror or error}", "settings") from None
    except Exception:
        raise TrainerError(f"{weights.name} is no file of plain weights", "settings") from None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise TrainerError(f"{weights.name} is no file of plain weights", "settings")
    return digest


class _Pictures(torch.utils.data.Dataset[torch.Tensor]):
    """Pictures as torch-fidelity takes them: uint8 (3, H, W), on white."""

    def __init__(self, pixels: Array) -> None:
        self._pixels = pixels

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, index: int) -> torch.Tensor:
        picture = self._pixels[index]
        if picture.shape[2] == 4:
            alpha = picture[..., 3:].astype(np.uint16)
            picture = ((picture[..., :3] * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)
        return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)
