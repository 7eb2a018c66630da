"""What the file of a sample says of itself, so that the same picture can be drawn again; such files are untrusted.

A note is a JSON object: the text `gandam` of a PNG, what follows the word `gandam` in the user data of an Aseprite
document and in the comment of an animation, `meta.gandam` of a sheet's description, or a folder's seeds.json. A sample
that its name draws again ("latent", such as 7/3) needs no more. One that was steered or found has its "vector": the
latent, or one for each stage of the network (coarse to fine), as little-endian float32 in base64; and its "class" where
the run learned some.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.protocol.picture_files import read_picture
from trainer.protocol.untrusted import UntrustedError, Values, decode_text, parse_json, read_regular, shortened
from trainer.protocol.weights import is_label

KEY = "gandam"
VECTOR, CLASS, WALK = "vector", "class", "walk"
LONGEST_VECTOR = 1 << 20
"""Numbers in a vector."""
LONGEST_NOTE = 4 << 20
"""Bytes of a note in a picture file; viewers give up on much longer ones. What a file of many samples has no room for
is in the files of each."""
MOST_SAMPLES = 10_000
_LARGEST_FILE = 64 << 20
_NAME = re.compile(r"(?:fixed|[0-9]{1,19})/[0-9]{1,6}(?:~(?:1|0\.[0-9]{1,4})/[0-9]{1,6})?")
_LONGEST_NAME = 200
_LONGEST_CLASS = 10_000
_DESCRIPTION = 0x010E  # EXIF's ImageDescription
_NOTHING = "it does not say what draws it again"

Vector = NDArray[np.float32]


def text_of(vector: Vector) -> str:
    """A vector as text: base64 of little-endian float32."""
    return base64.b64encode(np.ascontiguousarray(vector, "<f4").tobytes()).decode("ascii")


def vector_of(text: str) -> Vector:
    """The inverse of `text_of`. Raises UntrustedError."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise UntrustedError("a vector is not base64") from None
    if not data or len(data) % 4 or len(data) // 4 > LONGEST_VECTOR:
        raise UntrustedError("a vector has a wrong length")
    vector = np.frombuffer(data, "<f4").astype(np.float32)
    if not np.isfinite(vector).all():
        raise UntrustedError("a vector holds a value that is not a number")
    return vector


@dataclass(frozen=True, eq=False)
class Spot:
    """What draws one sample.

    Attributes:
        latent: its name; where it has a vector only what to call it. vector: float32, the latent or one a stage, with
            all that was done to it. label: its class, "" for that of its name.
    """

    latent: str
    vector: Vector | None = None
    label: str = ""

    def to_json(self) -> dict[str, str]:
        """What a sample's own note says besides its name."""
        own = {} if self.vector is None else {VECTOR: text_of(self.vector)}
        return {**own, **({CLASS: self.label} if self.label else {})}


@dataclass(frozen=True)
class Walk:
    """A closed walk between the first `count` samples of a seed, `steps` frames from each to the next, in one class."""

    seed: int
    count: int
    steps: int
    label: str = ""


@dataclass(frozen=True)
class Note:
    """What is needed to draw the samples of a file again.

    Attributes:
        spots: the samples, at least one, unless they are a `walk`. run: name of the run, "" if that is not said.
        iteration: of its checkpoint, None if that is not said. weights: as `protocol.weights` names them, or "".
            truncation: share of variety of samples with a name. steps: of a flow, passes of its network; None if that
            is not said. raw: the background was left as it was drawn.
    """

    spots: tuple[Spot, ...]
    run: str = ""
    iteration: int | None = None
    weights: str = ""
    truncation: float = 1.0
    steps: int | None = None
    raw: bool = False
    walk: Walk | None = None


def told(facts: Mapping[str, Any], spots: Sequence[Spot]) -> dict[str, Any]:
    """The note of a file with several samples: `facts` of all, their names and, as far as there is room, the rest."""
    note = {**facts, "seeds": [spot.latent for spot in spots]}
    sprites = [{"latent": spot.latent, **spot.to_json()} for spot in spots]
    length = sum(len(one.get(VECTOR, "")) for one in sprites)
    if any(len(one) > 1 for one in sprites) and length < LONGEST_NOTE:
        note["sprites"] = sprites
    return note


def read_note(path: Path | str) -> Note:
    """Read the note of a file: PNG, GIF, WebP, Aseprite document, or the JSON beside them. Runs nothing from it.

    Raises UntrustedError with one line, which names the file, and OSError.
    """
    path = Path(path)
    try:
        return parsed(_facts(path))
    except UntrustedError as error:
        reason = str(error).removeprefix(f"{path} ")
        raise UntrustedError(f"{shortened(path.name)} cannot be drawn again: {reason}") from None


def parsed(facts: Any) -> Note:
    """The note that a JSON object is. Raises UntrustedError."""
    found = Values(facts)
    sprites = found.items("sprites", None, most=MOST_SAMPLES)
    truncation = found.number("truncation", 1.0, least=0.0, most=2.0)
    own: dict[str, Any] = {
        "run": found.text("run", "", max_length=_LONGEST_NAME), "iteration": _whole(found, "iteration"),
        "weights": _weights(found),
        "truncation": truncation, "steps": _whole(found, "steps"), "raw": found.flag("raw", False),
    }  # fmt: skip
    tag = found.text("tag", "", max_length=_LONGEST_CLASS)
    if found.raw(WALK, None) is not None:
        walk = found.object(WALK)
        around = Walk(
            found.integer("seed"), found.integer("count", least=2, most=MOST_SAMPLES),
            walk.integer("steps", least=1, most=500), tag,
        )  # fmt: skip
        return Note((), walk=around, **own)
    if sprites is not None:
        spots = tuple(_spot(Values(one, "a sprite"), tag) for one in sprites)
    elif "latent" in found:
        spots = (_spot(found, tag),)
    elif "seeds" in found:
        spots = tuple(_named(name, tag) for name in found.texts("seeds", most=MOST_SAMPLES))
    elif found.raw("seed", None) is not None:  # A plain grid: the first samples of a seed.
        seed, count = found.integer("seed"), found.integer("count", least=1, most=MOST_SAMPLES)
        spots = tuple(_named(f"{seed}/{number}", tag) for number in range(count))
    else:
        spots = ()
    if not spots:
        raise UntrustedError(_NOTHING)
    return Note(spots, **own)


def _weights(values: Values) -> str:
    """Which weights, "" where that is null or missing."""
    label = values.raw("weights", None)
    if not label:
        return ""
    if not is_label(label):
        raise values.error("weights", "ema, raw or post-hoc with a width")
    return str(label)


def _whole(values: Values, name: str) -> int | None:
    """A whole number, None where it is null or missing."""
    return None if values.raw(name, None) is None else values.integer(name)


def _spot(values: Values, tag: str) -> Spot:
    latent = values.text("latent", max_length=_LONGEST_NAME)
    label = values.text(CLASS, tag, max_length=_LONGEST_CLASS)
    if VECTOR not in values:
        return _named(latent, label)
    return Spot(latent, vector_of(values.text(VECTOR, max_length=8 * LONGEST_VECTOR)), label)


def _named(latent: str, tag: str) -> Spot:
    if not _NAME.fullmatch(latent):
        raise UntrustedError(_NOTHING)
    return Spot(latent, None, tag)


# Files


def _facts(path: Path) -> Any:
    data = read_regular(path, _LARGEST_FILE)
    if data[4:6] == _ASEPRITE:
        return _in_document(data)
    if data.startswith((b"\x89PNG", b"GIF8", b"RIFF")):
        return _in_picture(path)
    if not data.lstrip()[:1] == b"{":
        raise UntrustedError(_NOTHING)
    value = parse_json(decode_text(data))
    meta = value.get("meta")
    return meta[KEY] if isinstance(meta, dict) and KEY in meta else value


def _in_picture(path: Path) -> Any:
    picture = read_picture(path, formats=["PNG", "GIF", "WEBP"])
    own = picture.info.get(KEY)
    if isinstance(own, str):
        return parse_json(own)
    texts = [picture.info.get("Comment"), picture.info.get("comment")]
    if picture.format == "WEBP":
        texts.append(picture.getexif().get(_DESCRIPTION))
    for text in texts:
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if isinstance(text, str) and (facts := _after_mark(text)) is not None:
            return facts
    raise UntrustedError(_NOTHING)


def _after_mark(text: str) -> Any:
    """What a text says that begins with the mark; None for any other."""
    return parse_json(text.removeprefix(KEY)) if text.startswith(f"{KEY} {{") else None


_ASEPRITE = b"\xe0\xa5"
_LAYER, _CEL, _USER_DATA = 0x2004, 0x2005, 0x2020


def _in_document(data: bytes) -> Any:
    """The note of an Aseprite document: facts at a layer, samples at the cels, which a person may have reordered."""
    facts, sprites = None, []
    last = 0
    for kind, body in _chunks(data):
        if kind == _USER_DATA and last in (_LAYER, _CEL) and (text := _user_text(body)):
            own = _after_mark(text)
            if last == _LAYER:
                facts = facts or own
            else:
                sprites.append(own if own is not None else {"latent": text})
        last = kind
    if not isinstance(facts, dict):
        raise UntrustedError(_NOTHING)
    return {**facts, "sprites": sprites}


def _chunks(data: bytes) -> Sequence[tuple[int, bytes]]:
    found = []
    try:
        (frames,) = struct.unpack_from("<H", data, 6)
        at = 128
        for _ in range(frames):
            size, _, few, count = struct.unpack_from("<IHH4xI", data, at)
            end, inner = at + size, at + 16
            for _ in range(count or few):
                length, kind = struct.unpack_from("<IH", data, inner)
                if length < 6 or inner + length > min(end, len(data)):
                    raise UntrustedError("it is damaged")
                if kind in (_LAYER, _CEL, _USER_DATA):
                    found.append((kind, data[inner + 6 : inner + length] if kind == _USER_DATA else b""))
                inner += length
            at = end
    except struct.error:
        raise UntrustedError("it is damaged") from None
    return found


def _user_text(body: bytes) -> str:
    if len(body) < 6 or not body[0] & 1:
        return ""
    return body[6 : 6 + int.from_bytes(body[4:6], "little")].decode("utf-8", "replace")
