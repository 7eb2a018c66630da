"""Import of files, folders, archives and pasted pictures as sprites of a workspace."""

from gandam_studio.core.importing.earlier import carry_over, pending
from gandam_studio.core.importing.options import (
    KEY_AUTO,
    ArchiveLimits,
    Cut,
    Edited,
    ImportOptions,
    ImportSummary,
    Rejected,
)
from gandam_studio.core.importing.pipeline import import_sources
from gandam_studio.core.importing.scan import Pasted
from gandam_studio.core.importing.sheets import (
    Atlas,
    Components,
    Grid,
    Proposed,
    Slicing,
    pieces,
    propose,
    propose_key,
    regions,
)

__all__ = [
    "KEY_AUTO",
    "ArchiveLimits",
    "Atlas",
    "Components",
    "Cut",
    "Edited",
    "Grid",
    "ImportOptions",
    "ImportSummary",
    "Pasted",
    "Proposed",
    "Rejected",
    "Slicing",
    "carry_over",
    "import_sources",
    "pending",
    "pieces",
    "propose",
    "propose_key",
    "regions",
]
