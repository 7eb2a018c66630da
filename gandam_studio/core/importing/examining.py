"""The work of an import worker on a chunk of files: read and decode each file once, and describe its sprites."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.importing.archives import ZipReader
from gandam_studio.core.importing.describing import describe
from gandam_studio.core.importing.items import (
    ACCEPTED,
    ARCHIVE,
    FATAL,
    MISSING,
    REJECTED,
    FoundSprite,
    Item,
    ItemOutcome,
)
from gandam_studio.core.importing.options import WorkSettings
from gandam_studio.core.importing.sheets import (
    WHOLE,
    Proposed,
    Slicing,
    likely,
    pieces,
    propose,
    proposed_key,
    sheet_from_json,
)
from gandam_studio.core.pictures.decoding import canonical
from gandam_studio.core.pictures.decoding.canonical import IsArchive, Raw
from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture
from gandam_studio.core.pictures.decoding.palettes import FirstEntry, without_index_0
from gandam_studio.core.pictures.decoding.parts import INDEX_0, Key, frame_part, key_part, keyed
from gandam_studio.core.workspace.lineage import is_marked
from gandam_studio.core.workspace.originals import Originals

# Pictures are hashed together once they have this many pixels.
_BATCH_PIXELS = 4_000_000
HASHING = 1 << 32  # reported instead of an item's index while a batch is hashed

Report = Callable[[int], None]


class Examiner:
    """Examines chunks of items. Keeps the last zip open between chunks.

    Attributes:
        settings: what to do with each file.
    """

    def __init__(self, settings: WorkSettings) -> None:
        self.settings = settings
        self._limits = settings.decoding_limits
        self._sheet = settings.slicing
        self._originals = Originals(Path(settings.originals)) if settings.originals else None
        self._zip = ZipReader()

    def examine(self, items: list[Item], report: Report = lambda index: None) -> list[ItemOutcome]:
        """Return the outcomes of the items, in order. `report` is called with an item's index before it is read."""
        red, green, blue = self.settings.background
        background = red, green, blue
        outcomes: list[ItemOutcome] = []
        waiting: list[tuple[FoundSprite, Raw]] = []
        pixels = 0
        for index, item in enumerate(items):
            report(index)
            outcome, pictures = self._look(item)
            outcomes.append(outcome)
            waiting += zip(outcome.sprites, pictures, strict=True)
            pixels += sum(picture.rgba.shape[0] * picture.rgba.shape[1] for picture in pictures)
            if pixels >= _BATCH_PIXELS:
                report(HASHING)
                describe(waiting, background)
                waiting, pixels = [], 0
        report(HASHING)
        describe(waiting, background)
        return outcomes

    def _look(self, item: Item) -> tuple[ItemOutcome, list[Raw]]:
        try:
            data = item.data if item.data is not None else self._read(item)
        except UnreadablePicture as error:
            return ItemOutcome(REJECTED, str(error)), []
        except OSError as error:
            return ItemOutcome(MISSING, why(error)), []
        digest = hashlib.sha256(data).hexdigest()
        try:
            if self.settings.looks:
                return ItemOutcome(ACCEPTED, "", digest, facts=_facts(data, self._limits)), []
            found = list(self._pictures(data, item))
        except IsArchive as error:
            nested = bool(item.member)
            return ItemOutcome(
                REJECTED if nested else ARCHIVE, "an archive inside an archive" if nested else error.kind
            ), []
        except UnreadablePicture as error:
            return ItemOutcome(REJECTED, str(error), digest), []
        except MemoryError:
            return ItemOutcome(REJECTED, "needs too much memory", digest), []
        except cv2.error:
            return ItemOutcome(REJECTED, "damaged: its pixels cannot be decoded", digest), []
        if not found:
            return ItemOutcome(REJECTED, "nothing visible on this sheet", digest), []
        outcome = ItemOutcome(ACCEPTED, "", digest)
        generated = is_marked(data)
        outcome.sprites = [
            FoundSprite(part, name=name, tags=list(raw.tags), generated=generated) for part, name, raw in found
        ]
        if self._originals is not None:
            try:
                outcome.keep_original(data, self._originals)
            except OSError as error:
                return ItemOutcome(FATAL, f"originals cannot be written: {why(error)}"), []
        return outcome, [picture for _, _, picture in found]

    def _read(self, item: Item) -> bytes:
        if item.index >= 0:
            return self._zip.read(item.path, item.index, self._limits.max_file_bytes)
        return read_file(item.path, self._limits)

    def _pictures(self, data: bytes, item: Item) -> Iterator[tuple[str, str, Raw]]:
        """(part, name, picture) of every sprite in a file; the name is "" where the file's own name is used."""
        settings, slicing = self.settings, self._sheet
        if item.cut is not None:
            cut = dict(item.cut)
            if "key" in cut:
                settings = replace(settings, key=cut.pop("key"))
            slicing = None if cut["kind"] == WHOLE else sheet_from_json(cut)
        if isinstance(slicing, Proposed):
            with FirstEntry(data, self._limits) as first:
                cleared, _ = self._cleared(first, canonical.decode(data, self._limits).rgba, settings)
            slicing = next(iter(propose(cleared)), None)
        if slicing is not None:
            yield from self._pieces(data, slicing, settings)
        elif self.settings.frames == "distinct":
            with FirstEntry(data, self._limits) as first:
                for index, picture in canonical.decode_frames(data, self._limits):
                    info = picture.info
                    raw = Raw(picture.rgba, info.format, info.frames, info.tags)
                    yield self._keyed(first, index, frame_part(index) if info.frames > 1 else "", raw, settings)
        else:
            index, raw = canonical.decode_first(data, self._limits)
            with FirstEntry(data, self._limits) as first:
                yield self._keyed(first, index, frame_part(index) if index else "", raw, settings)

    def _keyed(
        self, first: FirstEntry, frame: int, part: str, raw: Raw, settings: WorkSettings
    ) -> tuple[str, str, Raw]:
        """(part, name, picture) with the key colour, if any, made transparent."""
        cleared, key = self._cleared(first, raw.rgba, settings, frame)
        if key is None:
            return part, "", raw
        named = f"{part}+{key_part(key)}" if part else key_part(key)
        return named, "", raw._replace(rgba=cleared)

    def _cleared(
        self, first: FirstEntry, rgba: NDArray[np.uint8], settings: WorkSettings, frame: int = 0
    ) -> tuple[NDArray[np.uint8], Key | None]:
        """A frame of a file with its key colour made transparent, and the key; (unchanged, None) without a key."""
        key = settings.key_of(rgba)
        if isinstance(key, tuple):
            return keyed(rgba, key), key
        cleared = first.without(rgba, frame) if key else None
        return (rgba, None) if cleared is None else (cleared, key)

    def _pieces(self, data: bytes, slicing: Slicing, settings: WorkSettings) -> Iterator[tuple[str, str, Raw]]:
        picture = canonical.decode(data, self._limits)
        seen = set()
        with FirstEntry(data, self._limits) as first:
            cleared, key = self._cleared(first, picture.rgba, settings)
        # `Piece.cut` clears a plain key colour itself.
        sheet = picture.rgba if isinstance(key, tuple) else cleared
        for piece in pieces(sheet, slicing, key):
            cut = canonical.finish(piece.cut(sheet, self._limits), picture.info.format)
            if not cut.rgba[..., 3].any():
                continue  # an empty frame of an atlas
            pixels = (*cut.rgba.shape, cut.rgba.tobytes())
            if pixels not in seen:
                seen.add(pixels)
                yield piece.part, piece.name, Raw(cut.rgba, cut.info.format)


def _facts(data: bytes, limits: Limits) -> dict[str, Any]:
    """Facts about a picture: its size, its frames and their tags, and how to cut it if it is clearly a sheet.

    "cut" and "key" are those of `Cut.to_json`; "cut" is None for a picture that is no sheet. "pieces" is the number of
    sprites that the cut gives.
    """
    kind = canonical.picture_kind(data, limits)
    count, tags = canonical.frames_in(data, limits)
    rgba = canonical.decode(data, limits).rgba
    height, width = rgba.shape[:2]
    facts = {"kind": kind, "width": width, "height": height, "frames": count, "tags": tags, "cut": None, "pieces": 1}
    if count == 1:
        cleared = without_index_0(data, rgba, limits)
        key = proposed_key(rgba, cleared)
        if key == INDEX_0 and cleared is not None:
            rgba = cleared
        sheet = likely(keyed(rgba, key) if isinstance(key, tuple) else rgba)
        if sheet is not None:
            facts |= {"cut": sheet.to_json(), "key": list(key) if isinstance(key, tuple) else key}
            facts["pieces"] = len(pieces(rgba, sheet, key))
    return facts


def read_file(path: str, limits: Limits) -> bytes:
    """Return a file's bytes. Raises OSError, or UnreadablePicture if it is larger than the limit or no regular file."""
    most = limits.max_file_bytes
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadablePicture("not a regular file")
        if status.st_size > most:
            raise UnreadablePicture(f"too large: {status.st_size / 1e6:,.0f} MB")
        data = os.read(descriptor, status.st_size + 1)
        # One read returns everything, except on some network file systems or while the file is being written.
        while len(data) != status.st_size and len(data) <= most and (more := os.read(descriptor, 1 << 20)):
            data += more
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise UnreadablePicture(f"too large: more than {most / 1e6:,.0f} MB")
    return data


def why(error: OSError) -> str:
    """Describe a system error in plain words."""
    if error.errno == errno.ENOENT:
        return "no longer exists"
    return (error.strerror or str(error)).lower()
