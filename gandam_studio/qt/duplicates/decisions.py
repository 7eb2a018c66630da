"""Decisions about duplicates as edits of the workspace, each undone in one step."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject

from gandam_studio.core.duplicates import DropPlan, PlannedDrop, flip_and_keep, keep_both
from gandam_studio.core.duplicates.decisions import REASON
from gandam_studio.core.workspace.edits import Drop, Keep, Together, Undecide
from gandam_studio.core.workspace.history import NOTHING, Changes
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt.session import Session


class Decisions(QObject):
    """Applies edits for keys and buttons; the session posts errors."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session

    def keep(self, sprite: Sprite) -> Changes:
        """Keep a sprite."""
        return self._session.apply(Keep([sprite.seq]))

    def drop(self, sprite: Sprite, reason: str = REASON) -> Changes:
        """Drop a sprite, as a duplicate or for another reason."""
        return self._session.apply(Drop([sprite.seq], reason))

    def undecide(self, sprite: Sprite) -> Changes:
        """Make a sprite undecided again."""
        return self._session.apply(Undecide([sprite.seq]))

    def flip_and_keep(self, sprite: Sprite) -> Changes:
        """Mirror a sprite and keep it."""
        return self._session.apply(flip_and_keep(sprite.seq, (), flipped=sprite.flipped))

    def keep_best(self, best: Sequence[int], drops: Sequence[PlannedDrop]) -> Changes:
        """Keep the best sprites of a group and drop their duplicates."""
        edits = (Keep(best), Drop([drop.seq for drop in drops], REASON))
        return self._session.apply(Together(edits, self.tr("Keep the best, drop its copies")))

    def carry_out(self, plan: DropPlan) -> Changes:
        """Drop what is planned as a single edit; does nothing if the plan is empty."""
        return self._session.apply(plan.edit()) if plan.drops else NOTHING

    def keep_all(self, seqs: Sequence[int]) -> Changes:
        """Keep all sprites of a group: no two of them are duplicates, now and in later searches."""
        return self._session.apply(Together((keep_both(seqs), Keep(seqs)), self.tr("Keep all: not copies")))
