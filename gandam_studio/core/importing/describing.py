"""Everything that is stored about a picture, computed from its pixels, for many pictures of one size at once.

Most sets of sprites have one size, and for small pictures the overhead of a call exceeds its work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from gandam_studio.core.hashing import fingerprint_stack
from gandam_studio.core.hashing.features import features_batch
from gandam_studio.core.hashing.layout import boxes
from gandam_studio.core.importing.items import FoundSprite
from gandam_studio.core.pictures.decoding.canonical import Raw, finish_stack, sprite_id
from gandam_studio.core.workspace.faint import is_faint, surely_seen
from gandam_studio.core.workspace.thumbnails import SIDE, decode_thumbnail, encode_thumbnail

_MOST_PIXELS = 1 << 20  # in one stack: 4 MB, about the size of the processor's cache


def describe(found: Sequence[tuple[FoundSprite, Raw]], background: tuple[int, int, int]) -> None:
    """Fill in every sprite: id, size, colours, background, thumbnail, hashes and features.

    `background`: (r, g, b) on which sprites must be seen.
    """
    sizes: dict[tuple[int, ...], list[tuple[FoundSprite, Raw]]] = defaultdict(list)
    for entry in found:
        sizes[entry[1].rgba.shape].append(entry)
    for (height, width, _), entries in sizes.items():
        step = max(1, _MOST_PIXELS // (height * width))
        for start in range(0, len(entries), step):
            _describe_stack(entries[start : start + step], background)


def _describe_stack(entries: Sequence[tuple[FoundSprite, Raw]], background: tuple[int, int, int]) -> None:
    """`describe` for pictures of one size."""
    stack = _stacked([raw.rgba for _, raw in entries])
    infos = finish_stack(stack, [(raw.kind, raw.frames) for _, raw in entries])
    seen = surely_seen(stack, background).tolist()
    unreduced = max(stack.shape[1:3]) <= SIDE
    hashes = fingerprint_stack(stack)
    features = features_batch(list(stack), boxes(hashes))
    words, vectors = hashes.astype("<u8", copy=False), features.astype("<f2", copy=False)
    for index, ((sprite, _), info) in enumerate(zip(entries, infos, strict=True)):
        sprite.id = sprite_id(stack[index])
        sprite.width, sprite.height = info.width, info.height
        sprite.colors, sprite.alpha, sprite.background = info.colors, info.alpha, info.background
        sprite.thumbnail = encode_thumbnail(stack[index])
        sprite.judged = unreduced or not seen[index]
        if not seen[index] and (small := decode_thumbnail(sprite.thumbnail)) is not None:
            sprite.faint = is_faint(small, background)
        sprite.hashes, sprite.features = words[index].tobytes(), vectors[index].tobytes()


def _stacked(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Stack pictures to a writable (N, H, W, 4). A single writable picture is not copied."""
    if len(pictures) == 1 and pictures[0].flags.c_contiguous and pictures[0].flags.writeable:
        return pictures[0][None]
    stack = np.empty((len(pictures), *pictures[0].shape), np.uint8)
    for place, picture in zip(stack, pictures, strict=True):
        place[...] = picture
    return stack
