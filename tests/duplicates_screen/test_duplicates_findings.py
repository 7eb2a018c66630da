"""The list of findings: thousands of groups, of which only visible ones are built."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gandam_studio.core.duplicates import DuplicateReport, Transform
from gandam_studio.core.duplicates.keeping import Judged
from gandam_studio.core.duplicates.links import Link
from gandam_studio.core.duplicates.sources import Facts
from gandam_studio.core.duplicates.verdicts import Verdict
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.edits import Drop, Keep, NotDuplicates
from gandam_studio.core.workspace.store import transaction
from gandam_studio.qt.duplicates import screen as duplicates_screen
from gandam_studio.qt.duplicates.findings import Findings, Found, Statuses
from gandam_studio.qt.duplicates.group_list import GroupList

PAIRS = 3000
RELATIONS = ("mirrored", "resized", "recoloured")


def pair_report() -> DuplicateReport:
    """3,000 pairs (1, 2), (3, 4) ... with increasing distance and relations in turn."""
    links, judged = [], {}
    for pair in range(PAIRS):
        seqs = (2 * pair + 1, 2 * pair + 2)
        verdict = Verdict(RELATIONS[pair % 3], Transform(), 0.5 * (pair + 1) / PAIRS, 0.9)
        links.append(Link(*seqs, verdict))
        for seq in seqs:
            judged[seq] = Judged(Facts(f"{seq:064d}", 10, 10, order=seq, name=f"{seq}.png"), 100, 1)
    return DuplicateReport(links, judged)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a workspace with 6,000 rows, closed; their pictures are never opened."""
    with Workspace.create(tmp_path / "w") as workspace, transaction(workspace.connection) as connection:
        rows = [(f"{seq:064d}", f"{seq}.png", "0" * 64) for seq in range(1, 2 * PAIRS + 1)]
        connection.executemany("INSERT INTO sprites (id, name, blob, width, height) VALUES (?, ?, ?, 10, 10)", rows)
    return tmp_path / "w"


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    """The same, open."""
    with Workspace.open(folder) as workspace:
        yield workspace


def findings_of(workspace: Workspace) -> tuple[Findings, Statuses]:
    statuses = Statuses(workspace)
    return Findings(Found(pair_report(), frozenset(), np.zeros(0, np.int64)), statuses), statuses


def test_most_doubtful_first_and_filters(workspace: Workspace) -> None:
    findings, statuses = findings_of(workspace)
    assert findings.card(0).seqs == (2 * PAIRS - 1, 2 * PAIRS)
    assert findings.counts() == (PAIRS, 2 * PAIRS, 0)
    findings.list("resized", False)
    assert len(findings) == PAIRS // 3
    assert all(findings.card(row).relations == ("resized",) for row in range(0, len(findings), 97))
    findings.regroup(0.25, findings.report.rules)
    assert len(findings) == findings.total == PAIRS // 2
    workspace.apply(Drop([2, 4, 6], "duplicate"))
    statuses.refresh()
    findings.list("", True)
    assert len(findings) == PAIRS // 2 - 3
    assert findings.row_of(1) is None
    assert findings.row_of(7) == len(findings) - 1


def test_next_undecided_goes_both_ways_and_ends(workspace: Workspace) -> None:
    findings, statuses = findings_of(workspace)
    workspace.apply(Keep([seq for seq in range(1, 2 * PAIRS + 1) if seq not in (11, 12, 21, 22)]))
    statuses.refresh()
    first, second = findings.row_of(21), findings.row_of(11)
    assert findings.next_unsettled(0, 1) == first
    assert findings.next_unsettled(first, 1) == second
    assert findings.next_unsettled(second, 1) is None
    assert findings.next_unsettled(second, -1) == first
    assert findings.next_unsettled(first, -1) is None


def test_groups_are_counted_as_decided_by_what_is_left_to_decide(workspace: Workspace) -> None:
    findings, statuses = findings_of(workspace)
    # Of the pairs one is dropped, both are kept, one is kept, both are dropped.
    workspace.apply(Drop([1, 7, 8], "duplicate"))
    workspace.apply(Keep([3, 4, 5]))
    statuses.refresh()
    assert findings.counts() == (PAIRS, 2 * PAIRS, 3)
    findings.list("", True)
    assert findings.counts() == (PAIRS - 3, 2 * PAIRS - 6, 0)
    assert [findings.row_of(seq) is None for seq in range(1, 11)] == [True] * 4 + [False] * 2 + [True] * 2 + [False] * 2


def test_plans_follow_decisions(workspace: Workspace) -> None:
    findings, statuses = findings_of(workspace)
    plan = findings.plan()
    assert len(plan.drops) == 2 * PAIRS // 3, "recoloured ones are relatives"
    assert all(drop.favour == drop.seq - 1 for drop in plan.drops)
    assert not findings.plan(confidence=0.95).drops, "these are 90 percent sure"
    workspace.apply(Keep([2]))
    workspace.apply(Drop([3], "text"))
    statuses.refresh(np.array([2, 3]))
    changed = {drop.seq: drop.favour for drop in findings.plan().drops}
    assert changed[1] == 2, "what is kept becomes the best"
    assert 4 not in changed, "the last of a pair stays"
    assert len(changed) == len(plan.drops) - 1


def test_pairs_said_to_be_different_leave_and_return(workspace: Workspace) -> None:
    findings, _ = findings_of(workspace)
    assert findings.set_apart(frozenset({(1, 2), (5, 6)}))
    findings.regroup(0.5, findings.report.rules)
    assert findings.total == PAIRS - 2
    assert findings.set_apart(frozenset({(1, 2)}))
    findings.regroup(0.5, findings.report.rules)
    assert findings.total == PAIRS - 1
    assert findings.row_of(5) is not None


def test_what_a_search_respected_and_undo_took_back_needs_another(workspace: Workspace) -> None:
    workspace.apply(NotDuplicates(((1, 2),)))
    left_out = np.array([7], np.int64)
    findings = Findings(Found(pair_report(), frozenset({(1, 2)}), left_out), Statuses(workspace))
    assert findings.set_apart(frozenset({(1, 2), (3, 4)}))
    assert not findings.set_apart(frozenset({(3, 4)}))
    assert findings.is_incomplete(np.array([7, 8]))
    assert not findings.is_incomplete(np.array([8, 9]))


def test_only_cards_in_sight_are_made(workspace: Workspace, qtbot) -> None:
    findings, _ = findings_of(workspace)
    made: list[int] = []

    def make(row: int):
        made.append(row)
        return findings.card(row)

    view = GroupList(workspace)
    qtbot.addWidget(view)
    view.resize(view.width(), 600)
    view.cards.show(len(findings), make)
    view.show()
    qtbot.waitExposed(view)
    qtbot.wait(50)
    assert made
    assert len(set(made)) < 40
    view.go_to(2500)
    qtbot.wait(50)
    assert 2500 in made
    assert len(set(made)) < 80
    view.pictures.stop()


def test_a_dragged_slider_asks_for_the_preview_once_it_rests(qtbot, open_window, folder, monkeypatch) -> None:
    monkeypatch.setattr(duplicates_screen, "SEARCHED_UNASKED", 0)
    screen = open_window(folder).visit_by_name("Duplicates")
    screen.adopt(Found(pair_report(), frozenset(), np.zeros(0, np.int64)))
    screen.rules.sure.setValue(50)
    asked = []
    plan = screen.findings.plan
    screen.findings.plan = lambda *given, **named: asked.append(1) or plan(*given, **named)  # type: ignore[method-assign]
    for value in range(49, 20, -1):
        screen.bar.slider.setValue(value)
        qtbot.wait(1)
    assert len(screen.findings) == PAIRS * 21 // 50
    qtbot.waitUntil(lambda: screen.plan is not None)
    assert len(asked) < 8
    assert len(screen.plan.drops) == sum(RELATIONS[pair % 3] != "recoloured" for pair in range(PAIRS * 21 // 50))
