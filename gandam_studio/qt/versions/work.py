"""Background work of the Versions screen, with messages about the results."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting import Exported, export, parse_classes
from gandam_studio.core.exporting.target import local_path
from gandam_studio.core.versions import (
    ManifestVersion,
    Relinked,
    Verified,
    commit,
    relink,
    restore_edit,
    tag_version,
    verify,
)
from gandam_studio.core.workspace.history import Changes
from gandam_studio.qt.counts import counted, sprites
from gandam_studio.qt.failures import explain
from gandam_studio.qt.session import ERROR, INFO, SUCCESS, WARNING, Session
from gandam_studio.qt.versions.export_dialog import ExportRequest


class VersionWork(QObject):
    """Signals:
    commit_ended: a commit ended (the `ManifestVersion`, or None if it failed or was cancelled).
    restored, tagged: the version was restored or tagged (`ManifestVersion`).
    damage_found: verifying found files missing or altered (`Verified`).
    """

    commit_ended = Signal(object)
    restored = Signal(object)
    tagged = Signal(object)
    damage_found = Signal(object)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session

    def commit(self, message: str, choices: dict[str, bool]) -> None:
        """Create a version of the current state; `choices`: of `versions.commit`."""
        self._session.start_job(
            self.tr("Save a version"),
            lambda workspace, job: commit(workspace, message, **choices, job=job),
            self._committed,
            self._commit_failed,
            lambda: self.commit_ended.emit(None),
        )

    def restore(self, version: ManifestVersion) -> None:
        """Restore all decisions of a version, as one edit."""
        self._session.start_job(
            self.tr("Restore"),
            lambda workspace, _job: workspace.apply(restore_edit(workspace, version)),
            lambda changes: self._restored(version, changes),
        )

    def set_tags(self, version: ManifestVersion, names: set[str]) -> None:
        """Replace the names of a version."""
        add, remove = names - set(version.tags), set(version.tags) - names
        try:
            named = tag_version(self._session.workspace, version, add=tuple(add), remove=tuple(remove))
        except UserError as error:
            self._session.post(explain(error), ERROR)
            return
        self._session.versions_changed.emit()
        self.tagged.emit(named)

    def export(self, version: ManifestVersion, request: ExportRequest) -> None:
        """Export a version."""
        self._session.start_job(
            self.tr("Export {0}").format(version.label),
            lambda workspace, job: export(
                workspace,
                version,
                request.out,
                format=request.format,
                pictures=request.pictures,
                classes=parse_classes(request.classes) if request.classes else (),
                captions=request.captions,
                force=request.force,
                job=job,
            ),
            self._exported,
        )

    def verify(self) -> None:
        """Re-hash every original and manifest."""
        self._session.start_job(
            self.tr("Verify files"), lambda workspace, job: verify(workspace, job=job), self._verified
        )

    def relink(self, folder: str) -> None:
        """Search a folder for missing and altered originals."""
        self._session.start_job(
            self.tr("Find missing files"), lambda workspace, job: relink(workspace, [folder], job=job), self._relinked
        )

    def _committed(self, version: ManifestVersion) -> None:
        if version.unchanged:
            self._session.post(self.tr("No changes since {0}.").format(version.label), INFO)
        else:
            text = self.tr("{0} saved: {1}").format(version.label, sprites(version.sprites))
            self._session.post(text, SUCCESS)
            self._session.versions_changed.emit()
        self.commit_ended.emit(version)

    def _commit_failed(self, error: BaseException) -> None:
        self.commit_ended.emit(None)
        if not isinstance(error, UserError):
            # A bug: the window's handler logs it and shows one line.
            raise error
        self._session.post(explain(error), ERROR)

    def _restored(self, version: ManifestVersion, changes: Changes) -> None:
        self._session.announce(changes)
        text = self.tr("{0} restored · Ctrl+Z undoes") if changes else self.tr("The current state is already {0}.")
        self._session.post(text.format(version.label), SUCCESS if changes else INFO)
        self.restored.emit(version)

    def _exported(self, done: Exported) -> None:
        text = self.tr("{0} exported: {1}").format(done.version, done.out)
        if done.skipped:
            text += " " + self.tr("(without {0})").format(", ".join(done.skipped))
        path = local_path(done.out)
        if path is not None and not done.skipped:
            self._session.post_result(text, path)
        else:
            self._session.post(text, WARNING if done.skipped else SUCCESS)

    def _verified(self, found: Verified) -> None:
        if not found.ok:
            self.damage_found.emit(found)
            return
        originals = counted(found.originals, self.tr("1 original"), self.tr("{0} originals"))
        versions = counted(found.manifests, self.tr("1 version"), self.tr("{0} versions"))
        text = self.tr("No problems: {0} and {1} checked, nothing missing or altered.")
        self._session.post(text.format(originals, versions), SUCCESS)

    def _relinked(self, found: Relinked) -> None:
        text = self.tr("Originals: {0} found again, {1} still missing.")
        severity = WARNING if found.missing else SUCCESS
        self._session.post(text.format(f"{len(found.found):,}", f"{len(found.missing):,}"), severity)
