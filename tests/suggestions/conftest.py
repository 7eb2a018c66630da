"""Fixtures of these tests."""

from __future__ import annotations

from studio_calls import studio

__all__ = ["studio"]
