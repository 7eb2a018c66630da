"""Compare two versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.versions.entries import present_lines
from gandam_studio.core.versions.files import left_out, manifest_lines
from gandam_studio.core.versions.model import ManifestVersion
from gandam_studio.core.workspace.sprite import mirrored_facing
from trainer.protocol.manifest import ManifestEntry
from trainer.protocol.remedies import Remedy

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace

NOW = "now"

# Field of a manifest entry -> description of sprites in which it changed.
_VERBS = {
    "flip": "flipped",
    "crop": "recropped",
    "rotation": "turned",
    "facing": "facing",
    "tags": "retagged",
    "status": "decided",
    "family": "regrouped",
    "weight": "reweighted",
    "split": "moved between splits",
}


@dataclass(frozen=True)
class Removed:
    """A sprite missing from the newer version. `reason` is the reason given for the drop, "" if unknown."""

    entry: ManifestEntry
    reason: str


@dataclass(frozen=True)
class Changed:
    """A sprite in both versions, whose entries differ in `fields`."""

    before: ManifestEntry
    after: ManifestEntry
    fields: tuple[str, ...]

    @property
    def reported_fields(self) -> tuple[str, ...]:
        """The fields without "facing" if it follows from a flip, which mirrors it, or a rotation."""
        flipped = "flip" in self.fields and self.after.facing == mirrored_facing(self.before.facing)
        turned = "rotation" in self.fields and self.after.facing in ("unknown", mirrored_facing(self.before.facing))
        implied = flipped or turned
        return tuple(name for name in self.fields if not (implied and name == "facing"))


@dataclass(frozen=True)
class VersionDiff:
    """The changes from version `a` to version `b` (labels, or "now"). Each list is sorted by sprite id."""

    a: str
    b: str
    added: tuple[ManifestEntry, ...]
    removed: tuple[Removed, ...]
    changed: tuple[Changed, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    @property
    def summary(self) -> str:
        """One line: "v3 -> v4: +12, -40 (31 duplicates, 9 non-bipedal), 17 flipped, 2 recropped"."""
        parts = []
        if self.added:
            parts.append(f"+{len(self.added):,}")
        if self.removed:
            parts.append(f"-{len(self.removed):,}" + _reasons(self.removed))
        counts = Counter(name for change in self.changed for name in change.reported_fields)
        parts += [f"{counts[name]:,} {verb}" for name, verb in _VERBS.items() if counts[name]]
        if renamed := sum(1 for change in self.changed if not set(change.reported_fields) & set(_VERBS)):
            parts.append(f"{renamed:,} from another file")
        return f"{self.a} -> {self.b}: " + (", ".join(parts) or "no difference")

    def to_json(self) -> dict[str, Any]:
        """The contract of `gandam-studio diff --json`."""
        return {
            "a": self.a,
            "b": self.b,
            "summary": self.summary,
            "added": [{"id": entry.id, "source": entry.source} for entry in self.added],
            "removed": [{"id": r.entry.id, "source": r.entry.source, "reason": r.reason} for r in self.removed],
            "changed": [
                {
                    "id": change.after.id,
                    "source": change.after.source,
                    "fields": {
                        name: [getattr(change.before, name), getattr(change.after, name)] for name in change.fields
                    },
                }
                for change in self.changed
            ],
        }


def diff(
    workspace: Workspace, a: ManifestVersion | None, b: ManifestVersion | None, *, kept_only: bool = False,
    with_generated: bool = False,
) -> VersionDiff:  # fmt: skip
    """Compare version `a` with version `b`. None means the empty data set for `a`, the current decisions for `b`.

    `kept_only`, `with_generated`: how these would be committed (see `commit`).

    Both manifests are read in parallel, so memory grows with the differences only. Raises UserError if a manifest is
    missing or damaged.
    """
    added: list[ManifestEntry] = []
    removed: list[ManifestEntry] = []
    changed: list[Changed] = []
    present = present_lines(workspace, kept_only=kept_only, with_generated=with_generated)
    newer = manifest_lines(workspace, b) if b else (line.encode() for lines, _ in present for line in lines)
    for before, after in _paired(manifest_lines(workspace, a) if a else iter(()), newer):
        if before is None and after is not None:
            added.append(after)
        elif after is None and before is not None:
            removed.append(before)
        elif before is not None and after is not None:
            names = tuple(f.name for f in fields(before) if getattr(before, f.name) != getattr(after, f.name))
            changed.append(Changed(before, after, names))
    reasons = left_out(workspace, b) if b else _present_reasons(workspace)
    return VersionDiff(
        a.label if a else "nothing",
        b.label if b else NOW,
        tuple(added),
        tuple(Removed(entry, reasons.get(entry.id, "")) for entry in removed),
        tuple(changed),
    )


def _present_reasons(workspace: Workspace) -> dict[str, str]:
    rows = workspace.connection.execute("SELECT id, reason FROM sprites WHERE status = 'dropped'")
    return dict(map(tuple, rows))


def _paired(
    older: Iterator[bytes], newer: Iterator[bytes]
) -> Iterator[tuple[ManifestEntry | None, ManifestEntry | None]]:
    """Merge two manifests by id and yield pairs of entries that differ; equal lines are not parsed."""
    a, b = next(older, None), next(newer, None)
    while a is not None or b is not None:
        if a == b:
            a, b = next(older, None), next(newer, None)
            continue
        before, after = _parsed(a), _parsed(b)
        if before and after and before.id == after.id:
            yield before, after
            a, b = next(older, None), next(newer, None)
        elif after is None or (before is not None and before.id < after.id):
            yield before, None
            a = next(older, None)
        else:
            yield None, after
            b = next(newer, None)


def _parsed(line: bytes | None) -> ManifestEntry | None:
    try:
        return None if line is None else ManifestEntry.from_line(line)
    except ValueError:
        raise UserError("a manifest is damaged", Remedy.VERIFY) from None


def _reasons(removed: tuple[Removed, ...]) -> str:
    counts = Counter(item.reason for item in removed if item.reason)
    parts = [f"{count:,} {plural_reason(reason, count)}" for reason, count in counts.most_common()]
    return f" ({', '.join(parts)})" if parts else ""


def plural_reason(reason: str, count: int) -> str:
    """Return the plural "duplicates" for more than one "duplicate"; other reasons are unchanged."""
    return "duplicates" if reason == "duplicate" and count != 1 else reason
