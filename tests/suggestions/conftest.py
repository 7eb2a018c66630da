"""Fixtures of these tests."""

from studio_calls import studio
from warm_starts import warm, without_network

__all__ = ["studio", "warm", "without_network"]
