"""Versions: immutable manifests of the decisions in a workspace, and operations on them.

A version is a file of canonical JSON lines, named by its SHA-256, and a row with its parent and message. Equal
decisions have equal digests, on any machine and in any order of work.

Each name is imported when it is first asked for: worker processes that render need none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gandam_studio.core.versions.certificates import certificates_of, reviewed_since
    from gandam_studio.core.versions.committing import commit, recipe_differs
    from gandam_studio.core.versions.differing import Changed, Removed, VersionDiff, diff, plural_reason
    from gandam_studio.core.versions.entries import count_blank, count_faint, count_generated
    from gandam_studio.core.versions.listing import find_version, tag_version, versions
    from gandam_studio.core.versions.model import ManifestVersion
    from gandam_studio.core.versions.relinking import Relinked, relink
    from gandam_studio.core.versions.restore import restore_edit
    from gandam_studio.core.versions.splits import SplitRule, assign_splits
    from gandam_studio.core.versions.verifying import Damage, Verified, verify

__all__ = [
    "Changed",
    "Damage",
    "ManifestVersion",
    "Relinked",
    "Removed",
    "SplitRule",
    "Verified",
    "VersionDiff",
    "assign_splits",
    "certificates_of",
    "commit",
    "count_blank",
    "count_faint",
    "count_generated",
    "diff",
    "find_version",
    "plural_reason",
    "recipe_differs",
    "relink",
    "restore_edit",
    "reviewed_since",
    "tag_version",
    "verify",
    "versions",
]

_NAMES = {
    "certificates": ("certificates_of", "reviewed_since"),
    "committing": ("commit", "recipe_differs"),
    "differing": ("Changed", "Removed", "VersionDiff", "diff", "plural_reason"),
    "entries": ("count_blank", "count_faint", "count_generated"),
    "listing": ("find_version", "tag_version", "versions"),
    "model": ("ManifestVersion",),
    "relinking": ("Relinked", "relink"),
    "restore": ("restore_edit",),
    "splits": ("SplitRule", "assign_splits"),
    "verifying": ("Damage", "Verified", "verify"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return found
