"""The command palette (Ctrl+K): find any action of any screen by its name, or by another word for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QAction, QPainter
from PySide6.QtWidgets import (
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_item
from gandam_studio.qt.tips import keys_of, name_of
from gandam_studio.qt.widgets.search_popup import SearchPopup

_POSSIBLE = Qt.ItemDataRole.UserRole + 1
_BY_SYNONYM = 150  # penalty of a match with another word for the command
_ELSEWHERE = 300  # penalty of a command of another screen


def synonyms() -> dict[str, str]:
    """Word in a command's name -> other words people look for. A line a word: "drop: delete remove"."""
    lines = QCoreApplication.translate(
        "CommandPalette",
        """drop: delete remove discard reject exclude trash bin cull throw away
keep: accept include approve yes good
flip: mirror reverse horizontal invert
undecided: reset clear unmark
crop: cut trim clip
trim: crop border margin autocrop
tag: label keyword category mark
turn: rotate
way: assist orient direction auto flip suggestions
unfit: assist bad wrong outlier review reject audit stop
odd: outlier strange unusual weird anomaly upscaled photo text assist
enlarged: upscaled shrink smaller pixels grid downscale
surprise: random shuffle variety different kinds order sort
facing: direction orientation look side
large: zoom big enlarge preview fullscreen magnify
larger: zoom in bigger increase
smaller: zoom out shrink decrease
default: reset zoom
fit: zoom reset whole
actual: zoom original pixels
search: find look for name
similarity: similar alike look-alike
filter: find show only hide
undo: back revert mistake
redo: again repeat
history: log changes edits past
save: commit snapshot store keep version
commit: save version snapshot store
version: save snapshot commit dataset
export: save as write download png zip folder share
import: add load open pictures images sprites files paste
open: load
restore: go back revert older
verify: check test damaged integrity
name: rename label title
duplicates: copies same doubles dedupe
find: search look for
rules: automatic bulk apply panel sidebar balance
best: winner favourite
blink: compare flicker swap
difference: compare diff change
overlay: compare onion
side: compare beside
run: train training start
start: begin run train go
stop: end cancel abort quit finish
pause: hold wait
resume: continue go on start again
sample: generate new sprites picture preview make
sprites: generate make draw samples
jump: spike peak
drawn: raw noise background specks uncleaned
checkpoint: save model weights
average: ema mean smooth calm post-hoc width
spike: jump peak
compare: difference versus
delete: remove erase trash
play: animate video
panel: sidebar details recipe inspector
theme: dark light colours colors appearance mode
quit: exit close leave
keyboard: shortcuts keys hotkeys help
screen: fullscreen maximise maximize
workspace: project folder
clipboard: paste
hints: tips help tutorial
selection: select
select: mark choose
next: forward
previous: back""",
    )
    found: dict[str, str] = {}
    for line in lines.splitlines():
        word, _, others = line.partition(":")
        found[word.strip().lower()] = others.strip().lower()
    return found


def other_words(name: str, table: dict[str, str]) -> str:
    """Other words for a command with this name, from `synonyms`."""
    words = [word.strip("().,:›…").lower() for word in name.split()]
    found = [other for word in words for other in table.get(word, "").split()]
    return " ".join(other for other in dict.fromkeys(found) if other not in words)


@dataclass(frozen=True)
class Command:
    """An action and the menu it is in.

    Attributes:
        visit: shows the screen the action belongs to; None for the current one.
    """

    action: QAction
    menu: str
    visit: Callable[[], object] | None = None

    @property
    def text(self) -> str:
        """The action's name without the mnemonic mark."""
        return name_of(self.action)


def match(query: str, text: str) -> int | None:
    """Penalty of matching `query` with `text`: 0 is best, None is no match.

    Every word of the query must occur. The start of a word is better than the middle, and early is better than late.
    """
    score = 0
    lowered = text.lower()
    for word in query.lower().split():
        position = lowered.find(word)
        if position < 0:
            return None
        starts = position == 0 or not lowered[position - 1].isalnum()
        score += position + (0 if starts else 100)
    return score


class CommandPalette(SearchPopup):
    """A search field and a short list over the window; Enter runs the command, Escape closes.

    Signals:
        chosen: a command was chosen (`Command`).
    """

    chosen = Signal(object)

    def __init__(self, commands: Iterable[Command], parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Command palette"))
        self._synonyms = synonyms()
        self._commands: list[tuple[Command, str]] = []
        self.field.setPlaceholderText(self.tr("Type a command, such as: drop, mirror, export"))
        self.field.setAccessibleName(self.tr("Command"))
        self.list.setAccessibleName(self.tr("Commands"))
        self.list.itemActivated.connect(lambda _item: self.take())
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setItemDelegate(_Delegate(self.list))
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.add(commands)

    def add(self, commands: Iterable[Command]) -> None:
        """Add commands, and search again."""
        shown = [command for command in commands if command.action.isVisible()]
        self._commands += [(command, other_words(command.text, self._synonyms)) for command in shown]
        self.search(self.field.text())

    def show_over(self, window: QWidget) -> None:
        """Open in the upper middle of the window, with the focus in the field."""
        width = min(560, window.width() - 4 * theme.SPACE)
        height = min(420, window.height() - 80)
        corner = window.mapToGlobal(window.rect().topLeft())
        self.setGeometry(corner.x() + (window.width() - width) // 2, corner.y() + 64, width, height)
        self.show()
        self.field.setFocus()

    def take(self) -> None:
        """Close the palette, then hand over the command, which may depend on the previous focus."""
        item = self.list.currentItem()
        if item is None:
            return
        command: Command = item.data(Qt.ItemDataRole.UserRole)
        self.close()
        self.chosen.emit(command)

    def search(self, query: str) -> None:
        """List the commands that match, the best first."""
        scored = []
        for place, (command, others) in enumerate(self._commands):
            score = match(query, f"{command.text} {command.menu}")
            if score is None and query.strip():
                by_synonym = match(query, f"{command.text} {command.menu} {others}")
                score = None if by_synonym is None else by_synonym + _BY_SYNONYM
            if score is None:
                continue
            elsewhere = command.visit is not None
            # What is not possible on this screen now comes last; on another screen it may be by then.
            possible = command.action.isEnabled() or elsewhere
            scored.append((not possible, (score if query else 0) + _ELSEWHERE * elsewhere, place, command))
        scored.sort(key=lambda entry: entry[:3])
        self.list.clear()
        for impossible, _, _, command in scored:
            item = QListWidgetItem(command.text)
            item.setData(Qt.ItemDataRole.UserRole, command)
            item.setData(_POSSIBLE, not impossible)
            told = ", ".join(part for part in (command.menu, keys_of(command.action)) if part)
            item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, told)
            item.setToolTip(command.action.toolTip())
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.list.setVisible(bool(scored))
        self.note.setVisible(not scored)
        if not scored:
            self.note.setText(
                self.tr("Nothing found. Try another word, such as: drop, flip, export, zoom. F1 lists all keys.")
            )


class _Delegate(QStyledItemDelegate):
    """Paints name, menu and keys; a widget for every row would take milliseconds each."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """A line and some air."""
        return QSize(0, option.fontMetrics.height() + 2 * theme.SPACE)

    @paint_item
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint a row."""
        command: Command = index.data(Qt.ItemDataRole.UserRole)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, theme.color("accent_soft"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, theme.color("hover"))
        line = option.rect.adjusted(theme.SPACE, 0, -theme.SPACE, 0)
        keys = keys_of(command.action)
        metrics, middle = option.fontMetrics, Qt.AlignmentFlag.AlignVCenter
        painter.setFont(option.font)
        painter.setPen(theme.color("secondary"))
        painter.drawText(line, middle | Qt.AlignmentFlag.AlignRight, keys)
        line.setRight(line.right() - metrics.horizontalAdvance(keys) - 2 * theme.SPACE)
        name = metrics.elidedText(command.text, Qt.TextElideMode.ElideRight, line.width())
        painter.setPen(theme.color("text" if index.data(_POSSIBLE) else "muted"))
        painter.drawText(line, middle, name)
        line.setLeft(line.left() + metrics.horizontalAdvance(name) + 2 * theme.SPACE)
        painter.setPen(theme.color("muted"))
        menu = metrics.elidedText(command.menu, Qt.TextElideMode.ElideRight, line.width())
        if len(menu) > 1:  # not the dots alone
            painter.drawText(line, middle, menu)
