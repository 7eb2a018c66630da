"""The sections of a training configuration as typed dataclasses, one independent choice each.

The metadata of a field holds its meaning, unit and range. It validates values, and forms and tables are built from it.
"""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from dataclasses import dataclass
from typing import Any, get_type_hints

from trainer.protocol.recipe import SIZES
from trainer.protocol.untrusted import shortened

SCALE = 10**9
"""Limit for numbers of iterations or pictures; exact in all programs."""
MOST_IMAGES = 10**12
HEAVIEST = 1e30
"""Largest weight of a penalty, finite in float32 after scaling."""
MOST_CHANNELS = 16_384
MOST_UNITS = 65_536
MOST_LAYERS = 16
MOST_CLASSES = 1_000
LONGEST = 10_000
"""Characters of a text."""
COOL_DOWN = "cool-down"
FALLING = ("cosine", COOL_DOWN)
"""Schedules by which the learning rates end at `end_factor`, and beta2 at `beta2_end`."""
OTHER = "(other)"
"""The class of pictures with none of the tags in `data.condition`."""


class SettingError(ValueError):
    """A value that a setting does not accept; the message is one line that begins with the setting's name.

    Attributes:
        path: the setting's dotted name. reason: the rest of the message.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}" if reason.startswith("must ") else f"{path}: {reason}")
        self.path, self.reason = path, reason


def setting(
    default: Any,
    meaning: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Any, ...] = (),
    unit: str = "",
    most: int = LONGEST,
) -> Any:
    """A dataclass field with its meaning, inclusive range, choices and unit.

    `most` is the largest number of characters of a text, or of items of a list. Names for people and advice are in
    `trainer.protocol.advice`.
    """
    metadata = {"meaning": meaning, "low": low, "high": high, "choices": choices, "unit": unit, "most": most}
    return dataclasses.field(default=default, metadata=metadata)


class Settings:
    """Base of all sections; validates every field. Raises SettingError."""

    def __post_init__(self) -> None:
        check_fields(self)


def check_fields(holder: Any) -> None:
    """Convert every field made by `setting` to its type and check its range. Raises SettingError."""
    hints = hints_of(type(holder))
    for field in dataclasses.fields(holder):
        if "meaning" in field.metadata:
            value = coerce(getattr(holder, field.name), hints[field.name], field.name)
            object.__setattr__(holder, field.name, value)
            _check_range(field.name, value, field.metadata)


def hints_of(kind: Any) -> dict[str, Any]:
    """The types of a dataclass's fields."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    if name not in _HINTS:
        _HINTS[name] = get_type_hints(kind)
    return _HINTS[name]


_HINTS: dict[str, dict[str, Any]] = {}


def coerce(value: Any, kind: Any, name: str) -> Any:
    """Convert `value` to `kind` if that is lossless (1 -> 1.0, list -> tuple). Raises SettingError."""
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return float(value)
    if kind in (tuple[int, ...], tuple[str, ...]) and isinstance(value, list | tuple):
        inner = int if kind == tuple[int, ...] else str
        return tuple(coerce(item, inner, name) for item in value)
    plain = kind if isinstance(kind, type) else object
    if kind in (int, float) and isinstance(value, bool):
        plain = type(None)
    if not isinstance(value, plain) or plain is object:
        wanted = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(kind, "a list")
        raise SettingError(name, f"must be {wanted}, not {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    try:
        return shortened(repr(value), 60)
    except (ValueError, RecursionError):  # An integer with thousands of digits, or very deep lists.
        return "that"


def _check_range(name: str, value: Any, metadata: Any) -> None:
    choices, low, high, most = (metadata[key] for key in ("choices", "low", "high", "most"))
    if choices and value not in choices:
        raise SettingError(name, f"must be one of {', '.join(map(str, choices))}, not {_shown(value)}")
    if isinstance(value, str | tuple) and len(value) > most:
        kind = "characters" if isinstance(value, str) else "items"
        raise SettingError(name, f"must have at most {most:,} {kind}, not {len(value):,}")
    for item in value if isinstance(value, tuple) else (value,):
        if isinstance(item, str):
            _check_text(name, item, LONGEST if isinstance(value, str) else LONGEST // 10)
        elif isinstance(item, float) and not math.isfinite(item):
            raise SettingError(name, f"must be a finite number, not {item}")
        elif low is not None and not item >= low:
            raise SettingError(name, f"must be at least {low:,}, not {_shown(item)}")
        elif high is not None and not item <= high:
            raise SettingError(name, f"must be at most {high:,}, not {_shown(item)}")


def _check_text(name: str, text: str, longest: int) -> None:
    """Raise SettingError for text that is too long, not valid Unicode, or more than one line."""
    if len(text) > longest:
        raise SettingError(name, f"must have at most {longest:,} characters an item, not {len(text):,}")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise SettingError(name, "must be text on one line")


@dataclass(frozen=True)
class Data(Settings):
    """The training pictures. Size and channels follow from the recipe of the prepared data set."""

    size: int = setting(
        64,
        "side of the training pictures",
        choices=SIZES,
        unit="pixels",
    )
    channels: int = setting(3, "3 for colour on a background, 4 to learn transparency as well", choices=(3, 4))
    subset: int = setting(
        0, "train on this many pictures chosen once by the seed; 0 uses all", low=0, high=SCALE, unit="pictures"
    )
    every_other: bool = setting(False, "leave out every other picture before choosing")
    condition: tuple[str, ...] = setting((), "tags to learn as classes; empty: no classes", most=MOST_CLASSES)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.subset == 1:
            raise SettingError("subset", "must be 0 or at least 2: nothing can be learnt from one picture")
        tags = self.condition
        if wrong := [tag for tag in tags if not tag.strip() or tag == OTHER]:
            raise SettingError("condition", f"{_shown(wrong[0])} cannot be a class of its own")
        if len(set(tags)) < len(tags):
            raise SettingError("condition", "names a tag twice")


@dataclass(frozen=True)
class Architecture(Settings):
    """The two networks. Blocks farthest from the 4x4 core are dropped or added when `data.size` differs from `size`."""

    kind: str = setting(
        "dcgan",
        "family of networks: gandam (2019), dcgan (2015), sprite (residual), unet (of a flow; Ronneberger 2015)",
        choices=("gandam", "dcgan", "sprite", "unet"),
    )
    size: int = setting(64, "picture side the layer lists below are written for", choices=SIZES, unit="pixels")
    latent: int = setting(
        100,
        "random numbers that each sample is made from: the latent vector z ~ N(0, 1)",
        low=1,
        high=16384,
    )
    base: int = setting(
        4, "side of the generator's first map (gandam; others begin at 4)", choices=(1, 2, 4), unit="pixels"
    )
    generator_base_channels: int = setting(
        0, "channels of the first map made by the dense layers; 0: none (gandam only)", low=0, high=MOST_CHANNELS
    )
    generator_dense: tuple[int, ...] = setting(
        (), "hidden dense layers before the first map (gandam only)", low=1, high=MOST_UNITS, most=MOST_LAYERS
    )
    generator_channels: tuple[int, ...] = setting(
        (512, 256, 128, 64), "channels after each stage, inner to outer", low=1, high=MOST_CHANNELS, most=MOST_LAYERS
    )
    discriminator_channels: tuple[int, ...] = setting(
        (64, 128, 256, 512), "channels of each stage, outer to inner", low=1, high=MOST_CHANNELS, most=MOST_LAYERS
    )
    wide_channels: tuple[int, ...] = setting(
        (), "channels of the last stages, outermost last, of both networks where there is time for it", low=1,
        high=MOST_CHANNELS, most=MOST_LAYERS,
    )  # fmt: skip
    wide_from: int = setting(
        0, "iterations that a new run's limits must leave time for to give it wide_channels; 0: never, also where the "
        "channels were set by hand, and once it was chosen", low=0, high=SCALE, unit="iterations",
    )  # fmt: skip
    discriminator_dense: tuple[int, ...] = setting(
        (), "hidden dense layers before the score (gandam only)", low=1, high=MOST_UNITS, most=MOST_LAYERS
    )
    generator_norm: str = setting("batch", "normalisation in the generator", choices=("batch", "none"))
    discriminator_norm: str = setting(
        "batch", "normalisation in the discriminator", choices=("batch", "spectral", "none")
    )
    discriminator_norm_blocks: int = setting(
        -1,
        "number of first blocks with batch normalisation (gandam only); -1: all",
        low=-1,
        high=MOST_LAYERS,
    )
    norm_momentum: float = setting(0.1, "weight of the newest batch in BatchNorm's running statistics", low=0, high=1)
    dropout: float = setting(
        0.0, "share of discriminator features dropped in training (gandam, dcgan)", low=0, high=0.9
    )
    modulation: bool = setting(False, "the latent also scales the channels of every generator stage (sprite only)")
    skips: bool = setting(
        False, "every generator stage draws into the picture and every discriminator stage sees it (sprite only)"
    )
    palette: int = setting(
        0, "colours that the generator makes of each latent and chooses from; 0: any colour everywhere (sprite only)",
        low=0, high=256,
    )  # fmt: skip
    colour_weight: float = setting(
        1.0, "weight of colour relative to lightness for the discriminator (sprite only)", low=0, high=16
    )
    minibatch_std: bool = setting(False, "show the discriminator the variation within a group of pictures")
    norm_eps: float = setting(1e-5, "added to BatchNorm's variances; Keras has 1e-3", low=1e-12, high=1)
    dense_activation: str = setting(
        "leaky", "after the discriminator's hidden dense layers (gandam only)", choices=("leaky", "relu")
    )
    patch: int = setting(
        2,
        "side of the squares of pixels that are taken together (unet only)",
        choices=(1, 2, 4, 8, 16, 32, 64),
        unit="pixels",
    )
    blocks: int = setting(1, "residual blocks of a stage, on the way in and on the way out (unet only)", low=1, high=8)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.palette == 1:
            raise SettingError("palette", "must be 0 or at least 2: one colour draws nothing")


@dataclass(frozen=True)
class Objective(Settings):
    """The losses of the two networks."""

    kind: str = setting(
        "bce",
        "bce (Goodfellow 2014, non-saturating), wasserstein (Arjovsky 2017), hinge (Lim 2017), "
        "relativistic (pairing, Jolicoeur-Martineau 2018), least-squares (Mao 2017); or flow, which has no "
        "discriminator (flow matching, Lipman 2023; rectified flow, Liu 2023)",
        choices=("bce", "wasserstein", "hinge", "relativistic", "least-squares", "flow"),
    )
    label_noise: float = setting(
        0.0,
        "real and generated are marked by random numbers this near to 1 and 0 (bce only)",
        low=0,
        high=0.5,
    )
    critic_steps: int = setting(1, "discriminator steps before each generator step", low=1, high=20)
    shared_latents: bool = setting(
        False, "the generator learns from the pictures that the discriminator has just seen, drawn only once"
    )
    separate_steps: bool = setting(
        False, "two discriminator steps, on real and then on generated pictures, instead of one (not relativistic)"
    )
    fakes_batchnorm: str = setting(
        "train",
        "BatchNorm of the generator while the discriminator learns: train (by the batch) or inference (by the "
        "running averages, which then move in the generator's step only)",
        choices=("train", "inference"),
    )


@dataclass(frozen=True)
class Flow(Settings):
    """How a flow learns to turn noise into pictures, and draws them (objective flow only).

    A noisy picture at time t is (1 - t) noise + t picture. The network is asked for the picture in it.
    """

    prediction: str = setting(
        "picture",
        "what the network puts out: the picture (Li & He 2025) or the velocity, picture - noise (Lipman 2023)",
        choices=("picture", "velocity"),
    )
    loss: str = setting(
        "velocity",
        "whose squared error is the loss: velocity (errors count more the less noise there is) or picture",
        choices=("velocity", "picture"),
    )
    clamp: float = setting(
        0.05, "least noise 1 - t that velocities are divided by in the loss (loss velocity only)", low=1e-4, high=1
    )
    time_mean: float = setting(
        -0.6, "times are sigmoid(N(mean, spread)): below 0 more noise is learnt (Esser 2024)", low=-5, high=5
    )
    time_spread: float = setting(0.8, "how far the times spread, see time_mean", low=0.01, high=5)
    solver: str = setting(
        "euler",
        "how samples follow the flow: dpm-solver++ (2M, Lu 2022) needs fewer steps than euler",
        choices=("euler", "dpm-solver++"),
    )
    steps: int = setting(32, "network passes for each sample", low=1, high=1000)
    grid_steps: int = setting(
        6, "the same for the samples of a running training, which are to cost little", low=1, high=32
    )
    class_drop: float = setting(
        0.1, "share of training pictures whose class is not told, as guidance needs (Ho & Salimans 2022)", low=0, high=1
    )
    guidance: float = setting(
        1.0, "how far samples are pushed towards their class; 1: not at all. Twice the time (Ho & Salimans 2022)",
        low=0, high=20,
    )  # fmt: skip


@dataclass(frozen=True)
class Regulariser(Settings):
    """A gradient penalty on the discriminator."""

    kind: str = setting(
        "none",
        "none, gp (WGAN-GP, Gulrajani 2017), r1 (Mescheder 2018, on real pictures), r1r2 (on real and generated)",
        choices=("none", "gp", "r1", "r1r2"),
    )
    weight: float = setting(
        0.0,
        "how strong the penalty is at the start: lambda (gp) or gamma (r1, r1r2)",
        low=0,
        high=HEAVIEST,
    )
    weight_end: float = setting(
        -1.0, "the same at the run's limit, reached by a cosine; negative: constant", low=-HEAVIEST, high=HEAVIEST
    )
    every: int = setting(1, "apply only at every n-th discriminator step, scaled to compensate", low=1, high=64)


@dataclass(frozen=True)
class Augmentation(Settings):
    """Changes real and generated pictures alike before the discriminator sees them (Zhao 2020, Karras 2020)."""

    probability: float = setting(
        1.0,
        "share of pictures changed, by each kind of change but mirror",
        low=0,
        high=1,
    )
    probability_end: float = setting(
        -1.0, "the same at the run's limit, reached by a cosine; negative: constant", low=-1, high=1
    )
    after_views: float = setting(
        0.0,
        "no picture is changed before each was seen this often on average; 0: from the start",
        low=0,
        high=SCALE,
        unit="views",
    )
    translation: float = setting(0.0, "largest shift, filled with the background", low=0, high=0.5, unit="of the side")
    brightness: float = setting(0.0, "largest change of brightness", low=0, high=1)
    saturation: float = setting(0.0, "largest change of saturation", low=0, high=1)
    contrast: float = setting(0.0, "largest change of contrast", low=0, high=1)
    cutout: float = setting(
        0.0, "side of the square hidden; can leak transparent boxes", low=0, high=0.5, unit="of the side"
    )
    mirror: bool = setting(
        False,
        "show left-right mirror images too: undoes curated facing",
    )
    rotation: bool = setting(False, "show quarter turns too: leaks into the samples")
    adaptive: bool = setting(False, "raise and lower the probability as the discriminator overfits")
    target: float = setting(0.6, "sign of overfitting that the adaptive rule keeps: 0 none, 1 strong", low=-1, high=1)
    ceiling: float = setting(0.8, "largest adaptive probability", low=0, high=1)


@dataclass(frozen=True)
class Optimiser(Settings):
    """Adam (Kingma & Ba 2015) for both networks."""

    lr_g: float = setting(
        2e-4,
        "generator's learning rate",
        low=0,
        high=1,
    )
    lr_d: float = setting(
        2e-4,
        "discriminator's learning rate",
        low=0,
        high=1,
    )
    beta1: float = setting(0.5, "decay of the mean of gradients", low=0, high=0.9999)
    beta2: float = setting(0.999, "decay of the mean of squared gradients", low=0, high=0.99999)
    eps: float = setting(
        1e-8, "added to the root of the mean of squares, so that nothing is divided by 0", low=1e-30, high=1
    )
    clip: float = setting(0.0, "a longer gradient of a network is shortened to this; 0: never", low=0, high=HEAVIEST)


@dataclass(frozen=True)
class Schedule(Settings):
    """How learning rates and beta2 change while training."""

    kind: str = setting(
        "constant",
        "constant, cosine (over the whole run, which needs a limit), cool-down (the same over the last part of the run "
        "alone; Hu 2024) or step",
        choices=("constant", *FALLING, "step"),
    )
    cooldown: float = setting(
        0.2,
        "cool-down: this last share of the run, in which rates, beta2, penalty and augmentation change",
        low=0.01,
        high=1,
    )
    end_factor: float = setting(1.0, "cosine, cool-down: learning rate at the end, times the start", low=0, high=1)
    step_factor: float = setting(1.0, "step: multiply the rates by this", low=0, high=1)
    step_every: int = setting(20_000, "step: after each of this many iterations", low=1, high=SCALE, unit="iterations")
    beta2_end: float = setting(0.0, "cosine, cool-down: beta2 at the end; 0 keeps it", low=0, high=0.99999)
    warmup: int = setting(
        0, "learning rates rise from 0 in this many first iterations", low=0, high=SCALE, unit="iterations"
    )


@dataclass(frozen=True)
class Ema(Settings):
    """An exponential moving average of the generator's weights, which draws steadier pictures."""

    enabled: bool = setting(False, "keep the average and sample from it")
    half_life: int = setting(
        40_000, "pictures seen until old weights count half", low=1, high=MOST_IMAGES, unit="pictures"
    )
    ramp: float = setting(
        0.05, "half-life is at most this share of the pictures seen so far; 0: no such bound", low=0, high=1
    )
    post_hoc: bool = setting(
        False, "keep averages of three more widths in the checkpoints, of which one of any width can be made after "
        "training (post-hoc EMA, Karras 2024)",
    )  # fmt: skip


@dataclass(frozen=True)
class Precision(Settings):
    """Number formats and memory layout, which affect speed."""

    kind: str = setting("auto", "auto tries bf16 and keeps it where it is faster", choices=("auto", "fp32", "bf16"))
    channels_last: str = setting("auto", "memory layout of pictures; auto tries it", choices=("auto", "on", "off"))
    cuda_graphs: str = setting(
        "auto", "replay recorded CUDA steps; auto: on CUDA when possible", choices=("auto", "on", "off")
    )
    winograd: str = setting(
        "auto",
        "dcgan's 4x4 convolutions by faster methods; auto: on CPUs (Winograd in fp32, columns in bf16)",
        choices=("auto", "on", "off"),
    )
    tf32: str = setting(
        "convolutions",
        "where fp32 on CUDA rounds factors to TF32's 10 bits, which is much faster: convolutions, all products, or off",
        choices=("convolutions", "all", "off"),
    )
    threads: int = setting(0, "CPU threads, of those the machine has; 0 leaves it to torch", low=0, high=1024)


@dataclass(frozen=True)
class Batch(Settings):
    """The pictures of a step."""

    size: int = setting(
        64,
        "pictures per step, over all ranks; 0: as many as fit",
        low=0,
        high=65536,
        unit="pictures",
    )
    micro: int = setting(
        0,
        "pictures in memory at once, in whole groups of minibatch_std; gradients are accumulated to "
        "`size`; 0: all at once",
        low=0,
        high=65536,
        unit="pictures",
    )
    sampler: str = setting(
        "shuffled",
        "shuffled (every picture once per epoch), replacement (independent draws), fixed (always the same batch); "
        "pictures of unequal weight are drawn independently, by weight, unless fixed",
        choices=("shuffled", "replacement", "fixed"),
    )


@dataclass(frozen=True)
class Sampling(Settings):
    """How often pictures, curves and checkpoints are written."""

    every: int = setting(
        500,
        "iterations between two moments with samples (same and new ones)",
        low=1,
        high=SCALE,
        unit="iterations",
    )
    count: int = setting(64, "pictures in a grid, all from one moment", low=4, high=1024, unit="pictures")
    snap: int = setting(
        0, "colours of a sample this near to the background become the background; 0: none", low=0, high=127,
        unit="of 255 levels",
    )  # fmt: skip
    checkpoint_every: int = setting(2_000, "iterations between two checkpoints", low=1, high=SCALE, unit="iterations")
    checkpoint_minutes: float = setting(
        5.0, "longest time between two checkpoints", low=0.01, high=SCALE, unit="minutes"
    )
    keep: int = setting(3, "newest checkpoints kept, besides milestones and the best", low=1, high=SCALE)
    milestones: int = setting(
        10_000, "checkpoints at multiples of this are never removed; 0: none", low=0, high=SCALE, unit="iterations"
    )
    progress_every: int = setting(
        20, "curves are written after this many iterations, or two seconds", low=1, high=100_000, unit="iterations"
    )


@dataclass(frozen=True)
class Diagnostics(Settings):
    """Whether the run is collapsed or copies its training pictures, judged at sample points."""

    enabled: bool = setting(True, "judge the run while it trains")
    share: float = setting(
        0.03, "largest share of the training time it may take; where it takes more, some samples are not judged",
        low=0, high=1,
    )  # fmt: skip
    on_alarm: str = setting(
        "notify", "when the run collapses or copies: notify, save a checkpoint too, or stop",
        choices=("notify", "checkpoint", "stop"),
    )  # fmt: skip


@dataclass(frozen=True)
class Stop(Settings):
    """Limits of training, which ends at the first one reached; 0 is no limit."""

    iterations: int = setting(
        0,
        "iterations (generator steps) of training",
        low=0,
        high=SCALE,
        unit="iterations",
    )
    minutes: float = setting(
        0.0,
        "minutes of training, pauses not counted",
        low=0,
        high=SCALE,
        unit="minutes",
    )
    images: int = setting(0, "training pictures seen, repeats counted", low=0, high=MOST_IMAGES, unit="pictures")


@dataclass(frozen=True)
class Extension(Settings):
    """How a run goes on to another limit than its schedules were made for; written when it is given that.

    A cool-down lets the learning rates fall once more, from one progress of the run to another.
    """

    iterations: int = setting(0, "limit the schedules were made for; 0: none", low=0, high=SCALE, unit="iterations")
    minutes: float = setting(0.0, "limit the schedules were made for; 0: none", low=0, high=SCALE, unit="minutes")
    images: int = setting(0, "limit the schedules were made for; 0: none", low=0, high=MOST_IMAGES, unit="pictures")
    start_factor: float = setting(
        0.0, "learning rates at the start of the newest cool-down, times those set; 0: there was none", low=0, high=1
    )
    end_factor: float = setting(0.0, "learning rates at its end, times those set", low=0, high=1)
    start_share: float = setting(
        0.0, "share of what changes over the run that a cool-down before it had passed", low=0, high=1
    )
    from_iterations: int = setting(0, "where it started", low=0, high=SCALE, unit="iterations")
    from_minutes: float = setting(0.0, "where it started", low=0, high=SCALE, unit="minutes")
    from_images: int = setting(0, "where it started", low=0, high=MOST_IMAGES, unit="pictures")
    to_iterations: int = setting(0, "where it ends; 0: not by iterations", low=0, high=SCALE, unit="iterations")
    to_minutes: float = setting(0.0, "where it ends; 0: not by time", low=0, high=SCALE, unit="minutes")
    to_images: int = setting(0, "where it ends; 0: not by pictures", low=0, high=MOST_IMAGES, unit="pictures")
