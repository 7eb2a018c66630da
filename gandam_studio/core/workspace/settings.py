"""Names and validation of the workspace's settings."""

from __future__ import annotations

from typing import Any

from gandam_studio.core.errors import UserError
from trainer.protocol.manifest import is_whole
from trainer.protocol.untrusted import MAX_INTEGER, parse_json

RECIPE = "recipe"
SPLITS = "splits"
FILTERS = "filters"
# Number of the version that the current decisions are based on.
HEAD = "head"
DESCRIBED = "described_by"
# The side that all sprites are to face, "left" or "right".
TARGET_FACING = "target_facing"
# What reviews of fitness ended with, by reason.
CERTIFICATES = "certificates"
# By reason, the sprites that reviews of fitness found fit, and those of their random checks; no part of versions.
LOOKED_AT = "looked_at"


def check_setting(key: str, text: str | None) -> None:
    """Raise UserError unless `text` (JSON, or None for no value) is valid for the setting."""
    if text is not None:
        read_setting(key, text)


def read_setting(key: str, text: Any) -> Any:
    """Return the value of a setting from its JSON. Raises UserError if it is not valid for the setting."""
    try:
        if not isinstance(text, str):
            raise ValueError("not text")
        value = parse_json(text)
        if key == RECIPE:
            from trainer.protocol.recipe import Recipe

            Recipe.from_json(value)
        elif key == SPLITS:
            from gandam_studio.core.workspace.split_rule import SplitRule

            SplitRule.from_json(value)
        elif key in (FILTERS, DESCRIBED, CERTIFICATES, LOOKED_AT) and not isinstance(value, dict):
            raise ValueError("not a JSON object")
        elif key == HEAD and not is_whole(value, 1, MAX_INTEGER):
            raise ValueError("not a version number")
        elif key == TARGET_FACING and value not in ("left", "right"):
            raise ValueError("neither left nor right")
    except (ValueError, TypeError, UserError) as error:
        raise UserError(f"the setting {key!r} is not valid: {error}") from None
    return value
