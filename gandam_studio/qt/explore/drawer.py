"""The drawing process for the window: answers arrive in the GUI thread, and quick requests overtake each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from gandam_studio.core.jobs import Cancelled
from gandam_studio.core.runs.drawing import Answer, DrawingProcess, Request, Source

OnAnswer = Callable[[Answer], None]
OnError = Callable[[Exception], None]


class Drawer(QObject):
    """Owns a drawing process, which is started with the first request.

    `process`: the process, replaced after `rest`.
    """

    _arrived = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.process = DrawingProcess()
        self._closed = False
        self._arrived.connect(self._deliver)

    def ask(
        self, op: str, source: Source, values: Mapping[str, Any], parts: Sequence[bytes], on_answer: OnAnswer,
        on_error: OnError, on_progress: OnAnswer | None = None,
    ) -> Request:  # fmt: skip
        """Ask for something; the callbacks run in the GUI thread, unless it is cancelled before."""
        held: list[Request] = []

        def later(function: Callable[[Any], None]) -> Callable[[Any], None]:
            return lambda value: self._post(held, function, value)

        request = self.process.submit(
            op, source, values, parts, on_answer=later(on_answer), on_error=later(on_error),
            on_progress=later(on_progress) if on_progress is not None else lambda _answer: None,
        )  # fmt: skip
        held.append(request)
        return request

    def cancel(self, request: Request | None) -> None:
        """No longer want an answer."""
        if request is not None:
            self.process.cancel(request)

    def rest(self) -> None:
        """End the process, to free its memory; the next request starts another."""
        self.process.close()
        if not self._closed:
            self.process = DrawingProcess()

    def close(self) -> None:
        """End the process for good."""
        self._closed = True
        self.process.close()

    def _post(self, held: list[Request], function: Callable[[Any], None], value: Any) -> None:
        self._arrived.emit((held, function, value))

    def _deliver(self, what: tuple[list[Request], Callable[[Any], None], Any]) -> None:
        held, function, value = what
        if self._closed or (held and held[0].is_cancelled) or isinstance(value, Cancelled):
            return
        function(value)


class Stream:
    """Requests of one kind, of which only the newest matters: while one is answered, the newest other one waits.

    So a slider that is dragged shows every picture that the machine can draw meanwhile, and never falls behind. What
    has shown all its previews is no longer waited for.
    """

    def __init__(
        self, drawer: Drawer, on_answer: Callable[[Any, Answer], None], on_error: OnError,
        on_part: Callable[[Any, Answer], None] | None = None,
    ) -> None:  # fmt: skip
        """`on_answer` gets what was given as `about`, and the answer; `on_part` what can be shown before."""
        self._drawer, self._on_answer, self._on_error, self._on_part = drawer, on_answer, on_error, on_part
        self._busy: Request | None = None
        self._is_shown = False
        self._waiting: tuple[Any, str, Source, Mapping[str, Any], Sequence[bytes]] | None = None

    def ask(self, about: Any, op: str, source: Source, values: Mapping[str, Any], parts: Sequence[bytes] = ()) -> None:
        """Ask, now or when the request before it is answered."""
        self._waiting = (about, op, source, values, parts)
        if self._busy is None or self._is_shown:
            self._next()

    def forget(self) -> None:
        """No longer want any answer."""
        self._drawer.cancel(self._busy)
        self._busy = self._waiting = None

    def _next(self) -> None:
        if self._waiting is None:
            return
        about, op, source, values, parts = self._waiting
        self._drawer.cancel(self._busy)
        self._waiting, self._is_shown = None, False

        def take(answer: Answer) -> None:
            self._busy = None
            self._on_answer(about, answer)
            self._next()

        def fail(error: Exception) -> None:
            self._busy = None
            if self._waiting is None:
                self._on_error(error)
            self._next()

        def show(answer: Answer) -> None:
            if self._on_part is not None:
                self._on_part(about, answer)
            if answer.values.get("all_shown") is True:
                self._is_shown = True
                self._next()

        self._busy = self._drawer.ask(op, source, values, parts, take, fail, show)
