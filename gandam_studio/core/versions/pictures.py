"""The pictures of a version, rendered from the originals and the manifest only, not from later decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gandam_studio.core.errors import UserError
from gandam_studio.core.pictures.decoding import UnreadablePicture, decode_part
from gandam_studio.core.pictures.orienting import oriented
from gandam_studio.core.pictures.rendering import Pixels, render
from gandam_studio.core.workspace.originals import Originals, Some
from trainer.protocol.manifest import ManifestEntry
from trainer.protocol.recipe import Recipe
from trainer.protocol.remedies import Remedy

if TYPE_CHECKING:
    from gandam_studio.core.versions.model import ManifestVersion
    from gandam_studio.core.workspace import Workspace

WHITE = "#ffffff"


def picture_of(originals: Originals, entry: ManifestEntry) -> Pixels:
    """Return the RGBA of an entry, cropped, rotated and flipped as in the manifest; (H, W, 4) uint8.

    Raises UserError if its original is missing or cannot be decoded.
    """
    return edited(whole_of(originals, entry), entry)


def whole_of(originals: Originals | Some, entry: ManifestEntry) -> Pixels:
    """Return the canonical RGBA of an entry's sprite as imported, (H, W, 4) uint8. Raises UserError as `picture_of`."""
    try:
        return decode_part(originals.read(entry.source_digest), entry.part)
    except (UnreadablePicture, ValueError) as error:
        raise _unreadable(entry, error) from None


def edited(rgba: Pixels, entry: ManifestEntry) -> Pixels:
    """Crop, rotate and flip `whole_of` an entry as in the manifest. Raises UserError if the crop does not fit."""
    try:
        return oriented(rgba, entry.crop, entry.rotation, entry.flip)
    except ValueError as error:
        raise _unreadable(entry, error) from None


def _unreadable(entry: ManifestEntry, error: Exception) -> UserError:
    return UserError(f"{entry.source} can no longer be read ({error})", Remedy.VERIFY)


def rendered(
    originals: Originals, entry: ManifestEntry, recipe: Recipe, background: str, longest: Mapping[str, int]
) -> Pixels:
    """Render an entry by a recipe: (size, size, C) uint8. Raises UserError as `picture_of` does.

    `longest` is what `scales.measure` returns for the version and the recipe.
    """
    return by_recipe(picture_of(originals, entry), entry, recipe, background, longest)


def by_recipe(
    rgba: Pixels, entry: ManifestEntry, recipe: Recipe, background: str, longest: Mapping[str, int]
) -> Pixels:
    """`rendered` from the `picture_of` an entry."""
    return render(rgba, recipe, background, longest.get(scale_group(entry, recipe), 0))


def scale_group(entry: ManifestEntry, recipe: Recipe) -> str:
    """Return a name that is equal for entries which a recipe with a relative scale scales alike.

    "" is the whole set. A sprite without a family is on its own.
    """
    if recipe.scale != "family":
        return ""
    return f"family {entry.family}" if entry.family else f"sprite {entry.id}"


def detected_background(workspace: Workspace, version: ManifestVersion) -> str:
    """Return the most common border colour of a version's sprites as imported, "#rrggbb"; white if none has one."""
    from gandam_studio.core.versions import files  # not needed to render, in a worker process

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
