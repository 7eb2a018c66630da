"""How these tests call the command line."""

from studio_calls import art, imported, studio, ws

__all__ = ["art", "imported", "studio", "ws"]
