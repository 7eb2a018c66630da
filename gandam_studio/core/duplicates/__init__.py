"""Finds duplicates by hashes, verifies them by pixels, and groups them without drift. Start with `find_duplicates`.

Each name is imported when it is first asked for: a version needs no more than the contents that are the same, and
loading all that compares pictures would take longer than saving it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gandam_studio.core.duplicates.copies import Copies, exact_copies
    from gandam_studio.core.duplicates.decisions import (
        DropPlan,
        PlannedDrop,
        flip_and_keep,
        keep_best,
        keep_both,
        name_families,
        plan_drops,
    )
    from gandam_studio.core.duplicates.family_limits import Family, cap_families, families, weigh_families
    from gandam_studio.core.duplicates.finding import find_duplicates
    from gandam_studio.core.duplicates.keeping import DEFAULT_RULES, RULES
    from gandam_studio.core.duplicates.links import LOOSEST
    from gandam_studio.core.duplicates.report import DEFAULT_DISTANCE, DuplicateGroup, DuplicateReport, Member
    from gandam_studio.core.duplicates.togetherness import held_together
    from gandam_studio.core.duplicates.verdicts import DUPLICATES, RELATIONS, Transform

__all__ = [
    "DEFAULT_DISTANCE",
    "DEFAULT_RULES",
    "DUPLICATES",
    "LOOSEST",
    "RELATIONS",
    "RULES",
    "Copies",
    "DropPlan",
    "DuplicateGroup",
    "DuplicateReport",
    "Family",
    "Member",
    "PlannedDrop",
    "Transform",
    "cap_families",
    "exact_copies",
    "families",
    "find_duplicates",
    "flip_and_keep",
    "held_together",
    "keep_best",
    "keep_both",
    "name_families",
    "plan_drops",
    "weigh_families",
]

_NAMES = {
    "copies": ("Copies", "exact_copies"),
    "decisions": ("DropPlan", "PlannedDrop", "flip_and_keep", "keep_best", "keep_both", "name_families", "plan_drops"),
    "family_limits": ("Family", "cap_families", "families", "weigh_families"),
    "finding": ("find_duplicates",),
    "keeping": ("DEFAULT_RULES", "RULES"),
    "links": ("LOOSEST",),
    "verdicts": ("DUPLICATES", "RELATIONS", "Transform"),
    "report": ("DEFAULT_DISTANCE", "DuplicateGroup", "DuplicateReport", "Member"),
    "togetherness": ("held_together",),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return found
