"""Windows for the tests of this folder."""

from studio_window import folder, open_window, own_settings
from warm_starts import warm, without_network

__all__ = ["folder", "open_window", "own_settings", "warm", "without_network"]
