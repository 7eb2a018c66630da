"""What a new run changes against the run it was derived from: one thing, or things that cannot be told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from gandam_studio.core.runs.comparison import compare_settings
from gandam_studio.qt import theme
from gandam_studio.qt.train.setup.draft import as_text
from gandam_studio.qt.widgets.outside_text import wrapped
from trainer.protocol.advice import setting_name
from trainer.protocol.config import TrainConfig
from trainer.protocol.effects import without_effect
from trainer.protocol.errors import TrainerError
from trainer.protocol.overrides import CHANNELS, WIDE_FROM, apply_overrides

DATA = "data"
LONGEST_LIST = 6
NOT_CHANGES = ("device", "processes", "seed")
"""Settings that are no change to be told apart: where it trains, and luck."""


@dataclass(frozen=True)
class OneChange:
    """A change by itself: a setting's path, or "data", and how it reads."""

    factor: str
    text: str


def changes_from(parent: TrainConfig, config: TrainConfig, version: str, data_diff: str = "") -> list[OneChange]:
    """What differs from the parent's settings and data; `version` is the label of the chosen one."""
    idle = without_effect(parent).keys() & without_effect(config).keys()
    differing = compare_settings(parent, config)
    if {one.factor for one in differing} & set(CHANNELS) and not config.architecture.wide_from:
        idle |= {WIDE_FROM}  # Channels set by hand leave nothing to choose: this is part of that change.
    found = [
        OneChange(one.factor, f"{setting_name(one.factor)} {as_text(one.a)} → {as_text(one.b)}")
        for one in differing
        if one.factor not in NOT_CHANGES and one.factor not in idle
    ]
    if parent.origin.version and version and version != parent.origin.version:
        found.append(OneChange(DATA, data_diff or f"{parent.origin.version} -> {version}"))
    return found


def split(parent: TrainConfig, config: TrainConfig, changes: list[OneChange]) -> list[tuple[OneChange, TrainConfig]]:
    """For each change, the parent's settings with it alone; changes that need others to have an effect are left out."""
    values: dict[str, Any] = {one.factor: one.b for one in compare_settings(parent, config)}
    found = []
    for change in changes:
        if change.factor == DATA:
            found.append((change, parent))
            continue
        try:
            found.append((change, apply_overrides(parent, [f"{change.factor}={as_text(values[change.factor])}"])))
        except TrainerError:
            continue
    return found


class OneChangeBar(QFrame):
    """Says below the form what changes, in amber when the cause could not be separated; hidden without a parent.

    Signals:
        split_requested: the changes are wanted as runs of their own.
    """

    split_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.label = QLabel(wordWrap=True)
        self.button = QPushButton(self.tr("Split into two queued runs"))
        self.button.clicked.connect(lambda _checked=False: self.split_requested.emit())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 12)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(self.label)
        layout.addWidget(self.button)
        self.hide()

    def show_changes(self, parent_run: str, changes: list[OneChange], separable: int) -> None:
        """Show what changes from a run; `separable`: of how many runs of their own the changes would be."""
        listed = "; ".join(change.text for change in changes[:LONGEST_LIST])
        more = len(changes) - LONGEST_LIST
        listed += " " + self.tr("and {0} more").format(more) if more > 0 else ""
        if not changes:
            text = self.tr("New run from {0}. Change one setting, or the version: then you know what helped.").format(
                parent_run
            )
        elif len(changes) == 1:
            text = self.tr("One change from {0}: {1}").format(parent_run, listed)
        else:
            text = self.tr("{0} changes from {1}: the cause cannot be separated. {2}").format(
                len(changes), parent_run, listed
            )
        self.label.setText(wrapped(text, 600))
        role = "warning" if len(changes) > 1 else "secondary"
        if self.label.property("role") != role:
            self.label.setProperty("role", role)
            self.label.style().polish(self.label)  # the style sheet marks it
        self.button.setText(
            self.tr("Split into two queued runs")
            if separable == 2
            else self.tr("Split into {0} queued runs").format(separable)
        )
        self.button.setVisible(len(changes) > 1 and separable > 1)
        self.show()
