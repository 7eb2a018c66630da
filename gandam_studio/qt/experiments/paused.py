"""Says after opening which experiments are paused: begun, not complete, and run by no process. It starts nothing."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QTimer

from gandam_studio.core.experiments import FOLDER
from gandam_studio.qt.session import INFO, Session
from gandam_studio.qt.widgets.outside_text import wrapped

DELAY_MS = 2500


class PausedExperiments(QObject):
    """Looks once, some seconds after a workspace is opened, in the background."""

    def __init__(self, session: Session, delay_ms: int = DELAY_MS) -> None:
        super().__init__(session)
        self._session = session
        delay = QTimer(self, singleShot=True, interval=delay_ms)
        delay.timeout.connect(self._look)
        session.closing.connect(delay.stop)
        delay.start()

    def _look(self) -> None:
        def find(workspace: Any, _job: Any) -> list[tuple[str, int, int]]:
            if not (workspace.folder / FOLDER).is_dir():
                return []
            # Imported late, since few workspaces have experiments: it would delay the window for 50 ms.
            from gandam_studio.core.experiments.paused import paused

            return paused(workspace.folder)

        self._session.start_quiet_job(find, self._tell, lambda _error: None)  # The room reports damaged ones.

    def _tell(self, found: list[tuple[str, int, int]]) -> None:
        if not found:
            return
        title, left, total = found[-1]
        if len(found) == 1:
            text = self.tr("Experiment “{0}” is paused, {1} of {2} runs are left: Runs › Experiments › Go on").format(
                title, left, total
            )
        else:
            text = self.tr("{0} experiments are paused: Runs › Experiments › Go on").format(len(found))
        self._session.post(wrapped(text, 300), INFO)
