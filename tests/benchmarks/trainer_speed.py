"""Speed of the trainer's DCGAN step against a plain loop, and what events and grids cost.

    python tests/benchmarks/trainer_speed.py [--json] [--size 64] [--batch 64] [--width 64] [--rounds 5]

The reference is the loop most people start from: fp32, default layout, torch's DCGAN example (fakes shared by both
steps, gradients through the whole discriminator in the generator's step), written here, with the same networks, batch
and pictures. Both run in turns within one process; figures are medians over rounds, so ratios survive a noisy machine.
The arithmetic floor beside them is the reference step's operations at the speed of a large matrix product in the same
run; ours may pass below it, since its convolutions multiply less (trainer.winograd).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from torch.nn import functional

from trainer.dataset import load_training_set
from trainer.device import choose_device
from trainer.distributed import Ranks
from trainer.networks import build_networks
from trainer.objectives import needs_reals
from trainer.protocol import files
from trainer.protocol.config import TrainConfig, fit_data
from trainer.protocol.events import EventWriter
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.schedule import penalty_weight, rates
from trainer.session import Session, make_session
from trainer.training import Training
from trainer.tuning import choose_machine


def pictures(count: int, size: int) -> np.ndarray[Any, Any]:
    """Smooth random pictures: what they show does not matter here."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3)).astype(np.uint8)
    return coarse.repeat(size // 8, 1).repeat(size // 8, 2)


def make_run(folder: Path, config: TrainConfig) -> RunDirectory:
    """A run's folder as the Studio would make it."""
    np.save(folder / "d.npy", pictures(512, config.data.size))
    files.write_json(folder / "d.json", {"background": [255, 255, 255]})
    return RunDirectory.create(folder / "run", config, folder / "d.npy", folder / "d.json")


class Reference:
    """The plain loop: same networks, Adam, batch and pictures; nothing else. `fast`: channels-last, in bfloat16."""

    def __init__(
        self,
        config: TrainConfig,
        pixels: np.ndarray[Any, Any],
        device: torch.device,
        batch: int,
        fast: bool = False,
    ) -> None:
        layout = torch.channels_last if fast else torch.contiguous_format
        self.generator, self.discriminator = (net.to(device, memory_format=layout) for net in build_networks(config))
        self.layout, self.autocast = layout, torch.autocast(device.type, torch.bfloat16, enabled=fast)
        o = config.optimiser
        self.of_g = torch.optim.Adam(self.generator.parameters(), lr=o.lr_g, betas=(o.beta1, o.beta2))
        self.of_d = torch.optim.Adam(self.discriminator.parameters(), lr=o.lr_d, betas=(o.beta1, o.beta2))
        self.pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous().to(device)
        self.batch, self.device = batch, device

    def step(self) -> None:
        """One iteration, reading the losses at its end as such loops do."""
        real = self.pictures[torch.randint(len(self.pictures), (self.batch,), device=self.device)]
        real = real.contiguous(memory_format=self.layout)
        ones, zeros = torch.ones(self.batch, device=self.device), torch.zeros(self.batch, device=self.device)
        self.of_d.zero_grad()
        with self.autocast:
            loss_real = functional.binary_cross_entropy_with_logits(self.discriminator(real), ones)
        loss_real.backward()
        with self.autocast:
            fake = self.generator(torch.randn(self.batch, self.generator.latent, device=self.device))
            loss_fake = functional.binary_cross_entropy_with_logits(self.discriminator(fake.detach()), zeros)
        loss_fake.backward()
        self.of_d.step()
        self.of_g.zero_grad()
        with self.autocast:
            loss = functional.binary_cross_entropy_with_logits(self.discriminator(fake), ones)
        loss.backward()
        self.of_g.step()
        _ = loss_real.item() + loss_fake.item() + loss.item()


def our_step(session: Session) -> Callable[[], None]:
    """The trainer's own iteration without curves, grids and events."""
    number, reals = [0], needs_reals(session.config.objective.kind)

    def step() -> None:
        now = rates(session.config, session.done)
        session.game.set_rates(now.factor, now.beta2)
        weight = penalty_weight(session.config, session.done, number[0])
        session.game.discriminator_turn(session.batches.draw("d", number[0], session.augment, True), weight)
        session.game.generator_phase(session.batches.draw("g", number[0], session.augment, reals))
        if session.average:
            session.average.update(session.batch, session.batch * (number[0] + 1))
        number[0] += 1

    return step


def seconds(step: Callable[[], None], count: int, device: torch.device) -> float:
    """Seconds a step, over `count` steps."""
    started = time.perf_counter()
    for _ in range(count):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - started) / count


def event_cost(session: Session, run: RunDirectory, step_s: float) -> float:
    """Share of the time that events and grids take: their own seconds over a sampling interval's training seconds."""
    writer = EventWriter(run.events_path)
    training = Training(session, run, writer, 0.0)
    training.iterate()
    flushes, samples = [], []
    for _ in range(3):
        training.iterate()
        started = time.perf_counter()
        training.flush()
        flushes.append(time.perf_counter() - started)
        started = time.perf_counter()
        training.grids.save()
        samples.append(time.perf_counter() - started)
    writer.close()
    sampling = session.config.sampling
    interval_s = sampling.every * step_s
    flushed = min(sampling.every / sampling.progress_every, interval_s / 0.5)
    return (statistics.median(samples) + flushed * statistics.median(flushes)) / interval_s


def arithmetic(reference: Reference, device: torch.device) -> dict[str, float]:
    """What bounds any step: its floating-point operations, and what the device's matrix product reaches right now."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        reference.step()
    side = 2048 if device.type == "cpu" else 8192
    a, b = torch.randn(2, side, side, device=device)
    best = min(seconds(lambda: torch.mm(a, b), 1, device) for _ in range(6))
    return {"gflop_per_step": counter.get_total_flops() / 1e9, "gemm_gflop_per_s": 2 * side**3 / best / 1e9}


def measure(size: int, batch: int, width: int, rounds: int, wanted: str) -> dict[str, Any]:
    """All figures, as the JSON contract names them."""
    config = load_preset("dcgan")
    factor = width / 64
    ups = ",".join(str(int(c * factor)) for c in config.architecture.generator_channels)
    downs = ",".join(str(int(c * factor)) for c in config.architecture.discriminator_channels)
    texts = [f"batch.size={batch}", f"generator_channels={ups}", f"discriminator_channels={downs}"]
    config = apply_overrides(fit_data(config, size, 3), texts)
    device = choose_device(wanted)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        run = make_run(Path(temporary), config)
        data = load_training_set(run, config, device)
        machine = choose_machine(config, data, device, Ranks())
        session = make_session(config, data, machine, Ranks(), batch)
        ours = our_step(session)
        reference = Reference(config, pictures(512, size), device, batch)
        steps = 50 if device.type == "cuda" else 2
        seconds(ours, 2, device), seconds(reference.step, 2, device)
        times: dict[str, list[float]] = {"ours": [], "reference": []}
        for _ in range(rounds):
            times["reference"].append(seconds(reference.step, steps, device))
            times["ours"].append(seconds(ours, steps, device))
        floor = arithmetic(reference, device)
        floor["floor_s"] = floor["gflop_per_step"] / floor["gemm_gflop_per_s"]
        rate = {name: round(batch / statistics.median(values), 1) for name, values in times.items()}
        ratios = [r / o for r, o in zip(times["reference"], times["ours"], strict=True)]
        return {
            "device": str(device),
            "size": size,
            "batch": batch,
            "width": width,
            "precision": machine.precision,
            "channels_last": machine.channels_last,
            "graphs": session.game.graphs,
            "winograd": machine.winograd,
            "threads": torch.get_num_threads(),
            "pictures_per_s": rate,
            "seconds_per_step": {name: round(statistics.median(values), 4) for name, values in times.items()},
            "arithmetic": {name: round(value, 3) for name, value in floor.items()},
            "ratio": round(statistics.median(ratios), 3),
            "event_cost": round(event_cost(session, run, statistics.median(times["ours"])), 5),
        }


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--width", type=int, default=64, help="ngf and ndf")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    facts = measure(options.size, options.batch, options.width, options.rounds, options.device)
    print(f"{facts['device']}, DCGAN {facts['size']} px, batch {facts['batch']}, width {facts['width']}")
    for name, rate in facts["pictures_per_s"].items():
        print(f"  {name:10} {rate:>10,.0f} pictures/s")
    bound = facts["arithmetic"]
    print(
        f"  {bound['gflop_per_step']:.0f} GFLOP a reference step; at this run's matrix product of "
        f"{bound['gemm_gflop_per_s']:.0f} GFLOP/s {bound['floor_s']:.2f} s, taken: reference "
        f"{facts['seconds_per_step']['reference']:.2f}, ours {facts['seconds_per_step']['ours']:.2f} s"
    )
    print(f"  ratio {facts['ratio']}   events and grids {100 * facts['event_cost']:.2f} % of the time")
    if options.json:
        print(json.dumps(facts))


if __name__ == "__main__":
    main()
