"""Duplicates: found by hashes, judged by pixels, grouped without drift. `find_duplicates` is the way in."""

from gandam_studio.core.duplicates.finding import find_duplicates
from gandam_studio.core.duplicates.relations import DUPLICATES, RELATIONS, Transform
from gandam_studio.core.duplicates.report import DuplicateGroup, DuplicateReport, Member

__all__ = ["DUPLICATES", "RELATIONS", "DuplicateGroup", "DuplicateReport", "Member", "Transform", "find_duplicates"]
