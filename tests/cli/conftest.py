"""How these tests call the command line."""

from studio_calls import art, imported, studio, ws
from warm_starts import warm

__all__ = ["art", "imported", "studio", "warm", "ws"]
