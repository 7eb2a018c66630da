"""Which way sprites face, learned from a few corrections.

Facing is an odd function under mirroring: f(mirror x) = -f(x). Every part keeps to that, so the answer for a sprite
does not depend on how it happens to be turned.
"""
