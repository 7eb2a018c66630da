"""Exports a trained generator as safetensors, ONNX and TorchScript, each checked against the original."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import nn

from trainer import checkpoints
from trainer.generators import FlowGenerator, build_generator
from trainer.model_card import CARD, EXAMPLE, card, example
from trainer.protocol import files
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError, io_failure
from trainer.protocol.output_folders import FolderKind, check_folder, new_folder, opened_marker, write_marker
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import UntrustedError, Values
from trainer.randomness import latents
from trainer.sampling import Trained

TOLERANCE = 1e-3  # Largest difference allowed; pictures are in [-1, 1], so one of 255 levels is 8e-3.
FORMATS = ("safetensors", "torchscript", "onnx")


FILES = {"safetensors": "generator.safetensors", "torchscript": "generator.pt", "onnx": "generator.onnx"}


def _named(description: dict[str, Any]) -> str:
    ours = {"preset", "iteration", "weights", "inputs", "output", "config"} <= description.keys()
    return "model" if ours and isinstance(description.get("largest_difference"), dict) else ""


MODEL = FolderKind(
    "generator.json", "model", _named, re.compile("|".join(map(re.escape, (*FILES.values(), CARD, EXAMPLE))))
)


def export(
    trained: Trained, folder: Path, formats: tuple[str, ...] = FORMATS, *, force: bool = False,
    near: Sequence[Path] = (), run: RunDirectory | None = None, note: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Write generator.safetensors / .pt / .onnx and generator.json into `folder`, each compared with the original.

    With `run`, a model card is written as well, with the person's `note` about rights, and an example that draws from
    the files without this program. With `force` an earlier export is replaced. Its other formats are kept; when these
    hold another network, nothing is written. For `near` see `outputs.check_place`.

    Inputs of the exported networks: z (B, latent) float32 and, with classes, labels (B,) int64; output: pictures
    (B, C, H, W) in [-1, 1]. Returns {"out", "files": {name: largest difference}, "skipped": {format: reason}}.
    Raises TrainerError when an output differs.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise TrainerError(f"unknown format {unknown[0]!r}; there are {', '.join(FORMATS)}")
    writers: dict[str, Callable[[Trained, Path, tuple[torch.Tensor, ...]], np.ndarray[Any, Any]]] = {
        "safetensors": _safetensors, "torchscript": _torchscript, "onnx": _onnx,
    }  # fmt: skip
    earlier = check_folder(folder, MODEL, force=force, near=near)
    kept = _kept(trained, earlier, formats)
    inputs = _inputs(trained)
    with torch.no_grad():
        wanted = trained.generator(*inputs).numpy()
    done: dict[str, float] = {}
    skipped: dict[str, str] = {}
    try:
        with new_folder(folder, MODEL, force=force, near=near) as part:
            for name in formats:
                if name == "onnx" and (missing := _missing("onnx", "onnxscript", "onnxruntime")):
                    skipped[name] = f"needs the package {missing}: pip install 'gandam-studio[export]'"
                    continue
                difference = float(np.abs(writers[name](trained, part / FILES[name], inputs) - wanted).max())
                if not difference <= TOLERANCE:
                    raise TrainerError(f"the {name} export differs from the original by {difference:.2g}", "bug")
                done[FILES[name]] = difference
            for filename in kept:
                files.link_or_copy(earlier / filename, part / filename)
            if run is not None:
                (part / CARD).write_text(card(trained, run, note, {**kept, **done}), encoding="utf-8", newline="\n")
                (part / EXAMPLE).write_text(example(), encoding="utf-8", newline="\n")
            write_marker(part / MODEL.marker, _facts(trained, {**kept, **done}))
    except OSError as error:
        raise io_failure(f"cannot write to {folder}", error) from error
    return {"out": str(folder), "files": done, "skipped": skipped}


def _kept(trained: Trained, folder: Path, formats: tuple[str, ...]) -> dict[str, float]:
    """The files of an earlier export in other formats, with their largest differences.

    Raises TrainerError when they hold another network.
    """
    try:
        with opened_marker(folder / MODEL.marker) as (before, _listed):
            known = Values(before["largest_difference"], "largest_difference")
            others = {name: known.number(name, 0.0, least=0.0) for name in FILES.values()}
    except FileNotFoundError:
        return {}
    except UntrustedError as error:
        raise TrainerError(f"{folder / MODEL.marker}: {error}", "data") from None
    asked = {FILES[name] for name in formats}
    others = {name: value for name, value in others.items() if name not in asked and (folder / name).is_file()}
    facts = json.loads(json.dumps(_facts(trained, {})))
    with contextlib.suppress(ValueError):  # Settings that came later have their defaults.
        before = {**before, "config": json.loads(json.dumps(TrainConfig.from_json(before["config"]).to_json()))}
    if others and any(before.get(name) != facts[name] for name in ("iteration", "weights", "config")):
        raise TrainerError(
            f"{folder / next(iter(others))} is of another network (iteration {before.get('iteration')}) and its "
            "format is not exported now: export it too, or choose another folder"
        )
    return others


def _missing(*packages: str) -> str:
    return next((package for package in packages if importlib.util.find_spec(package) is None), "")


def _inputs(trained: Trained) -> tuple[torch.Tensor, ...]:
    z = latents(0, "export", 4, trained.generator.latent)
    if not trained.classes:
        return (z,)
    return z, torch.arange(4) % len(trained.classes)


def _facts(trained: Trained, done: dict[str, float]) -> dict[str, Any]:
    return {
        "preset": trained.config.preset,
        "iteration": trained.iteration,
        "weights": trained.weights,
        "inputs": {"z": ["batch", trained.generator.latent], "labels": ["batch"] if trained.classes else None},
        "output": ["batch", trained.config.data.channels, trained.config.data.size, trained.config.data.size],
        "range": [-1, 1],
        "classes": list(trained.classes),
        "background": [round((float(value) + 1) * 127.5) for value in trained.fill[:3]],
        "largest_difference": done,
        "config": trained.config.to_json(),
    }


def _safetensors(trained: Trained, path: Path, inputs: tuple[torch.Tensor, ...]) -> np.ndarray[Any, Any]:
    tensors = {k: v.contiguous() for k, v in checkpoints.module_tensors(trained.generator).items()}
    path.write_bytes(save(tensors))  # As readable by others as the files beside it; save_file writes a private one.
    again = build_generator(trained.config, len(trained.classes))
    checkpoints.restore_module(again, load_file(path))
    with torch.no_grad():
        return again.eval()(*inputs).numpy()


def _torchscript(trained: Trained, path: Path, inputs: tuple[torch.Tensor, ...]) -> np.ndarray[Any, Any]:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch warns that TorchScript is deprecated.
        traced = torch.jit.trace(trained.generator, inputs, check_trace=False)
        traced.save(str(path))
        other = inputs[0][:3], *(rest[:3] for rest in inputs[1:])  # A batch size it was not traced with.
        again = torch.jit.load(str(path))
        return np.concatenate([again(*other).numpy(), again(*(t[3:] for t in inputs)).numpy()])


class _Step(nn.Module):
    """One step of a flow: a picture and the guess before it, to the same after the step."""

    def __init__(self, flow: FlowGenerator) -> None:
        super().__init__()
        self.flow = flow

    def forward(
        self, x: torch.Tensor, last: torch.Tensor, step: torch.Tensor, labels: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.flow.stepped(x, last, step, labels)


def _onnx_of(module: nn.Module, inputs: tuple[torch.Tensor, ...], names: list[str], outputs: list[str]) -> Any:
    """A network as an ONNX model; the first side of all inputs but scalars is the batch."""
    batch = torch.export.Dim("batch", min=1, max=4096)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # The exporter warns about its own internals.
        made = torch.onnx.export(
            module, inputs, input_names=names, output_names=outputs, dynamo=True, verbose=False,
            dynamic_shapes=tuple({0: batch} if one.ndim else None for one in inputs),
        )  # fmt: skip
    assert made is not None
    return made.model_proto


def _looped(trained: Trained, flow: FlowGenerator, inputs: tuple[torch.Tensor, ...]) -> Any:
    """A flow as an ONNX model with a loop over its steps. Written out one after the other they take minutes."""
    from onnx import TensorProto, helper  # type: ignore[import-not-found,import-untyped,unused-ignore]

    x = inputs[0].view(-1, *flow.shape)
    names = ["x", "last", "step", "labels"][: 2 + len(inputs)]
    once = _onnx_of(_Step(flow), (x, x.clone(), torch.tensor(1), *inputs[1:]), names, ["x_next", "guess"])
    body, flag = once.graph, TensorProto.BOOL
    *state, step = body.input[:3]
    labels = list(body.input)[3:]  # of the outer graph, where the loop's own sees them
    loop = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), *body.node], "step",
        [step, helper.make_tensor_value_info("go", flag, []), *state],
        [helper.make_tensor_value_info("go_on", flag, []), *body.output],
    )  # fmt: skip
    constants = [
        helper.make_tensor("shape_of_x", TensorProto.INT64, [4], [-1, *flow.shape]),
        helper.make_tensor("count_of_steps", TensorProto.INT64, [], [flow.steps]),
        helper.make_tensor("go_first", flag, [], [True]),
    ]
    nodes = [
        helper.make_node("Reshape", ["z", "shape_of_x"], ["x_first"]),
        helper.make_node(
            "Loop", ["count_of_steps", "go_first", "x_first", "x_first"], ["pictures", "guess_last"], body=loop
        ),
    ]
    number = TensorProto.FLOAT
    whole = helper.make_graph(
        nodes, "flow", [helper.make_tensor_value_info("z", number, ["batch", trained.generator.latent]), *labels],
        [helper.make_tensor_value_info("pictures", number, ["batch", *flow.shape])],
        [*body.initializer, *constants],
    )  # fmt: skip
    return helper.make_model(
        whole, opset_imports=once.opset_import, functions=once.functions, ir_version=once.ir_version
    )


def _onnx(trained: Trained, path: Path, inputs: tuple[torch.Tensor, ...]) -> np.ndarray[Any, Any]:
    import onnxruntime  # type: ignore[import-not-found,import-untyped,unused-ignore]

    names, generator = ["z", "labels"][: len(inputs)], trained.generator
    if isinstance(generator, FlowGenerator):
        model = _looped(trained, generator, inputs)
    else:
        model = _onnx_of(generator, inputs, names, ["pictures"])
    path.write_bytes(model.SerializeToString())
    runtime = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    first = {name: value[:3].numpy() for name, value in zip(names, inputs, strict=True)}
    rest = {name: value[3:].numpy() for name, value in zip(names, inputs, strict=True)}
    return np.concatenate([runtime.run(None, first)[0], runtime.run(None, rest)[0]])
