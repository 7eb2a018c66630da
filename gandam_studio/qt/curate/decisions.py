"""The decisions about the sprites chosen in the gallery, one or a million."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject

from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace.history import NOTHING, Changes
from gandam_studio.core.workspace.review import count_without_side, with_status
from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.core.workspace.sprite import format_crop
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.failures import explain
from gandam_studio.qt.session import INFO, WARNING, Session

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace

    # Imported late throughout this module: the window does not need it to open.
    from gandam_studio.core.workspace.edits import Edit

# Larger edits run in the background: the window stays responsive, and Cancel works until the commit.
MANY = 30_000


class Decisions(QObject):
    """Applies edits to the sprites returned by `targets()`."""

    def __init__(self, session: Session, targets: Callable[[], Seqs], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._targets = targets

    def flip(self) -> Changes:
        """Mirror left-right."""
        from gandam_studio.core.workspace.edits import Flip

        return self._apply(Flip)

    def rotate(self, quarter_turns: int) -> Changes:
        """Rotate clockwise by quarter turns."""
        from gandam_studio.core.workspace.edits import Rotate

        return self._apply(lambda seqs: Rotate(seqs, quarter_turns))

    def drop(self, reason: str = "") -> Changes:
        """Exclude from the next version, with or without a reason."""
        from gandam_studio.core.workspace.edits import Drop

        return self._apply(lambda seqs: Drop(seqs, reason))

    def keep(self) -> Changes:
        """Include in the next version."""
        from gandam_studio.core.workspace.edits import Keep

        return self._apply(Keep)

    def keep_undecided(self, shown: Seqs) -> Changes:
        """Keep those of some sprites that are undecided."""
        from gandam_studio.core.workspace.edits import Keep

        if len(shown) > MANY:
            self._later(self.tr("Keep"), lambda workspace: Keep(with_status(workspace, shown, "undecided")))
            return NOTHING
        undecided = with_status(self._session.workspace, shown, "undecided")
        if not len(undecided):
            self._session.post(self.tr("None of the sprites shown is undecided."), INFO)
            return NOTHING
        return self._apply(Keep, undecided)

    def look(self, facing: str, shown: Seqs, *, dropped: bool) -> None:
        """Flip those that face away from `facing` ("left" or "right"), and say how many have no facing.

        `dropped`: also flip dropped sprites.
        """
        from gandam_studio.core.workspace.edits import LookAlike

        def chosen(workspace: Workspace) -> Seqs:
            return np.sort(shown) if dropped else with_status(workspace, shown, "not-dropped")

        side = self.tr("left") if facing == "left" else self.tr("right")
        if len(shown) > MANY:
            self._later(self.tr("Flip"), lambda workspace: LookAlike(chosen(workspace), facing))
            return
        seqs = chosen(self._session.workspace)
        changes = self._apply(lambda some: LookAlike(some, facing), seqs)
        unknown = count_without_side(self._session.workspace, seqs)
        parts = [self.tr("{0} flipped to face {1}").format(sprites(len(changes.seqs)), side)]
        if unknown:
            parts.append(self.tr("{0} without a left or right facing (L and R set it)").format(sprites(unknown)))
        if changes:
            parts.append(self.tr("Z undoes"))
        self._session.post(" · ".join(parts), INFO)

    def _later(self, label: str, make: Callable[[Workspace], Edit]) -> None:
        """Apply a large edit in the background; `make` also runs there."""

        def work(workspace: Any, job: Any) -> Changes:
            job.start(label, None)
            return workspace.apply(make(workspace))

        self._session.apply_later(work, label)

    def undecide(self) -> Changes:
        """Make undecided again."""
        from gandam_studio.core.workspace.edits import Undecide

        return self._apply(Undecide)

    def face(self, facing: str) -> Changes:
        """Set the direction they face, as shown."""
        from gandam_studio.core.workspace.edits import SetFacing

        return self._apply(lambda seqs: SetFacing(seqs, facing))

    def tag(self, add: set[str], remove: set[str]) -> Changes:
        """Add and remove tags."""
        from gandam_studio.core.workspace.edits import Tag

        return self._apply(lambda seqs: Tag(seqs, frozenset(add), frozenset(remove)))

    def crop(self, box: tuple[int, int, int, int] | None) -> Changes:
        """Crop to a rectangle of the originals, or remove the crop."""
        from gandam_studio.core.workspace.edits import SetCrop

        return self._apply(lambda seqs: SetCrop(seqs, box))

    def trim(self) -> None:
        """Crop each sprite to its content, without transparent or plain borders; runs in the background."""
        seqs = self._targets()
        if not len(seqs):
            return

        from gandam_studio.core.pictures.rendering import content_box, plain_border
        from gandam_studio.core.workspace.edits import SetValues

        def work(workspace: Any, job: Any) -> Changes:
            job.start(self.tr("Trim"), len(seqs))
            crops: dict[int, str] = {}
            for sprite in workspace.sprites(seqs):
                pixels = workspace.pixels(sprite)
                box = content_box(pixels, plain_border(pixels))
                whole = box == (0, 0, sprite.width, sprite.height)
                crops[sprite.seq] = format_crop(None if whole else box)
                job.advance()
            return workspace.apply(SetValues({"crop": crops}, self.tr("Trim to content")))

        self._session.apply_later(work, self.tr("Trim"))

    def _apply(self, make: Callable[[Seqs], Edit], seqs: Seqs | None = None) -> Changes:
        """Apply an edit to `seqs`, or else to the targets."""
        seqs = self._targets() if seqs is None else seqs
        if not len(seqs):
            self._session.post(self.tr("Nothing is selected."), INFO)
            return NOTHING
        try:
            edit = make(seqs)
        except UserError as error:
            self._session.post(explain(error), WARNING)
            return NOTHING
        if len(seqs) <= MANY:
            changes = self._session.apply(edit)
            if changes and len(changes.seqs) > 1:
                done = edit.label(len(changes.seqs))
                self._session.post(self.tr("Done: {0} · Z undoes").format(done), INFO)
            return changes
        self._later(edit.label(len(seqs)), lambda _workspace: edit)
        return NOTHING
