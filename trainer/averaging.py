"""Makes an average of any width from what a run's checkpoints hold, and finds the width that draws best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trainer import checkpoints
from trainer.checkpoints import Checkpoint
from trainer.dataset import load_training_set
from trainer.diagnostics.quality import QualityScale
from trainer.ema import STEMS
from trainer.feature_spaces import FeatureSpace, feature_space
from trainer.post_hoc import WIDTHS, Combination, Profile, combination, exponent
from trainer.protocol.diagnosis import rounded
from trainer.protocol.errors import TrainerError, io_failure
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.suitability import LEAST_HELD_OUT
from trainer.protocol.weights import CANDIDATES, NARROWEST, POST_HOC, RAW, WIDEST
from trainer.randomness import derived_seed
from trainer.real_sides import real_features, real_sides
from trainer.sampling import Trained, load_trained, pictures

NEAR = 0.1
"""A width is tried if its profile can be made with an error of at most this share."""
MOMENTS = 16
"""Most checkpoints that an average is made of."""
CHOOSING, CONFIRMING = 256, 512
"""Pictures of each width by which the best is chosen, and of others by which it is compared with the run's own."""
Say = Callable[[str], None]
Progress = Callable[[int, int], None]
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class _Moment:
    """A verified checkpoint with averages, and the pictures seen until then."""

    folder: Path
    state: dict[str, Any]

    @property
    def time(self) -> int:
        return int(self.state["images_seen"])


def blended(parts: Sequence[Tensors], shares: Sequence[float]) -> Tensors:
    """The sum of `parts`, tensors by name, each times its share; summed in double precision."""
    return _finished(_summed(iter(parts), [list(shares)])[0], parts[0])


def _summed(parts: Iterator[Tensors], shares: Sequence[Sequence[float]]) -> list[Tensors]:
    """For each list of shares the sum of the parts, one a time in memory, in double precision."""
    sums: list[Tensors] = [{} for _ in shares]
    for index, part in enumerate(parts):
        for own, total in zip(shares, sums, strict=True):
            for name, value in part.items():
                added = own[index] * value.double()
                total[name] = total[name] + added if name in total else added
    return sums


def _finished(total: Tensors, like: Tensors) -> Tensors:
    return {name: value.to(like[name].dtype) for name, value in total.items()}


def make_average(
    run: RunDirectory, *, width: float | None = None, iteration: str | None = None, seed: int = 0,
    say: Say = lambda _text: None, progress: Progress = lambda _done, _total: None,
) -> dict[str, Any]:  # fmt: skip
    """Make the average of a width, or of the one that draws best, and keep it as the run's checkpoint "post-hoc".

    Args:
        run: a run trained with `ema.post_hoc`, which is not being trained now.
        width: relative, from .03 to .25; None chooses by the quality (KID) on held-out pictures.
        iteration: of the checkpoint it ends at; None for the newest good one.
        seed: decides the latents; equal ones for every width.
        progress: called with the steps done, and of all.

    Returns {"run", "iteration", "width", "error": of its profile, "moments": [iterations], "path", "widths":
    [{"width", "error", "kid"}], "quality": None, or {"kid", "error", "own", "own_error", "difference",
    "difference_error", "features", "held_out"}}. Raises TrainerError.
    """
    if width is not None and not NARROWEST <= width <= WIDEST:
        raise TrainerError(f"a width is from {NARROWEST:g} to {WIDEST:g}, not {width:g}")
    run.refuse_links()
    if run.is_locked():
        raise TrainerError(f"{run.name} is being trained; make its average when it has ended", "locked")
    moments = _moments(run, iteration, say)
    newest = moments[-1]
    wanted = CANDIDATES if width is None else (width,)
    found = {one: _combination(moments, one) for one in wanted}
    if width is None:
        found = {one: how for one, how in found.items() if how.error <= NEAR}
    made = dict(zip(found, _averages(moments, list(found.values())), strict=True))
    drawer = _Drawer(run, newest, seed)
    looks: list[dict[str, Any]] = []
    quality = None
    if width is None:
        judge = _Judge(run)
        steps, done = len(made) + 4, 0
        for one, tensors in made.items():
            say(f"measuring width {one:g}")
            kid = judge.kid(drawer.draw(tensors, CHOOSING, "choose"))
            looks.append({"width": one, "error": rounded(found[one].error), "kid": rounded(kid)})
            done += 1
            progress(done, steps)
        width = min(looks, key=lambda look: look["kid"])["width"]
        say(f"comparing width {width:g} with the run's own weights")
        ours = judge.features(drawer.draw(made[width], CONFIRMING, "confirm"))
        progress(done + 2, steps)
        own = judge.features(drawer.draw(None, CONFIRMING, "confirm"))
        progress(steps, steps)
        quality = judge.compared(ours, own)
    about = {
        "width": width,
        "error": rounded(found[width].error),
        "moments": [int(one.folder.name) for one in moments],
        "widths": looks,
        "quality": quality,
    }
    folder = _write(run, newest, drawer.tensors(made[width]), about)
    path = folder.relative_to(run.path).as_posix()
    return {"run": run.name, "iteration": int(newest.state["iteration"]), "path": path, **about}


def _moments(run: RunDirectory, iteration: str | None, say: Say) -> list[_Moment]:
    """The checkpoints to make averages of, oldest first; the last is that of `iteration`. Raises TrainerError."""
    found: list[_Moment] = []
    for folder in run.checkpoints():
        try:
            state = checkpoints.verify(folder)
        except TrainerError as error:
            say(f"left out: {error}")
            continue
        if all(f"{stem}.safetensors" in state["files"] for stem in STEMS):
            found.append(_Moment(folder, state))
    if iteration is not None:
        known = ", ".join(f"{int(one.folder.name):,}" for one in found) or "none"
        found = [one for one in found if iteration.isdecimal() and int(one.folder.name) <= int(iteration)]
        if not found or int(found[-1].folder.name) != int(iteration):
            raise TrainerError(
                f"no checkpoint of iteration {iteration} has averages; these have: {known}", "checkpoint"
            )
    if not found:
        raise TrainerError(
            f"{run.name} has no checkpoint with averages of several widths: train with ema.post_hoc=yes", "checkpoint"
        )
    # Evenly, to the last one.
    places = {round(index * (len(found) - 1) / (MOMENTS - 1)) for index in range(MOMENTS)}
    return [one for place, one in enumerate(found) if place in places]


def _combination(moments: Sequence[_Moment], width: float) -> Combination:
    there = [Profile(exponent(one), moment.time) for moment in moments for one in WIDTHS]
    return combination(there, Profile(exponent(width), moments[-1].time))


def _averages(moments: Sequence[_Moment], how: Sequence[Combination]) -> list[Tensors]:
    """The averages that these combinations are, each file read once."""
    first = checkpoints.load(moments[-1].folder, [STEMS[0]], verified=moments[-1].state).tensors[STEMS[0]]

    def parts() -> Iterator[Tensors]:
        for moment in moments:
            read = checkpoints.load(moment.folder, STEMS, verified=moment.state).tensors
            for stem in STEMS:
                shapes = {name: value.shape for name, value in read[stem].items()}
                if shapes != {name: value.shape for name, value in first.items()}:
                    raise TrainerError(
                        f"checkpoint {moment.folder.name} holds averages of another network", "checkpoint"
                    )
                yield read[stem]

    return [_finished(total, first) for total in _summed(parts(), [one.shares for one in how])]


class _Drawer:
    """Draws with averaged parameters, in the checkpoint's own network and with its running statistics."""

    def __init__(self, run: RunDirectory, moment: _Moment, seed: int) -> None:
        name = str(int(moment.folder.name))
        self._own = load_trained(run, iteration=name)
        self._trained = load_trained(run, RAW, name)
        self._raw = checkpoints.module_tensors(self._trained.generator)
        self._seed = seed

    def tensors(self, average: Tensors) -> Tensors:
        """The whole network's tensors with these parameters."""
        return self._raw | average

    def draw(self, average: Tensors | None, count: int, purpose: str) -> Any:
        """Pictures, uint8 (count, H, W, C), of equal latents for equal purposes; None draws with the run's own."""
        trained: Trained = self._own
        if average is not None:
            checkpoints.restore_module(self._trained.generator, self.tensors(average))
            trained = self._trained
        return pictures(trained, count, derived_seed(self._seed, purpose))


class _Judge:
    """The quality of pictures by the run's held-out ones. Raises TrainerError when there are too few."""

    def __init__(self, run: RunDirectory) -> None:
        sides = real_sides(load_training_set(run, run.config(), torch.device("cpu"), verify=False))
        self._held_out = len(sides[1])
        if min(len(side) for side in sides) < LEAST_HELD_OUT:
            raise TrainerError(
                f"{self._held_out} sprites are held out, and what draws best is found by at least {LEAST_HELD_OUT}; "
                "choose a width instead",
                "data",
            )
        self._space: FeatureSpace = feature_space()
        self._scale = QualityScale(real_features(sides, self._space), one_scale=self._space.one_scale)

    def features(self, drawn: Any) -> torch.Tensor:
        """Features of pictures."""
        return self._space(drawn)

    def kid(self, drawn: Any) -> float:
        """The distance of pictures."""
        found = self._scale.measure(self.features(drawn))
        assert found is not None
        return found.kid

    def compared(self, ours: torch.Tensor, own: torch.Tensor) -> dict[str, Any]:
        """The qualities of two, and their difference, both of the same latents."""
        first, second = self._scale.measure(ours), self._scale.measure(own)
        assert first is not None
        assert second is not None
        difference, error = self._scale.difference(ours, own)
        values = {
            "kid": first.kid, "error": first.error, "own": second.kid, "own_error": second.error,
            "difference": difference, "difference_error": error,
        }  # fmt: skip
        return rounded(values) | {"features": self._space.name, "held_out": self._held_out}


def _write(run: RunDirectory, moment: _Moment, tensors: Tensors, about: dict[str, Any]) -> Path:
    """Keep the average as the checkpoint "post-hoc"; an earlier one is replaced. Raises TrainerError."""
    values = {name: value for name, value in moment.state.items() if name not in ("files", "schema_version")}
    values[checkpoints.POST_HOC_FACTS] = about
    try:
        with run.locked():
            checkpoints.clear_remains(run.checkpoints_path)
            return checkpoints.save(run.checkpoints_path / POST_HOC, Checkpoint({"ema": tensors}, values))
    except OSError as error:
        raise io_failure(f"cannot write to {run.checkpoints_path}", error) from error
