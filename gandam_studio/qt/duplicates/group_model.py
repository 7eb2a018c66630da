"""List model of the groups that fetches a card's contents when it becomes visible."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QStringListModel, Qt

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt.duplicates.findings import GroupCard
from gandam_studio.qt.duplicates.wording import relation_to

SHOWN = 4  # pictures on a card
_KEPT = 512

Index = QModelIndex | QPersistentModelIndex


class GroupModel(QStringListModel):
    """One row per group, in display order; `card(row)` builds a card on first use.

    Qt asks for the row count twice per row to lay out a list. A string list model answers without calling Python, which
    at 27,000 groups saves 130 ms per step of the slider.
    """

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._make: Callable[[int], GroupCard] | None = None
        self._cards: OrderedDict[int, GroupCard] = OrderedDict()
        self._sprites: OrderedDict[int, Sprite] = OrderedDict()

    def show(self, count: int, make: Callable[[int], GroupCard]) -> None:
        """Show `count` groups; `make(row)` builds the card of a row."""
        self._make = make
        self._cards.clear()
        self.setStringList([""] * count)

    def refresh(self) -> None:
        """Discard cached cards and sprites after an edit; the rows stay."""
        self._cards.clear()
        self._sprites.clear()
        if count := self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(count - 1))

    def card(self, row: int) -> GroupCard:
        """The card of a row."""
        found = self._cards.get(row)
        if found is None:
            assert self._make is not None
            found = self._cards[row] = self._make(row)
            if len(self._cards) > _KEPT:
                self._cards.popitem(last=False)
        return found

    def sprites(self, row: int) -> list[Sprite]:
        """The first sprites of a group, as many as a card shows."""
        return self.fetch(self.card(row).seqs[:SHOWN])

    def fetch(self, seqs: tuple[int, ...]) -> list[Sprite]:
        """Sprites by row number, in the given order; cached until the next edit."""
        missing = [seq for seq in seqs if seq not in self._sprites]
        for sprite in self._workspace.sprites(missing) if missing else ():
            self._sprites[sprite.seq] = sprite
        found = [self._sprites[seq] for seq in seqs]
        while len(self._sprites) > SHOWN * _KEPT:
            self._sprites.popitem(last=False)
        return found

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Cards can be selected but not edited."""
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A description for screen readers and tool tips, or the card itself."""
        roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole)
        if not index.isValid() or role not in roles:
            return None
        card = self.card(index.row())
        shown = card.members[: SHOWN - 1]
        names = {
            one.seq: one.name for one in self.fetch((*card.seqs[:SHOWN], *(member.related_to for member in shown)))
        }
        parts = [self.tr("{0} sprites").format(len(card.seqs)), names[card.seqs[0]]]
        parts += [f"{names[one.seq]}: {relation_to(one.relation, names[one.related_to])}" for one in shown]
        more = len(card.members) - len(shown)
        return "; ".join(parts) + (self.tr("; {0} more").format(more) if more else "")
