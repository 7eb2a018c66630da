"""Export versions for other tools, with one module per format.

An export depends only on the version, its originals and the recipe: equal input gives equal bytes. It is written next
to its target and renamed, so that a crash leaves either the old or the new export.
"""

from gandam_studio.core.exporting.classes import EVERY_TAG, parse_classes
from gandam_studio.core.exporting.export import Exported, export, target_problem
from gandam_studio.core.exporting.formats import ALL, FORMATS, PICTURES, Format, format_named
from gandam_studio.core.exporting.reading import ReadBack, read_export
from gandam_studio.core.exporting.taking_back import TakenBack, take_back

__all__ = [
    "ALL",
    "EVERY_TAG",
    "FORMATS",
    "PICTURES",
    "Exported",
    "Format",
    "ReadBack",
    "TakenBack",
    "export",
    "format_named",
    "parse_classes",
    "read_export",
    "take_back",
    "target_problem",
]
