"""The left rail: one button per screen, Ctrl+1 to Ctrl+6."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton, QVBoxLayout, QWidget

from gandam_studio.qt import icons, theme

WIDTH = 84


@dataclass(frozen=True)
class Place:
    """A screen of the window, imported on its first visit.

    Attributes:
        key: number of the shortcut Ctrl+number.
        name: English title; translated for display.
        icon: name of a file in resources/icons.
        path: the screen's class as "module:class".
    """

    key: int
    name: str
    icon: str
    path: str

    @property
    def title(self) -> str:
        """The translated name."""
        titles = {
            "Curate": QCoreApplication.translate("Rail", "Curate"),
            "Duplicates": QCoreApplication.translate("Rail", "Duplicates"),
            "Versions": QCoreApplication.translate("Rail", "Versions"),
            "Train": QCoreApplication.translate("Rail", "Train"),
            "Runs": QCoreApplication.translate("Rail", "Runs"),
            "Explore": QCoreApplication.translate("Rail", "Explore"),
        }
        return titles[self.name]


PLACES = (
    Place(1, "Curate", "curate", "gandam_studio.qt.curate.screen:CurateScreen"),
    Place(2, "Duplicates", "duplicates", "gandam_studio.qt.duplicates.screen:DuplicatesScreen"),
    Place(3, "Versions", "versions", "gandam_studio.qt.versions.screen:VersionsScreen"),
    Place(4, "Train", "train", "gandam_studio.qt.train.screen:TrainScreen"),
    Place(5, "Runs", "runs", "gandam_studio.qt.runs.screen:RunsScreen"),
    Place(6, "Explore", "explore", "gandam_studio.qt.explore.screen:ExploreScreen"),
)


class Rail(QFrame):
    """Signals:
    place_chosen: the button of a screen was clicked (`Place`).
    """

    place_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("rail")
        self.setFixedWidth(WIDTH)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QToolButton] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.HALF, theme.SPACE, theme.HALF, theme.SPACE)
        layout.setSpacing(theme.HALF)
        for place in PLACES:
            layout.addWidget(self._button(place))
        layout.addStretch()

    @property
    def places(self) -> list[Place]:
        """The screens, in order."""
        return [place for place in PLACES if place.path in self._buttons]

    def mark(self, place: Place) -> None:
        """Highlight the current screen's button."""
        self._buttons[place.path].setChecked(True)

    def _button(self, place: Place) -> QToolButton:
        button = QToolButton()
        button.setText(place.title)
        button.setCheckable(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setToolTip(f"{place.title}  (Ctrl+{place.key})")
        button.setAccessibleName(place.title)
        button.setFixedWidth(WIDTH - 2 * theme.HALF - 1)
        icons.set_icon(button, place.icon, "secondary", 22)
        button.clicked.connect(lambda _checked=False: self.place_chosen.emit(place))
        self._group.addButton(button)
        self._buttons[place.path] = button
        return button
