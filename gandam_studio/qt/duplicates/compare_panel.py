"""The comparison canvas with its tools: mode, alignment, opacity, zoom."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QLabel, QSlider, QToolButton, QVBoxLayout, QWidget

from gandam_studio.qt import icons, theme
from gandam_studio.qt.duplicates.canvas import CompareCanvas, Compared, Mode


class ComparePanel(QWidget):
    """Attributes:
    mode_buttons: the button of each mode. zoom_buttons: smaller, larger, fit.

    Signals:
    mode_changed: the mode was changed (`Mode`).
    """

    mode_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = CompareCanvas()
        self._modes = QButtonGroup(self)
        self.mode_buttons: dict[Mode, QToolButton] = {}
        self._before_blink = Mode.SIDE_BY_SIDE
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._tool_bar())
        layout.addWidget(self.canvas, 1)
        self.canvas.zoom_changed.connect(self._show_zoom)
        self.set_mode(Mode.SIDE_BY_SIDE)

    def show_pair(self, compared: Compared | None, summary: str = "") -> None:
        """Show a pair; `summary` is its description for screen readers."""
        self.canvas.show_pair(compared)
        self.canvas.setAccessibleDescription(summary)
        self.setEnabled(compared is not None)

    @property
    def mode(self) -> Mode:
        """How the pictures are shown."""
        return self.canvas.mode

    def set_mode(self, mode: Mode) -> None:
        """Change how the pictures are shown."""
        if self.canvas.mode is not Mode.BLINK:
            self._before_blink = self.canvas.mode
        self.canvas.set_mode(mode)
        self._modes.button(_NUMBERS[mode]).setChecked(True)
        self.aligned.setVisible(mode is Mode.SIDE_BY_SIDE)
        for widget in (*self._opacity_names, self.opacity):
            widget.setVisible(mode is Mode.OVERLAY)
        self.mode_changed.emit(mode)

    def toggle_blink(self) -> None:
        """Switch to blinking, or back to the previous mode."""
        self.set_mode(self._before_blink if self.canvas.mode is Mode.BLINK else Mode.BLINK)

    def toggle_aligned(self) -> None:
        """Side by side: toggle the alignment."""
        self.aligned.toggle()

    def _tool_bar(self) -> QWidget:
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(theme.HALF)
        names = {
            Mode.SIDE_BY_SIDE: self.tr("Side by side"),
            Mode.BLINK: self.tr("Blink"),
            Mode.DIFFERENCE: self.tr("Difference"),
            Mode.OVERLAY: self.tr("Overlay"),
        }
        for mode, name in names.items():
            button = QToolButton()
            button.setText(name)
            button.setCheckable(True)
            button.setAccessibleName(name)
            button.clicked.connect(lambda _checked=False, mode=mode: self.set_mode(mode))
            self._modes.addButton(button, _NUMBERS[mode])
            self.mode_buttons[mode] = button
            row.addWidget(button)
        row.addSpacing(theme.SPACE)
        self._add_options(row)
        row.addStretch()
        self._add_zoom(row)
        return bar

    def _add_options(self, row: QHBoxLayout) -> None:
        self.aligned = QToolButton()
        self.aligned.setText(self.tr("Aligned"))
        self.aligned.setCheckable(True)
        self.aligned.setChecked(True)
        self.aligned.setToolTip(self.tr("Align B with A: mirrored back, scaled and shifted"))
        self.aligned.setAccessibleName(self.tr("Align B with A"))
        self.aligned.toggled.connect(self.canvas.set_aligned)
        icons.set_icon(self.aligned, "link", "secondary", 16)
        self.aligned.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        row.addWidget(self.aligned)
        self._opacity_names = (QLabel(self.tr("A")), QLabel(self.tr("B")))
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setValue(50)
        # No wider than the button in whose place it is, so that the side panel does not have to give way.
        self.opacity.setFixedWidth(64)
        self.opacity.setAccessibleName(self.tr("Opacity of B over A, percent"))
        self.opacity.setToolTip(self.tr("Opacity of B over A"))
        self.opacity.valueChanged.connect(lambda value: self.canvas.set_opacity(value / 100))
        for widget in (self._opacity_names[0], self.opacity, self._opacity_names[1]):
            row.addWidget(widget)

    def _add_zoom(self, row: QHBoxLayout) -> None:
        self._zoom = QLabel()
        self._zoom.setProperty("role", "secondary")
        self._zoom.setMinimumWidth(52)
        self._zoom.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._zoom)
        self.zoom_buttons: list[QToolButton] = []
        for name, icon, slot in (
            (self.tr("Smaller"), "minus", self.canvas.zoom_out),
            (self.tr("Larger"), "plus", self.canvas.zoom_in),
            (self.tr("Fit"), "zoom", self.canvas.fit),
        ):
            button = QToolButton()
            button.setAccessibleName(name)
            self.zoom_buttons.append(button)
            icons.set_icon(button, icon, "secondary", 16)
            button.clicked.connect(lambda _checked=False, slot=slot: slot())
            row.addWidget(button)

    def _show_zoom(self, scale: float) -> None:
        self._zoom.setText(self.tr("{0} %").format(round(scale * 100)))


_NUMBERS = {mode: number for number, mode in enumerate(Mode)}
