"""The files of a version: the manifest, its header, and the list of what was left out and why."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gandam_studio import __version__
from gandam_studio.core.errors import UserError
from gandam_studio.core.versions.splits import SplitRule
from trainer import files
from trainer.manifest import SCHEMA_VERSION, ManifestEntry
from trainer.recipe import Recipe

if TYPE_CHECKING:
    from gandam_studio.core.versions.model import ManifestVersion
    from gandam_studio.core.workspace import Workspace

NOT_KEPT = "not kept"


@dataclass
class Tally:
    """Counts taken while a manifest is written."""

    sprites: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, entry: ManifestEntry) -> None:
        """Count one entry."""
        self.sprites += 1
        names = [entry.status, f"facing {entry.facing}", entry.split]
        names += ["flipped"] if entry.flip else []
        names += ["cropped"] if entry.crop else []
        for name in names:
            self.counts[name] = self.counts.get(name, 0) + 1


def write_manifest(folder: Path, entries: Iterable[ManifestEntry]) -> tuple[str, Tally]:
    """Write entries, already sorted by id, to `folder/<digest>.jsonl`; whole or not at all.

    Memory does not depend on their number. An equal manifest that is there already is written over with equal
    bytes, which also mends one that was damaged. Returns the digest and the counts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sha, tally = hashlib.sha256(), Tally()
    beside = folder / f".commit.{os.getpid()}.part"
    try:
        with beside.open("wb") as stream:
            for entry in entries:
                line = entry.line()
                sha.update(line)
                stream.write(line)
                tally.add(entry)
            stream.flush()
            os.fsync(stream.fileno())
        digest = sha.hexdigest()
        files.replace(beside, folder / f"{digest}.jsonl")
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
    return digest, tally


def header_path(workspace: Workspace, digest: str) -> Path:
    """Where the header of a manifest lies."""
    return workspace.manifest_path(digest).with_name(f"{digest}.header.json")


def left_out_path(workspace: Workspace, digest: str) -> Path:
    """Where the ids and reasons of the sprites left out of a manifest lie."""
    return workspace.manifest_path(digest).with_name(f"{digest}.left-out.jsonl")


def write_header(workspace: Workspace, digest: str, label: str, tally: Tally, kept_only: bool) -> None:
    """Write what belongs to a version but not to its digest.

    Two versions with equal content share the file: what may differ between them is kept by label.
    """
    path = header_path(workspace, digest)
    before = _read_header(path) or {}
    recipe = workspace.recipe.to_json()
    settings = {"recipe": recipe, "splits": SplitRule.of(workspace).to_json(), "kept_only": kept_only}
    header = {
        "schema_version": SCHEMA_VERSION,
        "digest": digest,
        "tool": f"GANdam Studio {__version__}",
        "sprites": tally.sprites,
        "counts": tally.counts,
        "recipe": recipe,
        "versions": {**before.get("versions", {}), label: settings},
    }
    files.write_json(path, header)


def header(workspace: Workspace, version: ManifestVersion) -> dict[str, Any]:
    """A version's header, with the recipe, split rule and `kept_only` it was committed with; {} when it is gone.

    Raises UserError when what it says makes no sense.
    """
    found = _read_header(header_path(workspace, version.digest))
    if found is None:
        return {}
    try:
        return _settings(found, version.label)
    except UserError as error:
        raise UserError(f"{version.label} cannot be used, {error}") from None


def _settings(header: dict[str, Any], label: str) -> dict[str, Any]:
    try:
        found = {**header, **header.get("versions", {}).get(label, {})}
        Recipe.from_json(found.get("recipe", {}))
        SplitRule(**found.get("splits", {}))
    except (TypeError, AttributeError, ValueError, UserError) as error:
        raise UserError(f"its header is damaged: {error}") from None
    return found


def header_damage(workspace: Workspace, digest: str, sprites: int, labels: Iterable[str]) -> str:
    """What is wrong with a manifest's header, which its digest does not cover; "" when nothing is."""
    path = header_path(workspace, digest)
    if not path.is_file():
        return "its header is missing"
    found = _read_header(path)
    if found is None:
        return "its header cannot be read"
    if found.get("digest") != digest or found.get("sprites") != sprites:
        return "its header is another manifest's"
    try:
        for label in labels:
            _settings(found, label)
    except UserError as error:
        return str(error)
    return ""


def recipe_of(workspace: Workspace, version: ManifestVersion) -> Recipe:
    """The recipe a version was committed with; the workspace's own when its header is gone."""
    values = header(workspace, version).get("recipe")
    return Recipe.from_json(values) if values else workspace.recipe


def _read_header(path: Path) -> dict[str, Any] | None:
    try:
        found = files.read_json(path)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_left_out(workspace: Workspace, digest: str, kept_only: bool) -> None:
    """Remember which sprites a version leaves out and why: `diff` and `restore` tell it later."""
    condition = "status != 'kept'" if kept_only else "status = 'dropped'"
    rows = workspace.connection.execute(f"SELECT id, status, reason FROM sprites WHERE {condition} ORDER BY id")
    with files.atomic_writer(left_out_path(workspace, digest)) as stream:
        for sprite, status, reason in rows:
            why = reason if status == "dropped" else NOT_KEPT
            stream.write(json.dumps({"id": sprite, "reason": why}, ensure_ascii=False).encode() + b"\n")


def left_out(workspace: Workspace, version: ManifestVersion) -> dict[str, str]:
    """Sprite id -> why a version leaves it out; {} when the list is gone."""
    try:
        with left_out_path(workspace, version.digest).open("rb") as stream:
            return {item["id"]: item["reason"] for item in map(json.loads, stream)}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def manifest_lines(workspace: Workspace, version: ManifestVersion) -> Iterator[bytes]:
    """The lines of a version's manifest, each with its newline. Raises UserError when the file is gone."""
    try:
        with workspace.manifest_path(version.digest).open("rb") as stream:
            yield from stream
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"the manifest of {version.label} cannot be read: {reason}; see: verify") from None


def manifest_entries(workspace: Workspace, version: ManifestVersion) -> Iterator[ManifestEntry]:
    """The entries of a version, sorted by id. Raises UserError when the manifest is gone or damaged."""
    for number, line in enumerate(manifest_lines(workspace, version), start=1):
        try:
            yield ManifestEntry.from_line(line)
        except ValueError:
            raise UserError(f"the manifest of {version.label} is damaged at line {number}; see: verify") from None
