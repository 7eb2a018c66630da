"""The side of Explore: the chosen sample, the directions, and the real pictures nearest to it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.explore.controls import tool
from gandam_studio.qt.explore.directions_panel import DirectionsPanel
from gandam_studio.qt.explore.sample_panel import SamplePanel

WIDTH = 344


class ExploreSide(QFrame):
    """Attributes:
    sample: the chosen one. directions: sliders. learn_button, tag_button: find more of these.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sample = SamplePanel()
        self.directions = DirectionsPanel()
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(14, theme.SPACE + theme.HALF, 14, theme.SPACE)
        column.setSpacing(theme.SPACE)
        title = QLabel(self.tr("Directions"))
        title.setProperty("role", "section")
        title.setToolTip(self.tr("Each slider changes all samples the same way, one thing at a time."))
        self.learn_button = tool("plus", self.tr("Learn from picks"), self.tr("Learn from picks"))
        self.tag_button = tool("tag", self.tr("Learn from a tag…"), self.tr("Learn from a tag…"))
        learning = QHBoxLayout()
        learning.setSpacing(theme.HALF)
        learning.addWidget(self.learn_button)
        learning.addWidget(self.tag_button)
        learning.addStretch(1)
        line = QFrame()
        line.setProperty("role", "line")
        column.addWidget(self.sample)
        column.addWidget(line)
        column.addWidget(title)
        column.addWidget(self.directions)
        column.addLayout(learning)
        column.addWidget(self.sample.nearest)
        column.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inner)
        self.setProperty("role", "side")
        self.setFixedWidth(WIDTH)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
