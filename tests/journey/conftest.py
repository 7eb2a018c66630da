"""How these tests call the command line."""

from studio_calls import art, studio, ws

__all__ = ["art", "studio", "ws"]
