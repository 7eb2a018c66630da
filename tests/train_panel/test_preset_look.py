"""What presets draw, shown beside the choice."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gandam_studio.qt.train.setup.preset_look import LARGE, LEAST, SIDE, SMALL, PresetLook, stored_look
from trainer.protocol.presets import preset_names
from trainer.protocol.resources import resource_path

MOST_BYTES = 150_000


def test_stored_looks_are_rows_of_squares_of_presets_and_small() -> None:
    paths = sorted(resource_path("looks").iterdir())
    presets = {path.stem.removesuffix(f"-{LARGE}") for path in paths}
    assert {"sprite-flow-cpu", "sprite-r3-cpu"} <= presets <= set(preset_names())
    assert sum(path.stat().st_size for path in paths) < MOST_BYTES
    for preset in presets:
        for side in (SMALL, LARGE):
            image = stored_look(preset, side)
            assert image is not None
            assert image.height() == side
            assert image.width() % side == 0
            assert image.width() // side >= LEAST


@pytest.mark.parametrize("name", ["", "gandam-part-2", "../icons/train", "of-a-run-only"])
def test_without_stored_samples_nothing_is_shown(name: str, qtbot) -> None:  # type: ignore[no-untyped-def]
    look = PresetLook()
    qtbot.addWidget(look)
    look.show_preset("sprite-r3-cpu")
    look.show_preset(name)
    assert (look.preset, look.count, look.isHidden()) == ("", 0, True)


@pytest.mark.parametrize(("side", "stored"), [(16, SMALL), (32, SMALL), (33, LARGE), (64, LARGE), (128, LARGE)])
def test_larger_pictures_are_shown_by_larger_samples(side: int, stored: int, qtbot) -> None:  # type: ignore[no-untyped-def]
    look, other = PresetLook(), PresetLook()
    for one in (look, other):
        qtbot.addWidget(one)
    look.show_preset("sprite-flow-cpu", side)
    other.show_preset("sprite-flow-cpu", stored)
    assert (look.caption, look.toolTip(), look.grab().toImage()) == (
        other.caption,
        other.toolTip(),
        other.grab().toImage(),
    )
    assert look.count > 0
    assert (str(LARGE) in look.caption) == (str(LARGE) in look.toolTip()) == (stored == LARGE)


@pytest.mark.parametrize(("width", "count"), [(SIDE * 3, 3), (SIDE * 5 - 1, 4), (SIDE * 20, 8)])
def test_as_many_whole_samples_as_fit_are_painted_without_blur(width: int, count: int, qtbot) -> None:  # type: ignore[no-untyped-def]
    look = PresetLook()
    qtbot.addWidget(look)
    look.show_preset("sprite-flow-cpu")
    look.resize(width, look.sizeHint().height())
    assert look.count == count
    shot = look.grab().toImage()
    with Image.open(resource_path("looks", "sprite-flow-cpu.png")) as stored:
        wanted = np.asarray(stored.convert("RGB"))
    times = SIDE // stored.height
    for x, y in ((5, 7), (count * stored.height - 3, 20)):
        color = shot.pixelColor(x * times, y * times)
        assert (color.red(), color.green(), color.blue()) == tuple(wanted[y, x])


def test_the_chosen_and_the_proposed_preset_show_what_they_draw(session, sprites, qtbot) -> None:  # type: ignore[no-untyped-def]
    from gandam_studio.qt.train.control import RunControl
    from gandam_studio.qt.train.setup.setup_page import SetupPage

    control = RunControl(session)
    page = SetupPage(session, control)
    qtbot.addWidget(page)
    page.draft.set_devices(["cpu"])
    assert (page.look.preset, page.proposed_look.preset) == ("sprite-flow-cpu", "sprite-r3-cpu")
    page.all_settings.setChecked(True)
    assert page.look.isHidden()
    assert page.proposed_look.isHidden()
    page.all_settings.setChecked(False)
    assert page.look.preset == "sprite-flow-cpu"
    page.draft.choose("gandam-part-2")
    assert page.look.isHidden()
    page.draft.choose("sprite-r3-cpu")
    assert (page.look.preset, page.proposed_look.isHidden()) == ("sprite-r3-cpu", True)
    small = page.look.grab().toImage()
    page.draft.set_value("data.size", 64)
    assert page.look.grab().toImage() != small
    control.release()
