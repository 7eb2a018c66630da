"""A plan small enough to be carried out by tests, and made-up outcomes."""

from __future__ import annotations

from gandam_studio.core.experiments.folder import DONE, Outcome
from gandam_studio.core.experiments.plan import Budget, Cell, Factor, Level, Plan
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset

TINY = (
    "architecture.kind=dcgan", "architecture.size=32", "data.size=32", "architecture.latent=8",
    "architecture.generator_channels=8,8,8", "architecture.discriminator_channels=8,8,8", "batch.size=4",
    "precision.threads=1", "device=cpu",
)  # fmt: skip


def tiny_plan(**changes) -> Plan:  # type: ignore[no-untyped-def]
    """Two factors, one at a time, three seeds."""
    values = {
        "name": "tiny", "title": "Tiny", "base": apply_overrides(load_preset("dcgan"), TINY), "version": "v1",
        "digest": "", "budget": Budget(pictures=40), "looks": 2, "samples": 16,
        "factors": (
            Factor("optimiser.lr_g", "Rate", (Level("low"), Level("high", {"optimiser.lr_g": "1e-3"}))),
            Factor("architecture.latent", "Latent", (Level("8"), Level("4", {"architecture.latent": "4"}))),
        ),
    }  # fmt: skip
    return Plan(**{**values, **changes})


def done(cell: Cell, kid: float, **changes) -> Outcome:  # type: ignore[no-untyped-def]
    """A measured cell."""
    return Outcome(**{"cell": cell.number, "state": DONE, "run": f"r{cell.number}-x", "kid": kid, "kid_error": 0.1,
                      "verdict": "healthy", "copying": {"kappa": 0.0, "low": 0.0, "high": 0.01, "sources": 0},
                      **changes})  # fmt: skip
