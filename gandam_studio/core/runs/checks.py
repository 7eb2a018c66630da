"""Checks of data and disk before a run starts, without the trainer."""

from __future__ import annotations

import dataclasses
import functools
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gandam_studio.core.workspace.lineage import GENERATED
from gandam_studio.core.workspace.lookups import blank_ids, decided, distinct_pairs, seqs_by_id
from gandam_studio.core.workspace.query import Filter
from trainer.protocol.config import TrainConfig
from trainer.protocol.manifest import ManifestEntry, read_manifest
from trainer.protocol.schedule import Done
from trainer.protocol.settings import Stop
from trainer.protocol.suitability import training_count
from trainer.protocol.untrusted import one_line

if TYPE_CHECKING:
    from gandam_studio.core.versions import ManifestVersion
    from gandam_studio.core.workspace import Workspace

OK, NOTE, WARNING = "ok", "note", "warning"
_BEFORE = Done()
FEW = 64
"""With fewer sprites, samples will hardly differ from the training pictures."""
FLOW_PASSES = 100
"""How often a flow can see each sprite before it begins to copy (docs/contest.md)."""
AUGMENTED_PASSES = (
    (300, {"probability": 0.8, "translation": 0.125, "brightness": 0.1, "saturation": 0.2, "contrast": 0.1}),
    (200, {"probability": 0.5, "translation": 0.0625}),
)
"""The same with augmentation of at least so much, most first."""
PICTURES_A_MINUTE = 30_000
"""Training pictures of 32 px that a flow sees in a minute of a fast processor: a slow one has a third of that."""
LARGE_FAMILY = 30
"""A family that is drawn as often as so many sprites may be copied: of 1,066 sprites one of 74, hardly those of 18."""
MIXED_SHARE = 0.1
DUPLICATE_SHARE = 0.01
SIZE_FACTOR = 2.0
SIZE_SHARE = 0.2


@dataclass(frozen=True)
class Check:
    """The result of a check.

    Attributes:
        name: "sprites", "facing", "duplicates", "sizes", "blank", "faint", "generated", "mirror", "passes", "family" or
            "disk".
        level: "ok", "note" or "warning" (better fix it first). text: one line.
        cure: the English name of the screen where it can be fixed, or "".
        copies: for "duplicates": pairs of row numbers whose pictures are copies and both in the version.
        shown: a filter for the sprites concerned, on the Curate screen.
        panel: the page of its side panel where it can be fixed ("recipe"), or "".
        images: for "passes": training pictures after which the run should end, to be set as `stop.images`; else 0.
        count: for "sprites": how many are not held out; else 0.
    """

    name: str
    level: str
    text: str
    cure: str = ""
    copies: tuple[tuple[int, int], ...] = ()
    shown: Filter | None = None
    panel: str = ""
    images: int = 0
    count: int = 0


def check_data(
    workspace: Workspace, version: ManifestVersion, config: TrainConfig, steps: int | None = None
) -> list[Check]:
    """Check a version for training. Raises OSError or ValueError when its manifest cannot be read.

    `steps`: iterations until the first of the run's limits, where the speed of training is known.
    """
    entries = _entries(workspace, version)
    checks = [
        _count(entries, config), _facing(entries), _duplicates(workspace, entries), _sizes(entries, config.data.size),
    ]  # fmt: skip
    if blank := _blank(workspace, {entry.id for entry in entries}):
        checks.append(blank)
    if drawn := _generated(entries):
        checks.append(drawn)
    checks += _copying(entries, config, steps)
    if config.augmentation.mirror and checks[1].level == OK:
        text = "training also shows mirror images, which undoes the facing you have sorted"
        checks.append(Check("mirror", WARNING, text))
    return checks


def check_unseen(workspace: Workspace, version: ManifestVersion) -> list[Check]:
    """Check a version for what a person may not have seen: blank sprites, ones that can hardly be seen (`check_faint`),
    and ones that a run has drawn.

    Raises OSError or ValueError when its manifest cannot be read.
    """
    entries = _entries(workspace, version)
    held = {entry.id for entry in entries}
    found = (_blank(workspace, held), _faint(workspace, held), _generated(entries))
    return [check for check in found if check is not None]


def check_faint(workspace: Workspace, version: ManifestVersion) -> Check | None:
    """Check for sprites of a version that can hardly be seen on the recipe's background; None without any.

    Reads all thumbnails, about 20,000 in a second. Raises OSError or ValueError when the manifest cannot be read.
    """
    return _faint(workspace, {entry.id for entry in _entries(workspace, version)})


def check_disk(folder: Path, needed_bytes: int) -> Check:
    """Compare the disk space a run needs with what is free."""
    free = shutil.disk_usage(folder).free
    text = f"{_size(needed_bytes)} needed, {_size(free)} free"
    return Check("disk", OK if free > 1.2 * needed_bytes else WARNING, text)


def check_copying(workspace: Workspace, version: ManifestVersion, config: TrainConfig) -> list[Check]:
    """Check what makes a flow copy: how often it would see each sprite, and large families.

    Where a limit in minutes leaves open how often, a note says when it may begin to copy, unless a processor does not
    get that far. Raises OSError or ValueError when its manifest cannot be read.
    """
    if not config.is_flow:  # Of other runs nothing is said, so the manifest need not be read.
        return []
    entries = _entries(workspace, version)
    found = _copying(entries, config, None)
    passes = passes_of(config)
    end = passes * trained_on(entries, config)
    nearest = limit_in_pictures(config.stop, config.batch.size) or end + 1
    reached = config.stop.minutes * PICTURES_A_MINUTE if config.device in ("auto", "cpu") else nearest
    if flow_pictures(config) is None and 0 < end < min(nearest, reached):
        views = f"when it has seen each sprite {passes:,} times"
        text = f"a flow may begin to copy after about {end:,} training pictures, {views}"
        found.append(Check("passes", NOTE, text, images=end))
    return found


def _copying(entries: list[ManifestEntry], config: TrainConfig, steps: int | None) -> list[Check]:
    found = (_passes(entries, config, steps), _family(entries, config))
    return [check for check in found if check is not None]


def _family(entries: list[ManifestEntry], config: TrainConfig) -> Check | None:
    """The check for a family that a flow is shown as often as many sprites; None without one, and of other runs."""
    trained = [entry for entry in entries if entry.split == "train"]
    if not config.is_flow or not trained:
        return None
    shares: dict[str, float] = {}
    for entry in trained:
        shares[entry.family] = shares.get(entry.family, 0.0) + entry.weight
    total = sum(shares.values())
    shares.pop("", None)
    # What each would have if it counted as one: balance can do no more.
    balanced = total / (len(shares) + sum(not entry.family for entry in trained))
    name, share = max(shares.items(), key=lambda item: item[1], default=("", 0.0))
    if share <= max(LARGE_FAMILY * total / len(trained), balanced * (1 + 1e-6)):
        return None
    members = sum(entry.family == name for entry in trained)
    text = (
        f"the family {one_line(name)} has {members:,} of {_sprites(len(trained))}: if these look alike, a flow may "
        "copy them; balance the families"
    )
    return Check("family", NOTE, text, "Duplicates")


def _passes(entries: list[ManifestEntry], config: TrainConfig, steps: int | None) -> Check | None:
    pictures, limit, sprites = flow_pictures(config, steps), passes_of(config), trained_on(entries, config)
    often = seen_too_often(pictures, sprites, limit) if pictures is not None else ""
    if not often:
        return None
    own, augment = config.augmentation, "turn augmentation on, "
    if limit > FLOW_PASSES:
        augment = ""
    elif 0 <= own.probability_end < own.probability:
        augment = "keep augmentation on to the end, "
    elif own.after_views > FLOW_PASSES or own.probability_end > own.probability:
        augment = "let augmentation begin sooner, "
    text = f"{often}; {augment}train for less time, or add sprites"
    return Check("passes", WARNING, text, images=limit * sprites)


def trained_on(entries: list[ManifestEntry], config: TrainConfig) -> int:
    """How many sprites of a manifest a run trains on."""
    return training_count(config, sum(entry.split == "train" for entry in entries))


def seen_too_often(pictures: int, sprites: int, limit: int) -> str:
    """That a flow that is shown so many `pictures` sees each of its `sprites` more often than `limit`; "" otherwise."""
    if not sprites or pictures <= limit * sprites:
        return ""
    views = pictures / sprites
    return f"each sprite would be seen about {views:,.0f} times: from about {limit:,} on, a flow may copy them"


def passes_of(config: TrainConfig) -> int:
    """How often a flow can see each sprite before it begins to copy, by what was measured of augmentation."""
    own = config.augmentation
    if own.after_views > FLOW_PASSES:
        return FLOW_PASSES
    if 0 <= own.probability_end < own.probability:  # A share that falls protects as the least of it does.
        own = dataclasses.replace(own, probability=own.probability_end)
    enough = (passes for passes, least in AUGMENTED_PASSES if all(getattr(own, name) >= least[name] for name in least))
    return next(enough, FLOW_PASSES)


def flow_pictures(config: TrainConfig, steps: int | None = None, done: Done = _BEFORE) -> int | None:
    """A flow's training pictures until its end, repeats counted; None of other runs, and where that is not known.

    Pictures in a step and the speed are those of what is `done`. Before a run, they are the batch, and `steps`:
    iterations until the first of its limits, where the speed is known.
    """
    stop = config.stop
    if not config.is_flow:
        return None
    if done.iteration:
        steps = round(done.iteration * 60 * stop.minutes / done.seconds) if stop.minutes and done.seconds else steps
        batch = done.images / done.iteration
    else:
        batch = config.batch.size
    if stop.minutes and steps is None:
        return None
    return limit_in_pictures(stop, batch, steps) or None


def limit_in_pictures(stop: Stop, batch: float, steps: int | None = None) -> int:
    """The nearest of a run's limits in pictures and iterations, and of `steps`, in training pictures; 0 without one."""
    limits = (stop.images, round(batch * stop.iterations), round(batch * (steps or 0)))
    return min((limit for limit in limits if limit), default=0)


def _faint(workspace: Workspace, held: set[str]) -> Check | None:
    """The check for sprites that can hardly be seen among those of some ids; None without any."""
    # The version holds what was dropped since, too.
    faint = workspace.select(Filter(blank=False, faint=True))
    count = sum(sprite.id in held for sprite in workspace.sprites(faint))
    if not count:
        return None
    text = f"{_sprites(count)} hard to see on the recipe's background, such as white on white"
    shown = Filter(status="not-dropped", blank=False, faint=True)
    return Check("faint", WARNING, text, "Curate", shown=shown)


def _count(entries: list[ManifestEntry], config: TrainConfig) -> Check:
    kept_in = sum(entry.split == "train" for entry in entries)
    count, held_out = training_count(config, kept_in), len(entries) - kept_in
    text = f"{_sprites(count)} to train on" + (f", {held_out:,} held out" if held_out else "")
    if count < FEW:
        text += ": with so few, the samples may only repeat them"
    return Check("sprites", WARNING if count < FEW else OK, text, "Curate", count=kept_in)


def _entries(workspace: Workspace, version: ManifestVersion) -> list[ManifestEntry]:
    """The sprites of a version. Raises OSError or ValueError when its manifest cannot be read."""
    return list(read_manifest(workspace.manifest_path(version.digest), follow_links=False))


def _blank(workspace: Workspace, held: set[str]) -> Check | None:
    """The check for blank sprites among those of some ids; None without any."""
    count = sum(key in held for key in blank_ids(workspace))
    text = f"{_sprites(count)} empty, or of one colour alone"
    shown = Filter(status="not-dropped", blank=True)
    return Check("blank", WARNING, text, "Curate", shown=shown) if count else None


def _generated(entries: list[ManifestEntry]) -> Check | None:
    """The check for sprites that a run has drawn; None without any."""
    count = sum(GENERATED in entry.tags for entry in entries)
    if not count:
        return None
    text = f"{_were(count)} drawn by a run: the new run learns its mistakes too"
    return Check("generated", WARNING, text, "Curate", shown=Filter(status="kept", tag=GENERATED))


def _were(count: int) -> str:
    return f"{_sprites(count)} {'was' if count == 1 else 'were'}"


def _facing(entries: list[ManifestEntry]) -> Check:
    facing = Counter(entry.facing for entry in entries)
    left, right = facing["left"], facing["right"]
    known = left + right
    if known and min(left, right) / known >= MIXED_SHARE:
        fewer = Filter(status="not-dropped", facing="right" if right <= left else "left")
        return Check("facing", WARNING, f"mixed facing: {_look(left)} left, {right:,} right", "Curate", shown=fewer)
    if facing["unknown"] > len(entries) / 2:
        text = f"facing is unknown for {facing['unknown']:,} of {len(entries):,}"
        return Check("facing", NOTE, text, "Curate", shown=Filter(status="not-dropped", facing="unknown"))
    way = "left" if left >= right else "right"
    return Check("facing", OK, f"{_look(max(left, right))} {way}" if known else "nothing faces left or right")


def _look(count: int) -> str:
    return f"{count:,} {'looks' if count == 1 else 'look'}"


def _duplicates(workspace: Workspace, entries: list[ManifestEntry]) -> Check:
    """Duplicates in the version, as found by the newest search."""
    path = workspace.folder / "duplicates" / "links.npz"
    try:
        last, pairs = _known_duplicates(workspace.folder, path.stat().st_mtime_ns)
    except OSError:
        last, pairs = 0, ()
    if not last:
        return Check("duplicates", NOTE, "no search for copies yet", "Duplicates")
    held = {entry.id for entry in entries}
    seqs = {seq for key, seq in seqs_by_id(workspace) if key in held}
    apart = distinct_pairs(workspace)
    both = [(i, j) for i, j in pairs if i in seqs and j in seqs and (i, j) not in apart and (j, i) not in apart]
    left = {j for _, j in both}
    if left:
        many = "1 sprite is a copy of another" if len(left) == 1 else f"{len(left):,} sprites are copies of others"
        text = f"{many} in this version"
        level = WARNING if len(left) >= DUPLICATE_SHARE * len(entries) else NOTE
        dropped = {seq for seq, status in decided(workspace) if status == "dropped"}
        copies = tuple((i, j) for i, j in both if i not in dropped and j not in dropped)
        if not copies:
            text += "; you have dropped them since, so save a new version and train on that"
        return Check("duplicates", level, text, "Duplicates" if copies else "Versions", copies=copies)
    unseen = sum(seq > last for seq in seqs)
    if unseen:
        return Check("duplicates", NOTE, f"{_sprites(unseen)} not compared with the others yet", "Duplicates")
    return Check("duplicates", OK, "no copies left")


@functools.lru_cache(maxsize=4)
def _known_duplicates(folder: Path, _changed_ns: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """The last row number compared and the pairs of duplicates at the default distance, read once per search."""
    from gandam_studio.core.duplicates.links import LOOK_RADIUS, WHOLE_RADIUS, load_findings
    from gandam_studio.core.duplicates.report import DEFAULT_DISTANCE
    from gandam_studio.core.duplicates.verdicts import DUPLICATES

    found = load_findings(folder, (LOOK_RADIUS, WHOLE_RADIUS))
    return found.last, tuple(
        (link.i, link.j)
        for link in found.links
        if link.verdict.relation in DUPLICATES and link.verdict.distance <= DEFAULT_DISTANCE
    )


def _sizes(entries: list[ManifestEntry], size: int) -> Check:
    sides = [max(entry.crop[2:] if entry.crop else (entry.width, entry.height)) for entry in entries]
    larger = sum(side > SIZE_FACTOR * size for side in sides)
    smaller = sum(SIZE_FACTOR * side < size for side in sides)
    if sides and max(larger, smaller) / len(sides) >= SIZE_SHARE:
        if larger >= smaller:
            text = f"{_are(larger)} more than twice as large as {size} px: details will be lost"
            shown = Filter(status="not-dropped", min_side=int(SIZE_FACTOR * size) + 1)
        else:
            text = f"{_are(smaller)} less than half of {size} px: they will be enlarged"
            shown = Filter(status="not-dropped", max_side=-(-size // int(SIZE_FACTOR)) - 1)
        return Check("sizes", NOTE, text, "Curate", shown=shown, panel="recipe")
    least, most = min(sides, default=0), max(sides, default=0)
    span = f"{most}" if least == most else f"{least} to {most}"
    text = f"{span} px, trained at {size} px" if sides else "no sprites"
    return Check("sizes", OK, text)


def _are(count: int) -> str:
    return f"{_sprites(count)} {'is' if count == 1 else 'are'}"


def _sprites(count: int) -> str:
    return "1 sprite" if count == 1 else f"{count:,} sprites"


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
