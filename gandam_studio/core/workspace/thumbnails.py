"""Thumbnails by row number, in one packed file. They are derived from the originals and can be deleted.

Two files: `pictures.pack` holds the encoded pictures, concatenated; `index.bin` holds, for row `seq`, 16 bytes at
`16 * (seq - 1)`: offset (6 bytes), length (4), CRC-32 of the encoded bytes (4), kind (1), spare (1), little-endian.
Nothing is flushed: the CRC detects what a power cut damages, which then counts as missing. A sprite takes about 450
bytes and a photograph about 5 kB, so a million sprites take half a gigabyte on disk and 16 MB of index.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.deflate import DamagedStream, deflate, inflate
from gandam_studio.core.workspace.own_files import open_for_update
from trainer.protocol.files import open_own, own_folder

SIDE = 96  # pixels; smaller pictures keep their size, so that pixel art stays crisp
_ENTRY = 16
_RAW, _JPEG = 1, 2
_SHAPE = struct.Struct("<HH")
_JPEG_QUALITY = 90
_MAXIMUM_OFFSET = 1 << 48
_LONGEST = 2 * 4 * SIDE * SIDE  # bytes of one encoded picture; what cannot be deflated grows by a quarter

Picture = NDArray[np.uint8]


def thumbnail(rgba: Picture, side: int = SIDE) -> Picture:
    """Reduce an (H, W, 4) picture by area averaging to fit `side`; return it unchanged if it fits already.

    Colours are weighted by alpha, so that nothing bleeds in from transparent pixels.
    """
    height, width = rgba.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return rgba
    import cv2  # imported late: the window opens without it, since most thumbnails only need inflating

    from gandam_studio.core.pictures.rendering import halved

    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    alpha = rgba[..., 3]
    if alpha.min() == 255:
        return np.asarray(cv2.resize(halved(rgba, side), size, interpolation=cv2.INTER_AREA), np.uint8)
    weighted = rgba.astype(np.float32)
    weighted[..., :3] *= weighted[..., 3:] * np.float32(1 / 255)
    small = np.asarray(cv2.resize(weighted, size, interpolation=cv2.INTER_AREA), np.float32)
    small[..., :3] *= np.float32(255) / np.maximum(small[..., 3:], np.float32(1e-3))
    result = np.clip(np.rint(small), 0, 255).astype(np.uint8)
    result[result[..., 3] == 0] = 0
    return result


def encode_thumbnail(rgba: Picture) -> bytes:
    """Encode the thumbnail of a picture of any size: deflated RGBA if it keeps its size or has alpha, else JPEG."""
    small = thumbnail(rgba)
    if small is not rgba and small[..., 3].min() == 255:
        import cv2

        ok, data = cv2.imencode(
            ".jpg", cv2.cvtColor(small, cv2.COLOR_RGBA2BGR), (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY)
        )
        if ok:
            return bytes((_JPEG,)) + data.tobytes()
    height, width = small.shape[:2]
    return bytes((_RAW,)) + _SHAPE.pack(height, width) + deflate(np.ascontiguousarray(small).data)


def decode_thumbnail(data: bytes) -> Picture | None:
    """Decode the result of `encode_thumbnail` to (h, w, 4) uint8; None if the bytes are not a thumbnail."""
    if data[:1] == bytes((_JPEG,)):
        return _decode_jpeg(data[1:])
    if data[:1] != bytes((_RAW,)) or len(data) < 1 + _SHAPE.size:
        return None
    height, width = _SHAPE.unpack_from(data, 1)
    if not (0 < height <= SIDE and 0 < width <= SIDE):
        return None
    try:
        # The size limits how much a damaged record can inflate to.
        pixels = inflate(memoryview(data)[1 + _SHAPE.size :], height * width * 4)
    except DamagedStream:
        return None
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 4)


def _decode_jpeg(data: bytes) -> Picture | None:
    import cv2

    from gandam_studio.core.pictures.decoding.jpeg import read_header
    from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture

    try:
        # Check the size first: a few untrusted bytes may declare a picture of gigabytes.
        read_header(data, Limits(max_side=SIDE))
    except UnreadablePicture:
        return None
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if bgr is None else np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA), np.uint8)


class ThumbnailStore:
    """The thumbnails of a workspace. One writer, which holds the workspace's lock; any number of reading threads.

    Attributes:
        folder: the folder of the two files; created on the first write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._pack = _Mapped(self.folder / "pictures.pack")
        self._index = _Mapped(self.folder / "index.bin")
        self._writing = threading.Lock()

    def append(self, first_seq: int, pictures: Sequence[Picture]) -> None:
        """Store thumbnails for rows `first_seq`, `first_seq` + 1 ... from (H, W, 4) pictures of any size."""
        self.append_encoded(first_seq, [encode_thumbnail(picture) for picture in pictures])

    def append_encoded(self, first_seq: int, encoded: Sequence[bytes]) -> None:
        """Store thumbnails as `append` does, already encoded by `encode_thumbnail` in worker processes.

        Existing thumbnails are replaced. Raises OSError (disk full): the rows then have no thumbnail.
        """
        if not encoded:
            return
        with self._writing:
            own_folder(self.folder)
            with open_for_update(self._pack.path) as pack:
                offset = pack.seek(0, os.SEEK_END)
                pack.write(b"".join(encoded))
            entries = bytearray()
            for data in encoded:
                if offset >= _MAXIMUM_OFFSET:
                    raise OSError("the thumbnail store is full")
                entries += offset.to_bytes(6, "little") + struct.pack("<IIBB", len(data), zlib.crc32(data), 1, 0)
                offset += len(data)
            # Write the index last, so that an entry never refers to bytes that have not been written.
            with open_for_update(self._index.path) as index:
                index.seek(_ENTRY * (first_seq - 1))
                index.write(entries)

    def read(self, seq: int) -> Picture | None:
        """Return the thumbnail of a row, (h, w, 4) uint8, at most 96 pixels a side; None if missing or damaged."""
        data = self._encoded(seq)
        return None if data is None else decode_thumbnail(data)

    def close(self) -> None:
        """Close the files. Reading or writing opens them again."""
        self._index.close()
        self._pack.close()

    def _encoded(self, seq: int) -> bytes | None:
        entry = self._index.bytes_at(_ENTRY * (seq - 1), _ENTRY)
        if entry is None or entry[14] != 1:
            return None
        length, checksum = struct.unpack_from("<II", entry, 6)
        if length > _LONGEST:
            return None
        data = self._pack.bytes_at(int.from_bytes(entry[:6], "little"), length)
        return data if data is not None and zlib.crc32(data) == checksum else None


READS_KEPT = 1024
"""After so many reads the pages of a file that were read are let go (they stay in the system's cache): looking through
a million thumbnails would else keep all of them in the memory of the process."""


_LET_GO: int | None = getattr(mmap, "MADV_DONTNEED", None)  # not on Windows


class _Mapped:
    """A growing file, memory-mapped for reading; mapped again to read beyond the mapped end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._map: mmap.mmap | None = None
        self._lock = threading.Lock()
        self._reads = 0

    def bytes_at(self, offset: int, length: int) -> bytes | None:
        """Return `length` bytes from `offset`, or None if the file is too short."""
        if offset < 0:
            return None
        mapped = self._map
        if mapped is None or offset + length > len(mapped):
            mapped = self._remap(offset + length)
            if mapped is None:
                return None
        found = mapped[offset : offset + length]
        self._reads += 1
        if self._reads >= READS_KEPT and _LET_GO is not None:
            self._reads = 0
            mapped.madvise(_LET_GO)
        return found

    def close(self) -> None:
        # Drop the old map without closing it: another thread may be reading from it.
        self._map = None

    def _remap(self, wanted: int) -> mmap.mmap | None:
        with self._lock:
            if self._map is not None and wanted <= len(self._map):
                return self._map
            try:
                with os.fdopen(open_own(self.path, os.O_RDONLY), "rb") as stream:
                    if os.fstat(stream.fileno()).st_size < wanted:
                        return None
                    self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError):
                return None
            return self._map
