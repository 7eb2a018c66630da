"""Where something is written: asking for the place, and whether what is there can be replaced."""

from __future__ import annotations

import os
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QCheckBox, QFileDialog, QWidget


def ask_target(parent: QWidget, now: str, *, folder: bool) -> str:
    """Ask for a file or folder to write in a file dialog, beginning at `now`; "" if the user cancelled."""
    options = QFileDialog.Option.DontConfirmOverwrite
    if folder:
        options |= QFileDialog.Option.ShowDirsOnly
    return QFileDialog.getSaveFileName(parent, parent.windowTitle(), now, options=options)[0]


def target_trouble(text: str, reason: Callable[[bool], str], replace: QCheckBox) -> str:
    """Why nothing can be written to `text`, or "". Shows the box `replace` where replacing what is there would help.

    `reason`: the same, for replacing what is there (True) or not; called on every change.
    """
    problem = reason(False)
    exists = bool(problem) and "://" not in text and os.path.lexists(text)
    hopeless = reason(True) if exists else ""
    replace.setVisible(exists and not hopeless)
    if not exists or hopeless:
        return hopeless or problem
    if replace.isChecked():
        return ""
    return QCoreApplication.translate(
        "targets", "There is something at this place already. Choose another name, or replace it."
    )
