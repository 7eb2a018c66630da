"""Editors generated from a setting's metadata: choice, switch or text, each bound to the draft."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QLineEdit, QToolButton, QWidget

from gandam_studio.qt import icons, theme
from gandam_studio.qt.train.setup.draft import ConfigDraft, as_text
from gandam_studio.qt.widgets.numbers import with_point
from trainer.protocol.config import FieldInfo


class _Choice(QComboBox):
    """A combo box that ignores the wheel, so that the form scrolls instead."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the form."""
        event.ignore()


def make_editor(info: FieldInfo, draft: ConfigDraft) -> QWidget:
    """Create the editor of a setting, bound to the draft in both directions."""
    if info.kind == "bool":
        return _switch(info, draft)
    if info.choices:
        return _choice(info, draft)
    return _line(info, draft)


def _switch(info: FieldInfo, draft: ConfigDraft) -> QCheckBox:
    box = QCheckBox()
    box.toggled.connect(lambda on: draft.set_text(info.path, as_text(on)))

    def follow() -> None:
        box.blockSignals(True)
        box.setChecked(draft.text(info.path).lower() == "true")
        box.blockSignals(False)

    return _bound(box, follow, draft)


def _choice(info: FieldInfo, draft: ConfigDraft) -> QComboBox:
    box = _Choice()
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.activated.connect(lambda index: draft.set_text(info.path, box.itemText(index)))

    def follow() -> None:
        offered = draft.choices(info)
        if offered != [box.itemText(row) for row in range(box.count())]:
            box.clear()
            box.addItems(offered)
        box.setCurrentIndex(max(0, box.findText(draft.text(info.path))))

    return _bound(box, follow, draft)


def _line(info: FieldInfo, draft: ConfigDraft) -> QLineEdit:
    line = QLineEdit()
    decimal = info.kind == "float"
    line.textEdited.connect(lambda text: draft.set_text(info.path, with_point(text) if decimal else text))

    def follow() -> None:
        if line.text() != draft.text(info.path) and not line.hasFocus():
            line.setText(draft.text(info.path))
        wrong = draft.problem_path == info.path and bool(draft.problem)
        if bool(line.property("wrong")) != wrong:
            line.setProperty("wrong", wrong)
            line.style().polish(line)  # the style sheet marks it

    def show_all() -> None:
        line.setText(draft.text(info.path))

    draft.preset_changed.connect(show_all)
    return _bound(line, follow, draft)


def _bound(widget: QWidget, follow, draft: ConfigDraft):
    draft.changed.connect(follow)
    follow()
    return widget


class FieldRow(QWidget):
    """A row of the form: label, mark, editor, unit and a button to reset.

    Attributes:
        info: the setting. editor: its editor. mark: shown if it differs from the preset.
        unit: the unit of the value, with "no limit" for a limit of 0.
    """

    def __init__(self, info: FieldInfo, draft: ConfigDraft, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.info = info
        self._draft = draft
        self.editor = make_editor(info, draft)
        self.editor.setAccessibleName(label)
        self.editor.setToolTip(tool_tip(info, draft))
        self.editor.setMinimumWidth(150)
        self.name = QLabel(label)
        self.name.setBuddy(self.editor)
        self.name.setToolTip(self.editor.toolTip())
        self.name.setFixedWidth(168)
        self.name.setWordWrap(True)
        self.mark = QToolButton()
        self.mark.setAccessibleName(self.tr("{0}: reset to the preset's value").format(label))
        icons.set_icon(self.mark, "undo", "accent", 14)
        self.mark.clicked.connect(lambda _checked=False: self._reset())
        keep = self.mark.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.mark.setSizePolicy(keep)
        self.unit = QLabel(info.unit)
        self.unit.setProperty("role", "muted")
        self.unit.setFixedWidth(self.fontMetrics().horizontalAdvance("of the side "))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 1, 0, 1)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(self.name)
        layout.addWidget(self.editor, 1)
        layout.addWidget(self.unit)
        layout.addWidget(self.mark)
        draft.changed.connect(self._show_mark)
        self._show_mark()

    def _show_mark(self) -> None:
        if self.info.path.startswith("stop."):
            value = self._draft.text(self.info.path)
            unlimited = self.tr("{0}\n(no limit)").format(self.info.unit)
            self.unit.setText(unlimited if value in ("0", "0.0") else self.info.unit)
        departures = self._draft.departures()
        differs = self.info.path in departures
        self.mark.setVisible(differs)
        self.name.setProperty("role", "title" if differs else "")
        self.name.style().polish(self.name)
        if differs:
            before = as_text(departures[self.info.path][0])
            text = self.tr("Differs from the preset. Reset to {0}").format(before or self.tr("empty"))
            self.mark.setToolTip(text)
            self.mark.setAccessibleName(text)

    def _reset(self) -> None:
        self._draft.reset(self.info.path)
        if isinstance(self.editor, QLineEdit):
            self.editor.setText(self._draft.text(self.info.path))


def tool_tip(info: FieldInfo, draft: ConfigDraft) -> str:
    """Meaning, advice, range and default of a setting, and its name in files and commands."""
    lines = [info.meaning[:1].upper() + info.meaning[1:] + "."]
    if info.advice:
        lines.append(info.advice + ".")
    if info.low is not None or info.high is not None:
        low, high = ("" if bound is None else f"{bound:,}" for bound in (info.low, info.high))
        lines.append(draft.tr("From {0} to {1}.").format(low, high) if high else draft.tr("At least {0}.").format(low))
    lines.append(draft.tr("Default: {0}.").format(as_text(info.default) or draft.tr("empty")))
    lines.append(draft.tr("In settings and commands: {0}").format(info.path))
    return "\n".join(lines)
