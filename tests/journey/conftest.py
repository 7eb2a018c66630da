"""How these tests call the command line, and windows for them."""

from studio_calls import art, imported, studio, ws
from studio_window import folder, open_window, own_settings
from warm_starts import warm

__all__ = ["art", "folder", "imported", "open_window", "own_settings", "studio", "warm", "ws"]
