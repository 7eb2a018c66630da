"""Shows what was found in the sources of an import, and asks what to make of it before anything is imported."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.archives.names import Names, shown_encoding
from gandam_studio.core.importing import Atlas, Components, Cut, Grid, ImportOptions
from gandam_studio.core.importing.looking import SheetsFound, SourceFindings
from gandam_studio.core.importing.options import kinds_listed
from gandam_studio.qt import theme
from gandam_studio.qt.counts import counted, sprites
from gandam_studio.qt.failures import explain
from gandam_studio.qt.imports.sheet_dialog import SheetDialog, key_name
from gandam_studio.qt.session import WARNING, Session
from gandam_studio.qt.widgets.fitting import WrappingRow, resize_within_screen
from gandam_studio.qt.widgets.outside_text import tip, wrapped
from trainer.protocol.untrusted import shortened

if TYPE_CHECKING:
    from gandam_studio.core.importing.preview import Sheet

TAGS_SHOWN = 40
SHEETS_SHOWN = 200
EDITED_SHOWN = 5
_LONGEST_NAME = 40


class ProposalDialog(QDialog):
    """Attributes:
    findings: what was found.
    sections: the groups of choices that are shown, by name: "folders", "captions", "sheets", "animations", "names",
        "edited".
    tag_boxes: the check boxes of each tag; one that folders and captions both give has two.
    rows: the sheets that are cut alike.
    encodings: the choice of a code page for an archive, by its path.
    plain: "Import as they are" was chosen: nothing becomes tags, nothing is cut.
    """

    def __init__(self, session: Session, findings: SourceFindings, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.findings = findings
        self.plain = False
        self.sections: dict[str, _Section] = {}
        self.tag_boxes: dict[str, list[QCheckBox]] = {}
        self.rows: list[_SheetRow] = []
        self.encodings: dict[str, QComboBox] = {}
        self.setWindowTitle(self.tr("Import: what was found"))
        resize_within_screen(self, 760, 640)
        headline = QLabel(wrapped(self._headline(title), word=40), wordWrap=True)
        headline.setTextFormat(Qt.TextFormat.PlainText)
        headline.setProperty("role", "headline")
        note = QLabel(self._note(), wordWrap=True)
        note.setTextFormat(Qt.TextFormat.PlainText)
        note.setProperty("role", "secondary")
        page = QWidget()
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(0, 0, theme.SPACE, 0)
        self._column.setSpacing(theme.SPACE + theme.HALF)
        self._add_sections()
        self._column.addStretch()
        area = QScrollArea()
        area.setWidget(page)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.told = QLabel(wordWrap=True)
        self.told.setProperty("role", "secondary")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(2 * theme.SPACE)
        layout.addWidget(headline)
        layout.addWidget(note)
        layout.addWidget(area, 1)
        layout.addWidget(self.told)
        layout.addWidget(self._make_buttons())
        self._count()

    def _make_buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.import_button = buttons.addButton(self.tr("Import"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.import_button.setDefault(True)
        self.plain_button = buttons.addButton(self.tr("Import as they are"), QDialogButtonBox.ButtonRole.ActionRole)
        self.plain_button.setToolTip(self.tr("One sprite for each picture, without tags"))
        self.plain_button.clicked.connect(lambda _checked=False: self._accept_plain())
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        return buttons

    def _accept_plain(self) -> None:
        self.plain = True
        self.accept()

    @property
    def options(self) -> ImportOptions:
        """The import that was chosen."""
        encodings = {path: str(box.currentData()) for path, box in self.encodings.items()}
        if self.plain:
            whole = {item.label: Cut() for row in self.rows for item in row.found.items}
            return ImportOptions(encodings=encodings, cuts=whole, atlases=False)
        cuts = {}
        for row in self.rows:
            chosen = self.sections["sheets"].is_on and row.is_on
            if not (chosen and row.found.atlas and isinstance(row.cut.sheet, Atlas)):
                cuts.update({item.label: row.cut if chosen else Cut() for item in row.found.items})
        frames = self.sections.get("animations")
        return ImportOptions(
            folders_as_tags=self._is_on("folders"),
            captions="tags" if self._is_on("captions") else "",
            frame_tags=self._is_on("animations") and frames is not None and self.frame_tags.isChecked(),
            frames="distinct" if frames is not None and frames.is_on and self.all_frames.isChecked() else "first",
            carry_over=self._is_on("edited"),
            cuts=cuts,
            encodings=encodings,
            untagged=frozenset(tag for tag, boxes in self.tag_boxes.items() if not boxes[0].isChecked()),
        )

    def _is_on(self, name: str) -> bool:
        return name in self.sections and self.sections[name].is_on

    # What is said

    def _headline(self, title: str) -> str:
        found = self.findings
        pictures = counted(found.pictures, self.tr("1 picture"), self.tr("{0} pictures"))
        return self.tr("{0} in {1}").format(pictures, title) if title else pictures

    def _note(self) -> str:
        found = self.findings
        parts = [self.tr("Choose what to make of them. Your files are not changed, and tags can be undone.")]
        if found.fresh < found.pictures:
            parts.append(self.tr("{0} of them are new.").format(f"{found.fresh:,}"))
        if left_out := kinds_listed(found.others, found.hidden):
            parts.append(self.tr("Left out, as they are no pictures: {0}.").format(left_out))
        return " ".join(parts)

    def _count(self) -> None:
        """Say what the import will give, as far as that is known beforehand."""
        found = self.findings
        total = found.fresh
        for row in self.rows:
            if self.sections["sheets"].is_on and row.is_on:
                total += row.sprites - len(row.found.items)
        if self._is_on("animations") and self.all_frames.isChecked():
            total += found.frames - found.animations
        tags = {
            tag
            for name, those in (("folders", found.folders), ("captions", found.caption_tags))
            for tag in those
            if self._is_on(name) and all(box.isChecked() for box in self.tag_boxes.get(tag, []))
        }
        text = self.tr("About {0}").format(sprites(total))
        if tags:
            text += counted(len(tags), self.tr(", 1 tag"), self.tr(", {0} tags"))
        self.told.setText(text)

    # Sections

    def _add_sections(self) -> None:
        found = self.findings
        if found.edited:
            self._add_edited()
        if found.telling_folders:
            section = self._section("folders", self.tr("Folders become tags"))
            self._add_tags(section, found.folders, found.outer - found.caption_tags.keys())
        if found.captions:
            title = counted(
                found.captions, self.tr("Words beside 1 picture become tags"),
                self.tr("Words beside {0} pictures become tags"),
            )  # fmt: skip
            self._add_tags(self._section("captions", title), found.caption_tags, frozenset())
        if found.sheets:
            self._add_sheets()
        if found.animations or found.frame_tags:
            self._add_animations()
        for names in found.names:
            self._add_names(names)

    def _section(self, name: str, title: str) -> _Section:
        section = _Section(title)
        section.changed.append(self._count)
        self.sections[name] = section
        self._column.addWidget(section)
        return section

    def _add_tags(self, section: _Section, tags: Mapping[str, int], off: frozenset[str]) -> None:
        row = WrappingRow(spacing=2 * theme.SPACE)
        for tag, count in list(tags.items())[:TAGS_SHOWN]:
            box = QCheckBox(f"{shortened(tag, _LONGEST_NAME)}  ×{count:,}".replace("&", "&&"))
            box.setToolTip(tip(tag))
            box.setChecked(tag not in off)
            box.toggled.connect(functools.partial(self._check_tag, tag))
            self.tag_boxes.setdefault(tag, []).append(box)
            row.addWidget(box)
        section.body.addLayout(row)
        if len(tags) > TAGS_SHOWN:
            section.say(self.tr("and {0} more").format(f"{len(tags) - TAGS_SHOWN:,}"))

    def _check_tag(self, tag: str, on: bool) -> None:
        """Check or clear both boxes of a tag that folders and captions give."""
        for box in self.tag_boxes[tag]:
            box.setChecked(on)
        self._count()

    def _add_sheets(self) -> None:
        found = self.findings.sheets
        many = sum(len(sheets.items) for sheets in found)
        title = counted(many, self.tr("Cut 1 sheet into sprites"), self.tr("Cut {0} sheets into sprites"))
        section = self._section("sheets", title)
        for sheets in found[:SHEETS_SHOWN]:
            row = _SheetRow(sheets)
            row.box.toggled.connect(lambda _on: self._count())
            row.button.clicked.connect(functools.partial(self._adjust, row))
            self.rows.append(row)
            section.body.addWidget(row)
        if len(found) > SHEETS_SHOWN:
            section.say(self.tr("and {0} more, which are taken whole").format(f"{len(found) - SHEETS_SHOWN:,}"))

    def _adjust(self, row: _SheetRow, _checked: bool = False) -> None:
        """Open the cutting dialog for the sheets of a row."""
        self._load(row.found, 0, functools.partial(self._open_sheet, row))

    def _load(self, found: SheetsFound, index: int, then: Callable[[Sheet], None]) -> None:
        from gandam_studio.core.importing.preview import load_sheet

        item = found.items[index]

        def refuse(error: BaseException) -> None:
            self._session.post(self.tr("{0} cannot be read: {1}").format(_name(item.label), explain(error)), WARNING)

        def work(_workspace: Any, job: Any) -> Sheet:
            return load_sheet(item, check=job.check)

        self._session.start_quiet_job(work, then, refuse)

    def _open_sheet(self, row: _SheetRow, sheet: Sheet) -> None:
        found = row.found
        dialog = SheetDialog(
            [_name(item.label) for item in found.items],
            sheet,
            self,
            load=functools.partial(self._load, found),
            atlas=found.cut.sheet if isinstance(found.cut.sheet, Atlas) else None,
            cut=row.cut,
            button=self.tr("Cut like this"),
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._take_cut(row, dialog.cut, len(dialog.found)))
        dialog.open()

    def _take_cut(self, row: _SheetRow, cut: Cut, count: int) -> None:
        row.take(cut, count * len(row.found.items))
        self._count()

    def _add_animations(self) -> None:
        found = self.findings
        title = counted(found.animations, self.tr("1 animation"), self.tr("{0} animations"))
        section = self._section("animations", self.tr("{0} with {1} frames").format(title, f"{found.frames:,}"))
        section.always_on()
        self.all_frames = QCheckBox(self.tr("Every different frame becomes a sprite"))
        self.all_frames.setToolTip(self.tr("Otherwise each gives one sprite: its first frame that shows something"))
        self.all_frames.toggled.connect(lambda _on: self._count())
        section.body.addWidget(self.all_frames)
        self.frame_tags = QCheckBox(self.tr("The names of animations become tags"))
        self.frame_tags.setChecked(bool(found.frame_tags))
        self.frame_tags.setVisible(bool(found.frame_tags))
        section.body.addWidget(self.frame_tags)
        if found.frame_tags:
            section.say(", ".join(shortened(tag, _LONGEST_NAME) for tag in list(found.frame_tags)[:TAGS_SHOWN]))

    def _add_names(self, names: Names) -> None:
        title = self.tr("Names in {0}").format(shortened(os.path.basename(names.path), _LONGEST_NAME))
        section = _Section(title)
        section.always_on()
        self._column.addWidget(section)
        self.sections.setdefault("names", section)
        box = QComboBox()
        box.setAccessibleName(title)
        for encoding, examples in names.examples.items():
            shown = ", ".join(shortened(text, 24) for text in examples[:3])
            box.addItem(f"{_language(encoding)} ({shown_encoding(encoding)}): {shown}", encoding)
        box.setCurrentIndex(box.findData(names.used))
        box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        section.say(self.tr("The archive does not say how its names are written. Choose where they read right."))
        section.body.addWidget(box)
        self.encodings[names.path] = box

    def _add_edited(self) -> None:
        count = len(self.findings.edited)
        title = counted(
            count, self.tr("1 picture was edited: carry the decisions over to the new version"),
            self.tr("{0} pictures were edited: carry the decisions over to the new versions"),
        )  # fmt: skip
        section = self._section("edited", title)
        shown = ", ".join(shortened(_name(path), _LONGEST_NAME) for path in self.findings.edited[:EDITED_SHOWN])
        section.say(shown if count <= EDITED_SHOWN else self.tr("{0} and {1} more").format(shown, count - EDITED_SHOWN))
        section.say(self.tr("The old sprites are dropped as replaced, and still say where they came from."))


class _Section(QFrame):
    """A group of choices with a check box that stands for all of it.

    Attributes:
        box: the check box.
        body: where its parts go.
        changed: what is called when it is switched.
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setProperty("role", "panel")
        self.changed: list[Callable[[], object]] = []
        self.box = QCheckBox(title.replace("&", "&&"))
        self.box.setChecked(True)
        self.box.toggled.connect(self._switch)
        self._title = QLabel(title)
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._title.setProperty("role", "title")
        self._title.hide()
        self._holder = QWidget()
        self.body = QVBoxLayout(self._holder)
        self.body.setContentsMargins(24, 0, 0, 0)
        self.body.setSpacing(theme.SPACE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 12)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(self.box)
        layout.addWidget(self._title)
        layout.addWidget(self._holder)

    @property
    def is_on(self) -> bool:
        """Whether it is wanted."""
        return self.box.isChecked()

    def always_on(self) -> None:
        """Make it a heading without a check box."""
        self.box.hide()
        self._title.show()
        self.body.setContentsMargins(0, 0, 0, 0)

    def say(self, text: str) -> None:
        """Add a line of text."""
        label = QLabel(wrapped(text, word=40), wordWrap=True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setProperty("role", "secondary")
        self.body.addWidget(label)

    def _switch(self, on: bool) -> None:
        self._holder.setEnabled(on)
        for called in self.changed:
            called()


class _SheetRow(QWidget):
    """Sheets that are cut alike: a check box, how, and a button to look at it and change it.

    Attributes:
        found: the sheets.
        cut: how they are cut now.
        sprites: what that gives, about.
    """

    def __init__(self, found: SheetsFound) -> None:
        super().__init__()
        self.found = found
        self.cut = found.cut
        self.sprites = found.sprites
        name = shortened(_name(found.items[0].label), _LONGEST_NAME)
        if len(found.items) > 1:
            name = self.tr("{0} and {1} more alike").format(name, f"{len(found.items) - 1:,}")
        self.box = QCheckBox(name.replace("&", "&&"))
        self.box.setToolTip(tip("\n".join(item.label for item in found.items[:20])))
        self.box.setChecked(found.is_sure)
        self.told = QLabel()
        self.told.setProperty("role", "secondary")
        self.button = QPushButton(self.tr("Look and adjust…"))
        self.button.setAutoDefault(False)
        self.button.setAccessibleName(self.tr("Look and adjust: {0}").format(name))
        # Entries of a tar cannot be read once more one by one.
        self.button.setVisible(not found.items[0].member or found.items[0].index >= 0)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(self.box)
        texts.addWidget(self.told)
        self.told.setContentsMargins(24, 0, 0, 0)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(texts, 1)
        layout.addWidget(self.button)
        self._tell()

    @property
    def is_on(self) -> bool:
        """Whether the sheets are cut."""
        return self.box.isChecked()

    def take(self, cut: Cut, count: int) -> None:
        """Cut in another way, which gives so many sprites."""
        self.box.setChecked(True)
        self.cut, self.sprites = cut, count
        self._tell()

    def _tell(self) -> None:
        sheet, key = self.cut.sheet, self.cut.key
        if isinstance(sheet, Grid):
            how = self.tr("cells of {0} × {1}").format(sheet.width, sheet.height)
        elif isinstance(sheet, Components):
            how = self.tr("separate shapes") if self.found.is_sure else self.tr("separate shapes, if it is a sheet")
        else:
            how = self.tr("by its description")
        if key is not None:
            how += self.tr(", {0} transparent").format(key_name(key))
        size = f"{self.found.width} × {self.found.height}: " if self.found.width else ""
        self.told.setText(f"{size}{how}, {sprites(self.sprites)}")


def _name(label: str) -> str:
    """The file's or entry's own name."""
    return label.replace("\\", "/").rpartition("/")[2].rpartition("!")[2]


def _language(encoding: str) -> str:
    names = {
        "cp932": QCoreApplication.translate("Encodings", "Japanese"),
        "gbk": QCoreApplication.translate("Encodings", "Chinese"),
        "cp1251": QCoreApplication.translate("Encodings", "Cyrillic, Windows"),
        "cp866": QCoreApplication.translate("Encodings", "Cyrillic, DOS"),
        "cp1252": QCoreApplication.translate("Encodings", "Western, Windows"),
        "cp437": QCoreApplication.translate("Encodings", "Western, DOS"),
    }
    return names.get(encoding, encoding)
