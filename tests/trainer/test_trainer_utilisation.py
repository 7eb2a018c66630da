"""Utilisation of the device, measured without delaying training."""

from __future__ import annotations

import sys
import threading
import time
from functools import partial
from types import ModuleType, SimpleNamespace

import pytest
import torch

from trainer.utilisation import CpuUtilisation, GpuUtilisation, by_library, number_printed, nvidia_smi, utilisation_of


def test_a_computing_process_is_busier_than_a_sleeping_one() -> None:
    meter = CpuUtilisation()
    time.sleep(0.2)
    asleep = meter.percent()
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    computing = meter.percent()
    assert asleep is not None
    assert computing is not None
    assert 0 <= asleep < computing <= 100


def is_asking() -> bool:
    """Whether a thread is still running a tool."""
    return any(thread.name == "utilisation" for thread in threading.enumerate())


def wait_for_the_end() -> None:
    deadline = time.monotonic() + 30
    while is_asking() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_asking()


@pytest.mark.parametrize(
    ("code", "told"),
    [("print(37)", 37.0), ("print('[N/A]')", None), ("print(250)", None), ("print(37); raise SystemExit(9)", None)],
)
def test_a_tool_is_asked_by_a_thread_and_believed_only_when_it_makes_sense(code: str, told: float | None) -> None:
    meter = GpuUtilisation(partial(number_printed, [sys.executable, "-c", code]), every=60)
    deadline = time.monotonic() + 30
    while is_asking() and meter.percent() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert meter.percent() == told
    meter.close()
    wait_for_the_end()


def test_a_missing_tool_is_no_failure() -> None:
    meter = GpuUtilisation(partial(number_printed, ["no-such-tool-of-any-vendor"]))
    wait_for_the_end()
    assert meter.percent() is None


def test_the_library_is_asked_where_it_is_installed(monkeypatch) -> None:
    driver = ModuleType("pynvml")
    driver.NVMLError = type("NVMLError", (Exception,), {})
    rates = [37, 250]

    def handle(uuid: str) -> str:
        if uuid != "GPU-1":
            raise driver.NVMLError("not found")
        return uuid

    def utilisation(gpu: str) -> SimpleNamespace:
        if not rates:
            raise driver.NVMLError("the driver is gone")
        return SimpleNamespace(gpu=rates.pop(0))

    driver.nvmlInit, driver.nvmlDeviceGetHandleByUUID = lambda: None, handle
    driver.nvmlDeviceGetUtilizationRates = utilisation
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    ask = by_library("GPU-1")
    assert ask is not None
    assert [ask(), ask(), ask()] == [37.0, None, None]
    assert by_library("GPU-2") is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert by_library("GPU-1") is None


def test_the_device_chooses_what_is_asked() -> None:
    assert isinstance(utilisation_of(torch.device("cpu")), CpuUtilisation)
    assert utilisation_of(torch.device("mps")) is None
    assert nvidia_smi("GPU-1")[:2] == ["nvidia-smi", "--id=GPU-1"]
