"""The timeline bar: drag or play; sample points, checkpoints, spikes, changed verdicts and alarms are marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAccessible, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QToolTip, QWidget

from gandam_studio.qt import icons, theme
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.outside_text import tip
from gandam_studio.qt.widgets.plots.timeline import Timeline

MARGIN = 9
REACH = 6
VERDICT, RAISED, CLEARED = "verdict", "raised", "cleared"


@dataclass(frozen=True)
class Mark:
    """Something to know about a moment: a changed verdict, or an alarm "raised" or "cleared" (`kind`)."""

    position: float
    kind: str
    text: str


class _Track(QWidget):
    """The axis; paints the marks and moves the cursor with the mouse.

    Signals:
        spike_clicked: a spike's mark was clicked (position).
    """

    accessible_role = QAccessible.Role.Slider

    spike_clicked = Signal(float)

    def __init__(self, timeline: Timeline, parent: QWidget) -> None:
        super().__init__(parent)
        self._timeline = timeline
        self.spikes: list[float] = []
        self.checkpoints: list[float] = []
        self.marks: list[Mark] = []
        self._ticks: list[QLineF] | None = None
        self._saved: list[QPointF] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(self.tr("Timeline"))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        timeline.moved.connect(lambda _position: self.update())
        timeline.extended.connect(self.forget_ticks)
        timeline.following_changed.connect(lambda _following: self.update())

    def sizeHint(self) -> QSize:
        """A flat size; the width expands."""
        return QSize(240, 34)

    def accessible_value(self) -> str:
        """The position, for screen readers."""
        return f"{self._timeline.shown:,.0f}"

    def x_of(self, position: float) -> float:
        """Logical x coordinate of a position."""
        span = self._timeline.last - self._timeline.first
        share = (position - self._timeline.first) / span if span > 0 else 0.0
        return MARGIN + share * (self.width() - 2 * MARGIN)

    def position_at(self, x: float) -> float:
        """The position at an x coordinate, clamped to the axis."""
        share = (x - MARGIN) / max(1, self.width() - 2 * MARGIN)
        return self._timeline.first + min(1.0, max(0.0, share)) * (self._timeline.last - self._timeline.first)

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Paint groove, marks and handle."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        at = self.x_of(self._timeline.shown)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("pressed"))
        painter.drawRoundedRect(QRectF(MARGIN, middle - 2, self.width() - 2 * MARGIN, 4), 2, 2)
        painter.setBrush(theme.color("accent"))
        painter.drawRoundedRect(QRectF(MARGIN, middle - 2, max(0.0, at - MARGIN), 4), 2, 2)
        self._paint_ticks(painter, middle)
        painter.setBrush(theme.color("warning"))
        painter.setPen(Qt.PenStyle.NoPen)
        for x in _thinned([self.x_of(spike) for spike in self.spikes], 3):
            painter.drawPolygon(QPolygonF([QPointF(x - 4, 4), QPointF(x + 4, 4), QPointF(x, 10.5)]))
        self._paint_marks(painter, middle)
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.setBrush(theme.color("accent" if self._timeline.following else "surface"))
        radius = 6.5 if self.hasFocus() else 5.5
        painter.drawEllipse(QPointF(at, middle), radius, radius)

    def _paint_ticks(self, painter: QPainter, middle: float) -> None:
        if self._ticks is None:
            xs = _thinned([self.x_of(stop) for stop in self._timeline.stops], 3)
            self._ticks = [QLineF(x, middle + 5, x, middle + 9) for x in xs]
            self._saved = [QPointF(x, middle + 12.5) for x in _thinned([self.x_of(c) for c in self.checkpoints], 5)]
        painter.setPen(QPen(theme.color("muted"), 1))
        painter.drawLines(self._ticks)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("kept"))
        for point in self._saved:
            painter.drawEllipse(point, 2.0, 2.0)

    def _paint_marks(self, painter: QPainter, middle: float) -> None:
        """A flag where the verdict changes, a full diamond where an alarm is raised, a hollow one where it is over."""
        for mark in self.marks:
            x = self.x_of(mark.position)
            if mark.kind == VERDICT:
                painter.setPen(QPen(theme.color("text"), 1.5))
                painter.drawLine(QLineF(x, 1, x, middle - 3))
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.color("text"))
                painter.drawPolygon(QPolygonF([QPointF(x, 1), QPointF(x + 6, 3.5), QPointF(x, 6)]))
                continue
            raised = mark.kind == RAISED
            color = theme.color("dropped" if raised else "kept")
            painter.setPen(QPen(color, 1.5))
            painter.setBrush(color if raised else Qt.BrushStyle.NoBrush)
            painter.drawPolygon(
                QPolygonF([QPointF(x, 2), QPointF(x + 4.5, 6.5), QPointF(x, 11), QPointF(x - 4.5, 6.5)])
            )

    def _mark_at(self, x: float, y: float) -> Mark | None:
        if y >= 13:
            return None
        near = min(self.marks, key=lambda mark: abs(self.x_of(mark.position) - x), default=None)
        return near if near is not None and abs(self.x_of(near.position) - x) <= REACH else None

    def forget_ticks(self) -> None:
        """Recompute the marks at the next paint, after the marks or the axis changed."""
        self._ticks = None
        self.update()

    def resizeEvent(self, event) -> None:
        """Recompute the marks for the new width."""
        super().resizeEvent(event)
        self._ticks = None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Grab the cursor, click a spike, or go to a mark."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        x = event.position().x()
        near = min(self.spikes, key=lambda spike: abs(self.x_of(spike) - x), default=None)
        if near is not None and abs(self.x_of(near) - x) <= REACH and event.position().y() < 13:
            self.spike_clicked.emit(near)
        elif (mark := self._mark_at(x, event.position().y())) is not None:
            self._timeline.grab(mark.position)
        else:
            self._timeline.grab(self.position_at(x))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the cursor; without a button, show the position in a tool tip."""
        position = self.position_at(event.position().x())
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._timeline.grab(position)
        else:
            mark = self._mark_at(event.position().x(), event.position().y())
            text = f"{position:,.0f}"
            if mark is not None:
                here = [one.text for one in self.marks if one.position == mark.position]
                text = "\n".join((f"{mark.position:,.0f}", *here))
            QToolTip.showText(event.globalPosition().toPoint(), tip(text), self)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Follow again if released at the end."""
        if self._timeline.last > 0 and event.position().x() >= self.width() - MARGIN:
            self._timeline.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows step, Space plays, Home and End jump."""
        key = Qt.Key
        actions = {
            key.Key_Left: lambda: self._timeline.step(-1),
            key.Key_Right: lambda: self._timeline.step(1),
            key.Key_Home: self._timeline.home,
            key.Key_End: self._timeline.end,
            key.Key_Space: self._timeline.toggle_play,
        }
        if (action := actions.get(Qt.Key(event.key()))) is not None:
            action()
        else:
            super().keyPressEvent(event)


class TimelineBar(QWidget):
    """Play button, track and position of the cursor.

    Signals:
        spike_clicked: a spike's mark was clicked (position).
    """

    spike_clicked = Signal(float)

    def __init__(self, timeline: Timeline, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._timeline = timeline
        self._unit = unit
        self.track = _Track(timeline, self)
        self.track.spike_clicked.connect(self.spike_clicked)
        self.play_button = QToolButton()
        self.play_button.setToolTip(self.tr("Play  (Shift+P)"))
        self.play_button.setAccessibleName(self.tr("Play"))
        self.play_button.clicked.connect(lambda _checked=False: timeline.toggle_play())
        self.now_button = QToolButton()
        self.now_button.setText(self.tr("Follow"))
        self.now_button.setCheckable(True)
        # As wide as the longer of its two texts, so that the track does not move under the pointer.
        self.now_button.ensurePolished()
        self._show_following(True)
        self.now_button.setFixedWidth(self.now_button.sizeHint().width())
        self.now_button.setToolTip(self.tr("Return to the newest step and follow it (End)"))
        self.now_button.clicked.connect(lambda _checked=False: timeline.end())
        self._where = QLabel()
        self._where.setProperty("role", "secondary")
        # Fixed size, so that a new position does not trigger a new layout of the window.
        self._where.setFixedSize(self.fontMetrics().horizontalAdvance("888,888,888 " + unit), 24)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SPACE)
        for widget, stretch in ((self.play_button, 0), (self.track, 1), (self._where, 0), (self.now_button, 0)):
            layout.addWidget(widget, stretch)
        timeline.moved.connect(lambda _position: self._show_position())
        timeline.extended.connect(self._show_position)
        timeline.following_changed.connect(self._show_following)
        timeline.playing_changed.connect(self._show_playing)
        self._show_playing(False)
        self._show_following(timeline.following)
        self._show_position()

    def set_marks(self, spikes: Sequence[float], checkpoints: Sequence[float], marks: Sequence[Mark] = ()) -> None:
        """Mark spikes and checkpoints at these positions, and what else is to know."""
        self.track.spikes, self.track.checkpoints, self.track.marks = list(spikes), list(checkpoints), list(marks)
        self.track.forget_ticks()

    def _show_position(self) -> None:
        text = f"{self._timeline.shown:,.0f} {self._unit}"
        self._where.setText(text)
        self.track.setAccessibleDescription(text)

    def _show_following(self, following: bool) -> None:
        self.now_button.setChecked(following)
        self.now_button.setText(self.tr("Following") if following else self.tr("Follow"))

    def _show_playing(self, playing: bool) -> None:
        icons.set_icon(self.play_button, "pause" if playing else "play")


def _thinned(xs: list[float], gap: float) -> list[float]:
    """Thin out marks to at least `gap` pixels apart, since thousands would cost time."""
    kept: list[float] = []
    for x in xs:
        if not kept or x - kept[-1] >= gap:
            kept.append(x)
    return kept
