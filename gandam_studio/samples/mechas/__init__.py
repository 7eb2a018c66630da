"""A seeded artist: draws pixel-art mechas, tanks and planes by the million, with the truth about each.

`sprite(seed, index)` draws one picture, `truth(seed, index)` tells what it shows and how it relates to its
original, and `write_set` writes a folder or a zip of them. All arithmetic that decides a pixel is done in
integers, so the same (seed, index) gives the same pixels on every machine and with every NumPy.
"""

from gandam_studio.samples.mechas.collection import SIZE, SpriteTruth, sprite, truth, truths
from gandam_studio.samples.mechas.files import TRUTH_COLUMNS, read_truth, write_set

__all__ = ["SIZE", "TRUTH_COLUMNS", "SpriteTruth", "read_truth", "sprite", "truth", "truths", "write_set"]
