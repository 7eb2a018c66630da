"""Decodes the large view's picture off the GUI thread, for the latest request only."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QImage

from gandam_studio.core.errors import UserError
from gandam_studio.core.pictures.orienting import oriented
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt.failures import explain
from gandam_studio.qt.queue_thread import WorkspaceThread
from gandam_studio.qt.widgets.picture_cache import image_from_rgba


class LargePictureLoader(WorkspaceThread):
    """Signals:
    loaded: the requested `Sprite`, its picture with edits applied (`QImage`, null if it cannot be read), and why not.
    """

    loaded = Signal(object, QImage, str)

    def work(self, workspace: Workspace, wanted: list[Any]) -> None:
        """Decode the sprite requested last."""
        self.loaded.emit(wanted[0], *_decode(workspace, wanted[0]))


def _decode(workspace: Workspace, sprite: Sprite) -> tuple[QImage, str]:
    pixels = workspace.thumbnails.read(sprite.seq)
    try:
        if pixels is None or pixels.shape[:2] != (sprite.height, sprite.width):
            return image_from_rgba(workspace.picture(sprite)), ""
        # Thumbnails of small sprites are full size: no need to decode, nor to import the decoders.
        return image_from_rgba(oriented(pixels, sprite.crop, sprite.rotation, sprite.flipped)), ""
    except (UserError, OSError) as error:
        return QImage(), explain(error)
    except ValueError as error:
        return QImage(), str(error)
