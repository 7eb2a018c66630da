"""The files of a version: the manifest, its header, and the list of sprites left out."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gandam_studio import __version__
from gandam_studio.core.errors import UserError
from gandam_studio.core.suggestions.certificates import with_outside
from gandam_studio.core.versions.entries import Kind, committed_seqs
from gandam_studio.core.versions.splits import SplitRule
from gandam_studio.core.workspace.settings import CERTIFICATES, TARGET_FACING, check_setting
from trainer.protocol import files
from trainer.protocol.files import own_folder
from trainer.protocol.manifest import MAX_LINE_BYTES, SCHEMA_VERSION, ManifestEntry, is_digest, is_name
from trainer.protocol.recipe import Recipe
from trainer.protocol.remedies import Remedy
from trainer.protocol.untrusted import UntrustedError, Values, bounded_lines, open_regular, parse_json, read_json_object

if TYPE_CHECKING:
    from gandam_studio.core.versions.model import ManifestVersion
    from gandam_studio.core.workspace import Workspace

NOT_KEPT, DRAWN = "not kept", "drawn by a run"
"""Reasons why sprites that are not dropped are left out of a version."""
_PART_KEPT_S = 3600.0
_BLOCK = 1 << 18


@dataclass
class Tally:
    """Counts taken while a manifest is written."""

    sprites: int = 0
    _kinds: Counter[Kind] = field(default_factory=Counter)

    def add(self, kinds: Sequence[Kind]) -> None:
        """Count some sprites."""
        self.sprites += len(kinds)
        self._kinds.update(kinds)

    @property
    def counts(self) -> dict[str, int]:
        """The number of sprites by status, facing, split and edit, in the order of their first sprites."""
        found: dict[str, int] = {}
        for kind, count in self._kinds.items():
            edited = [*["flipped"] * kind.flip, *["cropped"] * kind.is_cropped]
            names = [kind.status, f"facing {kind.facing}", kind.split, *edited]
            for name in names:
                found[name] = found.get(name, 0) + count
        return found


def write_manifest(folder: Path, some: Iterable[tuple[list[str], list[Kind]]]) -> tuple[str, Tally]:
    """Write lines, as `entries.present_lines` yields them, to `folder/<digest>.jsonl`, atomically.

    Return the digest and the counts. Memory use does not depend on the number of lines. An existing manifest is
    overwritten with equal bytes, which repairs a damaged one.
    """
    own_folder(folder)
    _sweep(folder)
    sha, tally = hashlib.sha256(), Tally()
    partial = folder / f".commit.{uuid.uuid4().hex}.part"
    try:
        with partial.open("xb") as stream:
            for lines, kinds in some:
                block = "".join(lines).encode()
                sha.update(block)
                stream.write(block)
                tally.add(kinds)
            stream.flush()
            os.fsync(stream.fileno())
        digest = sha.hexdigest()
        files.replace(partial, folder / f"{digest}.jsonl")
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
    return digest, tally


def _sweep(folder: Path) -> None:
    """Remove temporary files of interrupted commits, once they are too old to be in use."""
    for path in folder.glob(".commit.*.part"):
        with contextlib.suppress(OSError):
            if path.lstat().st_mtime < time.time() - _PART_KEPT_S:
                path.unlink()


def header_path(workspace: Workspace, digest: str) -> Path:
    """Return the path of a manifest's header."""
    return workspace.manifest_path(digest).with_name(f"{digest}.header.json")


def left_out_path(workspace: Workspace, digest: str) -> Path:
    """Return the path of the list of sprites left out of a manifest, with reasons."""
    return workspace.manifest_path(digest).with_name(f"{digest}.left-out.jsonl")


def label_settings(workspace: Workspace, kept_only: bool, with_generated: bool) -> dict[str, Any]:
    """Return the settings that a version is committed with."""
    splits = workspace.split_rule.to_json()
    found = {"recipe": workspace.recipe.to_json(), "splits": splits, "kept_only": kept_only}
    if with_generated:
        found["with_generated"] = True
    for key in (TARGET_FACING, CERTIFICATES):
        if (value := workspace.setting(key)) is not None:
            found[key] = value
    if CERTIFICATES in found:
        found[CERTIFICATES] = with_outside(found[CERTIFICATES], committed_seqs(workspace, kept_only, with_generated))
    return found


def write_header(workspace: Workspace, digest: str, label: str, tally: Tally, settings: dict[str, Any]) -> None:
    """Write the header of a version, which is not part of its digest.

    Versions with equal content share the file: settings that may differ between them are stored by label. Valid
    settings of other labels in an existing header are kept.
    """
    path = header_path(workspace, digest)
    known = (_read_header(path) or {}).get("versions")
    before = {name: value for name, value in known.items() if _is_sound(value)} if isinstance(known, dict) else {}
    header = {
        "schema_version": SCHEMA_VERSION,
        "digest": digest,
        "tool": f"GANdam Studio {__version__}",
        "sprites": tally.sprites,
        "counts": tally.counts,
        "recipe": settings["recipe"],
        "versions": {**before, label: settings},
    }
    files.write_json(path, header)


def _is_sound(settings: Any) -> bool:
    try:
        _check_settings(settings)
    except (ValueError, TypeError, UserError):
        return False
    return True


def header(workspace: Workspace, version: ManifestVersion) -> dict[str, Any]:
    """Return a version's header, with the recipe, split rule and `kept_only` of its commit; {} if it is missing.

    Raises UserError if it is not valid.
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
        own = Values(header).object("versions", None)
        found = {**header, **(own.raw(label, {}) if own is not None else {})}
        _check_settings(found)
        Values(found).text("tool", "")
        for name in ("kept_only", "with_generated"):
            Values(found).flag(name, False)
    except (TypeError, ValueError, UserError) as error:
        raise UserError(f"its header is damaged: {error}") from None
    return found


def _check_settings(values: Any) -> None:
    """Raise ValueError, TypeError or UserError unless a version's recipe and split rule are valid."""
    found = Values(values)
    Recipe.from_json(found.raw("recipe", {}))
    SplitRule.from_json(found.raw("splits", {}))
    for key in (TARGET_FACING, CERTIFICATES):
        if key in found:
            check_setting(key, json.dumps(found.raw(key)))


def header_damage(workspace: Workspace, digest: str, sprites: int, labels: Iterable[str]) -> str:
    """Return what is wrong with a manifest's header, which its digest does not cover, or ""."""
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
    """Return the recipe a version was committed with, or the workspace's own if the header is missing."""
    values = header(workspace, version).get("recipe")
    return Recipe.from_json(values) if values else workspace.recipe


def _read_header(path: Path) -> dict[str, Any] | None:
    try:
        return read_json_object(path, follow_links=False)
    except (OSError, ValueError):
        return None


def write_left_out(workspace: Workspace, digest: str, condition: str) -> None:
    """Write which sprites a version leaves out and why, for `diff` and `restore`; `condition`: what it holds (SQL)."""
    rows = workspace.connection.execute(f"SELECT id, status, reason FROM sprites WHERE NOT {condition} ORDER BY id")
    with files.atomic_writer(left_out_path(workspace, digest)) as stream:
        for sprite, status, reason in rows:
            why = reason if status == "dropped" else DRAWN if status == "kept" else NOT_KEPT
            stream.write(json.dumps({"id": sprite, "reason": why}, ensure_ascii=False).encode() + b"\n")


def left_out(workspace: Workspace, version: ManifestVersion) -> dict[str, str]:
    """Return sprite id -> reason for being left out of a version; {} if the list is missing."""
    try:
        with open_regular(left_out_path(workspace, version.digest), follow_links=False) as stream:
            return dict(_left_out_item(line) for line in bounded_lines(stream, MAX_LINE_BYTES))
    except (OSError, ValueError):
        return {}


def _left_out_item(line: bytes) -> tuple[str, str]:
    item = Values(parse_json(line))
    sprite, reason = item.raw("id"), item.raw("reason")
    if not is_digest(sprite) or not is_name(reason):
        raise ValueError("not an id and a reason")
    return sprite, reason


def manifest_lines(workspace: Workspace, version: ManifestVersion, *, verified: bool = False) -> Iterator[bytes]:
    """Yield the lines of a version's manifest, with newlines. Raises UserError if the file is missing.

    With `verified`, also raises UserError after the last line if they do not match the version's digest. The caller
    must then discard what it made of them.
    """
    sha = hashlib.sha256()
    try:
        with open_regular(workspace.manifest_path(version.digest), follow_links=False) as stream:
            rest = b""
            while block := stream.read(_BLOCK):
                if verified:
                    sha.update(block)
                lines = (rest + block).splitlines(keepends=True)
                rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
                yield from lines
                if len(rest) > MAX_LINE_BYTES:
                    raise UntrustedError("a line is too long")
            if rest:
                yield rest
    except (OSError, UntrustedError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"the manifest of {version.label} cannot be read: {reason}", Remedy.VERIFY) from None
    if verified and sha.hexdigest() != version.digest:
        raise UserError(f"the manifest of {version.label} is damaged: its bytes have changed", Remedy.VERIFY)


def manifest_entries(
    workspace: Workspace, version: ManifestVersion, *, verified: bool = False
) -> Iterator[ManifestEntry]:
    """Yield the entries of a version, sorted by id. Raises UserError if the manifest is missing or damaged.

    Exports and data sets for training use `verified` (see `manifest_lines`).
    """
    for number, line in enumerate(manifest_lines(workspace, version, verified=verified), start=1):
        try:
            yield ManifestEntry.from_line(line)
        except ValueError as error:
            raise UserError(
                f"the manifest of {version.label} is damaged at line {number} ({error})", Remedy.VERIFY
            ) from None
