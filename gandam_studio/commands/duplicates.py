"""`dedupe`: which sprites are copies of which, and what to do about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gandam_studio.commands.console import Output, chosen_folder, json_option, workspace_option
from gandam_studio.commands.progress import ConsoleJob

if TYPE_CHECKING:
    from gandam_studio.core.duplicates.report import DuplicateGroup, DuplicateReport, Member
    from gandam_studio.core.edits import Edit
    from gandam_studio.core.workspace import Workspace

# Named here too, since the core is imported only when a command runs; a test compares them.
RELATIONS = ("exact", "re-encoded", "resized", "cropped", "mirrored", "recoloured", "near", "frame")
RULES = ("kept", "not-upscaled", "alpha", "larger", "colours", "source-order")
DISTANCE = 0.5
_TOLD = 30


@click.command()
@click.option("--dry-run", is_flag=True, help="Only report, change nothing; so it is without --apply too.")
@click.option("--apply", "apply_", is_flag=True, help="Drop all but the keepers, as one edit that undo takes back.")
@click.option("--relation", "relations", type=click.Choice(RELATIONS), multiple=True, metavar="WORD",
              help=f"Drop only members so related: {', '.join(RELATIONS)}; may be repeated.")  # fmt: skip
@click.option("--distance", type=click.FloatRange(0, 1), default=DISTANCE, show_default=True,
              help="How unlike pictures of a group may be; 0 takes only equal pixels.")  # fmt: skip
@click.option(
    "--rules", metavar="RULE,...", help=f"What makes the best of a group, first rule first: {', '.join(RULES)}."
)
@click.option("--not-duplicates", nargs=2, multiple=True, metavar="SPRITE SPRITE",
              help="Remember for ever that these two are different pictures; may be repeated.")  # fmt: skip
@click.option(
    "--families", is_flag=True, help="Name the groups' families, so that splits and weights keep them together."
)
@workspace_option
@json_option
def dedupe(
    folder: Path | None,
    as_json: bool,
    dry_run: bool,
    apply_: bool,
    relations: tuple[str, ...],
    distance: float,
    rules: str | None,
    not_duplicates: tuple[tuple[str, str], ...],
    families: bool,
) -> None:
    """Find copies: the same pixels, other encodings or sizes, mirrored, cropped, recoloured, nearly the same.

    Every relation was verified on the pixels. Nothing changes without --apply, --families or --not-duplicates.
    """
    from gandam_studio.core.edits import NotDuplicates
    from gandam_studio.core.workspace import Workspace

    deciding = apply_ or families or bool(not_duplicates)
    if dry_run and deciding:
        raise click.UsageError("--dry-run changes nothing: leave it out, or leave out what decides")
    out = Output(as_json)
    with Workspace.open(chosen_folder(folder), read_only=not deciding) as workspace, ConsoleJob() as job:
        if not_duplicates:
            pairs = tuple((workspace.resolve(a), workspace.resolve(b)) for a, b in not_duplicates)
            workspace.apply(NotDuplicates(pairs))
        report = find(workspace, job, distance, rules)
        groups = report.groups
        ids = _ids(workspace, groups)
        out.json({"groups": [group_json(group, ids) for group in groups]})
        _tell(out, workspace, groups)
        decided = []
        if families:
            decided.append(family_edit(workspace, groups))
        if apply_:
            decided += drop_edits(groups, relations or RELATIONS)
        _decide(workspace, out, decided)


def find(
    workspace: Workspace, job: ConsoleJob, distance: float = DISTANCE, rules: str | None = None
) -> DuplicateReport:
    """What is a copy of what in a workspace. Raises UserError for an unknown rule."""
    from gandam_studio.core.duplicates.finding import find_duplicates

    if rules is None:
        return find_duplicates(workspace, distance=distance, job=job)
    named = tuple(rule.strip() for rule in rules.split(",") if rule.strip())
    return find_duplicates(workspace, distance=distance, rules=named, job=job)


def group_json(group: DuplicateGroup, ids: dict[int, str]) -> dict[str, Any]:
    """One group by the contract of `dedupe --json`; `ids` maps row numbers to ids."""
    return {"keeper": ids[group.keeper], "members": [_member_json(member, ids) for member in group.members]}


def _member_json(member: Member, ids: dict[int, str]) -> dict[str, Any]:
    return {
        "id": ids[member.seq],
        "relation": member.relation,
        "distance": round(member.distance, 6),
        "confidence": round(member.confidence, 6),
        "transform": {**dataclasses.asdict(member.transform), "words": list(member.transform.words)},
        "related_to": ids[member.related_to],
        "duplicate_of": None if member.duplicate_of is None else ids[member.duplicate_of],
    }


def drop_edits(groups: Iterable[DuplicateGroup], relations: Iterable[str]) -> list[Edit]:
    """The edits that drop members of those relations; the reason of a true copy is "duplicate", else the relation."""
    from gandam_studio.core.edits import Drop

    wanted = frozenset(relations)
    by_reason: dict[str, list[int]] = {}
    for group in groups:
        for member in group.members:
            if member.relation in wanted:
                reason = "duplicate" if member.duplicate_of is not None else member.relation
                by_reason.setdefault(reason, []).append(member.seq)
    return [Drop(seqs, reason) for reason, seqs in by_reason.items()]


def family_edit(workspace: Workspace, groups: Iterable[DuplicateGroup]) -> Edit:
    """The edit that gives each group's sprites the name of their keeper's id as their family."""
    from gandam_studio.core.edits import SetValues

    names: dict[int, str] = {}
    for group in groups:
        name = workspace.sprite(group.keeper).id[:16]
        names |= dict.fromkeys((group.keeper, *(member.seq for member in group.members)), name)
    return SetValues({"family": names}, "Name families")


def _decide(workspace: Workspace, out: Output, edits: list[Edit]) -> None:
    from gandam_studio.core.edits import Together

    if not edits:
        return
    changes = workspace.apply(Together(tuple(edits), "Deduplicate"))
    out.say(f"{changes.label}; undo takes it back" if changes else "nothing to change: that is how it is already")


def _ids(workspace: Workspace, groups: Iterable[DuplicateGroup]) -> dict[int, str]:
    seqs = {seq for group in groups for seq in (group.keeper, *(member.seq for member in group.members))}
    return {sprite.seq: sprite.id for sprite in workspace.sprites(seqs)}


def _tell(out: Output, workspace: Workspace, groups: list[DuplicateGroup]) -> None:
    if out.as_json:
        return
    names = {sprite.seq: sprite.name for sprite in workspace.sprites()} if groups else {}
    rows: list[tuple[object, ...]] = []
    for group in groups[:_TOLD]:
        for member in group.members:
            first = names[group.keeper] if member is group.members[0] else ""
            words = ", ".join(member.transform.words) or member.relation
            rows.append((first, names[member.seq], member.relation, words, f"{member.distance:.3f}"))
    if rows:
        out.table(("keep", "copy", "relation", "how", "distance"), rows, right=("distance",))
    if len(groups) > _TOLD:
        out.say(f"and {len(groups) - _TOLD:,} more groups; --json lists them")
    members = sum(len(group.members) for group in groups)
    copies = sum(len(group.duplicates) for group in groups)
    out.say(f"{len(groups):,} groups: {copies:,} copies, {members - copies:,} relatives (recoloured, near, frames)")


def drop_duplicates(workspace: Workspace, job: ConsoleJob) -> int:
    """Drop every true copy, as one edit; relatives stay. Returns how many went. Raises UserError, Cancelled."""
    from gandam_studio.core.duplicates.relations import DUPLICATES
    from gandam_studio.core.edits import Together

    edits = drop_edits(find(workspace, job).groups, DUPLICATES)
    if not edits:
        return 0
    return len(workspace.apply(Together(tuple(edits), "Deduplicate")).seqs)
