"""Machines without two legs: tanks, aircraft, four-legged crawlers, wheeled trucks."""

from __future__ import annotations

from gandam_studio.samples.mechas import parts, weapons
from gandam_studio.samples.mechas.dice import Dice
from gandam_studio.samples.mechas.forms import BEAM, BONE, FRAME, GLOW, METAL, PRIMARY, SECONDARY, TRIM, Form, Stamp
from gandam_studio.samples.mechas.glyphs import EMBLEMS
from gandam_studio.samples.mechas.parts import part
from gandam_studio.samples.mechas.scene import GROUND, MIDDLE, Scene


@part
def _treads(w: int, h: int, wheels: int, mirror: bool) -> Stamp:
    form = Form(w + 2, h + 2)
    form.polygon([(h * 0.3, 0), (w - h * 0.3, 0), (w, h * 0.45), (w - h * 0.5, h), (h * 0.5, h), (0, h * 0.45)], FRAME)
    for k in range(wheels):
        x = h * 0.55 + (w - h * 1.1) * k / (wheels - 1)
        form.ellipse(x, h * 0.58, h * 0.27, h * 0.27, METAL)
    for x in range(2, w - 2, 3):
        form.mark(x, 0, 1, 1, FRAME, 4)
    return form.stamp(w // 2, h, mirror=mirror)


@part
def _hull(w: int, h: int, style: int, mirror: bool) -> Stamp:
    form = Form(w + 2, h + 2)
    nose = (w * 0.2, w * 0.32, w * 0.1)[style]
    form.polygon([(0, h * 0.7), (nose, 0), (w - 3, 0), (w, h * 0.4), (w - 2, h), (2, h)], PRIMARY)
    form.box(round(w * 0.3), round(h * 0.5), round(w * 0.5), max(2, h // 3), SECONDARY)
    form.mark(round(w * 0.84), 2, 3, 1, FRAME, 1).mark(round(w * 0.84), 4, 3, 1, FRAME, 1)
    form.mark(2, round(h * 0.6), 2, 2, GLOW, 5)
    return form.stamp(w // 2, h, mirror=mirror)


@part
def _turret(w: int, h: int, style: int, mirror: bool) -> Stamp:
    form = Form(w + 2, h + 6)
    if style == 0:
        form.polygon([(0, 5 + h * 0.5), (w * 0.25, 5), (w * 0.8, 5), (w, 5 + h), (2, 5 + h)], PRIMARY)
    elif style == 1:
        form.ellipse(w / 2, 5 + h * 0.8, w / 2, h * 0.8, PRIMARY)
    else:
        form.polygon([(1, 5), (w - 1, 5), (w, 5 + h), (0, 5 + h)], SECONDARY)
    form.box(w // 2, 3, max(4, w // 3), 2, TRIM)
    form.mark(3, 5 + h // 2, 3, 2, GLOW, 5)
    return form.stamp(w // 2, 5 + h, mirror=mirror)


def draw_tank(scene: Scene, dice: Dice, gear: Dice) -> None:
    """Draw a tracked tank: treads, hull, turret, with the gun to the left."""
    w, tread = dice.between(38, 50), dice.between(9, 12)
    hull, turret_w, turret_h = dice.between(7, 10), dice.between(16, 24), dice.between(7, 11)
    top = GROUND - tread + 3
    scene.put(_hull(w - 4, hull, dice.below(3), scene.mirror), MIDDLE - 1, top)
    turret_x, turret_y = MIDDLE + dice.between(-1, 5), top - hull + 1
    length = gear.between(14, 22)
    for k in range(gear.pick((1, 1, 2))):
        barrel = weapons.cannon(length + 6, 3, 0, scene.mirror)
        scene.put(barrel, turret_x - turret_w // 2 + 7, turret_y - turret_h // 2 - 4 * k)
    if gear.chance(35):
        scene.put(weapons.cannon(14, 4, 1, scene.mirror), turret_x + turret_w // 2 + 2, turret_y - turret_h - 2)
    scene.put(_turret(turret_w, turret_h, dice.below(3), scene.mirror), turret_x, turret_y)
    scene.put(parts.emblem(dice.below(len(EMBLEMS)), scene.mirror), turret_x + 3, turret_y - turret_h // 2)
    scene.put(_treads(w, tread, dice.between(4, 6), scene.mirror), MIDDLE - 1, GROUND)


@part
def _fuselage(w: int, h: int, style: int, mirror: bool) -> Stamp:
    form = Form(w + 2, h + 2)
    droop = (0.55, 0.75, 0.4)[style]
    form.polygon(
        [(0, h * droop), (w * 0.28, h * 0.15), (w * 0.6, 0), (w, h * 0.2), (w, h * 0.8), (w * 0.4, h)], PRIMARY
    )
    form.polygon([(0, h * droop), (w * 0.4, h * 0.62), (w, h * 0.62), (w, h * 0.8), (w * 0.4, h)], SECONDARY)
    form.polygon([(w * 0.2, h * 0.36), (w * 0.3, 0), (w * 0.46, 0), (w * 0.5, h * 0.36)], BEAM)
    form.box(w - 3, round(h * 0.2), 3, round(h * 0.6), FRAME)
    form.mark(0, round(h * droop) - 1, 3, 2, BONE, 4)
    return form.stamp(w // 2, h // 2, mirror=mirror)


@part
def _plate(points: tuple[tuple[int, int], ...], material: int, mirror: bool, dim: int) -> Stamp:
    """A flat panel (wing, fin) given by its corners, anchored at (0, 0) of their coordinates."""
    x0, y0 = min(x for x, _ in points), min(y for _, y in points)
    x1, y1 = max(x for x, _ in points), max(y for _, y in points)
    form = Form(x1 - x0 + 1, y1 - y0 + 1)
    form.polygon([(x - x0, y - y0) for x, y in points], material)
    return form.stamp(-x0, -y0, mirror=mirror, dim=dim)


def draw_plane(scene: Scene, dice: Dice, gear: Dice) -> None:
    """Draw a flying jet from the side, nose to the left."""
    w, h = dice.between(44, 54), dice.between(9, 13)
    y = dice.between(31, 40)
    m, sweep, span = scene.mirror, dice.between(6, 14), dice.between(9, 16)
    root = dice.between(14, 20)
    tail = MIDDLE + w // 2
    if dice.chance(60):  # the far wing, visible above
        points = ((-4, 0), (sweep, -span + 4), (sweep + 6, -span + 4), (root - 4, 0))
        scene.put(_plate(points, SECONDARY, m, 1), MIDDLE - 2, y - h // 2 + 2)
    fin = dice.between(8, 12)
    scene.put(_plate(((-11, 0), (-3, -fin), (2, -fin), (0, 0)), TRIM, m, 0), tail - 1, y - h // 2 + 3)
    scene.put(_plate(((0, -2), (dice.between(4, 7), 0), (0, 3)), BEAM, m, 0), tail, y)
    scene.put(_fuselage(w, h, dice.below(3), m), MIDDLE, y)
    for k in range(gear.below(3)):
        scene.put(weapons.gun(8, 9, 2, m), MIDDLE - 2 + 5 * k, y + h // 2 + 1 + 2 * k)
    points = ((-6, 0), (sweep, span), (sweep + 7, span), (root - 2, 1))
    scene.put(_plate(points, PRIMARY, m, 0), MIDDLE - 1, y + h // 4)
    scene.put(_plate(((-2, 0), (4, 6), (8, 6), (7, 0)), SECONDARY, m, 0), tail - 10, y + 1)
    scene.put(parts.emblem(dice.below(len(EMBLEMS)), m), MIDDLE + w // 4, y - 1)


def draw_crawler(scene: Scene, dice: Dice, gear: Dice) -> None:
    """Draw a body on four or six jointed legs, head to the left."""
    w, h, lift = dice.between(26, 34), dice.between(11, 15), dice.between(9, 14)
    belly = GROUND - lift
    thigh, pairs = dice.between(4, 5), dice.pick((2, 2, 3))
    for far in (True, False):
        for k in range(pairs):
            x = MIDDLE - w // 2 + 5 + (w - 10) * k // (pairs - 1) + (0 if far else 3)
            out = (-1 if 2 * k < pairs - 1 else 1) * dice.between(5, 8)
            dim, kx, ky = int(far), x + out, belly - dice.between(5, 8)
            ax, ay = kx + out // 2, GROUND - 1
            scene.put(parts.limb(ax - kx, ay - ky, thigh, 2, FRAME, 1, scene.mirror, dim), kx, ky)
            scene.put(parts.limb(kx - x, ky - belly + 3, thigh, thigh, SECONDARY, 0, scene.mirror, dim), x, belly - 3)
            scene.put(parts.joint(thigh + 1, TRIM, scene.mirror, dim), kx, ky)
        if far:
            scene.put(parts.pod(w, h, dice.below(3), scene.mirror), MIDDLE, belly)
    if gear.chance(75):
        scene.put(weapons.cannon(gear.between(18, 26), 4, gear.below(3), scene.mirror), MIDDLE + 8, belly - h - 1)
    scene.put(parts.head(dice.below(8), 0, scene.mirror), MIDDLE - w // 2 + 1, belly - 2)


@part
def _wheel(radius2: int, mirror: bool) -> Stamp:
    size = radius2 + 3
    form = Form(size, size).ellipse(size / 2, size / 2, radius2 / 2, radius2 / 2, FRAME)
    form.ellipse(size / 2, size / 2, radius2 / 4, radius2 / 4, METAL)
    return form.stamp(size // 2, size // 2, mirror=mirror)


def draw_truck(scene: Scene, dice: Dice, gear: Dice) -> None:
    """Draw a wheeled carrier with a load, cab to the left."""
    w, h, wheel = dice.between(38, 48), dice.between(8, 11), dice.between(10, 13)
    floor = GROUND - wheel // 2
    left = MIDDLE - w // 2
    if gear.chance(50):
        scene.put(weapons.cannon(gear.between(22, 30), 4, gear.pick((0, 2)), scene.mirror), MIDDLE + 16, floor - h - 4)
    else:
        scene.put(weapons.cannon(26, gear.between(8, 12), 1, scene.mirror), MIDDLE + 18, floor - h - 6)
    scene.put(_hull(w, h, dice.below(3), scene.mirror), MIDDLE, floor)
    scene.put(
        _turret(dice.between(12, 15), dice.between(8, 11), dice.pick((0, 2)), scene.mirror), left + 10, floor - h + 2
    )
    count = dice.pick((3, 4))
    for k in range(count):
        scene.put(_wheel(wheel, scene.mirror), left + 5 + (w - 10) * k // (count - 1), GROUND - wheel // 2)
