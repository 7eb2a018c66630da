"""Equipment: guns, blades, shields, cannons, packs and wings. Conventions as in `parts`."""

from __future__ import annotations

from gandam_studio.samples.mechas.forms import BEAM, BONE, FRAME, GLOW, METAL, PRIMARY, SECONDARY, TRIM, Form, Stamp
from gandam_studio.samples.mechas.parts import part


@part
def gun(barrel: int, body: int, style: int, mirror: bool) -> Stamp:
    """A gun pointing left, anchored at its grip; styles: 0 rifle, 1 gatling, 2 beam rifle, 3 bazooka, 4 pistol."""
    w, y = barrel + body + 4, 4
    form = Form(w + 2, 13)
    x = barrel  # where the body begins
    if style == 0:
        form.box(0, y + 1, barrel + 1, 2, METAL).box(0, y, 2, 4, FRAME)
        form.box(x, y - 1, body, 5, METAL).box(x + 2, y - 3, body // 2, 2, FRAME).box(x + body // 3, y + 4, 3, 4, FRAME)
        form.polygon([(x + body, y), (x + body + 4, y), (x + body + 4, y + 5), (x + body, y + 3)], SECONDARY)
    elif style == 1:
        for k in range(3):
            form.box(0, y - 1 + 2 * k, barrel + 1, 1, METAL, 1 - k)
        form.box(1, y - 2, 2, 7, FRAME).box(x, y - 2, body, 7, METAL)
        form.ellipse(x + body * 0.5, y + 5, 3.5, 3.5, SECONDARY)
    elif style == 2:
        form.box(0, y + 1, barrel, 2, METAL).mark(0, y + 1, 2, 2, BEAM, 5)
        form.polygon([(x - 2, y + 4), (x, y - 1), (x + body, y - 1), (x + body + 3, y + 4)], PRIMARY)
        form.box(x + 1, y - 4, 4, 3, FRAME).mark(x + 1, y - 3, 1, 1, GLOW, 5)
        form.mark(x, y + 2, body, 1, BEAM, 4)
    elif style == 3:
        form.box(0, y - 1, barrel + body, 5, SECONDARY).box(0, y - 2, 3, 7, FRAME)
        form.polygon([(w - 4, y), (w + 1, y - 3), (w + 1, y + 6), (w - 4, y + 3)], FRAME)
        form.box(x, y + 4, 3, 3, FRAME).box(x + 1, y - 4, 4, 3, METAL).mark(5, y, barrel - 2, 1, TRIM, 4)
    else:
        form.box(max(0, x - 4), y, 6, 3, METAL).box(x, y - 1, 6, 5, METAL).box(x + 3, y + 4, 3, 3, FRAME)
    return form.stamp(x + body // 2, y + 2, mirror=mirror)


@part
def blade(dx: int, dy: int, style: int, mirror: bool) -> Stamp:
    """A hand weapon with its tip at (dx, dy) from the grip.

    Styles: 0 sword, 1 beam sabre, 2 spear, 3 axe, 4 hammer, 5 cleaver.
    """
    pad = 9
    w, h = abs(dx) + 2 * pad, abs(dy) + 2 * pad
    gx, gy = pad + max(0, -dx), pad + max(0, -dy)
    form = Form(w, h)
    length = max(abs(dx), abs(dy), 1)
    ux, uy = dx / length, dy / length

    def at(t: float, side: float) -> tuple[float, float]:
        return gx + 0.5 + ux * t - uy * side, gy + 0.5 + uy * t + ux * side

    def bar(t0: float, t1: float, half0: float, half1: float, material: int) -> None:
        form.polygon([at(t0, -half0), at(t1, -half1), at(t1, half1), at(t0, half0)], material)

    if style == 0:
        bar(3, length, 1.75, 0.5, BONE)
        bar(2, 3.5, 3, 3, TRIM)
        bar(-3, 2, 0.8, 0.8, FRAME)
    elif style == 1:
        bar(2, length, 1.6, 1.2, BEAM)
        form.fixed[form.material == BEAM] = 5
        bar(-3, 3, 1, 1, METAL)
    elif style in (2, 3, 4):
        bar(-length * 0.6, length, 0.8, 0.8, FRAME)
        if style == 2:
            bar(length - 7, length + 4, 2.6, 0.3, BONE)
            bar(length - 8, length - 6, 1.6, 1.6, TRIM)
        elif style == 3:
            form.polygon([at(length - 7, 0.5), at(length - 9, 7), at(length + 2, 7), at(length - 1, 0.5)], METAL)
            form.polygon([at(length - 9, 6), at(length - 9, 7.5), at(length + 2, 7.5), at(length + 1, 6)], BONE)
        else:
            form.polygon([at(length - 5, -5), at(length + 1, -5), at(length + 1, 5), at(length - 5, 5)], METAL)
            form.polygon([at(length - 5, 3), at(length + 1, 3), at(length + 1, 5), at(length - 5, 5)], TRIM)
    else:
        bar(2, length, 2, 4, METAL)
        form.polygon([at(2, 1.5), at(length, 3.5), at(length + 3, 4), at(2, 3)], BONE)
        bar(-4, 2, 0.8, 0.8, FRAME)
    return form.stamp(gx, gy, mirror=mirror)


@part
def shield(w: int, h: int, style: int, mirror: bool) -> Stamp:
    """A shield anchored at its centre; styles: 0 kite, 1 tower, 2 round, 3 hexagon, 4 wing."""
    form = Form(w + 2, h + 2)
    outlines: tuple[list[tuple[float, float]], ...] = (
        [(0, 1), (w * 0.5, 0), (w, 1), (w, h * 0.55), (w * 0.5, h + 1), (0, h * 0.55)],
        [(1, 0), (w - 1, 0), (w, 2), (w, h - 2), (w - 2, h), (2, h), (0, h - 2), (0, 2)],
        [],
        [(w * 0.5, 0), (w, h * 0.22), (w, h * 0.78), (w * 0.5, h), (0, h * 0.78), (0, h * 0.22)],
        [(0, h * 0.3), (w, 0), (w * 0.9, h), (w * 0.45, h * 0.8)],
    )
    cx, cy = w / 2, h / 2
    if style == 2:
        form.ellipse(cx, cy, w / 2, h / 2, TRIM).ellipse(cx, cy, w / 2 - 2, h / 2 - 2, PRIMARY)
        form.ellipse(cx, cy, 2, 2, METAL)
    else:
        form.polygon(outlines[style], BONE if style == 0 else TRIM)
        inner = [(cx + (x - cx) * 0.72, cy + (y - cy) * 0.8) for x, y in outlines[style]]
        form.polygon(inner, PRIMARY)
        if style == 0:
            form.box(round(cx) - 1, 3, 2, h // 2, TRIM).box(3, round(h * 0.32), w - 6, 2, TRIM)
        elif style == 1:
            form.mark(round(w * 0.3), 4, round(w * 0.4), 2, GLOW, 3).box(round(cx) - 1, h // 2, 2, h // 3, SECONDARY)
        else:
            form.ellipse(cx, cy, w * 0.2, h * 0.14, SECONDARY)
    return form.stamp(w // 2, h // 2, mirror=mirror)


@part
def cannon(length: int, thick: int, style: int, mirror: bool) -> Stamp:
    """A shoulder cannon pointing left, anchored at its trunnion near the back."""
    form = Form(length + 2, thick + 8)
    y = 3
    if style == 0:
        form.box(0, y, length, thick, METAL).box(0, y - 1, 3, thick + 2, FRAME)
        form.box(length - 8, y - 2, 8, thick + 4, PRIMARY)
    elif style == 1:  # missile box
        form.box(length // 3, y - 2, length - length // 3, thick + 4, SECONDARY)
        for k in range(0, thick + 3, 3):
            form.mark(length // 3 + 1, y - 1 + k, 2, 2, GLOW, 3)
            form.mark(length // 3 + 4, y - 1 + k, 2, 2, GLOW, 2)
    else:  # twin barrels
        form.box(0, y, length, 2, METAL).box(0, y + thick, length, 2, METAL)
        form.box(length - 9, y - 2, 9, thick + 5, PRIMARY).mark(0, y, 1, 2, FRAME, 0)
    return form.stamp(length - 4, y + thick // 2, mirror=mirror)


@part
def pack(w: int, h: int, style: int, mirror: bool) -> Stamp:
    """A backpack with thrusters, anchored at its left edge where it meets the back."""
    form = Form(w + 8, h + 12)
    form.polygon([(0, 2), (w * 0.7, 0), (w, 3), (w, h), (0, h)], SECONDARY, -1)
    form.polygon([(1, h), (w - 1, h), (w + 1, h + 4), (0, h + 4)], FRAME)
    form.mark(0, h + 3, w + 1, 1, GLOW, 4)
    if style == 1:  # flame
        form.polygon([(1, h + 4), (w - 0.5, h + 4), (w * 0.55, h + 11)], BEAM)
        form.mark(round(w * 0.4), h + 4, 2, 3, BEAM, 5)
    elif style == 2:  # fuel tanks
        form.ellipse(w + 2, h * 0.55, 2.5, h * 0.5, TRIM)
    return form.stamp(0, h // 3, mirror=mirror)


@part
def wing(span: int, rise: int, style: int, mirror: bool) -> Stamp:
    """A wing swept back to the right, anchored at its root."""
    h = abs(rise) + 14
    y0 = 2 + max(0, rise)
    form = Form(span + 3, h)
    tip = (span + 1.0, y0 - rise + 1.0)
    if style == 0:
        form.polygon([(0, y0), tip, (span * 0.9, y0 - rise + 5), (0, y0 + 6)], PRIMARY)
        form.polygon([(0, y0 + 3), (span * 0.9, y0 - rise + 5), (0, y0 + 6)], TRIM)
    elif style == 1:  # binders
        for k in range(3):
            form.polygon([(0, y0 + 2 * k), (span - 2 * k, y0 - rise + 4 * k), (span - 2 * k, y0 - rise + 2 + 4 * k),
                          (0, y0 + 3 + 2 * k)], (BONE, TRIM, SECONDARY)[k])  # fmt: skip
    else:  # beam feathers
        for k in range(3):
            form.polygon([(0, y0 + 2 * k), (span - 3 * k, y0 - rise + 4 * k), (0, y0 + 2 + 2 * k)], BEAM)
    return form.stamp(0, y0 + 2, mirror=mirror)
