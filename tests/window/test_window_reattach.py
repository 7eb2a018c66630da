"""Opening a workspace whose run is training shows the run at once, on any screen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QPushButton
from recorded_runs import Recorder, make_run
from studio_window import OpenWindow


def test_the_strip_shows_a_running_run_before_train_is_ever_visited(
    folder: Path, open_window: OpenWindow, qtbot
) -> None:  # type: ignore[no-untyped-def]
    run = make_run(folder / "runs" / "r1-sprite-r3-cpu")
    recorder = Recorder(run)
    recorder.train(40)
    with run.locked():
        window = open_window(folder)
        texts = lambda: [child.text() for child in window.status_strip.findChildren(QPushButton)]  # noqa: E731
        qtbot.waitUntil(lambda: any("r1-sprite-r3-cpu" in text and "40" in text for text in texts()), timeout=10_000)
        assert type(window.screen_shown).__name__ == "CurateScreen"
    recorder.finish()


def test_a_run_that_has_ended_brings_no_strip(folder: Path, open_window: OpenWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    Recorder(make_run(folder / "runs" / "r1-sprite-r3-cpu")).finish()
    window = open_window(folder)
    qtbot.wait(200)
    assert not window.status_strip.findChildren(QPushButton)
