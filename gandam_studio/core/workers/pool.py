"""Worker processes that may die: tasks go in, results come out in the same order.

What a task is, how it is sent and what happens when a worker dies on it is up to the caller (`Work`). A worker that
crashes, hangs or answers nonsense is replaced.
"""

from __future__ import annotations

import contextlib
import os
import queue
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from gandam_studio.core.workers.child import Child
from trainer.protocol.frames import HELLO, LAST_WORDS

_POLL_S = 0.1
_START_S = 60.0  # a worker that has not said hello by then never will
_FRUITLESS = 3  # deaths a worker on no task in particular, without an answer in between
_UNWATCHED_S = 5.0
_PREFETCH = 2  # tasks a worker holds, so that it never waits for the parent
_BACKSTOP_S = 60.0

Check = Callable[[], None]
"""Called often while there is something to wait for; may raise, as `Job.check` does when the job is cancelled."""
Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Death:
    """How a worker ended while it worked on a task.

    Attributes:
        position: what it reported last.
        overtime: it was killed because that did not change for too long.
        malformed: what was wrong with its answer, for which it was killed.
        traceback: of the exception that it ended with, "" for none.
    """

    position: int
    overtime: bool = False
    malformed: Exception | None = None
    traceback: str = ""


@dataclass(frozen=True)
class Again(Generic[Task]):
    """A task to be done by another worker; with `alone`, no other task is queued behind it."""

    task: Task
    alone: bool = False


@dataclass(frozen=True)
class Settled(Generic[Result]):
    """A result that the parent knows without a worker."""

    result: Result


class Work(Protocol[Task, Result]):
    """What one user of a pool does with it."""

    def encode(self, task: Task) -> bytes:
        """The task as it travels."""

    def decode(self, task: Task, answer: bytes) -> Result:
        """A worker's answer to it. Whatever this raises means that the answer is malformed."""

    def after_death(self, task: Task, death: Death) -> Sequence[Again[Task] | Settled[Result]]:
        """What becomes of a task that a worker died on: the parts, in order, that together replace it.

        May raise, which ends the run.
        """


class WorkersUnavailable(RuntimeError):
    """Worker processes cannot be started, or do nothing but die.

    Attributes:
        undone: the tasks taken in whose results were not given out, in order.
    """

    def __init__(self, why: str, undone: Sequence[Any]) -> None:
        super().__init__(f"worker processes cannot be started: {why}")
        self.undone = undone


@dataclass(frozen=True)
class Window(Generic[Task]):
    """How far a pool takes in tasks ahead of the results given out, a worker.

    Attributes:
        tasks: at most so many.
        weight: what one of them may hold in memory, in bytes.
        bytes: no more are taken in once those under way reach this.
    """

    tasks: int = 8
    weight: Callable[[Task], int] = lambda task: 0
    bytes: int = 1 << 62


@dataclass
class _Slot(Generic[Task, Result]):
    """A task under way: its results, in order, as parts of it where a worker died on it."""

    task: Task
    weight: int
    parts: list[_Part[Task, Result]] = field(default_factory=list)
    left: int = 1


@dataclass
class _Part(Generic[Task, Result]):
    slot: _Slot[Task, Result]
    task: Task
    alone: bool = False
    results: list[Result] = field(default_factory=list)

    def settle(self, result: Result) -> None:
        self.results = [result]
        self.slot.left -= 1


def worker_count(wanted: int, most: int) -> int:
    """How many workers: as many as wanted, or for 0 one a processor, up to `most`."""
    return wanted or min(os.cpu_count() or 1, most)


class WorkerPool(Generic[Task, Result]):
    """A context manager over up to `workers` processes, started as there is work for them and killed at its end.

    Attributes:
        children: the workers that live.
        restarts: how many workers had to be replaced.
    """

    def __init__(
        self,
        command: list[str],
        settings: dict[str, Any],
        work: Work[Task, Result],
        *,
        workers: int,
        seconds: float,
        window: Window[Task] = Window(),
        numbered: bool = False,
    ) -> None:
        """Make ready; no process is started yet.

        Args:
            command: that starts a worker (`child.command`).
            settings: what `prepare` is called with there; travels as JSON.
            numbered: whether "number" is added to them, how many other workers there are.
            work: what is done.
            workers: at most so many processes.
            seconds: a worker that does not report another position for so long is killed.
            window: how far tasks are taken in ahead.
        """
        self.children: list[Child[_Part[Task, Result]]] = []
        self.restarts = 0
        self._command = command
        self._settings = settings
        self._numbered = numbered
        self._work = work
        self._size = workers
        self._seconds = seconds
        self._window = window
        self._waiting: deque[_Part[Task, Result]] = deque()
        self._order: deque[_Slot[Task, Result]] = deque()
        self._events: queue.SimpleQueue = queue.SimpleQueue()
        self._number = HELLO
        self._fruitless = 0
        self._watched_at = time.monotonic()
        self._folder = tempfile.TemporaryDirectory(prefix="gandam-workers-", ignore_cleanup_errors=True)

    def __enter__(self) -> WorkerPool[Task, Result]:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def start(self) -> None:
        """Start all processes now, so that they are ready when there is work.

        Raises WorkersUnavailable.
        """
        while len(self.children) < self._size and self._start():
            pass

    def close(self) -> None:
        """Kill the processes and release everything; a second call does nothing."""
        for child in self.children:
            child.process.kill()
        for child in self.children:
            child.stop()
        self.children = []
        self._folder.cleanup()

    def run(self, tasks: Iterator[Task], check: Check = lambda: None) -> Iterator[tuple[Task, list[Result]]]:
        """Each task with its results, in order: one, or as many as `Work.after_death` made of it.

        Raises WorkersUnavailable, or whatever `check`, `tasks` and the work raise. One run at a time.
        """
        self._waiting.clear()
        self._order.clear()
        order, window = self._order, self._window
        held = 0
        exhausted = False
        while True:
            check()
            while (
                not exhausted
                and len(self._waiting) < self._size
                and len(order) < window.tasks * self._size
                and held < window.bytes * self._size
            ):
                try:
                    task = next(tasks)
                except StopIteration:
                    exhausted = True
                    break
                slot: _Slot[Task, Result] = _Slot(task, window.weight(task))
                slot.parts.append(_Part(slot, task))
                held += slot.weight
                order.append(slot)
                self._waiting.append(slot.parts[0])
            self._hand_out()
            while order and order[0].left == 0:
                slot = order.popleft()
                held -= slot.weight
                yield slot.task, [result for part in slot.parts for result in part.results]
            if exhausted and not order:
                return
            self._wait()

    def _hand_out(self) -> None:
        waiting = self._waiting
        while waiting:
            free = [child for child in self.children if len(child.held) < (1 if waiting[0].alone else _PREFETCH)]
            idle = [child for child in free if not child.held]
            if not idle and len(self.children) < self._size:
                idle = self._start()
            if not (idle or free):
                return
            part = waiting.popleft()
            self._number += 1
            body = self._work.encode(part.task)
            min(idle or free, key=lambda child: len(child.held)).give(self._number, part, body)

    def _start(self) -> list[Child[_Part[Task, Result]]]:
        """Start another worker. If the system refuses, the others must do."""
        try:
            settings = self._settings | ({"number": len(self.children)} if self._numbered else {})
            child: Child[_Part[Task, Result]] = Child(
                self._command, settings, 2 * self._seconds + _BACKSTOP_S, self._events, Path(self._folder.name)
            )
        except OSError as error:
            if not self.children:
                raise self._unavailable(error.strerror or str(error)) from None
            self._size = len(self.children)
            return []
        self.children.append(child)
        return [child]

    def _wait(self) -> None:
        """Take in what workers report, for a moment; replace those that died or hang."""
        with contextlib.suppress(queue.Empty):
            child, frame = self._events.get(timeout=_POLL_S)
            while True:
                self._take(child, frame)
                child, frame = self._events.get_nowait()
        now = time.monotonic()
        if now - self._watched_at > _UNWATCHED_S:
            for child in self.children:
                child.forgive()
        self._watched_at = now
        for child in list(self.children):
            if child.stuck_seconds() > (self._seconds if child.ready else _START_S):
                self._replace(child, overtime=child.ready)

    def _take(self, child: Child[_Part[Task, Result]], frame: tuple[int, bytes] | None) -> None:
        if child not in self.children:
            return
        number, body = frame or (HELLO, b"")
        if frame is not None and number == LAST_WORDS:
            child.last_words = body.decode(errors="replace")  # the end of the pipe follows
        elif frame is None or not (child.ready or frame == (HELLO, b"")):
            self._replace(child)
        elif not child.ready:
            child.ready = True
            child.forgive()  # starting is no part of its task
        elif number not in child.held:
            self._replace(child, malformed=ValueError("an answer to no task"))
        else:
            part = child.held[number]
            try:
                result = self._work.decode(part.task, body)
            except Exception as error:
                self._replace(child, number, malformed=error)
                return
            del child.held[number]
            self._fruitless = 0
            part.settle(result)

    def _replace(
        self,
        child: Child[_Part[Task, Result]],
        number: int = HELLO,
        *,
        overtime: bool = False,
        malformed: Exception | None = None,
    ) -> None:
        """Stop a worker. Its tasks go back to the front, except the one it died on, which `Work.after_death` replaces.

        number: of that task; HELLO for what the heartbeat says.
        """
        at, position = child.position()
        self.children.remove(child)
        child.stop()
        self.restarts += 1
        blamed = child.held.get(number or at) if child.ready else None
        self._fruitless += blamed is None
        if self._fruitless >= _FRUITLESS * self._size:
            raise self._unavailable(child.last_words.strip().rpartition("\n")[2] or "they end at once")
        back: list[_Part[Task, Result]] = []
        for part in child.held.values():
            if part is blamed:
                back += self._divide(part, Death(position, overtime, malformed, child.last_words))
            else:
                back.append(part)
        self._waiting.extendleft(reversed(back))

    def _divide(self, part: _Part[Task, Result], death: Death) -> list[_Part[Task, Result]]:
        """Replace a task by what `Work.after_death` makes of it; returns the tasks that are to be done again."""
        slot = part.slot
        parts: list[_Part[Task, Result]] = []
        for one in self._work.after_death(part.task, death):
            if isinstance(one, Settled):
                parts.append(_Part(slot, part.task, results=[one.result]))
            else:
                parts.append(_Part(slot, one.task, one.alone))
        place = next(index for index, other in enumerate(slot.parts) if other is part)
        slot.parts[place : place + 1] = parts
        again = [one for one in parts if not one.results]
        slot.left += len(again) - 1
        return again

    def _unavailable(self, why: str) -> WorkersUnavailable:
        return WorkersUnavailable(why, [slot.task for slot in self._order])
