"""Verify: hash every original and manifest again, and report what is missing or damaged."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.versions import files
from gandam_studio.core.versions.listing import versions
from gandam_studio.core.workspace import schema
from trainer.protocol.manifest import read_manifest
from trainer.protocol.untrusted import open_regular

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace

_NAMES_SHOWN = 3


@dataclass(frozen=True)
class Damage:
    """A missing or damaged file.

    Attributes:
        kind: "original", "manifest" or "database".
        digest: its expected SHA-256; "" for the database.
        problem: "missing", "its bytes have changed" or another error message.
        names: names of the sprites or versions that need it.
    """

    kind: str
    digest: str
    problem: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        names = ", ".join(self.names[:_NAMES_SHOWN])
        more = f" and {len(self.names) - _NAMES_SHOWN} more" if len(self.names) > _NAMES_SHOWN else ""
        return f"{self.kind} {self.digest[:12]} ({names}{more}): {self.problem}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": self.kind, "digest": self.digest, "problem": self.problem, "names": list(self.names)}


@dataclass(frozen=True)
class Verified:
    """The result of `verify`: number of originals and manifests checked, and the damage found."""

    originals: int
    manifests: int
    damage: tuple[Damage, ...]

    @property
    def ok(self) -> bool:
        """True if there is no damage."""
        return not self.damage

    def to_json(self) -> dict[str, Any]:
        """The contract of `gandam-studio verify --json`."""
        return {
            "ok": self.ok,
            "originals": self.originals,
            "manifests": self.manifests,
            "damage": [item.to_json() for item in self.damage],
        }


def verify(workspace: Workspace, *, job: Job = NULL_JOB) -> Verified:
    """Read and hash every file that the workspace's sprites and versions need. Changes nothing. Raises Cancelled."""
    wanted = needed_originals(workspace)
    known = versions(workspace)
    job.start("Verifying", len(wanted) + len({version.digest for version in known}))
    problem = schema.damage(workspace.connection)
    damage = [Damage("database", "", problem, ("workspace.sqlite",))] if problem else []
    for digest, names in wanted.items():
        if problem := workspace.originals.damage(digest):
            damage.append(Damage("original", digest, problem, tuple(names)))
        job.advance()
    labels: dict[str, list[str]] = {}
    for version in known:
        labels.setdefault(version.digest, []).append(version.label)
    for digest, names in labels.items():
        if problem := _manifest_damage(workspace, digest, names):
            damage.append(Damage("manifest", digest, problem, tuple(names)))
        job.advance()
    return Verified(len(wanted), len(labels), tuple(damage))


def needed_originals(workspace: Workspace) -> dict[str, list[str]]:
    """Return digest of every original in use -> names of the sprites that come from it, in import order."""
    wanted: dict[str, list[str]] = {}
    for digest, name in workspace.connection.execute("SELECT blob, name FROM sprites ORDER BY seq"):
        wanted.setdefault(digest, []).append(name)
    return wanted


def _manifest_damage(workspace: Workspace, digest: str, labels: list[str]) -> str:
    path = workspace.manifest_path(digest)
    try:
        with open_regular(path, follow_links=False) as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != digest:
                return "its bytes have changed"
        sprites = sum(1 for _ in read_manifest(path, follow_links=False))
        return files.header_damage(workspace, digest, sprites, labels)
    except FileNotFoundError:
        return "missing"
    except (OSError, ValueError) as error:
        return str(error)
