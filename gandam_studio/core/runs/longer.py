"""Training a finished run longer, or ending a stopped one early: how far it is, what its learning rates would do."""

from __future__ import annotations

import functools

from gandam_studio.core.runs.checks import flow_pictures, passes_of, seen_too_often, trained_on
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


class Further:
    """A run as its newest checkpoint has it, and what training it further would do. Files are read once."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._done = done_of(run)

    def extended(self, more: More) -> Extended | str:
        """What training `more` would do, or why that is not possible, in one line."""
        if self._done is None:
            return "it has no checkpoint to go on from"
        try:
            return extend(self._run.config(), self._done, more)
        except TrainerError as error:
            return str(error)

    def often_seen(self, more: More) -> str:
        """That a flow, trained `more`, would see each sprite so often that it may copy them; or "".

        Also "" where that is not possible, or nothing tells how fast it trains.
        """
        found = self.extended(more)
        if isinstance(found, str) or not self._done or not self._done.iteration:
            return ""
        pictures = flow_pictures(found.config, done=self._done)
        return seen_too_often(pictures, self._sprites, passes_of(found.config)) if pictures else ""

    @functools.cached_property
    def _sprites(self) -> int:
        """How many sprites it trains on; 0 where that cannot be read."""
        try:
            return trained_on(list(read_manifest(self._run.manifest_path, follow_links=False)), self._run.config())
        except (OSError, ValueError, TrainerError):
            return 0


def options(more: More) -> tuple[str, ...]:
    """The options of `python -m trainer train` for this."""
    how_long = ("--more-iterations", str(more.iterations)) if more.iterations else ("--more-minutes", str(more.minutes))
    return (*how_long, "--tail", more.tail)
