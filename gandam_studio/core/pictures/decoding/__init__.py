"""Decode picture files to canonical pixels: sniffed by content, size-checked first, rejected with a reason."""

from gandam_studio.core.pictures.decoding.canonical import (
    IsArchive,
    Picture,
    PictureInfo,
    background_of,
    decode,
    decode_frames,
    finish,
    sprite_id,
)
from gandam_studio.core.pictures.decoding.limits import DEFAULT_LIMITS, Limits, UnreadablePicture
from gandam_studio.core.pictures.decoding.parts import decode_part, frame_part, region_part
from gandam_studio.core.pictures.decoding.sniff import sniff

__all__ = [
    "DEFAULT_LIMITS",
    "IsArchive",
    "Limits",
    "Picture",
    "PictureInfo",
    "UnreadablePicture",
    "background_of",
    "decode",
    "decode_frames",
    "decode_part",
    "finish",
    "frame_part",
    "region_part",
    "sniff",
    "sprite_id",
]
