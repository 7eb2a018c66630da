"""Which preset is proposed, and that taking it keeps what a person has set."""

from __future__ import annotations

import pytest

from gandam_studio.core.runs import propose
from trainer.protocol.presets import preset_names


@pytest.mark.parametrize(
    ("device", "side", "sprites", "limits", "wanted"),
    [
        ("cuda", 64, 50, 1.0, ("sprite-r3", "card")),
        ("cpu", 32, 600, 5.0, ("sprite-flow-cpu", "clearest")),
        ("cpu", 32, 600, 0.0, ("sprite-flow-cpu", "clearest")),
        ("cpu", 32, 600, 1.0, ("sprite-flow-cpu", "clearest")),
        ("cpu", 32, 600, 0.5, ("sprite-flow-cpu", "short")),
        ("cpu", 32, 600, (0.0, 96_000), ("sprite-flow-cpu", "clearest")),
        ("cpu", 32, 600, (0.0, 1_600), ("sprite-flow-cpu", "short")),
        ("cpu", 64, 600, (60.0, 1_600), ("sprite-flow-cpu", "short")),
        ("cpu", 32, 60, 5.0, ("sprite-flow-cpu", "clearest")),
        ("cpu", 32, 59, 2.0, ("sprite-r3-cpu", "few")),
        ("cpu", 32, 59, 5.0, ("sprite-r3-cpu", "few")),
        ("cpu", 64, 600, 5.0, ("sprite-flow-cpu", "clearest")),
        ("cpu", 64, 600, 1.5, ("sprite-flow-cpu", "short")),
        ("cpu", 64, 59, 5.0, None),
        ("cpu", 128, 600, 5.0, None),
    ],
)
def test_the_preset_follows_device_size_sprites_and_minutes(
    device: str, side: int, sprites: int, limits: float | tuple[float, int], wanted: tuple[str, str] | None
) -> None:
    minutes, pictures = limits if isinstance(limits, tuple) else (limits, 0)
    found = propose(device, side, sprites, minutes, pictures)
    assert (None if found is None else (found.preset, found.why)) == wanted
    assert found is None or found.preset in preset_names()
