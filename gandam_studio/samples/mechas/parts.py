"""The parts of a mecha, each drawn once per size and cached.

Every function returns a `Stamp` anchored where the part is mounted (hip, shoulder, grip, neck). Shapes face left;
`mirror` makes them face right without changing the light.
"""

from __future__ import annotations

from functools import lru_cache

from gandam_studio.samples.mechas.forms import BEAM, BONE, FRAME, GLOW, METAL, PRIMARY, SECONDARY, TRIM, Form, Stamp
from gandam_studio.samples.mechas.glyphs import EMBLEMS, HEADS

# Some 20,000 stamps of about a kilobyte each: the parts of 100,000 sprites.
part = lru_cache(maxsize=20_000)


@part
def limb(dx: int, dy: int, w0: int, w1: int, material: int, style: int, mirror: bool, dim: int) -> Stamp:
    """A tapered segment from (0, 0) to (dx, dy); styles: 0 plain, 1 band of trim, 2 inner frame, 3 panel line."""
    reach = max(w0, w1)
    width, height = abs(dx) + 2 * reach + 2, abs(dy) + 2 * reach + 2
    x0, y0 = reach + 1 + max(0, -dx), reach + 1 + max(0, -dy)
    x1, y1 = x0 + dx, y0 + dy
    form = Form(width, height)

    def across(t: float, half: float) -> tuple[tuple[float, float], tuple[float, float]]:
        x, y = x0 + (x1 - x0) * t + 0.5, y0 + (y1 - y0) * t + 0.5
        if abs(dy) >= abs(dx):
            return (x - half, y), (x + half, y)
        return (x, y - half), (x, y + half)

    def slab(t0: float, t1: float, colour: int, slim: float = 0.0, bias: int = 0) -> None:
        half0, half1 = (w0 + (w1 - w0) * t0) / 2 - slim, (w0 + (w1 - w0) * t1) / 2 - slim
        (a, b), (c, d) = across(t0, half0), across(t1, half1)
        form.polygon([a, b, d, c], colour, bias)

    slab(0.0, 1.0, material)
    if style == 1:
        slab(0.55, 0.75, TRIM)
    elif style == 2:
        slab(0.0, 0.45, FRAME, 0.5)
    elif style == 3:
        slab(0.35, 1.0, material, 0.0, 1)
    return form.stamp(x0, y0, mirror=mirror, dim=dim)


@part
def joint(radius2: int, material: int, mirror: bool, dim: int) -> Stamp:
    """A ball joint; `radius2` in half pixels."""
    size = radius2 + 3
    form = Form(size, size).ellipse(size / 2, size / 2, radius2 / 2, radius2 / 2, material)
    return form.stamp(size // 2, size // 2, mirror=mirror, dim=dim)


@part
def foot(width: int, height: int, style: int, material: int, mirror: bool, dim: int) -> Stamp:
    """A foot, toe to the left, anchored at the ankle: at the top, two thirds back."""
    form, w, h = Form(width, height + 1), width, height
    ankle = (2 * w) // 3
    if style == 0:  # boot
        form.polygon([(0, h), (0, h - 1.5), (w * 0.4, 0), (w, 0), (w, h)], material)
        form.box(0, h - 1, w, 1, FRAME)
    elif style == 1:  # two-toed claw
        form.polygon([(0, h), (1, h - 2), (w * 0.5, 0), (w * 0.8, 0), (w * 0.8, h)], material)
        form.polygon([(w * 0.7, h), (w * 0.7, 1), (w, h - 1), (w, h)], METAL)
        form.box(0, h - 1, 3, 1, METAL)
    elif style == 2:  # slab with toe cap
        form.polygon([(0, h), (0, h - 2), (2, 1), (w - 2, 0), (w, 2), (w, h)], material)
        form.polygon([(0, h), (0, h - 2), (2, 1), (w * 0.35, 1), (w * 0.35, h)], TRIM)
    else:  # heeled
        form.polygon([(0, h), (0, h - 1), (w * 0.55, 0), (w * 0.9, 0), (w * 0.6, h - 1)], material)
        form.polygon([(w - 2, h), (w - 2.5, 0), (w, 0), (w, h)], FRAME)
    return form.stamp(ankle, 0, mirror=mirror, dim=dim)


@part
def torso(w: int, h: int, style: int, mirror: bool) -> Stamp:
    """A chest in three-quarter view from the front left, anchored at the middle of the waist."""
    form = Form(w + 2, h + 2)
    front = round(w * 0.62)  # where the front plane turns into the side
    (_hero_chest, _barrel_chest, _soldier_chest, _wedge_chest, _lamellar_chest, _box_chest)[style](form, w, h, front)
    return form.stamp(w // 2, h, mirror=mirror)


def _hero_chest(form: Form, w: int, h: int, front: int) -> None:
    """A chest block with vents, a cockpit hatch and a slim waist."""
    waist, vent = h * 0.62, max(2, w // 5)
    form.polygon([(w * 0.22, waist - 1), (w * 0.8, waist - 1), (w * 0.74, h + 1), (w * 0.28, h + 1)], FRAME)
    form.polygon([(0, 1), (w * 0.25, 0), (w, 0), (w, waist), (w * 0.1, waist), (0, waist - 3)], PRIMARY)
    form.polygon([(front, 0), (w, 0), (w, waist), (front, waist)], PRIMARY, -1)
    form.box(1, 3, vent, 3, TRIM).box(front - w // 5 - 1, 3, vent, 3, TRIM)
    form.mark(1, 4, w // 5, 1, FRAME, 1).mark(front - w // 5 - 1, 4, w // 5, 1, FRAME, 1)
    form.box(w // 3 - 1, round(waist) - 3, max(3, w // 4), round(h * 0.42), SECONDARY)


def _barrel_chest(form: Form, w: int, h: int, _front: int) -> None:
    """A round body with a lamp in its middle."""
    form.ellipse(w / 2, h / 2, w / 2, h / 2, PRIMARY)
    form.ellipse(w * 0.36, h * 0.42, w * 0.2, h * 0.2, SECONDARY)
    form.mark(round(w * 0.36) - 1, round(h * 0.42) - 1, 2, 2, GLOW, 5)
    form.mark(2, round(h * 0.75), w - 4, 1, FRAME, 1)


def _soldier_chest(form: Form, w: int, h: int, front: int) -> None:
    """A sloped breastplate with hoses at the waist."""
    form.polygon([(w * 0.15, h * 0.6), (w * 0.85, h * 0.6), (w * 0.8, h + 1), (w * 0.2, h + 1)], FRAME)
    form.polygon([(0, 3), (w * 0.2, 0), (w, 0), (w, h * 0.65), (w * 0.45, h * 0.75), (0, h * 0.55)], SECONDARY)
    form.polygon([(front, 0), (w, 0), (w, h * 0.65), (front, h * 0.72)], SECONDARY, -1)
    form.polygon([(w * 0.1, 2), (front - 1, 1), (front - 1, h * 0.4), (w * 0.1, h * 0.4)], PRIMARY)
    for k in range(3):
        form.box(1 + 3 * k, round(h * 0.82) - (k == 1), 2, 2, METAL)


def _wedge_chest(form: Form, w: int, h: int, front: int) -> None:
    """Broad shoulders over a narrow waist, with a glowing slit at the core."""
    form.polygon([(0, 0), (w, 0), (w * 0.9, h * 0.35), (w * 0.68, h + 1), (w * 0.32, h + 1), (0, h * 0.4)], PRIMARY)
    form.polygon([(front, 0), (w, 0), (w * 0.9, h * 0.35), (w * 0.66, h + 1), (front, h + 1)], SECONDARY, -1)
    form.polygon([(w * 0.2, h * 0.2), (w * 0.5, h * 0.2), (w * 0.45, h * 0.8), (w * 0.36, h * 0.8)], FRAME)
    form.mark(round(w * 0.36), round(h * 0.3), 2, max(2, h // 4), GLOW, 4)


def _lamellar_chest(form: Form, w: int, h: int, front: int) -> None:
    """Three layered plates with trimmed lower edges."""
    for k, material in enumerate((PRIMARY, SECONDARY, PRIMARY)):
        top, inset = k * h // 3, k * w * 0.07
        low = top + h / 3 + 1
        form.polygon([(inset, top), (w - inset, top), (w - inset - 1, low), (inset + 1, low)], material)
        form.shade(front, top, w - front, h // 3 + 1, -1)
        form.mark(round(inset) + 1, top + h // 3 - 1, front, 1, TRIM, 3)


def _box_chest(form: Form, w: int, h: int, front: int) -> None:
    """A cargo frame with a hatch."""
    form.polygon([(1, 0), (w - 1, 0), (w, 2), (w, h - 1), (w - 2, h + 1), (2, h + 1), (0, h - 1), (0, 2)], PRIMARY)
    form.polygon([(front, 0), (w - 1, 0), (w, 2), (w, h), (front, h + 1)], PRIMARY, -1)
    form.box(2, 3, front - 4, h - 6, SECONDARY)
    form.mark(3, h // 2, front - 6, 1, FRAME, 0).mark(3, 4, 2, 1, GLOW, 5)
    form.mark(front + 2, 2, 2, 1, TRIM, 4).mark(front + 2, 4, 2, 1, TRIM, 3)


@part
def pelvis(w: int, h: int, style: int, mirror: bool) -> Stamp:
    """Hips and skirt armour, anchored at the middle of the waist."""
    form = Form(w + 2, h + 2)
    if style == 0:  # bare hips
        low = h * 0.6
        form.polygon(
            [(w * 0.15, 0), (w * 0.85, 0), (w * 0.95, low), (w * 0.6, h), (w * 0.4, h), (w * 0.05, low)], FRAME
        )
        form.polygon([(w * 0.3, 0), (w * 0.55, 0), (w * 0.5, h), (w * 0.36, h)], TRIM)
    elif style == 1:  # four skirt plates
        form.polygon([(w * 0.6, 0), (w * 0.95, 0), (w + 1, h), (w * 0.65, h)], SECONDARY, -1)
        form.polygon([(w * 0.34, 0), (w * 0.68, 0), (w * 0.66, h), (w * 0.38, h)], SECONDARY)
        form.polygon([(w * 0.05, 0), (w * 0.34, 0), (w * 0.36, h), (0, h)], SECONDARY)
        form.box(round(w * 0.1), 0, round(w * 0.8), 2, TRIM)
    else:  # long tasset
        form.polygon([(w * 0.1, 0), (w * 0.9, 0), (w + 1, h + 1), (w * 0.72, h), (w * 0.45, h + 1), (0, h)], PRIMARY)
        form.polygon([(w * 0.65, 0), (w * 0.9, 0), (w + 1, h + 1), (w * 0.72, h)], PRIMARY, -1)
        form.box(round(w * 0.12), 1, round(w * 0.76), 1, TRIM)
    return form.stamp(w // 2, 0, mirror=mirror)


@part
def pauldron(w: int, h: int, style: int, mirror: bool, dim: int) -> Stamp:
    """Shoulder armour, anchored at its centre, the shoulder joint."""
    form = Form(w + 2, h + 5)
    top = 4
    if style == 0:  # box
        form.polygon([(1, top), (w - 1, top), (w, top + 2), (w, top + h), (0, top + h), (0, top + 2)], PRIMARY)
        form.box(0, top + h - 2, w, 2, SECONDARY)
    elif style == 1:  # ball
        form.ellipse(w / 2, top + h / 2, w / 2, h / 2, SECONDARY)
    elif style == 2:  # spiked ball
        for x in (w * 0.2, w * 0.5, w * 0.8):
            form.polygon([(x - 1.5, top + 2), (x + 0.25, 0), (x + 1.5, top + 2)], BONE)
        form.ellipse(w / 2, top + h / 2, w / 2, h / 2, SECONDARY)
    elif style == 3:  # swept fin
        form.polygon([(0, top + h), (0, top + 1), (w * 0.5, top), (w + 1, 0), (w, top + h)], PRIMARY)
        form.polygon([(0, top + h), (0, top + h - 2), (w, top + h - 2), (w, top + h)], TRIM)
    else:  # layered
        form.polygon([(1, top), (w - 1, top), (w, top + h // 2), (0, top + h // 2)], PRIMARY)
        form.polygon([(0, top + h // 2), (w, top + h // 2), (w + 1, top + h), (1, top + h)], SECONDARY)
        form.mark(2, top + 1, 2, 2, TRIM, 4)
    return form.stamp(w // 2, top + h // 2, mirror=mirror, dim=dim)


@part
def hand(style: int, mirror: bool, dim: int) -> Stamp:
    """A fist (0) or a three-fingered claw (1), anchored at its centre."""
    form = Form(8, 9)
    if style == 0:
        form.polygon([(2, 2), (6, 2), (6, 6), (2, 6)], FRAME)
    else:
        form.polygon([(2, 1), (6, 1), (6, 4), (2, 4)], FRAME)
        for x in (1.5, 3.5, 5.5):
            form.polygon([(x, 3), (x + 1.5, 3), (x - 0.5, 9)], BONE)
    return form.stamp(4, 4, mirror=mirror, dim=dim)


@part
def head(which: int, crest: int, mirror: bool) -> Stamp:
    """A head with a crest (0 none, 1 V-fin, 2 horn, 3 twin antennae, 4 mohawk, 5 ears), anchored at the neck."""
    rows, neck = HEADS[which]
    top, side = 7, 4
    width = len(rows[0])
    form = Form(width + 2 * side, len(rows) + top)
    if crest == 1:
        form.polygon([(side + 2, top + 2), (side + 4, top + 2), (0, 0), (0, 1.5)], TRIM)
        form.polygon([(side + 3, top + 2), (side + 5.5, top + 2), (side + 10.5, 0), (side + 9, 0)], TRIM)
    elif crest == 2:
        form.polygon([(side + 2, top + 2), (side + 5, top + 1), (side, 0), (side, 2)], BONE)
    elif crest == 3:
        form.box(side + width - 3, 1, 1, top + 2, METAL).box(side + width - 5, 3, 1, top, METAL)
        form.mark(side + width - 3, 1, 1, 1, GLOW, 4)
    elif crest == 4:
        form.polygon([(side + 2, top + 1), (side + 5, 2), (side + width, 4), (side + width, top + 4)], TRIM)
    form.glyph(rows, side, top)
    if crest == 5:
        form.polygon([(side + width - 4, top + 5), (side + width - 1, top + 5), (side + width + 2, top - 4)], TRIM)
    return form.stamp(side + neck, top + len(rows) - 1, mirror=mirror)


@part
def pod(w: int, h: int, style: int, mirror: bool) -> Stamp:
    """A walker's cabin, canopy to the left, anchored at the middle of its underside."""
    form = Form(w + 2, h + 2)
    if style == 0:
        nose, stern, keel = [(0, h * 0.55), (w * 0.3, 1)], [(w * 0.9, 0), (w, h * 0.3)], [(w, h * 0.8), (w * 0.8, h)]
        form.polygon([*nose, *stern, *keel, (w * 0.2, h)], PRIMARY)
    elif style == 1:
        form.ellipse(w / 2, h / 2, w / 2, h / 2, PRIMARY)
    else:
        form.polygon([(0, h * 0.3), (3, 0), (w - 3, 0), (w, 3), (w, h - 2), (w - 3, h), (3, h), (0, h * 0.75)], PRIMARY)
    form.shade(round(w * 0.68), 0, w, h + 2, -1)
    form.polygon([(w * 0.08, h * 0.55), (w * 0.3, h * 0.15), (w * 0.5, h * 0.15), (w * 0.45, h * 0.55)], BEAM)
    form.box(round(w * 0.15), round(h * 0.72), round(w * 0.7), 2, SECONDARY)
    form.mark(round(w * 0.7), round(h * 0.3), 3, 1, FRAME, 1).mark(round(w * 0.7), round(h * 0.3) + 2, 3, 1, FRAME, 1)
    return form.stamp(w // 2, h, mirror=mirror)


@part
def emblem(which: int, mirror: bool) -> Stamp:
    """A small badge without outline, anchored at its centre."""
    form = Form(5, 5).glyph(EMBLEMS[which])
    return form.stamp(2, 2, mirror=mirror, outline=False)
