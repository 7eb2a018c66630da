"""Where a run trains: its device, system and versions, as its events tell."""

from __future__ import annotations

import contextlib
import dataclasses
import platform
from pathlib import Path

import torch

from trainer.protocol.events import RunStarted

CPU_INFO = Path("/proc/cpuinfo")
_MODEL = ("model name", "Hardware", "Model")
"""Lines of `CPU_INFO` that name the processor, on x86 and on ARM."""


def with_environment(started: RunStarted, device: torch.device) -> RunStarted:
    """The event with device_name, system, python and torch. Nothing in these names the machine or the person."""
    return dataclasses.replace(
        started,
        device_name=device_name(device),
        system=" ".join(filter(None, (platform.system(), platform.release(), platform.machine()))),
        python=platform.python_version(),
        torch=str(torch.__version__),
    )


def device_name(device: torch.device) -> str:
    """What the device is called: the graphics card, or the processor; "" if the system does not tell."""
    if device.type == "cuda":
        with contextlib.suppress(RuntimeError, AssertionError):
            return str(torch.cuda.get_device_name(device))
        return ""
    return _processor() or platform.processor()


def _processor() -> str:
    """The processor's name on Linux, where `platform.processor` has only its kind, or nothing."""
    with contextlib.suppress(OSError):
        with CPU_INFO.open(encoding="utf-8", errors="replace") as stream:
            lines = [line.partition(":")[::2] for line in stream.read(1 << 16).splitlines()]
        for wanted in _MODEL:
            for name, value in lines:
                if name.strip() == wanted and value.strip():
                    return " ".join(value.split())
    return ""
