"""The small typed dataclasses a training configuration is made of: one independent choice each.

Every field carries its meaning, unit and range as metadata, so that a form, a table or `--help` can be made from
the classes alone; the same metadata validates values.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, get_type_hints

from trainer.recipe import SIZES


def setting(
    default: Any,
    meaning: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Any, ...] = (),
    unit: str = "",
) -> Any:
    """A dataclass field with its meaning, inclusive range, choices and unit."""
    metadata = {"meaning": meaning, "low": low, "high": high, "choices": choices, "unit": unit}
    return dataclasses.field(default=default, metadata=metadata)


class Settings:
    """Base of all sections: validates every field against its type and metadata. Raises ValueError."""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = coerce(getattr(self, field.name), hints[field.name], field.name)
            object.__setattr__(self, field.name, value)
            _check_range(field.name, value, field.metadata)


def coerce(value: Any, kind: Any, name: str) -> Any:
    """Return `value` as `kind` where that loses nothing (1 -> 1.0, list -> tuple). Raises ValueError."""
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (tuple[int, ...], tuple[str, ...]) and isinstance(value, list | tuple):
        inner = int if kind == tuple[int, ...] else str
        return tuple(coerce(item, inner, name) for item in value)
    plain = kind if isinstance(kind, type) else object
    if kind in (int, float) and isinstance(value, bool):
        plain = type(None)
    if not isinstance(value, plain):
        wanted = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(kind, "a list")
        raise ValueError(f"{name} must be {wanted}, not {value!r}")
    return value


def _check_range(name: str, value: Any, metadata: Any) -> None:
    choices, low, high = metadata.get("choices"), metadata.get("low"), metadata.get("high")
    if choices and value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(str, choices))}, not {value!r}")
    for item in value if isinstance(value, tuple) else (value,):
        if low is not None and not item >= low:
            raise ValueError(f"{name} must be at least {low}, not {item}")
        if high is not None and not item <= high:
            raise ValueError(f"{name} must be at most {high}, not {item}")


@dataclass(frozen=True)
class Data(Settings):
    """What is trained on. Size and channels follow from the recipe of the prepared data set."""

    size: int = setting(64, "side of the training pictures", choices=SIZES, unit="pixels")
    channels: int = setting(3, "3 for colour on a background, 4 to learn transparency as well", choices=(3, 4))
    subset: int = setting(0, "train on this many pictures chosen once by the seed; 0 uses all", low=0, unit="pictures")
    every_other: bool = setting(False, "hold out every other picture before choosing")
    condition: tuple[str, ...] = setting((), "learn these tags as classes one can ask for; empty learns no classes")


@dataclass(frozen=True)
class Architecture(Settings):
    """The two networks. Blocks farthest from the 4x4 core are dropped or added when `data.size` differs from `size`."""

    kind: str = setting(
        "dcgan",
        "family of networks: gandam (2019), dcgan (2015), sprite (residual)",
        choices=("gandam", "dcgan", "sprite"),
    )
    size: int = setting(64, "picture side the layer lists below are written for", choices=SIZES, unit="pixels")
    latent: int = setting(100, "numbers in the latent vector z ~ N(0, 1)", low=1, high=16384)
    base: int = setting(4, "side of the generator's first map", choices=(1, 2, 4), unit="pixels")
    generator_base_channels: int = setting(0, "channels of the first map made by the dense layers; 0: none", low=0)
    generator_dense: tuple[int, ...] = setting((), "hidden dense layers before the first map", low=1)
    generator_channels: tuple[int, ...] = setting(
        (512, 256, 128, 64), "channels after each stage, inner to outer", low=1
    )
    discriminator_channels: tuple[int, ...] = setting(
        (64, 128, 256, 512), "channels of each stage, outer to inner", low=1
    )
    discriminator_dense: tuple[int, ...] = setting((), "hidden dense layers before the score", low=1)
    generator_norm: str = setting("batch", "normalisation in the generator", choices=("batch", "none"))
    discriminator_norm: str = setting(
        "batch", "normalisation in the discriminator", choices=("batch", "spectral", "none")
    )
    discriminator_norm_blocks: int = setting(
        -1, "batch normalisation in the first so many blocks (gandam); -1: as the family has it", low=-1
    )
    norm_momentum: float = setting(0.1, "weight of the newest batch in BatchNorm's running statistics", low=0, high=1)
    dropout: float = setting(0.0, "share of discriminator features dropped in training", low=0, high=0.9)
    modulation: bool = setting(False, "the latent also scales the channels of every generator stage (sprite only)")
    skips: bool = setting(
        False, "every generator stage draws into the picture and every discriminator stage sees it (sprite only)"
    )
    colour_weight: float = setting(
        1.0, "how much colour counts beside lightness in the discriminator's eyes (sprite only)", low=0, high=16
    )
    minibatch_std: bool = setting(False, "show the discriminator how much a group of pictures varies")


@dataclass(frozen=True)
class Objective(Settings):
    """What the two networks play for."""

    kind: str = setting(
        "bce",
        "bce (Goodfellow 2014, non-saturating), wasserstein (Arjovsky 2017), hinge (Lim 2017), "
        "relativistic (pairing, Jolicoeur-Martineau 2018), least-squares (Mao 2017)",
        choices=("bce", "wasserstein", "hinge", "relativistic", "least-squares"),
    )
    label_noise: float = setting(0.0, "labels are drawn within this distance of 1 and 0 (bce only)", low=0, high=0.5)
    critic_steps: int = setting(1, "discriminator steps before each generator step", low=1, high=20)
    shared_latents: bool = setting(
        False, "the generator learns from the pictures that the discriminator has just seen, drawn only once"
    )


@dataclass(frozen=True)
class Regulariser(Settings):
    """A gradient penalty on the discriminator."""

    kind: str = setting(
        "none",
        "none, gp (WGAN-GP, Gulrajani 2017), r1 (Mescheder 2018, on real pictures), r1r2 (on real and generated)",
        choices=("none", "gp", "r1", "r1r2"),
    )
    weight: float = setting(0.0, "lambda (gp) or gamma (r1, r1r2) at the start", low=0)
    weight_end: float = setting(-1.0, "the same at the end, reached by a cosine; negative: constant")
    every: int = setting(
        1, "apply only every so many discriminator steps, multiplied to make up for it", low=1, high=64
    )


@dataclass(frozen=True)
class Augmentation(Settings):
    """Changes both networks' pictures in the same way before the discriminator sees them (Zhao 2020, Karras 2020)."""

    probability: float = setting(1.0, "share of pictures changed, by each kind of change", low=0, high=1)
    translation: float = setting(0.0, "largest shift, filled with the background", low=0, high=0.5, unit="of the side")
    brightness: float = setting(0.0, "largest change of brightness", low=0, high=1)
    saturation: float = setting(0.0, "largest change of saturation", low=0, high=1)
    contrast: float = setting(0.0, "largest change of contrast", low=0, high=1)
    cutout: float = setting(
        0.0, "side of the square hidden; can leak transparent boxes", low=0, high=0.5, unit="of the side"
    )
    mirror: bool = setting(False, "show left-right mirror images too: undoes curated facing")
    rotation: bool = setting(False, "show quarter turns too: leaks into the samples")
    adaptive: bool = setting(False, "raise and lower the probability as the discriminator overfits")
    target: float = setting(0.6, "overfitting signal the adaptive rule holds", low=-1, high=1)
    ceiling: float = setting(0.8, "largest adaptive probability", low=0, high=1)


@dataclass(frozen=True)
class Optimiser(Settings):
    """Adam (Kingma & Ba 2015) for both networks."""

    lr_g: float = setting(2e-4, "generator's learning rate", low=0, high=1)
    lr_d: float = setting(2e-4, "discriminator's learning rate", low=0, high=1)
    beta1: float = setting(0.5, "decay of the mean of gradients", low=0, high=0.9999)
    beta2: float = setting(0.999, "decay of the mean of squared gradients", low=0, high=0.99999)
    eps: float = setting(1e-8, "added to the root for stability", low=0, high=1)


@dataclass(frozen=True)
class Schedule(Settings):
    """How learning rates and beta2 change while training."""

    kind: str = setting(
        "constant", "constant, cosine (over the whole run) or step", choices=("constant", "cosine", "step")
    )
    end_factor: float = setting(1.0, "cosine: learning rate at the end, times the start", low=0, high=1)
    step_factor: float = setting(1.0, "step: multiply the rates by this", low=0, high=1)
    step_every: int = setting(20_000, "step: every so many iterations", low=1, unit="iterations")
    beta2_end: float = setting(0.0, "cosine: beta2 at the end; 0 keeps it", low=0, high=0.99999)


@dataclass(frozen=True)
class Ema(Settings):
    """A running average of the generator's weights, from which steadier pictures are drawn."""

    enabled: bool = setting(False, "keep the average and sample from it")
    half_life: int = setting(40_000, "pictures seen until old weights count half", low=1, unit="pictures")
    ramp: float = setting(0.05, "half-life is at most this share of the pictures seen so far", low=0, high=1)


@dataclass(frozen=True)
class Precision(Settings):
    """Number formats and memory layout: how fast, not what."""

    kind: str = setting("auto", "auto tries bf16 and keeps it where it is faster", choices=("auto", "fp32", "bf16"))
    channels_last: str = setting("auto", "memory layout of pictures; auto tries it", choices=("auto", "on", "off"))
    cuda_graphs: str = setting(
        "auto", "replay recorded CUDA steps; auto: on CUDA when possible", choices=("auto", "on", "off")
    )
    winograd: str = setting(
        "auto", "4x4 convolutions with fewer multiplications; auto: on CPUs in fp32", choices=("auto", "on", "off")
    )
    tf32: str = setting(
        "convolutions",
        "where fp32 on CUDA rounds factors to TF32's 10 bits, which is much faster: convolutions, all products, or off",
        choices=("convolutions", "all", "off"),
    )
    threads: int = setting(0, "CPU threads; 0 leaves it to torch", low=0, high=1024)


@dataclass(frozen=True)
class Batch(Settings):
    """Which and how many pictures a step sees."""

    size: int = setting(64, "pictures a step, over all ranks; 0: the most that fit", low=0, high=65536, unit="pictures")
    micro: int = setting(
        0,
        "pictures at once, in whole groups of minibatch_std; gradients are accumulated to `size`; 0: all at once",
        low=0,
        unit="pictures",
    )
    sampler: str = setting(
        "shuffled",
        "shuffled (every picture once an epoch), replacement (independent draws), fixed (one batch for ever)",
        choices=("shuffled", "replacement", "fixed"),
    )


@dataclass(frozen=True)
class Sampling(Settings):
    """How often pictures, curves and checkpoints are written."""

    every: int = setting(500, "a fixed and a fresh grid every so many iterations", low=1, unit="iterations")
    count: int = setting(64, "pictures in a grid, all from one moment", low=4, high=1024, unit="pictures")
    checkpoint_every: int = setting(2_000, "a checkpoint every so many iterations", low=1, unit="iterations")
    checkpoint_minutes: float = setting(5.0, "and at least this often", low=0.01, unit="minutes")
    keep: int = setting(3, "newest checkpoints kept, besides milestones and the best", low=1)
    milestones: int = setting(
        10_000, "checkpoints at multiples of this are never removed; 0: none", low=0, unit="iterations"
    )
    progress_every: int = setting(20, "curve values are written after so many iterations", low=1, unit="iterations")


@dataclass(frozen=True)
class Stop(Settings):
    """When training is finished: at whichever limit comes first; 0 is no limit."""

    iterations: int = setting(0, "generator steps", low=0, unit="iterations")
    minutes: float = setting(0.0, "minutes of training, pauses not counted", low=0, unit="minutes")
    images: int = setting(0, "real pictures seen", low=0, unit="pictures")
