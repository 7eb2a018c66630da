"""Limits on the cost of decoding a picture, and the error for pictures that are rejected."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gandam_studio.core.errors import UserError


class UnreadablePicture(UserError):
    """The bytes are not a picture, are damaged, or exceed the limits; the message is a short reason."""


@dataclass(frozen=True)
class Limits:
    """Limits for a single picture.

    Attributes:
        max_pixels: width times height; for animations, times the number of frames decoded.
        max_side: width or height, in pixels.
        max_file_bytes: size of the file.
        max_frames: frames decoded of one animation.
        max_layers: layers of one document.
        seconds: wall-clock time, after which a worker process is killed.
        memory_bytes: address space a worker may use beyond what it starts with (where the system can limit it).
    """

    max_pixels: int = 64_000_000
    max_side: int = 32_000
    max_file_bytes: int = 512 * 1024 * 1024
    max_frames: int = 1_000
    max_layers: int = 1_000
    seconds: float = 30.0
    memory_bytes: int = 3 * 1024**3

    def check_size(self, width: int, height: int) -> None:
        """Raise UnreadablePicture for a size that is empty or exceeds the limits."""
        if width < 1 or height < 1:
            raise UnreadablePicture(f"has no pixels ({width} x {height})")
        if width > self.max_side or height > self.max_side or width * height > self.max_pixels:
            raise UnreadablePicture(
                f"too large: {width} x {height} pixels (at most {self.max_pixels / 1e6:g} million, "
                f"{self.max_side} a side)"
            )

    def allow(self, reason: str, file_bytes: int) -> bool:
        """Whether a file that was refused for a limit is within these limits, as far as the reason tells.

        `reason` is the message of that refusal, `file_bytes` the file's size.
        """
        if not reason.startswith(_TOO_LARGE):
            return False
        if match := _SIZE.search(reason):
            frames, width, height = (int(text or 1) for text in match.groups())
            return max(width, height) <= self.max_side and frames * width * height <= self.max_pixels
        return reason.endswith(" MB") and file_bytes <= self.max_file_bytes


_TOO_LARGE = "too large: "
_SIZE = re.compile(r"(?:(\d+) frames of )?(\d+) x (\d+) pixels")
_OVERTIME = re.compile(r"took longer than [\d.]+ seconds|needs too much memory")


def is_limit(reason: str) -> bool:
    """Whether a file was refused for a limit of its size, its decoding time or its memory."""
    return reason.startswith(_TOO_LARGE) or _OVERTIME.fullmatch(reason) is not None


DEFAULT_LIMITS = Limits()
LARGE_LIMITS = Limits(max_pixels=256_000_000, seconds=120.0, memory_bytes=8 * 1024**3)
"""For pictures that were refused as too large, when a person wants them all the same."""
