"""What one picture may cost, and the one error that says why a picture was refused."""

from __future__ import annotations

from dataclasses import dataclass

from gandam_studio.core.errors import UserError


class UnreadablePicture(UserError):
    """The bytes are no picture, a broken one or one beyond the limits; the message is a short reason in plain words."""


@dataclass(frozen=True)
class Limits:
    """What a single picture may cost before it is refused.

    Attributes:
        max_pixels: width times height, and for animations times the frames that are decoded.
        max_side: of either side, in pixels.
        max_file_bytes: of the file as stored.
        max_frames: looked at in one animation.
        seconds: wall-clock time in a worker, after which the worker is killed.
        memory_bytes: address space a worker may take beyond what it starts with (where the system can limit it).
    """

    max_pixels: int = 64_000_000
    max_side: int = 32_000
    max_file_bytes: int = 512 * 1024 * 1024
    max_frames: int = 1_000
    seconds: float = 30.0
    memory_bytes: int = 3 * 1024**3

    def check_size(self, width: int, height: int) -> None:
        """Raise UnreadablePicture for a size that is empty or beyond the limits."""
        if width < 1 or height < 1:
            raise UnreadablePicture(f"has no pixels ({width} x {height})")
        if width > self.max_side or height > self.max_side or width * height > self.max_pixels:
            raise UnreadablePicture(
                f"too large: {width} x {height} pixels (at most {self.max_pixels / 1e6:g} million, "
                f"{self.max_side} a side)"
            )


DEFAULT_LIMITS = Limits()
