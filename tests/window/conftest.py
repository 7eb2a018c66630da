"""Windows for the tests of this folder."""

from studio_window import folder, open_window, own_settings

__all__ = ["folder", "open_window", "own_settings"]
