"""What the assistants of the Assist mode have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from gandam_studio.qt.curate.assist.view import AssistView
from gandam_studio.qt.session import Session

# Up to this many sprites a page is fitted at once; above, in the background.
_AT_ONCE = 2_000


class Assistant(QObject):
    """Drives the view while one assistant is at work.

    Signals:
        ended: it is over; what was confirmed has been applied.
    """

    ended = Signal()

    def __init__(self, session: Session, view: AssistView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.view = view
        self.busy = False

    def current_changed(self) -> None:
        """The current sprite has changed: say why it is suggested."""

    def marked(self) -> None:
        """A sprite was marked or unmarked."""

    @abstractmethod
    def leave(self) -> None:
        """End, and apply what was confirmed as one edit."""

    def fit(self, count: int, work: Callable[[], Any], then: Callable[[], object]) -> None:
        """Do what a page takes, in the background where there are many sprites, and then go on."""
        if count <= _AT_ONCE:
            work()
            then()
            return
        self._set_busy(True)

        def done(_nothing: Any) -> None:
            self._set_busy(False)
            then()

        def failed(error: BaseException) -> None:
            self._set_busy(False)
            self.session.post_failure(error)

        self.session.start_quiet_job(lambda workspace, job: work(), done, failed)

    def _set_busy(self, busy: bool) -> None:
        self.busy = busy
        self.view.grid.setEnabled(not busy)
        for button in self.view.buttons.values():
            button.setEnabled(not busy)

    def because(self, near: list[tuple[int, float]], names: Callable[[int], str]) -> str:
        """ "Most like a.png and b.png, which are confirmed." """
        if not near:
            return self.tr("Nothing like it has been confirmed yet.")
        some = [self.tr("{0} ({1} %)").format(names(row), round(100 * abs(alike))) for row, alike in near]
        return self.tr("Most like, of those confirmed: {0}").format(", ".join(some))
