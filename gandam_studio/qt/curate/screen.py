"""The Curate screen: filter bar, gallery or large view, side panel, and a shortcut for every decision."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QMimeData, QPoint, QSettings, Qt, QTimer
from PySide6.QtGui import QCursor, QKeyEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from gandam_studio.core.workspace import Counts
from gandam_studio.core.workspace.history import Changes
from gandam_studio.core.workspace.lookups import last_seq
from gandam_studio.core.workspace.query import Filter
from gandam_studio.core.workspace.review import (
    DIGITS,
    first_undecided,
    next_undecided,
    next_without_facing,
    reasons_given,
    still_matching,
)
from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.qt.background import Latest
from gandam_studio.qt.curate import accessible
from gandam_studio.qt.curate.actions import CurateActions, CurateBase, advances
from gandam_studio.qt.curate.decisions import Decisions
from gandam_studio.qt.curate.filter_bar import FilterBar
from gandam_studio.qt.curate.footer import Footer
from gandam_studio.qt.curate.hints import HintBar
from gandam_studio.qt.curate.side_panel import SidePanel
from gandam_studio.qt.curate.work_area import WorkArea
from gandam_studio.qt.imports.controller import ImportController
from gandam_studio.qt.menus import filled
from gandam_studio.qt.screen import EmptyState, ScreenMenu
from gandam_studio.qt.session import INFO, Session
from gandam_studio.qt.widgets.drop_frame import DropFrame, TakesDrops
from gandam_studio.qt.widgets.focus import takes_text

if TYPE_CHECKING:
    from gandam_studio.qt.curate.assist.mode import AssistMode
    from gandam_studio.qt.curate.large_view import LargeView

# Larger workspaces are filtered and counted off the GUI thread.
LARGE = 60_000
FEW = 4_000
PANEL_MS = 60  # delay before the panel follows the current sprite
_TILE_KEY = "curate/tile"
_PANEL_KEY = "curate/panel"


class CurateScreen(TakesDrops, CurateBase):
    """Attributes:
    gallery, large_view, filter_bar, panel, footer: the screen's parts.
    decisions: applies the edits of the actions.
    imports: imports pictures from folders, files, archives and the clipboard.
    """

    title = "Curate"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        workspace = session.workspace
        self.work = WorkArea(workspace)
        self.gallery = self.work.gallery
        self.filter_bar = FilterBar(workspace)
        self.hints = HintBar(read_only=session.read_only)
        self.footer = Footer()
        self.panel = SidePanel(session, self.gallery.targets)
        self.decisions = Decisions(session, self.gallery.targets, self)
        self.imports = ImportController(session, self)
        self._assist: AssistMode | None = None
        self._stale = True
        self._wanted: Seqs | None = None  # to select as soon as the filter has run
        self._reasons_stale = True
        self._begun = False  # a sprite was shown; from then on the user chooses the current one
        self._settled = QTimer(self, singleShot=True, interval=PANEL_MS)
        self._settled.timeout.connect(self._show_details)
        self._selecting, self._counter = Latest(), Latest()
        self._count_again = False  # something changed while a count was running
        accessible.install()
        self._lay_out()
        self.actions_of = CurateActions(self)
        self._connect()
        self._restore()
        self.setAcceptDrops(not session.read_only)
        self.drop_frame = DropFrame(self)

    # Parts that are built on first use, to keep the start of the window fast

    @property
    def large_view(self) -> LargeView:
        """The current sprite, enlarged."""
        return self.work.large_view

    @property
    def assist(self) -> AssistMode:
        """Begins and ends the Assist mode."""
        if self._assist is None:
            from gandam_studio.qt.curate.assist.mode import AssistMode

            self._assist = AssistMode(self)
        return self._assist

    # Life cycle

    def activated(self) -> None:
        """Show what other screens changed."""
        if self._stale:
            self.reload()
        self.focus_work()

    def deactivated(self) -> None:
        """Store the state of the view."""
        settings = QSettings()
        settings.setValue(_TILE_KEY, self.gallery.tile)
        settings.setValue(_PANEL_KEY, self.actions_of.show_panel.isChecked())

    def may_close(self) -> bool:
        """The Assist mode ends before the window closes, and says what was done."""
        if self._assist is not None:
            self._assist.leave()
        return True

    def take_undo(self) -> bool:
        """In the Assist mode, Undo takes the last page back."""
        return self._assist is not None and self._assist.take_undo()

    def take_redo(self) -> bool:
        """In the Assist mode, what is seen leaves nothing to redo."""
        return self._assist is not None and self._assist.take_redo()

    def mode_keys(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The keys of the Assist mode."""
        from gandam_studio.qt.curate.assist.keys import tables

        return [(heading, [(one.text, one.name) for one in keys]) for heading, keys in tables()]

    @property
    def in_mode(self) -> bool:
        """Whether the Assist mode is shown."""
        return self.work.is_assisting

    def closing(self) -> None:
        """End the picture loaders."""
        self._settled.stop()
        self.work.stop()
        self.panel.inspector.stop()

    def menus(self) -> list[ScreenMenu]:
        """The actions' menus."""
        return self.actions_of.menus()

    def receive(self, request: object) -> None:
        """Select sprites (`ShowSprites`), or set the filter and open the panel (`ShowFilter`)."""
        from gandam_studio.qt.following.requests import ShowFilter, ShowSprites

        if self._assist is not None:
            self._assist.leave()  # what is asked for is in the gallery and beside it
        if isinstance(request, ShowSprites):
            self.work.show_gallery()
            if self.reveal(request.seqs):
                self._wanted = request.seqs
                self.filter_bar.set_filter(Filter())
        elif isinstance(request, ShowFilter):
            if request.chosen is not None:
                self.filter_bar.set_filter(request.chosen)
            if request.panel:
                self.actions_of.show_panel.setChecked(True)
                self.panel.show()
                (self.panel.show_recipe if request.panel == "recipe" else self.panel.show_details)()

    # Keys

    @property
    def work_view(self) -> QWidget:
        """The gallery, or the view shown instead of it; the screen itself without sprites."""
        shown = self.work.currentWidget()
        return shown if shown is not None and self.stack.currentWidget() is self.filled else self

    def event(self, event: QEvent) -> bool:
        """While a sprite is cropped or suggestions are shown, plain keys are no decisions but those views' own."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and (self.work.is_cropping or self.work.is_assisting)
            and not event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
            and event.key() < Qt.Key.Key_F1
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Explain a digit that has no reason yet."""
        number = event.key() - Qt.Key.Key_0
        if 1 <= number <= DIGITS and not event.modifiers() and not (self.work.is_cropping or self.work.is_assisting):
            self.drop_for(number)
        else:
            super().keyPressEvent(event)

    # What is shown

    def reload(self) -> None:
        """Run the filter and count again."""
        if self.work.is_assisting:
            self._stale = True  # what the mode hides must stay hidden until it ends
            return
        self._stale = False
        chosen = self.filter_bar.filter
        workspace = self.session.workspace
        self._selecting.forget()
        # Sprites that are hard to see are found by their thumbnails, not by the database.
        large = LARGE if chosen.faint is None else FEW
        if chosen.is_everything or last_seq(self.session.workspace) <= large:
            self._show_order(workspace.select(chosen))
        else:
            task = self.session.start_job(
                self.tr("Filter"),
                lambda workspace, job: workspace.select(chosen),
                self._show_order,
                self._selecting_failed,
            )
            self._selecting.follow(task)
        self._count()

    def _selecting_failed(self, error: BaseException) -> None:
        self._stale = True  # the next visit retries
        self.session.post_failure(error)

    def _show_order(self, order: Seqs) -> None:
        self.gallery.show_order(order)
        some = last_seq(self.session.workspace) > 0
        # With nothing to filter or inspect, only the empty state is shown.
        self.filter_bar.setVisible(some)
        self.panel.setVisible(some and self.actions_of.show_panel.isChecked())
        before = self.stack.currentWidget()
        if not some:
            self.stack.setCurrentWidget(self.no_sprites)
        elif not len(order):
            self._explain_no_match()
            self.stack.setCurrentWidget(self.no_match)
        else:
            self.stack.setCurrentWidget(self.filled)
            if not self._begun:
                self._begin()
        if self.stack.currentWidget() is not before and self.isVisible() and not takes_text(QApplication.focusWidget()):
            self.focus_work()  # which was hidden, or is now
        wanted, self._wanted = self._wanted, None
        if wanted is None or not self.gallery.reveal(wanted):
            self._show_current()

    def _begin(self) -> None:
        """Go to the first undecided sprite, or else to the first."""
        self._begun = True
        seq = first_undecided(self.session.workspace)
        place = self.gallery.rows.position_of(seq) if seq is not None else None
        self.gallery.go_to(place or 0, select=False)

    def _peek(self) -> None:
        """Show what a running import has added, except in a filtered or sorted view."""
        if (
            self.isVisible()
            and self.filter_bar.filter.is_everything
            and last_seq(self.session.workspace) > len(self.gallery.order)
        ):
            self.reload()

    def _count(self) -> None:
        if last_seq(self.session.workspace) <= LARGE:
            self.filter_bar.show_counts(self.session.workspace.counts())
            return
        if self._counter.is_waiting:
            self._count_again = True
            return
        self._count_again = False
        self._counter.follow(self.session.start_quiet_job(lambda workspace, job: workspace.counts(), self._show_counts))

    def _show_counts(self, counts: Counts) -> None:
        self.filter_bar.show_counts(counts)
        if self._count_again:
            self._count()

    def _take_filter(self, _chosen: Filter) -> None:
        self.reload()

    def _take_changes(self, changes: Changes) -> None:
        """Repaint edited sprites; in a filtered view, remove those that no longer match."""
        chosen = self.filter_bar.filter
        self.gallery.show_changes(changes)
        self._reasons_stale |= "reason" in changes.fields
        if any(field.startswith("setting:") for field in changes.fields):
            self.panel.refresh_recipe()
        if self.work.is_assisting:
            self._stale |= chosen.has_criteria
        elif chosen.has_criteria and len(changes.seqs):
            self._refilter(chosen, changes.seqs)
        self._count()
        self._show_current()

    def _refilter(self, chosen: Filter, seqs: Seqs) -> None:
        matching = still_matching(self.session.workspace, chosen, seqs)
        order = self.gallery.order
        shown = seqs[np.isin(seqs, order)]
        if len(matching[~np.isin(matching, shown)]):
            self.reload()  # a sprite came back: only the database knows its position
            return
        gone = shown[~np.isin(shown, matching)]
        if len(gone):
            self._show_order(order[~np.isin(order, gone)])

    # Navigation

    def reveal(self, seqs: Seqs) -> int:
        """Select the sprites that are shown and go to the first; returns how many the filter hides."""
        if self._selecting.is_waiting:
            self._wanted = seqs
            return 0
        return len(seqs) - self.gallery.reveal(seqs)

    def next_undecided(self) -> None:
        """Go to the next undecided sprite."""
        gallery = self.gallery
        place = next_undecided(self.session.workspace, gallery.order, gallery.current)
        if place is None:
            self.session.post(self.tr("There are no more undecided sprites."), INFO)
        else:
            gallery.go_to(place)

    def decide(self, decision: Callable[[], Changes]) -> None:
        """Apply a decision about the status; after one for a single sprite, move on to the next undecided."""
        gallery = self.gallery
        seqs = gallery.targets()
        single = len(seqs) == 1 and int(seqs[0]) == gallery.current_seq
        onward = 0
        if single and self.advances:
            place = next_undecided(self.session.workspace, gallery.order, gallery.current)
            onward = int(gallery.order[place]) if place is not None else 0
        if not decision() or not onward:
            return
        place = gallery.rows.position_of(onward)
        if place is not None:
            gallery.go_to(place)

    @property
    def advances(self) -> bool:
        """Whether a decision moves on to the next undecided sprite."""
        return self.actions_of.advance.isChecked()

    def face(self, facing: str) -> None:
        """Set the facing; after that of a single sprite, move on to the next that has none and is not dropped."""
        gallery = self.gallery
        seqs = gallery.targets()
        before = gallery.current
        if not len(seqs):
            return
        self.decisions.face(facing)  # also moves on if it was set already
        if len(seqs) > 1 or int(seqs[0]) != gallery.current_seq or not self.advances or gallery.current != before:
            return
        place = next_without_facing(self.session.workspace, gallery.order, gallery.current)
        if place is None:
            self.session.post(
                self.tr(
                    "Every sprite shown has a facing, or is dropped. Shift+L flips all to face left, Shift+K keeps all."
                ),
                INFO,
            )
            place = next_undecided(self.session.workspace, gallery.order, gallery.current)
        if place is not None and place != gallery.current:
            gallery.go_to(place)

    def look(self, facing: str) -> None:
        """Flip those that face the other way: of several selected sprites, or of all shown that are not dropped."""
        gallery = self.gallery
        if gallery.selection.count > 1:
            self.decisions.look(facing, gallery.selection.seqs(), dropped=True)
        else:
            self.decisions.look(facing, gallery.order, dropped=False)

    def keep_undecided(self) -> None:
        """Keep every undecided sprite that the filter shows."""
        self.decisions.keep_undecided(self.gallery.order)

    def toggle_onion(self) -> None:
        """Show or hide the mirrored picture, in the large view."""
        if self.work.currentWidget() is self.gallery:
            self.work.toggle_zoom()
            self.large_view.onion = False
        self.large_view.toggle_onion()

    def drop_for(self, number: int) -> None:
        """Drop with the workspace's reason of that number."""
        reasons = reasons_given(self.session.workspace)
        if number <= len(reasons):
            self.decide(lambda: self.decisions.drop(reasons[number - 1]))
        else:
            self.session.post(
                self.tr("This workspace has no reason {0} yet. Shift+X drops with a new one.").format(number), INFO
            )

    def choose_reason(self) -> None:
        """Show the workspace's reasons at the current sprite; a digit chooses, typing makes a new one."""
        from gandam_studio.qt.widgets.reason_picker import ReasonPicker

        picker = ReasonPicker(reasons_given(self.session.workspace), self)
        picker.chosen.connect(lambda reason: self.decide(lambda: self.decisions.drop(reason)))
        picker.open_at(self._menu_point())

    def turn_all(self) -> None:
        """Turn the sprites shown to face one way, page by page."""
        self.assist.turn(self._shown_rows())

    def find_unfit(self) -> None:
        """Look for sprites that are unfit for a reason, page by page."""
        from gandam_studio.qt.widgets.reason_picker import ReasonPicker

        picker = ReasonPicker(
            reasons_given(self.session.workspace),
            self,
            self.tr("What makes a sprite unfit?"),
            self.tr("Enter begins; nothing is dropped by itself."),
        )
        rows = self._shown_rows()
        picker.chosen.connect(lambda reason: self.assist.find_unfit(reason, rows))
        picker.open_at(self._menu_point())

    def odd_first(self) -> None:
        """Select what is out of the ordinary among the sprites."""
        self.assist.find_odd(self._shown_rows())

    def reduce_enlarged(self) -> None:
        """Look for enlarged sprites, and offer to reduce them to their own pixels."""
        self.assist.find_enlarged(self._shown_rows())

    def surprise(self) -> None:
        """Sort so that each sprite is as unlike those before it as can be."""
        chosen = dataclasses.replace(self.filter_bar.filter, order="surprise", descending=False)
        self.filter_bar.set_filter(chosen)
        if len(self.gallery.order):
            self.gallery.go_to(0)

    def _shown_rows(self) -> Seqs | None:
        """The rows that the filter shows; None for all of them."""
        return np.sort(self.gallery.order) if self.filter_bar.filter.has_criteria else None

    def ask_tags(self) -> None:
        """Set the focus to the panel's tag field."""
        self.panel.show()
        self.actions_of.show_panel.setChecked(True)
        self.panel.show_details()
        self.panel.inspector.tag_field.setFocus()

    def show_menu(self, where: QPoint) -> None:
        """Show the context menu."""
        self._context.exec(where)

    def _menu_point(self) -> QPoint:
        if self.work.currentWidget() is self.gallery and self.gallery.current >= 0:
            rect = self.gallery.rect_of(self.gallery.current)
            return self.gallery.viewport().mapToGlobal(rect.bottomLeft())
        return QCursor.pos() if self.underMouse() else self.mapToGlobal(self.rect().center())

    def _apply_crop(self, box: tuple[int, int, int, int] | None) -> None:
        if self.decisions.crop(box):
            self.work.show_gallery()

    def refresh_current(self) -> None:
        """Show the current sprite, and enable what can be done with it."""
        self._show_current()

    def _show_current(self) -> None:
        gallery = self.gallery
        self.work.refresh()
        self.footer.show_counts(len(gallery.order), last_seq(self.session.workspace), gallery.selection.count)
        # Decisions must not reach what suggestions hide.
        chosen = gallery.selection.count or int(gallery.current_seq > 0)
        self.actions_of.refresh(0 if self.work.is_assisting else chosen)
        self._settled.start()

    def _show_details(self) -> None:
        if self._reasons_stale:
            self._reasons_stale = False
            reasons = reasons_given(self.session.workspace)
            self.actions_of.show_reasons(reasons)
            self.footer.show_reasons(reasons)
        if self.panel.isVisible():
            gallery = self.gallery
            sprite = gallery.sprite(gallery.current) if gallery.current_seq else None
            self.panel.show_sprite(sprite, gallery.selection.count)

    # Filters

    def sort_by_similarity(self) -> None:
        """Sort by similarity to the current sprite."""
        if self.gallery.current_seq:
            chosen = dataclasses.replace(
                self.filter_bar.filter, order="similarity", like=self.gallery.current_seq, descending=False
            )
            self.filter_bar.set_filter(chosen)
            if len(self.gallery.order):
                self.gallery.go_to(0)

    # Building

    @functools.cached_property
    def _context(self) -> QMenu:
        return filled(self.actions_of.context(), self)

    @functools.cached_property
    def no_sprites(self) -> EmptyState:
        """The page of an empty workspace; built on first use, like `no_match`."""
        page = EmptyState("sample", *self._no_sprites_text())
        if not self.session.read_only:
            self.imports.fill_empty_state(page)
        self.stack.addWidget(page)
        return page

    @functools.cached_property
    def no_match(self) -> EmptyState:
        """The page shown if no sprite matches the filter."""
        page = EmptyState("search", self.tr("Nothing matches"), self.tr("No sprite matches the filter."))
        page.add_button(self.tr("Show all sprites"), lambda: self.filter_bar.set_filter(Filter()), primary=True)
        self.stack.addWidget(page)
        return page

    def _explain_no_match(self) -> None:
        chosen = self.filter_bar.filter
        if chosen == dataclasses.replace(
            Filter(), status="undecided", order=chosen.order, descending=chosen.descending
        ):
            self.no_match.set_text(self.tr("Every sprite is decided"), self.tr("No sprite is undecided any more."))
        else:
            self.no_match.set_text(self.tr("Nothing matches"), self.tr("No sprite matches the filter."))

    def _follow_import(self) -> None:
        """While the first sprites are on their way, do not say that there are none."""
        if last_seq(self.session.workspace) > 0:
            return
        page = self.no_sprites
        if self.imports.is_running:
            page.set_text(self.tr("Importing…"), self.tr("The first sprites appear here in a moment."))
        else:
            page.set_text(*self._no_sprites_text())
        page.show_buttons(not self.imports.is_running)

    def _no_sprites_text(self) -> tuple[str, str]:
        return (
            self.tr("No sprites yet"),
            self.tr("Drop a folder, pictures or an archive here, or paste them. Your files are never changed."),
        )

    def _lay_out(self) -> None:
        self.filled = QWidget()
        column = QVBoxLayout(self.filled)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.hints)
        column.addWidget(self.work, 1)
        column.addWidget(self.footer)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.filled)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.stack, 1)
        row.addWidget(self.panel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.filter_bar)
        layout.addLayout(row, 1)

    def _connect(self) -> None:
        session, gallery = self.session, self.gallery
        session.edits_applied.connect(self._take_changes)
        session.sprites_imported.connect(self.reload)
        self.imports.progressed.connect(self._peek)
        self.imports.running_changed.connect(self._follow_import)
        gallery.current_changed.connect(lambda _seq: self._show_current())
        gallery.selection_changed.connect(self._show_current)
        gallery.menu_requested.connect(self.show_menu)
        gallery.tile_changed.connect(self.filter_bar.slider.setValue)
        self.filter_bar.slider.valueChanged.connect(gallery.set_tile)
        self.filter_bar.filter_changed.connect(self._take_filter)
        self.filter_bar.leave_requested.connect(self.focus_work)
        self.work.crop_chosen.connect(self._apply_crop)
        self.panel.inspector.tags_requested.connect(lambda add, remove: self.decisions.tag(add, remove))

    def _restore(self) -> None:
        settings = QSettings()
        self.gallery.set_tile(int(str(settings.value(_TILE_KEY, self.gallery.tile))))
        shown = str(settings.value(_PANEL_KEY, "true")).lower() == "true"
        self.actions_of.show_panel.setChecked(shown)
        self.panel.setVisible(shown)
        self.actions_of.advance.setChecked(advances())

    # Drag and drop

    def can_take(self, data: QMimeData) -> bool:
        """Files and pictures, unless the workspace is read-only."""
        return self.imports.can_take(data)

    def take(self, data: QMimeData) -> bool:
        """Import them."""
        return self.imports.take(data)
