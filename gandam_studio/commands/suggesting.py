"""`face` and `suggest`: saying which way sprites face, and what can be suggested from that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gandam_studio.commands.console import (
    Output,
    chosen_folder,
    counted,
    json_option,
    printable,
    with_workspace,
    workspace_option,
)
from gandam_studio.commands.progress import ConsoleJob
from gandam_studio.commands.selection import SpriteCommand, chosen, filter_options, sprites_argument
from gandam_studio.commands.workspaces import apply, report
from gandam_studio.core.errors import NothingMatches, UserError

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace
    from gandam_studio.core.workspace.seqsets import Seqs

WHAT = ("facing", "fitness", "odd", "apply", "reduce")
_SHORT_ID = 12
_TOLD = 30


@click.command(cls=SpriteCommand)
@sprites_argument
@click.argument("direction", metavar="left|right|front", type=click.Choice(["left", "right", "front"]))
@with_workspace(write=True)
def face(workspace: Workspace, out: Output, ids: tuple[str, ...], criteria: dict[str, Any], direction: str) -> None:
    """Say which way sprites face, as shown. `suggest facing` learns from it."""
    from gandam_studio.core.workspace.edits import SetFacing

    apply(workspace, out, lambda: SetFacing(chosen(workspace, ids, criteria), direction))


@click.command(cls=SpriteCommand)
@click.argument("what", metavar="facing|fitness|odd|apply|reduce", type=click.Choice(WHAT))
@filter_options
@click.option("--reason", default="", help="With fitness: what makes a sprite unfit, such as 'not bipedal'.")
@click.option("--target", type=click.Choice(["left", "right"]), help="With apply: the side to face; remembered.")
@click.option("--at-least", type=click.FloatRange(0.5, 1), default=0.95, show_default=True,
              help="With apply: only facings of this confidence.")  # fmt: skip
@click.option("--surprise", is_flag=True, help="With odd: all sprites, each as unlike those before as can be.")
@click.option("-n", "--limit", type=click.IntRange(1), help="At most this many.")
@workspace_option
@json_option
def suggest(folder: Path | None, as_json: bool, **asked: Any) -> None:
    """Suggest facings, unfit sprites or odd ones, the surest first. Nothing changes until `suggest apply`.

    `facing` learns from the facings there are; one is enough to begin with. `fitness` learns from what was dropped for
    the reason and what was kept, and never drops anything. `odd` needs no example. `apply` notes the suggested facings
    and flips what faces the other way, as one edit. `reduce` imports enlarged sprites again, each pixel once, and drops
    the enlarged ones.
    """
    from gandam_studio.core.workspace import Workspace

    # Looking takes no lock, so that it works while the window is open.
    with Workspace.open(chosen_folder(folder), read_only=asked["what"] not in ("apply", "reduce")) as workspace:
        _suggest(workspace, Output(as_json), **asked)


def _suggest(
    workspace: Workspace,
    out: Output,
    what: str,
    criteria: dict[str, Any],
    reason: str,
    target: str | None,
    at_least: float,
    surprise: bool,
    limit: int | None,
) -> None:
    filtered = any(value is not None for value in criteria.values())
    seqs = chosen(workspace, (), criteria) if filtered else None
    if what == "facing":
        _facing(workspace, out, seqs, limit)
    elif what == "fitness":
        _fitness(workspace, out, seqs, limit, reason)
    elif what == "odd":
        _odd(workspace, out, seqs, limit, surprise)
    elif what == "apply":
        _apply(workspace, out, seqs, target, at_least)
    else:
        _reduce(workspace, out, seqs)


def _facing(workspace: Workspace, out: Output, seqs: Seqs | None, limit: int | None) -> None:
    from gandam_studio.core.suggestions.sprites import facing_suggestions, target_facing

    with ConsoleJob() as job:
        found = facing_suggestions(workspace, seqs, job)
    out.json_list(one.to_json() for one in found[:limit])
    shown = found[: limit or _TOLD]
    out.table(
        ("id", "name", "faces", "flip", "confidence", "group"),
        (
            (one.sprite.id[:_SHORT_ID], one.sprite.name, one.facing, "flip" if one.flip else "",
             f"{one.confidence:.0%}", one.group)
            for one in shown
        ),
        right=("confidence", "group"),
    )  # fmt: skip
    side = target_facing(workspace)
    flips = sum(one.flip for one in found)
    out.say(
        f"{counted(len(found), 'sprite')} without a facing; {flips:,} would be flipped to face {side}"
        if found
        else "every sprite has a facing or is dropped"
    )
    if found and all(one.confidence <= 0.5 for one in found):
        out.say("left and right may be exchanged: say of one sprite which way it faces, with: face SPRITE left")


def _fitness(workspace: Workspace, out: Output, seqs: Seqs | None, limit: int | None, reason: str) -> None:
    import numpy as np

    from gandam_studio.core.suggestions.fitness.review import UNFIT
    from gandam_studio.core.suggestions.sprites import fitness_review
    from gandam_studio.core.versions import certificates_of

    with ConsoleJob() as job:
        review, found = fitness_review(workspace, reason, seqs, job)
    if not (review.labels == UNFIT).any():
        raise UserError(f"no sprite is dropped for {reason.strip()!r} yet; drop an example: drop SPRITE --reason ...")
    rest = review.rest
    order = rest[np.argsort(-review.scores[rest], kind="stable")][:limit]
    chances = review.probabilities()
    is_calibrated = review.chances is not None
    because = {int(row): [found.sprites[near].id for near, _ in review.nearest(int(row))] for row in order[:1_000]}
    out.json_list(
        {
            "id": found.sprites[row].id, "score": round(float(review.scores[row]), 4),
            "confidence": round(float(chances[row]), 4), "because": because.get(row, []),
        }
        for row in order.tolist()
    )  # fmt: skip
    out.table(
        ("id", "name", "score", "confidence"),
        ((found.sprites[row].id[:_SHORT_ID], found.sprites[row].name, f"{review.scores[row]:.2f}",
          f"{chances[row]:.0%}" if is_calibrated else "")
         for row in order[: limit or _TOLD].tolist()),
        right=("score", "confidence"),
    )  # fmt: skip
    out.say(f"{counted(len(rest), 'sprite')} not looked at, the most suspicious first; nothing was dropped")
    for kept in certificates_of(workspace):
        if kept.said.reason == review.reason:
            out.say(f"last review: {printable(kept.summary)}")
    if not is_calibrated:
        out.say("how likely each is unfit is known after a random check: Shift+G in the window, then A")


def _odd(workspace: Workspace, out: Output, seqs: Seqs | None, limit: int | None, surprise: bool) -> None:
    import numpy as np

    from gandam_studio.core.suggestions.odd import odd_ones
    from gandam_studio.core.workspace.lookups import surprising
    from gandam_studio.core.workspace.query import Filter

    if surprise:
        rest = workspace.select(Filter(status="not-dropped"))
        order = surprising(workspace, rest if seqs is None else np.intersect1d(rest, seqs))[:limit]
        out.json_list({"id": one.id, "name": one.name} for one in map(workspace.sprite, order.tolist()))
        for sprite in map(workspace.sprite, order[: limit or _TOLD].tolist()):
            out.say(f"{sprite.id[:_SHORT_ID]}  {sprite.name}")
        return
    with ConsoleJob() as job:
        found = odd_ones(workspace, seqs, job)
    out.json_list(one.to_json() for one in found[:limit])
    out.table(
        ("id", "name", "why"),
        ((one.sprite.id[:_SHORT_ID], one.sprite.name, "; ".join(text for _, text in one.why))
         for one in found[: limit or _TOLD]),
    )  # fmt: skip
    out.say(f"{counted(len(found), 'sprite')} out of the ordinary" if found else "nothing stands out")


def _reduce(workspace: Workspace, out: Output, seqs: Seqs | None) -> None:
    from gandam_studio.core.suggestions.odd import odd_ones
    from gandam_studio.core.suggestions.reducing import reduce_enlarged

    with ConsoleJob() as job:
        found = odd_ones(workspace, seqs, job)
        try:
            changes = reduce_enlarged(workspace, found, job)
        except NothingMatches:
            out.json({"edit": 0, "label": "", "sprites": 0})
            raise
    report(out, "", changes)


def _apply(workspace: Workspace, out: Output, seqs: Seqs | None, target: str | None, at_least: float) -> None:
    from gandam_studio.core.suggestions.sprites import (
        facing_labels,
        facing_suggestions,
        set_target,
        target_facing,
        turn_all,
    )
    from gandam_studio.core.workspace.edits import Edit, Together

    with ConsoleJob() as job:
        found = facing_suggestions(workspace, seqs, job)
    if found and all(one.confidence <= 0.5 for one in found):
        raise UserError("say of one sprite first which way it faces, with: face SPRITE left")
    sure = [one for one in found if one.confidence >= at_least]
    if not sure:
        out.json({"edit": 0, "label": "", "sprites": 0})
        raise NothingMatches(f"no suggestion has a confidence of {at_least:.0%}, so nothing was changed")
    side = target or target_facing(workspace)
    labels = facing_labels(workspace, sure, seqs)
    sprites = {one.seq: one for one in workspace.sprites(list(labels))}
    turned = turn_all(labels, sprites, side)
    edit: Edit = Together((turned, set_target(side)), f"Turn to face {side}") if target else turned
    report(out, "", workspace.apply(edit))
