"""The status strip: jobs with progress and Cancel, the last message, and the widget of the training run."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QToolButton, QWidget

from gandam_studio.qt import icons, theme
from gandam_studio.qt.background import BackgroundTask, ProgressJob
from gandam_studio.qt.counts import duration
from gandam_studio.qt.reveal import reveal
from gandam_studio.qt.session import ERROR, SUCCESS, Session
from gandam_studio.qt.widgets.outside_text import OutsideLabel
from trainer.protocol.untrusted import shortened

POLL_MS = 100
# A message stays long enough to be read: a base time plus some for each word.
BASE_MS = 4000
PER_WORD_MS = 300
LONGEST = 1000
MOST = 20
"""Messages kept until they are dismissed."""
_COLORS = {"info": "secondary", "success": "kept", "warning": "warning", "error": "dropped"}


class StatusStrip(QFrame):
    """Attributes:
    message: the label that shows the last message.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statusStrip")
        self._session: Session | None = None
        # Texts, severities and what they are about, to be dismissed; newest last.
        self._staying: list[tuple[str, str, Path | None]] = []
        self._shows_staying = False
        self.jobs: dict[BackgroundTask, _JobEntry] = {}
        self._sign = QLabel()
        self.message = OutsideLabel()
        self.message.setProperty("role", "secondary")
        self.message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.show_button = QToolButton()
        self.show_button.setText(self.tr("Show in folder"))
        icons.set_icon(self.show_button, "folder", "secondary", 14)
        self.show_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.show_button.clicked.connect(self._reveal)
        self._result: Path | None = None
        self._dismiss = QToolButton()
        self._dismiss.setAccessibleName(self.tr("Dismiss the message"))
        icons.set_icon(self._dismiss, "close", "secondary", 14)
        self._dismiss.clicked.connect(lambda _checked=False: self.dismiss())
        self._job_area = QHBoxLayout()
        self._job_area.setSpacing(2 * theme.SPACE)
        self._run_area = QHBoxLayout()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 0)
        layout.setSpacing(theme.SPACE)
        for widget in (self._sign, self.show_button, self._dismiss):
            widget.hide()
        layout.addWidget(self._sign)
        layout.addWidget(self.message, 1)
        layout.addWidget(self.show_button)
        layout.addWidget(self._dismiss)
        layout.addLayout(self._job_area)
        layout.addLayout(self._run_area)
        self.setMinimumHeight(32)
        self.read_only_mark = QLabel(self.tr("Read-only"))
        self.read_only_mark.setProperty("role", "title")
        self.read_only_mark.setToolTip(self.tr("Everything can be looked at; nothing can be changed here"))
        self.read_only_mark.hide()
        layout.insertWidget(0, self.read_only_mark)
        self._fade = QTimer(self, singleShot=True)
        self._fade.timeout.connect(self._show_next)
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self._refresh)

    def attach(self, session: Session | None) -> None:
        """Show the messages and jobs of this session."""
        self._session = session
        self.read_only_mark.setVisible(session is not None and session.read_only)
        if session:
            session.message_posted.connect(self.show_message)
            session.result_posted.connect(self.show_result)
            session.task_started.connect(self._add_job)
            session.task_ended.connect(self._remove_job)

    def set_run_widget(self, widget: QWidget | None) -> None:
        """Show the training run's widget at the right end; None removes it."""
        while (item := self._run_area.takeAt(0)) is not None:
            if (old := item.widget()) is not None and old is not widget:
                old.hide()
                old.deleteLater()
        if widget is not None:
            self._run_area.addWidget(widget)
            widget.show()

    def show_message(self, text: str, severity: str, stays: bool = False) -> None:
        """Show a message. One that stays is shown again after others that disappear, until it is dismissed."""
        if stays:
            others = [one for one in self._staying if one[:2] != (text, severity)]
            self._staying = [*others, (text, severity, None)][-MOST:]
        self._show(text, severity, stays)

    def dismiss(self) -> None:
        """Remove the message shown, and show the one before it that was not dismissed yet."""
        if self._shows_staying and self._staying:
            self._staying.pop()
        self._show_next()

    def show_result(self, text: str, path: Path) -> None:
        """Show a message about something that was written, with a button that shows it in its folder."""
        others = [one for one in self._staying if one[:2] != (text, SUCCESS)]
        self._staying = [*others, (text, SUCCESS, path)][-MOST:]
        self._show(text, SUCCESS, True, path)

    def _reveal(self) -> None:
        if self._result is not None and self._session is not None and not reveal(self._result):
            self._session.post(self.tr("The folder of {0} cannot be opened.").format(self._result), ERROR)

    def clear_message(self) -> None:
        """Remove all messages."""
        self._staying.clear()
        self._show_next()

    def _show_next(self) -> None:
        if self._staying:
            text, severity, result = self._staying[-1]
            self._show(text, severity, True, result)
            return
        self._fade.stop()
        self._shows_staying = False
        self.show_button.hide()
        self.message.clear()
        self._sign.hide()
        self._dismiss.hide()

    def _show(self, text: str, severity: str, stays: bool, result: Path | None = None) -> None:
        self._shows_staying = stays
        self._result = result
        self.show_button.setVisible(result is not None)
        self.message.setText(shortened(" ".join(text.split()), LONGEST))
        icons.set_pixmap(self._sign, severity, QSize(16, 16), _COLORS[severity])
        self._sign.show()
        self._dismiss.setVisible(stays)
        if stays:
            self._fade.stop()
        else:
            self._fade.start(BASE_MS + PER_WORD_MS * min(len(text.split()), 100))

    def _add_job(self, task: BackgroundTask) -> None:
        entry = _JobEntry(task, self)
        self.jobs[task] = entry
        self._job_area.addWidget(entry)
        self._poll.start()

    def _remove_job(self, task: BackgroundTask) -> None:
        if entry := self.jobs.pop(task, None):
            entry.hide()
            entry.deleteLater()
        if not self.jobs:
            self._poll.stop()

    def _refresh(self) -> None:
        for entry in self.jobs.values():
            entry.refresh()


class _JobEntry(QWidget):
    """A running job: name, count, bar, time left, Cancel."""

    def __init__(self, task: BackgroundTask, parent: QWidget) -> None:
        super().__init__(parent)
        self._task = task
        self._text = OutsideLabel(task.title)
        self._bar = QProgressBar()
        self._bar.setFixedWidth(140)
        self._bar.setRange(0, 0)
        self._bar.setAccessibleName(task.title)
        self.cancel_button = QToolButton()
        self.cancel_button.setText(self.tr("Cancel"))
        self.cancel_button.clicked.connect(self._stop)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SPACE)
        for widget in (self._text, self._bar, self.cancel_button):
            layout.addWidget(widget)

    def refresh(self) -> None:
        """Update from the job's numbers."""
        job = self._task.progress
        text = job.label or self._task.title
        if job.total:
            # The bar counts in thousandths: a total may exceed the range of Qt's int.
            self._bar.setRange(0, 1000)
            self._bar.setValue(min(1000, round(1000 * job.done / job.total)))
            text += self.tr(" · {0:,} of {1:,}").format(job.done, job.total)
            text += " · " + self._time_left(job)
        else:
            self._bar.setRange(0, 0)
            text += f" · {job.done:,}" if job.done else ""
        if job.is_cancelled:
            text = self.tr("{0} · cancelling…").format(self._task.title)
        self._text.setText(text)

    def _time_left(self, job: ProgressJob) -> str:
        if job.total and job.done >= job.total:
            return self.tr("Finishing…")
        left = job.seconds_left()
        return self.tr("Estimating…") if left is None else duration(left)

    def _stop(self) -> None:
        self.cancel_button.setEnabled(False)
        self._task.cancel()
