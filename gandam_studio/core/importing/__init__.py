"""Import of files, folders, archives and pasted pictures as sprites of a workspace.

What needs the database is imported when it is first asked for: worker processes, which start with every import, do not.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gandam_studio.core.importing.options import (
    KEY_AUTO,
    ArchiveLimits,
    Cut,
    Edited,
    ImportOptions,
    ImportSummary,
    Rejected,
)
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

if TYPE_CHECKING:
    from gandam_studio.core.importing.earlier import carry_over, pending
    from gandam_studio.core.importing.pipeline import import_sources

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

_MODULES = {"carry_over": "earlier", "import_sources": "pipeline", "pending": "earlier"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
