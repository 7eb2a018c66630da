"""The layers of a configuration's networks, with output shapes and parameter counts."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from trainer.generators import FlowGenerator, build_all
from trainer.layers import Dropout, MinibatchStd
from trainer.networks import Generator, parameter_count
from trainer.networks_convolutional import Shape
from trainer.networks_sprite import SpriteCritic, SpriteGenerator
from trainer.protocol.config import TrainConfig

OWN = (Dropout, MinibatchStd, Shape)


def describe_config(config: TrainConfig) -> dict[str, Any]:
    """{"preset", "size", "scaled", "generator": {"parameters", "layers"}, "discriminator": {...}}.

    A layer is {"name", "type", "output": [C, H, W] or [N], "parameters", "kernel", "stride"}. A flow has
    no discriminator. The networks are built on torch's meta device. Raises TrainerError.
    """
    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        networks = build_all(config)
    generator = networks["generator"]
    assert isinstance(generator, Generator)
    if isinstance(generator, FlowGenerator):
        generator.steps, generator.guidance = 1, 1.0  # All passes go through the same layers.
    z = torch.empty(2, generator.latent, device="meta")
    labels = torch.empty(2, dtype=torch.long, device="meta") if generator.classes else None
    pictures = torch.empty(2, config.data.channels, config.data.size, config.data.size, device="meta")
    inputs = {"generator": (z, labels), "discriminator": (pictures, labels)}
    return {
        "preset": config.preset,
        "size": config.data.size,
        "scaled": config.scaled,
        **{name: _described(network, inputs[name]) for name, network in networks.items()},
    }


def _described(network: nn.Module, inputs: tuple[Any, ...]) -> dict[str, Any]:
    layers: list[dict[str, Any]] = []
    hooks = []
    counted: set[int] = set()
    for name, module in network.named_modules():
        leaf = not any(True for _ in module.children()) or hasattr(module, "parametrizations")
        if (leaf or isinstance(module, OWN)) and not name.count("parametrizations"):
            hooks.append(module.register_forward_hook(_noting(name, layers, counted)))
    network.eval()
    network(*inputs)
    for hook in hooks:
        hook.remove()
    loose = sum(p.numel() for p in network.parameters() if id(p) not in counted)
    if loose:
        core = getattr(network, "core", None)
        kind = "LearnedBasis" if isinstance(core, SpriteGenerator | SpriteCritic) else "Embedding"
        layers.insert(0, {"name": "basis", "type": kind, "output": [], "parameters": loose})
    return {"parameters": parameter_count(network), "layers": layers}


def _noting(name: str, layers: list[dict[str, Any]], counted: set[int]) -> Any:
    def note(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        own = [p for p in module.parameters() if id(p) not in counted]
        counted.update(id(p) for p in own)
        kind = type(module).__name__.replace("Parametrized", "Spectral")
        layer: dict[str, Any] = {"name": name, "type": kind, "output": list(output.shape[1:])}
        layer["parameters"] = sum(p.numel() for p in own)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            layer |= {"kernel": module.kernel_size[0], "stride": module.stride[0]}
        layers.append(layer)

    return note


def layer_table(facts: dict[str, Any]) -> str:
    """The description as a text table."""
    note = " (scaled)" if facts["scaled"] else ""
    lines = [f"{facts['preset']} at {facts['size']} px{note}"]
    for part in ("generator", "discriminator"):
        if part not in facts:
            continue
        lines += ["", f"{part}: {facts[part]['parameters'] / 1e6:.1f} M parameters ({facts[part]['parameters']:,})"]
        for layer in facts[part]["layers"]:
            shape = " x ".join(map(str, layer["output"])) or "1"
            kernel = f"{layer['kernel']}x{layer['kernel']}/{layer['stride']}" if "kernel" in layer else ""
            lines.append(f"  {layer['type']:22} {kernel:6} {shape:18} {layer['parameters']:>12,}")
    return "\n".join(lines)
