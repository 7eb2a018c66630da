"""The training run in the status strip, visible on every screen, with Pause and Stop."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QWidget

from gandam_studio.qt import icons, theme
from gandam_studio.qt.following.follower import RunFollower
from gandam_studio.qt.following.texts import pauses, pending_name, state_name, time_left
from gandam_studio.qt.widgets.steady import set_steady_text
from trainer.protocol.untrusted import shortened


class RunStrip(QWidget):
    """Signals:
    clicked: the text was clicked. command_requested: a button was clicked ("pause", "resume" or "stop").
    """

    clicked = Signal()
    command_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._follower: RunFollower | None = None
        self._text = QPushButton()
        self._text.setProperty("role", "quiet")
        self._text.setToolTip(self.tr("Show the run"))
        self._text.clicked.connect(lambda _checked=False: self.clicked.emit())
        self._pause = QToolButton()
        self._pause.clicked.connect(lambda _checked=False: self._toggle())
        self._stop = QToolButton()
        icons.set_icon(self._stop, "stop", "secondary", 16)
        self._stop.setAccessibleName(self.tr("Stop the run"))
        self._stop.setToolTip(self.tr("Stop the run; it can be resumed"))
        self._stop.clicked.connect(lambda _checked=False: self.command_requested.emit("stop"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.HALF)
        for widget in (self._text, self._pause, self._stop):
            layout.addWidget(widget)

    def follow(self, follower: RunFollower) -> None:
        """Show this run."""
        self._follower = follower
        follower.changed.connect(lambda changes: self.refresh() if changes.curves else None)
        follower.state_changed.connect(lambda _state: self.refresh())
        follower.opened.connect(self.refresh)
        follower.vanished.connect(self.refresh)
        follower.pending_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Update run, step, time left and memory."""
        follower = self._follower
        if follower is None:
            return
        pending = follower.pending_command
        self.setVisible(follower.is_alive or (pending == "start" and not follower.is_gone))
        for button in (self._pause, self._stop):
            button.setEnabled(pending not in ("start", "stop"))
        state = pending_name(pending) or state_name(follower.state.state)
        words = [shortened(follower.name, 40), state, f"{follower.record.last_iteration:,}"]
        progress = follower.record.progress
        if progress is not None:
            if progress.eta_s is not None:
                words.append(time_left(progress))
            if progress.memory_mb:
                words.append(f"{progress.memory_mb / 1024:.1f} GB")
        set_steady_text(self._text, "  ·  ".join(words))
        paused = pauses(follower)
        icons.set_icon(self._pause, "play" if paused else "pause", "secondary", 16)
        text = self.tr("Resume the run") if paused else self.tr("Pause the run")
        self._pause.setToolTip(text)
        self._pause.setAccessibleName(text)

    def _toggle(self) -> None:
        paused = self._follower is not None and pauses(self._follower)
        self.command_requested.emit("resume" if paused else "pause")
