"""Per-iteration curves as min/max pyramids, so that long runs are drawn as fast as short ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FACTOR = 4
"""Each level of the pyramid summarises this many entries of the level below."""
_SMALLEST_LEVEL = 64


class _Growing:
    """A float32 array that grows by doubling; unwritten values are NaN."""

    def __init__(self) -> None:
        self._store = np.full(256, np.nan, np.float32)
        self.count = 0

    def resize(self, count: int) -> None:
        if count > len(self._store):
            bigger = np.full(max(count, 2 * len(self._store)), np.nan, np.float32)
            bigger[: self.count] = self._store[: self.count]
            self._store = bigger
        elif count < self.count:
            self._store[count : self.count] = np.nan
        self.count = count

    @property
    def values(self) -> np.ndarray:
        return self._store[: self.count]


class Curve:
    """One value per iteration, counted from 1; NaN where there is none.

    Besides the raw values it keeps levels of minima and maxima, each `FACTOR` times shorter than the one below; means
    would hide spikes of a single step. Levels are updated when the curve is next drawn, where values have changed.
    Nothing is kept for iterations before the first one written.
    """

    def __init__(self) -> None:
        self._raw = _Growing()
        self._before = 0  # Number of iterations before the first one kept.
        self._levels: list[tuple[_Growing, _Growing]] = []
        self._stale: tuple[int, int] | None = None

    def __len__(self) -> int:
        """The last iteration written."""
        return self._before + self._raw.count if self._raw.count else 0

    @property
    def before(self) -> int:
        """The number of iterations before the first one that is kept."""
        return self._before

    @property
    def values(self) -> np.ndarray:
        """All raw values, float32, index i is iteration `before` + i + 1; a view, valid until the next write."""
        return self._raw.values

    def write(self, first_iteration: int, values: Sequence[float | None] | np.ndarray) -> None:
        """Set the values from `first_iteration` (>= 1) on; a gap before it stays NaN, None is NaN."""
        if first_iteration < 1:
            raise ValueError("iterations count from 1")
        fresh = np.asarray(values, np.float32)
        if not len(fresh):
            return
        if not self._raw.count:
            self._before, self._levels, self._stale = first_iteration - 1, [], None
        elif first_iteration <= self._before:
            self._begin_at(first_iteration - 1)
        start = first_iteration - 1 - self._before
        end = start + len(fresh)
        before = self._raw.count
        self._raw.resize(max(end, before))
        self._raw.values[start:end] = fresh
        self._touch(min(start, before), max(end, before))

    def _begin_at(self, before: int) -> None:
        """Make room for earlier iterations."""
        later, raw = self._raw.values, _Growing()
        raw.resize(self._before - before + len(later))
        raw.values[self._before - before :] = later
        self._raw, self._before, self._levels = raw, before, []
        self._stale = (0, raw.count)

    def truncate(self, iteration: int) -> None:
        """Drop all values after `iteration`, for instance when a run resumes from an older checkpoint."""
        kept = max(0, iteration - self._before)
        if kept < self._raw.count:
            self._raw.resize(kept)
            self._touch(max(0, kept - 1), kept)

    def value_at(self, iteration: int, reach: int = 64) -> float | None:
        """The newest finite value at or up to `reach` iterations before `iteration`; None when there is none."""
        end = min(iteration - self._before, self._raw.count)
        window = self._raw.values[max(0, end - reach) : max(0, end)]
        finite = np.flatnonzero(np.isfinite(window))
        return float(window[finite[-1]]) if len(finite) else None

    def window(self, low: float, high: float, points: int, *, middle: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Points to draw for iterations `low`..`high` in about `points` buckets: x float64, y float32, no NaN.

        Raw values if they fit, else the minimum and maximum of each bucket of the finest level that fits; one more
        bucket on each side, so that lines continue beyond the edge. `middle`: one point per bucket instead, half way
        between minimum and maximum, for smooth curves.
        """
        self.settle()
        first = max(0, int(np.floor(min(low, high))) - 2 - self._before)
        last = min(self._raw.count, int(np.ceil(max(low, high))) + 1 - self._before)
        if last <= first:
            return np.empty(0), np.empty(0, np.float32)
        width, level = 1, -1
        while (last - first) / width > max(2, points) and level + 1 < len(self._levels):
            width *= FACTOR
            level += 1
        if level < 0:
            x = np.arange(first + 1, last + 1, dtype=np.float64) + self._before
            y = self._raw.values[first:last]
        else:
            x, y = self._buckets(level, width, first, last)
            if middle:
                x, y = (x[0::2] + x[1::2]) / 2, (y[0::2] + y[1::2]) / 2
        keep = np.isfinite(y)
        return x[keep], y[keep]

    def _buckets(self, level: int, width: int, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        lows, highs = (side.values for side in self._levels[level])
        start, end = first // width, min(len(lows), -(-last // width))
        y = np.empty(2 * (end - start), np.float32)
        y[0::2], y[1::2] = lows[start:end], highs[start:end]
        left = np.arange(start, end, dtype=np.float64) * width + 1 + self._before
        x = np.empty(len(y))
        # The last bucket may be incomplete; its points must not lie beyond the last iteration.
        right = np.minimum(left + width - 1, self._before + self._raw.count)
        x[0::2], x[1::2] = left + 0.25 * (right - left), left + 0.75 * (right - left)
        return x, y

    def _touch(self, start: int, end: int) -> None:
        """Mark raw indices `start`..`end` as changed."""
        if self._stale is not None:
            start, end = min(start, self._stale[0]), max(end, self._stale[1])
        self._stale = (start, end)

    def settle(self) -> None:
        """Update all levels; also done when the curve is drawn."""
        if self._stale is None:
            return
        (start, end), self._stale = self._stale, None
        end = min(end, self._raw.count)
        start = min(start, max(0, end - 1))
        lows = highs = self._raw.values
        index = 0
        while len(lows) > _SMALLEST_LEVEL:
            if index == len(self._levels):
                self._levels.append((_Growing(), _Growing()))
                start, end = 0, len(lows)  # A new level summarises the whole level below.
            start, end = start // FACTOR, -(-end // FACTOR)
            count = -(-len(lows) // FACTOR)
            for side, source, reduce in zip(self._levels[index], (lows, highs), (np.fmin, np.fmax), strict=True):
                side.resize(count)
                side.values[start:end] = _reduced(source[start * FACTOR : end * FACTOR], reduce)
            lows, highs = (side.values for side in self._levels[index])
            index += 1
        del self._levels[index:]


def _reduced(source: np.ndarray, reduce: np.ufunc) -> np.ndarray:
    missing = -len(source) % FACTOR
    if missing:
        source = np.concatenate([source, np.full(missing, np.nan, source.dtype)])
    return reduce.reduce(source.reshape(-1, FACTOR), axis=1)


def ema(values: np.ndarray, half_life: float, carry: float = 0.0) -> np.ndarray:
    """Exponential moving sums y_t = a y_(t-1) + (1 - a) v_t with a = 2^(-1 / half_life), y_0 = `carry`.

    `values` (n,) finite; returns float64 (n,). Computed in blocks short enough to keep a^-k finite.
    """
    count = len(values)
    if count == 0:
        return np.empty(0)
    a = 2.0 ** (-1.0 / half_life)
    length = int(min(1024, max(1, 20 * half_life), count))
    blocks = -(-count // length)
    padded = np.zeros(blocks * length)
    padded[:count] = values
    k = np.arange(length)
    grown = np.cumsum(padded.reshape(blocks, length) * a ** (-k), axis=1) * ((1 - a) * a**k)
    carries = np.empty(blocks)
    whole = a**length
    for block in range(blocks):
        carries[block] = carry
        carry = carry * whole + grown[block, -1]
    return (grown + carries[:, None] * a ** (k + 1)).reshape(-1)[:count]


class SmoothedCurve:
    """A raw curve and its exponential moving average.

    The average is bias-corrected (Kingma & Ba 2015, section 3) and skips missing values.

    Attributes:
        raw: the curve itself. half_life: of the average, in iterations; 0 switches smoothing off.
    """

    def __init__(self, half_life: float = 50.0) -> None:
        self.raw = Curve()
        self.half_life = half_life
        self._smooth = Curve()
        self._sums = (0.0, 0.0)

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def smooth(self) -> Curve:
        """The average, computed when it is first needed."""
        if len(self._smooth) < len(self.raw):
            self._extend(len(self._smooth))
        return self._smooth

    def settle(self) -> None:
        """Compute average and levels now instead of when drawing."""
        self.raw.settle()
        self.smooth.settle()

    def write(self, first_iteration: int, values: Sequence[float | None] | np.ndarray) -> None:
        """Append values (see `Curve.write`)."""
        known = len(self.raw)
        self.raw.write(first_iteration, values)
        if first_iteration <= known:
            self._restart()

    def truncate(self, iteration: int) -> None:
        """Drop all values after `iteration`."""
        if iteration < len(self.raw):
            self.raw.truncate(iteration)
            self._restart()

    def set_half_life(self, half_life: float) -> None:
        """Change the smoothing."""
        if half_life != self.half_life:
            self.half_life = half_life
            self._restart()

    def _restart(self) -> None:
        self._smooth, self._sums = Curve(), (0.0, 0.0)

    def _extend(self, known: int) -> None:
        known = max(known, self.raw.before)
        fresh = self.raw.values[known - self.raw.before :]
        if self.half_life <= 0:
            self._smooth.write(known + 1, fresh)
            return
        present = np.isfinite(fresh)
        total = ema(np.where(present, fresh, 0.0), self.half_life, self._sums[0])
        weight = ema(present.astype(np.float64), self.half_life, self._sums[1])
        self._sums = (float(total[-1]), float(weight[-1]))
        average = np.full(len(fresh), np.nan)
        np.divide(total, weight, out=average, where=weight > 1e-12)
        self._smooth.write(known + 1, average)
