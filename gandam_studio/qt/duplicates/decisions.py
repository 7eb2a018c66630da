"""What the person decides about duplicates, as edits of the workspace: each one step of undo."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject

from gandam_studio.core.duplicates import DropPlan, PlannedDrop, flip_and_keep, keep_both
from gandam_studio.core.duplicates.decisions import REASON
from gandam_studio.core.workspace.edits import Drop, Keep, Together
from gandam_studio.core.workspace.history import NOTHING, Changes
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt.session import Session


class Decisions(QObject):
    """Turns keys and buttons into edits; refusals are posted by the session."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session

    def keep(self, sprite: Sprite) -> Changes:
        """This one belongs."""
        return self._session.apply(Keep([sprite.seq]))

    def drop(self, sprite: Sprite) -> Changes:
        """This one is a duplicate."""
        return self._session.apply(Drop([sprite.seq], REASON))

    def flip_and_keep(self, sprite: Sprite) -> Changes:
        """This one belongs, mirrored."""
        return self._session.apply(flip_and_keep(sprite.seq, (), flipped=sprite.flipped))

    def keep_best(self, best: Sequence[int], drops: Sequence[PlannedDrop]) -> Changes:
        """Of one group: the best ones belong, what they make superfluous does not."""
        edits = (Keep(best), Drop([drop.seq for drop in drops], REASON))
        return self._session.apply(Together(edits, self.tr("Keep the best, drop its duplicates")))

    def carry_out(self, plan: DropPlan) -> Changes:
        """Drop what is planned, in one step of undo; nothing when there is nothing to drop."""
        return self._session.apply(plan.edit()) if plan.drops else NOTHING

    def keep_all(self, seqs: Sequence[int]) -> Changes:
        """All of a group belong: no two of them are duplicates, now and after every later search."""
        return self._session.apply(Together((keep_both(seqs), Keep(seqs)), self.tr("Keep all: not duplicates")))
