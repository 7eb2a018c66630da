"""The Duplicates screen: cards at the left, two pictures compared in the middle, rules and balance at the right."""

from __future__ import annotations

from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QHBoxLayout, QTabWidget, QVBoxLayout, QWidget

from gandam_studio.core.duplicates import (
    DEFAULT_DISTANCE,
    DEFAULT_RULES,
    DUPLICATES,
    LOOSEST,
    RELATIONS,
    DuplicateGroup,
)
from gandam_studio.core.history import Changes
from gandam_studio.core.sprite import Sprite
from gandam_studio.qt.background import BackgroundTask
from gandam_studio.qt.duplicates import wording
from gandam_studio.qt.duplicates.actions import DuplicatesActions
from gandam_studio.qt.duplicates.compare_loader import CompareLoader, PairReady, PairRequest
from gandam_studio.qt.duplicates.compare_panel import ComparePanel
from gandam_studio.qt.duplicates.decisions import Decisions
from gandam_studio.qt.duplicates.facts import FactsBar
from gandam_studio.qt.duplicates.findings import UNDECIDED, Findings, Found, Statuses, distinct_pairs, find
from gandam_studio.qt.duplicates.group_list import GroupList
from gandam_studio.qt.duplicates.member_strip import MemberCard, MemberStrip
from gandam_studio.qt.duplicates.pages import Pages
from gandam_studio.qt.duplicates.rules_panel import RulesPanel
from gandam_studio.qt.duplicates.top_bar import TopBar
from gandam_studio.qt.screen import Screen, ScreenMenu
from gandam_studio.qt.session import INFO, SUCCESS, Session

SEARCHED_UNASKED = 20_000  # sprites: more than these are searched only when the person says so
SETTLED_MS = 120  # counts and previews follow once the hand rests
_RULES_KEY = "duplicates/rules"
_PANEL_KEY = "duplicates/panel"


class DuplicatesScreen(Screen):
    """Attributes:
    findings: what was found; None before the first search.
    bar, cards, compare, facts, strip, rules, pages: the screen's parts.
    work: the part in which plain letters are commands.
    """

    title = "Duplicates"
    icon_name = "duplicates"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        workspace = session.workspace
        self.findings: Findings | None = None
        self._statuses = Statuses(workspace)
        self._task: BackgroundTask | None = None
        self._stale = False
        self._group: DuplicateGroup | None = None
        self.bar = TopBar(LOOSEST, RELATIONS)
        self.bar.set_distance(DEFAULT_DISTANCE)
        self.cards = GroupList(workspace)
        self.cards.set_settled_rule(lambda card: self._statuses.is_settled(card.seqs))
        self.compare = ComparePanel()
        self.facts = FactsBar()
        self.strip = MemberStrip(workspace)
        duplicates = [(word, wording.relation_name(word)) for word in RELATIONS if word in DUPLICATES]
        self.rules = RulesPanel(wording.rule_texts(DEFAULT_RULES), duplicates)
        self.loader = CompareLoader(workspace, self)
        self.decisions = Decisions(session, self)
        self.pages = Pages()
        self._regrouping = QTimer(self, singleShot=True, interval=0)
        self._regrouping.timeout.connect(self.regroup)
        self._settling = QTimer(self, singleShot=True, interval=SETTLED_MS)
        self._settling.timeout.connect(self._show_numbers)
        self._lay_out()
        self.actions_of = DuplicatesActions(self)
        self._column.addWidget(self.actions_of.bar())
        self._connect()
        self._restore()
        self._show_page()

    # Life

    def activated(self) -> None:
        """Search on the first visit, unless that would take long."""
        count = self._count()
        if self.findings is None and self._task is None and 0 < count <= SEARCHED_UNASKED:
            self.search()
        self._show_page()
        self.focus_work()

    def menus(self) -> list[ScreenMenu]:
        """See Screen."""
        return self.actions_of.menus()

    def closing(self) -> None:
        """End our threads: the workspace is about to be closed."""
        self.loader.stop()
        for view in (self.cards, self.strip):
            view.pictures.stop()

    def focus_work(self) -> None:
        """Give the keys to the cards."""
        if self.pages.currentWidget() is self.pages.filled:
            self.cards.setFocus()

    # Searching

    def search(self) -> None:
        """Search the whole workspace in the background; the window stays usable."""
        if self._task is not None or not self._count():
            return
        self._task = self.session.start_job(
            self.tr("Find duplicates"), find, self._take_found, on_cancelled=self._forget_task
        )
        self._task.ended.connect(self._forget_task)
        self._stale = False
        self.pages.follow(self._task)
        self._show_page()

    def _forget_task(self) -> None:
        self._task = None
        self.pages.follow(None)
        self._show_page()

    def _take_found(self, found: Found) -> None:
        self._task = None
        self._adopt(found)
        count = self.findings.total if self.findings else 0
        self.session.post(self.tr("{0} groups of duplicates and relatives.").format(f"{count:,}"), SUCCESS)
        self.focus_work()

    def _adopt(self, found: Found) -> None:
        self._statuses.refresh()
        self.findings = Findings(found, self._statuses)
        self.findings.set_apart(distinct_pairs(self.session.workspace))
        self.regroup()

    def _search_again(self) -> None:
        """An undo brought back what the last search had left out: look again, which costs little now."""
        if self._task is None:
            self.session.start_quiet_job(find, self._adopt)

    def _take_import(self) -> None:
        self._statuses.refresh()
        self._stale = self.findings is not None
        self._show_page()

    # What is listed

    def regroup(self) -> None:
        """Group again from the cached distances; what was current stays so where it can."""
        if self.findings is None:
            return
        self.findings.regroup(self.bar.distance, self.rules.rules.order())
        self._list()

    def _list(self) -> None:
        findings = self.findings
        if findings is None:
            return
        row, seq = self.cards.current, self._current_keeper()
        findings.list(str(self.bar.relation.currentData()), self.bar.undecided_only.isChecked())
        self.cards.cards.show(len(findings), findings.card)
        found = findings.row_of(seq) if seq else None
        row = min(max(row, 0), len(findings) - 1) if found is None else found
        self._show_page()
        if row >= 0:
            self.cards.go_to(row)
        self._show_group(row)
        self._show_numbers()

    def _current_keeper(self) -> int:
        return self._group.keeper if self._group else 0

    def _show_numbers(self) -> None:
        """Counts, and what the rules would do now."""
        self._settling.stop()
        if self.findings is None:
            return
        self.bar.show_counts(*self.findings.counts())
        plan = self.findings.plan(self.rules.chosen_relations())
        self.rules.show_preview(wording.plan_text(plan))
        self.rules.apply_button.setEnabled(bool(plan.drops) and not self.session.read_only)

    def _show_page(self) -> None:
        pages = self.pages
        if self.findings is None:
            pages.setCurrentWidget(
                pages.searching if self._task else pages.before if self._count() else pages.no_sprites
            )
        elif not self.findings.total:
            pages.setCurrentWidget(pages.none)
        elif not len(self.findings):
            pages.setCurrentWidget(pages.none_listed)
        else:
            pages.setCurrentWidget(pages.filled)
        self.bar.show_state(found=self.findings is not None, busy=self._task is not None, stale=self._stale)
        self.side.setEnabled(self.findings is not None)
        shown = self._group is not None
        self.actions_of.show_state(shown, shown and self.strip.current >= 0)

    def _count(self) -> int:
        (count,) = self.session.workspace.connection.execute("SELECT coalesce(max(seq), 0) FROM sprites").fetchone()
        return int(count)

    # The group and the pair

    def _show_group(self, row: int) -> None:
        findings = self.findings
        if findings is None or not 0 <= row < len(findings):
            self._group = None
            self.strip.members.show(())
            self._show_pair()
            return
        group = findings.group(row)
        other = self._group is None or self._group.seqs != group.seqs
        self._group = group
        self._show_members()
        if other:
            states = self._statuses.of(group.seqs).tolist()
            undecided = [place for place, state in enumerate(states) if state == UNDECIDED and place]
            self.strip.go_to(undecided[0] if undecided else 1)
        self._show_pair()

    def _show_members(self) -> None:
        if self._group is None:
            return
        sprites = self.cards.cards.fetch(self._group.seqs)
        relations = ["", *(member.relation for member in self._group.members)]
        self.strip.members.show([MemberCard(*pair) for pair in zip(sprites, relations, strict=True)])

    def _show_pair(self) -> None:
        request = self._request(self._group, self.strip.current)
        self.actions_of.show_state(self._group is not None, request is not None)
        if request is None:
            self.compare.show_pair(None)
            self.facts.show_pair(None, None, None)
            return
        assert self._group is not None
        member = self._group.members[max(0, self.strip.current - 1)]
        self.facts.show_pair(request.left, request.right, member)
        ready = self.loader.ask(request, self._expected())
        if ready is not None:
            self._take_pair(ready)

    def _take_pair(self, ready: PairReady) -> None:
        self.compare.show_pair(ready.compared, self.facts.sentence())
        self.facts.show_difference(ready.difference, ready.trouble)

    def _request(self, group: DuplicateGroup | None, place: int) -> PairRequest | None:
        """The member at that place with what it is related to; the best one with the first of the others."""
        if group is None or not 0 <= place <= len(group.members):
            return None
        member = group.members[max(0, place - 1)]
        left, right = self.cards.cards.fetch((member.related_to, member.seq))
        return PairRequest(left, right, member.transform)

    def _expected(self) -> list[PairRequest]:
        """The pairs the person will see next: prepared while this one is looked at."""
        assert self.findings is not None
        wanted = [self._request(self._group, self.strip.current + 1)]
        following = self.cards.current + 1
        if following < len(self.findings):
            wanted.append(self._request(self.findings.group(following), 1))
        return [request for request in wanted if request is not None]

    # Deciding

    def current_sprite(self) -> Sprite | None:
        """The sprite the keys act on."""
        card = self.strip.current_card()
        return card.sprite if card else None

    def keep(self) -> None:
        """Keep the current sprite and go on."""
        if (sprite := self.current_sprite()) and self.decisions.keep(sprite):
            self._advance()

    def drop(self) -> None:
        """Drop the current sprite and go on."""
        if (sprite := self.current_sprite()) and self.decisions.drop(sprite):
            self._advance()

    def flip_and_keep(self) -> None:
        """Mirror the current sprite, keep it and go on."""
        if (sprite := self.current_sprite()) and self.decisions.flip_and_keep(sprite):
            self._advance()

    def keep_best(self) -> None:
        """In this group do what the rules say, and go on."""
        if self.findings is None or self._group is None:
            return
        seqs = set(self._group.seqs)
        drops = [drop for drop in self.findings.plan().drops if drop.seq in seqs]
        if drops and self.decisions.keep_best(sorted({drop.favour for drop in drops}), drops):
            self.step(1)
        else:
            self.session.post(self.tr("Nothing here is a duplicate: relatives are kept or dropped by hand."), INFO)

    def keep_all(self) -> None:
        """These are not duplicates, now and for ever; the list goes on by itself."""
        if self._group is not None:
            self.decisions.keep_all(self._group.seqs)

    def apply_rules(self) -> None:
        """Do what the preview says, for all groups at this distance, in one edit."""
        if self.findings is None:
            return
        plan = self.findings.plan(self.rules.chosen_relations())
        if self.decisions.carry_out(plan):
            text = self.tr("{0} duplicates dropped; Ctrl+Z takes all of it back.")
            self.session.post(text.format(f"{len(plan.drops):,}"), SUCCESS)

    def _advance(self) -> None:
        """To the next undecided sprite of the group, else to the next undecided group."""
        assert self._group is not None
        seqs = self._group.seqs
        if not self._statuses.is_settled(seqs):
            states = self._statuses.of(seqs).tolist()
            places = [*range(self.strip.current + 1, len(seqs)), *range(self.strip.current)]
            onward = next((place for place in places if states[place] == UNDECIDED), None)
            if onward is not None:
                self.strip.go_to(onward)
                return
        self.step(1)

    def step(self, step: int) -> None:
        """To the next group, or the previous one, in which something is undecided."""
        if self.findings is None:
            return
        found = self.findings.next_unsettled(self.cards.current, step)
        if found is not None:
            self.cards.go_to(found)
        else:
            self.session.post(
                self.tr("No undecided group after this one.")
                if step > 0
                else self.tr("No undecided group before this one."),
                INFO,
            )

    def _take_changes(self, changes: Changes) -> None:
        """Show what an edit, here or elsewhere, undone or not, made of the sprites."""
        self._statuses.refresh(changes.seqs)
        self.cards.cards.refresh()
        if self.findings is None:
            return
        complete = not self.findings.is_incomplete(changes.seqs)
        if "pair" in changes.fields:
            complete = self.findings.set_apart(distinct_pairs(self.session.workspace)) and complete
            self.regroup()
        if not complete:
            self._search_again()
        self._show_members()
        self._show_pair()
        self._settling.start()

    def show_panel(self) -> None:
        """Show or hide the panel at the right."""
        self.side.setVisible(self.actions_of.show_panel.isChecked())
        QSettings().setValue(_PANEL_KEY, self.actions_of.show_panel.isChecked())

    # Building

    def _lay_out(self) -> None:
        self._middle = QWidget()
        self._column = column = QVBoxLayout(self._middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.compare, 1)
        column.addWidget(self.facts)
        column.addWidget(self.strip)
        self.work = QWidget()
        inner = QHBoxLayout(self.work)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        inner.addWidget(self.cards)
        inner.addWidget(self._middle, 1)
        self.pages.set_filled(self.work)
        self.side = QTabWidget()
        self.side.setFixedWidth(300)
        self.side.addTab(self.rules, self.tr("Keep best"))
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.pages, 1)
        row.addWidget(self.side)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.bar)
        layout.addLayout(row, 1)

    def _connect(self) -> None:
        self.session.edits_applied.connect(self._take_changes)
        self.session.sprites_imported.connect(self._take_import)
        self.session.closing.connect(self.closing)
        self.bar.distance_changed.connect(lambda _distance: self._regrouping.start())
        self.bar.filter_changed.connect(self._list)
        self.bar.find_asked.connect(self.search)
        self.cards.group_chosen.connect(self._show_group)
        self.strip.member_chosen.connect(lambda _place: self._show_pair())
        self.loader.ready.connect(self._take_pair)
        self.rules.order_changed.connect(self._take_rules)
        self.rules.relations_changed.connect(self._show_numbers)
        self.rules.apply_asked.connect(self.apply_rules)
        self.pages.find_asked.connect(self.search)
        self.pages.loosen_asked.connect(lambda: self.bar.set_distance(self.bar.distance + 0.1))
        self.pages.list_all_asked.connect(self.bar.clear_filter)
        self.cards.sideways.connect(lambda step: self.strip.step(step))
        self.strip.updown.connect(lambda step: self.cards.step(step))

    def _take_rules(self, order: list[str]) -> None:
        QSettings().setValue(_RULES_KEY, ",".join(order))
        self._regrouping.start()

    def _restore(self) -> None:
        settings = QSettings()
        stored = str(settings.value(_RULES_KEY, "") or "").split(",")
        known = [rule for rule in stored if rule in DEFAULT_RULES]
        if known:
            self.rules.rules.set_order(known)
        self.actions_of.show_panel.setChecked(settings.value(_PANEL_KEY, True) not in (False, "false"))
