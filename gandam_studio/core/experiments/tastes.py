"""Blind taste tests: which of two runs' samples an artist prefers, on disk after every pick."""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.betting import FIRST, SECOND, UNDECIDED, Standing, is_attentive, standing
from trainer.protocol import files
from trainer.protocol.untrusted import UntrustedError, Values, read_json_object

SCHEMA = 2
REUSED = 1
"""The schema of tests that drew a pair's samples from the same few again and again; they are continued as begun."""
FOLDER = "tastes"
CHECK_EVERY = 8
"""About one pair in so many shows a real sprite beside a sample, as a check of attention."""
REAL = "real"
EACH = 4
MOST_PICKS = 2000
_BYTES = 4 << 20
_NAME = re.compile(r"t[0-9]{1,6}\.json")


@dataclass(frozen=True)
class Pair:
    """What is shown: (source, numbers of the pictures) on the left and on the right; a source is "a", "b" or "real"."""

    left: tuple[str, tuple[int, ...]]
    right: tuple[str, tuple[int, ...]]

    @property
    def is_check(self) -> bool:
        """Whether one side is a real sprite."""
        return REAL in (self.left[0], self.right[0])


@dataclass
class Taste:
    """A test and its picks.

    Attributes:
        path: where it is kept, after every pick. a, b: what is compared, a run's name and "@" and the iteration.
        seed: of the pairs; a pair depends on it and its number alone, so that a test goes on where it was left.
        count: samples of each in a round. A sample is shown once: a test that shows the same few again measures whether
            these few are better by luck, and is then more often wrong than promised about the runs.
        reals: real sprites. each: pictures a side: several tell more than one.
        left_picked: of every pair so far, whether the left side was picked.
        schema: `SCHEMA`, or `REUSED`.
    """

    path: Path
    a: str
    b: str
    seed: int
    count: int
    reals: int
    each: int = EACH
    left_picked: list[bool] = field(default_factory=list)
    made: float = 0.0
    schema: int = SCHEMA

    @property
    def round(self) -> int:
        """The round of the pair that is shown next."""
        return self.round_of(len(self.left_picked))

    def round_of(self, number: int) -> int:
        """The round of a pair: its pictures are numbered within it, and each round has samples of its own."""
        return 0 if self.schema == REUSED else number // self._a_round

    @property
    def _a_round(self) -> int:
        return max(1, self.count // self.each)

    def sample_seed(self, side: str, number: int) -> int:
        """The seed of the samples of a side in a round; both sides' are independent."""
        if self.schema == REUSED:
            return self.seed
        return random.Random(f"{self.seed}/samples/{side}/{number}").randrange(1 << 31)

    def pair(self, number: int) -> Pair:
        """The pair of this number: sides shuffled, samples of both sides independent, now and then a check."""
        dice = random.Random(f"{self.seed}/{number}")
        block, place = divmod(number, CHECK_EVERY)
        # One check in every block, at a random place, so that none can be foreseen; never the first pair of all.
        check = self.reals and place == random.Random(f"{self.seed}/check/{block}").randrange(1, CHECK_EVERY)
        if check:
            sides = [(REAL, self._some(dice, self.reals)), (dice.choice((FIRST, SECOND)), self._dealt(dice, number))]
        else:
            sides = [(FIRST, self._dealt(dice, number)), (SECOND, self._dealt(dice, number))]
        dice.shuffle(sides)
        return Pair(*sides)

    def _dealt(self, dice: random.Random, number: int) -> tuple[int, ...]:
        """Samples of a pair, in the order they were drawn: each is shown once."""
        if self.schema == REUSED:
            return self._some(dice, self.count)
        first = number % self._a_round * self.each
        return tuple(range(first, min(first + self.each, self.count)))

    def _some(self, dice: random.Random, of: int) -> tuple[int, ...]:
        return tuple(dice.sample(range(of), min(self.each, of)))

    @property
    def picks(self) -> list[bool]:
        """Of the pairs that count, whether the first was picked."""
        shown = [(self.pair(n), left) for n, left in enumerate(self.left_picked)]
        return [(pair.left if left else pair.right)[0] == FIRST for pair, left in shown if not pair.is_check]

    @property
    def checks(self) -> tuple[int, int]:
        """(passed, of all): pairs with a real sprite in which it was picked."""
        shown = [(self.pair(n), left) for n, left in enumerate(self.left_picked)]
        right = [(pair.left if left else pair.right)[0] == REAL for pair, left in shown if pair.is_check]
        return sum(right), len(right)

    @property
    def standing(self) -> Standing:
        """How the picks stand."""
        return standing(self.picks)

    @property
    def is_attentive(self) -> bool | None:
        """None while too few checks were shown."""
        return is_attentive(*self.checks)

    def pick(self, left: bool) -> None:
        """Note a pick and save it. Raises UserError."""
        if len(self.left_picked) >= MOST_PICKS:
            raise UserError(f"{MOST_PICKS:,} picks are enough")
        self.left_picked.append(left)
        self.save()

    def take_back(self) -> None:
        """Forget the newest pick. Raises UserError."""
        if self.left_picked:
            self.left_picked.pop()
            self.save()

    def save(self) -> None:
        """Write the record. Raises UserError."""
        try:
            files.own_folder(self.path.parent)
            files.write_json(self.path, self.record())
        except OSError as error:
            raise UserError(f"the picks cannot be saved: {error.strerror or error}") from None

    def record(self) -> dict[str, Any]:
        """What the file holds."""
        return {
            "schema": self.schema, "a": self.a, "b": self.b, "seed": self.seed, "count": self.count,
            "reals": self.reals, "each": self.each, "left_picked": self.left_picked, "made": self.made,
        }  # fmt: skip

    def to_json(self, names: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
        """An element of "tastes" of an experiment's results; `names` as in `told`."""
        now = self.standing
        passed, checks = self.checks
        return {
            "a": self.a, "b": self.b, "picks": now.picks, "for_a": now.a,
            "verdict": UNDECIDED if self.is_attentive is False else now.verdict,
            "share_a": {"low": now.low, "high": now.high}, "wealth": now.wealth, "checks": checks,
            "checks_passed": passed, "attentive": self.is_attentive, "words": self.told(names), "made": self.made,
            "each": self.each, "names": list(self.called(names)),
        }  # fmt: skip

    @property
    def words(self) -> str:
        """The verdict in a sentence, by the names of the runs."""
        return self.told({})

    def called(self, names: Mapping[str, str]) -> tuple[str, str]:
        """What is compared, by the names of `names` where there are: of a run, or of one of its checkpoints."""
        a, b = (names.get(one) or names.get(one.rpartition("@")[0], one) for one in (self.a, self.b))
        return a, b

    def told(self, names: Mapping[str, str]) -> str:
        """The verdict in a sentence; `names`: what to call a run, such as its combination."""
        now = self.standing
        a, b = self.called(names)
        each = f", {self.each} samples a side" if self.each > 1 else ""
        shown = f"{now.a} of {now.picks} picks for {a}{each}"
        if self.is_attentive is False:
            return "no verdict: real sprites were passed over too often, so the picks cannot be trusted"
        if now.verdict in (FIRST, SECOND):
            return f"{a if now.verdict == FIRST else b} is preferred ({shown})"
        if now.verdict == "none":
            return f"no preference as strong as 65:35 ({shown})"
        return f"undecided after {now.picks} picks ({now.a} for {a}); going on is allowed, stopping too"


def new_taste(home: Path, a: str, b: str, *, count: int, reals: int, each: int = EACH) -> Taste:
    """Begin a test that is kept in `home`, the folder of an experiment or a workspace. Raises UserError."""
    if a == b:
        raise UserError("a taste test compares two different runs or checkpoints")
    folder = home / FOLDER
    number = 1 + max((int(path.stem[1:]) for path in _files(folder)), default=0)
    made = Taste(
        folder / f"t{number}.json", a, b, random.SystemRandom().randrange(1 << 31), count, reals, each, made=time.time()
    )
    made.save()
    return made


def tastes(home: Path) -> list[Taste]:
    """The tests kept in `home`, oldest first; files that cannot be read are left out."""
    found = []
    for path in _files(home / FOLDER):
        with contextlib.suppress(OSError, ValueError):
            found.append(_read(path))
    return found


def _files(folder: Path) -> Sequence[Path]:
    try:
        names = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    except OSError:
        return []
    return sorted(names, key=lambda path: int(path.stem[1:]))


def _read(path: Path) -> Taste:
    v = Values(read_json_object(path, max_bytes=_BYTES, follow_links=False), path.name)
    schema = v.integer("schema")
    if schema not in (REUSED, SCHEMA):
        raise UntrustedError("made by another version of this program")
    picked = v.items("left_picked", most=MOST_PICKS)
    if not all(isinstance(one, bool) for one in picked):
        raise UntrustedError("picks must be true or false")
    return Taste(
        path, v.text("a", max_length=300), v.text("b", max_length=300), v.integer("seed"),
        v.integer("count", least=1, most=100_000), v.integer("reals", most=100_000),
        v.integer("each", 1, least=1, most=64), picked, v.number("made", 0.0), schema,
    )  # fmt: skip
