"""Opens the generator of a run's checkpoint, or of an exported model, and draws from it. Runs no code from files."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from trainer import checkpoints
from trainer.dataset import background_fill, snapped, to_pixels
from trainer.exploring.previews import BUDGET_S, Pace, PreviewPlan, plan
from trainer.export import FILES, MODEL
from trainer.generators import FlowGenerator, restored_generator
from trainer.grids import CHUNK, batches, draw_batch
from trainer.latent_space import staged
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError, io_failure
from trainer.protocol.output_folders import opened_marker
from trainer.protocol.run_directory import CHECKPOINT_STATE, RunDirectory
from trainer.protocol.untrusted import UntrustedError, Values, open_regular, shortened
from trainer.protocol.weights import POST_HOC, is_label
from trainer.sampling import Trained, load_trained, ready

Array = np.ndarray[Any, Any]
Check = Callable[[], None]
"""Called before every batch and every step of a flow; raises to stop."""
WEIGHTS = FILES["safetensors"]
MEASURED_STEPS = 6
"""Of a flow, for pictures that only directions are measured on. A trained one's principal directions agree to .97 with
those of all steps; those of another thousand samples agree to .25."""


TRIED = 4
"""Pictures drawn to find out whether sketches in bfloat16 are quick here."""


class Model:
    """A generator to explore.

    Attributes:
        trained: the generator and what belongs to it. run: the run it came from; None for an exported model.
        latent: length of a latent. stages: how many latents, coarse to fine, one picture can be drawn from.
        half: whether sketches are drawn in bfloat16, which some processors compute several times as fast.
        pace, sketch_pace: how long final pictures and sketches take, by `clock`.
    """

    def __init__(self, trained: Trained, run: RunDirectory | None) -> None:
        self.trained, self.run = trained, run
        self.latent = trained.generator.latent
        self.stages = trained.generator.mixing_stages
        self.half = False
        self.pace, self.sketch_pace = Pace(), Pace()
        self.clock: Callable[[], float] = time.perf_counter

    def staged(self, z: torch.Tensor) -> torch.Tensor:
        """Latents (N, L), or (N, stages * L) with one for each stage, as (N, stages, L). Raises TrainerError."""
        return staged(z, self.latent, self.stages)

    def flat(self, z: torch.Tensor) -> torch.Tensor:
        """(N, stages, L) as (N, L) where the stages agree in all of them, else as (N, stages * L)."""
        return z[:, 0] if bool((z == z[:, :1]).all()) else z.flatten(1)

    def tensors(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        """z (N, stages, L) -> pictures (N, C, H, W) in [-1, 1]; keeps gradients."""
        return self.trained.generator.staged(z, labels)

    @torch.no_grad()
    def pixels(self, z: torch.Tensor, labels: torch.Tensor | None = None, check: Check = lambda: None) -> Array:
        """z (N, stages, L), labels (N,) -> uint8 (N, H, W, C)."""
        generator = self.trained.generator

        def draw(z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
            if isinstance(generator, FlowGenerator):
                return generator.drawn(z[:, 0], labels, check)
            return generator.staged(z, labels)

        parts = []
        for part in batches(len(z), CHUNK):
            check()
            since = self.clock()
            parts.append(self.finished(draw_batch(draw, z[part], None if labels is None else labels[part])))
            self.pace.note(part.stop - part.start, self.trained.steps or 1, self.clock() - since)
        return np.concatenate(parts)

    def plan(self, count: int) -> PreviewPlan:
        """How `count` pictures are drawn while the user waits."""
        is_flow = self.trained.steps is not None
        return plan(
            self.pace.seconds if self.pace.known else self.sketch_pace.seconds,
            count, self.trained.steps, self.sketch_pace.seconds if is_flow or self.half else None,
        )  # fmt: skip

    @torch.no_grad()
    def sketches(self, z: torch.Tensor, labels: torch.Tensor | None, steps: int, check: Check = lambda: None) -> Array:
        """As `pixels`, nearly: of a flow in fewer steps, and in bfloat16 where that is quicker."""
        generator = self.trained.generator
        since = self.clock()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            if isinstance(generator, FlowGenerator):
                x = generator.sketched(z[:, 0], steps, labels, check)
            else:
                x = generator.staged(z, labels)
        pixels = self.finished(x.float())
        self.sketch_pace.note(len(z), steps, self.clock() - since)
        return pixels

    def finished(self, x: torch.Tensor) -> Array:
        """(N, C, H, W) in [-1, 1] -> uint8 (N, H, W, C) with the background cleaned as the run asks for."""
        fill = self.trained.fill
        return snapped(to_pixels(x, fill), fill, self.trained.snap)

    @torch.no_grad()
    def measured(
        self, z: torch.Tensor, labels: torch.Tensor | None = None, check: Check = lambda: None
    ) -> torch.Tensor:
        """Pictures (N, C, H, W) to measure directions on: of a flow in few steps, which are much faster."""
        generator = self.trained.generator
        if not isinstance(generator, FlowGenerator):
            return self.tensors(z, labels)
        return generator.sketched(z[:, 0], min(MEASURED_STEPS, generator.steps), labels, check)

    def warm_up(self, count: int) -> None:
        """Draw so that the next `count` pictures come at once, and that the pace is known."""
        z = torch.zeros(count, self.stages, self.latent)
        is_flow = self.trained.steps is not None
        for _ in range(2):
            if is_flow:
                self.sketches(z, None, 1)
            else:
                self.pixels(z)
        whole = (self.sketch_pace if is_flow else self.pace).seconds * count * (self.trained.steps or 1)
        if whole > BUDGET_S and not self.half:
            self._try_half(z[:TRIED])
            if self.half:
                self.sketch_pace = Pace()
                for _ in range(2):
                    self.sketches(z, None, 1)

    def _try_half(self, z: torch.Tensor) -> None:
        """Draw sketches in bfloat16 from now on if that is quicker. Processors without it take ten times as long."""

        def seconds() -> float:
            since = self.clock()
            self.sketches(z, None, 1)
            return self.clock() - since

        usual = min(seconds(), seconds())
        self.half = True
        try:
            first = seconds()  # Its weights are brought into order as well.
            self.half = first < 3 * usual and seconds() < 0.75 * usual
        except RuntimeError:  # torch: not implemented for this type.
            self.half = False

    def facts(self) -> dict[str, Any]:
        """What the Studio needs to know, as JSON."""
        config = self.trained.config
        return {
            "iteration": self.trained.iteration,
            "weights": self.trained.weights,
            "latent": self.latent,
            "stages": self.stages,
            "size": config.data.size,
            "channels": config.data.channels,
            "classes": list(self.trained.classes),
            "kind": config.architecture.kind,
            "compares": self.run is not None and self.run.dataset_path.exists(),
        }


def open_model(path: Path, checkpoint: str | None = None) -> Model:
    """The generator of the run or of the exported model in the folder `path`.

    `checkpoint`: of a run, its iteration, "best", "post-hoc", or None for the newest good one. Raises TrainerError.
    """
    if path.is_dir() and (path / MODEL.marker).is_file() and not (path / "config.json").exists():
        return Model(load_exported(path), None)
    if path.is_file():
        raise TrainerError(
            f"{path.name} is a file: choose the folder of a run, or of a model exported by this program "
            f"({MODEL.marker} and {WEIGHTS}); other model files are not opened, because they can run code"
        )
    run = RunDirectory(path)
    if path.is_dir() and not run.config_path.exists():
        raise TrainerError(
            f"{path} is neither a run nor an exported model: it holds neither config.json nor {MODEL.marker}"
        )
    return Model(load_trained(run, iteration=checkpoint), run)


def state_key(path: Path, checkpoint: str | None) -> tuple[Any, ...]:
    """What changes when `open_model` would give another network; () where that is not known."""
    run = RunDirectory(path)
    try:
        if checkpoint is None:
            newest = run.newest_checkpoint()
            state = newest / CHECKPOINT_STATE if newest is not None else path / MODEL.marker
        else:
            name = checkpoint if checkpoint in (checkpoints.BEST, POST_HOC) else f"{int(checkpoint):08}"
            state = run.checkpoints_path / name / CHECKPOINT_STATE
        status = state.stat()
    except (OSError, ValueError):
        return ()
    return str(path), str(state), status.st_mtime_ns, status.st_ino


def load_exported(folder: Path) -> Trained:
    """The generator that `export` wrote as safetensors into `folder`. Raises TrainerError."""
    try:
        with opened_marker(folder / MODEL.marker) as (description, _listed):
            values = Values(description, MODEL.marker)
            config = TrainConfig.from_json(values.raw("config"))
            classes = tuple(values.texts("classes", [], most=10_000))
            iteration, weights = values.integer("iteration"), values.text("weights", max_length=40)
            if not is_label(weights):
                raise values.error("weights", "ema, raw or post-hoc with a width")
            fill = background_fill({"background": values.raw("background", [255, 255, 255])}, config.data.channels)
    except (UntrustedError, ValueError, TypeError, AttributeError) as error:
        raise TrainerError(f"{folder / MODEL.marker}: {shortened(str(error), 500)}", "data") from None
    except OSError as error:
        raise io_failure(f"cannot read {folder / MODEL.marker}", error) from None
    wanted = len(config.data.condition) + 1 if config.data.condition else 0
    if len(classes) != wanted:
        raise TrainerError(f"{MODEL.marker} names {len(classes)} classes, but its config has {wanted}", "data")
    path = folder / WEIGHTS
    try:
        open_regular(path, follow_links=False).close()
        tensors = load_file(path)
    except FileNotFoundError:
        raise TrainerError(
            f"{folder} holds no {WEIGHTS}; the other files of a model are for other programs and are not opened here"
        ) from None
    except (OSError, SafetensorError, UntrustedError) as error:
        raise TrainerError(f"{path.name} cannot be read: {shortened(str(error), 300)}", "data") from None
    try:
        generator = restored_generator(config, len(classes), tensors)
    except TrainerError:
        kind, size = config.architecture.kind, config.data.size
        raise TrainerError(
            f"{path.name} does not hold the {kind} network at {size} px that {MODEL.marker} describes", "data"
        ) from None
    ready(generator, torch.device("cpu"))
    return Trained(generator, fill, classes, weights, iteration, config, config.sampling.snap)
