"""Facts about the two compared sprites and their relation."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from gandam_studio.core.duplicates import Member
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt import theme
from gandam_studio.qt.counts import counted
from gandam_studio.qt.duplicates.difference import Difference
from gandam_studio.qt.duplicates.wording import relation_color, relation_name, relation_to
from gandam_studio.qt.widgets.outside_text import OutsideLabel
from trainer.protocol.untrusted import shortened


class FactsBar(QFrame):
    """One line of facts per sprite, with the better values highlighted, and their relation."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Facts about the pair"))
        self.relation = QLabel()
        self.relation.setTextFormat(Qt.TextFormat.RichText)
        self.measured = OutsideLabel()
        self.measured.setProperty("role", "secondary")
        self.measured.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._cells: list[list[QLabel]] = []
        grid = QGridLayout()
        grid.setHorizontalSpacing(3 * theme.SPACE)
        grid.setVerticalSpacing(2)
        for row in range(2):
            cells = [QLabel() for _ in range(7)]
            for column, cell in enumerate(cells):
                cell.setTextFormat(Qt.TextFormat.RichText)
                cell.setProperty("role", "secondary")
                grid.addWidget(cell, row, column)
            self._cells.append(cells)
        grid.setColumnStretch(7, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(4)
        layout.addWidget(self.relation)
        layout.addWidget(self.measured)
        layout.addLayout(grid)
        theme.notifier().changed.connect(self._show)
        self._left: Sprite | None = None
        self._right: Sprite | None = None
        self._member: Member | None = None

    def show_pair(self, left: Sprite | None, right: Sprite | None, member: Member | None) -> None:
        """Show the facts about a pair; the measured difference follows with `show_difference`."""
        self._left, self._right, self._member = left, right, member
        self.measured.setText("")
        self._show()

    def show_difference(self, difference: Difference | None, trouble: str = "") -> None:
        """Show the measured difference, or why the pair could not be compared."""
        if difference is None:
            self.measured.setText(shortened(trouble, 300))
        elif difference.share == 0:
            self.measured.setText(self.tr("No pixel differs once aligned"))
        else:
            self.measured.setText(
                self.tr("{0} % of pixels differ, the most by {1} of 255").format(
                    _percent(difference.share), difference.greatest
                )
            )

    def sentence(self) -> str:
        """The same as plain text, for screen readers."""
        if self._left is None or self._right is None or self._member is None:
            return ""
        words = [relation_to(self._member.relation, self._left.name)]
        words += [relation_name(word) for word in self._member.transform.words if word != self._member.relation]
        return self.tr("{0}: {1}, confidence {2} percent").format(
            self._right.name, ", ".join(words), round(self._member.confidence * 100)
        )

    def _show(self) -> None:
        member, colors = self._member, theme.colors()
        if member is None:
            self.relation.clear()
        else:
            others = [word for word in member.transform.words if word != member.relation]
            words = {member.relation: relation_to(member.relation, "A")} | {
                word: relation_name(word) for word in others
            }
            named = "B: " + ", ".join(
                f'<b style="color: {colors[relation_color(word)]}">{text}</b>' for word, text in words.items()
            )
            sure = self.tr("confidence {0} %, distance {1}").format(
                round(member.confidence * 100), f"{member.distance:.2f}"
            )
            self.relation.setText(f'{named} <span style="color: {colors["secondary"]}">– {sure}</span>')
        for cells, sprite, other, name in (
            (self._cells[0], self._left, self._right, "A"),
            (self._cells[1], self._right, self._left, "B"),
        ):
            texts = self._facts(sprite, other, name) if sprite and other else [""] * len(cells)
            for cell, text in zip(cells, texts, strict=True):
                cell.setText(text)

    def _facts(self, sprite: Sprite, other: Sprite, name: str) -> list[str]:
        colors = theme.colors()

        def better(text: str, wins: bool) -> str:
            return f'<b style="color: {colors["text"]}">{text}</b>' if wins else text

        status = {
            "kept": (self.tr("kept"), "kept"),
            "dropped": (self.tr("dropped"), "dropped"),
            "undecided": (self.tr("undecided"), "muted"),
        }[sprite.status]
        color = colors["plot_1" if name == "A" else "plot_2"]
        facing = {
            "left": self.tr("facing left"),
            "right": self.tr("facing right"),
            "front": self.tr("facing front"),
        }.get(sprite.shown_facing, "")
        alpha = self.tr("transparent") if sprite.alpha else self.tr("opaque")
        return [
            f'<b style="color: {color}">{name}</b>',
            better(f"{sprite.width} × {sprite.height}", sprite.width * sprite.height > other.width * other.height),
            better(counted(sprite.colors, self.tr("1 colour"), self.tr("{0} colours")), sprite.colors > other.colors),
            better(alpha, sprite.alpha and not other.alpha),
            facing,
            self.tr("flipped") if sprite.flipped else "",
            f'<span style="color: {colors[status[1]]}">{status[0]}</span>',
        ]


def _percent(share: float) -> str:
    """A share as a percentage, never rounded to zero."""
    percent = 100 * share
    return f"{percent:.0f}" if percent >= 10 else f"{percent:.2g}" if percent >= 0.1 else "< 0.1"
