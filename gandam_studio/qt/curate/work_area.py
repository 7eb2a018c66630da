"""The central area: the gallery, or the large view or crop view of the current sprite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from gandam_studio.core.workspace import Workspace
from gandam_studio.qt.curate.gallery import Gallery

if TYPE_CHECKING:
    from gandam_studio.qt.curate.assist.view import AssistView
    from gandam_studio.qt.curate.crop_view import CropView
    from gandam_studio.qt.curate.large_view import LargeView


class WorkArea(QStackedWidget):
    """Attributes:
    gallery, large_view, crop_view, assist_view: the views; only one is shown. All but the gallery are built, and their
        modules imported, on first use, to keep the start of the window fast.

    Signals:
        crop_chosen: a crop of the current sprite was chosen, None for the whole picture.
    """

    crop_chosen = Signal(object)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.gallery = Gallery(workspace)
        self._workspace = workspace
        self._large_view: LargeView | None = None
        self._crop_view: CropView | None = None
        self._assist_view: AssistView | None = None
        self.addWidget(self.gallery)
        self.gallery.opened.connect(lambda _seq: self.toggle_zoom())

    @property
    def large_view(self) -> LargeView:
        """The current sprite, enlarged."""
        if self._large_view is None:
            from gandam_studio.qt.curate.large_view import LargeView

            self._large_view = LargeView(self._workspace)
            self._large_view.step_requested.connect(self._step)
            self._large_view.left.connect(self.show_gallery)
            self.addWidget(self._large_view)
        return self._large_view

    @property
    def crop_view(self) -> CropView:
        """The current sprite's original, with a frame for its crop."""
        if self._crop_view is None:
            from gandam_studio.qt.curate.crop_view import CropView

            self._crop_view = CropView(self._workspace)
            self._crop_view.left.connect(self.show_gallery)
            self._crop_view.chosen.connect(self.crop_chosen)
            self.addWidget(self._crop_view)
        return self._crop_view

    @property
    def assist_view(self) -> AssistView:
        """The view of the Assist mode."""
        if self._assist_view is None:
            from gandam_studio.qt.curate.assist.view import AssistView

            self._assist_view = AssistView(self._workspace)
            self.addWidget(self._assist_view)
        return self._assist_view

    @property
    def is_assisting(self) -> bool:
        """True while the Assist mode is shown."""
        return self._assist_view is not None and self._shown is self._assist_view

    def open_assist(self) -> None:
        """Show the Assist mode."""
        self._switch_to(self.assist_view)

    def stop(self) -> None:
        """End the picture loaders."""
        self.gallery.pictures.stop()
        if self._large_view is not None:
            self._large_view.stop()
        if self._assist_view is not None:
            self._assist_view.grid.pictures.stop()

    @property
    def is_cropping(self) -> bool:
        """True while the crop view is shown."""
        return self._crop_view is not None and self._shown is self._crop_view

    def focus(self) -> None:
        """Set the focus to the current view."""
        self._shown.setFocus()

    def show_gallery(self) -> None:
        """Return to the gallery."""
        self._switch_to(self.gallery)

    def toggle_zoom(self) -> None:
        """Show the current sprite in the large view, or return to the gallery."""
        if self._shown is not self.gallery:
            self.show_gallery()
        elif self.gallery.current_seq:
            self._choose_current()
            self._switch_to(self.large_view)

    def open_crop(self) -> None:
        """Open the crop view for the current sprite's original."""
        if self.gallery.current_seq:
            self._choose_current()
            self.crop_view.show_sprite(self.gallery.sprite(self.gallery.current))
            self._switch_to(self.crop_view)

    def _choose_current(self) -> None:
        """Select only the current sprite, so that actions do not apply to others hidden behind the view."""
        selection = self.gallery.selection
        if selection.count and self.gallery.current_seq not in selection:
            self.gallery.go_to(self.gallery.current)

    def refresh(self) -> None:
        """Update the current sprite."""
        if self._large_view is None or self._shown is not self._large_view:
            return
        gallery = self.gallery
        if gallery.current_seq:
            sprite = gallery.sprite(gallery.current)
            self._large_view.show_sprite(
                sprite, position=gallery.current, count=len(gallery.order), selected=gallery.selection.count
            )
        else:
            self.show_gallery()

    @property
    def _shown(self) -> QWidget:
        shown = self.currentWidget()
        assert shown is not None
        return shown

    def _switch_to(self, view: QWidget) -> None:
        self.setCurrentWidget(view)
        self.refresh()
        self.focus()

    def _step(self, step: int) -> None:
        self.gallery.go_to(min(max(self.gallery.current + step, 0), len(self.gallery.order) - 1))
