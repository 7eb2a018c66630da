"""Controller of the balance panel: names, weights and caps the families of the workspace."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from gandam_studio.core.duplicates import (
    Family,
    cap_families,
    families,
    name_families,
    weigh_families,
)
from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace.edits import Edit, SetValues
from gandam_studio.core.workspace.history import NOTHING, Changes
from gandam_studio.qt import counts
from gandam_studio.qt.background import Latest
from gandam_studio.qt.counts import counted, sprites
from gandam_studio.qt.duplicates.balance_panel import BalancePanel
from gandam_studio.qt.duplicates.family_list import FamilyRow
from gandam_studio.qt.duplicates.findings import Findings
from gandam_studio.qt.duplicates.rules_panel import PreviewText
from gandam_studio.qt.failures import explain
from gandam_studio.qt.session import ERROR, SUCCESS, Session

LISTED = 2000  # families shown; the smaller ones need no balancing


class BalanceController(QObject):
    """Keeps the panel up to date while it is visible; `findings` returns the groups, or None."""

    def __init__(
        self,
        session: Session,
        panel: BalancePanel,
        findings: Callable[[], Findings | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._panel = panel
        self._findings = findings
        self._families: list[Family] = []
        self._sprites = 0
        self._reading = Latest()
        panel.choice_changed.connect(self._show)
        panel.name_requested.connect(self.name)
        panel.apply_requested.connect(self.apply)

    def refresh(self) -> None:
        """Read the families again, off the GUI thread."""
        self._reading.follow(
            self._session.start_quiet_job(lambda workspace, job: (families(workspace), workspace.counts()), self._take)
        )

    def name(self) -> None:
        """Record every group as a family, off the GUI thread if there are thousands."""
        findings = self._findings()
        if findings is not None and findings.total:
            self._session.start_job(
                self.tr("Name families"),
                lambda _workspace, _job: name_families(findings.restated()),
                self._record,
            )

    def _record(self, edit: Edit) -> None:
        self._session.apply(edit)

    def apply(self) -> Changes:
        """Apply weights or a cap, or reset the weights, as a single edit."""
        try:
            changes = self._session.apply(self._edit())
        except UserError as error:
            self._session.post(explain(error), ERROR)
            return NOTHING
        if changes:
            self._session.post(self.tr("Balanced · Ctrl+Z undoes"), SUCCESS)
        return changes

    def _edit(self) -> Edit:
        panel, workspace = self._panel, self._session.workspace
        if panel.mode == panel.WEIGHT:
            return weigh_families(workspace, panel.at_most)
        if panel.mode == panel.CAP:
            return cap_families(workspace, panel.at_most)
        weights = {seq: 1.0 for family in self._families for seq in family.seqs}
        return SetValues({"weight": weights}, self.tr("Every sprite counts the same"))

    def _take(self, answer: tuple[list[Family], object]) -> None:
        self._families, found = answer
        self._sprites = found.total - found.dropped  # type: ignore[attr-defined]
        self._show()

    def _show(self) -> None:
        panel, found = self._panel, self._families
        shown = [family for family in found[:LISTED] if len(family.seqs) > 1]
        firsts = {sprite.seq: sprite for sprite in self._session.workspace.sprites([one.seqs[0] for one in shown])}
        rows = []
        for family in shown:
            size = len(family.seqs)
            now = family.weight if panel.mode == panel.AS_IT_IS else panel.counts_for(size)
            rows.append(FamilyRow(firsts[family.seqs[0]], size, now))
        panel.show_families(rows)
        panel.headline.setText(self._headline())
        findings = self._findings()
        count = findings.total if findings is not None else 0
        if found:
            text = counted(count, self.tr("Name the group again"), self.tr("Name the {0} groups again"))
        else:
            text = counted(count, self.tr("Name the group as a family"), self.tr("Name the {0} groups as families"))
        panel.show_naming(text, count > 0 and not self._session.read_only)
        panel.show_preview(self._preview())

    def _headline(self) -> str:
        if not self._families:
            return self.tr("There are no families yet. Every group found can become one.")
        grouped = sum(len(family.seqs) for family in self._families)
        largest = len(self._families[0].seqs)
        return self.tr("In families: {0} of {1} ({2}). The largest alone is {3} % of the data.").format(
            f"{grouped:,}",
            sprites(self._sprites),
            counts.families(len(self._families)),
            f"{100 * largest / max(1, self._sprites):.1f}",
        )

    def _preview(self) -> PreviewText:
        panel, found = self._panel, self._families
        if not found or self._session.read_only:
            return PreviewText((self.tr("No change: name the families first."),), False)
        large = [family for family in found if panel.at_most and len(family.seqs) > panel.at_most]
        inside = sum(len(family.seqs) for family in large)
        if panel.mode == panel.CAP:
            gone = inside - panel.at_most * len(large)
            text = self.tr("Drops <b>{0}</b> of {1}").format(sprites(gone), counts.families(len(large)))
            return PreviewText(
                (
                    text,
                    self.tr("sprites marked keep stay; which of the others stay is drawn by lot, always the same way"),
                ),
                gone > 0,
            )
        if panel.mode == panel.WEIGHT:
            text = self.tr("Gives <b>{0}</b> of {1} a smaller weight")
            text = text.format(sprites(inside), counts.families(len(large)))
            return PreviewText((text, self.tr("weights are part of the next version")), inside > 0)
        weighed = sum(1 for family in found if abs(family.weight - len(family.seqs)) > 1e-9)
        if weighed:
            return PreviewText((self.tr("Removes the weights of <b>{0}</b>").format(counts.families(weighed)),), True)
        return PreviewText((self.tr("No change: there are no weights."),), False)
