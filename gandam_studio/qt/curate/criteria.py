"""The criteria of a filter that are edited in the popup of the filter bar."""

from __future__ import annotations

from gandam_studio.core.workspace.query import Filter

# Fields of Filter edited there; the others are in the filter bar itself.
FIELDS = (
    "tag", "source", "family", "reason", "alpha", "blank", "faint", "min_side", "max_side", "min_colors", "max_colors",
    "min_aspect", "max_aspect",
)  # fmt: skip


def further_criteria(chosen: Filter) -> int:
    """Number of those criteria that are set."""
    plain = Filter()
    return sum(getattr(chosen, name) != getattr(plain, name) for name in FIELDS)
