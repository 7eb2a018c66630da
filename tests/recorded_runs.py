"""Writes run folders like those of the trainer, with its own EventWriter and file layout."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image

from trainer.protocol import events as ev
from trainer.protocol import files
from trainer.protocol.config import Origin, TrainConfig
from trainer.protocol.diagnosis import (
    COLLAPSED,
    COLLAPSED_ONTO_TRAINING,
    HEALTHY,
    MEMORISED,
    CopyingFacts,
    Diagnosis,
    DriftFacts,
    MembershipFacts,
    OutlookFacts,
    QualityFacts,
    RealVarietyFacts,
    VarietyFacts,
)
from trainer.protocol.manifest import ManifestEntry, manifest_bytes
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.run_directory import RunDirectory

SIDE = 16
ROWS, COLUMNS = 4, 4
BATCH = 64


def pictures(count: int, seed: int = 0, side: int = SIDE) -> np.ndarray:
    """Symmetric coloured blocks, uint8 (count, side, side, 3), all different and fast to make."""
    rng = np.random.default_rng(seed)
    half = rng.integers(0, 255, (count, side // 2, side // 4, 3), dtype=np.uint8)
    return np.concatenate([half, half[:, :, ::-1]], axis=2).repeat(2, axis=1).repeat(2, axis=2)


def make_run(
    folder: Path, overrides: tuple[str, ...] = (), preset: str = "sprite-r3-cpu", sprites: int = 20, data_seed: int = 0
) -> RunDirectory:
    """A run that was created but never started."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    origin = dict(text.removeprefix("origin.").split("=", 1) for text in overrides if text.startswith("origin."))
    rest = [text for text in overrides if not text.startswith("origin.")]
    config: TrainConfig = dataclasses.replace(apply_overrides(load_preset(preset), rest), origin=Origin(**origin))
    data = pictures(sprites, data_seed, config.data.size if config.data.size <= 64 else SIDE)
    parts = [folder.parent / f".{folder.name}.{name}" for name in ("npy", "json", "jsonl")]
    with parts[0].open("wb") as stream:
        np.save(stream, data)
    ids = [f"{data_seed:04x}{index:060x}" for index in range(sprites)]
    files.write_json(parts[1], {"ids": ids, "split": ["train"] * sprites, "shape": list(data.shape)})
    entries = [ManifestEntry(name, f"{name[-6:]}.png", "0" * 64, 32, 32) for name in ids]
    files.write_bytes(parts[2], manifest_bytes(entries))
    run = RunDirectory.create(folder, config, *parts)
    for part in parts:
        part.unlink()
    return run


def diagnosis(verdict: str, reason: str) -> Diagnosis:
    """A diagnosis of 256 samples with numbers that match the verdict."""
    few = verdict in (COLLAPSED, COLLAPSED_ONTO_TRAINING)
    copies = verdict in (MEMORISED, COLLAPSED_ONTO_TRAINING) or reason == "related copies"
    blurry = reason in ("blurry", "blurry and alike")
    return Diagnosis(
        verdict, reason, samples=256, training=20 if reason == "few pictures" else 400, held_out=45, families=300,
        sharp=0.2 if blurry else 0.95,
        variety=VarietyFacts(8.1, 7.2, 9.3, 8, 8.0, 0.15, RealVarietyFacts(199.0, 185, 0.02))
        if few
        else VarietyFacts(420.0, 250.0, 760.0, 231, 1200.5, 0.012, RealVarietyFacts(199.0, 185, 0.02)),
        copying=CopyingFacts(0.62, 0.56, 0.68, 40, MembershipFacts(0.001, 0.001, 400, 45, 40, 0))
        if copies
        else CopyingFacts(0.0, 0.0, 0.0143, 0, MembershipFacts(1.0, 0.4, 400, 45, 0, 0)),
        quality=QualityFacts(0.42, 0.05, -0.003, 0.0093, 1.2 if verdict == HEALTHY else 8.3),
        drift=DriftFacts(100, 0.44, 0.2, 0.3),
        outlook=OutlookFacts("trend", 0.42, None, "falling"),
        features="random-conv-1",
    )  # fmt: skip


class Recorder:
    """Acts as the trainer: writes events, grids and checkpoints of a run, step by step."""

    def __init__(self, run: RunDirectory, start: bool = True, seed: int = 1) -> None:
        self.run = run
        self.writer = ev.EventWriter(run.events_path)
        self.rng = np.random.default_rng(seed)
        self.iteration = 0
        if start:
            total = run.config().stop.iterations
            self.write(
                ev.RunStarted(
                    device="cpu", precision="fp32", pictures=20, batch=BATCH, total_iterations=total,
                    device_name="A processor", system="Linux 6.1 x86_64", python="3.11.2", torch="2.9.0",
                )
            )  # fmt: skip

    def __del__(self) -> None:
        self.writer.close()

    def write(self, event: ev.TrainEvent) -> None:
        """Append an event with the current time."""
        self.writer.write(dataclasses.replace(event, iteration=self.iteration, images_seen=self.iteration * BATCH))

    def train(self, steps: int, spikes: tuple[int, ...] = (), every: int = 20) -> None:
        """Record `steps` more iterations; at those in `spikes` the losses jump."""
        end = self.iteration + steps
        while self.iteration < end:
            first = self.iteration + 1
            self.iteration = min(end, self.iteration + every)
            count = self.iteration - first + 1
            t = np.arange(first, self.iteration + 1)
            base = 1.2 * np.exp(-t / 4000) + 0.4
            curves = {
                name: (scale * base + 0.06 * self.rng.normal(size=count))
                for name, scale in (
                    ("loss_d", 1.0), ("loss_d_real", 0.5), ("loss_d_fake", 0.55), ("loss_g", 1.6), ("d_real", 2.0),
                    ("d_fake", -1.4), ("grad_norm_d", 3.0), ("grad_norm_g", 1.1), ("penalty", 0.2),
                )
            }  # fmt: skip
            for spike in spikes:
                if first <= spike <= self.iteration:
                    curves["loss_g"][spike - first] += 6.0
            rounded = {name: [round(float(v), 5) for v in values] for name, values in curves.items()}
            self.write(
                ev.Progress(
                    first_iteration=first,
                    curves=rounded,
                    pictures_per_s=800.0,
                    eta_s=60.0,
                    share=0.5,
                    memory_mb=900,
                    busy_percent=61.5,
                )
            )

    def sample(self, seed: int | None = None, raw: bool = False) -> None:
        """Write both grids of this moment; `raw`: also two, of other pictures, as they were before cleaning."""
        kinds = ("fixed", "random", *(("raw-fixed", "raw-random") if raw else ()))
        names = [f"samples/{kind}-{self.iteration:08}.png" for kind in kinds]
        for offset, name in enumerate(names):
            tiles = pictures(ROWS * COLUMNS, (seed or 0) + 100 * offset + self.iteration)
            sheet = tiles.reshape(ROWS, COLUMNS, SIDE, SIDE, 3).swapaxes(1, 2).reshape(ROWS * SIDE, COLUMNS * SIDE, 3)
            Image.fromarray(sheet).save(self.run.path / name)
        raw_paths = {"raw_fixed": names[2], "raw_random": names[3]} if raw else {}
        self.write(ev.SamplesSaved(fixed=names[0], random=names[1], rows=ROWS, columns=COLUMNS, size=SIDE, **raw_paths))

    def diagnose(self, diagnosis: Diagnosis, *, columns: int = 8, members: int = 12, damaged: bool = False) -> None:
        """Write a diagnosis of this moment and its two sheets like the trainer."""
        tiles = pictures(3 * columns + members, self.iteration)
        paths = {}
        for name, count, rows in (("nearest", 3 * columns, 3), ("group", members, 1)):
            cells = tiles[:count].reshape(rows, -1, SIDE, SIDE, 3).swapaxes(1, 2)
            paths[name] = f"samples/{name}-{self.iteration:08}.png"
            Image.fromarray(cells.reshape(rows * SIDE, -1, 3)).save(self.run.path / paths[name])
        values = diagnosis.to_json() | {"nearest": [round(0.3 + 0.2 * at, 3) for at in range(columns)]}
        if damaged:
            values["variety"] = "damaged"
        self.write(
            ev.Diagnosed(
                verdict=diagnosis.verdict, reason=diagnosis.reason, samples=diagnosis.samples,
                features=diagnosis.features, pictures=paths, values=values,
            )
        )  # fmt: skip

    def checkpoint(self) -> str:
        """Write the folder of a checkpoint."""
        relative = f"checkpoints/{self.iteration:08}"
        (self.run.path / relative).mkdir(parents=True)
        files.write_json(self.run.path / relative / "state.json", {"iteration": self.iteration})
        self.write(ev.CheckpointSaved(path=relative))
        return relative

    def finish(self) -> None:
        """Record the end."""
        self.write(ev.RunFinished(limit="iterations"))
        self.writer.close()

    def fail(self, cause: str, message: str) -> None:
        """Record a failure."""
        self.write(ev.RunFailed(cause=cause, message=message))
        self.writer.close()


def recorded(
    folder: Path, iterations: int = 1000, every: int = 100, spikes: tuple[int, ...] = (), **kwargs
) -> RunDirectory:  # type: ignore[no-untyped-def]
    """A finished run with regular sample points and two checkpoints."""
    run = make_run(folder, **kwargs)
    recorder = Recorder(run)
    recorder.sample()
    while recorder.iteration < iterations:
        recorder.train(min(every, iterations - recorder.iteration), spikes)
        recorder.sample()
        if recorder.iteration in (iterations // 2, iterations):
            recorder.checkpoint()
    recorder.finish()
    return run
