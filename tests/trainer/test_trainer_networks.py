"""The layer tables of the source documents, and networks at every size."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from small_runs import small_config

from trainer.describe import describe_config, layer_table
from trainer.layers import BatchNorm2d, MinibatchStd, OpponentConv2d, opponent_axes
from trainer.networks import build_networks
from trainer.protocol.config import fit_data
from trainer.protocol.errors import TrainerError
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset, preset_names
from trainer.protocol.shapes import normed_blocks, stages

# Preset: the author's generator and discriminator channels, blocks with BatchNorm, dense units.
FACTS = {
    "gandam-part-1": ([1024, 1024, 512, 256, 3], [256, 512, 512, 1024], 3, [1]),
    "gandam-step-1-deeper-256": ([1024, 512, 256, 128, 64, 32, 3], [64, 128, 256, 512, 1024, 2048], 4, [1024, 1]),
    "gandam-step-2-dense-64": ([1024, 512, 256, 128, 64, 3], [32, 64, 128, 256, 512, 1024], 4, [4096, 8192, 1]),
    "gandam-step-3-dense-256": (
        [1024, 1024, 512, 256, 128, 64, 32, 3], [16, 32, 64, 128, 256, 512, 1024, 1024], 4, [4096, 12288, 4096, 1],
    ),
    "gandam-part-2": (
        [2048, 2048, 1024, 512, 256, 128, 64, 3], [32, 64, 128, 256, 512, 1024, 2048, 2048], 4, [1],
    ),
}  # fmt: skip
MILLIONS = {"gandam-part-1": (44.1, 8.3), "gandam-part-2": (100.6, 62.9)}
SETTINGS = {  # picture size, latent, batch, lr D, lr G, label noise, decay, mirror-doubled
    "gandam-part-1": (128, 300, 32, 3e-5, 1e-4, 0.10, 1.0, True),
    "gandam-step-1-deeper-256": (256, 300, 32, 1e-5, 1e-4, 0.01, 1.0, True),
    "gandam-step-2-dense-64": (64, 300, 32, 1e-5, 1e-4, 0.01, 0.2, False),
    "gandam-step-3-dense-256": (256, 100, 16, 5e-5, 5e-4, 0.01, 0.2, False),
    "gandam-part-2": (256, 2048, 16, 5e-5, 5e-4, 0.01, 0.2, False),
}


@pytest.mark.parametrize("name", sorted(FACTS))
def test_the_layers_are_those_of_the_source(name: str) -> None:
    ups, downs, normed, dense = FACTS[name]
    facts = describe_config(load_preset(name))
    generator, discriminator = facts["generator"]["layers"], facts["discriminator"]["layers"]
    transposed = [layer for layer in generator if layer["type"] == "ConvTranspose2d"]
    assert [layer["output"][0] for layer in transposed] == ups
    assert {(layer["kernel"], layer["stride"]) for layer in transposed} == {(3, 2)}
    sides = [layer["output"][1] for layer in transposed]
    assert sides[-1] == facts["size"]
    assert all(later == 2 * earlier for earlier, later in itertools.pairwise(sides))
    convolutions = [layer for layer in discriminator if layer["type"] == "Conv2d"]
    assert [layer["output"][0] for layer in convolutions] == downs
    norms = [layer["output"][0] for layer in discriminator if layer["type"] == "BatchNorm2d"]
    assert norms == downs[:normed]
    assert [layer["output"][0] for layer in discriminator if layer["type"] == "Linear"] == dense
    assert sum(layer["type"] == "Dropout" for layer in discriminator) == len(downs)
    for part in ("generator", "discriminator"):
        assert sum(layer["parameters"] for layer in facts[part]["layers"]) == facts[part]["parameters"]


@pytest.mark.parametrize("name", sorted(MILLIONS))
def test_parameter_counts_are_those_of_the_source(name: str) -> None:
    facts = describe_config(load_preset(name))
    for part, millions in zip(("generator", "discriminator"), MILLIONS[name], strict=True):
        assert facts[part]["parameters"] / 1e6 == pytest.approx(millions, abs=0.07)
    assert f"{facts['discriminator']['parameters'] / 1e6:.1f} M" in layer_table(facts)


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_the_settings_are_those_of_the_source(name: str) -> None:
    c = load_preset(name)
    assert (
        c.data.size, c.architecture.latent, c.batch.size, c.optimiser.lr_d, c.optimiser.lr_g, c.objective.label_noise,
        c.schedule.step_factor, c.augmentation.mirror,
    ) == SETTINGS[name]  # fmt: skip
    assert (c.optimiser.beta1, c.optimiser.beta2, c.objective.kind) == (0.9, 0.999, "bce")
    assert (c.batch.sampler, c.architecture.norm_momentum, c.architecture.dropout) == ("replacement", 0.7, 0.25)


def test_dcgan_has_its_well_known_size() -> None:
    facts = describe_config(load_preset("dcgan"))
    assert facts["generator"]["parameters"] == 3_576_704
    assert facts["discriminator"]["parameters"] == 2_765_568


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("size", [32, 64, 128, 256])
def test_every_preset_fits_every_size_and_alpha(name: str, size: int) -> None:
    channels = 4 if size == 64 else 3
    facts = describe_config(fit_data(load_preset(name), size, channels))
    assert facts["scaled"] == (size != load_preset(name).architecture.size)
    if load_preset(name).is_flow:
        last = facts["generator"]["layers"][-1]["output"]
        assert math.prod(last) == channels * size**2
        assert "discriminator" not in facts
        return
    # After the picture's layer come tanh, or the map that colours it.
    shown = [layer["output"] for layer in facts["generator"]["layers"][-2:]]
    palette = load_preset(name).architecture.palette
    assert [palette or channels, size, size] in shown
    assert not palette or [palette * channels] in shown
    assert facts["discriminator"]["layers"][-1]["output"] == [1]


def test_networks_are_a_function_of_the_seed() -> None:
    config = apply_overrides(load_preset("sprite-r3-cpu"), ["seed=5"])
    torch.manual_seed(1)
    one, _ = build_networks(config)
    torch.manual_seed(2)
    two, _ = build_networks(config)
    other, _ = build_networks(apply_overrides(config, ["seed=6"]))
    pairs = list(zip(one.parameters(), two.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_classes_change_the_picture_and_the_score() -> None:
    config = apply_overrides(load_preset("sprite-r3-cpu"), ["data.condition=left,right"])
    generator, discriminator = build_networks(config)
    assert generator.classes == 3
    z = torch.randn(1, generator.latent).repeat(3, 1)
    pictures = generator(z, torch.arange(3))
    assert (pictures[0] - pictures[1]).abs().max() > 1e-3
    with torch.no_grad():
        scores = discriminator(pictures[:1].repeat(3, 1, 1, 1), torch.arange(3))
    assert len({round(float(score), 6) for score in scores}) == 3


def test_modulation_lets_the_latent_reach_every_stage() -> None:
    z = torch.randn(2, 8)
    for modulation, reaches in (("no", False), ("yes", True)):
        config = apply_overrides(small_config("sprite-r3"), [f"modulation={modulation}"])
        core = build_networks(config)[0].core
        core.linear.weight.data.zero_()  # The 4x4 map is the basis, the same for every latent.
        core.linear.bias.data.fill_(1.0)
        with torch.no_grad():
            first, second = core(z)
        assert torch.equal(first, second) != reaches


def test_skips_draw_and_see_at_every_stage() -> None:
    generator, discriminator = build_networks(apply_overrides(small_config("sprite-r3"), ["skips=yes"]))
    core = generator.core
    assert len(core.pictures) == len(core.stages) - 1 == len(discriminator.core.pictures)
    core.picture.weight.data.zero_()  # The last stage draws nothing: what is seen comes from those before.
    for picture in core.pictures:
        picture.weight.data.zero_()
    core.pictures[0].bias.data.copy_(torch.tensor([0.1, 0.2, 0.3]))
    core.pictures[-1].bias.data.copy_(torch.tensor([0.0, 0.0, 0.3]))
    with torch.no_grad():
        drawn = core(torch.randn(2, 8))
    assert torch.allclose(drawn, torch.tanh(torch.tensor([0.1, 0.2, 0.6])).view(1, 3, 1, 1).expand_as(drawn))

    critic = discriminator.core
    critic.picture.weight.data.zero_()  # The first stage is blind: only the reduced pictures are left to judge by.
    with torch.no_grad():
        one, other = critic(torch.rand(2, 3, *[small_config("sprite-r3").data.size] * 2))
    assert not torch.equal(one, other)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("skips", ["yes", "no"])
def test_a_palette_has_colours_of_each_latent_and_places_choose(channels: int, skips: str) -> None:
    changes = ("palette=5", "modulation=yes", f"skips={skips}")
    generator = build_networks(small_config("sprite-r3-cpu", *changes, channels=channels))[0]
    core, z = generator.core, torch.randn(3, 8)
    colours = torch.tanh(core.palette(z)).view(3, 5, channels)
    assert (colours[0] - colours[1]).abs().max() > 0.1, "other latents have other colours"
    # The last stage is certain of one colour at the left and of another at the right; those before say nothing.
    for picture in (core.picture, *core.pictures):
        picture.weight.data.zero_()
        picture.bias.data.zero_()
    core.picture.register_forward_hook(lambda _layer, _given, made: made + sure)
    sure = torch.zeros(1, 5, 32, 32)
    sure[:, 1, :, :16], sure[:, 4, :, 16:] = 9.0, 9.0
    with torch.no_grad():
        drawn = generator(z)
    assert torch.allclose(drawn[..., :16], colours[:, 1, :, None, None].expand(3, channels, 32, 16), atol=1e-5)
    assert torch.allclose(drawn[..., 16:], colours[:, 4, :, None, None].expand(3, channels, 32, 16), atol=1e-5)
    # Undecided places have the mean of all; no place is beyond the colours.
    sure.zero_()
    with torch.no_grad():
        drawn = generator(z)
    assert torch.allclose(drawn, colours.mean(1)[:, :, None, None].expand_as(drawn), atol=1e-5)
    latents = torch.randn(3, core.mixing_stages, 8)
    sure[:, 2] = 9.0
    with torch.no_grad():
        mixed = generator.staged(latents)
    last = torch.tanh(core.palette(latents[:, -1])).view(3, 5, channels)[:, 2]
    assert torch.allclose(mixed, last[:, :, None, None].expand_as(mixed), atol=1e-5), "the last stage's latent colours"


def test_one_colour_is_refused() -> None:
    with pytest.raises(TrainerError, match="palette"):
        apply_overrides(load_preset("sprite-r3-cpu"), ["palette=1"])


@pytest.mark.parametrize("channels", [3, 4])
def test_colour_weight_counts_colour_but_neither_lightness_nor_alpha(channels: int) -> None:
    layer, plain = OpponentConv2d(channels, 5, 3, 1, 3.0), OpponentConv2d(channels, 5, 3, 1, 1.0)
    x = torch.randn(2, channels, 6, 6)
    assert plain.axes is None
    assert torch.equal(plain(x), torch.nn.functional.conv2d(x, plain.weight, plain.bias, padding=1))
    axes = opponent_axes(channels, 3.0)
    # A step along grey has the length it had, one along any colour difference three times its length.
    grey, reddish, yellowish = torch.ones(3), torch.tensor([1.0, -1.0, 0.0]), torch.tensor([0.5, 0.5, -1.0])
    for step, factor in ((grey, 1.0), (reddish, 3.0), (yellowish, 3.0), (reddish - 2 * yellowish, 3.0)):
        assert float((axes[:3, :3] @ step).norm()) == pytest.approx(factor * float(step.norm()), rel=1e-5)
    assert torch.equal(axes[3:], torch.eye(channels)[3:])
    seen = torch.einsum("oi,bihw->bohw", axes, x)
    expected = torch.nn.functional.conv2d(seen, layer.weight, layer.bias, padding=1)
    assert torch.allclose(layer(x), expected, atol=1e-5)


def test_minibatch_std_is_zero_for_equal_pictures_and_exact_for_two() -> None:
    layer = MinibatchStd(2)
    same = layer(torch.ones(2, 3, 4, 4))
    assert same.shape == (2, 4, 4, 4)
    assert same[:, 3].max() < 1e-3
    apart = layer(torch.stack([torch.zeros(3, 4, 4), torch.full((3, 4, 4), 2.0)]))
    assert torch.allclose(apart[:, 3], torch.ones(2, 4, 4), atol=1e-5)


def test_batch_norm_alone_is_torchs() -> None:
    ours, theirs = BatchNorm2d(5), torch.nn.BatchNorm2d(5)
    x = torch.randn(4, 5, 3, 3)
    assert torch.equal(ours(x), theirs(x))
    assert torch.equal(ours.running_var, theirs.running_var)


@pytest.mark.parametrize(
    ("preset", "changes"),
    [("dcgan", ()), ("dcgan", ("discriminator_norm=none",)), ("gandam-part-1", ()), ("gandam-step-2-dense-64", ())],
)
def test_normalised_blocks_are_those_that_are_built(preset: str, changes: tuple[str, ...]) -> None:
    config = small_config(preset, *changes)
    _, discriminator = build_networks(config)
    built = sum(isinstance(module, BatchNorm2d) for module in discriminator.modules())
    assert normed_blocks(config.architecture, stages(config.architecture, config.data.size)) == built
