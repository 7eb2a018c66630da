"""The whole way of an artist: train briefly, explore, keep, interpolate, hand a sheet over, take two back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from small_workspaces import add_sprites
from studio_window import CONTROL, OpenWindow, are_final, press

from gandam_studio.core import versions
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.lineage import lineage_of
from gandam_studio.qt.explore import explorer as views
from gandam_studio.qt.explore import taking_out
from gandam_studio.qt.outputs.finishing_dialog import BOTH, HandOverDialog
from trainer.protocol.presets import load_preset

MS = 120_000
NONE = Qt.KeyboardModifier.NoModifier
SMALL = {
    "architecture.generator_channels": "8,8,8", "architecture.discriminator_channels": "8,8,8", "batch.size": "4",
    "data.size": "32", "architecture.size": "32", "stop.iterations": "3", "sampling.every": "2", "sampling.count": "9",
    "device": "cpu", "precision.threads": "1", "ema.enabled": "false",
}  # fmt: skip


@pytest.mark.timeout(400)
def test_from_training_to_a_sheet_and_two_taken_back(
    open_window: OpenWindow, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        add_sprites(workspace, list(range(24)))
        versions.commit(workspace, "first")
    window = open_window(tmp_path / "w")
    # Train briefly.
    train: Any = window.visit_by_name("Train")
    qtbot.waitUntil(lambda: not window.session.tasks, timeout=MS)
    train.setup.draft.start_from(load_preset("dcgan"))
    for path, value in SMALL.items():
        train.setup.draft.set_text(path, value)
    qtbot.waitUntil(train.setup.start_button.isEnabled, timeout=MS)
    train.setup.start_button.click()
    qtbot.waitUntil(lambda: train.follower is not None and train.follower.state.state == "finished", timeout=MS)
    # Explore it, and keep three.
    press(Qt.Key.Key_6, CONTROL)
    screen: Any = window.screen_shown
    qtbot.waitUntil(lambda: are_final(screen, views.COUNT), timeout=MS)
    screen.grid.setFocus()
    for _ in range(3):
        press(Qt.Key.Key_U)
        press(Qt.Key.Key_Right)
    assert len(screen.explorer.kept.favourites) == 3
    # From one to the next.
    with qtbot.waitSignal(screen.explorer.drawn, timeout=MS):
        press(Qt.Key.Key_I)
    assert len(screen.grid.cells) == 2 * views.STEPS + 1
    # The three as a sheet.
    opened: list[HandOverDialog] = []
    monkeypatch.setattr(taking_out, "run_dialog", opened.append)
    screen.actions_of.hand_over_favourites.trigger()
    dialog = opened[-1]
    qtbot.addWidget(dialog)
    dialog.layout_box.setCurrentIndex(dialog.layout_box.findData(BOTH))
    dialog.target.setText(str(tmp_path / "three"))
    dialog.start()
    qtbot.waitUntil(lambda: dialog.result_path is not None, timeout=MS)
    frames = json.loads((tmp_path / "three" / "sheet.json").read_text(encoding="utf-8"))["frames"]
    assert len(frames) == 3
    with Image.open(tmp_path / "three" / "sheet.png") as sheet:
        assert set(np.unique(np.asarray(sheet.convert("RGBA"))[..., 3])) <= {0, 255}
    # Two of the random samples come back into the workspace, with where they are from.
    with qtbot.waitSignal(screen.explorer.drawn, timeout=MS):
        press(Qt.Key.Key_Escape)
    for index in (4, 9):
        spot = screen.grid.cell_rect(index).center()
        QTest.mouseClick(screen.grid, Qt.MouseButton.LeftButton, CONTROL if index == 9 else NONE, spot)
    assert screen.grid.selected == {4, 9}
    press(Qt.Key.Key_M, CONTROL)
    _, dialog = opened
    qtbot.addWidget(dialog)
    dialog.panel.palette_box.setCurrentIndex(dialog.panel.palette_box.findData(""))
    dialog.take.setChecked(True)
    dialog.target.setText(str(tmp_path / "two"))
    dialog.start()
    qtbot.waitUntil(lambda: dialog.result_path is not None, timeout=MS)
    workspace = window.session.workspace
    back = [sprite for sprite in workspace.sprites() if "generated" in sprite.tags]
    found = [lineage_of(workspace, sprite) for sprite in back]
    assert sorted(one.latent for one in found if one is not None) == ["0/4", "0/9"]
    assert {one.run for one in found if one is not None} == {screen.explorer.source.folder.name}
    assert versions.commit(workspace, "again").unchanged
    for dialog in opened:
        dialog.done(0)
