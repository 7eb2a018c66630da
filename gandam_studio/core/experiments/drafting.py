"""Draws up a plan from what a person chose: a base, what is varied, and how much."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.designs import ONE_AT_A_TIME
from gandam_studio.core.experiments.plan import Budget, Factor, Plan, load_template
from gandam_studio.core.runs import at_recipe_size, find_run
from gandam_studio.core.versions import find_version
from gandam_studio.core.versions.files import recipe_of
from trainer.protocol.overrides import CHANNELS, apply_overrides
from trainer.protocol.presets import load_preset
from trainer.protocol.schedule import iterations_to_limit
from trainer.protocol.settings import Extension
from trainer.protocol.widening import settled

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace
    from trainer.protocol.config import TrainConfig

TEMPLATE, PRESET, RUN = "template", "preset", "run"


def draw_up(
    workspace: Workspace, name: str, base: tuple[str, str], *, version: str = "", overrides: Sequence[str] = (),
    factors: Sequence[Factor] = (), design: str = "", resolution: int = 0, seeds: int = 0,
    first_seed: int | None = None, budget: Budget | None = None, title: str = "", **optional: Any,
) -> Plan:  # fmt: skip
    """A plan, checked. Raises UserError and TrainerError.

    Args:
        workspace: holds the versions and runs.
        name: of the experiment's folder.
        base: ("template", a ready-made experiment or a TOML file), ("preset", its name) or ("run", its name).
        version: label of the data; "" for the run's own, else that of the base's level where the data are varied, else
            the latest.
        overrides: changes of the base, as `path=value`.
        factors, design, resolution, budget, title: instead of the template's; without one, one at a time, and a budget
            is needed.
        seeds, first_seed: how many, and the first of them; 0 and None for the template's, else 0, 1 and 2.
        optional: other fields of `Plan`.
    """
    kind, which = base
    template = load_template(which) if kind == TEMPLATE else None
    if template is not None:
        config = template.base
    elif kind == RUN:
        config = dataclasses.replace(find_run(workspace, which).config(), extension=Extension())
        version = version or config.origin.version
    else:
        config = load_preset(which)
    factors = tuple(factors) or (template.factors if template else ())
    bases = [factor.levels[0].version for factor in factors if factor.levels and factor.levels[0].version]
    data = find_version(workspace, version or (bases[-1] if bases else "latest"))
    config = apply_overrides(config, overrides)
    sized = any(text.partition("=")[0].strip() in ("data.size", "size") for text in overrides)
    if kind == PRESET and not sized:
        config, _ = at_recipe_size(config, recipe_of(workspace, data))
    budget = budget or (template.budget if template else None)
    if budget is None:
        raise UserError("give each run a budget: a number of pictures or of seconds")
    planned = template.seeds if template else (0, 1, 2)
    if seeds or first_seed is not None:
        planned = tuple(range(first_seed or 0, (first_seed or 0) + (seeds or len(planned))))
    own_design = template is not None and not design
    return Plan(
        name=name,
        title=title or (template.title if template else name),
        question=template.question if template else "",
        base=_with_networks(config, budget, factors),
        version=data.label,
        digest=data.digest,
        factors=factors,
        design=design or (template.design if template else ONE_AT_A_TIME),
        resolution=resolution or (template.resolution if template and own_design else 0),
        seeds=planned,
        budget=budget,
        **optional,
    )


def _with_networks(config: TrainConfig, budget: Budget, factors: Sequence[Factor]) -> TrainConfig:
    """The base with the width of its networks chosen, so that all runs have the same whatever else is varied.

    A budget in seconds keeps the narrow ones: how many iterations it leaves time for depends on the machine. So do
    channels that are varied, as they do where they are set by hand.
    """
    batch, iterations = config.batch.size, 0
    varied = {path for factor in factors for level in factor.levels for path in level.settings}
    if budget.pictures and batch and not varied & set(CHANNELS):
        stop = dataclasses.replace(config.stop, iterations=0, minutes=0.0, images=budget.pictures)
        iterations = iterations_to_limit(dataclasses.replace(config, stop=stop), batch) or 0
    return settled(config, iterations)
