"""The groups as a list that fetches what a card shows when the card comes into sight."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QStringListModel, Qt

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt.duplicates.findings import GroupCard
from gandam_studio.qt.duplicates.wording import relation_name

SHOWN = 4  # pictures on a card
_KEPT = 512

Index = QModelIndex | QPersistentModelIndex


class GroupModel(QStringListModel):
    """Rows are groups in the order shown; `card(row)` makes a card when it is first asked for.

    Qt asks for the number of rows twice a row when it lays a list out. A list of empty texts answers that without
    Python: at 27,000 groups 130 ms of every step of the slider.
    """

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._make: Callable[[int], GroupCard] | None = None
        self._cards: OrderedDict[int, GroupCard] = OrderedDict()
        self._sprites: OrderedDict[int, Sprite] = OrderedDict()

    def show(self, count: int, make: Callable[[int], GroupCard]) -> None:
        """Take other groups: `make(row)` gives the card of a row."""
        self._make = make
        self._cards.clear()
        self.setStringList([""] * count)

    def refresh(self) -> None:
        """Sprites were edited: cards and sprites are fetched anew, the rows stay."""
        self._cards.clear()
        self._sprites.clear()
        if count := self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(count - 1))

    def card(self, row: int) -> GroupCard:
        """What row `row` shows."""
        found = self._cards.get(row)
        if found is None:
            assert self._make is not None
            found = self._cards[row] = self._make(row)
            if len(self._cards) > _KEPT:
                self._cards.popitem(last=False)
        return found

    def sprites(self, row: int) -> list[Sprite]:
        """The first sprites of a row, as many as a card shows."""
        return self.fetch(self.card(row).seqs[:SHOWN])

    def fetch(self, seqs: tuple[int, ...]) -> list[Sprite]:
        """Sprites by row number, in the order asked for; kept until the next edit."""
        missing = [seq for seq in seqs if seq not in self._sprites]
        for sprite in self._workspace.sprites(missing) if missing else ():
            self._sprites[sprite.seq] = sprite
        found = [self._sprites[seq] for seq in seqs]
        while len(self._sprites) > SHOWN * _KEPT:
            self._sprites.popitem(last=False)
        return found

    def flags(self, index: Index) -> Qt.ItemFlag:
        """See QAbstractItemModel: cards are chosen, never written to."""
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A card in words, for screen readers and tool tips."""
        roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole)
        if not index.isValid() or role not in roles:
            return None
        card = self.card(index.row())
        relations = ", ".join(map(relation_name, card.relations))
        names = ", ".join(sprite.name for sprite in self.sprites(index.row()))
        return self.tr("{0} sprites, {1}: {2}").format(len(card.seqs), relations, names)
