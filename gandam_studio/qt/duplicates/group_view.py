"""The view of one group: two sprites compared, facts about both, and a row of all its sprites."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gandam_studio.core.duplicates import DuplicateGroup
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt.duplicates.compare_loader import CompareLoader, PairReady, PairRequest
from gandam_studio.qt.duplicates.compare_panel import ComparePanel
from gandam_studio.qt.duplicates.facts import FactsBar
from gandam_studio.qt.duplicates.findings import UNDECIDED, Statuses
from gandam_studio.qt.duplicates.member_strip import MemberCard, MemberStrip

Fetch = Callable[[tuple[int, ...]], list[Sprite]]


class GroupView(QWidget):
    """Attributes:
    group: the group shown, or None.
    compare, facts, strip: its parts, from top to bottom.

    Signals:
        sprite_chosen: the current sprite changed.
    """

    sprite_chosen = Signal()

    def __init__(self, workspace: Workspace, statuses: Statuses, fetch: Fetch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.group: DuplicateGroup | None = None
        self._following: Callable[[], DuplicateGroup | None] = lambda: None
        self._statuses = statuses
        self._fetch = fetch
        self.compare = ComparePanel()
        self.facts = FactsBar()
        self.strip = MemberStrip(workspace)
        self._loader = CompareLoader(workspace, self)
        self._loader.ready.connect(self._take_pair)
        self.strip.member_chosen.connect(lambda _place: self._show_pair())
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self.compare, 1)
        self._column.addWidget(self.facts)
        self._column.addWidget(self.strip)

    def add_below(self, widget: QWidget) -> None:
        """Add a widget below the row of sprites."""
        self._column.addWidget(widget)

    def stop(self) -> None:
        """End the threads; call before the workspace is closed."""
        self._loader.stop()
        self.strip.pictures.stop()

    def show_group(
        self, group: DuplicateGroup | None, following: Callable[[], DuplicateGroup | None] = lambda: None
    ) -> None:
        """Show a group; `following` is the one likely to come next, whose pictures are prepared in advance.

        The first undecided sprite other than the best becomes current, unless the same sprites are already shown.
        """
        before = self.group
        self.group, self._following = group, following
        if group is None:
            self.strip.members.show(())
            self._show_pair()
            return
        self._show_members(group)
        if before is None or before.seqs != group.seqs:
            states = self._statuses.of(group.seqs).tolist()
            undecided = [place for place, state in enumerate(states) if state == UNDECIDED and place]
            self.strip.go_to(undecided[0] if undecided else 1)
        self._show_pair()

    def refresh(self) -> None:
        """Update after the sprites may have been edited."""
        if self.group is not None:
            self._show_members(self.group)
            self._show_pair()

    def current_sprite(self) -> Sprite | None:
        """The sprite that actions apply to."""
        card = self.strip.current_card()
        return card.sprite if card else None

    def advance(self) -> bool:
        """Go to the next undecided sprite of the group; False if the group is settled."""
        if self.group is None or self._statuses.is_settled(self.group.seqs):
            return False
        states = self._statuses.of(self.group.seqs).tolist()
        places = [*range(self.strip.current + 1, len(states)), *range(self.strip.current)]
        onward = next((place for place in places if states[place] == UNDECIDED), None)
        if onward is not None:
            self.strip.go_to(onward)
        return onward is not None

    def _show_members(self, group: DuplicateGroup) -> None:
        best, *others = self._fetch(group.seqs)
        related = self._fetch(tuple(member.related_to for member in group.members))
        rows = zip(others, group.members, related, strict=True)
        cards = [MemberCard(sprite, member.relation, other.name) for sprite, member, other in rows]
        self.strip.members.show([MemberCard(best, ""), *cards])

    def _show_pair(self) -> None:
        request = self._request(self.group, self.strip.current)
        if request is None or self.group is None:
            self.compare.show_pair(None)
            self.facts.show_pair(None, None, None)
        else:
            self.facts.show_pair(request.left, request.right, self.group.members[max(0, self.strip.current - 1)])
            ready = self._loader.ask(request, self._expected())
            if ready is not None:
                self._take_pair(ready)
        self.sprite_chosen.emit()

    def _take_pair(self, ready: PairReady) -> None:
        if ready.compared is not self.compare.canvas.compared:
            self.compare.show_pair(ready.compared, self.facts.sentence())
        self.facts.show_difference(ready.difference, ready.trouble)

    def _request(self, group: DuplicateGroup | None, place: int) -> PairRequest | None:
        """The pair of a member and the sprite it is related to; for the best sprite, with the first of the others."""
        if group is None or not 0 <= place <= len(group.members):
            return None
        member = group.members[max(0, place - 1)]
        left, right = self._fetch((member.related_to, member.seq))
        return PairRequest(left, right, member.transform)

    def _expected(self) -> list[PairRequest]:
        """The pairs likely to be shown next, prepared in advance."""
        wanted = [self._request(self.group, self.strip.current + 1), self._request(self._following(), 1)]
        return [request for request in wanted if request is not None]
