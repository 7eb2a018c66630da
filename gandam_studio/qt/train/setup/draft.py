"""The configuration being edited: a preset and the settings that differ from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from gandam_studio.qt.failures import explain
from trainer.protocol.config import FieldInfo, TrainConfig, describe_fields, differences, flat
from trainer.protocol.effects import without_effect
from trainer.protocol.errors import TrainerError
from trainer.protocol.overrides import CHANNELS, FILLED_IN, SettingRefused, apply_overrides
from trainer.protocol.presets import load_preset

HIDDEN = ("preset", "description")
"""Set by choosing a preset; like the sections of `FILLED_IN`, which the program writes."""


def editable_fields() -> list[FieldInfo]:
    """The settings shown in forms, in order."""
    return [
        info for info in describe_fields() if info.path not in HIDDEN and info.path.partition(".")[0] not in FILLED_IN
    ]


def as_text(value: Any) -> str:
    """A setting's value as `apply_overrides` reads it back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value)


class ConfigDraft(QObject):
    """A `TrainConfig` being edited by forms.

    Attributes:
        preset: the base configuration. config: the current one; the last valid one while `problem` is set.
        problem: what is wrong with the last change, or ""; problem_path: the setting it is about.

        devices: the devices that this machine has; empty while that is not known.

    Signals:
        changed: the configuration or the problem changed.
        preset_changed: another preset was chosen; forms must update all values.
    """

    changed = Signal()
    preset_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._texts: dict[str, str] = {}
        self.preset = TrainConfig()
        self.config = self.preset
        self.problem = ""
        self.problem_path = ""
        self.parent_run = ""
        self.devices: tuple[str, ...] = ()

    def set_devices(self, found: Sequence[str]) -> None:
        """Set the devices that this machine has."""
        self.devices = tuple(found)
        self.changed.emit()

    @property
    def missing_device(self) -> str:
        """The chosen device if it is known that this machine does not have it, else ""."""
        device = self.config.device
        return device if self.devices and device not in ("auto", *self.devices) else ""

    def choices(self, info: FieldInfo) -> list[str]:
        """What a form offers for a setting: no device that is not there, unless it is the current value."""
        found = [as_text(choice) for choice in info.choices]
        if info.path != "device":
            return found
        return [device for device in found if device in ("auto", "cpu", *self.devices, self.text("device"))]

    def choose(self, name: str) -> None:
        """Start from a bundled preset, discarding all changes. Raises TrainerError."""
        self.start_from(load_preset(name))

    def start_from(self, preset: TrainConfig, config: TrainConfig | None = None, parent_run: str = "") -> None:
        """Start from a preset, changed to `config` if given (e.g. of an earlier run)."""
        self.preset = preset
        self.parent_run = parent_run
        self._texts = {}
        if config is not None:
            # An older run may contain settings without effect, which would be refused.
            known = {info.path for info in editable_fields()} - set(without_effect(config))
            self._texts = {path: as_text(value) for path, _, value in differences(preset, config) if path in known}
        self.preset_changed.emit()
        self._apply("")

    def set_text(self, path: str, text: str) -> None:
        """Set a setting from text entered by the user."""
        self._texts[path] = text
        self._apply(path)

    def set_value(self, path: str, value: Any) -> None:
        """Set a setting from a value."""
        self.set_text(path, as_text(value))

    def reset(self, path: str) -> None:
        """Restore the preset's value."""
        self._texts.pop(path, None)
        self._apply(path)

    def text(self, path: str) -> str:
        """A setting's text for forms."""
        # Channels set by hand change `wide_from` as well.
        return self._texts.get(path, as_text(flat(self.preset if self.problem else self.config)[path]))

    def value(self, path: str) -> Any:
        """A setting's current (valid) value."""
        return flat(self.config)[path]

    def departures(self) -> dict[str, tuple[Any, Any]]:
        """Settings that differ from the preset: path -> (preset's value, current value)."""
        return {path: (before, after) for path, before, after in differences(self.preset, self.config)}

    def _apply(self, path: str) -> None:
        own = flat(self.preset)
        # Channels that are the preset's were not set by hand, or none would ever be chosen.
        texts = [
            f"{name}={text}" for name, text in self._texts.items() if name not in CHANNELS or text != as_text(own[name])
        ]
        try:
            self.config = apply_overrides(self.preset, texts)
            self.problem = self.problem_path = ""
        except SettingRefused as error:
            self.problem, self.problem_path = explain(error), error.path
        except TrainerError as error:
            self.problem, self.problem_path = explain(error), path
        self.changed.emit()
