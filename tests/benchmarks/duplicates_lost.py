"""How many drawings a search for duplicates loses, and how many copies it finds: parts of `duplicates_quality.py`.

Games ship some drawings in several sizes, and what goes in favour of another size is not lost. Pixels cannot decide
that for a benchmark of deciding by pixels, so a person did: `one_drawing.tsv` lists pairs that were looked at, enlarged
and side by side, and found to be one drawing. A pair that is not listed counts as lost.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from sprite_edits import EDITS, Edit, jpeg, noise, palette, resize

from gandam_studio.core.duplicates import DuplicateReport, find_duplicates, plan_drops
from gandam_studio.core.duplicates.colours import weighted
from gandam_studio.core.duplicates.grouping import stars
from gandam_studio.core.duplicates.sources import ArraySource
from gandam_studio.core.hashing.content import find_content

# What a copy made by an edit should be called. A picture laid on a background is the same one in another file.
WORDS = {
    "mirror": ("mirrored",),
    "resize": ("resized",),
    "jpeg30": ("re-encoded",),
    "crop5": ("cropped",),
    "pad": ("cropped",),
    "hue": ("recoloured",),
    "brightness": ("recoloured",),
    "noise": ("re-encoded",),
    "background": ("exact", "re-encoded", "cropped"),
    "invisible": ("exact",),
    "palette16": ("re-encoded",),
    "mirror+hue": ("recoloured",),
    "resize+jpeg30": ("resized",),
}
# What one of two drawings went through once a part of the other was drawn anew.
SPOILED: dict[str, Edit] = {
    "plain": lambda picture, _: picture,
    "noise": noise,
    "jpeg30": jpeg,
    "palette16": palette,
    "resize": resize,
}
_SAME = 3  # levels nobody sees
_REDRAWN = 48  # levels: the mean difference of a part drawn anew that a person sees

# Pictures -> for each the one that stays in its favour, itself where it stays.
Keeper = Callable[[list[np.ndarray]], np.ndarray]


@dataclass
class Lost:
    """What became of one set of drawings, each alone or beside a copy.

    Attributes:
        drawings, lost: how many different ones there were, and of how many no picture is left.
        copies, found, dropped: copies made of them; those related to the original; those dropped in its favour.
        words: of those found, how many are called what they are, by edit.
        called: edit -> word -> how often it was said.
        pairs: (dropped, kept) of pictures that went in favour of another drawing.
        lost_by_eye: as `lost`, where pairs of `one_drawing.tsv` are one drawing.
        untellable: of how many copies nothing can be found, since pixels are all that there is (`untellable`).
        either_word: of those found, how many may be called anything, since one colour is all they show.
    """

    drawings: int
    lost: int = 0
    lost_by_eye: int = 0
    copies: int = 0
    found: int = 0
    dropped: int = 0
    words: dict[str, list[int]] = field(default_factory=dict)
    called: dict[str, dict[str, int]] = field(default_factory=dict)
    pairs: list[tuple[int, int]] = field(default_factory=list)
    untellable: int = 0
    either_word: int = 0

    @property
    def right(self) -> int:
        """How many copies that were found are called what they are."""
        return sum(right for right, _ in self.words.values())

    @property
    def per_thousand(self) -> float:
        """Drawings lost of 1,000, as counted."""
        return 1000 * self.lost / max(1, self.drawings)

    @property
    def per_thousand_by_eye(self) -> float:
        """Drawings lost of 1,000, where what a person found to be one drawing is one."""
        return 1000 * self.lost_by_eye / max(1, self.drawings)

    def count_drops(self, keeper: np.ndarray, drawing: np.ndarray, pictures: list[np.ndarray]) -> None:
        """Take in which picture (N,) each one of (N,) drawings went in favour of.

        drawing: of each picture the row of the first that shows it, which stands for it in `one_drawing.tsv`. One of
        the same pixels, at another place perhaps, is the same drawing, whatever their files are called.
        """
        first = drawing
        for gone in np.flatnonzero(keeper != np.arange(len(keeper))).tolist():
            kept = int(keeper[gone])
            if drawing[gone] != drawing[kept] and same_pixels(pictures[gone], pictures[kept]):
                drawing = np.where(drawing == drawing[gone], drawing[kept], drawing)
        self.drawings = len(np.unique(drawing))
        drawing = np.unique(drawing, return_inverse=True)[1]
        self.lost = _gone(drawing, keeper)
        self.pairs = [(int(a), int(keeper[a])) for a in np.flatnonzero(drawing[keeper] != drawing)]
        for gone, kept in self.pairs:
            if one_drawing(pictures[first[gone]], pictures[first[kept]]):
                drawing = np.where(drawing == drawing[gone], drawing[kept], drawing)
        self.lost_by_eye = _gone(drawing, keeper)


def _gone(drawing: np.ndarray, keeper: np.ndarray) -> int:
    """How many of the drawings that (N,) pictures show have no picture that stays."""
    stays = keeper == np.arange(len(keeper))
    return len(np.setdiff1d(drawing, drawing[stays]))


@cache
def _seen_to_be_one() -> frozenset[tuple[str, str]]:
    """Pairs of digests, the smaller first, of `one_drawing.tsv`."""
    with (Path(__file__).parent / "one_drawing.tsv").open(encoding="utf-8") as stream:
        rows = csv.DictReader(stream, delimiter="\t")
        return frozenset((min(row["first"], row["second"]), max(row["first"], row["second"])) for row in rows)


def one_drawing(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether a person looked at these two RGBA pictures and found one drawing (`one_drawing.tsv`)."""
    names = sorted((digest(first), digest(second)))
    return (names[0], names[1]) in _seen_to_be_one()


def digest(rgba: np.ndarray) -> str:
    """The name of a picture in `one_drawing.tsv`: 16 hexadecimal digits of the SHA-256 of its size and RGBA bytes."""
    size = f"{rgba.shape[1]}x{rgba.shape[0]}\n".encode()
    return hashlib.sha256(size + np.ascontiguousarray(rgba).tobytes()).hexdigest()[:16]


def ours(pictures: list[np.ndarray]) -> np.ndarray:
    """What `dedupe --apply --duplicates-only` keeps."""
    return _kept(len(pictures), find_duplicates(ArraySource(pictures)))


def _kept(count: int, report: DuplicateReport) -> np.ndarray:
    """For each picture the one it goes in favour of, itself where it stays."""
    keeper = np.arange(count)
    for drop in plan_drops(report).drops:
        keeper[drop.seq] = drop.favour
    return keeper


def alone(drawings: list[np.ndarray], keeper: Keeper = ours) -> Lost:
    """What becomes of different drawings among themselves: every one that goes is lost."""
    made = Lost(len(drawings))
    made.count_drops(keeper(drawings), np.arange(len(drawings)), drawings)
    return made


def beside_copies(drawings: list[np.ndarray], seed: int = 1, keeper: Keeper | None = None) -> Lost:
    """What becomes of drawings and one copy of each, edited in the ways of `sprite_edits` by turns.

    keeper: how another tool decides; with ours the words are looked at too.
    """
    kinds = [list(EDITS)[number % len(EDITS)] for number in range(len(drawings))]
    copies = [
        EDITS[kind](one, np.random.default_rng([seed, number]))
        for number, (one, kind) in enumerate(zip(drawings, kinds, strict=True))
    ]
    pictures, count = [*drawings, *copies], len(drawings)
    made = Lost(count, copies=count, untellable=int(np.count_nonzero(untellable(drawings, copies))))
    number = np.tile(np.arange(count), 2)
    if keeper is not None:
        kept = keeper(pictures)
        made.found = made.dropped = int(np.count_nonzero(kept[:count] == kept[count:]))
        made.count_drops(kept, number, pictures)
        return made
    report = find_duplicates(ArraySource(pictures))
    kept = _kept(len(pictures), report)
    made.count_drops(kept, number, pictures)
    made.dropped = int(np.count_nonzero(kept[:count] == kept[count:]))
    verdicts = {(one.i, one.j): one.verdict for one in report.links if one.verdict.distance <= report.distance}
    for original, kind in enumerate(kinds):
        verdict = verdicts.get((original, original + count))
        if verdict is None:
            continue
        made.found += 1
        made.either_word += shows_one_colour(pictures[original + count]) and not shows_one_colour(pictures[original])
        right = verdict.relation in WORDS[kind] or (
            verdict.relation in ("exact", "mirrored") and same_pixels(pictures[original], pictures[original + count])
        )
        tally = made.words.setdefault(kind, [0, 0])
        tally[0] += right
        tally[1] += 1
        called = made.called.setdefault(kind, {})
        called[verdict.relation] = called.get(verdict.relation, 0) + 1
    return made


def untellable(drawings: list[np.ndarray], copies: list[np.ndarray]) -> np.ndarray:
    """(N,) bool: copies of which pixels cannot tell what they are of: how many no method can find.

    Such as a white drawing encoded on white: nothing is left but an even gradient, or nothing visible, where the
    drawing was more than that; or the copy of another drawing has the same pixels.
    """
    gone = [is_even(copy) and not is_even(drawing) for drawing, copy in zip(drawings, copies, strict=True)]
    names = [digest(copy) for copy in copies]
    known: dict[str, set[str]] = {}
    for name, drawing in zip(names, drawings, strict=True):
        known.setdefault(name, set()).add(digest(drawing))
    return np.array([lost or len(known[name]) > 1 for lost, name in zip(gone, names, strict=True)], dtype=bool)


def is_even(rgba: np.ndarray) -> bool:
    """Whether an RGBA picture shows nothing, or is an opaque colour or linear gradient up to `_SAME` levels."""
    if not rgba[..., 3].any():
        return True
    if rgba[..., 3].min() < 255:
        return False
    ys, xs = (place.ravel() for place in np.indices(rgba.shape[:2]))
    design = np.stack([np.ones(len(ys)), ys, xs], axis=1)
    colours = rgba[..., :3].reshape(-1, 3).astype(np.float64)
    return bool(np.abs(colours - design @ np.linalg.lstsq(design, colours, rcond=None)[0]).max() <= _SAME)


def shows_one_colour(rgba: np.ndarray) -> bool:
    """Whether all that is visible of an RGBA picture has one colour, up to `_SAME` levels: none of its own is left."""
    colours = rgba[rgba[..., 3] > 0][:, :3]
    return bool(len(colours)) and int(np.ptp(colours, axis=0).max()) <= _SAME


def same_pixels(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two pictures show the same pixels, mirrored or not, wherever they lie; so too after an idle edit."""
    a, b = (weighted(find_content(picture).rgba) for picture in (first, second))
    if a.shape != b.shape:
        return False
    return any(float(np.abs(a - way).max(initial=0)) <= _SAME for way in (b, b[:, ::-1]))


def beside_redrawn(drawings: list[np.ndarray], how: str, seed: int = 2, keeper: Keeper = ours) -> Lost:
    """What becomes of drawings and of others of which a small part is not the same, one of both spoiled by `how`."""
    pictures: list[np.ndarray] = []
    for number, drawing in enumerate(drawings):
        generator = np.random.default_rng([seed, number])
        other = redrawn(drawing, generator)
        if other is not None:
            pair = [drawing, other]
            spoiled = int(generator.integers(2))
            pair[spoiled] = SPOILED[how](pair[spoiled], generator)
            pictures += pair
    made = Lost(len(pictures))
    made.count_drops(keeper(pictures), np.arange(len(pictures)), pictures)
    return made


def redrawn(rgba: np.ndarray, generator: np.random.Generator) -> np.ndarray | None:
    """The picture with 2 to 5 % of what is visible replaced by another part of it; None if no such part shows.

    As an eye closed or a badge exchanged: the silhouette stays, and the colours are the picture's own.
    """
    solid = rgba[..., 3] > 200
    ys, xs = np.nonzero(solid)
    if len(ys) < 80:
        return None
    for _ in range(60):
        size = generator.uniform(0.02, 0.05) * len(ys)
        aspect = float(np.exp(generator.uniform(-0.7, 0.7)))
        height, width = max(2, round((size * aspect) ** 0.5)), max(2, round((size / aspect) ** 0.5))
        here, there = generator.integers(len(ys), size=2)
        y, x, v, u = int(ys[here]), int(xs[here]), int(ys[there]), int(xs[there])
        mine, source = rgba[y : y + height, x : x + width], rgba[v : v + height, u : u + width]
        if mine.shape != source.shape or mine.shape[:2] != (height, width):
            continue
        both = (mine[..., 3] > 200) & (source[..., 3] > 200)
        if np.count_nonzero(both) < 0.02 * len(ys):
            continue
        off = np.abs(mine[both, :3].astype(int) - source[both, :3]).max(axis=1)
        if off.mean() < _REDRAWN:
            continue
        made = rgba.copy()
        made[y : y + height, x : x + width][both] = source[both]
        return made
    return None


def by_distance(bits: Callable[[np.ndarray], np.ndarray], threshold: int) -> Keeper:
    """How a tool decides that hashes pictures, given a picture's bits, and takes those within a threshold for copies.

    Of a group the first picture stays, as in `dedupe`: nobody is dropped for a picture it is not within reach of.
    """

    def keeper(pictures: list[np.ndarray]) -> np.ndarray:
        signs = np.array([bits(picture) for picture in pictures], dtype=np.float32)
        off = signs @ (1 - signs).T + (1 - signs) @ signs.T
        i, j = np.nonzero(np.triu(off <= threshold, 1))
        return stars(len(pictures), i, j, off[i, j].astype(float))[0]

    return keeper
