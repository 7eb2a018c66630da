"""The pictures behind a diagnosis: samples beside the real pictures nearest to them, or samples that look alike."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QAccessible, QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from gandam_studio.core.runs.diagnoses import NEAREST, Finding
from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.fitting import Reach, resize_within_screen
from gandam_studio.qt.widgets.outside_text import wrapped
from gandam_studio.qt.widgets.sample_grid import crisp, paint_checker

GAP = 8
LEAST_SIDE, USUAL_SIDE = 48, 88
MEMBERS_IN_ROW = 8
NEAREST_ROWS = 3


class SheetView(QWidget):
    """Rows of pictures, enlarged without smoothing, with the rows' names at the left and captions below each column."""

    accessible_role = QAccessible.Role.Graphic

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[str, list[QImage]]] = []
        self._captions: list[str] = []
        self._pixmaps: dict[tuple[int, int], QPixmap] = {}
        self._drawn_for: tuple[int, float] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.notifier().changed.connect(self.update)

    def show_rows(self, rows: Sequence[tuple[str, list[QImage]]], captions: Sequence[str]) -> None:
        """Show rows of pictures of equal size; `captions` has one for each column, or none."""
        self._rows, self._captions = list(rows), list(captions)
        self._drawn_for = None
        self.updateGeometry()
        self.update()

    @property
    def rows(self) -> list[tuple[str, list[QImage]]]:
        """What is shown: (name, pictures)."""
        return self._rows

    @property
    def captions(self) -> list[str]:
        """The captions of the columns."""
        return self._captions

    def sizeHint(self) -> QSize:
        """Room for pictures of usual size."""
        return self._size(USUAL_SIDE)

    def minimumSizeHint(self) -> QSize:
        """Room for small pictures."""
        return self._size(LEAST_SIDE)

    def _columns(self) -> int:
        return max((len(pictures) for _name, pictures in self._rows), default=1)

    def _margin(self) -> int:
        """Width of the rows' names."""
        widest = max((self.fontMetrics().horizontalAdvance(name) for name, _ in self._rows), default=0)
        return widest + 2 * GAP if widest else 0

    def _foot(self) -> int:
        """Height of the captions, which may have two lines."""
        lines = max((1 + text.count("\n") for text in self._captions), default=0)
        return lines * self.fontMetrics().lineSpacing()

    def _size(self, side: int) -> QSize:
        return QSize(
            self._margin() + self._columns() * (side + GAP), max(1, len(self._rows)) * (side + GAP) + self._foot()
        )

    def side(self) -> int:
        """Logical side of a picture in the present room."""
        across = (self.width() - self._margin()) // self._columns() - GAP
        down = (self.height() - self._foot()) // max(1, len(self._rows)) - GAP
        return max(LEAST_SIDE, min(across, down))

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Paint pictures, names and captions."""
        side, margin, ratio = self.side(), self._margin(), self.devicePixelRatioF()
        if self._drawn_for != (side, ratio):
            self._pixmaps, self._drawn_for = {}, (side, ratio)
        for row, (name, pictures) in enumerate(self._rows):
            top = row * (side + GAP)
            painter.setPen(theme.color("text"))
            place = QRect(0, top, max(0, margin - GAP), side)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
            for column, picture in enumerate(pictures):
                self._paint_picture(painter, picture, (row, column), QPoint(margin + column * (side + GAP), top), side)
        painter.setPen(theme.color("secondary"))
        top = len(self._rows) * (side + GAP)
        for column, caption in enumerate(self._captions):
            place = QRect(margin + column * (side + GAP) - GAP // 2, top, side + GAP, self._foot())
            painter.drawText(place, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, caption)

    def _paint_picture(self, painter: QPainter, picture: QImage, key: tuple[int, int], at: QPoint, side: int) -> None:
        ratio = self.devicePixelRatioF()
        area = QRect(at, QSize(side, side))
        if picture.hasAlphaChannel():
            paint_checker(painter, area)
        if key not in self._pixmaps:
            pixmap = QPixmap.fromImage(crisp(picture, round(side * ratio), round(side * ratio)))
            pixmap.setDevicePixelRatio(ratio)
            self._pixmaps[key] = pixmap
        painter.drawPixmap(at, self._pixmaps[key])
        painter.setPen(theme.color("border_strong"))
        painter.drawRect(QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5))


class DiagnosisSheetDialog(QDialog):
    """Shows a "nearest" or "group" sheet.

    Attributes:
        view: the pictures. note: what is said instead of them.
    """

    def __init__(self, name: str, finding: Finding, where: str = "", parent: QWidget | None = None) -> None:
        """`where`: the moment, for the title."""
        super().__init__(parent)
        self._name, self._finding = name, finding
        nearest = name == NEAREST
        title = self.tr("Samples nearest to training pictures") if nearest else self.tr("Samples that look alike")
        self.setWindowTitle(f"{title} · {where}" if where else title)
        self.explanation = QLabel(wordWrap=True)
        self.explanation.setProperty("role", "secondary")
        self.explanation.setText(
            self.tr(
                "Each column shows a sample, and below it the training picture and the held-out picture nearest to it, "
                "mirrored where that is nearer. The number is the distance to the training picture: below 1 the two "
                "look alike. A sample that is as near to a held-out picture is no proof of copying."
            )
            if nearest
            else self.tr(
                "Members of the largest group of samples that look alike. In a varied run there are only one or two."
            )
        )
        self.view = SheetView()
        self.view.setAccessibleName(title)
        self.note = QLabel(self.tr("Loading…"), wordWrap=True)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._pages = QStackedWidget()
        self._pages.addWidget(Reach(self.view))
        self._pages.addWidget(self.note)
        self._pages.setCurrentIndex(1)
        buttons = QDialogButtonBox()
        close = buttons.addButton(self.tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        close.clicked.connect(lambda _checked=False: self.reject())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE)
        layout.setSpacing(2 * theme.SPACE)
        layout.addWidget(self.explanation)
        layout.addWidget(self._pages, 1)
        layout.addWidget(buttons)
        resize_within_screen(self, 960, 480)

    def show_sheet(self, sheet: QImage | None) -> None:
        """Show the sheet; None if it cannot be read."""
        rows = None if sheet is None else self._cut(sheet)
        if rows is None:
            self.note.setText(wrapped(self.tr("These pictures are missing or damaged.")))
            self._pages.setCurrentIndex(1)
            return
        captions = [self._caption(d) for d in self._finding.nearest] if self._name == NEAREST else []
        self.view.show_rows(rows, captions)
        self.view.setAccessibleDescription(", ".join(caption.replace("\n", " ") for caption in captions))
        self._pages.setCurrentIndex(0)

    def _caption(self, distance: float) -> str:
        return f"{distance:.2f}\n" + (self.tr("looks alike") if distance < 1 else self.tr("differs"))

    def _cut(self, sheet: QImage) -> list[tuple[str, list[QImage]]] | None:
        """The sheet's pictures by row; None if it is no such sheet."""
        height = NEAREST_ROWS if self._name == NEAREST else 1
        side = sheet.height() // height
        columns = sheet.width() // side if side else 0
        if not columns or sheet.height() != side * height or sheet.width() != side * columns:
            return None
        if self._name == NEAREST and columns != len(self._finding.nearest):
            return None
        cells = [[sheet.copy(x * side, y * side, side, side) for x in range(columns)] for y in range(height)]
        if self._name != NEAREST:
            members = cells[0]
            return [("", members[at : at + MEMBERS_IN_ROW]) for at in range(0, len(members), MEMBERS_IN_ROW)]
        names = [self.tr("Samples"), self.tr("Training"), self.tr("Held out")]
        found = self._finding.diagnosis
        shown = NEAREST_ROWS if found is None or found.held_out else NEAREST_ROWS - 1
        return list(zip(names[:shown], cells[:shown], strict=True))
