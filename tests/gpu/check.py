"""What only a GPU can tell about the trainer, in one call of at most eight minutes; prints one JSON document.

    python tests/gpu/check.py [--out FOLDER] [--seconds 465] [--device cuda] [--only SECTION ...]
    python tests/gpu/check.py --device cpu --quick      # the same script in seconds, for its own test

Needs torch, what the trainer itself imports, and this repository; no installation, no test runner. After every section
the document so far is written to FOLDER/check.json, so that a run that is cut still says something. A section that
fails holds its error and the others go on. Exit code 0 when every section is "ok" or was skipped with a reason.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import gc
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from PIL import Image
from trainer_speed import Reference, our_step, seconds

from trainer import checkpoints
from trainer.create_run import squared
from trainer.dataset import TrainingSet
from trainer.device import Machine, choose_device, set_tf32, synchronize
from trainer.distributed import Ranks, joined
from trainer.flow import FlowGame
from trainer.memory import free_memory
from trainer.objectives import needs_reals
from trainer.protocol import events, files
from trainer.protocol.config import TrainConfig, fit_data
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset, preset_names
from trainer.protocol.recipe import Recipe
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.schedule import Done, penalty_weight, rates
from trainer.session import Session, make_session
from trainer.train_run import train_run
from trainer.tuning import choose_batch, choose_machine

MECHAS = Path(__file__).resolve().parents[2] / "data" / "mechas" / "mechas.zip"
STEPS = 10
TOLERANCE = 1e-3  # Relative, of losses after a few steps: kernels may sum in another order.
RESERVE_S = 12.0  # Kept for the last words.
QUALITY_S = 120.0  # Of training with each of QUALITY, at the end.
QUALITY = ("sprite-r3", "sprite-flow")


class Skipped(Exception):
    """A section that cannot be run here, with the reason."""


class Check:
    """What all sections share: options, pictures, a scratch folder, the time left and the document.

    Attributes:
        device: where to compute. quick: small networks, few steps. out: where files stay. facts: the document.
        children: processes to end if this one has to end at once.
    """

    def __init__(self, options: argparse.Namespace, scratch: Path) -> None:
        self.began = time.monotonic()
        self.device = choose_device(options.device)
        self.quick, self.budget = options.quick, options.seconds
        self.out, self.scratch = options.out, scratch
        self.facts: dict[str, Any] = {"sections": {}}
        self.children: list[subprocess.Popen[bytes]] = []
        self._pictures: dict[int, np.ndarray[Any, Any]] = {}
        self._writing = threading.Lock()

    @property
    def cuda(self) -> bool:
        """Whether there is a GPU of NVIDIA's or AMD's."""
        return self.device.type == "cuda"

    @property
    def left(self) -> float:
        """Seconds until the end."""
        return self.budget - RESERVE_S - (time.monotonic() - self.began)

    def document(self) -> str:
        """The document so far, as JSON."""
        return json.dumps(sound(self.facts), default=str, allow_nan=False)

    def write(self) -> None:
        """Write the document so far."""
        with self._writing:
            self.facts["seconds"] = round(time.monotonic() - self.began, 1)
            beside = self.out / ".check.json"
            beside.write_text(self.document() + "\n", encoding="utf-8")
            beside.replace(self.out / "check.json")

    def pictures(self, size: int) -> np.ndarray[Any, Any]:
        """The bundled mechas on white: uint8 (N, size, size, 3)."""
        if size not in self._pictures:
            with zipfile.ZipFile(MECHAS) as archive:
                names = sorted(archive.namelist())[: 48 if self.quick else None]
                found = [Image.open(io.BytesIO(archive.read(name))).convert("RGBA") for name in names]
            self._pictures[size] = np.stack([squared(picture, Recipe(size=size)) for picture in found])
        return self._pictures[size]

    def config(self, preset: str, *overrides: str, size: int = 0) -> TrainConfig:
        """A preset at its own size or `size`; narrow if it must be quick."""
        config = load_preset(preset)
        config = fit_data(config, 32 if self.quick else size or config.data.size, 3)
        if self.quick:
            config = narrow(config)
        return apply_overrides(config, [f"device={self.device.type}", *overrides])

    def data(self, config: TrainConfig) -> TrainingSet:
        """The pictures in the configuration's size, on the device."""
        pixels = torch.from_numpy(self.pictures(config.data.size)).to(self.device)
        count = len(pixels)
        fill = torch.ones(3, device=self.device)
        return TrainingSet(pixels, torch.arange(0, count, 2), torch.arange(1, count, 2), None, None, (), fill)

    def run(self, name: str, config: TrainConfig) -> RunDirectory:
        """A run's folder with these pictures."""
        pixels = self.pictures(config.data.size)
        array, info = self.scratch / f"{name}.npy", self.scratch / f"{name}.json"
        np.save(array, pixels)
        split = ["train" if number % 5 else "test" for number in range(len(pixels))]
        values = {"background": [255, 255, 255], "sha256": files.file_digest(array), "split": split}
        files.write_json(info, values)
        return RunDirectory.create(self.scratch / name, config, array, info)


def sound(value: Any) -> Any:
    """Convert to values valid in JSON: NaN and infinity become text."""
    if isinstance(value, dict):
        return {str(key): sound(inner) for key, inner in list(value.items())}
    if isinstance(value, list | tuple):
        return [sound(inner) for inner in value]
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def narrow(config: TrainConfig) -> TrainConfig:
    """The same networks with few channels."""
    a = config.architecture

    def few(channels: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(max(4, count // 32) for count in channels)

    a = dataclasses.replace(
        a,
        latent=8,
        generator_base_channels=a.generator_base_channels // 64,
        generator_dense=few(a.generator_dense),
        generator_channels=few(a.generator_channels),
        discriminator_channels=few(a.discriminator_channels),
        discriminator_dense=few(a.discriminator_dense),
        wide_from=0,
    )
    return dataclasses.replace(config, architecture=a, batch=dataclasses.replace(config.batch, size=8))


def steps(session: Session, count: int) -> list[list[float]]:
    """(loss_d, loss_g) of `count` iterations, as the training loop takes them; twice the loss of a flow."""
    config, game = session.config, session.game
    reals, found = needs_reals(config.objective.kind), []
    critic = config.objective.critic_steps
    for number in range(count):
        now = rates(config, Done(number))
        game.set_rates(now.factor, now.beta2)
        if isinstance(game, FlowGame):
            loss = game.step(session.batches.draw("flow", number, session.augment, with_reals=True)).loss
            if session.average:
                session.average.update(session.batch, session.batch * (number + 1))
            found.append(torch.stack([loss, loss]))
            continue
        for step in range(number * critic, (number + 1) * critic):
            draw = session.batches.draw("d", step, session.augment, with_reals=True)
            of_d = game.discriminator_turn(draw, penalty_weight(config, Done(number), step))
        of_g = game.generator_phase(session.batches.draw("g", number, session.augment, with_reals=reals))
        if session.average:
            session.average.update(session.batch, session.batch * (number + 1))
        found.append(torch.stack([of_d.loss_d, of_g.loss_g]))
    return torch.stack(found).tolist()


def difference(one: list[list[float]], other: list[list[float]]) -> float:
    """The largest relative difference; NaN if there is a NaN."""
    a, b = torch.tensor(one, dtype=torch.float64), torch.tensor(other, dtype=torch.float64)
    return float(((a - b).abs() / b.abs().clamp_min(0.1)).max())


def peak_mb(device: torch.device) -> float | None:
    """Peak memory since `forget_peak`, MiB."""
    return round(torch.cuda.max_memory_allocated(device) / 2**20, 1) if device.type == "cuda" else None


def forget_peak(device: torch.device) -> None:
    """Free unused memory and reset the peak."""
    free_memory(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def machine(check: Check) -> dict[str, Any]:
    """Describe the machine."""
    facts: dict[str, Any] = {"torch": torch.__version__, "python": sys.version.split()[0], "cores": os.cpu_count()}
    if check.cuda:
        found = torch.cuda.get_device_properties(check.device)
        facts |= {
            "gpu": found.name,
            "memory_gb": round(found.total_memory / 2**30, 1),
            "capability": list(torch.cuda.get_device_capability(check.device)),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
        }
    return facts


@contextlib.contextmanager
def exact(check: Check) -> Any:
    """A context in which sums have a fixed order and nothing is rounded to TF32."""
    set_tf32("off", check.device)
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic = before
        set_tf32("convolutions", check.device)


def presets(check: Check) -> dict[str, Any]:
    """Every preset, small ones first: ten steps without dropout, plainly and with recorded graphs, which must agree,
    and ten as it is where it has dropout."""
    found: dict[str, Any] = {}
    sizes = {name: sum(parameter_sizes(check.config(name))) for name in preset_names()}
    for name in sorted(sizes, key=lambda name: sizes[name]):
        if not check.quick and check.left < len(QUALITY) * QUALITY_S + 20:
            found[name] = {"skipped": "no time left"}
            continue
        found[name] = facts = {}
        try:
            facts |= preset(check, name)
        except Exception as error:
            facts["error"] = told(error)
        finally:
            free_memory(check.device)
        check.facts["sections"]["presets"] = {"state": "running", "found": found}
        check.write()
    bad = [name for name, facts in found.items() if facts.get("error") or facts.get("agree") is False]
    return {"ok": not bad, "bad": bad, "found": found}


def parameter_sizes(config: TrainConfig) -> tuple[int, int]:
    """Parameters of generator and discriminator (0 of a flow's), counted without building them."""
    from trainer.generators import build_all
    from trainer.networks import parameter_count

    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        counts = {name: parameter_count(network) for name, network in build_all(config).items()}
    return counts["generator"], counts.get("discriminator", 0)


def preset(check: Check, name: str) -> dict[str, Any]:
    """One preset's part of `presets`."""
    count = 3 if check.quick else STEPS
    started = time.monotonic()
    as_is = check.config(name)
    # A large eps keeps Adam near plain descent, whose steps do not blow rounding up.
    without = check.config(name, "dropout=0", "optimiser.eps=0.01")
    data = check.data(as_is)
    batch = min(as_is.batch.size or 64, len(data.train))
    facts: dict[str, Any] = {"size": as_is.data.size, "batch": batch}
    with exact(check):
        losses: dict[str, list[list[float]]] = {}
        ways = {"plain": (without, False), "graphs": (without, check.cuda)}
        if as_is.architecture.dropout:
            ways["as it is"] = (as_is, check.cuda)
        for way, (config, graphs) in ways.items():
            if way == "graphs" and not check.cuda:
                continue
            forget_peak(check.device)
            session = make_session(config, data, Machine(check.device, False, True, graphs), Ranks(), batch)
            losses[way] = steps(session, count)
            facts[f"memory_mb {way}"] = peak_mb(check.device)
            if way == "graphs":
                facts["recorded"] = session.game.graphs
                facts["complaint"] = session.game.complaint
            del session
    facts["losses"] = [[float(f"{value:.5g}") for value in pair] for pair in losses["plain"]]
    facts["finite"] = bool(np.isfinite([losses[way] for way in losses]).all())
    if "graphs" in losses:
        facts["difference"] = difference(losses["graphs"], losses["plain"])
        facts["agree"] = facts["recorded"] and facts["difference"] < TOLERANCE and facts["finite"]
    else:
        facts["agree"] = facts["finite"]
    facts["seconds"] = round(time.monotonic() - started, 1)
    return facts


def resume(check: Check) -> dict[str, Any]:
    """A run that moves from the CPU to the GPU and back, compared with one that stays on the CPU."""
    found = {}
    settings = ["batch.size=8", "sampling.every=1000", "sampling.count=4", "optimiser.eps=0.01"]
    wide = ["generator_channels=64,48,40,32", "discriminator_channels=32,32,48,64"]
    for name in ("dcgan", "sprite-flow-cpu") if check.quick else ("dcgan", "sprite-r3-cpu", "sprite-flow-cpu"):
        before = fit_data(load_preset(name), 32, 3)
        before = apply_overrides(before, [*settings, *(wide if name == "dcgan" else [])])
        ends = {}
        for way in ("cpu", "mixed"):
            run = check.run(f"resume-{name}-{way}", before)
            for number, device in enumerate(("cpu", check.device.type if way == "mixed" else "cpu", "cpu"), 1):
                config = apply_overrides(before, [f"device={device}", f"stop.iterations={2 * number}"])
                files.write_json(run.config_path, config.to_json())
                train_run(run)
            newest = run.newest_checkpoint()
            assert newest is not None
            ends[way] = checkpoints.load(newest)
        largest = 0.0
        for stem in ("generator",) if before.is_flow else ("generator", "discriminator"):
            for key, value in ends["cpu"].tensors[stem].items():
                if value.is_floating_point():
                    largest = max(largest, float((value - ends["mixed"].tensors[stem][key]).abs().max()))
        found[name] = {
            "iterations": ends["mixed"].values["iteration"],
            "largest difference": largest,
            "winograd again": ends["mixed"].values["winograd"],
        }
    ok = all(facts["iterations"] == 6 and facts["largest difference"] < 0.05 for facts in found.values())
    return {"ok": ok, "found": found}


def out_of_memory(check: Check) -> dict[str, Any]:
    """Runs with half the memory they need report it and continue with smaller micro-batches."""
    if not check.cuda:
        raise Skipped("only a GPU's memory can be limited")
    total = torch.cuda.get_device_properties(check.device).total_memory
    found = {}
    for name in ("sprite-r3", "dcgan"):
        config = check.config(name, "batch.size=256", "precision.kind=fp32", "precision.channels_last=on", size=64)
        config = apply_overrides(config, ["stop.iterations=3", "sampling.every=1000", "sampling.count=4"])
        run = check.run(f"oom-{name}", config)
        forget_peak(check.device)
        steps(make_session(config, check.data(config), Machine(check.device, False, True), Ranks(), 256), 1)
        needed = torch.cuda.max_memory_reserved(check.device)
        forget_peak(check.device)
        torch.cuda.set_per_process_memory_fraction(needed / 2 / total, check.device)
        try:
            outcome = train_run(run)
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0, check.device)
            free_memory(check.device)
        told = [(e.about, e.message) for e in run.events().read() if isinstance(e, events.RunWarning)]
        found[name] = {"needed_mb": round(needed / 2**20), "state": outcome.state, "told": told}
    ok = all(
        facts["state"] == "finished" and any(about == "memory" for about, _ in facts["told"])
        for facts in found.values()
    )
    return {"ok": ok, "found": found}


def batch_auto(check: Check) -> dict[str, Any]:
    """batch.size=0: the batch size found fits in training, including graphs and penalties."""
    found = {}
    limit = 0.04  # Of the GPU's memory, so that the search is short and ends at the memory.
    for name in ("sprite-r3", "dcgan"):
        config = check.config(name, "batch.size=0", size=64)
        data = check.data(config)
        data = dataclasses.replace(data, train=data.train.repeat(16) if check.cuda else data.train)  # More than fit.
        if check.cuda:
            torch.cuda.set_per_process_memory_fraction(limit, check.device)
        try:
            machine = Machine(check.device, False, True, check.cuda)
            batch = choose_batch(config, data, machine, Ranks())
            session = make_session(config, data, machine, Ranks(), batch)
            losses = steps(session, 10 if check.cuda else 1)
            found[name] = {
                "batch": batch,
                "finite": bool(np.isfinite(losses).all()),
                "graphs": session.game.graphs,
            }
            del session
        finally:
            if check.cuda:
                torch.cuda.set_per_process_memory_fraction(1.0, check.device)
            free_memory(check.device)
    return {"ok": all(facts["finite"] and facts["graphs"] == check.cuda for facts in found.values()), "found": found}


RANKED = {
    "dcgan": [], "dcgan bf16": ["precision.kind=bf16"], "sprite-r3-cpu": ["adaptive=no"], "sprite-flow-cpu": [],
}  # fmt: skip


def ranked_config(check: Check, name: str) -> TrainConfig:
    """A configuration for one rank or two."""
    common = ["batch.size=8", "precision.kind=fp32", "precision.channels_last=on", "optimiser.eps=0.01"]
    return check.config(name.split()[0], *common, *RANKED[name], size=32)


def ranked_steps(check: Check, name: str, ranks: Ranks) -> list[list[float]]:
    """Three steps as one of `ranks`, which must end with the same weights."""
    config, data = ranked_config(check, name), check.data(ranked_config(check, name))
    machine = choose_machine(config, data, check.device, ranks)
    session = make_session(config, data, dataclasses.replace(machine, winograd=False), ranks, 8)
    losses = steps(session, 3)
    ranks.check_equal(session.game.parameters_g)
    return losses


def two_ranks(check: Check) -> dict[str, Any]:
    """Two processes share each batch on one GPU over gloo: same losses as one; precision and batch by trial."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {
        **os.environ,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "LOCAL_RANK": "0",
    }
    if sys.platform == "win32":
        shared["USE_LIBUV"] = "0"
    command = [sys.executable, str(Path(__file__).resolve()), "--rank", "--device", check.device.type]
    command += ["--out", str(check.scratch), *(["--quick"] if check.quick else [])]
    ranks = [
        subprocess.Popen(
            [*command], env={**shared, "RANK": str(rank)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for rank in range(2)
    ]
    check.children += ranks
    try:
        words = [rank.communicate(timeout=max(20.0, min(90.0, check.left)))[0].decode() for rank in ranks]
    except subprocess.TimeoutExpired:
        raise RuntimeError("the ranks did not come to an end") from None
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()
    if any(rank.returncode for rank in ranks):
        raise RuntimeError("a rank failed: " + " | ".join(word[-600:] for word in words))
    by_two = json.loads((check.scratch / "ranks.json").read_text(encoding="utf-8"))
    found = {"batch by trial": by_two.pop("batch by trial")}
    ok = found["batch by trial"] > 0
    for name, losses in by_two.items():
        apart = difference(losses, ranked_steps(check, name, Ranks()))
        found[name] = {"difference": apart}
        ok = ok and apart < (0.1 if "bf16" in name else 0.01)
    return {"ok": ok, "found": found}


def as_a_rank(check: Check) -> None:
    """The work of each process of `two_ranks`."""
    with joined(check.device, shares_gpu=True) as ranks:
        set_tf32("convolutions", check.device)
        found: dict[str, Any] = {name: ranked_steps(check, name, ranks) for name in RANKED}
        config = check.config("dcgan", "batch.size=0", "precision.channels_last=auto", size=32)
        data = check.data(config)
        data = dataclasses.replace(data, train=data.train[:16])
        machine = choose_machine(config, data, check.device, ranks)
        found["batch by trial"] = choose_batch(config, data, machine, ranks)
        if ranks.first:
            (check.out / "ranks.json").write_text(json.dumps(found), encoding="utf-8")


def speed(check: Check) -> dict[str, Any]:
    """Pictures/s at 64 px: dcgan compared with the plain loop, default and tuned; sprite-r3 with and without graphs."""
    count, rounds = (2, 1) if check.quick else (40, 5)
    found: dict[str, Any] = {}
    contenders: dict[str, Callable[[], tuple[Callable[[], object], int]]] = {}
    chosen: dict[str, Any] = {}

    def ours(name: str, machine: Machine | None) -> Callable[[], tuple[Callable[[], object], int]]:
        def make() -> tuple[Callable[[], object], int]:
            config = check.config(name, "ema.enabled=yes" if "sprite" in name else "batch.size=128", size=64)
            data = check.data(config)
            using = machine or choose_machine(config, data, check.device, Ranks())
            batch = 8 if check.quick else 128
            session = make_session(config, data, using, Ranks(), batch)
            if machine is None:
                chosen[name] = {
                    "precision": using.precision,
                    "channels_last": using.channels_last,
                    "graphs": session.game.graphs,
                }
            return our_step(session), batch

        return make

    def plain(fast: bool) -> Callable[[], tuple[Callable[[], object], int]]:
        def make() -> tuple[Callable[[], object], int]:
            config = check.config("dcgan", size=64)
            batch = 8 if check.quick else 128
            pixels = check.pictures(config.data.size)
            return Reference(config, pixels, check.device, batch, fast).step, batch

        return make

    contenders["dcgan, ours"] = ours("dcgan", None)
    contenders["dcgan, plain loop"] = plain(False)
    contenders["dcgan, plain loop, channels_last + bf16"] = plain(True)
    contenders["sprite-r3, ours"] = ours("sprite-r3", None)
    contenders["sprite-r3, without graphs"] = ours("sprite-r3", Machine(check.device, check.cuda, True, False))
    if check.cuda:
        contenders["sprite-r3, with graphs"] = ours("sprite-r3", Machine(check.device, True, True, True))
    for name, make in contenders.items():
        forget_peak(check.device)
        try:
            step, batch = make()
            seconds(step, max(2, count // 4), check.device)
            times = [seconds(step, count, check.device) for _ in range(rounds)]
        except Exception as error:
            found[name] = {"error": told(error)}
            continue
        synchronize(check.device)
        found[name] = {
            "pictures_per_s": round(batch / statistics.median(times), 1),
            "spread": round(max(times) / min(times), 3),
            "memory_mb": peak_mb(check.device),
        }
        del step
        check.facts["sections"]["speed"] = {"state": "running", "found": found}
        check.write()
    return {"ok": not any("error" in facts for facts in found.values()), "found": found, "chosen": chosen}


def quality(check: Check) -> dict[str, Any]:
    """Two minutes each of a GAN and of a flow on the mechas through the whole trainer: grids, KID, speed and times."""
    found: dict[str, Any] = {}
    for number, name in enumerate(QUALITY):
        share = (check.left - 15) / (len(QUALITY) - number)
        minutes = 0.02 if check.quick else max(0.0, min(QUALITY_S, share) / 60)
        if minutes < 0.02:
            found[name] = {"skipped": "no time left"}
            continue
        found[name] = trained(check, name, minutes)
        check.facts["sections"]["quality"] = {"state": "running", "found": found}
        check.write()
    if all("skipped" in facts for facts in found.values()):
        raise Skipped("no time left")
    return {"ok": all(facts.get("finished", True) for facts in found.values()), "found": found}


def trained(check: Check, name: str, minutes: float) -> dict[str, Any]:
    """A run of the preset `name` at 64 px for so many minutes: what it said. Its last grids and its events stay."""
    settings = [f"stop.minutes={minutes}", "sampling.every=500", "sampling.checkpoint_minutes=1"]
    run = check.run(f"quality-{name}", check.config(name, *settings, size=64))
    started = time.monotonic()
    outcome = train_run(run)
    took = time.monotonic() - started
    said = run.events().read()
    begun = next(event for event in said if isinstance(event, events.RunStarted))
    progress = [event for event in said if isinstance(event, events.Progress)]
    grids = [event for event in said if isinstance(event, events.SamplesSaved)]
    busy = [event.busy_percent for event in progress[1:] if event.busy_percent is not None]
    kid = [(e.iteration, e.value, e.values.get("against")) for e in said if isinstance(e, events.MetricMeasured)]
    for which in ("fixed", "random"):
        grid = getattr(grids[-1], which)
        (check.out / f"{name}-{which}.png").write_bytes((run.path / grid).read_bytes())
    (check.out / f"{name}-events.jsonl").write_bytes(run.events_path.read_bytes())
    return {
        "finished": outcome.state == "finished",
        "device": begun.device,
        "precision": begun.precision,
        "iterations": outcome.iteration,
        "pictures_seen": outcome.images_seen,
        "asked_s": round(minutes * 60, 2),
        "trained_s": progress[-1].trained_s,
        "wall_s": round(took, 1),
        "pictures_per_s": statistics.median(event.pictures_per_s for event in progress),
        "busy_percent": statistics.median(busy) if busy else None,
        "memory_mb": progress[-1].memory_mb,
        "kid": kid[-8:],
        "told": [event.message for event in said if isinstance(event, events.RunWarning)],
    }


# The most telling first; quality takes what time is left.
SECTIONS: dict[str, Callable[[Check], dict[str, Any]]] = {
    "machine": machine,
    "resume": resume,
    "two_ranks": two_ranks,
    "speed": speed,
    "out_of_memory": out_of_memory,
    "batch_auto": batch_auto,
    "presets": presets,
    "quality": quality,
}


def told(error: BaseException) -> str:
    """An error in a few lines: its message and where it was raised."""
    where = [line.strip() for line in traceback.format_exception(error)[-3:]]
    return "\n".join(where)[-1500:]


def watched(check: Check) -> threading.Event:
    """End the process, reporting what is known, if a section has not returned in time; set the event to cancel it."""
    over = threading.Event()

    def watch() -> None:
        if not over.wait(max(1.0, check.budget - (time.monotonic() - check.began))):
            check.facts["cut"] = True
            for child in check.children:
                child.kill()
            check.write()
            print(check.document(), flush=True)
            os._exit(3)

    threading.Thread(target=watch, daemon=True).start()
    return over


def checked(check: Check, wanted: list[str]) -> bool:
    """Run all sections; returns whether none failed."""
    good = True
    for name, section in SECTIONS.items():
        if wanted and name not in wanted:
            continue
        started = time.monotonic()
        try:
            if check.left < 3:
                raise Skipped("no time left")
            facts = section(check)
            state = "ok" if facts.pop("ok", True) else "failed"
        except Skipped as reason:
            state, facts = "skipped", {"reason": str(reason)}
        except Exception as error:
            state, facts = "failed", {"error": told(error)}
            partly = check.facts["sections"].get(name, {}).get("found")
            facts |= {"found": partly} if partly else {}
        good = good and state != "failed"
        took = round(time.monotonic() - started, 1)
        check.facts["sections"][name] = {"state": state, "seconds": took, **facts}
        with contextlib.suppress(Exception):
            free_memory(check.device)
        check.write()
        print(f"{name}: {state} after {took} s", file=sys.stderr, flush=True)
    return good


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--quick", action="store_true", help="small networks and few steps")
    parser.add_argument("--seconds", type=float, default=465.0, help="time for everything")
    parser.add_argument("--out", type=Path, default=Path("gpu-check"), help="folder for check.json, grids and curves")
    parser.add_argument("--only", nargs="*", default=[], choices=list(SECTIONS), metavar="SECTION")
    parser.add_argument("--rank", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    gc.freeze()  # Freeing memory need not look through what was imported.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        check = Check(options, Path(scratch))
        if options.rank:
            as_a_rank(check)
            return 0
        over = watched(check)
        good = checked(check, options.only)
        over.set()
        print(check.document(), flush=True)
        return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
