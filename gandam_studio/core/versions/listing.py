"""List, find and tag versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gandam_studio.core.errors import UnknownVersion, UserError
from gandam_studio.core.texts import LONGEST_TAG, checked, forms
from gandam_studio.core.versions.model import COLUMNS, ManifestVersion
from gandam_studio.core.workspace.settings import HEAD
from gandam_studio.core.workspace.sprite import join_tags
from gandam_studio.core.workspace.store import transaction
from trainer.protocol.remedies import Remedy
from trainer.protocol.untrusted import shortened

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace

MINIMUM_PREFIX = 4
LATEST = "latest"


def versions(workspace: Workspace) -> list[ManifestVersion]:
    """Return all versions, oldest first."""
    rows = workspace.connection.execute(f"SELECT {COLUMNS} FROM versions ORDER BY version")
    return [ManifestVersion.from_row(row) for row in rows]


def find_version(workspace: Workspace, text: str = LATEST) -> ManifestVersion:
    """Return a version by label ("v3"), unambiguous prefix of its digest, tag, or "latest".

    Of several versions with the same digest, the newest is returned. Raises UnknownVersion.
    """
    known = versions(workspace)
    if not known:
        raise UnknownVersion("there is no version yet", Remedy.SAVE_VERSION)
    if text == LATEST:
        return known[-1]
    for version in reversed(known):
        if text in (version.label, version.digest) or not set(forms(text)).isdisjoint(version.tags):
            return version
    if len(text) >= MINIMUM_PREFIX:
        matches = {version.digest: version for version in known if version.digest.startswith(text.lower())}
        if len(matches) == 1:
            return next(iter(matches.values()))
        if matches:
            raise UnknownVersion(f"more than one digest begins with {text}; give more of it")
    raise UnknownVersion(f"there is no version {shortened(text)!r}; known: {_names(known)}")


def head_version(workspace: Workspace) -> ManifestVersion | None:
    """Return the version that the current decisions are based on: the one committed or restored last."""
    number = workspace.setting(HEAD)
    query = f"SELECT {COLUMNS} FROM versions WHERE version = coalesce(?, (SELECT max(version) FROM versions))"
    row = workspace.connection.execute(query, (number,)).fetchone()
    return ManifestVersion.from_row(row) if row else None


def tag_version(
    workspace: Workspace, version: ManifestVersion, *, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()
) -> ManifestVersion:
    """Add tags such as "paper" to a version and remove others. A tag belongs to one version at a time.

    Raises UserError for a tag that could be mistaken for a label or a digest.
    """
    workspace.require_writable()
    add = tuple(_checked_tag(tag) for tag in add)
    remove = tuple(form for tag in remove for form in forms(tag))
    with transaction(workspace.connection) as connection:
        for other in versions(workspace):
            tags = set(other.tags) - set(add)
            if other.number == version.number:
                tags = (tags | set(add)) - set(remove)
            if tags != set(other.tags):
                connection.execute("UPDATE versions SET tags = ? WHERE version = ?", (join_tags(tags), other.number))
    return find_version(workspace, version.label)


def _checked_tag(tag: str) -> str:
    spaced, tag = tag != tag.strip(), checked(tag, "a version's tag", LONGEST_TAG)
    if spaced or not tag:
        raise UserError("a version's tag must be a line of text")
    if tag == LATEST or tag == "now" or (tag[0] == "v" and tag[1:].isdigit()):
        raise UserError(f"{tag!r} has a meaning of its own; choose another tag")
    if len(tag) >= MINIMUM_PREFIX and set(tag.lower()) <= set("0123456789abcdef"):
        raise UserError(f"{tag!r} could be mistaken for a digest; choose another tag")
    return tag


def _names(known: list[ManifestVersion]) -> str:
    names = [version.label for version in known]
    return ", ".join(names) if len(names) <= 6 else f"{names[0]} to {names[-1]}"
