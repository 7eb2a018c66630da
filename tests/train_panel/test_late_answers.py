"""Results of the Train screen's background work that arrive after the question has changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_objects import settle
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from recorded_runs import recorded

from gandam_studio.qt.following.follower import RunFollower
from gandam_studio.qt.train.setup import preflight_card
from gandam_studio.qt.train.setup.preflight_card import PreflightCard
from gandam_studio.qt.train.watch import grids
from gandam_studio.qt.train.watch.grids import GridArea
from trainer.protocol.presets import load_preset

WAIT_MS = 20_000
COSTS = {
    "memory_mb": 100, "seconds_per_step": 0.1, "steps": 10, "disk_mb": 10, "seconds": 1.0, "device": "cpu",
    "precision": "fp32", "pictures_per_s": 100.0, "batch": 8, "micro_batch": 8,
}  # fmt: skip


@pytest.fixture
def card(qtbot) -> Iterator[PreflightCard]:  # type: ignore[no-untyped-def]
    """A checklist; deleted with the background work it started."""
    made = PreflightCard()
    qtbot.addWidget(made)
    yield made
    made.cancel()
    settle()


def test_costs_of_an_earlier_configuration_are_not_shown(
    card: PreflightCard, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def slow(_config: Any, _job: Any) -> dict[str, Any]:
        assert gate.wait(30)
        return COSTS

    monkeypatch.setattr(preflight_card, "measure_step", slow)
    card.measure(load_preset("dcgan"))
    card.forget_costs()  # another setting was changed meanwhile
    gate.set()
    qtbot.waitUntil(card.measure_button.isEnabled, timeout=WAIT_MS)
    assert card.costs is None
    card.measure(load_preset("dcgan"))
    qtbot.waitUntil(lambda: card.costs == COSTS, timeout=WAIT_MS)


def test_that_the_networks_would_be_wider_is_said_with_the_costs(
    card: PreflightCard, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "there is time for 9 iterations, so the last stages are wider"
    for wider in (said, ""):
        monkeypatch.setattr(preflight_card, "measure_step", lambda _config, _job, wider=wider: COSTS | {"wider": wider})
        with qtbot.waitSignal(card.measured, timeout=WAIT_MS):
            card.measure(load_preset("dcgan"))
        qtbot.waitUntil(card.measure_button.isEnabled, timeout=WAIT_MS)
        notes = [label.text() for label in card.findChildren(QLabel) if "pictures/s" in label.text()]
        assert len(notes) == 1
        assert ("There is time" in notes[0]) == bool(wider)


def test_a_measurement_that_fails_can_be_tried_again(
    card: PreflightCard, qtbot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from gandam_studio.core import failure_log

    monkeypatch.setattr(failure_log, "log_folder", lambda: tmp_path)

    def broken(_config: Any, _job: Any) -> dict[str, Any]:
        raise ZeroDivisionError("of our own making")

    monkeypatch.setattr(preflight_card, "measure_step", broken)
    card.measure(load_preset("dcgan"))
    qtbot.waitUntil(card.measure_button.isEnabled, timeout=WAIT_MS)
    assert card.costs is None
    monkeypatch.setattr(preflight_card, "measure_step", lambda _config, _job: COSTS)
    card.measure(load_preset("dcgan"))
    qtbot.waitUntil(lambda: card.costs == COSTS, timeout=WAIT_MS)


def test_real_sprites_of_another_run_are_not_shown(qtbot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gate = threading.Event()
    shown: list[QImage] = []
    pictures = {name: QImage(64, 64, QImage.Format.Format_RGB32) for name in ("r1-x", "r2-x")}

    def sheet(dataset: Path, _rows: int, _columns: int) -> QImage:
        name = Path(dataset).parent.name
        if name == "r1-x":
            assert gate.wait(30)
        return pictures[name]

    monkeypatch.setattr(grids, "real_sheet", sheet)
    area = GridArea()
    qtbot.addWidget(area)
    area.show()
    real = area.real.view.set_image
    monkeypatch.setattr(
        area.real.view, "set_image", lambda image, *size: (shown.append(image) if image else None, real(image, *size))
    )
    followers = []
    for name in ("r1-x", "r2-x"):
        follower = RunFollower(recorded(tmp_path / name, iterations=100).path)
        followers.append(follower)
        area.set_follower(follower)
        with qtbot.waitSignal(follower.opened, timeout=WAIT_MS):
            follower.start()
        area.refresh()
        QTest.qWait(20)
    gate.set()
    qtbot.waitUntil(lambda: bool(shown), timeout=WAIT_MS)
    QTest.qWait(50)
    assert all(image is pictures["r2-x"] or image == pictures["r2-x"] for image in shown)
    assert len(shown) == 1
    area.wait()
    for follower in followers:
        follower.close()
    settle()
