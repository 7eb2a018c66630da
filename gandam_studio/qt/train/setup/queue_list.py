"""The list of waiting runs in their order."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from gandam_studio.core.errors import UserError
from gandam_studio.qt import icons, theme
from gandam_studio.qt.failures import explain
from gandam_studio.qt.session import ERROR, Session
from gandam_studio.qt.train.control import RunControl
from gandam_studio.qt.widgets.outside_text import OutsideLabel


class QueueList(QFrame):
    """The runs that wait to be trained, with buttons to reorder them and to remove them, and the automatic start."""

    def __init__(self, session: Session, control: RunControl, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self._session = session
        self._control = control
        title = QLabel(self.tr("Queue"))
        title.setProperty("role", "title")
        self.automatic = QCheckBox(self.tr("Start the next run automatically"))
        self.automatic.setChecked(control.autostart)
        self.automatic.toggled.connect(self._set_automatic)
        header = QHBoxLayout()
        header.addWidget(title)
        header.addStretch(1)
        header.addWidget(self.automatic)
        self._empty = QLabel(self.tr("Runs started while another one is training wait here."))
        self._empty.setProperty("role", "secondary")
        self._lines = QVBoxLayout()
        self._lines.setSpacing(2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 12)
        layout.setSpacing(theme.SPACE)
        layout.addLayout(header)
        layout.addWidget(self._empty)
        layout.addLayout(self._lines)
        control.queue_changed.connect(self.refresh)
        session.runs_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Reload the queue."""
        while (item := self._lines.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        waiting = self._control.queue.waiting()
        self._empty.setVisible(not waiting)
        for position, run in enumerate(waiting):
            self._lines.addWidget(self._line(run.name, position, len(waiting)))

    def _line(self, name: str, position: int, count: int) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.HALF)
        text = OutsideLabel(f"{position + 1}.  {name}")
        row.addWidget(text, 1)
        for icon, tip, slot, enabled in (
            ("control-chevron-up", self.tr("Earlier"), lambda: self._control.queue.move(name, -1), position > 0),
            ("control-chevron", self.tr("Later"), lambda: self._control.queue.move(name, 1), position < count - 1),
            ("close", self.tr("Remove from the queue"), lambda: self._control.queue.remove(name), True),
        ):
            button = QToolButton()
            icons.set_icon(button, icon, "secondary", 14)
            button.setToolTip(tip)
            button.setAccessibleName(f"{tip}: {name}")
            button.setEnabled(enabled)
            button.clicked.connect(lambda _checked=False, slot=slot: self._change(slot))
            row.addWidget(button)
        return line

    def _change(self, slot) -> None:
        try:
            slot()
        except UserError as error:
            self._session.post(explain(error), ERROR)
        self.refresh()

    def _set_automatic(self, on: bool) -> None:
        self._control.autostart = on
