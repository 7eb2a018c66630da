"""The differences between versions as sections of cells, and the sprites as they were in a version."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import statistics
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from gandam_studio.core.errors import DamagedWorkspace
from gandam_studio.core.versions import Changed, VersionDiff, plural_reason
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.lookups import sprites_with_ids
from gandam_studio.core.workspace.sprite import Sprite, mirrored_facing
from gandam_studio.qt.versions import wording
from trainer.protocol.manifest import ManifestEntry

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
_KEPT = 4096
_LEGIBLE = 72
_AT_ONCE = 400


@dataclass(frozen=True)
class DiffCell:
    """A sprite that differs: `before` is None if it was added, `after` if it was removed."""

    before: ManifestEntry | None
    after: ManifestEntry | None
    caption: str
    note: str
    tip: str

    @property
    def entry(self) -> ManifestEntry:
        """The newer of the two entries."""
        found = self.after or self.before
        assert found is not None
        return found


@dataclass(frozen=True)
class Section:
    """Cells of one kind under a heading."""

    kind: str
    title: str
    remark: str
    cells: tuple[DiffCell, ...]


def sections(diff: VersionDiff) -> list[Section]:
    """The differences as sections: removed, added, changed; similar cells are adjacent."""
    found = []
    if diff.removed:
        removed = sorted(diff.removed, key=lambda item: (item.reason, item.entry.source))
        counts = Counter(item.reason or wording.tr("no reason given") for item in removed)
        remark = ", ".join(f"{count:,} {plural_reason(reason, count)}" for reason, count in counts.most_common())
        cells = tuple(
            DiffCell(item.entry, None, item.entry.source, item.reason, item.entry.id[:12]) for item in removed
        )
        found.append(Section(REMOVED, wording.tr("Removed"), remark, cells))
    if diff.added:
        added = sorted(diff.added, key=lambda entry: entry.source)
        cells = tuple(DiffCell(None, entry, entry.source, "", entry.id[:12]) for entry in added)
        found.append(Section(ADDED, wording.tr("Added"), "", cells))
    if diff.changed:
        changed = sorted(diff.changed, key=lambda change: (change.reported_fields, change.after.source))
        cells = tuple(_changed(change) for change in changed)
        counts = Counter(wording.summary(change) for change in changed)
        remark = ", ".join(f"{count:,} {what}" for what, count in counts.most_common(4))
        found.append(Section(CHANGED, wording.tr("Changed"), remark + (" …" if len(counts) > 4 else ""), cells))
    return found


def _changed(change: Changed) -> DiffCell:
    tip = f"{change.after.id[:12]}\n{wording.detail(change)}"
    return DiffCell(change.before, change.after, change.after.source, wording.summary(change), tip)


def suitable_tile(sections_shown: list[Section], smallest: int, largest: int, padding: int) -> int:
    """Side of a tile that shows the typical sprite at a whole zoom factor and at about 72 pixels or more."""
    cells = [cell for section in sections_shown for cell in section.cells[:200]]
    if not cells:
        return smallest
    side = int(statistics.median(max(cell.entry.width, cell.entry.height) for cell in cells))
    zoom = max(1, -(-_LEGIBLE // side))
    return min(max(side * zoom + 2 * padding, smallest), largest)


class SpriteLookup:
    """Sprites by id, fetched when they become visible and cached up to a limit."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._found: OrderedDict[str, Sprite | None] = OrderedDict()

    def fetch(self, ids: Iterable[str]) -> None:
        """Fetch these if needed; unknown ids are remembered as missing."""
        missing = [sprite for sprite in dict.fromkeys(ids) if sprite not in self._found]
        for start in range(0, len(missing), _AT_ONCE):
            some = missing[start : start + _AT_ONCE]
            self._found.update(dict.fromkeys(some))
            # A damaged row counts as missing.
            with contextlib.suppress(DamagedWorkspace, sqlite3.DatabaseError):
                for sprite in sprites_with_ids(self._workspace, some):
                    self._found[sprite.id] = sprite
        while len(self._found) > _KEPT:
            self._found.popitem(last=False)

    def get(self, entry: ManifestEntry) -> Sprite | None:
        """The sprite in the state recorded by an entry; None if it is missing."""
        sprite = self._found.get(entry.id)
        if sprite is None:
            return None
        return dataclasses.replace(
            sprite,
            name=entry.source,
            flipped=entry.flip,
            rotation=entry.rotation,
            crop=entry.crop,
            facing=mirrored_facing(entry.facing) if entry.flip else entry.facing,
            tags=entry.tags,
            family=entry.family,
            status=entry.status,
            reason="",
        )

    def clear(self) -> None:
        """Clear the cache."""
        self._found.clear()
