"""How these tests call the command line."""

from studio_calls import studio

__all__ = ["studio"]
