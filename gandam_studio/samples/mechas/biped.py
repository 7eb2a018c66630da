"""Two-legged machines: proportions and equipment depend on the class, pose and parts are random."""

from __future__ import annotations

from dataclasses import dataclass

from gandam_studio.samples.mechas import parts, weapons
from gandam_studio.samples.mechas.dice import Dice
from gandam_studio.samples.mechas.forms import FRAME, PRIMARY, SECONDARY
from gandam_studio.samples.mechas.glyphs import EMBLEMS, HEADS
from gandam_studio.samples.mechas.scene import GROUND, MIDDLE, Scene


@dataclass(frozen=True, slots=True)
class Build:
    """The proportions of a class of mechas, each a range (low, high) in pixels, and the parts it may have."""

    leg: tuple[int, int]
    thigh: tuple[int, int]
    shin: tuple[int, int]
    torso: tuple[int, int]  # width
    chest: tuple[int, int]  # height
    arm: tuple[int, int]
    upper: tuple[int, int]  # width of the upper arm
    fore: tuple[int, int]  # width of the forearm
    shoulder: tuple[int, int]
    torsos: tuple[int, ...]
    hips: tuple[int, ...]
    pauldrons: tuple[int, ...]
    heads: tuple[int, ...]
    crests: tuple[int, ...]
    feet: tuple[int, ...]
    cannons: int  # percent
    wings: int
    shields: int


ANY_HEAD = tuple(range(len(HEADS)))
BUILDS: dict[str, Build] = {
    "hero": Build(
        leg=(20, 23),
        thigh=(5, 6),
        shin=(7, 8),
        torso=(15, 17),
        chest=(13, 15),
        arm=(15, 17),
        upper=(4, 4),
        fore=(5, 6),
        shoulder=(8, 9),
        torsos=(0, 0, 3),
        hips=(1, 1, 0),
        pauldrons=(0, 0, 3, 4),
        heads=(0, 0, 2, 8, 13),
        crests=(1, 1, 1, 3, 2),
        feet=(0, 2, 2),
        cannons=12,
        wings=30,
        shields=45,
    ),
    "soldier": Build(
        leg=(18, 20),
        thigh=(5, 7),
        shin=(8, 10),
        torso=(16, 19),
        chest=(13, 15),
        arm=(15, 16),
        upper=(4, 5),
        fore=(6, 7),
        shoulder=(9, 10),
        torsos=(2, 2, 5),
        hips=(1, 2),
        pauldrons=(1, 2, 0),
        heads=(1, 1, 2, 9, 11),
        crests=(0, 2, 3, 5),
        feet=(0, 0, 2),
        cannons=18,
        wings=8,
        shields=30,
    ),
    "heavy": Build(
        leg=(14, 17),
        thigh=(7, 8),
        shin=(9, 11),
        torso=(20, 24),
        chest=(15, 18),
        arm=(15, 17),
        upper=(5, 6),
        fore=(7, 9),
        shoulder=(9, 11),
        torsos=(1, 5, 2),
        hips=(0, 1),
        pauldrons=(0, 4, 1),
        heads=(5, 9, 11, 2, 12),
        crests=(0, 0, 3),
        feet=(0, 2),
        cannons=60,
        wings=0,
        shields=15,
    ),
    "scout": Build(
        leg=(24, 27),
        thigh=(3, 4),
        shin=(4, 5),
        torso=(11, 13),
        chest=(11, 13),
        arm=(15, 18),
        upper=(3, 3),
        fore=(3, 4),
        shoulder=(5, 7),
        torsos=(3, 0, 4),
        hips=(0,),
        pauldrons=(3, 4, 0),
        heads=(4, 7, 8, 5, 13, 3),
        crests=(2, 3, 4, 5, 1),
        feet=(3, 1),
        cannons=5,
        wings=35,
        shields=15,
    ),
    "knight": Build(
        leg=(19, 22),
        thigh=(5, 6),
        shin=(6, 8),
        torso=(15, 18),
        chest=(13, 15),
        arm=(15, 17),
        upper=(4, 5),
        fore=(5, 6),
        shoulder=(9, 11),
        torsos=(4, 3, 0),
        hips=(2, 2, 1),
        pauldrons=(4, 3, 2),
        heads=(3, 6, 8, 13),
        crests=(0, 4, 2, 5),
        feet=(0, 2, 3),
        cannons=0,
        wings=22,
        shields=60,
    ),
    "brute": Build(
        leg=(11, 14),
        thigh=(6, 7),
        shin=(7, 9),
        torso=(21, 25),
        chest=(19, 22),
        arm=(21, 25),
        upper=(5, 6),
        fore=(7, 8),
        shoulder=(8, 10),
        torsos=(1,),
        hips=(0,),
        pauldrons=(1, 2),
        heads=(9, 1, 10, 4),
        crests=(0, 0, 2),
        feet=(1, 0),
        cannons=15,
        wings=0,
        shields=0,
    ),
}
WEAPONS = (
    "rifle",
    "gatling",
    "beam",
    "bazooka",
    "pistol",
    "sword",
    "sabre",
    "spear",
    "axe",
    "hammer",
    "cleaver",
    "none",
)


def draw_biped(scene: Scene, dice: Dice, build_name: str, gear: Dice) -> None:
    """Draw a mecha of the class `build_name`: `dice` determines body and pose, `gear` the equipment."""
    build = BUILDS[build_name]
    leg = dice.between(*build.leg)
    hip_y = GROUND - leg - 4
    torso_w, chest = dice.between(*build.torso), dice.between(*build.chest)
    chest_y = hip_y - 2
    shoulder_y = chest_y - chest + 4
    far_x, near_x = MIDDLE - torso_w // 2 - 1, MIDDLE + torso_w // 2
    styles = (dice.pick(build.torsos), dice.pick(build.hips), dice.pick(build.pauldrons), dice.pick(build.feet))
    arm = _Arm(scene, dice, build, styles[2])

    _back(scene, gear, build, near_x, shoulder_y)
    far_hand = arm.reach(far_x, shoulder_y, far=True)
    _weapon(scene, gear, far_hand, build_name)
    arm.draw(far_hand, far_x, shoulder_y, dim=1)
    _legs(scene, dice, build, leg, hip_y, torso_w, styles[3])
    scene.put(parts.pelvis(torso_w - 2, dice.between(5, 7), styles[1], scene.mirror), MIDDLE, hip_y - 3)
    scene.put(parts.torso(torso_w, chest, styles[0], scene.mirror), MIDDLE, chest_y)
    if dice.chance(30):
        emblem = parts.emblem(dice.below(len(EMBLEMS)), scene.mirror)
        scene.put(emblem, MIDDLE + torso_w // 4 + 1, shoulder_y + 1)
    sunk = 2 if build_name in ("heavy", "brute") else 0
    _head(scene, dice, build, chest_y - chest + sunk)
    near_hand = arm.reach(near_x, shoulder_y + 1, far=False)
    arm.draw(near_hand, near_x, shoulder_y + 1, dim=0)
    if gear.chance(build.shields):
        w, h = gear.between(10, 14), gear.between(17, 24)
        style = gear.below(5)
        if style == 2:
            h = w = gear.between(13, 17)
        elbow_y = (shoulder_y + near_hand[1]) // 2 + 3
        scene.put(weapons.shield(w, h, style, scene.mirror), near_hand[0] + 2, elbow_y + 2)


def _head(scene: Scene, dice: Dice, build: Build, neck_y: int) -> None:
    which, crest = dice.pick(build.heads), dice.pick(build.crests)
    if dice.chance(12):
        which = dice.pick(ANY_HEAD)
    scene.put(parts.head(which, crest, scene.mirror), MIDDLE - 1, neck_y)


def _legs(scene: Scene, dice: Dice, build: Build, leg: int, hip_y: int, torso_w: int, foot_style: int) -> None:
    thigh, shin = dice.between(*build.thigh), dice.between(*build.shin)
    material = dice.pick((FRAME, SECONDARY, PRIMARY))
    shin_style, knee = dice.pick((0, 1, 3, 3)), dice.pick((True, True, False))
    foot_w, foot_h = dice.between(shin + 3, shin + 5), dice.between(4, 5)
    stance, bend = dice.between(1, 4), dice.between(0, 3)
    spread = max(3, torso_w // 4)
    for far in (True, False):
        x = MIDDLE - spread if far else MIDDLE + spread - 1
        step = -stance - 1 if far else stance
        dim = 1 if far else 0
        lift = dice.pick((0, 0, 0, 2)) if far else 0
        knee_dx, knee_dy = (step // 2) - bend, leg // 2 - lift
        ankle_dx, ankle_dy = step - knee_dx, leg - leg // 2
        scene.put(parts.limb(knee_dx, knee_dy, thigh, thigh, material, 0, scene.mirror, dim), x, hip_y)
        kx, ky = x + knee_dx, hip_y + knee_dy
        ax, ay = kx + ankle_dx, ky + ankle_dy
        scene.put(parts.foot(foot_w, foot_h, foot_style, SECONDARY, scene.mirror, dim), ax + 1, ay)
        calf = parts.limb(ankle_dx, ankle_dy, shin - 2, shin, PRIMARY, shin_style, scene.mirror, dim)
        scene.put(calf, kx, ky)
        if knee:
            scene.put(parts.joint(2 * (thigh // 2 + 1), SECONDARY, scene.mirror, dim), kx - 1, ky)


class _Arm:
    """Both arms share their proportions, but have separate poses."""

    def __init__(self, scene: Scene, dice: Dice, build: Build, pauldron: int) -> None:
        self.scene, self.dice = scene, dice
        self.length = dice.between(*build.arm)
        self.upper, self.fore = dice.between(*build.upper), dice.between(*build.fore)
        self.shoulder = dice.between(*build.shoulder)
        self.pauldron, self.hand = pauldron, 1 if build is BUILDS["brute"] else 0
        self.style = dice.pick((0, 1, 3))
        self.material = dice.pick((FRAME, FRAME, SECONDARY))
        self._elbow = (0, 0)

    def reach(self, x: int, y: int, *, far: bool) -> tuple[int, int]:
        """Choose a pose and return the position of the hand. The far arm aims ahead, the near one mostly hangs."""
        half = self.length // 2
        aiming = (
            ((-4, half), (-half, 1)),
            ((-3, half), (-half, -3)),
            ((-4, half - 1), (-5, half - 2)),
            ((-5, half - 2), (-half, 3)),
            ((-6, half - 3), (-half + 1, -5)),
        )
        hanging = (
            ((3, half), (-1, half)),
            ((2, half), (-5, half - 3)),
            ((4, half - 1), (-2, half - 1)),
            ((3, half), (1, half)),
            ((2, half), (-half, 1)),
        )
        elbow, hand = self.dice.pick(aiming if far else hanging)
        self._elbow = (x + elbow[0], y + elbow[1])
        return self._elbow[0] + hand[0], self._elbow[1] + hand[1]

    def draw(self, hand: tuple[int, int], x: int, y: int, *, dim: int) -> None:
        """Draw the arm last posed by `reach`, from the shoulder at (x, y)."""
        mirror, (ex, ey) = self.scene.mirror, self._elbow
        upper = parts.limb(ex - x, ey - y, self.upper, self.upper, self.material, 0, mirror, dim)
        fore = parts.limb(hand[0] - ex, hand[1] - ey, self.fore - 1, self.fore, PRIMARY, self.style, mirror, dim)
        self.scene.put(upper, x, y)
        self.scene.put(parts.hand(self.hand, mirror, dim), *hand)
        self.scene.put(fore, ex, ey)
        pauldron = parts.pauldron(self.shoulder, self.shoulder - 1, self.pauldron, mirror, dim)
        self.scene.put(pauldron, x + (0 if dim else 1), y)


def _weapon(scene: Scene, gear: Dice, hand: tuple[int, int], build_name: str) -> None:
    kind = gear.pick(WEAPONS)
    if build_name == "brute" and gear.chance(70):
        return
    if build_name == "knight" and gear.chance(75):
        kind = gear.pick(("sword", "spear", "axe", "hammer", "sabre"))
    guns = ("rifle", "gatling", "beam", "bazooka", "pistol")
    if kind in guns:
        barrel = gear.between(5, 13)
        scene.put(weapons.gun(barrel, gear.between(8, 11), guns.index(kind), scene.mirror), *hand)
    elif kind != "none":
        style = ("sword", "sabre", "spear", "axe", "hammer", "cleaver").index(kind)
        reach = min(gear.between(17, 23), max(12, hand[1] - 10)) if style != 5 else 13
        dx = -gear.pick((2, 5, 9, 12))
        scene.put(weapons.blade(dx, -reach, style, scene.mirror), *hand)


def _back(scene: Scene, gear: Dice, build: Build, x: int, y: int) -> None:
    """Equipment on the back: wings, a thruster pack, or shoulder cannons."""
    mirror = scene.mirror
    if gear.chance(build.wings):
        style = gear.below(3)
        scene.put(weapons.wing(gear.between(14, 20), gear.between(4, 12), style, mirror), x - 2, y)
        scene.put(weapons.wing(gear.between(12, 17), -gear.between(3, 8), style, mirror), x - 2, y + 4)
    if gear.chance(75):
        scene.put(weapons.pack(gear.between(5, 8), gear.between(9, 13), gear.below(3), mirror), x - 1, y)
    if gear.chance(build.cannons):
        length, style = gear.between(18, 25), gear.below(3)
        scene.put(weapons.cannon(length, gear.between(3, 5), style, mirror), x + 1, y - 8)


def draw_walker(scene: Scene, dice: Dice, gear: Dice) -> None:
    """Draw a cabin on two bird-like legs, with guns at its sides."""
    leg, w, h = dice.between(21, 26), dice.between(22, 28), dice.between(13, 17)
    hip_y = GROUND - leg - 3
    thigh, shin = dice.between(5, 7), dice.between(4, 5)
    back, drop = dice.between(4, 7), leg * 2 // 5
    foot_w, foot_style = dice.between(9, 12), dice.pick((1, 1, 2))
    gun_style, barrel, thick = gear.below(3), gear.between(22, 28), gear.between(3, 5)
    if gun_style == 1:  # a missile box: it must not hide the cabin
        barrel -= 9

    def side(x: int, step: int, dim: int) -> None:
        kx, ky = x + back, hip_y + drop
        ax, ay = x + step - 1, hip_y + leg
        scene.put(parts.foot(foot_w, 4, foot_style, SECONDARY, scene.mirror, dim), ax + 1, ay - 1)
        scene.put(parts.limb(ax - kx, ay - ky, shin, shin, FRAME, 0, scene.mirror, dim), kx, ky)
        scene.put(parts.limb(kx - x, ky - hip_y, thigh + 1, thigh, PRIMARY, 1, scene.mirror, dim), x, hip_y)
        scene.put(parts.joint(thigh + 1, SECONDARY, scene.mirror, dim), kx, ky)

    stride = dice.between(2, 5)
    side(MIDDLE - 5, -stride, 1)
    if gear.chance(70):
        scene.put(weapons.cannon(barrel - 2, thick, gun_style, scene.mirror), MIDDLE + 4, hip_y - h)
    side(MIDDLE + 3, stride - 1, 0)
    scene.put(parts.pelvis(13, 5, 0, scene.mirror), MIDDLE, hip_y - 3)
    scene.put(parts.pod(w, h, dice.below(3), scene.mirror), MIDDLE, hip_y - 1)
    if dice.chance(35):
        scene.put(parts.emblem(dice.below(len(EMBLEMS)), scene.mirror), MIDDLE + w // 4, hip_y - h // 2 - 2)
    scene.put(weapons.cannon(barrel, thick, gun_style, scene.mirror), MIDDLE + 8, hip_y - 4)
