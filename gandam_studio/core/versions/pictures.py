"""The pictures of a version, rendered from the originals and the manifest only, not from later decisions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gandam_studio.core.errors import UserError
from gandam_studio.core.pictures.decoding import UnreadablePicture, decode_part
from gandam_studio.core.pictures.orienting import oriented
from gandam_studio.core.pictures.rendering import Pixels, render
from gandam_studio.core.versions import files
from gandam_studio.core.versions.model import ManifestVersion
from gandam_studio.core.workspace.originals import Originals
from trainer.protocol.manifest import ManifestEntry
from trainer.protocol.recipe import Recipe

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace

WHITE = "#ffffff"


def picture_of(originals: Originals, entry: ManifestEntry) -> Pixels:
    """Return the RGBA of an entry, cropped, rotated and flipped as in the manifest; (H, W, 4) uint8.

    Raises UserError if its original is missing or cannot be decoded.
    """
    try:
        rgba = decode_part(originals.read(entry.source_digest), entry.part)
        return oriented(rgba, entry.crop, entry.rotation, entry.flip)
    except (UnreadablePicture, ValueError) as error:
        raise UserError(f"{entry.source} can no longer be read ({error}); see: verify") from None


def rendered(originals: Originals, entry: ManifestEntry, recipe: Recipe, background: str) -> Pixels:
    """Render an entry by a recipe: (size, size, C) uint8. Raises UserError as `picture_of` does."""
    return render(picture_of(originals, entry), recipe, background)


def detected_background(workspace: Workspace, version: ManifestVersion) -> str:
    """Return the most common border colour of a version's sprites as imported, "#rrggbb"; white if none has one."""
    borders = iter(
        workspace.connection.execute("SELECT id, background FROM sprites WHERE background != '' ORDER BY id")
    )
    counts: Counter[str] = Counter()
    sprite, color = next(borders, ("", ""))
    # Both are sorted by id, so neither has to be kept in memory.
    for entry in files.manifest_entries(workspace, version):
        while sprite and sprite < entry.id:
            sprite, color = next(borders, ("", ""))
        if sprite == entry.id:
            counts[color] += 1
    return min(counts, key=lambda color: (-counts[color], color)) if counts else WHITE
