"""Questions asked before a workspace is opened, created or closed; each returns True to continue."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QDialog, QMessageBox, QWidget

from gandam_studio.qt.widgets.outside_text import wrapped
from trainer.protocol.untrusted import shortened


def run_dialog(dialog: QDialog) -> int:
    """Show a modal dialog and delete it afterwards, since a child would live as long as its window.

    The dialog can be read until control returns to the event loop.
    """
    try:
        return dialog.exec()
    finally:
        dialog.deleteLater()


def offer_read_only(parent: QWidget, reason: str) -> bool:
    """Ask whether to open a workspace read-only that another window or command is writing to."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Information)
    box.setWindowTitle(box.tr("Workspace in use"))
    box.setText(wrapped(reason))
    box.setInformativeText(
        box.tr("You can open it read-only: everything can be viewed, but changes are made in the other window.")
    )
    look = box.addButton(box.tr("Open read-only"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(look)
    run_dialog(box)
    return box.clickedButton() is look


def offer_creation(parent: QWidget, folder: Path) -> bool:
    """Ask whether to create a workspace in `folder`; only offered if the folder is empty or missing."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(box.tr("No workspace here"))
    box.setText(wrapped(box.tr("{0} is not a workspace.").format(folder)))
    if folder.is_dir() and any(folder.iterdir()):
        box.setInformativeText(
            box.tr(
                "A workspace needs a folder of its own. Create one in a new folder, then import this folder into it."
            )
        )
        run_dialog(box)
        return False
    make = box.addButton(box.tr("Create workspace"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    run_dialog(box)
    return box.clickedButton() is make


def offer_reducing(parent: QWidget, count: int, times: str) -> bool:
    """Ask whether to reduce enlarged sprites to their own pixels; `times` is how much, such as "2x or 3x"."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(box.tr("Enlarged sprites"))
    one, many = box.tr("1 sprite is enlarged {0}."), box.tr("{0} sprites are enlarged {1}.")
    box.setText(one.format(times) if count == 1 else many.format(f"{count:,}", times))
    box.setInformativeText(
        box.tr(
            "Reduce to their own pixels? The small sprites take over status, tags and facing; the enlarged ones are "
            "dropped with the reason “enlarged”. Ctrl+Z undoes it."
        )
    )
    reduce = box.addButton(box.tr("Reduce"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(reduce)
    run_dialog(box)
    return box.clickedButton() is reduce


def offer_stopping(parent: QWidget, titles: list[str]) -> bool:
    """Ask whether to stop background work and close."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(box.tr("Work in progress"))
    box.setText(box.tr("Still running: {0}.").format(shortened(", ".join(titles), 200)))
    box.setInformativeText(box.tr("Work finished so far is kept."))
    stop = box.addButton(box.tr("Stop and close"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(box.tr("Keep running"), QMessageBox.ButtonRole.RejectRole)
    run_dialog(box)
    return box.clickedButton() is stop
