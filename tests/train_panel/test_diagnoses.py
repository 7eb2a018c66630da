"""Diagnoses on screen: verdict and cards at the cursor, marks, pictures, alarms, and damaged ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QToolTip
from recorded_runs import SIDE, Recorder, diagnosis, make_run, pictures, recorded
from runs_screens import never_ending, story_lines

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import Job
from gandam_studio.core.runs import evaluating
from gandam_studio.core.runs.concerns import concern
from gandam_studio.core.runs.diagnoses import finding_in, verdict_changes
from gandam_studio.core.runs.record import RunRecord
from gandam_studio.qt.outputs.evaluation_dialog import FolderEvaluationDialog, RunEvaluationDialog
from gandam_studio.qt.train.screen import TrainScreen
from gandam_studio.qt.train.setup.advanced_form import AdvancedForm
from gandam_studio.qt.train.setup.draft import ConfigDraft
from gandam_studio.qt.widgets.diagnosis.cards import DiagnosisCards
from gandam_studio.qt.widgets.diagnosis.sheet_dialog import DiagnosisSheetDialog
from gandam_studio.qt.widgets.fitting import Reach
from gandam_studio.qt.widgets.plots.timeline_bar import CLEARED, RAISED, VERDICT
from trainer.protocol import events as ev
from trainer.protocol.diagnosis import SpikeFacts
from trainer.protocol.diagnosis_cards import cards, summary
from trainer.protocol.run_directory import RunDirectory

LEFT = Qt.MouseButton.LeftButton
MOMENTS = (
    ("cannot tell yet", "blurry"), ("healthy", "varied"), ("memorised", "copies"),
    ("collapsed onto training pictures", "copies"), ("collapsed", "alike"), ("cannot tell yet", "few pictures"),
    ("cannot tell yet", "blurry and alike"), ("cannot tell yet", "related copies"), ("cannot tell yet", "between"),
)  # fmt: skip


def diagnosed(folder: Path, *, finish: bool = True) -> RunDirectory:
    """A run with a diagnosis of every kind, 100 iterations apart, a spike and three changes of alarms."""
    recorder = Recorder(make_run(folder))
    recorder.sample()
    for position, (verdict, reason) in enumerate(MOMENTS):
        recorder.train(100, (250,))
        recorder.sample()
        recorder.diagnose(diagnosis(verdict, reason))
        if position == 2:
            recorder.write(ev.Alarm(about="copying", state="raised", evidence=120.0, action="checkpoint"))
            recorder.write(ev.SpikeFound(spike_iteration=250, curve="loss_g", z=42.0))
        if position == 4:
            recorder.write(ev.Alarm(about="collapse", state="raised", evidence=100.0, action="notify"))
            recorder.write(ev.Alarm(about="copying", state="cleared", evidence=2.0))
    recorder.checkpoint()
    if finish:
        recorder.finish()
    return recorder.run


def in_dialog(look: Callable[[DiagnosisSheetDialog], None]) -> list[DiagnosisSheetDialog]:
    """Look at the next modal dialog and close it; the returned list then holds it."""
    seen: list[DiagnosisSheetDialog] = []

    def when_open() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, DiagnosisSheetDialog)
        try:
            look(dialog)
            seen.append(dialog)
        finally:
            dialog.reject()

    QTimer.singleShot(100, when_open)
    return seen


def test_scrubbing_shows_the_verdict_and_the_cards_of_that_moment(tmp_path: Path, page) -> None:  # type: ignore[no-untyped-def]
    shown = page(diagnosed(tmp_path / "r1").path)
    for position, (verdict, reason) in enumerate(MOMENTS):
        shown.timeline.grab(100 * (position + 1) + 37.0)
        told = diagnosis(verdict, reason)
        assert shown.verdict.title.text() == summary(told).title
        assert f"{100 * (position + 1):,}" in shown.verdict.moment.text()
        for name, card in cards(told).items():
            assert shown.diagnosis.cards[name].title.text() == card.title
            assert card.meaning in shown.diagnosis.cards[name].accessibleName().replace("\u200b", "")
        assert summary(told).advice in shown.diagnosis.meaning.text().replace("\u200b", "")
        assert "0.05" in shown.diagnosis.cards["quality"].toolTip(), "the numbers with their intervals"
    shown.timeline.grab(20)
    assert "100" in shown.verdict.title.text(), "not diagnosed before the first"
    assert not shown.verdict.why_button.isVisible()
    shown.timeline.end()
    assert shown.verdict.title.text() == summary(diagnosis(*MOMENTS[-1])).title


def test_signs_differ_by_more_than_their_colour(tmp_path: Path, page) -> None:  # type: ignore[no-untyped-def]
    shown = page(diagnosed(tmp_path / "r1").path)
    signs, names = [], []
    for iteration in (200, 300, 800):
        shown.timeline.grab(iteration)
        image = shown.diagnosis.cards["copying"].sign.pixmap().toImage()
        signs.append([image.pixelColor(x, y).alpha() for x in range(image.width()) for y in range(image.height())])
        names.append(shown.diagnosis.cards["copying"].accessibleName().split(".")[0])
    assert signs[0] != signs[1] != signs[2] != signs[0]
    assert len(set(names)) == 3


def test_changes_of_the_verdict_and_alarms_are_marked_and_clicked(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    shown = page(diagnosed(tmp_path / "r1").path)
    track = shown.timeline_bar.track
    at = {kind: [mark.position for mark in track.marks if mark.kind == kind] for kind in (VERDICT, RAISED, CLEARED)}
    assert at == {VERDICT: [200, 300, 400, 500, 600], RAISED: [300, 500], CLEARED: [500]}
    place = QPoint(round(track.x_of(300)) + 2, 6)
    qtbot.mouseMove(track, place - QPoint(20, 0))
    qtbot.mouseMove(track, place)
    assert "300" in QToolTip.text()
    assert "training pictures" in QToolTip.text()
    qtbot.mouseClick(track, LEFT, pos=place)
    assert shown.timeline.position == 300
    image = track.grab().toImage()
    ratio = image.devicePixelRatio()
    column = {image.pixelColor(round(track.x_of(400) * ratio), y).name() for y in range(2, round(12 * ratio))}
    empty = {image.pixelColor(round(track.x_of(450) * ratio), y).name() for y in range(2, round(12 * ratio))}
    assert column != empty, "the mark is painted"


def test_the_log_has_a_line_for_each_and_leads_there(tmp_path: Path, page) -> None:  # type: ignore[no-untyped-def]
    shown = page(diagnosed(tmp_path / "r1").path)
    lines = story_lines(shown)
    assert sum(summary(diagnosis("healthy", "varied")).title in line for line in lines) == 1
    assert sum("Alarm" in line for line in lines) == 3
    assert not any("unknown" in line for line in lines)


@pytest.mark.parametrize(("card", "rows"), [("copying", 3), ("variety", 2)])
def test_a_click_on_a_card_opens_the_pictures_behind_it(tmp_path: Path, page, qtbot, card: str, rows: int) -> None:  # type: ignore[no-untyped-def]
    shown = page(diagnosed(tmp_path / "r1").path)
    shown.timeline.grab(300)
    qtbot.mouseClick(shown.verdict.why_button, LEFT)
    clicked = shown.diagnosis.cards[card]
    assert clicked.isVisible()

    def look(dialog: DiagnosisSheetDialog) -> None:
        qtbot.waitUntil(lambda: dialog.view.isVisible(), timeout=5000)
        assert len(dialog.view.rows) == rows
        first = dialog.view.rows[0][1][0]
        assert (first.width(), first.height()) == (SIDE, SIDE)
        if card == "copying":
            tiles = pictures(3 * 8 + 12, 300)
            for row, (_name, cells) in enumerate(dialog.view.rows):
                color = cells[3].pixelColor(0, 0)
                assert (color.red(), color.green(), color.blue()) == tuple(tiles[8 * row + 3, 0, 0])
            assert dialog.view.captions[0].startswith("0.30")
            assert len({caption.split("\n")[1] for caption in dialog.view.captions}) == 2, "alike and not alike"

    seen = in_dialog(look)
    qtbot.mouseClick(clicked, LEFT, pos=QPoint(20, clicked.height() - 6))
    assert seen


def test_the_card_of_drift_leads_to_a_jump_that_has_grids(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    recorder = Recorder(make_run(tmp_path / "r1"))
    recorder.sample()
    recorder.train(400)
    grids = dict.fromkeys(("before", "at", "after"), "samples/fixed-00000000.png")
    moments = {"before": 80, "at": 100, "after": 120}
    recorder.write(ev.SpikeFound(spike_iteration=90, curve="loss_g", z=9.0, pictures=grids, moments=moments))
    recorder.write(ev.SpikeFound(spike_iteration=380, curve="loss_g", z=9.0))
    recorder.diagnose(replace(diagnosis("healthy", "varied"), spikes=SpikeFacts(9, 40, 1.3, 0.01)))
    recorder.finish()
    shown = page(recorder.run.path)
    qtbot.mouseClick(shown.verdict.why_button, LEFT)
    assert "1.3" in shown.diagnosis.cards["drift"].meaning.text()
    assert "p = 0.01" in shown.diagnosis.cards["drift"].toolTip()
    qtbot.mouseClick(shown.diagnosis.cards["drift"].button, LEFT)
    assert shown.grids.spike.spike_iteration == 90


def test_the_keyboard_reaches_the_pictures(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    shown = page(diagnosed(tmp_path / "r1").path)
    shown.verdict.why_button.setFocus()
    QTest.keyClick(shown.verdict.why_button, Qt.Key.Key_Space)
    button = shown.diagnosis.cards["variety"].button
    button.setFocus()
    assert button.accessibleName()
    seen = in_dialog(lambda dialog: qtbot.waitUntil(lambda: dialog.view.isVisible(), timeout=5000))
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert seen


@pytest.mark.parametrize("damage", ["missing", "damaged", "other shape", "outside"])
def test_missing_and_damaged_sheets_are_one_line(tmp_path: Path, page, qtbot, damage: str) -> None:  # type: ignore[no-untyped-def]
    run = diagnosed(tmp_path / "r1")
    sheet = run.path / "samples" / "nearest-00000300.png"
    if damage == "missing":
        sheet.unlink()
    elif damage == "damaged":
        sheet.write_bytes(sheet.read_bytes()[:60])
    elif damage == "other shape":
        sheet.write_bytes((run.path / "samples" / "group-00000300.png").read_bytes())
    else:
        text = run.events_path.read_text()
        run.events_path.write_text(text.replace("samples/nearest-00000300.png", "../secret.png"))
        sheet.rename(tmp_path / "secret.png")
    shown = page(run.path)
    shown.timeline.grab(300)
    qtbot.mouseClick(shown.verdict.why_button, LEFT)

    def look(dialog: DiagnosisSheetDialog) -> None:
        qtbot.waitUntil(lambda: "damaged" in dialog.note.text(), timeout=5000)
        assert dialog.note.isVisible()
        assert not dialog.view.isVisible()

    seen = in_dialog(look)
    qtbot.mouseClick(shown.diagnosis.cards["copying"].button, LEFT)
    assert seen


def test_damaged_values_are_one_line_and_the_others_are_shown(tmp_path: Path, page) -> None:  # type: ignore[no-untyped-def]
    recorder = Recorder(make_run(tmp_path / "r1"))
    recorder.train(100)
    recorder.diagnose(diagnosis("healthy", "varied"), damaged=True)
    recorder.train(100)
    recorder.diagnose(diagnosis("healthy", "varied"))
    recorder.finish()
    shown = page(recorder.run.path)
    assert shown.verdict.title.text() == summary(diagnosis("healthy", "varied")).title
    shown.timeline.grab(150)
    assert "cannot be read" in shown.verdict.title.text()
    assert "100" in shown.verdict.moment.text()
    assert not shown.timeline_bar.track.marks, "a damaged diagnosis is no change of the verdict"
    assert any("cannot be read" in line for line in story_lines(shown))


def test_an_old_run_says_that_it_can_be_evaluated(tmp_path: Path, page, qtbot) -> None:  # type: ignore[no-untyped-def]
    shown = page(recorded(tmp_path / "r1", iterations=200).path)
    qtbot.waitUntil(lambda: shown.verdict.evaluate_button.isVisible(), timeout=5000)
    assert "while it trained" in shown.verdict.title.text()
    with qtbot.waitSignal(shown.evaluation_requested):
        qtbot.mouseClick(shown.verdict.evaluate_button, LEFT)
    empty = page(make_run(tmp_path / "r2").path)
    assert not empty.verdict.evaluate_button.isVisible(), "nothing to draw with"


def test_an_alarm_is_notified_once_it_is_raised(session, workspace, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    run = make_run(workspace.folder / "runs" / "r1-live")
    recorder = Recorder(run)
    recorder.train(100)
    recorder.write(ev.Alarm(about="collapse", state="raised", evidence=100.0, action="notify"))
    screen = TrainScreen(session)
    qtbot.addWidget(screen)
    posted: list[str] = []
    session.message_posted.connect(lambda text, _severity, _stays: posted.append(text))
    told: list[str] = []
    monkeypatch.setattr(screen.notifier, "notify", lambda _window, _title, text: told.append(text))
    try:
        with run.locked():
            screen.show_run(run.path)
            qtbot.waitUntil(lambda: screen.follower.is_open, timeout=5000)
            recorder.train(100)
            recorder.diagnose(diagnosis("memorised", "copies"))
            recorder.write(ev.Alarm(about="copying", state="raised", evidence=100.0, action="stop"))
            recorder.write(ev.Alarm(about="collapse", state="cleared", evidence=0.5))
            qtbot.waitUntil(lambda: bool(told), timeout=5000)
            assert len(told) == 1, "neither the alarm of the past nor the one that is over"
            assert "copies training pictures" in told[0]
            assert told == posted
    finally:
        screen.closing()


def test_what_lies_beyond_the_checkpoint_of_a_resume_does_not_count() -> None:
    record = RunRecord()
    healthy, copied = (diagnosis(*pair) for pair in (("healthy", "varied"), ("memorised", "copies")))
    record.apply(
        [
            *(
                event
                for step, found in ((100, healthy), (200, copied))
                for event in (
                    ev.Progress(iteration=step, first_iteration=step - 99, curves={"loss_g": [1.0] * 100}),
                    ev.Diagnosed(iteration=step, verdict=found.verdict, values=found.to_json()),
                )
            ),
            ev.Alarm(iteration=200, about="copying", state="raised"),
        ]
    )
    assert [one.iteration for one in verdict_changes(record.diagnoses)] == [200]
    assert [alarm.about for alarm in record.alarms] == ["copying"]
    changes = record.apply([ev.RunResumed(iteration=150, checkpoint="checkpoints/00000150")])
    assert changes.diagnoses
    assert [one.iteration for one in record.diagnoses] == [100]
    assert record.diagnosis_at(1000) is record.diagnoses[0]
    assert record.diagnosis_at(99) is None
    assert not record.alarms


def test_the_verdict_comes_before_the_rules_about_curves() -> None:
    """By its losses the generator learns nothing and quality is flat, but its pictures are healthy."""
    record = RunRecord()
    record.apply([ev.Progress(iteration=1000, first_iteration=1, curves={"loss_d": [0.001] * 1000})])
    found = concern(record)
    assert found is not None
    assert found.kind == "discriminator"
    collapsed = diagnosis("collapsed", "alike")
    record.apply([ev.Diagnosed(iteration=900, values=collapsed.to_json())])
    assert concern(record) is not None, "both are bad news"
    record.apply([ev.Diagnosed(iteration=1000, values=diagnosis("healthy", "varied").to_json())])
    assert concern(record) is None
    record.apply([ev.Progress(iteration=2000, first_iteration=1001, curves={"loss_d": [1e9] * 1000})])
    assert concern(record) is not None, "what explodes now is told whatever the pictures were"


def test_the_answer_of_evaluate_is_read_as_untrusted() -> None:
    answer = diagnosis("memorised", "copies").to_json() | {"iteration": 300, "nearest": [0.2, 1.5], "why": "…"}
    found = finding_in(json.loads(json.dumps(answer)))
    assert found.diagnosis == diagnosis("memorised", "copies")
    assert (found.iteration, found.nearest) == (300, (0.2, 1.5))
    for damage in ({"nearest": [0.2, "x"]}, {"nearest": [float("inf")]}, {"nearest": [-1]}, {"nearest": 3}):
        assert finding_in(answer | damage).nearest == ()
    assert finding_in(answer | {"copying": None}).diagnosis is None
    assert finding_in(answer | {"iteration": -5}).iteration == 0


@pytest.mark.parametrize(("size", "in_row"), [((1240, 700), 4), ((760, 520), 2), ((430, 480), 1)])
def test_cards_stand_below_each_other_in_small_windows(tmp_path: Path, qtbot, size, in_row: int) -> None:  # type: ignore[no-untyped-def]
    shown = DiagnosisCards()
    area = Reach(shown)
    qtbot.addWidget(area)
    area.resize(*size)
    area.show()
    found = finding_in(diagnosis("memorised", "copies").to_json())
    shown.show_finding(replace(found, pictures={"nearest": "a", "group": "b"}), where="", spikes="2 spikes so far.")
    labels = [label for card in shown.cards.values() for label in (card.title, card.meaning, card.advice)]

    def whole() -> bool:
        """Check that no line is cut off and each row has the same number of cards."""
        rows = len({card.y() for card in shown.cards.values()})
        return rows == 4 // in_row and all(one.height() >= one.heightForWidth(one.width()) for one in labels)

    qtbot.waitUntil(whole, timeout=2000)
    assert not area.horizontalScrollBar().maximum()


def test_pictures_of_look_alikes_are_offered_only_where_there_are_any(qtbot) -> None:  # type: ignore[no-untyped-def]
    shown = DiagnosisCards()
    qtbot.addWidget(shown)
    found = diagnosis("memorised", "copies")
    for share, offered in ((2 / found.samples, True), (1 / found.samples, False)):
        one = replace(found, variety=replace(found.variety, top_share=share))
        finding = replace(finding_in(one.to_json()), pictures={"nearest": "a", "group": "b"})
        shown.show_finding(finding, where="")
        assert shown.cards["variety"].button.isHidden() is not offered
        assert not shown.cards["copying"].button.isHidden()


# Evaluate


@pytest.fixture
def answering(monkeypatch) -> Iterator[list[tuple[str, ...]]]:  # type: ignore[no-untyped-def]
    """Answers in place of the trainer, with sheets; yields the arguments it was called with."""
    asked: list[tuple[str, ...]] = []

    def answer(*words: str, job: Job, label: str = "") -> dict[str, Any]:
        asked.append(words)
        out = Path(words[words.index("--out") + 1])
        out.mkdir()
        for name, rows in (("nearest", 3), ("group", 1)):
            tiles = pictures(2 * rows).reshape(rows, 2, SIDE, SIDE, 3).swapaxes(1, 2)
            Image.fromarray(tiles.reshape(rows * SIDE, 2 * SIDE, 3)).save(out / f"{name}.png")
        return {**diagnosis("memorised", "copies").to_json(), "iteration": 500, "nearest": [0.5, 1.5]}

    monkeypatch.setattr(evaluating, "ask", answer)
    return asked


def test_any_kept_checkpoint_is_evaluated_with_cards_and_pictures(  # type: ignore[no-untyped-def]
    session, workspace, qtbot, answering
) -> None:
    run = recorded(workspace.folder / "runs" / "r1-old", iterations=1000)
    dialog = RunEvaluationDialog(session, [], run.path, 480.0)
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.checkpoints.count() == 2
    assert dialog.checkpoints.chosen.iteration == 500, "the nearest to the cursor"
    qtbot.mouseClick(dialog.start_button, LEFT)
    qtbot.waitUntil(lambda: dialog.evaluated is not None and dialog.task is None, timeout=10_000)
    assert answering[0][:2] == ("evaluate", str(run.path))
    assert answering[0][answering[0].index("--iteration") + 1] == "500"
    assert answering[0][answering[0].index("--samples") + 1] == "1024"
    assert not Path(answering[0][answering[0].index("--out") + 1]).exists(), "nothing is left behind"
    assert dialog.cards.title.text().startswith(summary(diagnosis("memorised", "copies")).title)
    seen = in_dialog(lambda sheets: qtbot.waitUntil(lambda: sheets.view.isVisible(), timeout=5000))
    qtbot.mouseClick(dialog.cards.cards["copying"].button, LEFT)
    assert seen
    assert len(seen[0].view.captions) == 2


def test_a_folder_is_evaluated_against_a_version(session, sprites, tmp_path: Path, qtbot, answering) -> None:  # type: ignore[no-untyped-def]
    dialog = FolderEvaluationDialog(session)
    qtbot.addWidget(dialog)
    dialog.show()
    assert not dialog.start_button.isEnabled()
    for wrong in (tmp_path / "nowhere", recorded(tmp_path / "r1", iterations=100).path):
        dialog.folder.setText(str(wrong))
        assert wrong.name in dialog.problem.text().replace("\u200b", "")
        assert not dialog.start_button.isEnabled()
    folder = tmp_path / "drawn"
    folder.mkdir()
    for number, picture in enumerate(pictures(4)):
        Image.fromarray(picture).save(folder / f"{number}.png")
    dialog.folder.setText(str(folder))
    QTest.keyClick(dialog.folder, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dialog.evaluated is not None and dialog.task is None, timeout=20_000)
    against = Path(answering[0][answering[0].index("--against") + 1])
    assert np.load(against).shape[0] == 24, "the version, prepared"
    assert "drawn" in dialog.cards.title.text()


def test_an_evaluation_is_cancelled_and_what_fails_is_one_line(session, workspace, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    run = recorded(workspace.folder / "runs" / "r1-old", iterations=200)
    dialog = RunEvaluationDialog(session, [], run.path)
    qtbot.addWidget(dialog)
    dialog.show()
    started = never_ending(monkeypatch, evaluating)
    qtbot.mouseClick(dialog.start_button, LEFT)
    qtbot.waitUntil(started.is_set, timeout=5000)
    assert dialog.bar.isVisible()
    qtbot.mouseClick(dialog.close_button, LEFT)
    qtbot.waitUntil(lambda: dialog.task is None, timeout=5000)
    assert dialog.isVisible(), "cancelled, not closed"
    assert dialog.evaluated is None
    assert dialog.start_button.isEnabled()

    def fails(*_words: str, job: Job, label: str = "") -> dict[str, Any]:
        raise UserError("the checkpoint is damaged")

    monkeypatch.setattr(evaluating, "ask", fails)
    qtbot.mouseClick(dialog.start_button, LEFT)
    qtbot.waitUntil(lambda: dialog.problem.isVisible(), timeout=5000)
    assert dialog.problem.text() == "The checkpoint is damaged"


def test_evaluate_has_a_key(session, workspace, qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    run = recorded(workspace.folder / "runs" / "r1-old", iterations=200)
    screen = TrainScreen(session)
    qtbot.addWidget(screen)
    asked: list[tuple[Path, float | None]] = []
    monkeypatch.setattr(screen.samples, "evaluate", lambda folder, moment=None: asked.append((folder, moment)))
    try:
        screen.show_run(run.path)
        screen.show()
        qtbot.waitUntil(lambda: screen.follower.is_open, timeout=5000)
        screen.watch.timeline.grab(100.0)
        QTest.keyClick(
            screen.watch, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        )
        assert asked == [(run.path, 100.0)]
    finally:
        screen.closing()


def test_what_the_run_does_on_an_alarm_is_set_in_all_settings(qtbot) -> None:  # type: ignore[no-untyped-def]
    draft = ConfigDraft()
    draft.choose("sprite-r3-cpu")
    form = AdvancedForm(draft)
    qtbot.addWidget(form)
    wanted = ["notify", "checkpoint", "stop"]
    boxes = [box for box in form.findChildren(QComboBox) if [box.itemText(i) for i in range(box.count())] == wanted]
    assert len(boxes) == 1
    boxes[0].setCurrentIndex(2)
    boxes[0].activated.emit(2)
    assert draft.config.diagnostics.on_alarm == "stop"
