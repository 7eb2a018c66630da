"""Upkeep of a workspace written by another release: recompute outdated hashes and features in the background."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QTimer

from gandam_studio.core.workspace.described import is_stale
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.session import SUCCESS, Session

# Not in the user's first seconds with the workspace.
DELAY_MS = 5000


class Upkeep(QObject):
    """Checks for hashes and features of an older version some seconds after a workspace is opened for writing, and
    recomputes them in the background, shown in the status strip. If cancelled, it runs again at the next opening.
    """

    def __init__(self, session: Session, delay_ms: int = DELAY_MS) -> None:
        super().__init__(session)
        self._session = session
        self._delay = QTimer(self, singleShot=True, interval=delay_ms)
        self._delay.timeout.connect(self._look)
        session.closing.connect(self._delay.stop)
        if not session.read_only:
            self._delay.start()

    def _look(self) -> None:
        if self._session.tasks:
            self._delay.start()  # an import or a large change is writing
            return

        def stale(workspace: Any, _job: Any) -> bool:
            return is_stale(workspace)

        self._session.start_quiet_job(stale, self._renew)

    def _renew(self, stale: bool) -> None:
        if not stale:
            return

        def work(workspace: Any, job: Any) -> int:
            # Imported late: it pulls in the decoders.
            from gandam_studio.core.importing.repair import describe_again

            return describe_again(workspace, job)

        self._session.start_job(self.tr("Update sprite descriptions"), work, self._show_count)

    def _show_count(self, count: int) -> None:
        if count:
            self._session.post(self.tr("Descriptions of {0} updated").format(sprites(count)), SUCCESS)
