"""The cursor shared by plots, grids, metrics and log."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from PySide6.QtCore import QObject, QTimer, Signal

PLAY_S = 12.0
"""Approximate time to play the whole run, for any number of sample points."""


class Timeline(QObject):
    """A position on a run's axis (iterations, or pictures seen when comparing runs).

    It follows the newest step until it is grabbed, and again after `end`. A preview (hovering a plot) changes what is
    shown without grabbing.

    Attributes:
        first, last: ends of the axis. position: of the cursor. following: whether it moves with `last`.
        stops: sorted positions (sample points) that the arrow keys and Play step through.

    Signals:
        moved: the shown position changed (position).
        extended: the ends of the axis or the stops changed.
        following_changed, playing_changed: (bool).
    """

    moved = Signal(float)
    extended = Signal()
    following_changed = Signal(bool)
    playing_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.first = 0.0
        self.last = 0.0
        self.position = 0.0
        self.following = True
        self.stops: list[float] = []
        self._preview: float | None = None
        self._player = QTimer(self)
        self._player.timeout.connect(self._advance)

    @property
    def shown(self) -> float:
        """The position to show: of the preview if there is one, otherwise of the cursor."""
        return self.position if self._preview is None else self._preview

    @property
    def is_playing(self) -> bool:
        """True while playing."""
        return self._player.isActive()

    def reset(self) -> None:
        """Reset to an empty axis, following."""
        self.pause()
        self.first = self.last = self.position = 0.0
        self.stops, self._preview = [], None
        self._set_following(True)
        self.extended.emit()
        self.moved.emit(self.shown)

    def set_axis(self, last: float, stops: Sequence[float], first: float = 0.0) -> bool:
        """Set the axis, after the run has grown or was cut back by a resume; True if the cursor moved with it."""
        self.first, self.last, self.stops = first, max(first, last), sorted(stops)
        self.extended.emit()
        return (self.following or self.position > self.last) and self._move(self.last)

    def grab(self, position: float) -> None:
        """Move the cursor and stop following."""
        self._preview = None
        self._set_following(False)
        self._move(position)

    def preview(self, position: float | None) -> None:
        """Show another position while the pointer hovers; None ends the preview."""
        before = self.shown
        self._preview = None if position is None else self._clamped(position)
        if self.shown != before:
            self.moved.emit(self.shown)

    def home(self) -> None:
        """Go to the first sample point."""
        self.grab(self.stops[0] if self.stops else self.first)

    def end(self) -> None:
        """Go to the newest step and follow."""
        self.pause()
        self._preview = None
        self._set_following(True)
        self._move(self.last)

    def step(self, count: int) -> None:
        """Move by `count` sample points (negative: back); past the last one, follow again."""
        stops = self.stops
        if not stops:
            return
        if count > 0:
            index = bisect.bisect_right(stops, self.position) + count - 1
        else:
            index = bisect.bisect_left(stops, self.position) + count
        if index >= len(stops):
            self.end()
        else:
            self.grab(stops[max(0, index)])

    def toggle_play(self) -> None:
        """Play through the sample points from here (from the start if at the end), or stop playing."""
        if self.is_playing:
            self.pause()
            return
        if len(self.stops) < 2:
            return
        if self.following or self.position >= self.stops[-1]:
            self.home()
        self._player.start(int(min(400, max(33, 1000 * PLAY_S / len(self.stops)))))
        self.playing_changed.emit(True)

    def pause(self) -> None:
        """Stop playing."""
        if self._player.isActive():
            self._player.stop()
            self.playing_changed.emit(False)

    def _advance(self) -> None:
        self.step(1)
        if self.following:
            self.pause()

    def _move(self, position: float) -> bool:
        """Move; True if that shows another position."""
        position = self._clamped(position)
        if position == self.position:
            return False
        self.position = position
        if self._preview is not None:
            return False
        self.moved.emit(position)
        return True

    def _clamped(self, position: float) -> float:
        return min(max(position, self.first), self.last)

    def _set_following(self, following: bool) -> None:
        if following != self.following:
            self.following = following
            self.following_changed.emit(following)
