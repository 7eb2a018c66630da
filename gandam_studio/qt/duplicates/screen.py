"""The Duplicates screen: cards on the left, the comparison in the middle, rules and balance on the right."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSettings, QSize, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QTabWidget, QVBoxLayout, QWidget

from gandam_studio.core.duplicates import (
    DEFAULT_DISTANCE,
    DEFAULT_RULES,
    DUPLICATES,
    LOOSEST,
    RELATIONS,
    DropPlan,
)
from gandam_studio.core.workspace.history import Changes
from gandam_studio.core.workspace.lookups import distinct_pairs, last_seq
from gandam_studio.core.workspace.review import reasons_given
from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.qt.background import BackgroundTask, Latest
from gandam_studio.qt.counts import counted, sprites
from gandam_studio.qt.duplicates import wording
from gandam_studio.qt.duplicates.actions import DuplicatesActions, DuplicatesBase
from gandam_studio.qt.duplicates.balance import BalanceController
from gandam_studio.qt.duplicates.balance_panel import BalancePanel
from gandam_studio.qt.duplicates.decisions import Decisions
from gandam_studio.qt.duplicates.findings import Findings, Found, Statuses, find
from gandam_studio.qt.duplicates.group_list import FEWER, FEWEST, SHOWN, GroupList
from gandam_studio.qt.duplicates.group_view import GroupView
from gandam_studio.qt.duplicates.pages import Pages
from gandam_studio.qt.duplicates.rules_panel import PreviewText, RulesPanel
from gandam_studio.qt.duplicates.top_bar import COPIES, TopBar
from gandam_studio.qt.following.requests import ShowCopies
from gandam_studio.qt.responsiveness import set_aside
from gandam_studio.qt.screen import ScreenMenu
from gandam_studio.qt.session import INFO, SUCCESS, WARNING, Session
from gandam_studio.qt.widgets.reason_picker import ReasonPicker
from gandam_studio.qt.widgets.steady import QWIDGETSIZE_MAX

SEARCHED_UNASKED = 20_000  # sprites: larger workspaces are searched on request only
PLANNED_AT_ONCE = 400  # groups: more are planned in another thread
WEIGHTY = 5_000  # relations or drops: more are excluded from garbage collection
# Logical pixels of width: below NARROW cards show fewer pictures, below NARROWER still fewer.
SMALLEST, NARROWER, NARROW = 826, 900, 1060
PANEL = 268  # logical pixels: everything fits next to it in a window of the initial size
REVEALED = 50  # sprites of an undo that are looked for in the groups
SETTLED_MS = 120  # delay before counts and previews are updated
_RULES_KEY = "duplicates/rules"
_PANEL_KEY = "duplicates/panel"


class DuplicatesScreen(DuplicatesBase):
    """Attributes:
    findings: the search results; None before the first search.
    bar, cards, view, rules, balance_panel, pages: the screen's parts.
    work: the part in which plain letters are shortcuts.
    """

    title = "Duplicates"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        workspace = session.workspace
        self.findings: Findings | None = None
        self._statuses = Statuses(workspace)
        self._task: BackgroundTask | None = None
        self._stale = False
        self._copies: tuple[tuple[int, int], ...] = ()
        self.plan: DropPlan | None = None
        self._wants_panel, self._panel_fits, self._panel_in_front = True, True, False
        self._planning, self._searching_again = Latest(), Latest()
        self.bar = TopBar(LOOSEST, RELATIONS)
        self.bar.set_distance(DEFAULT_DISTANCE)
        self.cards = GroupList(workspace)
        self.cards.set_settled_rule(lambda card: self._statuses.is_settled(card.seqs))
        self.view = GroupView(workspace, self._statuses, self.cards.cards.fetch)
        duplicates = [(word, wording.short_relation_name(word)) for word in RELATIONS if word in DUPLICATES]
        self.rules = RulesPanel(wording.rule_texts(DEFAULT_RULES), duplicates)
        for word, box in self.rules.relations.items():
            box.setToolTip(wording.relation_meaning(word))
        self.balance_panel = BalancePanel(workspace)
        self.balance = BalanceController(session, self.balance_panel, lambda: self.findings, self)
        self.decisions = Decisions(session, self)
        self.pages = Pages()
        self._regrouping = QTimer(self, singleShot=True, interval=0)
        self._regrouping.timeout.connect(self.regroup)
        self._settling = QTimer(self, singleShot=True, interval=SETTLED_MS)
        self._settling.timeout.connect(self.show_numbers)
        self._lay_out()
        self.actions_of = DuplicatesActions(self)
        self.view.add_below(self.actions_of.bar())
        self._connect()
        self._restore()
        self._show_page()

    # Life cycle

    def activated(self) -> None:
        """Search on the first visit, unless it would take long."""
        count = last_seq(self.session.workspace)
        if self.findings is None and self._task is None and 0 < count <= SEARCHED_UNASKED:
            self.search()
        self._show_page()
        self._name_reasons()
        self.focus_work()

    def menus(self) -> list[ScreenMenu]:
        """The actions' menus."""
        return self.actions_of.menus()

    def receive(self, request: object) -> None:
        """List the groups with copies left in a version (`ShowCopies`), whatever was decided about them."""
        if not isinstance(request, ShowCopies):
            return
        self._copies = request.copies
        self.bar.set_distance(max(self.bar.distance, DEFAULT_DISTANCE))
        self.bar.show_copies(request.version, len({second for _, second in request.copies}))
        self.side.setCurrentWidget(self.rules)
        if self.findings is None:
            self.search()
        else:
            self.list_groups()

    def closing(self) -> None:
        """End the threads."""
        self.view.stop()
        for view in (self.cards, self.balance_panel.list):
            view.pictures.stop()

    @property
    def work_view(self) -> QWidget:
        """The cards, the row of sprites while they are hidden, or the screen itself while there are none."""
        if self.pages.currentWidget() is not self.pages.filled:
            return self
        return self.view.strip if self.is_large else self.cards

    @property
    def is_large(self) -> bool:
        """True while the comparison has the whole screen."""
        return self.cards.isHidden()

    def reveal(self, seqs: Seqs) -> int:
        """Go to the first group that holds one of these sprites, and to the sprite; returns how many are not listed."""
        if self.findings is None:
            return 0
        rows = [(seq, self.findings.row_of(seq)) for seq in seqs[:REVEALED].tolist()]
        listed = [(seq, row) for seq, row in rows if row is not None]
        if not listed:
            return len(seqs)
        seq, row = listed[0]
        if row != self.cards.current:
            self.cards.go_to(row)
        if self.view.group is not None and seq in self.view.group.seqs:
            self.view.strip.go_to(self.view.group.seqs.index(seq))
        return len(rows) - len(listed)

    # Searching

    def search(self) -> None:
        """Search the whole workspace in the background."""
        if self._task is not None or not last_seq(self.session.workspace):
            return
        self._searching_again.forget()
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
        self.adopt(found)
        count = self.findings.total if self.findings else 0
        one, many = self.tr("1 group of copies or similar sprites"), self.tr("{0} groups of copies or similar sprites")
        self.session.post(self.tr("Found {0}.").format(counted(count, one, many)), SUCCESS)
        if lost := found.report.unreadable:
            text = self.tr("{0} could not be read and not compared: {1}")
            names = ", ".join(lost[:3]) + (" …" if len(lost) > 3 else "")
            self.session.post(text.format(sprites(len(lost)), names), WARNING, stays=True)
        if nearest := found.report.nearest:
            text = self.tr(
                "Too many look alike to compare them all: each only with those nearest to it ({0}). Copies are the "
                "nearest, but some that only look alike are not shown."
            )
            self.session.post(text.format(nearest), WARNING, stays=True)
        self.focus_work()

    def adopt(self, found: Found) -> None:
        """Show what a search has found."""
        self._statuses.refresh()
        self.findings = Findings(found, self._statuses)
        if found.report.link_count > WEIGHTY:
            set_aside()
        self.findings.set_apart(distinct_pairs(self.session.workspace))
        self.regroup()
        self.session.duplicates_found.emit()

    def _search_again(self) -> None:
        """Search again after an undo restored what the last search had left out; this is fast."""
        if self._task is None:
            self._searching_again.follow(self.session.start_quiet_job(find, self.adopt))

    def _take_import(self) -> None:
        self._statuses.refresh()
        self._stale = self.findings is not None
        self._show_page()

    # The list

    @property
    def is_regrouping(self) -> bool:
        """Whether the groups are about to be formed again, because the distance or the rules have changed."""
        return self._regrouping.isActive()

    @property
    def is_settling(self) -> bool:
        """Whether counts and preview wait for the slider to rest."""
        return self._settling.isActive()

    def regroup(self) -> None:
        """Group again from the cached distances; the current group stays current if possible."""
        if self.findings is None:
            return
        self.findings.regroup(self.bar.distance, self.rules.rules.order())
        self.list_groups()

    def list_groups(self) -> None:
        """List the groups that pass the filter; the current one stays current if possible."""
        findings = self.findings
        if findings is None:
            return
        row, seq = self.cards.current, self.view.group.keeper if self.view.group else 0
        relation = str(self.bar.relation.currentData())
        if relation == COPIES:
            findings.list("", self.bar.undecided_only.isChecked(), self._copies)
        else:
            findings.list(relation, self.bar.undecided_only.isChecked())
        self.cards.cards.show(len(findings), findings.card)
        found = findings.row_of(seq) if seq else None
        row = min(max(row, 0), len(findings) - 1) if found is None else found
        self._show_page()
        if row >= 0:
            self.cards.go_to(row)  # shows the group, because a list just filled has no current card
        else:
            self.show_group(row)
        if findings.total <= PLANNED_AT_ONCE:
            self.show_numbers()
        else:
            # While the slider moves, the plan is not computed at every step.
            self.bar.show_counts(*findings.counts())
            self._forget_plan()
            self.rules.show_busy()
            self._settling.start()

    def show_numbers(self) -> None:
        """Update the counts and the preview of the rules."""
        self._settling.stop()
        if self.findings is None:
            return
        self.bar.show_counts(*self.findings.counts())
        self._ask_plan(self._take_plan)
        self._refresh_balance()

    def _forget_plan(self) -> None:
        """Discard the outdated plan, and ignore one that is still being computed."""
        self.plan = None
        self._planning.forget()

    def _ask_plan(self, answer: Callable[[DropPlan], None]) -> None:
        """Compute the plan: at once for a few groups, otherwise off the GUI thread; only the last request counts."""
        rules = self.rules
        asked_for = (rules.chosen_relations(), rules.confidence, rules.include_kept.isChecked())
        findings = self.findings
        assert findings is not None
        self._forget_plan()
        if findings.total <= PLANNED_AT_ONCE:
            answer(findings.plan(*asked_for))
            return
        self.rules.show_busy()
        task = self.session.start_quiet_job(
            lambda _door, job: findings.plan(*asked_for, job=job), answer, self._planning_failed
        )
        self._planning.follow(task)

    def _planning_failed(self, error: BaseException) -> None:
        self.rules.show_preview(PreviewText((self.tr("The preview could not be computed."),), False))
        self.session.post_failure(error)

    def _take_plan(self, plan: DropPlan) -> None:
        self.plan = plan
        if len(plan.drops) > WEIGHTY:
            set_aside()
        dropped = self.findings.dropped() if self.findings else 0
        self.rules.show_preview(wording.plan_text(plan, self.rules.confidence, dropped))
        self.rules.apply_button.setEnabled(bool(plan.drops) and not self.session.read_only)

    def _refresh_balance(self) -> None:
        if self.balance_panel.isVisible():
            self.balance.refresh()

    def _show_page(self) -> None:
        pages = self.pages
        before, focused = pages.currentWidget(), QApplication.focusWidget()
        had_keys = focused is None or focused is self or pages.isAncestorOf(focused)
        if self.findings is None:
            if self._task:
                pages.setCurrentWidget(pages.searching)
            else:
                pages.setCurrentWidget(pages.before if last_seq(self.session.workspace) else pages.no_sprites)
        elif not self.findings.total:
            pages.setCurrentWidget(pages.none)
        elif not len(self.findings):
            pages.setCurrentWidget(pages.none_listed)
        else:
            pages.setCurrentWidget(pages.filled)
        self.bar.show_state(found=self.findings is not None, busy=self._task is not None, stale=self._stale)
        self.side.setEnabled(self.findings is not None)
        self._show_actions()
        if pages.currentWidget() is not before and had_keys:
            self.focus_work()

    def show_group(self, row: int) -> None:
        """Show the group in this row of the list; none where there is no such row."""
        findings = self.findings
        if findings is None or not 0 <= row < len(findings):
            self.view.show_group(None)
        else:
            after = row + 1
            self.view.show_group(findings.group(row), lambda: findings.group(after) if after < len(findings) else None)

    def _show_actions(self) -> None:
        group, strip = self.view.group, self.view.strip
        self.actions_of.show_state(group is not None, self.view.current_sprite() is not None)
        row, count = (self.cards.current + 1, len(group.seqs)) if group is not None else (0, 0)
        self.actions_of.show_place(row, len(self.findings or ()), strip.current + 1, count)

    # Deciding

    def keep(self) -> None:
        """Keep the current sprite and advance."""
        if (sprite := self.view.current_sprite()) and self.decisions.keep(sprite):
            self._advance()

    def drop(self) -> None:
        """Drop the current sprite and advance."""
        if (sprite := self.view.current_sprite()) and self.decisions.drop(sprite):
            self._advance()

    def drop_for(self, number: int) -> None:
        """Drop the current sprite with the workspace's reason of that number, and advance."""
        reasons = reasons_given(self.session.workspace)
        if number <= len(reasons):
            self._drop_because(reasons[number - 1])
        else:
            text = self.tr("This workspace has no reason {0} yet. Shift+X drops with a new one.")
            self.session.post(text.format(number), INFO)

    def choose_reason(self) -> None:
        """Show the workspace's reasons below the current sprite."""
        strip = self.view.strip
        picker = ReasonPicker(reasons_given(self.session.workspace), self)
        picker.chosen.connect(self._drop_because)
        picker.open_at(strip.viewport().mapToGlobal(strip.visualRect(strip.currentIndex()).topLeft()))

    def _drop_because(self, reason: str) -> None:
        if (sprite := self.view.current_sprite()) and self.decisions.drop(sprite, reason):
            self._advance()

    def undecide(self) -> None:
        """Make the current sprite undecided again."""
        if sprite := self.view.current_sprite():
            self.decisions.undecide(sprite)

    def toggle_large(self) -> None:
        """Give the comparison the whole screen, or show the groups and the panel again."""
        self.cards.setVisible(self.is_large)
        self._fit_panel()
        self.focus_work()

    def next_undecided(self) -> None:
        """Go to the next undecided sprite of the group, or else to the next undecided group."""
        self._advance()

    def flip_and_keep(self) -> None:
        """Mirror the current sprite, keep it and advance."""
        if (sprite := self.view.current_sprite()) and self.decisions.flip_and_keep(sprite):
            self._advance()

    def keep_best(self) -> None:
        """Apply the rules to this group and advance."""
        if self.findings is None or self.view.group is None:
            return
        plan = self.findings.plan_for(self.view.group, self.rules.include_kept.isChecked())
        drops = plan.drops
        if drops and self.decisions.keep_best(sorted({drop.favour for drop in drops}), drops):
            self.step(1)
        elif plan.spared:
            text = self.tr('The copies here are marked keep. Drop one yourself, or tick "{0}" on the right.')
            self.session.post(text.format(self.rules.include_kept.text()), INFO)
        else:
            self.session.post(self.tr("No copies here, only similar sprites: keep or drop them by hand."), INFO)

    def keep_all(self) -> None:
        """Mark the group as not duplicates; the list advances by itself."""
        if self.view.group is not None:
            self.decisions.keep_all(self.view.group.seqs)

    def apply_rules(self) -> None:
        """Apply the rules to all groups at this distance, in one edit."""
        if self.findings is None:
            return
        if self.plan is not None and not self.is_settling:
            self._carry_out(self.plan)
        else:
            self._settling.stop()  # otherwise the preview would be requested next and replace this request
            self._ask_plan(self._carry_out)

    def _carry_out(self, plan: DropPlan) -> None:
        if self.decisions.carry_out(plan):
            copies = counted(len(plan.drops), self.tr("1 copy"), self.tr("{0} copies"))
            self.session.post(self.tr("{0} dropped · Ctrl+Z undoes").format(copies), SUCCESS)
            self.rules.include_kept.setChecked(False)

    def _advance(self) -> None:
        """Go to the next undecided sprite of the group, or else to the next undecided group."""
        if self.view.advance() or self.findings is None:
            return
        found = self.findings.next_unsettled(self.cards.current, 1)
        if found is not None:
            self.cards.go_to(found)
        else:
            self.session.post(self.tr("There is no undecided group after this one."), INFO)

    def step(self, step: int) -> None:
        """Go to the next (1) or previous (-1) group: an undecided one, or any if none is undecided that way."""
        if self.findings is None:
            return
        found, beside = self.findings.next_unsettled(self.cards.current, step), self.cards.current + step
        if found is None and 0 <= beside < len(self.findings):
            found = beside
        if found is not None:
            self.cards.go_to(found)
        else:
            self.session.post(
                self.tr("This is the last group.") if step > 0 else self.tr("This is the first group."), INFO
            )

    def _take_changes(self, changes: Changes) -> None:
        """Update after an edit or undo, here or on another screen."""
        self._statuses.refresh(changes.seqs)
        if "reason" in changes.fields:
            self._name_reasons()
        self.cards.cards.refresh()
        if self.findings is None:
            return
        complete = not self.findings.is_incomplete(changes.seqs)
        if "pair" in changes.fields:
            complete = self.findings.set_apart(distinct_pairs(self.session.workspace)) and complete
            self.regroup()
        if not complete:
            self._search_again()
        self.view.refresh()
        self._settling.start()

    def _name_reasons(self) -> None:
        self.actions_of.show_reasons(reasons_given(self.session.workspace))

    def show_panel(self) -> None:
        """Show or hide the side panel; in a narrow window, in place of the comparison."""
        if self._panel_fits:
            QSettings().setValue(_PANEL_KEY, self.actions_of.show_panel.isChecked())
            self._wants_panel = self.actions_of.show_panel.isChecked()
        else:
            self._panel_in_front = self.actions_of.show_panel.isChecked()
        self._fit_panel()
        self.focus_work()

    def minimumSizeHint(self) -> QSize:
        """The size of the narrowest layout: without the panel and with fewer pictures per card."""
        return QSize(max(SMALLEST, self.bar.minimumSizeHint().width()), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window, show fewer pictures per card, then hide the panel until it is asked for."""
        super().resizeEvent(event)
        self._fit_panel()

    def _fit_panel(self) -> None:
        wanted, fits = self._wants_panel and not self.is_large, False
        self.view.show()  # what it needs counts, also where the panel is in front of it
        for count in (SHOWN, FEWER):  # fewer pictures per card are preferred to hiding the panel
            self.cards.show_pictures(count)
            fits = self.width() - self.pages.minimumSizeHint().width() >= PANEL
            if fits or not wanted:
                break
        if not self.is_large and (not wanted or not fits):
            width = self.width()
            self.cards.show_pictures(FEWEST if width < NARROWER else FEWER if width < NARROW else SHOWN)
        self._panel_fits = fits
        self._panel_in_front &= not fits and not self.is_large
        self.view.setVisible(not self._panel_in_front)
        self.side.setVisible((wanted and fits) or self._panel_in_front)
        front = self._panel_in_front
        self.side.setMaximumWidth(QWIDGETSIZE_MAX if front else PANEL)
        self.pages.setMaximumWidth(self.cards.minimumWidth() if front else QWIDGETSIZE_MAX)
        self.actions_of.show_panel.blockSignals(True)  # so that it tells what is seen
        self.actions_of.show_panel.setChecked(self.side.isVisibleTo(self))
        self.actions_of.show_panel.blockSignals(False)

    # Building

    def _lay_out(self) -> None:
        self.work = QWidget()
        inner = QHBoxLayout(self.work)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        inner.addWidget(self.cards)
        inner.addWidget(self.view, 1)
        self.pages.set_filled(self.work)
        self.side = QTabWidget()
        self.side.setMinimumWidth(PANEL)
        self.side.addTab(self.rules, self.tr("Keep best"))
        self.side.addTab(self.balance_panel, self.tr("Balance"))
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
        self.bar.distance_changed.connect(lambda _distance: self._regrouping.start())
        self.bar.filter_changed.connect(self.list_groups)
        self.bar.find_requested.connect(self.search)
        self.cards.group_chosen.connect(self.show_group)
        self.view.sprite_chosen.connect(self._show_actions)
        self.rules.order_changed.connect(self._take_rules)
        self.rules.relations_changed.connect(self.show_numbers)
        self.rules.apply_requested.connect(self.apply_rules)
        self.side.currentChanged.connect(lambda _index: self._refresh_balance())
        self.pages.find_requested.connect(self.search)
        self.pages.loosen_requested.connect(lambda: self.bar.set_distance(self.bar.distance + 0.1))
        self.pages.list_all_requested.connect(self.bar.clear_filter)
        self.cards.sideways.connect(self.view.strip.step)
        self.view.strip.updown.connect(self.cards.step)

    def _take_rules(self, order: list[str]) -> None:
        QSettings().setValue(_RULES_KEY, ",".join(order))
        self._regrouping.start()

    def _restore(self) -> None:
        settings = QSettings()
        stored = str(settings.value(_RULES_KEY, "") or "").split(",")
        known = [rule for rule in stored if rule in DEFAULT_RULES]
        if known:
            self.rules.rules.set_order(known)
        self._wants_panel = settings.value(_PANEL_KEY, True) not in (False, "false")
        self._fit_panel()
