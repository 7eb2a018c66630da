"""Pages that fit small windows: columns that stack, rows that wrap, and a scroll area as the last resort."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLayout,
    QLayoutItem,
    QScrollArea,
    QSizePolicy,
    QWidget,
)

_FRAME = QSize(16, 64)  # logical pixels that a dialog leaves for its frame and some of what is behind it


def resize_within_screen(dialog: QWidget, width: int, height: int) -> None:
    """Give a dialog its usual size, or less on a small screen."""
    dialog.resize(QSize(width, height).boundedTo(dialog.screen().availableSize() - _FRAME))


def grow_to_text(dialog: QWidget) -> None:
    """Give a dialog the height that its wrapped texts need at its width; a layout alone presses the rows together."""
    layout = dialog.layout()
    needed = layout.totalHeightForWidth(dialog.width()) if layout is not None else 0
    if needed > dialog.height():
        dialog.resize(dialog.width(), needed)


class Reach(QScrollArea):
    """Shows a page at any size: one that needs more room than there is can be scrolled instead of being cut off."""

    def __init__(self, page: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent, widgetResizable=True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(page)

    def minimumSizeHint(self) -> QSize:
        """Any size will do."""
        return QSize(0, 0)

    def sizeHint(self) -> QSize:
        """The page's."""
        page = self.widget()
        return page.sizeHint() if page is not None else super().sizeHint()


class Columns(QWidget):
    """Two widgets side by side, or one above the other while there is no room for both.

    Attributes:
        stacked: True while the second one is below the first.
    """

    def __init__(
        self,
        first: QWidget,
        second: QWidget,
        stretches: tuple[int, int],
        spacing: int,
        margins: tuple[int, int, int, int],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._both, self._stretches = (first, second), stretches
        self.stacked = False
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(*margins)
        self._row.setSpacing(spacing)
        for widget, stretch in zip(self._both, stretches, strict=True):
            self._row.addWidget(widget, stretch)

    def minimumSizeHint(self) -> QSize:
        """The size with the columns stacked."""
        margins = self._row.contentsMargins()
        widths = [widget.minimumSizeHint().width() for widget in self._both]
        return QSize(max(widths) + margins.left() + margins.right(), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stack the columns or put them side by side."""
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """Choose the arrangement for the present width."""
        margins = self._row.contentsMargins()
        room = self.width() - margins.left() - margins.right() - self._row.spacing()
        needed = sum(widget.minimumSizeHint().width() for widget in self._both)
        stacked = needed > room
        if stacked != self.stacked:
            self.stacked = stacked
            way = QBoxLayout.Direction.TopToBottom if stacked else QBoxLayout.Direction.LeftToRight
            self._row.setDirection(way)
            for index, stretch in enumerate((0, 1) if stacked else self._stretches):
                self._row.setStretch(index, stretch)
            self.updateGeometry()


class WrappingRow(QLayout):
    """A row of widgets that continues on further lines when it is wider than its place.

    A gap added by `add_gap` takes what is left of the line, as a stretch does.
    """

    def __init__(self, parent: QWidget | None = None, spacing: int = 8) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        # Asked for again and again while a window is laid out; forgotten when Qt says that an item has changed.
        self._heights: dict[int, int] = {}
        self._sizes: tuple[QSize, QSize] | None = None
        self.setSpacing(spacing)
        self.setContentsMargins(0, 0, 0, 0)

    def add_gap(self) -> None:
        """Push what follows to the right end of its line."""
        gap = QWidget()
        gap.setFixedSize(0, 0)
        gap.setProperty("gap", True)
        gap.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.addWidget(gap)

    def addItem(self, item: QLayoutItem) -> None:
        """Append an item."""
        self._items.append(item)

    def count(self) -> int:
        """Number of items."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """The item at an index, or None."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Remove and return the item at an index."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """Widens with its place."""
        return Qt.Orientation.Horizontal

    def hasHeightForWidth(self) -> bool:
        """The height depends on the number of lines."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Height of the lines at this width."""
        if width not in self._heights:
            self._heights[width] = self._arrange(QRect(0, 0, width, 0), move=False)
        return self._heights[width]

    def invalidate(self) -> None:
        """Forget the sizes."""
        self._heights.clear()
        self._sizes = None
        super().invalidate()

    def setGeometry(self, rect: QRect) -> None:
        """Place the items."""
        super().setGeometry(rect)
        self._arrange(rect, move=True)

    def sizeHint(self) -> QSize:
        """Everything on one line."""
        return self._both_sizes()[0]

    def minimumSize(self) -> QSize:
        """The widest item."""
        return self._both_sizes()[1]

    def _both_sizes(self) -> tuple[QSize, QSize]:
        if self._sizes is None:
            self._sizes = self._preferred(), self._least()
        return self._sizes

    def _preferred(self) -> QSize:
        shown = [item for item in self._items if not item.isEmpty()]
        width = sum(item.sizeHint().width() for item in shown) + self.spacing() * max(0, len(shown) - 1)
        height = max((item.sizeHint().height() for item in shown), default=0)
        return self._with_margins(QSize(width, height))

    def _least(self) -> QSize:
        least = QSize(0, 0)
        for item in self._items:
            if not item.isEmpty():
                least = least.expandedTo(item.minimumSize())
        return self._with_margins(least)

    def _with_margins(self, size: QSize) -> QSize:
        margins = self.contentsMargins()
        return size + QSize(margins.left() + margins.right(), margins.top() + margins.bottom())

    def _lines(self, width: int) -> list[list[QLayoutItem]]:
        lines: list[list[QLayoutItem]] = [[]]
        used = 0
        for item in self._items:
            if item.isEmpty():
                continue
            wanted = item.sizeHint().width()
            if lines[-1] and used + self.spacing() + wanted > width:
                lines.append([])
                used = 0
            used += wanted + (self.spacing() if lines[-1] else 0)
            lines[-1].append(item)
        return lines

    def _arrange(self, rect: QRect, *, move: bool) -> int:
        margins = self.contentsMargins()
        room = rect.marginsRemoved(margins)
        y = room.y()
        for line in self._lines(room.width()):
            if not line:
                continue
            height = max(item.sizeHint().height() for item in line)
            widths = self._widths(line, room.width())
            if move:
                self._place(line, widths, QRect(room.x(), y, room.width(), height))
            y += height + self.spacing()
        return y - self.spacing() * (y > room.y()) - room.y() + margins.top() + margins.bottom()

    def _widths(self, line: list[QLayoutItem], width: int) -> list[int]:
        """Widths of a line's items: gaps, or else fields that may grow, share what is left."""
        widths = [min(item.sizeHint().width(), width) for item in line]
        left = width - sum(widths) - self.spacing() * (len(line) - 1)
        gaps = [i for i, item in enumerate(line) if (one := item.widget()) is not None and one.property("gap")]
        grows = Qt.Orientation.Horizontal
        growing = [i for i, item in enumerate(line) if i not in gaps and item.expandingDirections() & grows]
        for index in growing:
            extra = min(left // len(growing), max(0, line[index].maximumSize().width() - widths[index]))
            widths[index] += extra
            left -= extra
        for index in gaps[:1]:
            widths[index] += max(0, left)
        return widths

    def _place(self, line: list[QLayoutItem], widths: list[int], rect: QRect) -> None:
        parent = self.parentWidget()
        direction = parent.layoutDirection() if parent is not None else Qt.LayoutDirection.LeftToRight
        x = rect.x()
        for item, width in zip(line, widths, strict=True):
            height = min(item.sizeHint().height(), rect.height())
            place = QRect(QPoint(x, rect.y() + (rect.height() - height) // 2), QSize(width, height))
            if direction == Qt.LayoutDirection.RightToLeft:
                place.moveRight(rect.left() + rect.right() - place.left())  # QStyle has this, and 600 names to load
            item.setGeometry(place)
            x += width + self.spacing()


class WrappingBar(QFrame):
    """A bar whose rows wrap, and which takes the height that they need by itself.

    A page around an ordinary widget with such rows would get a height that depends on its width: `Reach` would then
    show it at its preferred height, not at its smallest.
    """

    def hasHeightForWidth(self) -> bool:
        """Not for the page around."""
        return False

    def event(self, event: QEvent) -> bool:
        """Follow the width, and what is shown in the bar."""
        done = super().event(event)
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest, QEvent.Type.Show):
            layout = self.layout()
            height = layout.totalHeightForWidth(self.width()) if layout is not None else -1
            if layout is not None and height > 0 and height != self.minimumHeight():
                self.setFixedHeight(height)
                # In a bar that is just being shown, the layout would not hear of it.
                layout.invalidate()
                layout.activate()
        return done


__all__ = ["Columns", "Reach", "WrappingBar", "WrappingRow", "grow_to_text", "resize_within_screen"]
