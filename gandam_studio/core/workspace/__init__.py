"""The workspace folder: database, edits and history, originals, thumbnails and queries.

The database is imported when it is first asked for: worker processes use modules of this package without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gandam_studio.core.workspace.workspace import DATABASE, Counts, Workspace

__all__ = ["DATABASE", "Counts", "Workspace"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.workspace"), name)
