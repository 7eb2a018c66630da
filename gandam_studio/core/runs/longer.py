"""Training a finished run longer, or ending a stopped one early: how far it is, what its learning rates would do."""

from __future__ import annotations

from gandam_studio.core.runs.checks import passes_of, seen_too_often, trained_on
from trainer.protocol.errors import TrainerError
from trainer.protocol.extension import Extended, More, extend
from trainer.protocol.manifest import read_manifest
from trainer.protocol.run_directory import CHECKPOINT_STATE, CUT_SHORT, RunDirectory, RunState
from trainer.protocol.schedule import Done
from trainer.protocol.untrusted import Values, read_json_object

_STATE_BYTES = 4 << 20


def done_of(run: RunDirectory) -> Done | None:
    """The progress of a run's newest checkpoint, from which training goes on; None without a readable one."""
    try:
        newest = run.newest_checkpoint()
        if newest is None:
            return None
        state = Values(read_json_object(newest / CHECKPOINT_STATE, max_bytes=_STATE_BYTES))
        return Done(state.integer("iteration"), state.integer("images_seen", 0), state.number("trained_s", 0.0))
    except (OSError, ValueError):
        return None


def can_be_ended(state: RunState) -> bool:
    """Whether a run has ended before its limit, with a checkpoint to cool down from."""
    return state.state in CUT_SHORT and bool(state.checkpoint)


def extended(run: RunDirectory, more: More, done: Done | None = None) -> Extended | str:
    """What training `more` would do, or why that is not possible, in one line."""
    done = done or done_of(run)
    if done is None:
        return "it has no checkpoint to go on from"
    try:
        return extend(run.config(), done, more)
    except TrainerError as error:
        return str(error)


def training_pictures(run: RunDirectory) -> int:
    """How many sprites a flow trains on; 0 of other runs, of which nothing is said, and where that cannot be read."""
    try:
        config = run.config()
        if not config.is_flow:
            return 0
        return trained_on(list(read_manifest(run.manifest_path, follow_links=False)), config)
    except (OSError, ValueError, TrainerError):
        return 0


def often_seen(found: Extended, done: Done, sprites: int) -> str:
    """That a flow, trained on from `done`, would see each of its `sprites` so often that it may copy them; or "".

    Also "" where nothing tells how fast it trains.
    """
    config, stop = found.config, found.config.stop
    if not config.is_flow or not done.iteration:
        return ""
    steps = float(stop.iterations)
    if stop.minutes:
        steps = done.iteration * 60 * stop.minutes / done.seconds if done.seconds > 0 else 0.0
    return seen_too_often(round(done.images / done.iteration * steps), sprites, passes_of(config))


def options(more: More) -> tuple[str, ...]:
    """The options of `python -m trainer train` for this."""
    how_long = ("--more-iterations", str(more.iterations)) if more.iterations else ("--more-minutes", str(more.minutes))
    return (*how_long, "--tail", more.tail)
