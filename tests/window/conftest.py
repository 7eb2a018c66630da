"""Windows for the tests of this folder, which are not about the trainer or the assistant's network."""

from studio_window import folder, open_window, own_settings
from warm_starts import warm, without_network

__all__ = ["folder", "open_window", "own_settings", "warm", "without_network"]
