"""Walks through latent space as GIF, MP4 or a sprite sheet."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from trainer.grids import png_bytes
from trainer.latent_space import walk
from trainer.protocol import outputs
from trainer.protocol.errors import TrainerError, io_failure
from trainer.randomness import latents
from trainer.sampling import Trained, drawn_by, labels_for

FORMATS = (".gif", ".mp4", ".png")


def interpolate(
    trained: Trained, out: Path, seed: int, points: int, steps: int, *, scale: int = 4, fps: int = 20,
    tag: str | None = None, force: bool = False, near: Sequence[Path] = (),
) -> dict[str, Any]:  # fmt: skip
    """Write a looped walk between `points` pictures of `seed`, `steps` frames each, in the format of `out`'s suffix.

    .gif and .mp4 are enlarged `scale` times without smoothing; .png is a sheet with one row per point, not enlarged.
    An existing file is replaced only with `force`. For `near` see `outputs.check_place`.
    Returns {"out", "frames", "seed", "seeds"}. Raises TrainerError.
    """
    kind = out.suffix.lower()
    if kind not in FORMATS:
        raise TrainerError(f"{out.name} must end in {', '.join(FORMATS)}")
    outputs.check_file(out, force=force, near=near)
    z = walk(latents(seed, "sample", points, trained.generator.latent), steps)
    frames = drawn_by(trained, z, labels_for(trained, len(z), tag or _first(trained)))
    facts = {"frames": len(frames), "seed": seed, "seeds": [f"{seed}/{i}" for i in range(points)]}
    try:
        if kind == ".png":
            sheet = frames.reshape(points, steps, *frames.shape[1:]).swapaxes(1, 2)
            height, width = points * frames.shape[1], steps * frames.shape[2]
            pixels = np.ascontiguousarray(sheet.reshape(height, width, frames.shape[3]))
            data = png_bytes(pixels, {"gandam": json.dumps(facts)})
        elif kind == ".gif":
            data = gif_bytes(frames, scale, fps)
        else:
            data = _mp4(frames, scale, fps)
        with outputs.new_file(out, force=force, near=near) as stream:
            stream.write(data)
    except OSError as error:
        raise io_failure(f"cannot write {out}", error) from error
    return {"out": str(out), **facts}


def _first(trained: Trained) -> str | None:
    return trained.classes[0] if trained.classes else None


def _enlarged(frames: np.ndarray[Any, Any], scale: int) -> np.ndarray[Any, Any]:
    return frames.repeat(scale, 1).repeat(scale, 2)


def gif_bytes(frames: np.ndarray[Any, Any], scale: int, fps: int) -> bytes:
    """A looped GIF of uint8 (N, H, W, C): pixels are opaque or clear, frames last whole hundredths, at least two."""
    if frames.shape[3] == 4:
        frames = np.where(frames[..., 3:] < 128, 0, frames | np.array([0, 0, 0, 255], np.uint8)).astype(np.uint8)
    pictures = [Image.fromarray(frame) for frame in _enlarged(frames, scale)]
    stream = io.BytesIO()
    duration = 10 * max(2, round(100 / fps))
    pictures[0].save(stream, "GIF", save_all=True, append_images=pictures[1:], duration=duration, loop=0, disposal=2)
    return stream.getvalue()


def _mp4(frames: np.ndarray[Any, Any], scale: int, fps: int) -> bytes:
    """An MP4 film; pictures with alpha are composited over white."""
    import cv2

    if frames.shape[3] == 4:
        alpha = frames[..., 3:].astype(np.float32) / 255
        frames = np.rint(frames[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    big = _enlarged(frames, scale)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        film = Path(folder) / "film.mp4"
        film.touch()  # Raises a clear error; OpenCV does not say why it failed.
        writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"mp4v"), fps, (big.shape[2], big.shape[1]))
        try:
            if not writer.isOpened():
                raise TrainerError("this machine's OpenCV cannot write MP4; use .gif or .png")
            for frame in big:
                writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        finally:
            writer.release()
        return film.read_bytes()
