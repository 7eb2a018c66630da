"""Seeded generator of pixel-art mechas, tanks and planes, with the ground truth about each.

`sprite(seed, index)` draws a picture, `truth(seed, index)` returns what it shows and how it relates to its original,
and `write_set` writes a folder or a zip of them. All arithmetic that determines pixels uses integers, so the same
(seed, index) gives the same pixels on every machine and with every NumPy version.
"""

from gandam_studio.samples.mechas.collection import SIZE, SpriteTruth, sprite, truth, truths
from gandam_studio.samples.mechas.files import TRUTH_COLUMNS, read_truth, write_set

__all__ = ["SIZE", "TRUTH_COLUMNS", "SpriteTruth", "read_truth", "sprite", "truth", "truths", "write_set"]
