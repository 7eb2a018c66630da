"""The configuration being drawn up: a preset and the settings in which the person departs from it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from trainer.protocol.config import FieldInfo, TrainConfig, describe_fields, differences, flat
from trainer.protocol.effects import without_effect
from trainer.protocol.errors import TrainerError
from trainer.protocol.overrides import SettingRefused, apply_overrides
from trainer.protocol.presets import load_preset

HIDDEN = ("preset", "description")
"""Decided by choosing a preset; and everything under "origin", decided by the version."""


def editable_fields() -> list[FieldInfo]:
    """The settings a form shows, in order."""
    return [info for info in describe_fields() if info.path not in HIDDEN and not info.path.startswith("origin.")]


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
    """Forms edit it; whoever starts a run asks it for the `TrainConfig`.

    Attributes:
        preset: the configuration departed from. config: the present one; the last valid one while `problem` is set.
        problem: what is wrong with the last change, "" when all is well; problem_path: the setting it is about.

    Signals:
        changed: the configuration, or the problem, is another one.
        preset_changed: another preset was chosen; forms show all values anew.
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

    def choose(self, name: str) -> None:
        """Start from a bundled preset; departures are forgotten. Raises TrainerError."""
        self.start_from(load_preset(name))

    def start_from(self, preset: TrainConfig, config: TrainConfig | None = None, parent_run: str = "") -> None:
        """Start from a preset with the departures that `config` (of an earlier run, say) has from it."""
        self.preset = preset
        self.parent_run = parent_run
        self._texts = {}
        if config is not None:
            # An older run may hold settings that change nothing; to set them would be refused.
            known = {info.path for info in editable_fields()} - set(without_effect(config))
            self._texts = {path: as_text(value) for path, _, value in differences(preset, config) if path in known}
        self.preset_changed.emit()
        self._apply("")

    def set_text(self, path: str, text: str) -> None:
        """The person has entered this for a setting."""
        self._texts[path] = text
        self._apply(path)

    def set_value(self, path: str, value: Any) -> None:
        """The same for a value."""
        self.set_text(path, as_text(value))

    def reset(self, path: str) -> None:
        """Back to the preset's value."""
        self._texts.pop(path, None)
        self._apply(path)

    def text(self, path: str) -> str:
        """What a form shows for a setting."""
        return self._texts.get(path, as_text(flat(self.preset)[path]))

    def value(self, path: str) -> Any:
        """A setting's present (valid) value."""
        return flat(self.config)[path]

    def departures(self) -> dict[str, tuple[Any, Any]]:
        """Settings that differ from the preset: path -> (preset's, present)."""
        return {path: (before, after) for path, before, after in differences(self.preset, self.config)}

    def _apply(self, path: str) -> None:
        try:
            self.config = apply_overrides(self.preset, [f"{name}={text}" for name, text in self._texts.items()])
            self.problem = self.problem_path = ""
        except SettingRefused as error:
            self.problem, self.problem_path = str(error), error.path
        except TrainerError as error:
            self.problem, self.problem_path = str(error), path
        self.changed.emit()
