"""Finds duplicates by hashes, verifies them by pixels, and groups them without drift. Start with `find_duplicates`."""

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
from gandam_studio.core.duplicates.families import Family, cap_families, families, weigh_families
from gandam_studio.core.duplicates.finding import find_duplicates
from gandam_studio.core.duplicates.keeping import DEFAULT_RULES, RULES
from gandam_studio.core.duplicates.links import LOOSEST
from gandam_studio.core.duplicates.relations import DUPLICATES, RELATIONS, Transform
from gandam_studio.core.duplicates.report import DEFAULT_DISTANCE, DuplicateGroup, DuplicateReport, Member
from gandam_studio.core.duplicates.togetherness import held_together

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
