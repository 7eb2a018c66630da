"""The pages of the central area: before and during a search, and after one that found nothing."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.background import BackgroundTask
from gandam_studio.qt.screen import EmptyState

POLL_MS = 100


class Pages(QStackedWidget):
    """Attributes:
    before, searching, none, none_listed, no_sprites: the pages; `filled` shows the groups.

    Signals:
        find_requested: a search was requested.
        loosen_requested: a larger distance was requested.
        list_all_requested: the filter should be cleared.
    """

    find_requested = Signal()
    loosen_requested = Signal()
    list_all_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.filled = QWidget()
        self.no_sprites = EmptyState(
            "duplicates", self.tr("No sprites yet"), self.tr("Import sprites on the Curate screen (Ctrl+1) first.")
        )
        self.before = EmptyState(
            "duplicates",
            self.tr("Find duplicates"),
            self.tr(
                "Finds copies, even if mirrored, resized, recoloured, cropped or re-encoded. "
                "Nothing is changed until you decide."
            ),
        )
        self.before.add_button(self.tr("Find duplicates"), self.find_requested.emit, icon="search", primary=True)
        self.none = EmptyState(
            "success",
            self.tr("No duplicates at this distance"),
            self.tr("A larger distance also finds sprites that are less similar."),
        )
        self.none.add_button(self.tr("Increase the distance"), self.loosen_requested.emit, primary=True)
        self.none_listed = EmptyState(
            "filter",
            self.tr("No matching groups"),
            self.tr("Every group at this distance is hidden by the filter above."),
        )
        self.none_listed.add_button(self.tr("List all groups"), self.list_all_requested.emit, primary=True)
        self.searching = _Searching()
        for page in (self.before, self.searching, self.none, self.none_listed, self.no_sprites):
            self.addWidget(page)

    def set_filled(self, widget: QWidget) -> None:
        """Set the page that shows the groups."""
        self.filled = widget
        self.addWidget(widget)

    def follow(self, task: BackgroundTask | None) -> None:
        """Show the progress of a search; None when it has ended."""
        self.searching.follow(task)


class _Searching(QWidget):
    """The progress of a search, with Cancel."""

    def __init__(self) -> None:
        super().__init__()
        self._task: BackgroundTask | None = None
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self._refresh)
        self._stage = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._stage.setProperty("role", "headline")
        self.bar = QProgressBar()
        self.bar.setAccessibleName(self.tr("Progress of the search"))
        self.bar.setFixedWidth(320)
        self._left = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._left.setProperty("role", "secondary")
        self.cancel = QPushButton(self.tr("Cancel"))
        self.cancel.clicked.connect(self._cancel)
        layout = QVBoxLayout(self)
        layout.setSpacing(2 * theme.SPACE)
        layout.addStretch(2)
        for widget in (self._stage, self.bar, self._left, self.cancel):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(3)

    def follow(self, task: BackgroundTask | None) -> None:
        """Poll this task."""
        self._task = task
        if task is None:
            self._poll.stop()
        else:
            self._poll.start()
            self._refresh()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _refresh(self) -> None:
        if self._task is None:
            return
        job = self._task.progress
        self._stage.setText(job.label or self.tr("Reading fingerprints"))
        self.bar.setRange(0, job.total or 0)
        self.bar.setValue(min(job.done, job.total or 0))
        left = job.seconds_left()
        if not job.total:
            self._left.clear()
        elif left is None:
            self._left.setText(self.tr("{0} of {1} · estimating…").format(f"{job.done:,}", f"{job.total:,}"))
        else:
            text = self.tr("{0} of {1} · about {2} s left")
            self._left.setText(text.format(f"{job.done:,}", f"{job.total:,}", max(1, round(left))))
