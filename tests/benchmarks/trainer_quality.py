"""KID against held-out pictures after equal CPU time: `sprite-flow-cpu` beside `sprite-r3-cpu`, DCGAN and others.

    OMP_NUM_THREADS=1 python tests/benchmarks/trainer_quality.py [PICTURES.zip | FOLDER | dataset.npy]
        [--seconds 120] [--seeds 1] [--try "NAME=VALUE;NAME=VALUE" ...] [--only NAME ...] [--first-seed 0] [--peers]
        [--json] [--grids FOLDER] [--samples FOLDER] [--copies] [--size 32] [--family COLUMN] [--key]
        [--balance] [--classes COLUMN] [--widths] [--draw "NAME=VALUE;NAME=VALUE" ...]

All train in turns in one process on one thread, each for the same CPU seconds (not wall seconds: a busy machine does
not matter), on the same pictures at 32 px (`--size`). A fifth is held out; families and equal or mirrored pictures are
never divided. Families are the column `--family` of a table beside the pictures, which has their name or is called
truth.tsv, or those of the run's dataset.json. `--key` makes the colour of plain borders transparent, as `import --key
auto` does. `--balance` draws families instead of pictures, as `Families count for 1` of the balance panel does; it
needs families, and is for this program's own contenders. `--classes` has each of them once more, told the column's
value of every picture it learns, and drawing each class as often as it is trained on; the pictures are then divided
without regard to families. KID is times 1,000, of 256 pictures from one moment against one picture of each family held
out, by the judge of quality (lite0-front), by all of EfficientNet-Lite0 where its package is importable, and by random
features, which rank against the eye. The first line is the floor, real against real. Training copies, averages of two
of them and blurred ones are measured beside the contenders: what needs no training. With three seeds or more, means and
ratios to `sprite-r3-cpu` have 95 % t intervals. A flow draws by its full number of steps. All samples are finished
alike: colours within 17 levels of white become white. `--copies` adds the diagnostics' verdict about 256 samples, how
many of them differ, and how many look like a training picture of which family. Each `--try` adds a variant of
`sprite-flow-cpu` where it names a flow's setting, else of `sprite-r3-cpu`; every seed has its own networks and draws,
on the same split. A dataset.npy is a run's, as the Studio prepared it at this size. `--only` trains one of the compared
alone, in parts of a long comparison. `--widths` also measures averages of other widths, made at the end of those that
`ema.post_hoc` keeps. Each `--draw` also measures every flow of this program as its weights draw with these settings
(flow.solver, flow.steps, flow.guidance): from the latents that the other samples are of, and from others. CPU seconds
are those of drawing 256. `--samples` keeps the samples of all for judges.py, this program's also after a twelfth and a
third of the time. `--peers` adds what else there is on PyPI (gan_peers.py and flow_peers.py), which must be importable
(PYTHONPATH=FOLDER). `--device cuda` trains all on a graphics card, with its presets, each for the same seconds of a
clock that waits for the card; nothing else may use it then.
"""

from __future__ import annotations

import argparse
import collections
import copy
import csv
import dataclasses
import functools
import io
import json
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from flow_peers import FLOWS
from gan_peers import GANS
from peers import Peer
from PIL import Image

from gandam_studio.core.importing.sheets import propose_key
from gandam_studio.core.pictures.decoding.parts import keyed
from trainer.averaging import blended
from trainer.create_run import PICTURES, squared
from trainer.dataset import TrainingSet, snapped
from trainer.device import Machine, choose_device, synchronize
from trainer.diagnostics.diagnose import Diagnostics, Findings
from trainer.diagnostics.variety import Variety, box_blur
from trainer.distributed import Ranks
from trainer.feature_spaces import FeatureSpace
from trainer.features import RandomFeatures
from trainer.flow import FlowGame
from trainer.generators import FlowGenerator
from trainer.grids import draw_pictures, save_png, tile
from trainer.kid import Reference
from trainer.lite0 import Lite0Features
from trainer.lite0_front import Lite0Front
from trainer.objectives import needs_reals
from trainer.post_hoc import WIDTHS, Profile, combination, exponent
from trainer.protocol.config import TrainConfig, fit_data
from trainer.protocol.errors import TrainerError
from trainer.protocol.lite0_weights import weights_path
from trainer.protocol.overrides import apply_overrides, parse_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.recipe import Recipe
from trainer.protocol.schedule import penalty_weight, rates
from trainer.protocol.settings import OTHER, Flow
from trainer.randomness import latents
from trainer.real_sides import real_sides
from trainer.session import make_session
from trainer.tuning import choose_machine, uses_winograd

SIZE = 32
SNAP = 17
LONGEST_NAME = 120
TRIED_WIDTHS = (0.05, 0.07, 0.1, 0.14, 0.2)
DRAWN_BY = ("flow.solver", "flow.steps", "flow.guidance")
"""What only changes how a flow draws once it is trained."""
EARLIER = (1 / 12, 1 / 3)
"""Parts of the time after which `--samples` keeps pictures of this program's own contenders, too."""
LATENTS = {"": 7, ", other latents": 8}
"""Seeds of the latents that `--draw` draws from, the first of them those of all samples, and what their rows add."""
PEERS = GANS | FLOWS
PRESETS = {"cpu": ("sprite-flow-cpu", "sprite-r3-cpu")}
ON_A_CARD = ("sprite-flow", "sprite-r3")
"""The flow and the GAN of this program, for each kind of device; with the second the others are compared."""
BUNDLED = Path(__file__).resolve().parents[2] / "data" / "mechas" / "mechas.zip"
# DCGAN at half width: at equal seconds it sees more pictures than the full one, which is kinder to it.
HALF = ["generator_channels=128,64,32,16", "discriminator_channels=16,32,64,128", "batch.size=64"]


def read(
    source: Path, size: int = SIZE, family: str = "family", key: bool = False
) -> tuple[np.ndarray[Any, Any], list[str]]:
    """Every picture of a folder, a zip or a prepared data set, at `size` px on white, and its family ("" for none).

    `family`: the column of the table that has the families. `key`: whether the colour of a plain border is transparent.
    Returns (uint8 (N, size, size, 3), N names).
    """
    if source.suffix == ".npy":
        pixels = np.load(source, allow_pickle=False)
        if pixels.shape[1:] != (size, size, 3):
            sys.exit(f"{source} holds pictures of {pixels.shape[1:]}, not {(size, size, 3)}")
        facts = source.with_suffix(".json")
        known = json.loads(facts.read_bytes()).get("family") if facts.is_file() else None
        return pixels, known or [""] * len(pixels)
    if source.is_dir():
        paths = [path for path in sorted(source.rglob("*")) if path.suffix.lower() in PICTURES]
        names, found = [path.name for path in paths], [path.read_bytes() for path in paths]
    else:
        with zipfile.ZipFile(source) as archive:
            names = sorted(name for name in archive.namelist() if Path(name).suffix.lower() in PICTURES)
            found = [archive.read(name) for name in names]
    opened = [Image.open(io.BytesIO(data)).convert("RGBA") for data in found]
    squares = [squared(_without_key(one) if key else one, Recipe(size=size)) for one in opened]
    families = _truth(source, family)
    return np.stack(squares), [families.get(Path(name).name, "") for name in names]


def _without_key(picture: Image.Image) -> Image.Image:
    rgba = np.asarray(picture)
    color = propose_key(rgba)
    return Image.fromarray(keyed(rgba, color)) if color else picture


def _truth(source: Path, family: str) -> dict[str, str]:
    """File name -> family, by the table in or beside `source`; {} without one."""
    tables = [source.with_suffix(".tsv"), source / "truth.tsv", source.parent / "truth.tsv"]
    table = next((path for path in tables if path.is_file()), None)
    if table is None:
        return {}
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    if rows and family not in rows[0]:
        sys.exit(f"{table} has no column {family}, but {', '.join(rows[0])}")
    return {row["file"]: row[family] for row in rows}


def split(pixels: np.ndarray[Any, Any], families: list[str]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows held out (a fifth, or a little more), rows to train on, and of every picture (N,) the first of its kin.

    Pictures of one family, equal pictures and mirror images are kin and stay together. Without any this is the plain
    random split.
    """
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(0)).tolist()
    keys = [
        [min(picture.tobytes(), picture[:, ::-1].tobytes()), *([family] if family else [])]
        for picture, family in zip(pixels, families, strict=True)
    ]
    together: dict[bytes | str, set[int]] = {}
    for row, own in enumerate(keys):
        joined = {row}.union(*(together.get(key, set()) for key in own))
        for member in joined:
            together |= dict.fromkeys(keys[member], joined)
    first = [min(together[own[0]]) for own in keys]
    held_out: dict[int, None] = {}
    for row in order:
        if len(held_out) >= len(pixels) // 5:
            break
        if row == first[row]:  # Drawn by families: by pictures, large ones would be held out more often.
            held_out |= dict.fromkeys(sorted(together[keys[row][0]]))
    train = [row for row in order if row not in held_out]
    return torch.tensor(list(held_out)), torch.tensor(train), torch.tensor(first)


def told(data: TrainingSet, classes: list[str]) -> TrainingSet:
    """`data` with the class of each picture."""
    names = tuple(sorted(set(classes)))
    labels = torch.tensor([names.index(one) for one in classes], device=data.pixels.device)
    return dataclasses.replace(data, labels=labels, class_names=(*names, OTHER))


def training_set(pixels: np.ndarray[Any, Any], families: list[str], balance: bool = False) -> TrainingSet:
    """The pictures uint8 (N, H, W, 3), split by families, with a white background.

    The families go along: who looks for copies has to know which pictures are related.
    """
    held_out, train, kin = split(pixels, families)
    weights = balanced(kin[train]) if balance else None
    return TrainingSet(torch.from_numpy(pixels), train, held_out, weights, None, (), torch.ones(3), kin)


def balanced(kin: torch.Tensor) -> torch.Tensor:
    """Weights (N,) of pictures of the families `kin` (N,) with which each family counts as one picture."""
    return 1 / torch.bincount(kin)[kin].double()


def moved(data: TrainingSet, device: torch.device) -> TrainingSet:
    """`data` with its pictures on `device`."""
    return dataclasses.replace(data, pixels=data.pixels.to(device), fill=data.fill.to(device))


def heads(data: TrainingSet, rows: torch.Tensor) -> list[int]:
    """Those of `rows` (N,) that are the first of their family."""
    assert data.families is not None
    return rows[data.families[rows] == rows].tolist()


class Ours:
    """One configuration of this trainer in training."""

    def __init__(self, config: TrainConfig, data: TrainingSet, machine: Machine) -> None:
        if machine.device.type != "cpu":
            machine = choose_machine(config, data, machine.device, Ranks())
        machine = dataclasses.replace(machine, winograd=uses_winograd(config, machine.device))
        self.session = make_session(config, data, machine, Ranks(), config.batch.size)

    @property
    def seconds(self) -> float:
        """Seconds trained, as they are counted; the schedule follows it."""
        return self.session.done.seconds

    @seconds.setter
    def seconds(self, seconds: float) -> None:
        self.session.done = dataclasses.replace(self.session.done, seconds=seconds)

    @property
    def iterations(self) -> int:
        """Iterations done."""
        return self.session.done.iteration

    @property
    def images(self) -> int:
        """Pictures seen."""
        return self.session.done.images

    def step(self) -> None:
        """One iteration of the trainer's own steps."""
        session = self.session
        config, done, game = session.config, session.done, session.game
        now = rates(config, done)
        game.set_rates(now.factor, now.beta2)
        session.plan_augmentation()
        weight = penalty_weight(config, done, done.iteration)
        if isinstance(game, FlowGame):
            game.step(session.batches.draw("flow", done.iteration, session.augment, True))
            session.end_iteration()
            return
        of_d = game.discriminator_turn(session.batches.draw("d", done.iteration, session.augment, True), weight)
        session.add_sign(of_d.sign)
        reals = needs_reals(config.objective.kind)
        game.generator_phase(session.batches.draw("g", done.iteration, session.augment, reals))
        session.end_iteration()

    def draw(
        self, count: int, width: float | None = None, flow: Flow | None = None, seed: int = LATENTS[""]
    ) -> np.ndarray[Any, Any]:
        """`count` pictures of fresh latents by the averaged generator, uint8 (count, H, W, 3).

        With classes, each is drawn as often as it is among the training pictures. `width`: by an average of this width
        instead, made of those that are there at the end alone. `flow`: how a flow draws, if not as it was configured.
        `seed`: that of the latents.
        """
        network = self.session.sampler
        if width is not None:
            powers = self.session.powers
            assert powers is not None
            profiles = [Profile(exponent(one), 1.0) for one in WIDTHS]
            found = combination(profiles, Profile(exponent(width), 1.0))
            network = copy.deepcopy(network)
            network.load_state_dict(network.state_dict() | blended(list(powers.tensors().values()), found.shares))
        if isinstance(network, FlowGenerator):
            flow = flow or self.session.config.flow
            network.solver, network.steps, network.guidance = flow.solver, flow.steps, flow.guidance
        z = latents(seed, "benchmark", count, network.latent)
        data = self.session.data
        told = None
        if data.labels is not None:
            told = data.labels[data.train].sort().values[torch.arange(count) * len(data.train) // count]
        return draw_pictures(network, z, data.fill, told)


def clock_of(device: torch.device) -> Callable[[], float]:
    """Counts this process's CPU seconds, or on a card seconds, once it has done what it was given."""

    def waited() -> float:
        synchronize(device)
        return time.perf_counter()

    return time.process_time if device.type == "cpu" else waited


def train_turns(
    contenders: dict[str, Ours | Peer], seconds: float, clock: Callable[[], float] = time.process_time
) -> None:
    """Give each contender so many `seconds` of `clock`, a second (or the step that goes beyond it) in turn."""
    while any(one.seconds < seconds for one in contenders.values()):
        for one in contenders.values():
            began, before = clock(), one.seconds
            until = min(seconds, before + 1.0)
            while one.seconds < until:
                one.step()
                one.seconds = before + clock() - began


def like_families(look: Findings, families: list[str], train: torch.Tensor) -> str:
    """How many samples look like a training picture of which family, most first, as text."""
    found: collections.Counter[str] = collections.Counter()
    for row, count in look.copying.sources.items():
        found[families[int(train[row])] or "no family"] += count
    return ", ".join(f"{name} {count}" for name, count in found.most_common())


def varied(found: Variety) -> str:
    """How many samples differ from each other, and how many pictures a generator draws in effect, as text."""
    number = f"at least {found.low:,.0f}"
    if found.n2 is not None:
        number = f"{found.n2:,.0f} ({found.low:,.0f} to {found.high:,.0f})"
    return f"{found.distinct} of {found.samples} samples differ, effective number {number}"


def configurations(
    seconds: float, seed: int, tries: list[str], size: int = SIZE, widths: bool = False, device: str = "cpu"
) -> dict[str, TrainConfig]:
    """What is compared. Settings of one try are joined by ";". `widths`: whether averages of other widths are kept."""
    names = PRESETS.get(device, ON_A_CARD)
    stop = ["stop.iterations=0", f"stop.minutes={seconds / 60}", f"seed={seed}", f"ema.post_hoc={widths}"]
    flow, ours = (apply_overrides(fit_data(load_preset(name), size, 3), stop) for name in names)
    return {
        names[0]: flow,
        names[1]: ours,
        **{text: apply_overrides(flow if "flow." in text else ours, text.split(";")) for text in tries},
        "dcgan-bce": apply_overrides(fit_data(load_preset("dcgan"), size, 3), [*stop, *HALF]),
    }


def with_classes(config: TrainConfig, data: TrainingSet) -> TrainConfig:
    """`config` that learns the classes of `data`."""
    return dataclasses.replace(config, data=dataclasses.replace(config.data, condition=data.class_names[:-1]))


def ways(contenders: dict[str, Ours | Peer], draws: list[str]) -> dict[str, dict[str, Flow]]:
    """How else each flow of this program draws: its name -> text of `--draw` -> settings. Exits if that cannot be."""
    own = {name: one.session.config for name, one in contenders.items() if isinstance(one, Ours)}
    flows = {name: config for name, config in own.items() if config.is_flow}
    if draws and not flows:
        sys.exit("--draw needs a flow of this program among the contenders")
    try:
        for path in (path for text in draws for path in parse_overrides(text.split(";"))):
            if path not in DRAWN_BY:
                sys.exit(f"--draw is for what only changes how a trained flow draws: {', '.join(DRAWN_BY)}; not {path}")
        return {
            name: {text: apply_overrides(config, text.split(";")).flow for text in draws}
            for name, config in flows.items()
        }
    except TrainerError as error:
        sys.exit(f"--draw: {error}")


def trivial(training: np.ndarray[Any, Any], count: int = 256) -> dict[str, np.ndarray[Any, Any]]:
    """What needs no training: copies, averages of two pictures, and blurred copies."""
    random = np.random.default_rng(0)
    copies, others = (training[random.integers(0, len(training), count)] for _ in range(2))
    soft = box_blur(torch.from_numpy(copies).permute(0, 3, 1, 2).float(), 3).round().byte().permute(0, 2, 3, 1)
    return {
        "training copies": copies,
        "averages of two": np.round((copies.astype(float) + others) / 2).astype(np.uint8),
        "blurred copies": soft.contiguous().numpy(),
    }


def interval(values: Sequence[float]) -> str:
    """The mean and its 95 % t interval (of 3 to 10 values) as text."""
    return f"{np.mean(values):,.0f} ± {half_width(values):,.0f}"


def half_width(values: Sequence[float]) -> float:
    """Half of the 95 % t interval of the mean of 3 to 10 values."""
    quantiles = {3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
    return float(quantiles.get(len(values), 2.262) * np.std(values, ddof=1) / len(values) ** 0.5)


def ratio(values: Sequence[float], others: Sequence[float]) -> str:
    """The geometric mean of `values` over `others`, seed by seed, with a 95 % t interval; "-" if any is not above 0."""
    if min(*values, *others) <= 0:
        return "-"
    logs = np.log(values) - np.log(others)
    mean, half = float(np.mean(logs)), half_width(list(logs))
    return f"{np.exp(mean):.2f} ({np.exp(mean - half):.2f} to {np.exp(mean + half):.2f})"


def file_name(label: str, seed: int) -> str:
    """The name of a grid's file, without its ending: a label of many settings would be longer than names may be."""
    safe = label.replace("/", "_")
    if len(safe) > LONGEST_NAME:
        safe = f"{safe[:LONGEST_NAME]}-{zlib.crc32(label.encode()):08x}"
    return f"{safe}-{seed}"


def earlier_names(name: str) -> list[str]:
    """The names of the files with samples of the moments EARLIER of the run whose file is `name`, without endings."""
    return [f"{name}.{number}" for number in range(len(EARLIER))]


def shown(values: list[float]) -> str:
    """KID of each feature space, as text."""
    return " / ".join(f"{value:,.1f}" for value in values)


def main() -> None:
    """Parse, train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", type=Path, default=BUNDLED)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--try", dest="tries", action="append", default=[])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--grids", type=Path)
    parser.add_argument("--samples", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--copies", action="store_true")
    parser.add_argument("--size", type=int, choices=(32, 64), default=SIZE)
    parser.add_argument("--family", metavar="COLUMN", default="family")
    parser.add_argument("--key", action="store_true")
    parser.add_argument("--widths", action="store_true")
    parser.add_argument("--draw", dest="draws", action="append", default=[])
    parser.add_argument("--balance", action="store_true")
    parser.add_argument("--classes", metavar="COLUMN")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    device = choose_device(options.device)
    clock, base = clock_of(device), PRESETS.get(options.device, ON_A_CARD)[1]
    if options.samples:
        options.samples.mkdir(parents=True, exist_ok=True)
    pixels, families = read(options.source, options.size, options.classes or options.family, options.key)
    classes = families
    if options.classes:
        families = [""] * len(classes)
    data = moved(training_set(pixels, families, options.balance), device)
    held_out, train = data.held_out, data.train
    spaces: list[FeatureSpace] = [Lite0Front(), RandomFeatures()]
    if weights_path() is not None:
        spaces.insert(1, Lite0Features())
    # One picture of each family: KID is unbiased for pictures that are independent of each other only.
    real, seen = (heads(data, rows)[:256] for rows in (held_out, train))
    references = [Reference.of(space(pixels[real]), one_scale=space.one_scale) for space in spaces]

    def measured(drawn: np.ndarray[Any, Any]) -> list[float]:
        return [1000 * of.kid(space(drawn)) for space, of in zip(spaces, references, strict=True)]

    floor = measured(pixels[seen])
    machine = Machine(device, channels_last=True)
    found: dict[str, list[list[float]]] = {}
    judge = Diagnostics(*real_sides(data), 256) if options.copies else None
    unit = "CPU seconds" if device.type == "cpu" else "seconds"

    def report(seed: int, label: str, draw: Callable[[], np.ndarray[Any, Any]], trained: str) -> None:
        began = clock()
        pictures = draw()
        took = clock() - began
        drawn = snapped(pictures, data.fill, SNAP)
        found.setdefault(label, []).append([round(value, 1) for value in measured(drawn)])
        if options.grids:
            options.grids.mkdir(parents=True, exist_ok=True)
            save_png(options.grids / f"{file_name(label, seed)}.png", tile(drawn[:64]))
        if options.samples:
            np.save(options.samples / f"{file_name(label, seed)}.npy", drawn)
        print(
            f"  seed {seed} {label:40} KID x 1000 {shown(found[label][-1]):>24}   {trained}drawn in {took:.1f} {unit}",
            flush=True,
        )
        if judge is not None:
            look = judge.look(drawn)
            alike = like_families(look, families, train)
            print(f"    {look.diagnosis.verdict}; {varied(look.variety)}", flush=True)
            print(f"    copies {look.diagnosis.copying}; {alike}", flush=True)

    print(
        f"{len(pixels)} pictures, {len(real)} families of {len(held_out)} held out, {options.seconds:.0f} {unit} "
        f"each, {' / '.join(space.name for space in spaces)}; real against real {shown(floor)}"
    )
    for name, drawn in trivial(pixels[train.numpy()]).items():
        print(f"  {name:47} KID x 1000 {shown(measured(drawn)):>24}", flush=True)
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        configured = configurations(options.seconds, seed, options.tries, options.size, options.widths, options.device)
        makers: dict[str, Callable[[], Ours | Peer]] = {
            name: functools.partial(Ours, config, data, machine) for name, config in configured.items()
        }
        if options.classes:
            known = told(data, classes)
            makers |= {
                f"{name}, classes": functools.partial(Ours, with_classes(config, known), known, machine)
                for name, config in configured.items()
            }
        if options.peers:
            makers |= {
                name: functools.partial(make, pixels[train.numpy()], seed, device)
                for name, make in (GANS | FLOWS).items()
            }
        contenders = {name: make() for name, make in makers.items() if not options.only or name in options.only}
        others = ways(contenders, options.draws)
        for at, part in enumerate(EARLIER if options.samples else ()):
            train_turns(contenders, part * options.seconds, clock)
            for name, one in contenders.items():
                if isinstance(one, Ours):
                    drawn = snapped(one.draw(256), data.fill, SNAP)
                    np.save(options.samples / f"{earlier_names(file_name(name, seed))[at]}.npy", drawn)
        train_turns(contenders, options.seconds, clock)
        for name, one in contenders.items():
            draw = functools.partial(one.draw, 256)
            report(seed, name, draw, f"{one.iterations:,} iterations, {one.images:,} pictures, ")
            for width in TRIED_WIDTHS if options.widths and isinstance(one, Ours) else ():
                drawn_wide = snapped(one.draw(256, width), data.fill, SNAP)
                label = f"{name}, width {width:g}"
                found.setdefault(label, []).append([round(value, 1) for value in measured(drawn_wide)])
                print(f"    width {width:<41g} KID x 1000 {shown(found[label][-1]):>24}", flush=True)
            for text, flow in others.get(name, {}).items():
                for more, key in LATENTS.items():
                    report(seed, f"{name}, {text}{more}", functools.partial(draw, flow=flow, seed=key), "")
    for name, values in found.items() if options.seeds >= 3 else ():
        print(f"  mean of {options.seeds} {name:36} KID x 1000 {' / '.join(map(interval, zip(*values, strict=True)))}")
        if name != base and base in found:
            pairs = zip(zip(*values, strict=True), zip(*found[base], strict=True), strict=True)
            print(f"    times {base}: {' / '.join(ratio(one, other) for one, other in pairs)}")
    if options.json:
        print(
            json.dumps({"seconds": options.seconds, "floor": [round(value, 1) for value in floor], "kid_x1000": found})
        )


if __name__ == "__main__":
    main()
