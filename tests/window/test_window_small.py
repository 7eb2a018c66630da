"""Small windows and high scaling: everything that can be pressed is in the window or can be scrolled to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMargins, QPoint, QRect, QSettings, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QLineEdit,
    QScrollArea,
    QScrollBar,
    QWidget,
)
from recorded_runs import recorded
from studio_window import OpenWindow, close, curate
from tour import findings

from gandam_studio.core import versions
from gandam_studio.core.importing import ImportSummary
from gandam_studio.core.versions import Verified
from gandam_studio.core.workspace import Workspace
from gandam_studio.qt.following.texts import Failure
from gandam_studio.qt.help import HistoryDialog, ShortcutsDialog
from gandam_studio.qt.imports.offer_dialog import OfferDialog
from gandam_studio.qt.imports.proposal_dialog import ProposalDialog
from gandam_studio.qt.imports.sheet_dialog import SheetDialog
from gandam_studio.qt.imports.summary_dialog import SummaryDialog
from gandam_studio.qt.main_window import MainWindow, fitted
from gandam_studio.qt.rail import PLACES
from gandam_studio.qt.versions.export_dialog import ExportDialog
from gandam_studio.qt.versions.verify_dialog import DamageDialog
from gandam_studio.qt.widgets.fitting import Reach

# Logical pixels: a small laptop, and 1920x1080 at 200 %.
SIZES = (QSize(1024, 640), QSize(960, 540))
PRESSED = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit)


def _pressable(root: QWidget) -> list[QWidget]:
    found = []
    for widget in root.findChildren(QWidget):
        inner = isinstance(widget, QScrollBar) or widget.objectName().startswith("qt_")
        if isinstance(widget, PRESSED) and not inner and widget.isVisible() and widget.window() is root:
            found.append(widget)
    return found


def _scrolled_to(widget: QWidget, root: QWidget) -> QRect:
    """The visible part of a widget after all areas around it have scrolled to it."""
    above = widget.parentWidget()
    while above is not None and above is not root:
        if isinstance(above, QScrollArea) and above.widget() is not None and above.widget().isAncestorOf(widget):
            middle = widget.mapTo(above.widget(), widget.rect().center())
            above.ensureVisible(middle.x(), middle.y(), widget.width() // 2 + 1, widget.height() // 2 + 1)
        above = above.parentWidget()
    seen = widget.visibleRegion().boundingRect()
    return seen.translated(widget.mapTo(root, QPoint(0, 0)))


def out_of_reach(root: QWidget) -> list[str]:
    """Controls that are outside the window or cut off."""
    lost = []
    for widget in _pressable(root):
        seen = _scrolled_to(widget, root)
        within = seen.intersected(root.rect())
        if within.width() < widget.width() - 1 or within.height() < widget.height() - 1:
            name = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")
            lost.append(f"{type(widget).__name__} {name!r}: {widget.size().toTuple()}, seen {within.getRect()}")
    return lost


@pytest.fixture
def full(folder: Path) -> Path:
    """The workspace with a version and a finished run."""
    with Workspace.open(folder) as workspace:
        versions.commit(workspace, "A first version with a rather long message " * 4)
    recorded(folder / "runs" / "r1-first")
    return folder


def lastingly_out_of_reach(root: QWidget) -> list[str]:
    """Those that stay so: what is read in the background changes the layout once more."""
    for _ in range(250):
        if not out_of_reach(root):
            break
        QTest.qWait(20)
    return out_of_reach(root)


def _sized(window: MainWindow, size: QSize) -> None:
    window.resize(size)
    QTest.qWait(30)
    assert window.size() == size, "the window can be this small"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size.width()}x{size.height()}")
@pytest.mark.parametrize("name", [place.name for place in PLACES])
def test_every_control_of_every_screen_is_inside_a_small_window(
    name: str, size: QSize, full: Path, open_window: OpenWindow
) -> None:
    window = open_window(full)
    screen = window.visit_by_name(name)
    QTest.qWait(300 if name in ("Duplicates", "Runs") else 50)
    _sized(window, size)
    assert not lastingly_out_of_reach(window)
    (area,) = [one for one in window.findChildren(Reach) if one.widget() is screen]
    assert not area.horizontalScrollBar().maximum(), "the screen itself fits without scrolling"
    assert not area.verticalScrollBar().maximum()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size.width()}x{size.height()}")
def test_a_watched_run_fits_a_small_window(size: QSize, full: Path, open_window: OpenWindow) -> None:
    window = open_window(full)
    train = window.visit_by_name("Train")
    train.show_run(next((full / "runs").iterdir()))
    QTest.qWait(300)
    _sized(window, size)
    assert not lastingly_out_of_reach(window)


def test_the_card_of_a_failed_run_does_not_push_the_page_out_of_the_window(full: Path, open_window: OpenWindow) -> None:
    window = open_window(full)
    train = window.visit_by_name("Train")
    train.show_run(next((full / "runs").iterdir()))
    QTest.qWait(300)
    _sized(window, QSize(1240, 740))
    words = "a cause that goes on and on " * 6
    train.watch.card.show_failure("The run failed", Failure(words, words, "resume", "Resume"), severe=True)
    QTest.qWait(50)
    assert not lastingly_out_of_reach(window)
    (area,) = [one for one in window.findChildren(Reach) if one.widget() is train]
    assert not area.verticalScrollBar().maximum()
    card = train.watch.card
    for label in (card.cause, card.safe):
        assert label.height() >= label.heightForWidth(label.width()), "no line is cut"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size.width()}x{size.height()}")
def test_the_welcome_page_fits_a_small_window(size: QSize, full: Path, open_window: OpenWindow) -> None:
    window = open_window(full)
    assert window.close_workspace()
    _sized(window, size)
    assert not lastingly_out_of_reach(window)
    assert window.menuBar().width() <= window.width()


@pytest.mark.parametrize("size", [*SIZES, QSize(1240, 740)], ids=lambda size: f"{size.width()}x{size.height()}")
def test_start_is_seen_without_scrolling_whatever_the_checks_say(
    size: QSize, full: Path, open_window: OpenWindow
) -> None:
    from gandam_studio.core.runs.checks import WARNING, Check

    window = open_window(full)
    setup = window.visit_by_name("Train").setup
    _sized(window, size)
    words = "a message that goes on and on " * 8
    setup.preflight.show_checks([Check("version", WARNING, f"{words}{'x' * 300}", "Duplicates") for _ in range(6)])
    setup.all_settings.setChecked(True)
    QTest.qWait(350)
    page = setup.columns
    for _ in range(250):  # Until the page is as tall as its texts need, which takes some turns of the event loop.
        if page.height() >= page.heightForWidth(page.width()):
            break
        QTest.qWait(50)
    button = setup.start_button
    place = QRect(button.mapTo(window, QPoint(0, 0)), button.size())
    assert window.rect().contains(place)
    assert button.visibleRegion().boundingRect().size() == button.size()
    assert not lastingly_out_of_reach(window)


def _dialogs(window: MainWindow) -> list[QDialog]:
    session = window.session
    assert session is not None
    summary = ImportSummary(imported=3, already=2)
    for number in range(30):
        summary.reject(f"/art/{number}.png", "not a picture " * 8)
    version = versions.versions(session.workspace)[-1]
    return [
        SummaryDialog(summary, window),
        ShortcutsDialog(list(window.commands()), window, window.screen_shown.mode_keys()),
        HistoryDialog(session, window),
        ExportDialog(version, window),
        SheetDialog("sheet.png", np.zeros((48, 64, 4), np.uint8), window),
        DamageDialog(Verified(3, 1, ()), may_relink=True, parent=window),
        OfferDialog([Path("a" * 200)], parent=window),
        ProposalDialog(session, findings(), "a" * 200, window),
    ]


def test_every_dialog_fits_a_small_screen(full: Path, open_window: OpenWindow) -> None:
    window = open_window(full)
    for dialog in _dialogs(window):
        dialog.show()
        QTest.qWait(20)
        room = QGuiApplication.primaryScreen().availableSize()
        assert dialog.size().boundedTo(room) == dialog.size(), type(dialog).__name__
        small = SIZES[-1] - QSize(16, 64)
        assert dialog.minimumSizeHint().boundedTo(small) == dialog.minimumSizeHint(), type(dialog).__name__
        dialog.resize(small)
        QTest.qWait(20)
        assert not lastingly_out_of_reach(dialog)
        dialog.close()
        dialog.deleteLater()


def test_the_further_filters_fit_a_small_screen(full: Path, open_window: OpenWindow) -> None:
    window = open_window(full)
    curate(window).filter_bar.open_more()
    panel = QApplication.activePopupWidget()
    assert panel is not None
    assert panel.width() <= SIZES[-1].width()
    assert panel.height() <= SIZES[-1].height()
    assert not lastingly_out_of_reach(panel)
    panel.close()


def test_a_window_is_brought_onto_the_screen_and_is_never_larger() -> None:
    room = QRect(0, 30, 960, 510)
    assert fitted(QRect(100, 100, 600, 300), room) == QRect(100, 100, 600, 300)
    assert fitted(QRect(100, 100, 1240, 820), room) == room
    assert fitted(QRect(2500, 1400, 600, 300), room) == QRect(360, 240, 600, 300)
    assert fitted(QRect(-2500, -90, 600, 300), room) == QRect(0, 30, 600, 300)


def test_the_first_window_and_a_restored_one_lie_on_the_screen(own_settings: None, qtbot) -> None:
    room = QGuiApplication.primaryScreen().availableGeometry()
    first = MainWindow()
    qtbot.addWidget(first)
    first.show()
    QTest.qWait(80)
    assert room.contains(first.frameGeometry())
    first.setGeometry(QRect(room.right() - 100, room.bottom() - 100, 3000, 2000))
    QSettings().setValue("window/geometry", first.saveGeometry())
    close(first)
    again = MainWindow()
    qtbot.addWidget(again)
    again.show()
    QTest.qWait(80)
    assert room.contains(again.frameGeometry().marginsRemoved(QMargins(0, 0, 1, 1)))
    close(again)
