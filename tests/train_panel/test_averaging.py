"""Averaging a run's checkpoints: the dialog, what it shows, and the checkpoint it makes where others are chosen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from recorded_runs import recorded
from runs_screens import never_ending

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import Job
from gandam_studio.core.runs import averaging
from gandam_studio.core.runs.checkpoints import drawable_checkpoints, kept_checkpoints, nearest
from gandam_studio.core.runs.exploring import Facts
from gandam_studio.qt.outputs.average_dialog import AverageDialog
from gandam_studio.qt.outputs.checkpoint_box import CheckpointBox, checkpoint_words
from trainer.protocol import files
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.sample_notes import parsed

LEFT = Qt.MouseButton.LeftButton
ANSWER = {
    "run": "r1-old", "iteration": 1000, "width": 0.125, "error": 0.01, "moments": [500, 1000], "path": "", "widths": [],
    "quality": {"kid": 0.5, "own": 0.6, "difference": -0.1, "difference_error": 0.02},
}  # fmt: skip


def keeping(workspace: Any, *, post_hoc: bool = True) -> RunDirectory:
    """A recorded run, whose settings say whether it kept averages of several widths."""
    run = recorded(workspace.folder / "runs" / "r1-old", iterations=1000)
    config = json.loads(run.config_path.read_bytes())
    config["ema"]["post_hoc"] = post_hoc
    files.write_json(run.config_path, config)
    return run


def with_average(run: RunDirectory, iteration: int, width: object) -> None:
    folder = run.checkpoints_path / "post-hoc"
    folder.mkdir(exist_ok=True)
    (folder / "state.json").write_text(json.dumps({"iteration": iteration, "post_hoc": {"width": width}}))


def shown(session, run: RunDirectory, qtbot) -> AverageDialog:  # type: ignore[no-untyped-def]
    dialog = AverageDialog(session, run.path, "r1-old")
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_the_average_that_draws_best_is_made_and_explored(session, workspace, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    asked: list[tuple[str, ...]] = []

    def answer(*words: str, job: Job, label: str = "") -> dict[str, Any]:
        asked.append(words)
        return ANSWER

    monkeypatch.setattr(averaging, "ask", answer)
    run = keeping(workspace)
    dialog = shown(session, run, qtbot)
    assert not dialog.explore_button.isVisible()
    qtbot.mouseClick(dialog.start_button, LEFT)
    qtbot.waitUntil(lambda: dialog.answer is not None and dialog.task is None, timeout=5000)
    assert asked == [("average", str(run.path), "--progress")]
    text = dialog.told.text()
    assert "width 0.125" in text
    assert "iteration 1,000" in text
    assert "draws better than the run's own weights" in text
    dialog.widths.setCurrentIndex(dialog.widths.findData(0.2))
    qtbot.mouseClick(dialog.start_button, LEFT)
    qtbot.waitUntil(lambda: len(asked) == 2 and dialog.task is None, timeout=5000)
    assert asked[1] == ("average", str(run.path), "--width", "0.2", "--progress")
    with qtbot.waitSignal(dialog.explore_requested):
        qtbot.mouseClick(dialog.explore_button, LEFT)
    assert not dialog.isVisible()


def test_it_is_cancelled(session, workspace, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    started = never_ending(monkeypatch, averaging)
    dialog = shown(session, keeping(workspace), qtbot)
    qtbot.mouseClick(dialog.start_button, LEFT)
    qtbot.waitUntil(started.is_set, timeout=5000)
    assert dialog.close_button.text() == "Cancel"
    qtbot.mouseClick(dialog.close_button, LEFT)
    qtbot.waitUntil(lambda: dialog.task is None, timeout=5000)
    assert dialog.isVisible(), "cancelled, not closed"
    assert (dialog.answer, dialog.told.text(), dialog.close_button.text()) == (None, "Cancelled.", "Close")
    assert not dialog.explore_button.isVisible()


def test_a_run_that_kept_none_or_trains_says_so(session, workspace, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = keeping(workspace, post_hoc=False)
    dialog = shown(session, run, qtbot)
    assert not dialog.start_button.isEnabled()
    assert "ema.post_hoc" in dialog.problem.text().replace("\u200b", "")
    keeps = RunDirectory(run.path)
    config = json.loads(keeps.config_path.read_bytes())
    config["ema"]["post_hoc"] = True
    files.write_json(keeps.config_path, config)
    with run.locked():
        assert "is being trained" in shown(session, run, qtbot).problem.text()


def test_the_average_is_among_the_checkpoints_to_draw_from(session, workspace, qtbot) -> None:  # type: ignore[no-untyped-def]
    run = keeping(workspace)
    plain = [one.name for one in kept_checkpoints(run)]
    assert [one.name for one in drawable_checkpoints(run)] == plain
    with_average(run, 1000, 0.125)
    found = drawable_checkpoints(run)
    assert [one.name for one in found] == [plain[0], "post-hoc", *plain[1:]]
    assert [one.name for one in kept_checkpoints(run)] == plain, "it is no moment of the run"
    assert "average of width 0.125" in checkpoint_words(found[1], newest=False)
    closest = nearest(found, 1000)
    assert closest is not None
    assert closest.name == plain[0]
    box = CheckpointBox(session)
    qtbot.addWidget(box)
    box.show_run(run)
    assert box.chosen == found[0]
    box.show_run(run, 500.0, name="post-hoc")
    assert box.chosen is not None
    assert box.chosen.name == "post-hoc"
    with qtbot.waitSignal(box.listed):  # Again, with their quality.
        pass
    assert box.chosen.name == "post-hoc"


@pytest.mark.parametrize(
    ("open_now", "drew_it", "same"),
    [
        ("ema", "", True), ("ema", "ema", True), ("ema", "raw", True), ("post-hoc 0.1", "post-hoc 0.1", True),
        ("post-hoc 0.1", "post-hoc 0.2", False), ("post-hoc 0.1", "ema", False), ("ema", "post-hoc 0.1", False),
    ],
)  # fmt: skip
def test_explore_knows_which_average_drew_a_file(open_now: str, drew_it: str, same: bool) -> None:
    facts = {"iteration": 4, "latent": 8, "stages": 1, "size": 32, "channels": 3, "classes": [], "compares": False}
    model = Facts.from_answer({**facts, "kind": "sprite", "weights": open_now})
    note = parsed({"run": "r1", "iteration": 4, "latent": "7/3", **({"weights": drew_it} if drew_it else {})})
    assert model.drew(note) is same
    assert not model.drew(parsed({"run": "r1", "iteration": 5, "latent": "7/3", "weights": open_now}))


def test_an_average_that_a_stranger_wrote_is_left_out(workspace) -> None:  # type: ignore[no-untyped-def]
    run = keeping(workspace)
    for width in (None, "wide", -1, [0.1]):
        with_average(run, 1000, width)
        assert all(one.name.isdecimal() or one.is_best for one in drawable_checkpoints(run))
    Path(run.checkpoints_path / "post-hoc" / "state.json").write_text("[")
    assert drawable_checkpoints(run) == kept_checkpoints(run)


def test_what_went_wrong_is_forgotten_with_another_width(session, workspace, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def refuse(*words: str, job: Job, label: str = "") -> dict[str, Any]:
        raise UserError("6 sprites are held out")

    monkeypatch.setattr(averaging, "ask", refuse)
    dialog = shown(session, keeping(workspace), qtbot)
    qtbot.mouseClick(dialog.start_button, LEFT)
    qtbot.waitUntil(lambda: dialog.problem.isVisible() and dialog.task is None, timeout=5000)
    dialog.widths.setCurrentIndex(1)
    assert not dialog.problem.isVisible()
    assert dialog.start_button.isEnabled()
