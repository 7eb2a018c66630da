"""Reproducible random numbers, since NumPy does not guarantee the same stream across releases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15


def _mix(value: int) -> int:
    """Scramble 64 bits: the finaliser of SplitMix64 (Steele, Lea, Flood 2014, figure 15)."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


class Dice:
    """A SplitMix64 generator seeded by whole numbers.

    Streams with different seeds are independent, so that a design can be kept while its paint is chosen again.
    """

    __slots__ = ("_state",)

    def __init__(self, *numbers: int) -> None:
        state = 0
        for number in numbers:
            state = _mix((state + _STEP + number) & _MASK)
        self._state = state

    def below(self, count: int) -> int:
        """A whole number in [0, count); the modulo bias is below 2^-50 for the counts used here."""
        self._state = (self._state + _STEP) & _MASK
        return _mix(self._state) % count

    def between(self, low: int, high: int) -> int:
        """A whole number in [low, high], inclusive."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """True with a probability of `percent` per cent."""
        return self.below(100) < percent

    def pick(self, options: Sequence[T]) -> T:
        """One of `options`, with equal probability."""
        return options[self.below(len(options))]
