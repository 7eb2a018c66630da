"""What the workspace's settings may hold, so that none is stored or read that makes no sense."""

from __future__ import annotations

from typing import Any

from gandam_studio.core.errors import UserError
from trainer.protocol.manifest import is_whole
from trainer.protocol.untrusted import MAX_INTEGER, parse_json

RECIPE = "recipe"
SPLITS = "splits"
FILTERS = "filters"
# Number of the version the present decisions were derived from.
HEAD = "head"
DESCRIBED = "described_by"


def check_setting(key: str, text: str | None) -> None:
    """Raise UserError unless `text` (JSON, None for no such setting) is a value the setting may have."""
    if text is not None:
        read_setting(key, text)


def read_setting(key: str, text: Any) -> Any:
    """The value of a setting from its JSON. Raises UserError when it is not one that the setting may have."""
    try:
        if not isinstance(text, str):
            raise ValueError("no text")
        value = parse_json(text)
        if key == RECIPE:
            from trainer.protocol.recipe import Recipe

            Recipe.from_json(value)
        elif key == SPLITS:
            from gandam_studio.core.workspace.split_rule import SplitRule

            SplitRule.from_json(value)
        elif key in (FILTERS, DESCRIBED) and not isinstance(value, dict):
            raise ValueError("no JSON object")
        elif key == HEAD and not is_whole(value, 1, MAX_INTEGER):
            raise ValueError("no number of a version")
    except (ValueError, TypeError, UserError) as error:
        raise UserError(f"the setting {key!r} is not valid: {error}") from None
    return value
