"""Details of a version: note, runs trained on it, actions, and the version it is compared with."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.suggestions.certificates import KeptCertificate
from gandam_studio.core.versions import ManifestVersion, VersionDiff
from gandam_studio.qt import icons, theme
from gandam_studio.qt.versions import wording
from gandam_studio.qt.versions.diff_view import TILE, TILES
from gandam_studio.qt.widgets.choice_box import ChoiceBox
from gandam_studio.qt.widgets.outside_text import wrapped
from trainer.protocol.untrusted import shortened

EMPTY = 0  # compare with the empty data set: everything is new
_DIGEST_SHOWN = 16


class DetailPanel(QFrame):
    """Signals:
    base_chosen: another version to compare with was chosen (its number; EMPTY for none).
    tile_chosen: another tile size was chosen (side, logical pixels).
    """

    base_chosen = Signal(int)
    tile_chosen = Signal(int)

    def __init__(self, actions: list[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "bar")
        self._version: ManifestVersion | None = None
        self.headline = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.headline.setProperty("role", "headline")
        self.facts = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.facts.setProperty("role", "secondary")
        self.reviews = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.reviews.setProperty("role", "secondary")
        self.reviews.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.reviews.setAccessibleDescription(self.tr("What reviews of unfit sprites said"))
        self.digest = QLabel()
        self.digest.setProperty("role", "muted")
        self.copy = QToolButton()
        self.copy.setToolTip(self.tr("Copy the whole checksum (SHA-256)"))
        self.copy.setAccessibleName(self.tr("Copy the checksum"))
        icons.set_icon(self.copy, "link", "secondary", 14)
        self.copy.clicked.connect(self._copy_digest)
        self.summary = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.summary.setProperty("role", "title")
        self.summary.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.base = ChoiceBox()
        self.base.setAccessibleName(self.tr("Compare with"))
        self.base.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.base.activated.connect(lambda _row: self.base_chosen.emit(int(self.base.currentData())))
        self.tile = QSlider(Qt.Orientation.Horizontal)
        self.tile.setRange(*TILES)
        self.tile.setValue(TILE)
        self.tile.setFixedWidth(96)
        self.tile.setToolTip(self.tr("Size of the pictures (Ctrl and the wheel)"))
        self.tile.setAccessibleName(self.tr("Size of the pictures"))
        self.tile.sliderMoved.connect(self.tile_chosen)
        self.tile.actionTriggered.connect(lambda _action: self.tile_chosen.emit(self.tile.sliderPosition()))
        self._lay_out(actions)

    def show_version(
        self,
        version: ManifestVersion | None,
        parent: ManifestVersion | None,
        versions: list[ManifestVersion],
        base: ManifestVersion | None,
        runs: list[str],
    ) -> None:
        """Show a version (None: the current state, derived from `parent`), compared with `base` (None: nothing)."""
        self._version = version
        if version is None:
            self.headline.setText(self.tr("Current state"))
            derived = self.tr("derived from {0}").format(parent.label) if parent else self.tr("no version yet")
            self.facts.setText(derived)
        else:
            note = wording.title(version)
            self.headline.setText(wrapped(f"{version.label}   {note}", word=30))
            parts = [wording.when(version.at), wording.size(version, parent)]
            parts += [self.tr("from {0}").format(parent.label)] if parent else []
            parts += [self.tr("used by {0}").format(", ".join(runs))] if runs else []
            self.facts.setText(wrapped(" · ".join(parts)))
        self.show_reviews([])
        self.digest.setText(self.tr("SHA-256 {0}…").format(version.digest[:_DIGEST_SHOWN]) if version else "")
        self.digest.setVisible(version is not None)
        self.copy.setVisible(version is not None)
        self.base.clear()
        for other in reversed(versions):
            if version is None or other.number != version.number:
                self.base.addItem(shortened(f"{other.label}  {wording.title(other)[:28]}", 60), other.number)
        self.base.addItem(self.tr("nothing: everything is new"), EMPTY)
        self.base.setCurrentIndex(max(0, self.base.findData(base.number if base else EMPTY)))

    def show_reviews(self, found: list[KeptCertificate]) -> None:
        """Show what reviews of unfit sprites said, a line each."""
        self.reviews.setText("\n".join(wrapped(one.summary) for one in found))
        self.reviews.setVisible(bool(found))

    def show_summary(self, diff: VersionDiff | None) -> None:
        """Show a one-line summary of the differences; None while they are computed."""
        text = self.tr("Comparing…") if diff is None else wording.changes(diff)  # a diff without changes is falsy
        self.summary.setText(wrapped(text))

    def _lay_out(self, actions: list[QAction]) -> None:
        identity = QHBoxLayout()
        identity.setSpacing(theme.HALF)
        identity.addWidget(self.facts, 1)
        digest = QHBoxLayout()
        digest.setSpacing(theme.HALF)
        digest.addWidget(self.digest)
        digest.addWidget(self.copy)
        digest.addStretch()
        texts = QVBoxLayout()
        texts.setSpacing(theme.HALF)
        texts.addWidget(self.headline)
        texts.addLayout(identity)
        texts.addLayout(digest)
        texts.addWidget(self.reviews)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.HALF)
        for action in actions:
            # As in the menu: Qt would leave out the ellipsis that says that a dialog follows.
            action.setIconText(action.text().replace("&", ""))
            button = QToolButton()
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setAccessibleName(action.text().replace("&", ""))
            buttons.addWidget(button)
        head = QHBoxLayout()
        head.addLayout(texts, 1)
        head.addLayout(buttons)
        head.setAlignment(buttons, Qt.AlignmentFlag.AlignTop)
        compared = QLabel(self.tr("Compared with"))
        compared.setProperty("role", "secondary")
        compare = QHBoxLayout()
        compare.setSpacing(theme.SPACE)
        compare.addWidget(compared)
        compare.addWidget(self.base)
        compare.addStretch()
        compare.addWidget(self.tile)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE, theme.SPACE + theme.HALF)
        layout.setSpacing(theme.SPACE + theme.HALF)
        layout.addLayout(head)
        layout.addLayout(compare)
        layout.addWidget(self.summary)

    def _copy_digest(self) -> None:
        if self._version:
            QGuiApplication.clipboard().setText(self._version.digest)
