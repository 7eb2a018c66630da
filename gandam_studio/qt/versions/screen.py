"""The Versions screen: history on the left, one version with its differences on the right."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QInputDialog, QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from gandam_studio.core import versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.runs import RunSummary
from gandam_studio.core.suggestions.certificates import KeptCertificate
from gandam_studio.core.versions import (
    ManifestVersion,
    Verified,
    VersionDiff,
    certificates_of,
    count_blank,
    count_faint,
    count_generated,
    diff,
    recipe_differs,
    reviewed_since,
)
from gandam_studio.core.versions.listing import head_version
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.history import Changes
from gandam_studio.core.workspace.lineage import GENERATED
from gandam_studio.core.workspace.query import Filter
from gandam_studio.qt import theme
from gandam_studio.qt.background import Latest
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.failures import explain
from gandam_studio.qt.following.requests import SaveVersion, ShowFilter
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.screen import EmptyState, Screen, ScreenMenu
from gandam_studio.qt.session import ERROR, INFO, Session
from gandam_studio.qt.versions import wording
from gandam_studio.qt.versions.commit_box import CommitBox
from gandam_studio.qt.versions.detail_panel import DetailPanel
from gandam_studio.qt.versions.diff_view import DiffView
from gandam_studio.qt.versions.export_dialog import ExportDialog
from gandam_studio.qt.versions.history_list import HistoryList
from gandam_studio.qt.versions.verify_dialog import DamageDialog
from gandam_studio.qt.versions.work import VersionWork

PRESENT = 0


class VersionsScreen(Screen):
    """Commit, compare, export, restore and verify versions.

    Attributes:
        history: the list of versions. detail, differences: of the chosen one. commit_box: creates the next one.
        work: the background work.
    """

    title = "Versions"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._versions: list[ManifestVersion] = []
        self._base: int | None = None  # chosen by hand; None compares with the parent
        self._comparing, self._looking = Latest(), Latest()
        self._stale = True
        self.work = VersionWork(session, self)
        self.work.commit_ended.connect(self._commit_ended)
        self.work.restored.connect(self.reload)
        self.work.tagged.connect(self.reload)
        self.work.damage_found.connect(self._show_damage)
        self._lay_out()
        self._present_later = QTimer(self, singleShot=True, interval=300)
        self._present_later.timeout.connect(self._ask_present)
        # A quick result replaces what is shown; while a slow one is computed, the old differences are hidden.
        self._clear_later = QTimer(self, singleShot=True, interval=250)
        self._clear_later.timeout.connect(self._clear_answer)
        session.edits_applied.connect(self._note_edits)
        session.sprites_imported.connect(self._mark_stale)
        session.versions_changed.connect(self._mark_stale)
        self._trained: list[tuple[str, str]] = []  # runs and their manifests, as last heard of
        session.run_index.changed.connect(self._note_runs)
        self.commit_box.set_locked(session.read_only)
        self.commit_box.note.setPlainText(str(QSettings().value(self._note_key) or ""))

    # Screen

    def activated(self) -> None:
        """Reload the history if it is outdated."""
        if self._stale:
            self.reload()

    def receive(self, request: object) -> None:
        """Put the keys into the note of the next version (`SaveVersion`), as Ctrl+S does."""
        if isinstance(request, SaveVersion):
            self.commit_box.note.setFocus()

    @property
    def work_view(self) -> QWidget:
        """The list of versions."""
        return self.history

    def closing(self) -> None:
        """End the picture loader, and keep a note that was not used yet for the next time."""
        self.differences.pictures.stop()
        self._keep_note()

    def menus(self) -> list[ScreenMenu]:
        """The Version menu."""
        return [
            ScreenMenu(
                self.tr("&Version"),
                (
                    self.commit_action,
                    self.export_action,
                    None,
                    self.restore_action,
                    self.tag_action,
                    None,
                    self.verify_action,
                    self.relink_action,
                ),
            )
        ]

    @property
    def chosen(self) -> ManifestVersion | None:
        """The version chosen in the history; None for the current state."""
        row = self.history.current
        return self.history.history.rows[row].version if 0 <= row < len(self.history.history.rows) else None

    def reload(self, choose: ManifestVersion | None = None) -> None:
        """Reload the history and keep the chosen version, or go to `choose`."""
        self._stale = False
        workspace = self.session.workspace
        before = choose or self.chosen
        first = self.history.current < 0
        try:
            self._versions, head = versions.versions(workspace), head_version(workspace)
        except UserError as error:  # damaged rows
            self._versions, head = [], None
            self.session.post(explain(error), ERROR)
        self.history.history.show(self._versions, head)
        self.pages.setCurrentIndex(1 if self._versions else 0)
        row = self.history.row_of(before)
        if first and self._versions and choose is None:
            # On the first visit the newest version is more useful than the current state, which is often the same.
            row = 1
        if self._versions:
            self.history.go_to(max(0, row))
        self._name_actions()
        self._ask_present()

    @property
    def _note_key(self) -> str:
        folder = str(self.session.workspace.folder)
        return f"versions/note/{hashlib.sha256(folder.encode(errors='surrogateescape')).hexdigest()[:16]}"

    def _keep_note(self) -> None:
        text = self.commit_box.note.toPlainText().strip()
        if text:
            QSettings().setValue(self._note_key, text)
        else:
            QSettings().remove(self._note_key)

    # Actions

    def commit(self) -> None:
        """Ask for the note of the next version, as on every screen; in the note, save it (Ctrl+S)."""
        if self.commit_box.note.hasFocus():
            self.commit_box.ask()
        else:
            self.commit_box.note.setFocus()

    def restore(self) -> None:
        """Restore all decisions of the chosen version, as one edit."""
        if self.chosen:
            self.work.restore(self.chosen)

    def tag(self) -> None:
        """Edit the names of the chosen version."""
        version = self.chosen
        if version is None:
            return
        text, accepted = QInputDialog.getText(
            self,
            self.tr("Names of {0}").format(version.label),
            self.tr("Names, separated by commas, such as: paper, best so far"),
            text=", ".join(version.tags),
        )
        if accepted:
            self.work.set_tags(version, {name.strip() for name in text.split(",") if name.strip()})

    def export(self) -> None:
        """Export the chosen version (Ctrl+E)."""
        version = self.chosen or (self._versions[-1] if self._versions else None)
        if version is None:
            self.session.post(self.tr("Save a version first: only versions can be exported."), INFO)
            return
        dialog = ExportDialog(version, self, self.session.workspace.folder)
        if run_dialog(dialog) and dialog.request:
            self.work.export(version, dialog.request)

    def _commit(self, message: str) -> None:
        self.commit_box.set_locked(True)
        self.work.commit(message, self.commit_box.choices)

    def _commit_ended(self, version: ManifestVersion | None) -> None:
        self.commit_box.set_locked(self.session.read_only)
        if version is None or version.unchanged:
            self._present_later.start()
            return
        self.commit_box.clear()
        self._keep_note()
        if self.commit_box.note.hasFocus():
            self.focus_work()
        self._base = None
        self.reload(version)

    def _show_damage(self, found: Verified) -> None:
        dialog = DamageDialog(found, may_relink=not self.session.read_only, parent=self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.relink_requested.connect(self.work.relink)
        dialog.open()

    # Comparing

    def _choose(self, row: int) -> None:
        if row < 0:
            return
        self._base = None
        self._compare()

    def _choose_base(self, number: int) -> None:
        self._base = number
        self._compare()

    def _compare(self) -> None:
        row = self.history.history.rows[self.history.current]
        numbers = {version.number: version for version in self._versions}
        base = row.parent if self._base is None else numbers.get(self._base)
        found = self.session.run_index.runs if row.version else []
        trained = [run.title for run in found if row.version and run.manifest == row.version.digest]
        self.detail.show_version(row.version, row.parent, self._versions, base, trained)
        self.detail.show_summary(None)
        self._name_actions()
        self._clear_later.start()
        version = row.version
        choices = self.commit_box.choices
        task = self.session.start_quiet_job(
            lambda workspace, _job: (diff(workspace, base, version, **choices), _reviews(workspace, version, choices)),
            lambda answer: self._show_answer(*answer),
            self._comparing_failed,
        )
        self._comparing.follow(task)

    def _comparing_failed(self, error: BaseException) -> None:
        self.detail.summary.setText(self.tr("The versions could not be compared."))
        self.session.post_failure(error)

    def _show_answer(self, answer: VersionDiff, reviews: list[KeptCertificate]) -> None:
        self._clear_later.stop()
        self.detail.show_reviews(reviews)
        self.detail.show_summary(answer)
        self.differences.show_diff(answer)
        self._same.setVisible(not answer)
        self.differences.setVisible(bool(answer))

    def _clear_answer(self) -> None:
        self.differences.show_diff(None)
        self._same.hide()
        self.differences.show()

    def _ask_present(self) -> None:
        """Compare what would be committed with the version it was derived from."""
        if not self.isVisible():
            self._stale = True
            return
        self.commit_box.expect_state()
        try:
            head = head_version(self.session.workspace)
        except UserError as error:  # damaged rows
            self._looking_failed(error)
            return
        choices = self.commit_box.choices
        task = self.session.start_quiet_job(
            lambda workspace, _job: _present(workspace, head, choices),
            self._show_present,
            self._looking_failed,
        )
        self._looking.follow(task)

    def _looking_failed(self, error: BaseException) -> None:
        # A commit does not need the comparison, and reports errors itself.
        self.commit_box.show_state(self.tr("The changes could not be determined."), "", can_commit=True)
        self.session.post_failure(error)

    def _show_unseen(self, which: str) -> None:
        """Show the sprites of the next version that show hardly anything, or that a run has drawn, in Curate."""
        if which in ("candidates", "accepted"):
            status = "undecided" if which == "candidates" else "kept"
            self.screen_requested.emit("Curate", ShowFilter(Filter(status=status, tag=GENERATED)))
            return
        status = "kept" if self.commit_box.kept_only.isChecked() else "not-dropped"
        blank = which == "blank"
        self.screen_requested.emit(
            "Curate", ShowFilter(Filter(status=status, blank=blank, faint=None if blank else True))
        )

    def _show_present(self, present: _Present) -> None:
        head, found = present.head, present.found
        self.commit_box.show_unseen(present.blank, present.faint)
        self.commit_box.show_drawn(*present.drawn)
        parts = [wording.changes(found)] if found else []
        parts += [self.tr("recipe changed")] if present.other_recipe else []
        parts += [self.tr("unfit sprites reviewed")] if present.reviewed else []
        text = ", ".join(parts)
        if head is None:
            count = self.tr("{0} would be in v1").format(sprites(len(found.added)))
            nothing = self.tr("Nothing to save yet: import sprites in Curate")
            self.commit_box.show_state(
                count if found else nothing, self.tr("First version") if found else "", can_commit=bool(found)
            )
        elif text:
            self.commit_box.show_state(self.tr("Since {0}: {1}").format(head.label, text), text, can_commit=True)
        else:
            self.commit_box.show_state(self.tr("No changes since {0}").format(head.label), "", can_commit=False)
        self.history.history.set_present(text or self.tr("the same as {0}").format(head.label if head else ""))
        if head is not None and self.chosen is None and self.history.current == PRESENT:
            self._compare()

    # Updates

    def _note_edits(self, _changes: Changes) -> None:
        self.commit_box.expect_state()
        if self.isVisible():
            self._present_later.start()
            # A restore, its undo and redo change the version that the current state is derived from.
            self._stale = True
        else:
            self._stale = True

    def _mark_stale(self) -> None:
        self._stale = True
        if self.isVisible():
            QTimer.singleShot(0, self._reload_if_stale)

    def _note_runs(self, found: list[RunSummary]) -> None:
        # The states of runs change all the time while one trains; only which run used which version is shown here.
        trained = [(run.run, run.manifest) for run in found]
        if trained != self._trained:
            self._trained = trained
            self._mark_stale()

    def _reload_if_stale(self) -> None:
        if not self._stale or not self.isVisible():
            return
        try:
            self.reload()
        except UserError as error:  # such as a damaged row
            self.session.post(explain(error), ERROR)

    def _name_actions(self) -> None:
        writable = not self.session.read_only
        version = self.chosen
        self.restore_action.setEnabled(version is not None and writable)
        self.tag_action.setEnabled(version is not None and writable)
        self.export_action.setEnabled(bool(self._versions))

    # Look

    def _lay_out(self) -> None:
        make = self.add_action
        self.commit_action = make(
            self.tr("&Save a version…"),
            self.commit,
            "Ctrl+S",
            icon="save",
            tip=self.tr("Save the current decisions as a version"),
            edits=True,
        )
        self.export_action = make(
            self.tr("&Export…"),
            self.export,
            "Ctrl+E",
            icon="export",
            tip=self.tr("Export this version for other tools"),
        )
        self.restore_action = make(
            self.tr("&Restore"),
            self.restore,
            icon="restore",
            tip=self.tr("Restore all decisions of this version; can be undone"),
            edits=True,
        )
        self.tag_action = make(
            self.tr("&Name…"), self.tag, icon="tag", tip=self.tr("Give this version a name, such as paper"), edits=True
        )
        self.verify_action = make(
            self.tr("&Verify files"), self.work.verify, icon="success", tip=self.tr("Read and check all files")
        )
        self.relink_action = make(
            self.tr("Find &missing files…"),
            self.work.verify,
            icon="search",
            tip=self.tr("Search a folder for missing originals"),
            edits=True,
        )
        self.history = HistoryList()
        self.history.version_chosen.connect(self._choose)
        self.commit_box = CommitBox()
        self.commit_box.commit_requested.connect(self._commit)
        self.commit_box.unseen_requested.connect(self._show_unseen)
        self.commit_box.state_wanted.connect(self._ask_present)
        self.commit_box.refused.connect(lambda why: self.session.post(f"{why}.", INFO))
        self.commit_box.choices_changed.connect(self._ask_present)
        left = QWidget()
        side = QVBoxLayout(left)
        side.setContentsMargins(theme.SPACE, theme.SPACE, theme.SPACE, theme.SPACE + theme.HALF)
        side.setSpacing(theme.SPACE)
        side.addWidget(self.history, 1)
        side.addWidget(self.commit_box)
        self.detail = DetailPanel([self.restore_action, self.tag_action, self.export_action])
        self.detail.base_chosen.connect(self._choose_base)
        self.differences = DiffView(self.session.workspace)
        self.detail.tile_chosen.connect(self.differences.set_tile)
        self.differences.tile_changed.connect(self.detail.tile.setValue)
        self._same = QLabel(self.tr("Both have the same sprites with the same decisions."))
        self._same.setProperty("role", "muted")
        self._same.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._same.hide()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.detail)
        column.addWidget(self.differences, 1)
        column.addWidget(self._same, 1)
        self.pages = QStackedWidget()
        self.pages.addWidget(
            EmptyState(
                "versions",
                self.tr("No version yet"),
                self.tr(
                    "A version keeps the current decisions: which sprites are in, flipped, cropped and tagged. "
                    "A run is trained on a version, so it can be repeated later. Versions can be compared, "
                    "restored and exported."
                ),
            )
        )
        self.pages.addWidget(page)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(left)
        splitter.addWidget(self.pages)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([380, 860])
        splitter.setChildrenCollapsible(False)
        left.setMinimumWidth(300)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(splitter)


@dataclass(frozen=True)
class _Present:
    """What would be committed, against the version it was derived from, and whether a review of unfit sprites has ended
    since; how much of it is blank, hard to see, or drawn by a run (kept, and left out).
    """

    head: ManifestVersion | None
    found: VersionDiff
    other_recipe: bool
    reviewed: bool
    blank: int
    faint: int
    drawn: tuple[int, int]


def _present(workspace: Workspace, head: ManifestVersion | None, choices: dict[str, bool]) -> _Present:
    kept, undecided = count_generated(workspace)
    return _Present(
        head,
        diff(workspace, head, None, **choices),
        head is not None and recipe_differs(workspace, head),
        head is not None and reviewed_since(workspace, head),
        count_blank(workspace, **choices),
        count_faint(workspace, kept_only=choices["kept_only"]),
        (kept, 0 if choices["kept_only"] else undecided),
    )


def _reviews(workspace: Workspace, version: ManifestVersion | None, choices: dict[str, bool]) -> list[KeptCertificate]:
    try:
        return certificates_of(workspace, version, **choices)
    except UserError:  # its header is damaged: Verify tells
        return []
