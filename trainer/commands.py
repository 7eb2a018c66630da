"""Commands to a run that trains, as flags that ranks can agree on with one number."""

from __future__ import annotations

import enum

from trainer.protocol.run_directory import RunDirectory


class Command(enum.IntFlag):
    """What a run is asked to do. The names are those of `run_directory.COMMANDS`, except `ABANDON`.

    `ABANDON`: the run's folder is gone, so there is nowhere to save to, and no more commands can arrive.
    """

    NONE = 0
    STOP = 1
    PAUSE = 2
    SAMPLE = 4
    CHECKPOINT = 8
    ABANDON = 16
    RESUME = 32


def take_commands(run: RunDirectory, since: float) -> Command:
    """Remove and return the waiting commands; those older than `since` (epoch seconds) are dropped."""
    if run.is_gone():
        return Command.ABANDON
    names = run.take_commands(since)
    if "pause" in names and "resume" in names:  # The newer one counts.
        names.remove(min(("pause", "resume"), key=names.index))
    taken = Command.NONE
    for name in names:
        taken |= Command[name.upper()]
    return taken
