"""An experiment's plan: a base, factors, a design, seeds and a budget, checked before anything is trained."""

from __future__ import annotations

import dataclasses
import math
import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.designs import DESIGNS, ONE_AT_A_TIME, Combination, Design, make_design
from gandam_studio.core.experiments.scale import DIFFERENCE, RATIO, SCALES
from gandam_studio.core.texts import LONGEST_LABEL, LONGEST_NAME, checked
from trainer.protocol.config import TrainConfig, describe_fields
from trainer.protocol.errors import TrainerError
from trainer.protocol.overrides import FILLED_IN, apply_overrides, parse_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.remedies import remedy_of
from trainer.protocol.resources import resource_path
from trainer.protocol.untrusted import MAX_INTEGER, UntrustedError, Values, read_regular, shortened

SCHEMA = 1
VERSION = "version"
"""The name of the factor whose levels are versions of the data."""
MOST_SEEDS, MOST_LEVELS, MOST_CHANGES, MOST_CELLS = 100, 12, 40, 2000
LOOKS = 5
SAMPLES, MOST_SAMPLES = 1024, 20_000
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_PLAN_BYTES = 1 << 20
# Fixed by the plan, or they would make KIDs of different cells incomparable.
_NOT_FACTORS = {
    "seed": "the plan's seeds set it",
    "device": "it changes the speed, not the result",
    "processes": "it changes the speed, not the result",
    "preset": "it is only a name",
    "description": "it is only a description",
    "schema_version": "it is only a number",
    "data.size": "distances (KID) at different picture sizes cannot be compared",
    "architecture.wide_from": "the budget decides it, for all runs alike",
    "data.channels": "distances (KID) with and without transparency cannot be compared",
}
_NOT_SECTIONS = {"stop": "the budget sets it", "sampling": "it only says what is saved", **{
    name: f"it is filled in {when}" for name, when in FILLED_IN.items()
}}  # fmt: skip


@dataclass(frozen=True)
class Level:
    """One level of a factor: settings as texts by dotted path, and a version's label or "" for the plan's."""

    title: str
    settings: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"title": self.title, "settings": dict(self.settings), "version": self.version}

    @property
    def texts(self) -> list[str]:
        """The settings as `path=value`."""
        return [f"{path}={value}" for path, value in self.settings.items()]


@dataclass(frozen=True)
class Factor:
    """Something that is varied. `name` is short and unique; the first of the levels is the base's."""

    name: str
    title: str
    levels: tuple[Level, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"name": self.name, "title": self.title, "levels": [level.to_json() for level in self.levels]}


@dataclass(frozen=True)
class Budget:
    """Equal compute for every cell: training pictures seen, or seconds of training on the device; one of them is 0."""

    pictures: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if (self.pictures > 0) == (self.seconds > 0) or min(self.pictures, self.seconds) < 0:
            raise UserError("the budget of a run is a number of pictures or of seconds")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"pictures": self.pictures, "seconds": self.seconds}


@dataclass(frozen=True)
class Cell:
    """One run to make: a combination of levels with a seed. `number` counts them in the order of the plan's design."""

    number: int
    combination: Combination
    seed: int


@dataclass(frozen=True)
class Plan:
    """What an experiment does; never changed after it was saved.

    Attributes:
        name: its folder's name. title: for people. question: what it is for, "" or a sentence.
        base: the settings of level 0, before budget and seed. version: label of the data of level 0, digest beside it.
        factors, design, resolution: see `designs`. seeds: each with its own split, order, weights and latents.
        budget: of each run. looks: how many checkpoints of a run may be chosen from, equally spaced.
        samples: pictures that the chosen one is confirmed on. held_out: share of the sprites kept from training.
        order_seed: of the random order in which cells are trained.
        scale: how distances are compared, one of `SCALES`: fixed in advance, so that nobody picks the one whose answer
            suits.
    """

    name: str
    title: str
    base: TrainConfig
    version: str
    digest: str
    factors: tuple[Factor, ...]
    design: str = ONE_AT_A_TIME
    resolution: int = 0
    seeds: tuple[int, ...] = (0, 1, 2)
    budget: Budget = field(default_factory=lambda: Budget(pictures=100_000))
    looks: int = LOOKS
    samples: int = SAMPLES
    held_out: float = 0.1
    order_seed: int = 0
    question: str = ""
    scale: str = RATIO

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise UserError(f"distances are compared by {' or '.join(SCALES)}, not {shortened(self.scale)!r}")
        if not _NAME.fullmatch(self.name):
            raise UserError(f"{shortened(self.name)!r} cannot be an experiment's name: a to z, 0 to 9, - and _")
        checked(self.title, "the title", LONGEST_LABEL)
        checked(self.question, "the question", LONGEST_LABEL)
        if len({factor.name for factor in self.factors}) < len(self.factors):
            raise UserError("two factors have the same name")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or len(self.seeds) > MOST_SEEDS:
            raise UserError(f"seeds must differ, and be from 1 to {MOST_SEEDS}")
        if not all(isinstance(seed, int) and 0 <= seed <= MAX_INTEGER for seed in self.seeds):
            raise UserError("a seed is a whole number from 0")
        if not 1 <= self.looks <= 50 or not 16 <= self.samples <= MOST_SAMPLES or not 0.01 <= self.held_out <= 0.9:
            raise UserError("looks are 1 to 50, samples 16 to 20,000, the held-out share 0.01 to 0.9")
        if len(self.layout.combinations) * len(self.seeds) > MOST_CELLS:
            raise UserError(f"more than {MOST_CELLS:,} runs are too many")
        for factor in self.factors:
            self._check_factor(factor)
        for combination in self.layout.combinations:
            self.config(combination, self.seeds[0])

    def _check_factor(self, factor: Factor) -> None:
        checked(factor.name, "a factor's name", LONGEST_NAME)
        if not 2 <= len(factor.levels) <= MOST_LEVELS:
            raise UserError(f"{factor.name}: from 2 to {MOST_LEVELS} levels, not {len(factor.levels)}")
        told = [(sorted(level.settings.items()), level.version or self.version) for level in factor.levels]
        if any(told.count(one) > 1 for one in told):
            raise UserError(f"{factor.name}: two levels are the same")
        for level in factor.levels:
            for path in _asked(level.texts):
                why = _NOT_FACTORS.get(path) or _NOT_SECTIONS.get(path.partition(".")[0])
                if why:
                    raise UserError(f"{path} cannot be a factor: {why}")

    @property
    def layout(self) -> Design:
        """The design's combinations and contrasts. Raises UserError."""
        return make_design(self.design, [len(factor.levels) for factor in self.factors], self.resolution)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All runs to make, seed by seed."""
        combinations = self.layout.combinations
        pairs = [(combination, seed) for seed in self.seeds for combination in combinations]
        return tuple(Cell(number, *pair) for number, pair in enumerate(pairs))

    @property
    def order(self) -> tuple[Cell, ...]:
        """The cells as they are trained: seeds one after the other, so that an early stop leaves whole pairs, and the
        cells of each in random order, so that what changes with time (heat, other programs) is no factor."""
        dice = random.Random(self.order_seed)
        found = []
        for seed in self.seeds:
            mine = [cell for cell in self.cells if cell.seed == seed]
            dice.shuffle(mine)
            found += mine
        return tuple(found)

    def version_of(self, combination: Combination) -> str:
        """The label of the data that a combination is trained on."""
        chosen = [f.levels[level].version for f, level in zip(self.factors, combination, strict=True)]
        return next((label for label in reversed(chosen) if label), self.version)

    def config(self, combination: Combination, seed: int) -> TrainConfig:
        """The settings of a cell. Raises UserError when they do not go together, and says in which combination."""
        texts = [text for f, level in zip(self.factors, combination, strict=True) for text in f.levels[level].texts]
        try:
            config = apply_overrides(self.base, texts)
            return self._budgeted(dataclasses.replace(config, seed=seed))
        except (TrainerError, ValueError) as error:
            raise UserError(f"{self.describe(combination)}: {error}") from None

    def _budgeted(self, config: TrainConfig) -> TrainConfig:
        """With the budget, and checkpoints at equal distances: every cell may choose from as many."""
        step = config.batch.size * config.objective.critic_steps
        if not step:
            raise UserError("batch.size must be set: with 0 it would depend on the machine")
        changes = [f"stop.iterations=0 stop.minutes={self.budget.seconds / 60!r} stop.images={self.budget.pictures}"]
        if self.budget.pictures:
            iterations = math.ceil(self.budget.pictures / step)
            every = math.ceil(iterations / self.looks)  # Rounded down, the last one would be one too many.
            changes += [f"sampling.every={every} sampling.checkpoint_every={every} sampling.milestones={every}"]
        else:
            changes += [f"sampling.checkpoint_minutes={max(0.01, self.budget.seconds / 60 / self.looks)!r}"]
            changes += [f"sampling.keep={self.looks + 1}"]
        if config.precision.kind == "auto":
            # What is tried and timed could come out differently in two cells, and does on a busy machine.
            changes.append("precision.kind=fp32")
        return apply_overrides(config, " ".join(changes).split())

    def describe(self, combination: Combination) -> str:
        """A combination in words: "Batch 16, Latent 256"; only levels other than the base's."""
        changed = [
            f"{factor.title}: {factor.levels[level].title}"
            for factor, level in zip(self.factors, combination, strict=True)
            if level
        ]
        return ", ".join(changed) or "base"

    def to_json(self) -> dict[str, Any]:
        """What plan.json holds."""
        return {
            "schema": SCHEMA, "name": self.name, "title": self.title, "question": self.question,
            "base": self.base.to_json(), "version": self.version, "digest": self.digest,
            "factors": [factor.to_json() for factor in self.factors], "design": self.design,
            "resolution": self.resolution, "seeds": list(self.seeds), "budget": self.budget.to_json(),
            "looks": self.looks, "samples": self.samples, "held_out": self.held_out, "order_seed": self.order_seed,
            "scale": self.scale,
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: Any) -> Plan:
        """Read what `to_json` wrote. Raises UserError for anything else."""
        try:
            v = Values(values, "plan")
            if v.integer("schema", most=1 << 30) != SCHEMA:
                raise UntrustedError("the plan was made by another version of this program")
            budget = v.object("budget")
            return cls(
                name=v.text("name", max_length=60),
                title=v.text("title", max_length=LONGEST_LABEL),
                question=v.text("question", "", max_length=LONGEST_LABEL),
                base=TrainConfig.from_json(v.raw("base")),
                version=v.text("version", max_length=LONGEST_NAME),
                digest=v.text("digest", max_length=64),
                factors=tuple(_factor(one) for one in v.items("factors", most=100)),
                design=v.choice("design", DESIGNS),
                resolution=v.integer("resolution", 0, most=10),
                seeds=tuple(v.items("seeds", most=MOST_SEEDS)),
                budget=Budget(budget.integer("pictures"), budget.number("seconds", least=0)),
                looks=v.integer("looks", LOOKS),
                samples=v.integer("samples", SAMPLES),
                held_out=v.number("held_out", 0.1),
                order_seed=v.integer("order_seed", 0),
                scale=v.choice("scale", SCALES, DIFFERENCE),  # Plans of versions that knew differences alone.
            )
        except (ValueError, TypeError) as error:
            raise UserError(f"the plan cannot be read: {shortened(str(error), 300)}") from None


def _factor(values: Any) -> Factor:
    v = Values(values, "factor")
    levels = []
    for one in v.items("levels", most=MOST_LEVELS):
        level = Values(one, "level")
        settings = level.raw("settings", {})
        if not isinstance(settings, dict) or len(settings) > MOST_CHANGES:
            raise UntrustedError("a level's settings must be a table")
        if not all(isinstance(text, str) and len(text) < 10_000 for pair in settings.items() for text in pair):
            raise UntrustedError("a level's settings must be texts")
        version = level.text("version", "", max_length=LONGEST_NAME)
        levels.append(Level(level.text("title", max_length=LONGEST_LABEL), settings, version))
    return Factor(v.text("name", max_length=LONGEST_NAME), v.text("title", max_length=LONGEST_LABEL), tuple(levels))


def _asked(texts: Sequence[str]) -> dict[str, Any]:
    try:
        return parse_overrides(texts)
    except TrainerError as error:
        raise UserError.of(error) from None


# Factors in words


def parse_factor(text: str) -> Factor:
    """A factor from the command line.

    "batch.size=32|16": a setting and its levels, the base's first. "version=v1|v2": versions of the data.
    "facing: version=v1 augmentation.mirror=true | version=v2": each level changes several things at once, and an empty
    one leaves the base as it is. Raises UserError.
    """
    head, equals, rest = text.partition("=")
    name, colon, bundles = text.partition(":")
    if colon and len(name) < len(head):
        levels = [_bundle(part) for part in bundles.split("|")]
        return Factor(name.strip(), name.strip(), tuple(levels))
    if not equals or "|" not in rest:
        raise UserError(f"{shortened(text)!r} is no factor; write for instance batch.size=32|16 or version=v1|v2")
    values = [value.strip() for value in rest.split("|")]
    if head.strip() == VERSION:
        return Factor(VERSION, "Data", tuple(Level(value, {}, value) for value in values))
    path = next(iter(_asked([f"{head}={values[0]}"])))
    title = next(info.name for info in describe_fields() if info.path == path)
    return Factor(path, title or path, tuple(Level(value or "none", {path: value}) for value in values))


def _bundle(text: str) -> Level:
    settings, version = {}, ""
    for word in text.split():
        path, equals, value = word.partition("=")
        if not equals:
            raise UserError(f"{shortened(word)!r} is not a setting; write name=value")
        if path == VERSION:
            version = value
        else:
            settings[next(iter(_asked([word])))] = value
    return Level(shortened(" ".join(text.split()) or "base", 60), settings, version)


# Plans in files


@dataclass(frozen=True)
class Template:
    """A plan without its data: a ready-made experiment, or a file like one."""

    name: str
    title: str
    question: str
    base: TrainConfig
    factors: tuple[Factor, ...]
    design: str
    resolution: int
    seeds: tuple[int, ...]
    budget: Budget


def ready_made() -> list[str]:
    """Names of the experiments that come with the program."""
    return sorted(path.stem for path in resource_path("experiments").glob("*.toml"))


def load_template(name_or_path: str) -> Template:
    """A ready-made experiment by name, or a TOML file like one. Raises UserError."""
    if name_or_path in ready_made():
        path = resource_path("experiments", f"{name_or_path}.toml")
    else:
        path = Path(name_or_path)
        if path.suffix != ".toml":
            there = ", ".join(ready_made())
            raise UserError(f"there is no ready-made experiment {shortened(name_or_path)!r}; there are {there}")
    try:
        values = Values(tomllib.loads(read_regular(path, _PLAN_BYTES).decode()), path.name)
        factors = []
        for one in values.items("factor", most=100):
            v = Values(one, "factor")
            levels = []
            for inner in v.items("level", most=MOST_LEVELS):
                level = Values(inner, "level")
                settings = dict(word.partition("=")[::2] for word in level.texts("set", [], most=MOST_CHANGES))
                levels.append(Level(level.text("title"), settings, level.text("version", "")))
            factors.append(Factor(v.text("name"), v.text("title", v.text("name")), tuple(levels)))
        base = apply_overrides(load_preset(values.text("preset")), values.texts("set", [], most=200))
        return Template(
            values.text("name", path.stem), values.text("title", path.stem), values.text("question", ""), base,
            tuple(factors), values.choice("design", DESIGNS, ONE_AT_A_TIME), values.integer("resolution", 0),
            tuple(values.items("seeds", [0, 1, 2], most=MOST_SEEDS)),
            Budget(values.integer("pictures", 0), values.number("seconds", 0.0)),
        )  # fmt: skip
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, TrainerError) as error:
        raise UserError(f"{path.name}: {shortened(str(error), 300)}", remedy_of(error)) from None
