"""Shares of a search that were judged before it was cancelled or killed, so that the next search goes on from there.

A file next to the findings of a workspace, named after all that verdicts depend on: versions, pictures and pairs. Each
share is one frame with a checksum; whatever follows a damaged one is judged again. The file may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from gandam_studio.core.duplicates.candidates import Candidates
from gandam_studio.core.duplicates.links import VERSION
from gandam_studio.core.duplicates.verifying_worker import Judged, pack_judged, unpack_judged
from gandam_studio.core.hashing import Column
from gandam_studio.core.workspace.described import FINGERPRINT_VERSION
from trainer.protocol.files import open_append, own_folder, refuse_link
from trainer.protocol.frames import read_frame, write_frame
from trainer.protocol.untrusted import open_regular

_SUFFIX = ".unfinished"


class Unfinished:
    """The shares of one search that are judged.

    Attributes:
        judged: the results so far, by the number of the share.
    """

    def __init__(self, folder: Path, shares: Sequence[Candidates], fingerprints: np.ndarray) -> None:
        """Read what an earlier search with the same pictures and pairs left.

        folder: that of the workspace. shares: the pairs by row of `fingerprints`, (N, COLUMNS).
        """
        self.judged: dict[int, Judged] = {}
        self._path = _folder(folder) / (_name(shares, fingerprints) + _SUFFIX)
        self._stream: IO[bytes] | None = None
        end = 0
        with (
            contextlib.suppress(OSError, ValueError, TypeError),
            open_regular(self._path, follow_links=False) as stream,
        ):
            while (frame := read_frame(stream)) is not None:
                number, body = frame
                if len(body) < 4 or zlib.crc32(body[4:]) != int.from_bytes(body[:4], "little"):
                    break
                judged = unpack_judged(body[4:])
                if number >= len(shares) or not _rows_of(judged) <= _rows_of(shares[number]):
                    break
                self.judged[number] = judged
                end = stream.tell()
        # As with findings, a full or read-only disk only means that the next search takes longer.
        with contextlib.suppress(OSError):
            own_folder(self._path.parent)
            self._stream = open_append(self._path)
            self._stream.truncate(end)

    def add(self, number: int, judged: Judged) -> None:
        """Keep the result of a share, unless a picture could not be read, which may be different next time."""
        if self._stream is None or judged.unreadable:
            return
        body = pack_judged(judged)
        try:
            write_frame(self._stream, number, zlib.crc32(body).to_bytes(4, "little") + body)
        except OSError:
            self.close()

    def close(self) -> None:
        """Close the file, which stays."""
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.close()
            self._stream = None


def forget_unfinished(folder: Path) -> None:
    """Remove what unfinished searches left in a workspace's folder."""
    with contextlib.suppress(OSError):
        refuse_link(_folder(folder))
        for path in _folder(folder).glob("*" + _SUFFIX):
            path.unlink()


def _folder(folder: Path) -> Path:
    return folder / "duplicates"


def _rows_of(what: Judged | Candidates) -> set[int]:
    """The rows that occur in a share, or in what was found in it."""
    if isinstance(what, Candidates):
        return {*what.i.tolist(), *what.j.tolist()}
    return {*what.links.ends.tolist()} | what.enlargements.keys()


def _name(shares: Sequence[Candidates], fingerprints: np.ndarray) -> str:
    """A digest of all that the results depend on."""
    crowded = any(share.crowded for share in shares)
    digest = hashlib.blake2b(repr((VERSION, FINGERPRINT_VERSION, crowded)).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(fingerprints[:, [Column.PIXELS, Column.SIZE, Column.FLAGS]]).tobytes())
    for share in shares:
        digest.update(np.stack([share.i, share.j, share.mirrored]).astype("<i8").tobytes())
    return digest.hexdigest()
