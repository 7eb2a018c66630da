"""Sprites that a run has drawn and that came back: how their files say so, and what is known of where they are from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace.sprite import Sprite
from trainer.protocol.untrusted import UntrustedError, Values, parse_json, shortened

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace

GENERATED = "generated"
"""The tag of sprites that a run has drawn; which of them are committed says `versions.entries.committed`."""
TAGGED = f"instr(tags, char(10) || '{GENERATED}' || char(10)) > 0"
"""The SQL condition for those."""
_MARK = re.compile(rb"gandam[\0 ]\{")
_NEAR = 1 << 16  # bytes at a file's beginning, and at its end, in which the mark is looked for
_LONGEST = 8 << 20


def is_marked(data: bytes) -> bool:
    """Whether a file says that this program has drawn it, in the text of a PNG or the notes of another format."""
    near = _LONGEST if data[8:12] == b"WEBP" else _NEAR  # There it follows the pictures, and may be long.
    return _MARK.search(data, 0, _NEAR) is not None or _MARK.search(data, max(0, len(data) - near)) is not None


@dataclass(frozen=True)
class Lineage:
    """Where a generated sprite is from, as its file says; "" and None for what it does not say.

    Attributes:
        run: its name. iteration: of the checkpoint. latent: what draws it again, such as "7/3". manifest: digest of the
            version that the run learned from. weights: "ema" or "raw".
    """

    run: str
    iteration: int | None
    latent: str
    manifest: str
    weights: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dict(self.__dict__)


def lineage_in(data: bytes, frame: int | None = None) -> Lineage | None:
    """The lineage that a PNG or an Aseprite document holds (of its frame `frame`), None without a readable one."""
    match = _MARK.search(data, 0, _NEAR)
    if match is None:
        return None
    start, kind = match.start(), data[match.start() - 4 : match.start()]
    if kind == b"tEXt":
        end = start + int.from_bytes(data[start - 8 : start - 4], "big")
    else:
        end = start + int.from_bytes(data[start - 2 : start], "little")
    text = data[match.end() - 1 : min(end, start + _LONGEST)]
    try:
        found = Values(parse_json(text))
        latent = _text(found.raw("latent", ""))
        seeds = found.texts("seeds", [])
        if not latent and frame is not None and frame < len(seeds):
            latent = shortened(seeds[frame])
        return Lineage(
            run=_text(found.raw("run", "")), iteration=_whole(found.raw("iteration", None)), latent=latent,
            manifest=_text(found.raw("manifest", "")), weights=_text(found.raw("weights", "")),
        )  # fmt: skip
    except UntrustedError:
        return None


def _text(value: Any) -> str:
    """A text; "" for null, which says that something is not known. Raises UntrustedError for anything else."""
    if value is not None and not isinstance(value, str):
        raise UntrustedError("not a text")
    return shortened(value or "")


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def lineage_of(workspace: Workspace, sprite: Sprite) -> Lineage | None:
    """Where a sprite tagged as generated is from, read from its original; None where that does not say, or is gone."""
    if GENERATED not in sprite.tags:
        return None
    try:
        data = workspace.originals.read(sprite.blob)
    except UserError:
        return None
    match = re.match(r"frame=(\d{1,6})", sprite.part)
    return lineage_in(data, int(match[1]) if match else 0)
