"""Sizes of the networks, computed without torch: number of stages, channels, parameters."""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass

from trainer.protocol.settings import Architecture, Data, SettingError

CLASS_FEATURES = 32  # Length of the generator's class embedding.
CHANGE_FEATURES = 9  # Numbers that tell a flow how a picture was augmented.
TIME_FEATURES = 64  # Waves that tell it the time.
LEAST_UNET = 24
"""Channels of a stage that is added to a unet, at least: more than the 16 numbers of 2 x 2 pixels with opacity."""
MOST_PARAMETERS = 2_000_000_000
"""Of one network. With gradients and Adam's two moments these take 32 GB."""


@dataclass(frozen=True)
class Stages:
    """Channels of an architecture adapted to a picture size.

    Attributes:
        generator: channels of each generator stage, inner to outer, without the picture itself.
        discriminator: channels of each discriminator stage, outer to inner.
        dropped: number of outermost discriminator blocks removed (negative: added).
    """

    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    dropped: int


def stages(architecture: Architecture, size: int) -> Stages:
    """Drop the outermost blocks for smaller pictures; for larger ones add blocks of half the channels each.

    A unet has no discriminator, and the stages that are added to it have at least LEAST_UNET channels.

    Raises SettingError when no block would be left.
    """
    doublings = round(math.log2(size / architecture.size))
    if architecture.kind == "unet":
        left = _resized(architecture.generator_channels, doublings, least=LEAST_UNET)
        if not left:
            raise SettingError("architecture.generator_channels", f"this network has too few stages for {size} px")
        return Stages(left, (), -doublings)
    generator = _resized(architecture.generator_channels, doublings)
    discriminator = _resized(architecture.discriminator_channels[::-1], doublings)[::-1]
    for name, left in (("generator_channels", generator), ("discriminator_channels", discriminator)):
        if not left:
            raise SettingError(f"architecture.{name}", f"this network has too few stages for {size} px")
    return Stages(generator, discriminator, -doublings)


def latent_size(architecture: Architecture, data: Data) -> int:
    """Random numbers that each sample is made from: a flow begins with a whole picture of noise."""
    return data.channels * data.size**2 if architecture.kind == "unet" else architecture.latent


def _resized(channels: tuple[int, ...], doublings: int, least: int = 8) -> tuple[int, ...]:
    if doublings <= 0:
        return channels[: max(0, len(channels) + doublings)]
    grown = list(channels)
    for _ in range(doublings):
        grown.append(max(least, grown[-1] // 2))
    return tuple(grown)


def widened(architecture: Architecture) -> Architecture:
    """With `wide_channels` as the last stages of both networks, and nothing left to choose."""
    wide, inner = architecture.wide_channels, len(architecture.generator_channels) - len(architecture.wide_channels)
    return dataclasses.replace(
        architecture,
        generator_channels=(*architecture.generator_channels[:inner], *wide),
        discriminator_channels=(*wide[::-1], *architecture.discriminator_channels[len(wide) :]),
        wide_from=0,
    )


def normed_blocks(architecture: Architecture, found: Stages) -> int:
    """How many blocks of the discriminator have BatchNorm, counted from the picture (dcgan's first one never has)."""
    if architecture.discriminator_norm != "batch":
        return 0
    if architecture.kind != "gandam":
        return len(found.discriminator) - (architecture.kind == "dcgan")
    blocks = architecture.discriminator_norm_blocks
    blocks = blocks if blocks >= 0 else len(architecture.discriminator_channels)
    return min(max(0, blocks - found.dropped), len(found.discriminator))


def group_of(count: int, most: int = 4) -> int:
    """The number of pictures in a group of minibatch_std, in a batch of `count`."""
    return next((group for group in range(min(most, count), 0, -1) if count % group == 0), 1)


def check_networks(architecture: Architecture, data: Data) -> None:
    """Raise SettingError when the networks, or those with wider last stages, cannot be built for these pictures."""
    _check_lengths(architecture)
    if architecture.wide_from and architecture.wide_channels and architecture.kind != "unet":
        _check_wide(architecture, data)
    found = stages(architecture, data.size)
    classes = len(data.condition) + 1 if data.condition else 0
    counts = {
        "generator_channels": generator_parameters(architecture, found, data, classes),
        "discriminator_channels": discriminator_parameters(architecture, found, data),
    }
    for name, count in counts.items():
        if count > MOST_PARAMETERS:
            raise SettingError(
                f"architecture.{name}",
                f"this network would have {count / 1e9:,.1f} thousand million parameters; "
                f"at most {MOST_PARAMETERS / 1e9:g} are possible",
            )


def _check_wide(a: Architecture, data: Data) -> None:
    few = min(len(a.generator_channels), len(a.discriminator_channels))
    if len(a.wide_channels) > few:
        raise SettingError("architecture.wide_channels", f"must name at most {few} stages, not {len(a.wide_channels)}")
    try:
        check_networks(widened(a), data)
    except SettingError as error:
        raise SettingError("architecture.wide_channels", error.reason) from None


def _check_lengths(a: Architecture) -> None:
    doublings = round(math.log2(a.size))
    if a.kind == "unet":
        wanted = doublings - round(math.log2(a.patch)) - 1
        if len(a.generator_channels) != wanted:
            raise SettingError(
                "architecture.generator_channels",
                f"unet networks of {a.size} px with a patch of {a.patch} have {wanted} stages, "
                f"not {len(a.generator_channels)}",
            )
        return
    if a.kind == "gandam":
        if a.base > 1 and not a.generator_base_channels:
            raise SettingError("architecture.base", "must be 1 if generator_base_channels is 0")
        wanted = doublings - round(math.log2(a.base)) - 1
        start = f" from a map of {a.base} px"
        fits = len(a.discriminator_channels) <= doublings
        limits = f"at most {doublings}"
    else:
        wanted = doublings - 2 + (a.kind == "sprite")
        start = ""
        fits = len(a.discriminator_channels) == wanted
        limits = str(wanted)
    of = f"{a.kind} networks of {a.size} px have"
    if len(a.generator_channels) != wanted:
        raise SettingError(
            "architecture.generator_channels", f"{of} {wanted} stages{start}, not {len(a.generator_channels)}"
        )
    if not a.discriminator_channels or not fits:
        raise SettingError(
            "architecture.discriminator_channels", f"{of} {limits} stages, not {len(a.discriminator_channels)}"
        )


def generator_parameters(a: Architecture, found: Stages, data: Data, classes: int = 0) -> int:
    """Number of weights in the generator's layers, without biases and norms."""
    if a.kind == "unet":
        return _unet_parameters(a, found, data, classes)
    latent = a.latent + (CLASS_FEATURES if classes else 0)
    widths, total = found.generator, classes * CLASS_FEATURES
    if a.kind == "sprite":
        total += latent * widths[0] + 16 * widths[0] + sum(18 * width**2 for width in widths)
        total += sum(latent * width for width in widths) * a.modulation
        total += sum(before * after for before, after in itertools.pairwise(widths))
        total += latent * a.palette * data.channels
        return total + (a.palette or data.channels) * (9 * widths[-1] + sum(widths[:-1]) * a.skips)
    if a.kind == "dcgan":
        return total + 16 * _chain((latent, *widths, data.channels))
    dense = [latent, *a.generator_dense]
    if a.generator_base_channels:
        dense.append(a.generator_base_channels * a.base**2)
    first = a.generator_base_channels or dense[-1]
    return total + _chain(dense) + 9 * _chain((first, *widths, data.channels))


def _unet_parameters(a: Architecture, found: Stages, data: Data, classes: int) -> int:
    outer = found.generator[::-1]
    told, pixels = 4 * outer[0], data.channels * a.patch**2

    def block(inputs: int, outputs: int) -> int:
        skip = inputs * outputs if inputs != outputs else 0
        return 9 * (inputs + outputs) * outputs + 2 * told * outputs + skip

    total = TIME_FEATURES * told + told**2 + CHANGE_FEATURES * told + 18 * pixels * outer[0]
    total += (classes + 1) * told if classes else 0
    total += block(outer[-1], outer[-1]) + 4 * outer[-1] ** 2
    for before, width in zip((outer[0], *outer), outer, strict=False):
        total += block(before, width) + (a.blocks - 1) * block(width, width)
    for width, before in zip(outer[::-1], (outer[-1], *outer[::-1]), strict=False):
        total += block(before + width, width) + (a.blocks - 1) * block(2 * width, width)
    return total


def discriminator_parameters(a: Architecture, found: Stages, data: Data) -> int:
    """Number of weights in the discriminator's layers, without biases, norms and classes; a unet has none."""
    widths = found.discriminator
    if a.kind == "unet":
        return 0
    last = widths[-1] + a.minibatch_std
    if a.kind == "sprite":
        total = 9 * data.channels * widths[0] + data.channels * sum(widths[1:]) * a.skips
        total += sum(18 * width**2 for width in widths)
        return total + sum(before * after for before, after in itertools.pairwise(widths)) + 17 * last
    if a.kind == "dcgan":
        return 16 * _chain((data.channels, *widths)) + 16 * last
    side = data.size >> len(widths)
    return 9 * _chain((data.channels, *widths)) + _chain((last * side**2, *a.discriminator_dense, 1))


def _chain(widths: list[int] | tuple[int, ...]) -> int:
    return sum(before * after for before, after in itertools.pairwise(widths))
