"""Restore a version: one undoable edit that brings back every decision it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.versions import files
from gandam_studio.core.versions.listing import HEAD
from gandam_studio.core.versions.model import ManifestVersion
from gandam_studio.core.versions.splits import SplitRule, assign_splits, inseparable
from gandam_studio.core.workspace.edits import Edit, SetSetting, SetValues, Together
from gandam_studio.core.workspace.settings import SPLITS
from gandam_studio.core.workspace.sprite import Sprite, format_crop, join_tags, mirrored_facing
from trainer.protocol.manifest import ManifestEntry

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace


@dataclass(frozen=True)
class _RestoreVersion(Together):
    """`Together` under a name of its own in the history."""

    def label(self, count: int) -> str:
        """See Edit: the number of sprites matters less than the version."""
        return self.title


def restore_edit(workspace: Workspace, version: ManifestVersion) -> Edit:
    """The edit that makes the present decisions those of `version`; give it to `Workspace.apply`.

    Sprites the version left out are dropped again for the reason they were, and those imported since are dropped
    with the reason "not in v3". The recipe and the split rule come back too, and the next commit has this version
    as its parent: that is how a branch begins. Committing at once gives the version's own digest.
    Raises UserError when the manifest is damaged or names sprites this workspace does not have.
    """
    wanted = {entry.id: entry for entry in files.manifest_entries(workspace, version)}
    reasons = files.left_out(workspace, version)
    header = files.header(workspace, version)
    rule = SplitRule.from_json(header.get("splits", {})) if header else workspace.split_rule
    ruled = assign_splits({entry.id: entry.family for entry in wanted.values()}, rule, inseparable(workspace))
    values: dict[str, dict[int, Any]] = {}
    found = 0
    for sprite in workspace.sprites():
        entry = wanted.get(sprite.id)
        found += entry is not None
        if entry is not None:
            fields = decisions(entry, ruled[entry.id])
        else:
            fields = _left_out(sprite, reasons, version)
        for name, value in fields.items():
            values.setdefault(name, {})[sprite.seq] = value
    if found < len(wanted):
        raise UserError(
            f"{len(wanted) - found:,} sprites of {version.label} are not in this workspace: import them first"
        )
    edits: list[Edit] = [SetValues(values, "Restore"), SetSetting(HEAD, version.number)]
    edits.append(SetSetting(SPLITS, rule.to_json() if rule != SplitRule() else None))
    if header.get("recipe"):
        edits.append(SetSetting("recipe", files.recipe_of(workspace, version).to_json()))
    return _RestoreVersion(tuple(edits), f"Restore {version.label}")


def decisions(entry: ManifestEntry, ruled_split: str = "") -> dict[str, Any]:
    """A manifest entry as columns of `sprites`; a split that the rule gives anyway is left to the rule."""
    return {
        "status": entry.status,
        "reason": "",
        "flipped": int(entry.flip),
        "rotation": entry.rotation,
        "crop": format_crop(entry.crop),
        "facing": mirrored_facing(entry.facing) if entry.flip else entry.facing,
        "tags": join_tags(entry.tags),
        "family": entry.family,
        "weight": entry.weight,
        "split": "" if entry.split == ruled_split else entry.split,
    }


def _left_out(sprite: Sprite, reasons: dict[str, str], version: ManifestVersion) -> dict[str, Any]:
    reason = reasons.get(sprite.id)
    if reason == files.NOT_KEPT:
        # A version of kept sprites only: this one was undecided, and is again.
        return {"status": "undecided", "reason": ""}
    return {"status": "dropped", "reason": reason or f"not in {version.label}"}
