"""The details panel: facts about the current sprite, and its tags."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.lineage import Lineage, lineage_of
from gandam_studio.core.workspace.review import sources_of
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt import icons, theme
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.cell_painter import checker_brush, draw_picture, fit_of
from gandam_studio.qt.widgets.outside_text import OutsideLabel, wrapped
from gandam_studio.qt.widgets.outside_text import tip as as_tip
from gandam_studio.qt.widgets.picture_cache import PictureCache, Wanted
from trainer.protocol.untrusted import shortened

WIDTH = 272
LONGEST_WORD = 28  # characters that fit into that width
PREVIEW = 240
PREVIEW_BYTES = 8 << 20


class Inspector(QWidget):
    """Signals:
    tags_requested: tags should be added to and removed from the selected sprites (set, set).
    """

    tags_requested = Signal(object, object)

    def __init__(self, workspace: Workspace, *, read_only: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._read_only = read_only
        self._picture = _Preview(PictureCache(workspace, self, most_bytes=PREVIEW_BYTES))
        self.name_label = QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.name_label.setProperty("role", "title")
        self.name_label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(2 * theme.SPACE)
        self._facts.setVerticalSpacing(theme.HALF)
        self._facts.setColumnStretch(1, 1)
        self.values: dict[str, QLabel] = {}
        self._tags = QVBoxLayout()
        self._tags.setSpacing(theme.HALF)
        self.tag_field = QLineEdit(placeholderText=self.tr("Add a tag"))
        self.tag_field.setAccessibleName(self.tr("Add a tag"))
        self.tag_field.returnPressed.connect(self._add_tag)
        self.tag_field.setEnabled(not read_only)
        heading = QLabel(self.tr("TAGS"))
        heading.setProperty("role", "section")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addSpacing(theme.SPACE)
        layout.addWidget(self.name_label)
        layout.addLayout(self._facts)
        layout.addSpacing(theme.SPACE)
        layout.addWidget(heading)
        layout.addLayout(self._tags)
        layout.addWidget(self.tag_field)
        layout.addStretch()

    def show_sprite(self, sprite: Sprite | None, selected: int) -> None:
        """Show the current sprite; `selected` is the number of selected ones."""
        self.setEnabled(sprite is not None)
        if sprite is None:
            self.name_label.setText(self.tr("Nothing selected"))
            self._picture.show_sprite(None)
            for label in self.values.values():
                label.clear()
            self._show_tags(())
            return
        self._picture.show_sprite(sprite)
        self.name_label.setText(wrapped(sprite.name, 200, LONGEST_WORD))
        statuses = {
            "undecided": self.tr("undecided"),
            "kept": self.tr("kept"),
            "dropped": self.tr("dropped, {0}").format(sprite.reason) if sprite.reason else self.tr("dropped"),
        }
        facings = {
            "left": self.tr("left"),
            "right": self.tr("right"),
            "front": self.tr("front"),
            "unknown": self.tr("unknown"),
        }
        self._fact(self.tr("Status"), statuses[sprite.status])
        self._fact(self.tr("Facing"), facings[sprite.shown_facing])
        self._fact(self.tr("Size"), f"{sprite.width} × {sprite.height}")
        self._fact(self.tr("Colours"), f"{sprite.colors:,}" + (self.tr(", transparent") if sprite.alpha else ""))
        changed = [
            text
            for text, shown in (
                (self.tr("flipped"), sprite.flipped),
                (self.tr("rotated {0}°").format(90 * sprite.rotation), bool(sprite.rotation)),
                (self.tr("cropped {0} × {1}").format(*(sprite.crop or (0, 0, 0, 0))[2:]), sprite.crop is not None),
            )
            if shown
        ]
        self._fact(self.tr("Edits"), ", ".join(changed) or "–")
        self._fact(self.tr("Family"), sprite.family or "–")
        sources = sources_of(self._workspace, sprite.seq)
        self._fact(self.tr("Source"), sources[0] if sources else "–", "\n".join(sources))
        lineage = lineage_of(self._workspace, sprite)
        drawn = f"{lineage.run} {lineage.latent}" if lineage else "–"
        self._fact(self.tr("Drawn by"), drawn, self._lineage_tip(lineage) if lineage else "")
        self._fact(self.tr("Id"), sprite.id[:12], sprite.id)
        self._fact(self.tr("Selected"), f"{selected:,}")
        self._show_tags(sprite.tags)

    def _lineage_tip(self, lineage: Lineage) -> str:
        lines = [self.tr("Run: {0}").format(lineage.run)]
        if lineage.iteration is not None:
            lines.append(self.tr("Iteration: {0:,}").format(lineage.iteration))
        lines.append(self.tr("Seed and number: {0}").format(lineage.latent or "–"))
        lines.append(self.tr("Manifest: {0}").format(lineage.manifest[:12] or "–"))
        return "\n".join(lines)

    def stop(self) -> None:
        """End the loader thread; call before the workspace is closed."""
        self._picture.pictures.stop()

    def _fact(self, name: str, value: str, tip: str = "") -> None:
        label = self.values.get(name)
        if label is None:
            row = len(self.values)
            key = QLabel(name)
            key.setProperty("role", "muted")
            label = QLabel(textFormat=Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._facts.addWidget(key, row, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(label, row, 1)
            self.values[name] = label
        room = WIDTH - 32 - 96
        label.setText(label.fontMetrics().elidedText(shortened(value, 300), Qt.TextElideMode.ElideMiddle, room))
        label.setToolTip(as_tip(tip))

    def _show_tags(self, tags: tuple[str, ...]) -> None:
        while (item := self._tags.takeAt(0)) is not None:
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        for tag in tags:
            self._tags.addWidget(self._tag_row(tag))

    def _tag_row(self, tag: str) -> QWidget:
        row = QFrame()
        remove = QPushButton()
        remove.setProperty("role", "quiet")
        remove.setAccessibleName(self.tr("Remove the tag {0}").format(tag))
        remove.setToolTip(as_tip(remove.accessibleName()))
        remove.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        remove.setEnabled(not self._read_only)
        icons.set_icon(remove, "close", "secondary", 12)
        remove.clicked.connect(lambda _checked=False: self.tags_requested.emit(set(), {tag}))
        sign = QLabel()
        icons.set_pixmap(sign, "tag", QSize(14, 14), "muted")
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(sign)
        layout.addWidget(OutsideLabel(tag), 1)
        layout.addWidget(remove)
        return row

    def _add_tag(self) -> None:
        tags = {part.strip() for part in self.tag_field.text().split(",") if part.strip()}
        if tags:
            self.tag_field.clear()
            self.tags_requested.emit(tags, set())


class _Preview(QWidget):
    """The sprite with its edits applied, enlarged by a whole factor.

    The picture is loaded in another thread, since decoding takes many frames; until it arrives, the previous one stays.
    """

    def __init__(self, pictures: PictureCache) -> None:
        super().__init__()
        self.pictures = pictures
        self.pictures.arrived.connect(self._take)
        self.setFixedSize(PREVIEW, PREVIEW)
        self._wanted: Sprite | None = None
        self._shown: tuple[Sprite, tuple[QImage, float] | None] | None = None

    def show_sprite(self, sprite: Sprite | None) -> None:
        self._wanted = sprite
        self.setAccessibleName(sprite.name if sprite else "")
        if sprite is None:
            self._shown = None
            self.update()
            return
        fit = fit_of(sprite, self._room())
        if self.pictures.is_right(sprite, fit):
            self._take([sprite.seq])
        else:
            self.pictures.want([Wanted(sprite, fit)])

    def _take(self, seqs: list[int]) -> None:
        if self._wanted is not None and self._wanted.seq in seqs:
            self._shown = self._wanted, self.pictures.get(self._wanted)
            self.update()

    def _room(self) -> int:
        return int((PREVIEW - 16) * self.devicePixelRatioF())

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.color("border"))
        ratio = self.devicePixelRatioF()
        sprite, picture = self._shown or (None, None)
        alpha = sprite is not None and sprite.alpha
        painter.setBrush(checker_brush(ratio) if alpha else QBrush(theme.color("cell")))
        painter.drawRoundedRect(QRectF(0.5, 0.5, PREVIEW - 1, PREVIEW - 1), theme.RADIUS, theme.RADIUS)
        if sprite is not None and picture is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            draw_picture(painter, QRectF(self.rect()), sprite, picture, self._room(), ratio)
