"""`recipe` and `splits`: how sprites become training pictures, and how many are held out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from gandam_studio.commands.console import Output, chosen_folder, json_option, workspace_option
from gandam_studio.core.errors import UserError


@click.command()
@click.option("--size", type=click.Choice(["32", "64", "128", "256"]), help="Side of the square, pixels.")
@click.option("--trim/--no-trim", default=None, help="Cut away transparent or plain margins first.")
@click.option("--pad", type=click.Choice(["square", "bottom"]), help="Centre it, or stand it on the lower edge.")
@click.option("--margin", type=click.FloatRange(0, 0.25), help="Share of the side left free on each edge.")
@click.option("--background", metavar="COLOUR", help="alpha, white, black, detected or #rrggbb.")
@click.option("--interpolation", type=click.Choice(["auto", "nearest", "area", "lanczos"]), help="How sizes change.")
@click.option("--scale", type=click.Choice(["fit", "whole", "set", "family"]),
              help="Fill the square (fit), use whole factors only (whole), or keep relative sizes: one scale for the "
              "whole set, or for each family.")  # fmt: skip
@workspace_option
@json_option
def recipe(folder: Path | None, as_json: bool, **changes: object) -> None:
    """Show or change how sprites become training pictures, from the next version on. Originals are not changed."""
    from gandam_studio.core.workspace import Workspace
    from gandam_studio.core.workspace.edits import SetSetting

    wanted = {name: value for name, value in changes.items() if value is not None}
    if "size" in wanted:
        wanted["size"] = int(str(wanted["size"]))
    out = Output(as_json)
    with Workspace.open(chosen_folder(folder), read_only=not wanted) as workspace:
        if wanted:
            try:
                changed = dataclasses.replace(workspace.recipe, **wanted)  # type: ignore[arg-type]
            except ValueError as error:
                raise UserError(str(error)) from None
            workspace.apply(SetSetting("recipe", changed.to_json(), "Change the recipe"))
        values = {**workspace.recipe.to_json(), "scale": workspace.recipe.scale}
    out.json(values)
    for name, value in values.items():
        out.say(f"{name:>14}  {value}")


@click.command()
@click.option("--held-out", type=click.FloatRange(0, 0.9), help="Share of the sprites kept from training.")
@click.option("--seed", type=click.IntRange(0), help="Another seed holds out others.")
@workspace_option
@json_option
def splits(folder: Path | None, as_json: bool, held_out: float | None, seed: int | None) -> None:
    """Show or change how many sprites are held out from training. Families stay together."""
    from gandam_studio.core.versions import SplitRule
    from gandam_studio.core.workspace import Workspace
    from gandam_studio.core.workspace.edits import SetSetting

    changing = held_out is not None or seed is not None
    out = Output(as_json)
    with Workspace.open(chosen_folder(folder), read_only=not changing) as workspace:
        rule = workspace.split_rule
        if changing:
            rule = SplitRule(rule.seed if seed is None else seed, rule.held_out if held_out is None else held_out)
            workspace.apply(SetSetting("splits", rule.to_json(), "Change the splits"))
    out.json(rule.to_json())
    out.say(f"{rule.held_out:.0%} held out, seed {rule.seed}")
