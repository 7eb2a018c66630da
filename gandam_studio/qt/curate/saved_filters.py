"""Saved filters of a workspace: save, apply and delete, with undo."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from PySide6.QtWidgets import QMenu

from gandam_studio.core.errors import UserError
from gandam_studio.core.texts import LONGEST_TAG, checked
from gandam_studio.core.workspace.query import Filter
from gandam_studio.core.workspace.review import SAVED_FILTERS, saved_filters
from gandam_studio.qt.curate.filter_bar import FilterBar
from gandam_studio.qt.failures import explain
from gandam_studio.qt.session import ERROR, Session
from gandam_studio.qt.widgets.outside_text import tip
from trainer.protocol.untrusted import shortened


class SavedFilters(QMenu):
    """The menu of saved filters."""

    def __init__(self, session: Session, bar: FilterBar, fill_end: Callable[[QMenu], object]) -> None:
        super().__init__(bar)
        self._session = session
        self._bar = bar
        self._fill_end = fill_end
        self._trash = QMenu(self.tr("Delete"), self)
        self.setTitle(self.tr("Saved filters"))
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self.refresh)
        bar.saved_button.setMenu(self)

    def named(self) -> dict[str, Filter]:
        """Name -> filter."""
        return saved_filters(self._session.workspace.setting(SAVED_FILTERS, {}))

    def ask_name(self) -> None:
        """Ask for a name and save the current filter."""
        from PySide6.QtWidgets import QInputDialog

        name, ok = QInputDialog.getText(self._bar, self.tr("Save the filter"), self.tr("Name"))
        if ok and name.strip():
            self.save(name.strip())

    def save(self, name: str) -> None:
        """Save the current filter, replacing one of that name."""
        from gandam_studio.core.workspace.edits import SetSetting

        try:
            name = checked(name, self.tr("the name"), LONGEST_TAG)
        except UserError as error:
            self._session.post(explain(error), ERROR)
            return
        stored = dict(self._session.workspace.setting(SAVED_FILTERS, {}))
        stored[name] = self._bar.filter.to_json()
        self._session.apply(SetSetting(SAVED_FILTERS, stored, self.tr("Save filter {0}").format(name)))

    def delete(self, name: str) -> None:
        """Delete a saved filter."""
        from gandam_studio.core.workspace.edits import SetSetting

        stored = dict(self._session.workspace.setting(SAVED_FILTERS, {}))
        if stored.pop(name, None) is not None:
            self._session.apply(SetSetting(SAVED_FILTERS, stored or None, self.tr("Delete filter {0}").format(name)))

    def describe(self, chosen: Filter) -> str:
        """Summarise a filter's criteria: "status kept, tag boss"."""
        tr = self.tr
        names = {
            "status": tr("status"), "facing": tr("facing"), "tag": tr("tag"), "source": tr("source"),
            "text": tr("name"), "family": tr("family"), "reason": tr("drop reason"), "flipped": tr("flipped"),
            "alpha": tr("transparent"), "blank": tr("blank"), "faint": tr("hard to see"),
            "min_side": tr("longer side at least"), "max_side": tr("longer side at most"),
            "min_colors": tr("colours at least"), "max_colors": tr("colours at most"),
            "min_aspect": tr("width / height at least"), "max_aspect": tr("width / height at most"),
            "order": tr("sorted by"), "descending": tr("largest first"), "like": tr("like sprite"),
        }  # fmt: skip
        words = {True: tr("yes"), False: tr("no")}
        plain, parts = Filter(), []
        for field in dataclasses.fields(chosen):
            value = getattr(chosen, field.name)
            if value != getattr(plain, field.name):
                text = words[value] if isinstance(value, bool) else value
                parts.append(f"{names[field.name]} {text}")
        return ", ".join(parts)

    def refresh(self) -> None:
        """Fill the menu with the saved filters."""
        self.clear()
        self._trash.clear()
        names = self.named()
        for name, chosen in sorted(names.items()):
            action = self.addAction(shortened(name))
            action.setToolTip(tip(self.describe(chosen)))
            action.triggered.connect(lambda _checked=False, chosen=chosen: self._bar.set_filter(chosen))
        if names:
            self.addSeparator()
            self.addMenu(self._trash)
            for name in sorted(names):
                delete = self._trash.addAction(shortened(name))
                delete.triggered.connect(lambda _checked=False, name=name: self.delete(name))
        self._fill_end(self)
