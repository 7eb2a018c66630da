"""Draws sprites from the model in this folder: python draw.py --count 16 --seed 0 --out sprites.png

Needs numpy and Pillow, and onnxruntime (for generator.onnx) or torch and safetensors (for generator.safetensors):

    pip install numpy pillow onnxruntime
    pip install numpy pillow torch safetensors

No other file of the program that trained the model is needed. With torch, equal seeds give the samples that the
program's own `sample --seed` draws.
"""

import argparse
import hashlib
import json
import math
import sys
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
AT_ONCE = 64


def main() -> None:
    """Draw a sheet of sprites."""
    parser = argparse.ArgumentParser(description="Draw sprites from the model in this folder.")
    parser.add_argument("--count", type=int, default=16, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="equal seeds draw equal sprites")
    parser.add_argument("--out", type=Path, default=Path("sprites.png"), help="the PNG to write")
    parser.add_argument("--engine", choices=["onnx", "torch"], help="which file to draw from [what is installed]")
    options = parser.parse_args()
    about = json.loads((HERE / "generator.json").read_text(encoding="utf-8"))
    z = latents(options.seed, options.count, about["inputs"]["z"][1])
    labels = np.arange(options.count) % len(about["classes"]) if about["classes"] else None
    engine = options.engine or choose()
    draw, parts = with_onnx if engine == "onnx" else with_torch, []
    for first in range(0, options.count, AT_ONCE):
        part = slice(first, first + AT_ONCE)
        parts.append(draw(about, z[part], None if labels is None else labels[part]))
    sheet(pixels(np.concatenate(parts), about)).save(options.out)
    print(f"{options.count} sprites of seed {options.seed} in {options.out} ({engine})")


def choose() -> str:
    """The engine that is there."""
    for engine, module, name in (
        ("onnx", "onnxruntime", "generator.onnx"),
        ("torch", "torch", "generator.safetensors"),
    ):
        if (HERE / name).exists():
            try:
                __import__(module)
            except ImportError:
                continue
            return engine
    sys.exit("install onnxruntime, or torch and safetensors; see the top of this file")


def latents(seed: int, count: int, size: int) -> np.ndarray:
    """(count, size) float32 from N(0, 1): those of the program where torch is installed, else numpy's."""
    try:
        import torch
    except ImportError:
        return np.random.default_rng(seed).standard_normal((count, size)).astype(np.float32)
    rows = []
    for index in range(count):
        digest = hashlib.blake2b(f"{seed}/sample/{index}".encode(), digest_size=8).digest()
        source = torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
        rows.append(torch.randn(size, generator=source).numpy())
    return np.stack(rows)


def with_onnx(about: dict, z: np.ndarray, labels: "np.ndarray | None") -> np.ndarray:
    """Pictures (N, C, H, W) in [-1, 1]."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(HERE / "generator.onnx"), providers=["CPUExecutionProvider"])
    inputs = {"z": z} if labels is None else {"z": z, "labels": labels.astype(np.int64)}
    return session.run(None, inputs)[0]


def with_torch(about: dict, z: np.ndarray, labels: "np.ndarray | None") -> np.ndarray:
    """Pictures (N, C, H, W) in [-1, 1]."""
    import torch
    from safetensors.torch import load_file

    weights = load_file(HERE / "generator.safetensors")
    config = about["config"]
    kinds = {"sprite": draw_sprite, "gandam": draw_layers, "dcgan": draw_layers, "unet": draw_flow}
    kind = config["architecture"]["kind"]
    if kind not in kinds or any("parametrizations" in name for name in weights):
        sys.exit(f"this file cannot draw from a {kind} network's weights; use --engine onnx")
    x = torch.from_numpy(z)
    if kind == "unet":  # A flow: it is told the class in every step.
        config = {**config, "labels": labels, "shape": about["output"][1:]}
    elif labels is not None:
        x = torch.cat([x, weights["class_vectors.weight"][torch.from_numpy(labels).long()]], 1)
    core = {name.removeprefix("core."): value for name, value in weights.items() if name.startswith("core.")}
    with torch.no_grad():
        return kinds[kind](core, x, config).float().numpy()


def normed(weights: dict, name: str, x, config: dict):
    """Batch normalisation with the statistics of training, where the network has it."""
    from torch.nn import functional

    if f"{name}.running_mean" not in weights:
        return x
    return functional.batch_norm(
        x, weights[f"{name}.running_mean"], weights[f"{name}.running_var"], weights[f"{name}.weight"],
        weights[f"{name}.bias"], False, 0.0, config["architecture"]["norm_eps"],
    )  # fmt: skip


def draw_sprite(weights: dict, z, config: dict):
    """Residual stages from a learned 4x4 basis; channels scaled by the latent, pictures summed over the stages.

    With a palette these are scores of its colours, which the latent makes; a place has their mean, weighted by softmax.
    """
    import torch
    from torch.nn import functional

    def linear(name: str):
        return functional.linear(z, weights[f"{name}.weight"], weights[f"{name}.bias"])[:, :, None, None]

    def conv(name: str, x, padding: int = 0):
        return functional.conv2d(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"), padding=padding)

    def stage(index: int, x):
        y = conv(f"stages.{index}.first", act(normed(weights, f"stages.{index}.norm", x, config)), 1)
        return x + conv(f"stages.{index}.second", act(y), 1)

    def act(x):
        return functional.leaky_relu(x, 0.2)

    def up(x):
        return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    def scaled(index: int, x):
        return x * (1 + linear(f"scales.{index}")) if f"scales.{index}.weight" in weights else x

    x, drawn = stage(0, scaled(0, weights["basis"] * linear("linear"))), None
    count = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("stages."))
    for index in range(1, count):
        if f"pictures.{index - 1}.weight" in weights:
            part = conv(f"pictures.{index - 1}", act(x))
            drawn = up(part if drawn is None else drawn + part)
        x = stage(index, scaled(index, up(conv(f"changes.{index - 1}", x))))
    part = conv("picture", act(x), 1)
    drawn = part if drawn is None else drawn + part
    if "palette.weight" not in weights:
        return torch.tanh(drawn)
    colours = torch.tanh(linear("palette")).reshape(len(z), drawn.shape[1], -1)
    shares = (4 * drawn).softmax(1).flatten(2)
    return (colours.transpose(1, 2) @ shares).reshape(len(z), -1, *drawn.shape[2:])


def draw_layers(weights: dict, z, config: dict):
    """Dense layers and transposed convolutions, as their weights stand one after the other.

    Kernels of 3 double the side with ReLU before the normalisation, those of 4 (DCGAN) have it after.
    """
    import torch
    from torch.nn import functional

    numbers = sorted({int(name.split(".")[0]) for name in weights})
    layers = [number for number in numbers if f"{number}.running_mean" not in weights]
    x, dcgan = z, config["architecture"]["kind"] == "dcgan"
    for number in layers:
        weight, bias, last = weights[f"{number}.weight"], weights.get(f"{number}.bias"), number == layers[-1]
        if weight.ndim == 2:
            x = functional.relu(functional.linear(x, weight, bias))
            continue
        if x.ndim == 2:
            side = 1 if dcgan else config["architecture"]["base"]
            x = x.reshape(len(x), -1, side, side)
        if dcgan:
            first = number == layers[0]
            x = functional.conv_transpose2d(x, weight, bias, 1 if first else 2, 0 if first else 1)
            x = torch.tanh(x) if last else functional.relu(normed(weights, str(number + 1), x, config))
        else:
            x = functional.conv_transpose2d(x, weight, bias, 2, 1, 1)
            x = torch.tanh(x) if last else normed(weights, str(number + 2), functional.relu(x), config)
    return x


def draw_flow(weights: dict, z, config: dict):
    """From noise to a picture in many steps: a UNet guesses the picture, and each step goes a part of the way there."""
    import torch
    from torch.nn import functional

    flow, labels = config["flow"], config["labels"]
    patch = math.isqrt(weights["enter.weight"].shape[1] // config["shape"][0])
    stages = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("down."))
    blocks = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("down."))

    def linear(name: str, x):
        return functional.linear(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"))

    def conv(name: str, x, padding: int = 0):
        return functional.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=padding)

    def norm(name: str, x):
        count = x.shape[1]
        groups = next(n for n in range(max(1, count // 8), 0, -1) if count % n == 0)
        return functional.group_norm(x, groups, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def block(name: str, x, told):
        scale, shift = linear(f"{name}.scale_shift", told)[:, :, None, None].chunk(2, 1)
        y = norm(f"{name}.second_norm", conv(f"{name}.first", functional.silu(norm(f"{name}.norm", x)), 1))
        x = conv(f"{name}.skip", x) if f"{name}.skip.weight" in weights else x
        return x + conv(f"{name}.second", functional.silu(y * (1 + scale) + shift), 1)

    def attention(x):
        count, channels, height, width = x.shape
        heads = 4 if channels % 4 == 0 else 1
        parts = conv("attention.asked", norm("attention.norm", x))
        parts = parts.reshape(count, 3 * heads, channels // heads, height * width).transpose(2, 3)
        mixed = functional.scaled_dot_product_attention(*parts.chunk(3, 1))
        return x + conv("attention.answer", mixed.transpose(2, 3).reshape(count, channels, height, width))

    def guessed(x, time: float, classes):
        angles = torch.full((len(x), 1), time) * weights["waves"]
        told = torch.cat([angles.cos(), angles.sin()], 1)
        told = linear("time.2", functional.silu(linear("time.0", told)))
        if "classes.weight" in weights:
            told = told + weights["classes.weight"][classes]
        told, kept = functional.silu(told), []
        y = conv("enter", functional.pixel_unshuffle(x, patch), 1)
        for index in range(stages):
            y = functional.avg_pool2d(y, 2) if index else y
            for number in range(blocks):
                y = block(f"down.{index}.{number}", y, told)
                kept.append(y)
        y = attention(block("middle", y, told))
        for index in range(stages):
            y = functional.interpolate(y, scale_factor=2, mode="nearest") if index else y
            for number in range(blocks):
                y = block(f"up.{index}.{number}", torch.cat([y, kept.pop()], 1), told)
        y = functional.pixel_shuffle(conv("leave", functional.silu(norm("norm", y)), 1), patch)
        return x + (1 - time) * y if flow["prediction"] == "velocity" else y

    x = z.reshape(-1, *config["shape"])
    untold = torch.full((len(x),), len(weights["classes.weight"]) - 1) if "classes.weight" in weights else None
    classes = untold if labels is None else torch.from_numpy(labels).long()
    many = flow.get("solver") == "dpm-solver++"  # DPM-Solver++(2M), Lu et al. 2022; otherwise Euler's method.
    times = [(step / flow["steps"]) ** (1.5 if many else 1) for step in range(flow["steps"] + 1)]
    least = min(1e-3, flow["steps"] ** -1.5 / 2)
    clear = [math.log(time / (1 - time)) for time in (min(max(one, least), 1 - least) for one in times)]
    last = x
    for step, now in enumerate(times[:-1]):
        guess = guessed(x, now, classes)
        if labels is not None and flow["guidance"] != 1:  # Away from what it would draw without a class.
            without = guessed(x, now, untold)
            guess = without + flow["guidance"] * (guess - without)
        aim = guess
        if many and 0 < step < flow["steps"] - 1:  # On along a line through the last two guesses.
            ahead = (clear[step + 1] - clear[step]) / (2 * (clear[step] - clear[step - 1]))
            aim = guess + (guess - last) * ahead
        x, last = torch.lerp(x, aim, (times[step + 1] - now) / (1 - now)), guess
    return x


def pixels(pictures: np.ndarray, about: dict) -> np.ndarray:
    """(N, C, H, W) in [-1, 1] -> uint8 (N, H, W, C); the background is taken out of half-clear pixels again, and what
    is nearly background becomes background where the run asks for that.
    """
    x = pictures.transpose(0, 2, 3, 1).astype(np.float32)
    if x.shape[3] == 4:
        under = np.array(about.get("background", [255, 255, 255]), np.float32) / 127.5 - 1
        alpha = np.clip((x[..., 3:] + 1) / 2, 0, 1)
        colour = np.where(alpha > 1 / 255, (x[..., :3] - under * (1 - alpha)) / np.maximum(alpha, 1 / 255), under)
        x = np.concatenate([colour, x[..., 3:]], 3)
    found = np.rint((np.clip(x, -1, 1) + 1) * 127.5).astype(np.uint8)
    levels, ground = about["config"].get("sampling", {}).get("snap", 0), about.get("background", [255, 255, 255])
    if not levels:
        return found
    if found.shape[3] == 3:
        near = np.abs(found.astype(np.int16) - np.array(ground)).max(3, keepdims=True) <= levels
        return np.where(near, np.array(ground, np.uint8), found)
    alpha = found[..., 3:]
    snapped = np.where(alpha <= levels, np.array([*ground, 0], np.uint8), found)
    snapped[..., 3:][alpha >= 255 - levels] = 255
    return snapped


def sheet(pictures: np.ndarray) -> Image.Image:
    """All pictures in one, row by row."""
    count, height, width, channels = pictures.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    made = np.zeros((rows * height, columns * width, channels), np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * height, index % columns * width
        made[top : top + height, left : left + width] = picture
    return Image.fromarray(made)


if __name__ == "__main__":
    main()
