"""The manifest: one canonical JSON line per sprite, sorted by id, named by the SHA-256 of its bytes.

Its fields' domains are defined here, for reading lines as well as for storing edits.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from pathlib import Path
from typing import Any

from trainer.protocol.untrusted import (
    MAX_TEXT,
    UntrustedError,
    Values,
    bounded_lines,
    is_text,
    open_regular,
    parse_json,
)

SCHEMA_VERSION = 1
FACINGS = ("left", "right", "front", "unknown")
SPLITS = ("train", "held-out")
COMMITTED_STATUSES = ("undecided", "kept")
MAX_SIDE = 1_000_000
"""Of a picture, in pixels; far more than an import accepts."""
MAX_TAGS = 1_000
MIN_WEIGHT, MAX_WEIGHT = 1e-6, 1e9
"""Lines hold six decimals, so a smaller weight would become 0."""
MAX_LINE_BYTES = 4 << 20

_DIGEST = re.compile(r"[0-9a-f]{64}").fullmatch
_N, _KEY = "([0-9]{1,6})", "key=([0-9a-f]{6}|index0)"
_FOUR = ",".join([_N] * 4)
PART = re.compile(rf"frame={_N}(?:\+{_KEY})?|region={_FOUR}(?:\+turn=([123]))?(?:\+on={_FOUR})?(?:\+{_KEY})?|{_KEY}")
"""The grammar of `ManifestEntry.part` where it is not "". Groups: frame and its key; x, y, w, h, turn, the canvas's
four numbers and the key of a region; the key of a whole picture."""


def is_digest(value: Any) -> bool:
    """Whether `value` is a SHA-256 in lower-case hex."""
    return isinstance(value, str) and _DIGEST(value) is not None


def is_name(value: Any) -> bool:
    """Whether `value` is short text, such as a file's name, a family or a reason."""
    return is_text(value) and len(value) <= MAX_TEXT


def is_side(value: Any) -> bool:
    """Whether `value` is a width or height in pixels."""
    return is_whole(value, 1, MAX_SIDE)


def is_part(value: Any) -> bool:
    """Whether `value` names a part of a source: "", "frame=3", "key=ff00ff", "key=index0" (the first entry of the
    palette) or "region=0,32,16,16" with suffixes.

    A region can be turned (+turn=3) and placed on a canvas (+on=24,24,4,0); regions and frames can have a key colour.
    """
    return value == "" or (isinstance(value, str) and PART.fullmatch(value) is not None)


def is_whole(value: Any, least: int, most: int) -> bool:
    """Whether `value` is an integer from `least` to `most` (not a bool)."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_rotation(value: Any) -> bool:
    """Whether `value` is a number of quarter turns, 0 to 3."""
    return is_whole(value, 0, 3)


def is_crop(value: Any, width: int = MAX_SIDE, height: int = MAX_SIDE) -> bool:
    """Whether `value` is (x, y, w, h), a rectangle within a picture of this size."""
    if not isinstance(value, (list, tuple)) or len(value) != 4 or not all(is_whole(v, 0, MAX_SIDE) for v in value):
        return False
    x, y, w, h = value
    return w >= 1 and h >= 1 and x + w <= width and y + h <= height


def is_weight(value: Any) -> bool:
    """Whether `value` is a sampling weight."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and MIN_WEIGHT <= value <= MAX_WEIGHT


def is_tag(value: Any) -> bool:
    """Whether `value` is a tag: non-empty text on one line."""
    return is_name(value) and "\n" not in value and value != ""


def _is_tags(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) <= MAX_TAGS and all(map(is_tag, value))


# Field -> predicate of its domain, and the domain's description for messages.
_DOMAINS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "id": (is_digest, "a SHA-256 in hex"),
    "source": (is_name, f"text of at most {MAX_TEXT:,} characters"),
    "source_digest": (is_digest, "a SHA-256 in hex"),
    "width": (is_side, f"a whole number from 1 to {MAX_SIDE:,}"),
    "height": (is_side, f"a whole number from 1 to {MAX_SIDE:,}"),
    "part": (is_part, '"", "frame=N", "key=RRGGBB" or "region=X,Y,W,H"'),
    "crop": (lambda value: value is None or is_crop(value), "four whole numbers x, y, width, height"),
    "rotation": (is_rotation, "0, 1, 2 or 3"),
    "flip": (lambda value: isinstance(value, bool), "true or false"),
    "facing": (FACINGS.__contains__, f"one of {', '.join(FACINGS)}"),
    "tags": (_is_tags, "a list of texts of one line each"),
    "status": (COMMITTED_STATUSES.__contains__, f"one of {', '.join(COMMITTED_STATUSES)}"),
    "family": (is_name, f"text of at most {MAX_TEXT:,} characters"),
    "weight": (is_weight, f"a number from {MIN_WEIGHT:g} to {MAX_WEIGHT:g}"),
    "split": (SPLITS.__contains__, f"one of {', '.join(SPLITS)}"),
}


class LineFrame:
    """What lines of sprites that were decided alike have in common. The arguments are those of `ManifestEntry`.

    Put together by hand, a line takes a third of the time that an encoder takes, and less with a frame that many share:
    a version has a line for every sprite. Raises ValueError for a weight that is not finite.
    """

    def __init__(
        self, crop: tuple[int, int, int, int] | None, rotation: int, flip: bool, facing: str, tags: Iterable[str],
        status: str, family: str, weight: float,
    ) -> None:  # fmt: skip
        weight = round(float(weight), 6)
        if not math.isfinite(weight):
            raise ValueError(f"a weight cannot be {weight}")
        box = f"[{','.join(map(str, crop))}]" if crop is not None else "null"
        names = ",".join(map(_quoted, sorted(set(tags))))
        self._head = (
            f'{{"crop":{box},"facing":{_quoted(facing)},"family":{_quoted(family)},'
            f'"flip":{"true" if flip else "false"},"height":'
        )
        self._middle = f',"rotation":{rotation},"source":'
        self._tail = f',"status":{_quoted(status)},"tags":[{names}],"weight":{weight!r},"width":'

    def line(self, id: str, source: str, source_digest: str, width: int, height: int, part: str, split: str) -> str:
        """The canonical line of one of them, with its newline."""
        return (
            f'{self._head}{height},"id":{_quoted(id)},"part":{_quoted(part)}{self._middle}{_quoted(source)},'
            f'"source_digest":{_quoted(source_digest)},"split":{_quoted(split)}{self._tail}{width}}}\n'
        )


_frame = lru_cache(maxsize=256)(LineFrame)


@dataclass(frozen=True)
class ManifestEntry:
    """One sprite of a version.

    Attributes:
        id: SHA-256 (hex) of the canonical RGBA pixels and size.
        source: name of the file it came from (with archive member or frame after "!").
        source_digest: SHA-256 (hex) of that file's bytes: the name of the original in the workspace.
        width, height: canonical size in pixels, before the edits below.
        part: "" or which part of the source it is ("frame=3", "region=0,32,16,16").
        crop: (x, y, w, h) in original pixels, or None.
        rotation: quarter turns clockwise, 0 to 3, after the crop.
        flip: mirrored left-right, after the rotation.
        facing: "left", "right", "front" or "unknown", of the picture as shown (after the flip).
        tags: sorted, unique.
        status: "undecided" or "kept".
        family: name of its family (recolours, forms), or "".
        weight: sampling weight, > 0; 1.0 is ordinary.
        split: "train" or "held-out".
    """

    id: str
    source: str
    source_digest: str
    width: int
    height: int
    part: str = ""
    crop: tuple[int, int, int, int] | None = None
    rotation: int = 0
    flip: bool = False
    facing: str = "unknown"
    tags: tuple[str, ...] = field(default_factory=tuple)
    status: str = "undecided"
    family: str = ""
    weight: float = 1.0
    split: str = "train"

    def line(self) -> bytes:
        """The entry's canonical line: keys sorted, no spaces, UTF-8, ending in one newline."""
        frame = _frame(
            self.crop, self.rotation, self.flip, self.facing, self.tags, self.status, self.family, self.weight
        )
        picture = self.id, self.source, self.source_digest, self.width, self.height, self.part
        return frame.line(*picture, self.split).encode()

    def values(self) -> dict[str, Any]:
        """The entry as its line is parsed: plain values in the order of the line's keys."""
        weight = round(float(self.weight), 6)
        if not math.isfinite(weight):
            raise ValueError(f"a weight cannot be {weight}")
        return {
            "crop": None if self.crop is None else list(self.crop),
            "facing": self.facing,
            "family": self.family,
            "flip": self.flip,
            "height": self.height,
            "id": self.id,
            "part": self.part,
            "rotation": self.rotation,
            "source": self.source,
            "source_digest": self.source_digest,
            "split": self.split,
            "status": self.status,
            "tags": sorted(set(self.tags)),
            "weight": weight,
            "width": self.width,
        }

    @classmethod
    def known(cls, values: dict[str, Any]) -> ManifestEntry:
        """Build from a value for every field, each in its domain; `values` becomes the entry's own."""
        entry = cls.__new__(cls)
        # Set at once, since a frozen dataclass's __init__ takes longer than the checks.
        entry.__dict__.update(values)
        return entry

    @classmethod
    def from_line(cls, line: bytes | str, where: str = "") -> ManifestEntry:
        """Parse a line; unknown fields are ignored, missing ones get their default.

        Raises ValueError, with a message that begins with `where` and names the field, when the line is not a JSON
        object, lacks a required field, or holds a value outside its field's domain.
        """
        try:
            values = parse_json(line)
        except ValueError as error:
            raise ValueError(f"{where}: {error}" if where else str(error)) from None
        return cls.from_json(values, where)

    @classmethod
    def from_json(cls, values: Any, where: str = "") -> ManifestEntry:
        """Build from a parsed line (see `from_line`)."""
        if not isinstance(values, dict):
            raise UntrustedError(f"{where}: not a JSON object" if where else "a manifest line must be a JSON object")
        kept = {**_DEFAULTS, **values}
        if len(kept) > len(_DOMAINS):
            kept = {name: value for name, value in kept.items() if name in _DOMAINS}
        for name, (fits, expected) in _DOMAINS.items():
            if name not in kept or not fits(kept[name]):
                found = Values(values, where)
                found.raw(name)
                raise found.error(name, expected)
        if kept["crop"] is not None:
            kept["crop"] = tuple(kept["crop"])
        kept["tags"] = tuple(sorted(set(kept["tags"]))) if kept["tags"] else ()
        kept["weight"] = float(kept["weight"])
        return cls.known(kept)


_DEFAULTS: dict[str, Any] = {
    one.name: () if one.name == "tags" else one.default
    for one in dataclasses.fields(ManifestEntry)
    if one.name == "tags" or one.default is not dataclasses.MISSING
}


def manifest_bytes(entries: Iterable[ManifestEntry]) -> bytes:
    """The whole manifest, sorted by id, so that it does not depend on the order of edits."""
    return b"".join(entry.line() for entry in sorted(entries, key=lambda entry: entry.id))


def manifest_digest(data: bytes) -> str:
    """SHA-256 (hex) of a manifest's bytes: the version's name."""
    return hashlib.sha256(data).hexdigest()


def read_manifest(path: Path, *, follow_links: bool = True) -> Iterator[ManifestEntry]:
    """Yield the entries of a manifest file line by line. Raises OSError or ValueError (with the line number)."""
    with open_regular(path, follow_links=follow_links) as stream:
        for number, line in enumerate(bounded_lines(stream, MAX_LINE_BYTES), start=1):
            if line.strip():
                yield ManifestEntry.from_line(line, f"{Path(path).name}, line {number}")
