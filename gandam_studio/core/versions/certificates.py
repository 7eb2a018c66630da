"""What fitness reviews said of a version's sprites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gandam_studio.core.suggestions.certificates import KeptCertificate, kept_certificates
from gandam_studio.core.versions import files
from gandam_studio.core.versions.entries import committed_seqs
from gandam_studio.core.versions.model import ManifestVersion
from gandam_studio.core.workspace.settings import CERTIFICATES

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace


def certificates_of(
    workspace: Workspace, version: ManifestVersion | None = None, *, kept_only: bool = False,
    with_generated: bool = False,
) -> list[KeptCertificate]:  # fmt: skip
    """What reviews said of a version's sprites, or of those that `commit` would take now, by reason.

    Raises UserError if the version's header is damaged.
    """
    if version is not None:
        return kept_certificates(files.header(workspace, version).get(CERTIFICATES))
    setting = workspace.setting(CERTIFICATES)
    return kept_certificates(setting, committed_seqs(workspace, kept_only, with_generated)) if setting else []


def reviewed_since(workspace: Workspace, version: ManifestVersion) -> bool:
    """Whether reviews said something else since that version, which is a change that `diff` does not list."""
    before, now = (
        [(one.said, one.at) for one in kept_certificates(setting)]
        for setting in (files.header(workspace, version).get(CERTIFICATES), workspace.setting(CERTIFICATES))
    )
    return before != now
