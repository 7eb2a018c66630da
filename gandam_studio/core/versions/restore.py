"""Restore a version: one undoable edit that brings back all of its decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.suggestions.certificates import without_outside
from gandam_studio.core.versions import files
from gandam_studio.core.versions.listing import HEAD
from gandam_studio.core.versions.model import ManifestVersion
from gandam_studio.core.versions.splits import SplitRule, assign_splits, inseparable
from gandam_studio.core.workspace.edits import Edit, SetSetting, SetValues, Together
from gandam_studio.core.workspace.lineage import GENERATED
from gandam_studio.core.workspace.settings import CERTIFICATES, SPLITS, TARGET_FACING
from gandam_studio.core.workspace.sprite import Sprite, format_crop, join_tags, mirrored_facing
from trainer.protocol.manifest import ManifestEntry

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace


@dataclass(frozen=True)
class _RestoreVersion(Together):
    """A `Together` whose label has no number of sprites, because the version matters more."""

    def label(self, count: int) -> str:
        """Return the title."""
        return self.title


def restore_edit(workspace: Workspace, version: ManifestVersion) -> Edit:
    """Return the edit, for `Workspace.apply`, that sets the current decisions to those of `version`.

    Sprites that the version left out are dropped again for the same reason, and those imported since are dropped with
    the reason "not in v3". The recipe, the split rule, the side to face and what reviews of fitness said are restored
    too, and the next commit has this version as its parent, which starts a branch. A commit without further edits gives
    the version's own digest.
    Raises UserError if the manifest is damaged or has sprites that are not in this workspace.
    """
    wanted = {entry.id: entry for entry in files.manifest_entries(workspace, version)}
    reasons = files.left_out(workspace, version)
    header = files.header(workspace, version)
    rule = SplitRule.from_json(header.get("splits", {})) if header else workspace.split_rule
    generated = {entry.id for entry in wanted.values() if GENERATED in entry.tags}
    groups = {entry.id: entry.family for entry in wanted.values()}
    ruled = assign_splits(groups, rule, inseparable(workspace), generated)
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
    if header:
        edits.append(SetSetting(TARGET_FACING, header.get(TARGET_FACING)))
        edits.append(SetSetting(CERTIFICATES, without_outside(header.get(CERTIFICATES))))
    return _RestoreVersion(tuple(edits), f"Restore {version.label}")


def decisions(entry: ManifestEntry, ruled_split: str = "") -> dict[str, Any]:
    """Return a manifest entry as columns of `sprites`. A split that follows from the rule is left to the rule."""
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
    if reason in (files.NOT_KEPT, files.DRAWN):
        # It was undecided in a version of kept sprites only; or a run has drawn it, and it was not to be trained on.
        return {"status": "undecided" if reason == files.NOT_KEPT else "kept", "reason": ""}
    return {"status": "dropped", "reason": reason or f"not in {version.label}"}
