"""The pictures of a version: made from the originals and the manifest alone, never from later decisions."""

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
    """RGBA of an entry, cropped, turned and flipped as the manifest says; (H, W, 4) uint8.

    Raises UserError when its original is gone or no longer decodes.
    """
    try:
        rgba = decode_part(originals.read(entry.source_digest), entry.part)
        return oriented(rgba, entry.crop, entry.rotation, entry.flip)
    except (UnreadablePicture, ValueError) as error:
        raise UserError(f"{entry.source} can no longer be read ({error}); see: verify") from None


def rendered(originals: Originals, entry: ManifestEntry, recipe: Recipe, background: str) -> Pixels:
    """An entry as the network sees it: (size, size, C) uint8. Raises UserError as `picture_of` does."""
    return render(picture_of(originals, entry), recipe, background)


def detected_background(workspace: Workspace, version: ManifestVersion) -> str:
    """The most common border colour of a version's sprites as imported, "#rrggbb"; white when none has one."""
    borders = iter(
        workspace.connection.execute("SELECT id, background FROM sprites WHERE background != '' ORDER BY id")
    )
    counts: Counter[str] = Counter()
    sprite, color = next(borders, ("", ""))
    # Both come in order of id, so that neither is held.
    for entry in files.manifest_entries(workspace, version):
        while sprite and sprite < entry.id:
            sprite, color = next(borders, ("", ""))
        if sprite == entry.id:
            counts[color] += 1
    return min(counts, key=lambda color: (-counts[color], color)) if counts else WHITE
