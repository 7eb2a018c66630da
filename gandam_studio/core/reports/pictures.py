"""Pictures inside a page: encoded small, and chosen so that the page stays below its limit."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.reports.facts import RunFacts
from gandam_studio.core.runs.samples import FIXED, RANDOM, SampleSpot
from trainer.protocol.diagnosis import COLLAPSED, COLLAPSED_ONTO_TRAINING, MEMORISED
from trainer.protocol.events import SamplesSaved

EXACT = 8
LARGEST_SIDE = 16_383
"""Pixels of a WebP's side."""
MOST_MOMENTS = 400
"""Moments looked at; of more, evenly spread ones."""
TRIED = 6
"""Grids of a run that are encoded to estimate what all of them need."""
OVERHEAD = 40
"""Bytes in the page around a picture's own."""


@dataclass(frozen=True)
class Measure:
    """How many grids are put into a page, and how exactly.

    Attributes:
        bits: of each colour channel; 8 is exact. Grids of key moments are always exact.
        fresh_every: every so many moments also have their grid of new samples; key moments always do.
        every: every so many moments are in the page at all; key moments always are.
        rows: share of a grid's rows, counted from its top.
    """

    bits: int = EXACT
    fresh_every: int = 1
    every: int = 1
    rows: float = 1.0

    @property
    def error(self) -> int:
        """The largest difference of a colour from the original, of 255."""
        return 0 if self.bits == EXACT else round(255 / ((1 << self.bits) - 1) / 2)


LADDER = (
    Measure(), Measure(6), Measure(5), Measure(4), Measure(4, 4), Measure(4, 8), Measure(4, 8, 2), Measure(4, 8, 3),
    Measure(4, 8, 4), Measure(4, 8, 4, 0.5), Measure(4, 8, 8, 0.5), Measure(4, 8, 8, 0.25), Measure(4, 16, 16, 0.25),
    Measure(4, 64, 64, 0.25), Measure(4, 1000, 1000, 0.125),
)  # fmt: skip
"""From everything to little; a page takes the first that fits."""


@dataclass
class Album:
    """The grids of runs inside a page.

    Attributes:
        pictures: data URIs.
        grids: for each run, "fixed" and "random" -> (iteration, place in `pictures`), oldest first.
        known: for each run, how many moments have samples. measure: what was put in.
        unreadable: for each run, how many grids could not be read. bytes: of all pictures in the page.
    """

    pictures: list[str] = field(default_factory=list)
    grids: list[dict[str, list[tuple[int, int]]]] = field(default_factory=list)
    known: list[int] = field(default_factory=list)
    measure: Measure = field(default_factory=Measure)
    unreadable: list[int] = field(default_factory=list)
    bytes: int = 0

    def shown(self, run: int) -> int:
        """How many moments of a run have a grid in the page."""
        return len(self.grids[run][FIXED])


def make_album(runs: Sequence[RunFacts], most: int, *, exact: bool = False, job: Job = NULL_JOB) -> Album:
    """Choose and encode the grids of runs, in at most `most` bytes of the page.

    With `exact`, moments are left out rather than colours rounded. Raises Cancelled.
    """
    chosen = [_moments(facts) for facts in runs]
    ladder = [Measure(EXACT, one.fresh_every, one.every, one.rows) for one in LADDER] if exact else list(LADDER)
    ladder = list(dict.fromkeys(ladder))
    start = _estimated(runs, chosen, ladder, most, job)
    for measure in ladder[start:]:
        album = _album(runs, chosen, measure, most, job)
        if album is not None:
            return album
    empty: list[dict[str, list[tuple[int, int]]]] = [{FIXED: [], RANDOM: []} for _ in runs]
    return Album([], empty, [len(facts.record.samples) for facts in runs], ladder[-1], [0] * len(runs))


def _moments(facts: RunFacts) -> list[SamplesSaved]:
    samples = facts.record.samples
    if len(samples) <= MOST_MOMENTS:
        return samples
    places = {round(at * (len(samples) - 1) / (MOST_MOMENTS - 1)) for at in range(MOST_MOMENTS)}
    return [samples[at] for at in sorted(places)]


def key_moments(facts: RunFacts) -> set[int]:
    """Iterations of moments that are always exact: the first, the last, the best, the first with a bad verdict."""
    samples = facts.record.samples
    if not samples:
        return set()
    keys = {samples[0].iteration, samples[-1].iteration}
    wanted = [one.iteration for one in facts.checkpoints if one.is_best]
    bad = (COLLAPSED, MEMORISED, COLLAPSED_ONTO_TRAINING)
    wanted += [one.iteration for one in facts.record.diagnoses if one.diagnosis and one.diagnosis.verdict in bad][:1]
    return keys | {near.iteration for one in wanted if (near := facts.record.sample_at(one)) is not None}


def _plan(facts: RunFacts, moments: list[SamplesSaved], measure: Measure) -> Iterator[tuple[SamplesSaved, str, int]]:
    """Which grids a measure takes: (moment, "fixed" or "random", bits)."""
    keys = key_moments(facts)
    for at, moment in enumerate(moments):
        key = moment.iteration in keys
        if key or at % measure.every == 0:
            bits = EXACT if key else measure.bits
            yield moment, FIXED, bits
            if key or at % measure.fresh_every == 0:
                yield moment, RANDOM, bits


def _estimated(
    runs: Sequence[RunFacts], chosen: list[list[SamplesSaved]], ladder: list[Measure], most: int, job: Job
) -> int:
    """The first step of the ladder that may fit, by encoding a few grids of each run."""
    job.start("Choosing grids", len(runs) * TRIED)
    costs: list[dict[int, float]] = []
    for facts, moments in zip(runs, chosen, strict=True):
        places = sorted({round(at * (len(moments) - 1) / (TRIED - 1)) for at in range(TRIED)}) if moments else []
        sizes: dict[int, list[int]] = {}
        for place in places:
            job.advance()
            pixels = _grid(facts, moments[place], FIXED)
            if pixels is not None:
                for bits in {measure.bits for measure in ladder} | {EXACT}:
                    sizes.setdefault(bits, []).append(len(webp(pixels, bits)))
        costs.append({bits: sum(found) / len(found) * 4 / 3 + OVERHEAD for bits, found in sizes.items()})
    for step, measure in enumerate(ladder):
        needed = 0.0
        for facts, moments, cost in zip(runs, chosen, costs, strict=True):
            if cost:
                needed += sum(cost[bits] * measure.rows for _, _, bits in _plan(facts, moments, measure))
        if needed <= most * 0.98:
            return step
    return len(ladder) - 1


def _album(
    runs: Sequence[RunFacts], chosen: list[list[SamplesSaved]], measure: Measure, most: int, job: Job
) -> Album | None:
    """The album of a measure, None if it is too large."""
    plans = [list(_plan(facts, moments, measure)) for facts, moments in zip(runs, chosen, strict=True)]
    job.start("Reading samples", sum(map(len, plans)))
    album = Album(measure=measure)
    for facts, plan in zip(runs, plans, strict=True):
        album.grids.append({FIXED: [], RANDOM: []})
        album.known.append(len(facts.record.samples))
        album.unreadable.append(0)
        for moment, which, bits in plan:
            job.advance()
            pixels = _grid(facts, moment, which, measure.rows)
            if pixels is None:
                album.unreadable[-1] += 1
                continue
            uri = data_uri(webp(pixels, bits))
            album.bytes += len(uri) + OVERHEAD
            if album.bytes > most:
                return None
            album.grids[-1][which].append((moment.iteration, len(album.pictures)))
            album.pictures.append(uri)
    return album


def _grid(facts: RunFacts, moment: SamplesSaved, which: str, rows: float = 1.0) -> np.ndarray | None:
    """A grid as saved, (H, W, 4); None if it cannot be read or shown."""
    try:
        pixels = SampleSpot(facts.run, moment, which).pixels()
    except UserError:
        return None
    if max(pixels.shape[:2]) > LARGEST_SIDE:
        return None
    if rows < 1 and moment.rows > 1:
        side = pixels.shape[0] // moment.rows
        pixels = pixels[: max(1, round(moment.rows * rows)) * side]
    return pixels


def webp(pixels: np.ndarray, bits: int = EXACT) -> bytes:
    """(H, W, 3 or 4) uint8 as a WebP without loss, after rounding colours to so many bits a channel.

    WebP's and JPEG's own losses smear the colours of neighbouring pixels, which sprites enlarged show badly: colours
    off by 160 of 255, where rounding to 4 bits is off by 8 at most in fewer bytes than JPEG's quality 90 takes.
    """
    colours = pixels[..., :3]
    if bits < EXACT:
        levels = (1 << bits) - 1
        table = np.rint(np.rint(np.arange(256) / 255 * levels) * 255 / levels).astype(np.uint8)
        colours = table[colours]
    clear = pixels.shape[-1] == 4 and bool((pixels[..., 3] < 255).any())
    shown = np.dstack([colours, pixels[..., 3]]) if clear else colours
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(shown)).save(stream, "WEBP", lossless=True, quality=80, method=4)
    return stream.getvalue()


def data_uri(data: bytes, kind: str = "image/webp") -> str:
    """Bytes as the address of a picture."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def fitted(pixels: np.ndarray, most: int, rows: int = 1) -> tuple[bytes, int, int]:
    """A sheet of `rows` rows as a WebP of at most `most` bytes: its bytes, bits a channel, and how many rows are left.

    Colours are rounded first, then lower rows left out; one row is always left.
    """
    kept = rows
    side = pixels.shape[0] // max(1, rows)
    while True:
        part = pixels[: kept * side] if kept < rows else pixels
        for bits in (EXACT, 6, 5, 4):
            data = webp(part, bits)
            if len(data) <= most:
                return data, bits, kept
        if kept <= 1:
            return data, 4, kept
        kept = max(1, kept // 2)


def share(most: int, runs: int) -> int:
    """Bytes of a picture that each of so many runs has: one or two runs have all of it, more have less."""
    return most * 2 // max(2, runs)


def sheet_of(pictures: Sequence[np.ndarray], columns: int, background: tuple[int, int, int]) -> np.ndarray:
    """Pictures (H, W, 3 or 4) row by row as one (H, W, 3 or 4); empty places have the background's colour."""
    height, width, channels = pictures[0].shape
    rows = -(-len(pictures) // columns)
    fill = [0, 0, 0, 0] if channels == 4 else list(background)
    sheet = np.empty((rows * height, columns * width, channels), np.uint8)
    sheet[:] = fill
    for place, picture in enumerate(pictures):
        top, left = place // columns * height, place % columns * width
        sheet[top : top + height, left : left + width] = picture
    return sheet
