"""Finds settings that have no effect in combination with others, so that changing one can be refused.

Presets may hold such settings: label noise, for instance, stays when the objective changes.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from trainer.protocol.settings import COOL_DOWN, FALLING
from trainer.protocol.shapes import normed_blocks, stages

if TYPE_CHECKING:
    from trainer.protocol.config import TrainConfig
    from trainer.protocol.settings import Stop

NO_LIMIT = "without a limit to end at; set stop.iterations, stop.minutes or stop.images"
PLANNED = "augmentation.probability_end"
ENDING = ("schedule.kind", "regulariser.weight_end", PLANNED)
_GANDAM = ("base", "generator_base_channels", "generator_dense", "discriminator_dense", "discriminator_norm_blocks",
           "dense_activation")  # fmt: skip
_UNET = ("patch", "blocks")
_SPRITE = ("modulation", "skips", "palette", "colour_weight")
_SHARES = ("probability", "probability_end", "after_views")
_CHANGES = ("translation", "brightness", "saturation", "contrast", "cutout", "rotation")


def without_effect(config: TrainConfig) -> dict[str, str]:
    """The settings without effect: dotted path -> reason, to follow "has no effect"."""
    idle = {
        **_of_architecture(config),
        **_of_objective(config),
        **_of_augmentation(config),
        **_of_schedule(config),
        **_of_the_machine(config),
    }
    return idle | _of_flow(config)


def has_limit(stop: Stop) -> bool:
    """Whether a run has a limit."""
    return bool(stop.iterations or stop.minutes or stop.images)


def newly_without_limit(before: TrainConfig, after: TrainConfig) -> list[str]:
    """The settings that lose their effect because a change has removed the run's limit."""
    idle, now = without_effect(before), without_effect(after)
    return [path for path in ENDING if now.get(path) == NO_LIMIT and path not in idle]


def _of_architecture(config: TrainConfig) -> dict[str, str]:
    a = config.architecture
    idle: dict[str, str] = {}
    if a.kind == "unet":
        return idle
    if a.kind != "gandam":
        idle |= {f"architecture.{name}": f"in {a.kind} networks" for name in _GANDAM}
    elif a.discriminator_norm != "batch":
        idle["architecture.discriminator_norm_blocks"] = "unless discriminator_norm is batch"
    if a.wide_from and not a.wide_channels:
        idle["architecture.wide_from"] = "without wide_channels"
    if not a.wide_from:
        idle["architecture.wide_channels"] = "while wide_from is 0"
    if a.kind == "gandam" and not a.discriminator_dense:
        idle["architecture.dense_activation"] = "without discriminator_dense"
    if a.kind == "sprite":
        idle["architecture.dropout"] = "in sprite networks"
    else:
        idle |= {f"architecture.{name}": f"in {a.kind} networks" for name in _SPRITE}
    if a.generator_norm != "batch":
        why = "unless generator_norm is batch"
        idle |= {"architecture.norm_momentum": why, "objective.fakes_batchnorm": why}
        if not normed_blocks(a, stages(a, config.data.size)):
            idle["architecture.norm_eps"] = "without batch normalisation"
    return idle


def _of_flow(config: TrainConfig) -> dict[str, str]:
    """Of what only flows have, and of what they do not have: a latent vector of any size, and a discriminator."""
    if not config.is_flow:
        why = f"with the objective {config.objective.kind}, which is no flow"
        names = [field.name for field in dataclasses.fields(config.flow)]
        return {f"flow.{name}": why for name in names} | {f"architecture.{name}": why for name in _UNET}
    a, flow = config.architecture, config.flow
    why = "in a flow, which has no discriminator"
    sections: dict[str, Any] = {"objective": config.objective, "regulariser": config.regulariser}
    idle = {
        f"{section}.{field.name}": why
        for section, values in sections.items()
        for field in dataclasses.fields(values)
        if (section, field.name) != ("objective", "kind")
    }
    kept = ("kind", "size", "generator_channels", *_UNET)
    idle |= {f"architecture.{field.name}": why for field in dataclasses.fields(a) if field.name not in kept}
    idle["architecture.latent"] = "in a flow, which begins with a whole picture of noise"
    idle |= {f"augmentation.{name}": why for name in ("adaptive", "target", "ceiling")}
    idle["optimiser.lr_d"] = why
    if flow.loss == "picture":
        idle["flow.clamp"] = "unless flow.loss is velocity"
    if not config.data.condition:
        idle |= {f"flow.{name}": "without classes (data.condition)" for name in ("class_drop", "guidance")}
    return idle


def _of_objective(config: TrainConfig) -> dict[str, str]:
    objective, regulariser = config.objective, config.regulariser
    idle: dict[str, str] = {}
    if objective.kind != "bce":
        idle["objective.label_noise"] = f"with the objective {objective.kind}"
    if objective.kind == "relativistic":
        idle["objective.separate_steps"] = "with the objective relativistic, which compares real and generated pictures"
    if regulariser.kind == "none":
        idle |= {f"regulariser.{name}": "while regulariser.kind is none" for name in ("weight", "weight_end", "every")}
    elif regulariser.weight == 0 and (regulariser.weight_end <= 0 or not has_limit(config.stop)):
        idle |= {f"regulariser.{name}": "while regulariser.weight is 0" for name in ("kind", "every")}
    if regulariser.kind != "none" and regulariser.weight_end >= 0 and not has_limit(config.stop):
        idle["regulariser.weight_end"] = NO_LIMIT
    return idle


def _of_augmentation(config: TrainConfig) -> dict[str, str]:
    a, size = config.augmentation, config.data.size
    if config.is_flow:
        a = dataclasses.replace(a, adaptive=False)
    idle: dict[str, str] = {}
    for name in ("translation", "cutout"):
        if 0 < getattr(a, name) * size < 1:
            idle[f"augmentation.{name}"] = f"below a pixel: give at least {1 / size:g} at {size} px"
    active = [name for name in _CHANGES if getattr(a, name) and f"augmentation.{name}" not in idle]
    if not active:
        why = "while every change of the pictures is off"
        idle |= {f"augmentation.{name}": why for name in (*_SHARES, "adaptive")}
    if a.adaptive and active:
        why = "while augmentation.adaptive sets it"
        idle |= {f"augmentation.{name}": why for name in _SHARES}
    elif active and a.probability_end >= 0 and not has_limit(config.stop):
        idle[PLANNED] = NO_LIMIT
    if not a.adaptive or not active:
        why = "while every change of the pictures is off" if a.adaptive else "while augmentation.adaptive is off"
        idle |= {f"augmentation.{name}": why for name in ("target", "ceiling")}
    if (a.ceiling if a.adaptive else max(a.probability, a.probability_end * has_limit(config.stop))) == 0:
        which = "ceiling" if a.adaptive else "probability"
        idle |= {f"augmentation.{name}": f"while augmentation.{which} is 0" for name in active}
    return idle


def _of_schedule(config: TrainConfig) -> dict[str, str]:
    s = config.schedule
    idle: dict[str, str] = {}
    falling, cools = s.kind in FALLING, s.kind == COOL_DOWN
    ends, step, kinds = ("end_factor", "beta2_end"), ("step_factor", "step_every"), ("kind", "cooldown")[: 1 + cools]
    if not falling:
        idle |= {f"schedule.{name}": "unless schedule.kind is cosine or cool-down" for name in ends}
    if not cools:
        idle["schedule.cooldown"] = "unless schedule.kind is cool-down"
    if s.kind != "step":
        idle |= {f"schedule.{name}": "unless schedule.kind is step" for name in step}
    penalty_falls = config.regulariser.kind != "none" and config.regulariser.weight_end >= 0
    # With a cool-down, these change in the last part of the run as well.
    others = penalty_falls or (config.augmentation.probability_end >= 0 and PLANNED not in _of_augmentation(config))
    if falling and not has_limit(config.stop):
        idle |= {f"schedule.{name}": NO_LIMIT for name in (*kinds, *ends)}
    elif falling and s.end_factor == 1 and s.beta2_end in (0, config.optimiser.beta2) and not (cools and others):
        idle |= dict.fromkeys(
            (f"schedule.{name}" for name in kinds), "while schedule.end_factor is 1 and schedule.beta2_end is 0"
        )
    if s.kind == "step" and s.step_factor == 1:
        idle |= {f"schedule.{name}": "while schedule.step_factor is 1" for name in ("kind", "step_every")}
    return idle


def _of_the_machine(config: TrainConfig) -> dict[str, str]:
    """Of averages, precision, batches and diagnostics."""
    idle: dict[str, str] = {}
    if not config.ema.enabled:
        idle |= {f"ema.{name}": "while ema.enabled is off" for name in ("half_life", "ramp")}
    if config.architecture.kind != "dcgan":
        idle["precision.winograd"] = f"in {config.architecture.kind} networks"
    if config.device in ("cpu", "mps"):
        idle |= {f"precision.{name}": f"on {config.device}" for name in ("cuda_graphs", "tf32")}
    if not config.diagnostics.enabled:
        idle |= {f"diagnostics.{name}": "while diagnostics.enabled is off" for name in ("share", "on_alarm")}
    if 0 < config.batch.size <= config.batch.micro:
        idle["batch.micro"] = f"unless it is below batch.size, which is {config.batch.size}"
    return idle
