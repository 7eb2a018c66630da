"""The window: PySide6 screens over `gandam_studio.core`."""
