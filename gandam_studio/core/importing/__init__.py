"""Import: from whatever lies on a disk to sprites of a workspace, at the speed of decoding."""

from gandam_studio.core.importing.options import ArchiveLimits, ImportOptions, ImportSummary, Rejected
from gandam_studio.core.importing.pipeline import import_sources
from gandam_studio.core.importing.scan import Pasted
from gandam_studio.core.importing.sheets import Components, Grid, propose, regions

__all__ = [
    "ArchiveLimits",
    "Components",
    "Grid",
    "ImportOptions",
    "ImportSummary",
    "Pasted",
    "Rejected",
    "import_sources",
    "propose",
    "regions",
]
