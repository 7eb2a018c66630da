"""The decisions about the sprites chosen in the gallery, one or a million."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QSettings

from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace.history import NOTHING, Changes
from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.core.workspace.sprite import DROP_REASONS, format_crop
from gandam_studio.qt.session import INFO, WARNING, Session

if TYPE_CHECKING:
    # Imported late throughout this module: the window does not need it to open.
    from gandam_studio.core.workspace.edits import Edit

# Larger edits run in the background: the window stays responsive, and Cancel works until the commit.
MANY = 30_000
_REASON_KEY = "curate/reason"


class Decisions(QObject):
    """Applies edits to the sprites returned by `targets()`.

    Attributes:
        reason: the reason used by the Drop key; the one chosen last.
    """

    def __init__(self, session: Session, targets: Callable[[], Seqs], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._targets = targets
        self.reason = str(QSettings().value(_REASON_KEY, DROP_REASONS[0]))

    def flip(self) -> Changes:
        """Mirror left-right."""
        from gandam_studio.core.workspace.edits import Flip

        return self._apply(Flip)

    def rotate(self, quarter_turns: int) -> Changes:
        """Rotate clockwise by quarter turns."""
        from gandam_studio.core.workspace.edits import Rotate

        return self._apply(lambda seqs: Rotate(seqs, quarter_turns))

    def drop(self, reason: str = "") -> Changes:
        """Exclude from the next version; a given reason becomes the default."""
        from gandam_studio.core.workspace.edits import Drop

        if reason.strip():
            self.reason = reason.strip()
            QSettings().setValue(_REASON_KEY, self.reason)
        return self._apply(lambda seqs: Drop(seqs, self.reason))

    def keep(self) -> Changes:
        """Include in the next version."""
        from gandam_studio.core.workspace.edits import Keep

        return self._apply(Keep)

    def restore(self) -> Changes:
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

    def _apply(self, make: Callable[[Seqs], Edit]) -> Changes:
        seqs = self._targets()
        if not len(seqs):
            self._session.post(self.tr("Nothing is selected."), INFO)
            return NOTHING
        try:
            edit = make(seqs)
        except UserError as error:
            self._session.post(str(error), WARNING)
            return NOTHING
        if len(seqs) <= MANY:
            changes = self._session.apply(edit)
            if changes and len(changes.seqs) > 1:
                self._session.post(self.tr("{0} · Ctrl+Z undoes").format(edit.label(len(changes.seqs))), INFO)
            return changes
        label = edit.label(len(seqs))

        def work(workspace: Any, job: Any) -> Changes:
            job.start(label, None)
            return workspace.apply(edit)

        self._session.apply_later(work, label)
        return NOTHING
