"""Suggestions that a person confirms: which way sprites face, which are unfit, which are odd. Nothing applies itself.

Needs numpy and OpenCV only. Import the modules by name, so that the window opens without them.
"""
