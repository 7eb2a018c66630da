"""Starts `python -m trainer` in a detached process of lower priority, with its output in a log file."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import trainer
from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.workers import threads
from trainer.protocol import files
from trainer.protocol.errors import TrainerError
from trainer.protocol.remedies import without_remedy
from trainer.protocol.run_directory import PROGRESS, RunDirectory
from trainer.protocol.untrusted import shortened

# Niceness of training: keeps the window responsive and training at about 95 % of its speed.
NICENESS = 10
POLL_S = 0.1
PATIENCE_S = 5.0
"""How long a cancelled command may take to clean up."""


def trainer_command(*arguments: str) -> list[str]:
    """The command line of the trainer.

    `-P` keeps the current folder out of the module search path, so that a torch.py in a run folder is never executed.
    """
    return [sys.executable, "-P", "-m", "trainer", *arguments]


def start(run: RunDirectory, *options: str) -> subprocess.Popen[bytes]:
    """Train or resume a run in a detached process; `options` are those of `python -m trainer train`.

    If the run asks for several processes, the trainer starts the others.

    Raises UserError when the run is already being trained or the process cannot be started.
    """
    if run.is_locked():
        raise UserError(f"{run.name} is already being trained")
    try:
        files.refuse_link(run.path)
        run.refuse_links()
        with files.open_append(run.log_path) as log:
            process = subprocess.Popen(
                trainer_command("train", str(run.path), *options),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment(),
                **_detached(),
            )
    except TrainerError as error:
        raise UserError.of(error) from None
    except OSError as error:
        raise UserError(f"the trainer could not be started: {error.strerror or error}") from None
    _lower_priority(process.pid)
    return process


def start_command(module: str, words: list[str], log_path: Path) -> subprocess.Popen[bytes]:
    """Start `python -m module words...` in a detached process of low priority, with its output in a log.

    Raises UserError when it cannot be started.
    """
    try:
        with files.open_append(log_path) as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment(),
                **_detached(),
            )
    except OSError as error:
        raise UserError(f"the process could not be started: {error.strerror or error}") from None
    _lower_priority(process.pid)
    return process


def ask(*arguments: str, job: Job = NULL_JOB, label: str = "") -> dict[str, Any]:
    """Run a trainer command with `--json` and return its parsed output.

    With a `label`, the progress that the command prints is shown as a stage of the job. Raises UserError with the
    trainer's message when it fails, and jobs.Cancelled when the job is cancelled.
    """
    command = trainer_command(*arguments, "--json")
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        **quiet(),
    ) as process:
        try:
            out, lines = _communicate(process, job, label)
        except BaseException:
            _end(process)
            raise
    if process.returncode != 0:
        lines = [line for line in lines if line.strip()]
        message = (
            lines[-1].removeprefix("error: ") if lines else f"the trainer ended with exit code {process.returncode}"
        )
        message, remedy = without_remedy(message)
        raise UserError(shortened(message, 1000), remedy)
    try:
        return json.loads(out.decode().strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise UserError("the trainer's output could not be read") from None


def available_devices(job: Job = NULL_JOB) -> tuple[str, ...]:
    """What this machine can train on, the best first: "cuda", "mps", "cpu".

    Where there may be a GPU, the trainer is asked, once, which takes seconds: only torch knows what it can use. Raises
    UserError and jobs.Cancelled.
    """
    if not gpu_is_possible():
        return ("cpu",)
    with _asking:  # Two windows at once need one answer.
        if not known_devices:
            known_devices.extend(name for name in ask("devices", job=job).get("devices", ()) if isinstance(name, str))
    return tuple(known_devices)


def gpu_is_possible() -> bool:
    """False where there can be no device but the CPU: no graphics driver that torch knows is loaded."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        return (Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "nvcuda.dll").exists()
    # NVIDIA's driver, that of its small boards (Jetson), the one under WSL, and AMD's.
    known = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvmap", "/dev/dxg", "/dev/kfd")
    return any(Path(path).exists() for path in known)


known_devices: list[str] = []
"""What the trainer answered; empty until it is asked."""
_asking = threading.Lock()


def _communicate(process: subprocess.Popen[bytes], job: Job, label: str) -> tuple[bytes, list[str]]:
    """The output of the process and the lines of its error stream, without those of progress."""
    out: list[bytes] = []
    lines: list[str] = []
    at: list[int] = [0, 0]  # Pictures done, and of all.

    def read_output() -> None:
        assert process.stdout is not None
        out.append(process.stdout.read())

    def read_errors() -> None:
        assert process.stderr is not None
        for raw in process.stderr:
            line = raw.decode(errors="replace").rstrip()
            if not line.startswith(PROGRESS):
                lines.append(line)
            elif len(numbers := [int(word) for word in line.split()[1:] if word.isdecimal()]) == 2:
                at[:] = numbers

    readers = [threading.Thread(target=read, daemon=True) for read in (read_output, read_errors)]
    for reader in readers:
        reader.start()
    shown = 0
    while any(reader.is_alive() for reader in readers):
        job.check()
        for reader in readers:
            reader.join(POLL_S / len(readers))
        done, total = at
        if label and total and done > shown:
            if not shown:
                job.start(label, total)
            job.advance(done - shown)
            shown = done
    process.wait()
    return b"".join(out), lines


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command, which first removes what it has not completed; on Windows it cannot be asked to."""
    process.terminate()
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def environment() -> dict[str, str]:
    """This process's environment, with the trainer importable from a checkout that is not installed.

    By default, threads of Intel's and LLVM's OpenMP (torch on Windows and macOS) spin for 200 ms, which slows the
    window; here they sleep. For libgomp see `trainer.waiting`.
    """
    root = str(Path(trainer.__file__).resolve().parent.parent)
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    waiting = {"KMP_BLOCKTIME": "0"}
    ours = {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), "PYTHONUNBUFFERED": "1"}
    return {**waiting, **threads.environment(), **ours}


def _detached() -> dict[str, Any]:
    """Popen arguments to let the child outlive this process and its console."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        return {"creationflags": flags | subprocess.CREATE_NO_WINDOW, "close_fds": True}
    return {"start_new_session": True}


def quiet() -> dict[str, Any]:
    """Popen arguments for a short-lived child, without a console window on Windows."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW}
    return {}


def _lower_priority(pid: int) -> None:
    """Set the niceness after the start, since `preexec_fn` is unsafe with threads; not needed on Windows."""
    if hasattr(os, "setpriority"):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
