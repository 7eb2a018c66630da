"""Versions: immutable manifests of the decisions in a workspace, and operations on them.

A version is a file of canonical JSON lines, named by its SHA-256, and a row with its parent and message. Equal
decisions have equal digests, on any machine and in any order of work.
"""

from gandam_studio.core.versions.certificates import certificates_of, reviewed_since
from gandam_studio.core.versions.commit import commit, recipe_differs
from gandam_studio.core.versions.diff import Changed, Removed, VersionDiff, diff, plural_reason
from gandam_studio.core.versions.entries import count_blank, count_faint, count_generated
from gandam_studio.core.versions.listing import find_version, tag_version, versions
from gandam_studio.core.versions.model import ManifestVersion
from gandam_studio.core.versions.relink import Relinked, relink
from gandam_studio.core.versions.restore import restore_edit
from gandam_studio.core.versions.splits import SplitRule, assign_splits
from gandam_studio.core.versions.verify import Damage, Verified, verify

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
