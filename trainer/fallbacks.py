"""What a run does when memory runs out or CUDA graphs fail: train on with less, and write a warning."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from trainer.layers import BatchNorm2d
from trainer.memory import attempt, free_memory, out_of_memory
from trainer.protocol import events
from trainer.protocol.errors import TrainerError
from trainer.session import Session

Result = TypeVar("Result")


class Fallbacks:
    """Runs the steps of a session; `say` writes an event."""

    def __init__(self, session: Session, say: Callable[[events.TrainEvent], None]) -> None:
        self._session, self._say = session, say

    def run(self, step: Callable[[], Result]) -> Result:
        """`step()`, repeated with less memory whenever memory runs out.

        Raises TrainerError (cause "oom") when the smallest micro-batch does not fit either.
        """
        game, device = self._session.game, self._session.machine.device
        had_graphs = game.graphs
        while (result := attempt(step)) is None:
            free_memory(device)
            if not self._use_less_memory():
                raise out_of_memory(game.least)
            free_memory(device)
        if had_graphs and not game.graphs and game.complaint:
            self._warn(f"CUDA graphs (faster steps) are off: {game.complaint}", "graphs")
        return result

    def _use_less_memory(self) -> bool:
        """Switch CUDA graphs off or else halve the micro-batch; returns False when neither is possible."""
        session, game = self._session, self._session.game
        if game.graphs:
            game.graphs = False
            self._warn("Out of memory: CUDA graphs (faster steps) are switched off.", "graphs")
            return True
        if (micro := game.lowered()) == game.micro:
            return False
        networks = game.networks.values()
        norms = any(isinstance(module, BatchNorm2d) for network in networks for module in network.modules())
        if norms and session.ranks.count > 1:  # They average statistics together, layer by layer.
            raise TrainerError(f"out of memory in one of several processes; set batch.micro={micro}", "oom")
        game.micro = micro
        note = " Batch normalisation now sees these smaller groups." if norms else ""
        self._warn(
            f"Out of memory: training continues with {micro} pictures at once; the batch is still {session.batch}, "
            f"done in parts.{note}",
            "memory",
        )
        return True

    def _warn(self, message: str, about: str) -> None:
        self._say(events.RunWarning(message=message, about=about))
