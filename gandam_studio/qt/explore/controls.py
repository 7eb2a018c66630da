"""The controls around the samples: what they are drawn from, and what belongs to the view that is shown."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QSlider, QSpacerItem, QToolButton, QWidget

from gandam_studio.qt import icons, theme
from gandam_studio.qt.explore.explorer import STEPS
from gandam_studio.qt.outputs.checkpoint_box import CheckpointBox
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.choice_box import ChoiceBox
from gandam_studio.qt.widgets.numbers import WholeBox
from trainer.protocol.untrusted import shortened

LARGEST_SEED = 999_999
LEAST_RADIUS, USUAL_RADIUS = 5, 35
"""Percent."""
MOST_VARIETY = 150
HEIGHT = 34


def tool(icon: str, name: str, text: str = "") -> QToolButton:
    """A button with the name of its action, from which it gets its tip and keys; `text` is shown beside the icon."""
    button = QToolButton()
    icons.set_icon(button, icon, "text", 18)
    button.setAccessibleName(name)
    if text:
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setText(text)
    return button


def beside(*widgets: QWidget) -> QWidget:
    """Widgets in a row, without margins."""
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(theme.HALF + 2)
    for widget in widgets:
        row.addWidget(widget)
    return box


def _slider(least: int, most: int, value: int, width: int) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(least, most)
    slider.setPageStep(10)
    slider.setValue(value)
    slider.setFixedWidth(width)
    return slider


class SourceBar(QFrame):
    """Attributes:
    runs, checkpoints, open_button: the model. seed, dice: the samples. kinds: their class, of models that learned some.
        variety, variety_value: truncation, in percent; variety_box holds both.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "bar")
        self.runs = ChoiceBox()
        self.runs.setAccessibleName(self.tr("Run"))
        self.runs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.runs.setMaximumWidth(260)
        self.checkpoints = CheckpointBox(session)
        self.checkpoints.setAccessibleName(self.tr("Checkpoint"))
        self.checkpoints.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.checkpoints.setMinimumContentsLength(16)
        self.checkpoints.setMaximumWidth(480)
        self.open_button = tool("folder", self.tr("Open another run or model…"))
        self.seed = WholeBox(minimum=0, maximum=LARGEST_SEED, value=0)
        self.seed.setAccessibleName(self.tr("Seed"))
        self.seed.setPrefix(self.tr("Seed "))
        self.seed.setToolTip(self.tr("Equal seeds draw equal samples from the same checkpoint."))
        self.seed.setKeyboardTracking(False)
        self.seed.setFixedWidth(self.fontMetrics().horizontalAdvance(self.tr("Seed ") + "999999") + 52)
        self.dice = tool("sample", self.tr("Another seed"))
        self.kinds = ChoiceBox()
        self.kinds.setAccessibleName(self.tr("Class"))
        self.kinds.setToolTip(self.tr("Of which class samples are; all kinds come in turns."))
        self.kinds.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.kinds.setMaximumWidth(160)
        self.kinds.hide()
        self.variety = _slider(0, MOST_VARIETY, 100, 110)
        self.variety.setAccessibleName(self.tr("Variety (truncation)"))
        self.variety.setToolTip(
            self.tr("Variety (truncation): less draws all samples nearer to the typical one; 100 % is as trained.")
        )
        self.variety_value = QLabel("100 %")
        self.variety_value.setFixedWidth(self.fontMetrics().horizontalAdvance("150 %") + 4)
        self.variety_box = beside(QLabel(self.tr("Variety")), self.variety, self.variety_value)
        row = QHBoxLayout(self)
        row.setSpacing(theme.SPACE)
        row.setContentsMargins(14, 6, 14, 6)
        row.addWidget(self.runs)
        row.addWidget(self.checkpoints, 1)
        for widget in (self.open_button, self.seed, self.dice, self.kinds):
            row.addWidget(widget)
        row.addStretch()
        row.addWidget(self.variety_box)

    def show_kinds(self, classes: Sequence[str], chosen: int | None) -> None:
        """Offer the classes of a model; nothing for one without."""
        self.kinds.blockSignals(True)
        self.kinds.clear()
        self.kinds.addItems([self.tr("All kinds"), *(shortened(name, 40) for name in classes)])
        self.kinds.setCurrentIndex(0 if chosen is None else chosen + 1)
        self.kinds.blockSignals(False)
        self.kinds.setVisible(len(classes) > 1)


class ViewHeader(QWidget):
    """Attributes:
    heading, back_button, preview: of every view. radius, radius_value: of variations, in percent. steps, film_button:
        of a path. mix_label, mix_stage, mix_end: of mixing. radius_box, path_box, mix_box: hold them.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = QLabel()
        self.heading.setProperty("role", "title")
        self.preview = QLabel()
        self.preview.setProperty("role", "secondary")
        self.preview.setToolTip(
            self.tr("What is shown at once is drawn less exactly. What is saved or handed over is always final.")
        )
        self.back_button = tool("chevron-left", self.tr("Back"))
        self.radius = _slider(LEAST_RADIUS, 100, USUAL_RADIUS, 120)
        self.radius.setAccessibleName(self.tr("How far variations go (radius)"))
        self.radius.setToolTip(self.tr("How far variations go (radius): at 100 % nothing is left of the sample."))
        self.radius_value = QLabel()
        self.radius_value.setFixedWidth(self.fontMetrics().horizontalAdvance("100 %") + 4)
        self.steps = WholeBox(minimum=2, maximum=60, value=STEPS)
        self.steps.setAccessibleName(self.tr("Pictures from one to the next"))
        self.steps.setSuffix(self.tr(" pictures each"))
        self.film_button = tool("play", self.tr("Film of the path…"))
        self.mix_label = QLabel()
        self.mix_label.setProperty("role", "secondary")
        self.mix_stage = _slider(1, 3, 1, 80)
        self.mix_stage.setPageStep(1)
        self.mix_stage.setAccessibleName(self.tr("From which stage on"))
        self.mix_stage.setToolTip(self.tr("Further left: also shapes. Further right: only colours and details."))
        self.mix_end = tool("close", self.tr("End mixing"))
        self.mix_end.setToolTip(self.tr("End mixing"))
        self.radius_box = beside(QLabel(self.tr("Radius")), self.radius, self.radius_value)
        self.path_box = beside(self.steps, self.film_button)
        self.mix_box = beside(self.mix_label, self.mix_stage, self.mix_end)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        row.addItem(QSpacerItem(0, HEIGHT))  # So that the samples stay where they are.
        row.addWidget(self.back_button)
        row.addWidget(self.heading)
        row.addWidget(self.preview)
        row.addStretch(1)
        for box in (self.mix_box, self.radius_box, self.path_box):
            row.addWidget(box)

    def show_preview(self, steps: int) -> None:
        """Say that samples are previews in so many steps, 1 if they have none; 0: that they are final."""
        several = self.tr("Preview in {0} steps").format(steps)
        self.preview.setText(several if steps > 1 else self.tr("Preview") if steps else "")
