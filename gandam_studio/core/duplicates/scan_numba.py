"""The scan of `candidates`, compiled. Imported only if numba is installed and there is enough to scan."""

# mypy: disable-error-code="call-arg"
# (numba passes an intrinsic's typing context, which mypy does not know.)

from __future__ import annotations

import numpy as np
from numba import njit  # type: ignore[import-not-found, unused-ignore]

from gandam_studio.core.duplicates.search_numba import ones
from gandam_studio.core.hashing.layout import Flag

_NO_SILHOUETTE, _NO_INTERIOR = int(Flag.NO_SILHOUETTE), int(Flag.NO_INTERIOR)


@njit(cache=True, nogil=True, boundscheck=False)
def scan_block(words, kinds, start, stop, look_radius, even_share, radii):
    """Return the same rows as `candidates._scan_rows`, in another order."""
    even_radius = int(even_share * look_radius)
    inside_radius, shape_radius = look_radius // 2, look_radius // 4
    inside_even_radius, shape_even_radius = int(even_share * 0.5 * look_radius), int(even_share * 0.25 * look_radius)
    found = np.empty((1024, 4), dtype=np.int64)
    count = 0
    for i in range(start, stop):
        se, so, ie, io, we, wo = words[i, 0], words[i, 1], words[i, 2], words[i, 3], words[i, 4], words[i, 5]
        for j in range(i + 1, len(words)):
            shape_even = np.int64(ones(se ^ words[j, 0]))
            inside_even = np.int64(ones(ie ^ words[j, 2]))
            whole_even = np.int64(ones(we ^ words[j, 4]))
            whole_radius = max(radii[i], radii[j])
            either = kinds[i] | kinds[j]
            alike = kinds[i] == kinds[j]
            # Decides most pairs: pairs are only close if their even halves are.
            if either == 0:
                likely = shape_even == 0 or shape_even + inside_even <= even_radius
            elif either == _NO_SILHOUETTE:
                likely = alike or inside_even <= inside_even_radius
            elif either == _NO_INTERIOR:
                likely = alike or shape_even <= shape_even_radius
            else:
                likely = False
            if not likely and whole_even > whole_radius:
                continue
            shape_odd = np.int64(ones(so ^ words[j, 1]))
            inside_odd = np.int64(ones(io ^ words[j, 3]))
            whole_odd = np.int64(ones(wo ^ words[j, 5]))
            ways, nearest = 0, np.int64(0)
            for turned in range(2):
                if turned:
                    shape_odd, inside_odd, whole_odd = 64 - shape_odd, 64 - inside_odd, 64 - whole_odd
                shape, inside = shape_even + shape_odd, inside_even + inside_odd
                near = whole_even + whole_odd <= whole_radius
                if likely:
                    if either == 0:
                        close = shape + inside <= look_radius and shape_even + inside_even <= even_radius
                        near = near or close or shape == 0
                    elif either == _NO_SILHOUETTE:
                        near = near or inside <= inside_radius
                    else:
                        near = near or shape <= shape_radius
                if near:
                    apart = shape + inside + whole_even + whole_odd
                    if ways == 0 or apart < nearest:
                        nearest = np.int64(apart)
                    ways |= 1 << turned
            if ways:
                if count == len(found):
                    larger = np.empty((2 * count, 4), dtype=np.int64)
                    larger[:count] = found
                    found = larger
                found[count, 0], found[count, 1], found[count, 2], found[count, 3] = i, j, ways, nearest
                count += 1
    return found[:count]
