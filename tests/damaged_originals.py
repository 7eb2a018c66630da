"""Damage as by disks and people: a flipped bit, a truncated or a missing original; packed or as a file."""

from __future__ import annotations

from pathlib import Path

from gandam_studio.core.workspace.originals import Originals


def where(originals: Originals, digest: str) -> tuple[Path, int]:
    """The file that contains an original, and its offset."""
    own = originals.own_file(digest)
    if own is not None:
        return own, 0
    data = originals.read(digest)
    for pack in sorted((originals.folder / "packs").iterdir()):
        # Behind its digest, as its header has it: equal bytes may lie within another original too.
        position = pack.read_bytes().find(bytes.fromhex(digest) + data)
        if position >= 0:
            return pack, position + 32
    raise AssertionError(f"{digest} lies nowhere")


def flip_a_bit(path: Path, position: int = 40) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[position] ^= 0x10
    path.write_bytes(data)


def alter(originals: Originals, digest: str, position: int = 40) -> None:
    """Flip one bit of an original."""
    path, start = where(originals, digest)
    flip_a_bit(path, start + position)
