"""The device: choosing it, its settings and what it reports."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any

import torch

from trainer.protocol.errors import no_device


@dataclass(frozen=True)
class Machine:
    """Where and how to compute.

    Attributes:
        device: torch device. bf16: run convolutions in bfloat16. channels_last: pictures' memory layout.
        graphs: record and replay CUDA graphs.
        winograd: compute 4x4 convolutions of stride 2 faster (see `trainer.layers`).
        tf32: which float32 products are rounded to TF32: "convolutions", "all" (matrix products too) or "off".
    """

    device: torch.device
    bf16: bool = False
    channels_last: bool = False
    graphs: bool = False
    winograd: bool = False
    tf32: str = "off"

    @property
    def precision(self) -> str:
        """ "bf16", "fp32", or for instance "fp32 (TF32 convolutions)"."""
        if self.bf16:
            return "bf16"
        return {"convolutions": "fp32 (TF32 convolutions)", "all": "fp32 (TF32 products)"}.get(self.tf32, "fp32")

    def autocast(self) -> torch.autocast:
        """The context in which networks run."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16, cache_enabled=not self.graphs)


def choose_device(wanted: str, local_rank: int = 0) -> torch.device:
    """The device for `wanted` ("auto": CUDA, then MPS, then CPU). Raises TrainerError when it is not available."""
    found = available_devices()
    if wanted == "auto":
        wanted = found[0]
    if wanted not in found:
        raise no_device(wanted)
    return torch.device("cuda", local_rank % torch.cuda.device_count()) if wanted == "cuda" else torch.device(wanted)


def available_devices() -> list[str]:
    """What this machine can train on, the best first: "cuda", "mps", "cpu"."""
    mps = getattr(torch.backends, "mps", None)
    found = ["cuda"] if torch.cuda.is_available() else []
    found += ["mps"] if mps is not None and mps.is_available() else []
    return [*found, "cpu"]


def set_threads(wanted: int, sharing: int = 1) -> None:
    """Use `wanted` CPU threads; 0 stands for OMP_NUM_THREADS, or torch's choice divided among `sharing` processes.

    At most the number of processors: a run from a larger machine may ask for more, and more take many times as long.
    """
    if wanted:
        torch.set_num_threads(min(wanted, os.cpu_count() or 1))
    elif sharing > 1 and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, torch.get_num_threads() // sharing))


def set_tf32(wanted: str, device: torch.device) -> str:
    """Let CUDA round float32 operands to TF32 (10 bits) in "convolutions", in "all" products, or not at all ("off").

    Applies to the whole process. Returns what is in effect on this device, which may not support TF32.
    """
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 0):
        return "off"
    torch.backends.cudnn.allow_tf32 = wanted != "off"
    torch.backends.cuda.matmul.allow_tf32 = wanted == "all"
    return wanted


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def marked(device: torch.device) -> Any:
    """An event recorded after all work queued so far, to `synchronize` with; None on devices that are synchronous."""
    event: Any = None
    if device.type == "cuda":
        event = torch.cuda.Event()
    elif device.type == "mps":
        event = torch.mps.event.Event()
    if event is not None:
        event.record()
    return event


def bf16_may_pay(device: torch.device) -> bool:
    """Whether the device has bfloat16 hardware; elsewhere trying it takes minutes and never wins."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        amx = getattr(torch.cpu, "_is_amx_tile_supported", None)
        return bool((probe and probe()) or (amx and amx()))
    return False


def memory_mb(device: torch.device) -> float:
    """Peak memory: of the device on CUDA, else of this process (MiB; 0.0 if unknown)."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def available_memory() -> int:
    """Bytes of free main memory, or 2 GiB if unknown."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2 * 2**30
