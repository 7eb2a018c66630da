"""`dedupe` and `families`: finding copies and relatives, and deciding about them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gandam_studio.commands.arguments import NAME
from gandam_studio.commands.console import Output, chosen_folder, counted, json_option, workspace_option
from gandam_studio.commands.progress import ConsoleJob
from gandam_studio.core.errors import NothingMatches
from trainer.protocol.loading import loading

if TYPE_CHECKING:
    from gandam_studio.core.duplicates import Copies, DuplicateGroup, DuplicateReport, Member
    from gandam_studio.core.workspace import Workspace
    from gandam_studio.core.workspace.edits import Edit

# Repeated here, since the core is imported only when a command runs; a test compares them.
RELATIONS = ("exact", "re-encoded", "resized", "cropped", "mirrored", "recoloured", "near", "frame")
RULES = ("kept", "not-upscaled", "alpha", "larger", "colours", "source-order")
DISTANCE = 0.5
LOOSEST = 0.7
_TOLD = 30


@click.command()
@click.option("--dry-run", is_flag=True, help="Only report, change nothing (the default without --apply).")
@click.option("--apply", "apply_", is_flag=True, help="Drop all but the keepers, as one edit that undo takes back.")
@click.option("--duplicates-only", is_flag=True, help="Drop copies only; leave relatives (recoloured, near, frames).")
@click.option("--relation", "relations", type=click.Choice(RELATIONS), multiple=True, metavar="WORD",
              help=f"Drop only members with this relation: {', '.join(RELATIONS)}; may be repeated.")  # fmt: skip
@click.option("--distance", type=click.FloatRange(0, LOOSEST), default=DISTANCE, show_default=True,
              help="How different pictures of a group may be; 0 is equal pixels only.")  # fmt: skip
@click.option(
    "--rules", metavar="RULE,...", help=f"Rules that choose the best of a group, in order: {', '.join(RULES)}."
)
@click.option("--include-kept", is_flag=True, help="Drop sprites marked keep too; the best of each group stays.")
@click.option("--not-duplicates", nargs=2, multiple=True, type=NAME, metavar="SPRITE SPRITE",
              help="Remember that these two are different pictures; may be repeated.")  # fmt: skip
@click.option("--families", is_flag=True, help="Record each group as a family, for splits and for `families`.")
@workspace_option
@json_option
def dedupe(
    folder: Path | None,
    as_json: bool,
    dry_run: bool,
    apply_: bool,
    duplicates_only: bool,
    relations: tuple[str, ...],
    distance: float,
    rules: str | None,
    include_kept: bool,
    not_duplicates: tuple[tuple[str, str], ...],
    families: bool,
) -> None:
    """Find copies: the same pixels, other encodings or sizes, mirrored, cropped, recoloured, nearly the same.

    All relations are verified on the pixels. Nothing is changed without --apply, --families or --not-duplicates.
    Sprites marked keep are dropped only with --include-kept.

    Files with the same pixels became one sprite when they were imported. --json lists each of them under that sprite's
    id as a member with relation "exact" and the file as "source".
    """
    with loading():
        from gandam_studio.core.duplicates import DUPLICATES, exact_copies, name_families, plan_drops
        from gandam_studio.core.workspace import Workspace
        from gandam_studio.core.workspace.edits import NotDuplicates, Together
        from gandam_studio.core.workspace.lookups import seqs_by_id
        from gandam_studio.core.workspace.query import Filter

    deciding = apply_ or families or bool(not_duplicates)
    if dry_run and deciding:
        raise click.UsageError("--dry-run cannot be used with --apply, --families or --not-duplicates")
    wanted = frozenset(relations or RELATIONS) & (DUPLICATES if duplicates_only else frozenset(RELATIONS))
    out = Output(as_json)
    with Workspace.open(chosen_folder(folder), read_only=not deciding) as workspace, ConsoleJob() as job:
        if not_duplicates:
            pairs = tuple((workspace.resolve(a), workspace.resolve(b)) for a, b in not_duplicates)
            workspace.apply(NotDuplicates(pairs))
        report = find(workspace, job, distance, rules)
        groups = report.groups
        ids = {seq: key for key, seq in seqs_by_id(workspace)}
        shown = set(workspace.select(Filter(status="not-dropped")).tolist())
        copies = {one.seq: one for one in exact_copies(workspace) if one.seq in shown}
        out.json({"groups": _groups_json(groups, copies, ids), "nearest": report.nearest or None})
        if report.nearest:
            out.say(
                f"too many look alike to compare them all: each only with those nearest to it ({report.nearest}); "
                "copies are the nearest, but some that only look alike are not listed"
            )
        _tell(out, workspace, groups, sum(len(one.others) for one in copies.values()))
        decided: list[Edit] = [name_families(report)] if families and groups else []
        if apply_:
            decided += drop_edits(report, wanted, relatives=not duplicates_only, include_kept=include_kept)
        if decided:
            changes = workspace.apply(Together(tuple(decided), "Deduplicate"))
            out.say(f"{changes.label}; undo takes it back" if changes else "no change")
        elif apply_ and (spared := plan_drops(report, relations=wanted).spared) and not include_kept:
            copies_are = "1 copy is" if len(spared) == 1 else f"{len(spared):,} copies are"
            out.say(f"nothing was dropped: {copies_are} marked keep; --include-kept drops them too")
        elif apply_ and relations:
            raise NothingMatches(f"nothing was dropped: no copy is {' or '.join(relations)}")


def find(
    workspace: Workspace, job: ConsoleJob, distance: float = DISTANCE, rules: str | None = None
) -> DuplicateReport:
    """Find the duplicates of a workspace. Raises UserError for an unknown rule."""
    with loading():
        from gandam_studio.core.duplicates import find_duplicates

    if rules is None:
        return find_duplicates(workspace, distance=distance, job=job)
    named = tuple(rule.strip() for rule in rules.split(",") if rule.strip())
    return find_duplicates(workspace, distance=distance, rules=named, job=job)


def _groups_json(groups: list[DuplicateGroup], copies: dict[int, Copies], ids: dict[int, str]) -> list[dict[str, Any]]:
    """All groups, with files that import found to have the same pixels; sprites with only such files come last."""
    found = []
    for group in groups:
        entry = group_json(group, ids)
        for one in filter(None, map(copies.get, group.seqs)):
            entry["members"] += _copies_json(one, ids)
        found.append(entry)
    grouped = {seq for group in groups for seq in group.seqs}
    alone = [one for seq, one in sorted(copies.items()) if seq not in grouped]
    return found + [{"keeper": ids[one.seq], "members": _copies_json(one, ids)} for one in alone]


def _copies_json(copies: Copies, ids: dict[int, str]) -> list[dict[str, Any]]:
    """A sprite's further files as members of relation "exact"; `same_file` if their bytes are equal."""
    from gandam_studio.core.duplicates import Member, Transform

    exact = _member_json(Member(copies.seq, "exact", 0.0, 1.0, Transform(), copies.seq, copies.seq), ids)
    return [{**exact, "source": path, "same_file": same} for path, same in copies.others]


def group_json(group: DuplicateGroup, ids: dict[int, str]) -> dict[str, Any]:
    """A group in the output of `dedupe --json`; `ids` maps row numbers to ids."""
    return {"keeper": ids[group.keeper], "members": [_member_json(member, ids) for member in group.members]}


def _member_json(member: Member, ids: dict[int, str]) -> dict[str, Any]:
    return {
        "id": ids[member.seq],
        "relation": member.relation,
        "distance": round(member.distance, 6),
        "confidence": round(member.confidence, 6),
        "transform": {**vars(member.transform), "words": list(member.transform.words)},
        "related_to": ids[member.related_to],
        "duplicate_of": None if member.duplicate_of is None else ids[member.duplicate_of],
    }


def drop_edits(
    report: DuplicateReport, wanted: frozenset[str], *, relatives: bool = True, include_kept: bool = False
) -> list[Edit]:
    """Plan to drop members with these relations: copies with the reason "duplicate", relatives with their relation.

    A copy of a relative, such as a resized recolour, is a relative too, since its keeper has other colours.
    Without `relatives`, only copies of sprites that stay are dropped. Sprites marked keep go only with `include_kept`.
    """
    from gandam_studio.core.duplicates import plan_drops
    from gandam_studio.core.workspace.edits import Drop

    plan = plan_drops(report, relations=wanted, include_kept=include_kept)
    edits: list[Edit] = [plan.edit()] if plan.drops else []
    if not relatives:
        return edits
    by_relation: dict[str, list[int]] = {}
    for group in report.groups:
        for member in group.members:
            may_go = include_kept or not report.is_kept(member.seq)
            if member.duplicate_of is None and member.relation in wanted and may_go:
                by_relation.setdefault(member.relation, []).append(member.seq)
    return edits + [Drop(seqs, relation) for relation, seqs in by_relation.items()]


def drop_duplicates(workspace: Workspace, job: ConsoleJob) -> int:
    """Drop all copies, but no relatives, as one edit; returns their number. Raises UserError, Cancelled."""
    from gandam_studio.core.duplicates import plan_drops

    plan = plan_drops(find(workspace, job))
    return len(workspace.apply(plan.edit()).seqs) if plan.drops else 0


@click.command("families")
@click.option("--cap", type=click.IntRange(1), metavar="N", help="Drop what exceeds N sprites in a family.")
@click.option("--weigh", type=click.FloatRange(0, min_open=True), metavar="W",
              help="Let a family count for at most W sprites in training, by weights in the manifest.")  # fmt: skip
@workspace_option
@json_option
def families_(folder: Path | None, as_json: bool, cap: int | None, weigh: float | None) -> None:
    """List families by size, or limit the weight of large ones in training. `dedupe --families` records them."""
    from gandam_studio.core import duplicates as core
    from gandam_studio.core.workspace import Workspace

    if cap and weigh:
        raise click.UsageError("cap or weigh families, not both at once")
    out = Output(as_json)
    with Workspace.open(chosen_folder(folder), read_only=not (cap or weigh)) as workspace:
        if cap or weigh:
            if not core.families(workspace):
                out.json([])
                raise NothingMatches("there are no families yet; record them with: gandam-studio dedupe --families")
            edit = core.cap_families(workspace, cap) if cap else core.weigh_families(workspace, weigh or 1.0)
            changes = workspace.apply(edit)
            out.say(f"{changes.label}; undo takes it back" if changes else "no change")
        found = core.families(workspace)
    out.json([{"family": f.name, "sprites": len(f.seqs), "weight": round(f.weight, 6)} for f in found])
    if found:
        rows = ((f.name, len(f.seqs), f"{f.weight:g}") for f in found[:_TOLD])
        out.table(("family", "sprites", "counts for"), rows, right=("sprites", "counts for"))
    out.say(f"{len(found):,} {'family' if len(found) == 1 else 'families'}")


def _tell(out: Output, workspace: Workspace, groups: list[DuplicateGroup], exact: int) -> None:
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
        out.say(f"and {counted(len(groups) - _TOLD, 'more group')}; --json lists them")
    members = sum(len(group.members) for group in groups)
    copies = sum(len(group.duplicates) for group in groups)
    out.say(
        f"{counted(len(groups), 'group')}: {copies:,} {'copy' if copies == 1 else 'copies'}, "
        f"{members - copies:,} that only look alike (recoloured, near, frames)"
    )
    if exact:
        out.say(f"exact copies merged by the import: {counted(exact, 'file')}")
