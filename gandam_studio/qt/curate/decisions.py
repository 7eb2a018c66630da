"""What a person can decide about the sprites chosen in the gallery, one or a million."""

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
    # Imported late everywhere here: the window opens before anything is decided.
    from gandam_studio.core.workspace.edits import Edit

# More than this is committed in the background: the window stays alive, and Cancel works until the commit.
MANY = 30_000
_REASON_KEY = "curate/reason"


class Decisions(QObject):
    """Applies edits to whatever `targets()` names.

    Attributes:
        reason: why X drops; the reason chosen last.
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
        """Turn by quarter turns clockwise."""
        from gandam_studio.core.workspace.edits import Rotate

        return self._apply(lambda seqs: Rotate(seqs, quarter_turns))

    def drop(self, reason: str = "") -> Changes:
        """Leave out of the next version; a reason given becomes the usual one."""
        from gandam_studio.core.workspace.edits import Drop

        if reason.strip():
            self.reason = reason.strip()
            QSettings().setValue(_REASON_KEY, self.reason)
        return self._apply(lambda seqs: Drop(seqs, self.reason))

    def keep(self) -> Changes:
        """Say that they belong."""
        from gandam_studio.core.workspace.edits import Keep

        return self._apply(Keep)

    def restore(self) -> Changes:
        """Make undecided again."""
        from gandam_studio.core.workspace.edits import Undecide

        return self._apply(Undecide)

    def face(self, facing: str) -> Changes:
        """Say which way they look, as shown."""
        from gandam_studio.core.workspace.edits import SetFacing

        return self._apply(lambda seqs: SetFacing(seqs, facing))

    def tag(self, add: set[str], remove: set[str]) -> Changes:
        """Add and remove tags."""
        from gandam_studio.core.workspace.edits import Tag

        return self._apply(lambda seqs: Tag(seqs, frozenset(add), frozenset(remove)))

    def crop(self, box: tuple[int, int, int, int] | None) -> Changes:
        """Show only a rectangle of the originals, or all of them again."""
        from gandam_studio.core.workspace.edits import SetCrop

        return self._apply(lambda seqs: SetCrop(seqs, box))

    def trim(self) -> None:
        """Crop each to what is neither transparent nor its plain border; pictures are read in the background."""
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
                self._session.post(self.tr("{0} · Ctrl+Z takes it back").format(edit.label(len(changes.seqs))), INFO)
            return changes
        label = edit.label(len(seqs))

        def work(workspace: Any, job: Any) -> Changes:
            job.start(label, None)
            return workspace.apply(edit)

        self._session.apply_later(work, label)
        return NOTHING
