"""The drawing process: answers the Studio's requests on its pipes until they close (see `protocol.drawing`).

The main thread reads, so that a request can be cancelled before or while it is processed.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer.dataset import load_training_set, real_pixels
from trainer.exploring import directions
from trainer.exploring.models import Array, Model, open_model, state_key
from trainer.exploring.projection import project
from trainer.grids import CHUNK, batches
from trainer.latent_space import around, path, truncated, walk
from trainer.neighbours import Near, Neighbours
from trainer.protocol import drawing
from trainer.protocol.drawing import CLASS
from trainer.protocol.errors import TrainerError
from trainer.protocol.frames import HELLO, pack, private_pipes, read_frame, unpack, write_frame
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import UntrustedError, Values, shortened
from trainer.sampling import MOST, latent_named

KEPT_MODELS = 3
Waiting = tuple[int, Any, list[bytes]]
"""A request: its number, what is asked, its parts."""


class Cancelled(Exception):
    """The Studio no longer wants the answer."""


class Models:
    """The newest models, loaded once for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[tuple[Any, ...], Model] = {}

    def get(self, folder: Path, checkpoint: str | None) -> Model:
        """The model of a folder. Raises TrainerError."""
        with self._lock:
            key = state_key(folder, checkpoint)
            found = self._models.pop(key, None) if key else None
            if found is None:
                found = open_model(folder, checkpoint)
                key = key or (str(folder), str(checkpoint))
            self._models[key] = found  # The newest at the end.
            while len(self._models) > KEPT_MODELS:
                self._models.pop(next(iter(self._models)))
            return found


class Server:
    """Answers requests; one at a time, in order.

    `send(number, meta, parts)` writes an answer; `is_cancelled(number)` tells whether it is still wanted.
    """

    def __init__(
        self, models: Models, send: Callable[[int, dict[str, Any], list[bytes]], None],
        is_cancelled: Callable[[int], bool],
    ) -> None:  # fmt: skip
        self._models, self._send, self._is_cancelled = models, send, is_cancelled
        self._neighbours: dict[Path, Neighbours] = {}
        self._number = 0

    def answer(self, number: int, request: Any, parts: list[bytes]) -> None:
        """Process one request; errors are reported in its answer."""
        self._number = number
        try:
            self._check()
            values = Values(request, "request")
            kind = values.choice("op", _OPERATIONS)
            meta, blobs = _OPERATIONS[kind](self, values, parts)
        except Cancelled:
            meta, blobs = {"cancelled": True}, []
        except (TrainerError, UntrustedError) as error:
            meta, blobs = {"error": shortened(str(error), 1000)}, []
        except OSError as error:
            meta, blobs = {"error": f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"}, []
        except (MemoryError, RuntimeError) as error:  # torch raises RuntimeError when memory is short.
            meta, blobs = {"error": f"this cannot be drawn here: {shortened(str(error), 300)}", "log": _trace()}, []
        except Exception as error:
            meta, blobs = {"error": f"unexpected error ({type(error).__name__})", "log": _trace()}, []
        self._send(number, {**meta, "done": True}, blobs)

    def _check(self) -> None:
        if self._is_cancelled(self._number):
            raise Cancelled

    def _report(self, done: int, total: int) -> None:
        self._check()
        self._send(self._number, {"progress": [done, total]}, [])

    # Models

    def _model(self, values: Values) -> Model:
        wanted = values.object("model")
        folder = Path(wanted.text("folder"))
        checkpoint = wanted.raw("checkpoint", None)
        if checkpoint is not None:
            checkpoint = wanted.text("checkpoint", max_length=40)
        return self._models.get(folder, checkpoint)

    def _run(self, model: Model) -> RunDirectory:
        if model.run is None:
            raise TrainerError("an exported model has no training pictures to compare with")
        return model.run

    def _real(self, model: Model) -> Neighbours:
        run = self._run(model)
        if run.path not in self._neighbours:
            self._neighbours = {run.path: Neighbours(run)}
        return self._neighbours[run.path]

    # Spots

    def _spots(
        self, model: Model, values: Values, parts: list[bytes], name: str = "spots", most: int = drawing.MOST_SPOTS
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The latents (N, stages, L) of a request's spots, and their classes (N,)."""
        found, labels = [], []
        classes = model.trained.classes
        for raw in values.items(name, most=most):
            spot = Values(raw, "spot")
            label = None
            if "name" in spot:
                z, label = latent_named(model.trained, spot.text("name", max_length=60))
            else:
                z = self._vector(parts, spot.integer("at", most=max(0, len(parts) - 1)))[None]
            if "radius" in spot:
                number = spot.integer("number", 0, most=MOST)
                parts_of = z.reshape(-1, model.latent) if z.shape[1] % model.latent == 0 else z
                radius = spot.number("radius", least=0.0, most=1.0)
                z = torch.cat([around(own, radius, number, 1) for own in parts_of], 1)
            found.append(model.staged(z))
            if classes:
                own = 0 if label is None else int(label)
                wanted = spot.raw(CLASS, None) is not None
                labels.append(spot.integer(CLASS, own, most=len(classes) - 1) if wanted else own)
        if not found:
            raise TrainerError("there is nothing to draw")
        return torch.cat(found), torch.tensor(labels) if classes else None

    @staticmethod
    def _vector(parts: list[bytes], index: int) -> torch.Tensor:
        if not parts or len(parts[index]) % 4 or not parts[index]:
            raise TrainerError("a latent is missing")
        vector = np.frombuffer(parts[index], "<f4").astype(np.float32)
        if not np.isfinite(vector).all():
            raise TrainerError("a latent holds a value that is not a number")
        return torch.from_numpy(vector)

    def _moved(self, model: Model, z: torch.Tensor, values: Values, parts: list[bytes]) -> torch.Tensor:
        """Truncate latents that have a name (given ones stay as they are), then apply the moves, then mix."""
        share = values.number("truncation", 1.0, least=0.0, most=drawing.LARGEST_TRUNCATION)
        named = ["name" in Values(raw) for raw in values.items("spots", [], most=drawing.MOST_SPOTS)]
        if len(named) == len(z):
            z = torch.where(torch.tensor(named)[:, None, None], truncated(z, share), z)
        for raw in values.items("moves", [], most=drawing.MOST_DIRECTIONS):
            move = Values(raw, "move")
            vector = self._vector(parts, move.integer("at", most=max(0, len(parts) - 1)))
            step = model.staged(vector[None]) * move.number("amount", least=-1e3, most=1e3)
            first = move.integer("from", 0, most=model.stages)
            last = move.integer("to", model.stages, most=model.stages)
            mask = torch.zeros(1, model.stages, 1)
            mask[:, first:last] = 1
            z = z + step * mask
        if "mix" in values:
            mix = values.object("mix")
            other, _ = self._spots(model, Values({"spots": [mix.raw("spot")]}), parts)
            first = mix.integer("from", most=model.stages)
            if model.stages == 1:
                raise TrainerError("the stages of this generator cannot be mixed: it has no modulation")
            z = torch.cat([z[:, :first], other[:, first:].expand(len(z), -1, -1)], 1)
        return z

    def _drawn(
        self, model: Model, z: torch.Tensor, labels: torch.Tensor | None, previews: bool = False
    ) -> tuple[dict[str, Any], list[bytes]]:
        """The finished pictures of z (N, stages, L); with `previews`, what can be shown before is sent before."""
        how = model.plan(len(z))
        if previews and how.steps:
            for first in range(0, len(z), how.sketched):
                part = slice(first, min(first + how.sketched, len(z)))
                own = None if labels is None else labels[part]
                pixels = model.sketches(z[part], own, how.steps, self._check)
                last = part.stop == len(z)
                self._send_part(model, z, labels, part, pixels, preview=how.steps, all_shown=last)
        drawn = []
        for part in batches(len(z), how.drawn if previews else CHUNK):
            self._check()
            own = None if labels is None else labels[part]
            drawn.append(model.pixels(z[part], own, self._check))
            if previews and part.stop < len(z):
                self._send_part(model, z, labels, part, drawn[-1], all_shown=bool(how.steps))
        return self._pictures(model, z, labels, np.concatenate(drawn))

    def _send_part(
        self, model: Model, z: torch.Tensor, labels: torch.Tensor | None, part: slice, pixels: Array, *,
        preview: int = 0, all_shown: bool = False,
    ) -> None:  # fmt: skip
        self._check()
        meta, parts = self._pictures(model, z[part], None if labels is None else labels[part], pixels)
        meta |= {"first": part.start, "preview": preview, "all_shown": all_shown}
        self._send(self._number, meta, parts)

    @staticmethod
    def _pictures(
        model: Model, z: torch.Tensor, labels: torch.Tensor | None, pixels: Array
    ) -> tuple[dict[str, Any], list[bytes]]:
        meta: dict[str, Any] = {"shape": list(pixels.shape)}
        if labels is not None:
            meta["classes"] = [int(label) for label in labels]
        return meta, [pixels.tobytes(), *(_bytes(model.flat(one[None])[0]) for one in z)]

    # Operations

    def open(self, values: Values, _parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Load a model and draw once, so that the next picture comes at once."""
        model = self._model(values)
        model.warm_up(36)
        return {"facts": model.facts()}, []

    def draw(self, values: Values, parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Pictures of spots."""
        model = self._model(values)
        z, labels = self._spots(model, values, parts)
        return self._drawn(model, self._moved(model, z, values, parts), labels, values.flag("previews", False))

    def path(self, values: Values, parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Pictures on a path through spots; classes change half-way."""
        model = self._model(values)
        points, labels = self._spots(model, values, parts)
        steps, closed = values.integer("steps", least=1, most=500), values.flag("closed", False)
        if len(points) * steps > drawing.MOST_FRAMES:
            raise TrainerError(f"these are more than {drawing.MOST_FRAMES:,} pictures; take fewer steps")
        if len(points) < 2:
            raise TrainerError("a path needs at least two points")
        through = walk if closed else path
        z = torch.stack([through(points[:, stage], steps) for stage in range(model.stages)], 1)
        if labels is not None:
            at = ((torch.arange(len(z)) + steps // 2) // steps) % len(points)
            labels = labels[at]
        return self._drawn(model, self._moved(model, z, values, parts), labels, values.flag("previews", False))

    def directions(self, values: Values, _parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Closed-form or principal directions."""
        model = self._model(values)
        count = values.integer("count", 8, least=1, most=drawing.MOST_DIRECTIONS)
        if values.choice("kind", ("sefa", "pca")) == "sefa":
            found = directions.sefa(model, count)
        else:
            found = directions.pca(model, count, self._report)
        return {"strengths": [float(value) for value in found.strengths]}, [_bytes(one) for one in found.vectors]

    def learn(self, values: Values, parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """A direction from picks."""
        model = self._model(values)
        more, _ = self._spots(model, values, parts, "more")
        less = torch.zeros(0, model.stages, model.latent)
        if values.items("less", []):
            less, _ = self._spots(model, values, parts, "less")
        return {}, [_bytes(directions.from_picks(more.mean(1), less.mean(1)))]

    def tags(self, values: Values, _parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """The tags of training pictures that a direction can be learnt from, most frequent first."""
        model = self._model(values)
        counts: dict[str, int] = {}
        for own in self._tag_lists(model):
            for tag in own:
                counts[tag] = counts.get(tag, 0) + 1
        total = len(self._tag_lists(model))
        least = directions.LEAST_TAGGED
        usable = {tag: count for tag, count in counts.items() if least <= count <= total - least}
        return {"tags": dict(sorted(usable.items(), key=lambda one: (-one[1], one[0]))[:1000])}, []

    def _tag_lists(self, model: Model) -> list[list[str]]:
        run = self._run(model)
        tags = run.dataset_info().get("tags")
        if not isinstance(tags, list):
            return []
        return [[tag for tag in own if isinstance(tag, str)] if isinstance(own, list) else [] for own in tags]

    def tag(self, values: Values, _parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """A direction from a tag."""
        model = self._model(values)
        tag, lists = values.text("tag"), self._tag_lists(model)
        data = load_training_set(self._run(model), model.trained.config, torch.device("cpu"), verify=False)
        if len(lists) != len(data.pixels):
            raise TrainerError("this run knows no tags of its training pictures")
        tagged = np.array([tag in lists[int(row)] for row in data.train])
        found = directions.from_tag(model, real_pixels(data, data.train), tagged, self._report)
        return {"accuracy": found.accuracy, "explained": found.explained}, [_bytes(found.vector)]

    def project(self, values: Values, parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """The latent of a picture, with previews on the way."""
        model = self._model(values)
        picture = self._picture(model, values, parts)

        def report(done: int, total: int, error: float, z: torch.Tensor) -> None:
            self._check()
            meta: dict[str, Any] = {"progress": [done, total], "error_now": error}
            blobs: list[bytes] = []
            if not model.trained.classes:
                with torch.no_grad():
                    pixels = model.finished(model.tensors(z[None]))
                meta["shape"], blobs = list(pixels.shape), [pixels.tobytes()]
            self._send(self._number, meta, blobs)

        found = project(model, picture, per_stage=values.flag("per_stage", False), report=report)
        labels = None if found.label is None else torch.tensor([found.label])
        meta, blobs = self._drawn(model, found.z[None], labels)
        return {**meta, "mean_error": found.error, "starts": list(found.starts)}, blobs

    @staticmethod
    def _picture(model: Model, values: Values, parts: list[bytes]) -> Array:
        size, channels = model.trained.config.data.size, model.trained.config.data.channels
        shape = tuple(int(side) for side in values.items("shape", most=3) if type(side) is int)
        if shape != (size, size, channels) or not parts or len(parts[0]) != size * size * channels:
            raise TrainerError(f"the picture must be {size}x{size} with {channels} channels")
        return np.frombuffer(parts[0], np.uint8).reshape(shape).copy()

    def nearest(self, values: Values, parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """The real pictures nearest to a sample."""
        model = self._model(values)
        picture = self._picture(model, values, parts)
        training, held_out = self._real(model).nearest(picture, values.integer("count", 6, least=1, most=100))
        near = [*training, *held_out]
        shape = [len(near), *picture.shape]
        meta = {"training": [_near(one) for one in training], "held_out": [_near(one) for one in held_out]}
        pixels = np.stack([one.pixels for one in near]) if near else np.zeros((0, *picture.shape), np.uint8)
        return {**meta, "shape": shape}, [pixels.tobytes()]

    def real(self, values: Values, _parts: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Training pictures by row."""
        model = self._model(values)
        data = load_training_set(self._run(model), model.trained.config, torch.device("cpu"), verify=False)
        rows = values.items("rows", most=drawing.MOST_SPOTS)
        if not rows or not all(type(row) is int and 0 <= row < len(data.pixels) for row in rows):
            raise TrainerError("there is no such training picture")
        pixels = real_pixels(data, torch.tensor(rows))
        return {"shape": list(pixels.shape), "count": len(data.pixels)}, [pixels.tobytes()]


_OPERATIONS: dict[str, Callable[[Server, Values, list[bytes]], tuple[dict[str, Any], list[bytes]]]] = {
    "open": Server.open, "draw": Server.draw, "path": Server.path, "directions": Server.directions,
    "learn": Server.learn, "tags": Server.tags, "tag": Server.tag, "project": Server.project,
    "nearest": Server.nearest, "real": Server.real,
}  # fmt: skip


def _near(one: Near) -> dict[str, Any]:
    return {"row": one.row, "distance": round(one.distance, 4), "mirrored": one.mirrored}


def _bytes(vector: torch.Tensor) -> bytes:
    return vector.detach().numpy().astype("<f4").tobytes()


def _trace() -> str:
    return traceback.format_exc()[-8000:]


QUICK = ("open", "draw", "path", "learn", "tags")
SEARCHES = ("directions", "tag", "project")
LONGEST_PAUSE_S = 1.0
"""How long slow work waits at a step for a sample that is being drawn."""


def serve() -> int:
    """Answer until the Studio closes the pipe; returns the exit status.

    What is quick has a thread of its own, so that sliders go on working while a picture is searched for. So has what
    searches for long: the nearest pictures of a sample need not wait for it.
    """
    requests, answers = private_pipes()
    writing = threading.Lock()
    quick: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
    slow: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
    searches: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
    cancelled: set[int] = set()
    closed, idle = threading.Event(), threading.Event()
    idle.set()

    def send(number: int, meta: dict[str, Any], parts: list[bytes]) -> None:
        with writing, contextlib.suppress(BrokenPipeError):
            write_frame(answers, number, pack(meta, parts))

    def is_cancelled(number: int) -> bool:
        return number in cancelled or closed.is_set()

    def answer_quick() -> None:
        server = Server(models, send, is_cancelled)
        while (one := quick.get()) is not None:
            idle.clear()
            server.answer(*one)
            idle.set()
            cancelled.discard(one[0])

    def is_cancelled_meanwhile(number: int) -> bool:
        """For slow work: at each of its steps urgent requests go first, but not for ever."""
        idle.wait(LONGEST_PAUSE_S)
        return is_cancelled(number)

    def answer_slow(waiting: queue.SimpleQueue[Waiting | None]) -> None:
        server = Server(models, send, is_cancelled_meanwhile)
        while (one := waiting.get()) is not None:
            server.answer(*one)
            cancelled.discard(one[0])

    models = Models()
    threading.Thread(target=answer_quick, daemon=True).start()
    for waiting in (slow, searches):
        threading.Thread(target=answer_slow, args=(waiting,), daemon=True).start()
    send(HELLO, {drawing.READY: True}, [])
    with contextlib.suppress(OSError, KeyboardInterrupt):
        while (frame := read_frame(requests)) is not None:
            if frame[0] == HELLO:
                continue
            try:
                request, parts = unpack(frame[1])
            except ValueError as error:
                send(frame[0], {"error": f"a request that cannot be read: {error}", "done": True}, [])
                continue
            op = request.get("op") if isinstance(request, dict) else None
            number = request.get("number") if op == "cancel" else None
            if type(number) is int:
                cancelled.add(number)
            else:
                is_quick = op in QUICK and request.get(drawing.LATER) is not True
                chosen = quick if is_quick else searches if op in SEARCHES else slow
                chosen.put((frame[0], request, parts))
    closed.set()
    return 0
