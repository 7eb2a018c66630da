"""Questions the window asks before it opens, makes or closes a workspace; each answers True to go on."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QDialog, QMessageBox, QWidget

from gandam_studio.qt.widgets.outside_text import wrapped
from trainer.protocol.untrusted import shortened


def run_dialog(dialog: QDialog) -> int:
    """Show a dialog until it is answered, and delete it: as a child it would live as long as its window.

    What the dialog holds can be read until the event loop is reached again.
    """
    try:
        return dialog.exec()
    finally:
        dialog.deleteLater()


def offer_read_only(parent: QWidget, reason: str) -> bool:
    """Another window or command writes to the workspace: look at it meanwhile?"""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Information)
    box.setWindowTitle(box.tr("Workspace in use"))
    box.setText(wrapped(reason))
    box.setInformativeText(
        box.tr("You can look at everything meanwhile; decisions are made in the window that has it open.")
    )
    look = box.addButton(box.tr("Open read-only"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(look)
    run_dialog(box)
    return box.clickedButton() is look


def offer_creation(parent: QWidget, folder: Path) -> bool:
    """The folder is no workspace: make one there? Never in a folder that holds something else."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(box.tr("No workspace here"))
    box.setText(wrapped(box.tr("{0} is no workspace yet.").format(folder)))
    if folder.is_dir() and any(folder.iterdir()):
        box.setInformativeText(
            box.tr("A workspace lives in a folder of its own. Make one in a new folder, then import this one.")
        )
        run_dialog(box)
        return False
    make = box.addButton(box.tr("Make one"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    run_dialog(box)
    return box.clickedButton() is make


def offer_stopping(parent: QWidget, titles: list[str]) -> bool:
    """Background work is under way: stop it and close?"""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(box.tr("Work under way"))
    box.setText(box.tr("Still working: {0}.").format(shortened(", ".join(titles), 200)))
    box.setInformativeText(box.tr("What is finished so far is kept."))
    stop = box.addButton(box.tr("Stop and close"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(box.tr("Keep working"), QMessageBox.ButtonRole.RejectRole)
    run_dialog(box)
    return box.clickedButton() is stop
