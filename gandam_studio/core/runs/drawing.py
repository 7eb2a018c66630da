"""The drawing process: keeps a trainer's process alive that draws from checkpoints whenever it is asked.

The Studio never imports torch; what it wants drawn travels as frames (see `trainer.protocol.drawing`). The process is
started with the first request. When it dies, another one takes its place and its unanswered requests, once.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Cancelled, Job
from gandam_studio.core.runs.process import environment, quiet, trainer_command
from trainer.protocol.frames import HELLO, pack, read_frame, unpack, write_frame
from trainer.protocol.untrusted import UntrustedError, shortened

LARGEST_PICTURE = 4096
MOST_PICTURES = 100_000
DEATHS = 2
"""How many processes may die at a request before it is given up."""
_POLL_S = 0.05
_JOIN_S = 5.0


@dataclass(frozen=True)
class Source:
    """A model to draw from.

    Attributes:
        folder: of a run, or of an exported model. checkpoint: of a run: an iteration, "best", or None for the newest.
    """

    folder: Path
    checkpoint: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As requests name it."""
        return {"folder": str(self.folder.absolute()), "checkpoint": self.checkpoint}


@dataclass(frozen=True)
class Answer:
    """What came back: `values`, and binary `parts`."""

    values: Mapping[str, Any]
    parts: Sequence[bytes] = ()

    def pictures(self) -> NDArray[np.uint8]:
        """The pictures of the first part, (N, H, W, C). Raises UserError for an answer that does not fit together."""
        shape = self.values.get("shape")
        if not isinstance(shape, list) or len(shape) != 4 or not all(type(side) is int for side in shape):
            raise UserError(_STRANGE)
        count, height, width, channels = shape
        sane = 0 <= count <= MOST_PICTURES and 0 < height <= LARGEST_PICTURE and 0 < width <= LARGEST_PICTURE
        if (
            not sane
            or channels not in (3, 4)
            or not self.parts
            or len(self.parts[0]) != count * height * width * channels
        ):
            raise UserError(_STRANGE)
        return np.frombuffer(self.parts[0], np.uint8).reshape(count, height, width, channels)

    def vectors(self, skip: int = 0) -> list[NDArray[np.float32]]:
        """The vectors in the parts after the first `skip`. Raises UserError."""
        found = []
        for part in self.parts[skip:]:
            if not part or len(part) % 4:
                raise UserError(_STRANGE)
            found.append(np.frombuffer(part, "<f4").astype(np.float32))
        return found

    def number(self, name: str) -> float:
        """A finite number. Raises UserError."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
            raise UserError(_STRANGE)
        return float(value)


_STRANGE = "the drawing process gave an answer that cannot be read"
_GONE = "the drawing process ended unexpectedly; try again"


@dataclass(eq=False)
class Request:
    """A request.

    Attributes:
        number: of its frames. is_over: whether the answer or the error was delivered. is_cancelled: no longer
            wanted; nothing is delivered then.
    """

    number: int
    body: bytes
    on_answer: Callable[[Answer], None]
    on_error: Callable[[Exception], None]
    on_progress: Callable[[Answer], None]
    is_over: bool = False
    is_cancelled: bool = False
    deaths: int = 0
    _settled: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float) -> bool:
        """Wait for the end; False when it has not come yet."""
        return self._settled.wait(seconds)

    def settle(self) -> None:
        """Note that it is over."""
        self.is_over = True
        self._settled.set()


def _nothing(_value: Any) -> None:
    pass


class DrawingProcess:
    """Answers requests in order. Callbacks come from a thread of its own; methods may be called from any.

    Attributes:
        starts: how many processes were started so far.
    """

    def __init__(self) -> None:
        self.starts = 0
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._open: dict[int, Request] = {}
        self._number = 0
        self._closed = False
        self._reader: threading.Thread | None = None

    def submit(
        self, op: str, source: Source, values: Mapping[str, Any] | None = None, parts: Sequence[bytes] = (), *,
        on_answer: Callable[[Answer], None] = _nothing, on_error: Callable[[Exception], None] = _nothing,
        on_progress: Callable[[Answer], None] = _nothing,
    ) -> Request:  # fmt: skip
        """Ask for something; exactly one of `on_answer` and `on_error` is called, unless it is cancelled."""
        body = pack({"op": op, "model": source.to_json(), **(values or {})}, list(parts))
        with self._lock:
            self._number += 1
            request = Request(self._number, body, on_answer, on_error, on_progress)
            if self._closed:
                request.is_cancelled = True
                request.settle()
                return request
            self._open[request.number] = request
            try:
                self._ensure()
                self._write(request.number, request.body)
            except OSError as error:
                del self._open[request.number]
                failure = UserError(f"the drawing process could not be started: {error.strerror or error}")
            else:
                return request
        on_error(failure)
        request.settle()
        return request

    def cancel(self, request: Request) -> None:
        """No longer want an answer; the process stops working on it at its next step."""
        with self._lock:
            if request.is_over or request.is_cancelled:
                return
            request.is_cancelled = True
            if request.number in self._open:
                self._write(request.number, pack({"op": "cancel", "number": request.number}, []))
        request.settle()

    def ask(
        self, op: str, source: Source, values: Mapping[str, Any] | None = None, parts: Sequence[bytes] = (), *,
        job: Job = NULL_JOB, label: str = "", on_progress: Callable[[Answer], None] = _nothing,
    ) -> Answer:  # fmt: skip
        """Ask and wait. Raises UserError with the trainer's reason, and Cancelled when the job is cancelled."""
        found: list[Answer] = []
        failed: list[Exception] = []
        at = [0, 0]

        def note(answer: Answer) -> None:
            done = answer.values.get("progress")
            if isinstance(done, list) and len(done) == 2 and all(type(value) is int for value in done):
                at[:] = done
            on_progress(answer)

        request = self.submit(
            op, source, values, parts, on_answer=found.append, on_error=failed.append, on_progress=note
        )
        shown = 0
        while not request.wait(_POLL_S):
            try:
                if label and at[1] and at[0] > shown:
                    if not shown:
                        job.start(label, at[1])
                    job.advance(at[0] - shown)
                    shown = at[0]
                job.check()
            except Cancelled:
                self.cancel(request)
                raise
        if failed:
            raise failed[0]
        if not found:
            raise Cancelled
        return found[0]

    @property
    def is_alive(self) -> bool:
        """Whether a process is running."""
        with self._lock:
            return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The id of the process that answers; None while none was started or the last one has been noticed to end."""
        with self._lock:
            return None if self._process is None else self._process.pid

    def close(self) -> None:
        """End the process; pending requests are cancelled, and no callback is called any more."""
        with self._lock:
            self._closed = True
            process, self._process = self._process, None
            reader = self._reader
            for request in self._open.values():
                request.is_cancelled = True
            rest = list(self._open.values())
            self._open.clear()
        for request in rest:
            request.settle()
        if process is not None:
            process.kill()
            process.wait()
        if reader is not None and reader is not threading.current_thread():
            reader.join(_JOIN_S)
        if process is not None:
            _close(process)

    # The process

    def _ensure(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        process = subprocess.Popen(
            trainer_command("draw"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment(), **quiet(),
        )  # fmt: skip
        self._process = process
        self.starts += 1
        self._reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._reader.start()
        self._write(HELLO, b"")

    def _write(self, number: int, body: bytes) -> None:
        """Send a frame; if the process is gone, its reader will notice."""
        assert self._process is None or self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            if self._process is not None and self._process.stdin is not None:
                write_frame(self._process.stdin, number, body)

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with contextlib.suppress(OSError, ValueError, MemoryError):
            while (frame := read_frame(process.stdout)) is not None:
                if frame[0] != HELLO:
                    self._take(*frame)
        process.kill()
        process.wait()
        self._replace(process)

    def _take(self, number: int, body: bytes) -> None:
        try:
            values, parts = unpack(body)
            if not isinstance(values, dict):
                raise UntrustedError(_STRANGE)
        except ValueError:
            values, parts = {"error": _STRANGE, "done": True}, []
        done = values.get("done") is True
        with self._lock:
            request = self._open.pop(number, None) if done else self._open.get(number)
        if request is None or request.is_cancelled:
            return
        try:
            if not done:
                request.on_progress(Answer(values, parts))
            elif isinstance(error := values.get("error"), str):
                request.on_error(UserError(shortened(error, 1000)))
            elif values.get("cancelled"):
                request.on_error(Cancelled())
            else:
                request.on_answer(Answer(values, parts))
        finally:
            if done:
                request.settle()

    def _replace(self, process: subprocess.Popen[bytes]) -> None:
        """After its end: pass unanswered requests to a new process, once; give up those that were passed before."""
        _close(process)
        with self._lock:
            if self._process is not process or self._closed:
                return
            self._process = None
            for one in [one for one in self._open.values() if one.is_cancelled]:
                del self._open[one.number]
            given_up: list[Request] = []
            if self._open:
                first = next(iter(self._open.values()))  # Answered in order, so this is the one it worked on.
                first.deaths += 1
                if first.deaths >= DEATHS:
                    given_up.append(self._open.pop(first.number))
            try:
                if self._open:
                    self._ensure()
                for one in self._open.values():
                    self._write(one.number, one.body)
            except OSError:
                given_up += self._open.values()
                self._open.clear()
        for one in given_up:
            if not one.is_cancelled:
                one.on_error(UserError(_GONE))
            one.settle()


def _close(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError, ValueError):
                pipe.close()
