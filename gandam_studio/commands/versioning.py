"""`commit`, `versions`, `diff`, `restore`, `tag-version`, `verify`, `relink`: versions and their originals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gandam_studio.commands.console import Output, counted, printable, with_workspace
from gandam_studio.commands.progress import ConsoleJob
from gandam_studio.commands.workspaces import report
from gandam_studio.core.errors import UserError

if TYPE_CHECKING:
    from gandam_studio.core.suggestions.certificates import KeptCertificate
    from gandam_studio.core.versions import ManifestVersion
    from gandam_studio.core.workspace import Workspace

_MOST_ROWS = 20  # Rows of each kind in tables; --json has all.


@click.command()
@click.option("-m", "--message", default="", help="Why this version was made.")
@click.option(
    "--kept-only", is_flag=True, help="Only sprites that were kept explicitly, instead of all that are not dropped."
)
@click.option(
    "--with-generated", is_flag=True, help="Also sprites that a run has drawn and that you kept; otherwise none are in."
)
@with_workspace(write=True)
def commit(workspace: Workspace, out: Output, message: str, kept_only: bool, with_generated: bool) -> None:
    """Save the current decisions as a version, which never changes. Equal decisions have equal digests."""
    from gandam_studio.core import versions as core

    with ConsoleJob() as job:
        version = core.commit(workspace, message, kept_only=kept_only, with_generated=with_generated, job=job)
    out.json(version.to_json())
    if version.unchanged:
        out.say(f"no change since {version.label}")
    else:
        out.say(f"{version.label}: {counted(version.sprites, 'sprite')}, {version.digest}")
    if blank := core.count_blank(workspace, kept_only=kept_only, with_generated=with_generated):
        out.note(f"blank, or of one colour alone: {counted(blank, 'sprite')}; see: list --blank")
    if unseen := core.count_faint(workspace, kept_only=kept_only):
        out.note(f"hard to see on the recipe's background: {counted(unseen, 'sprite')}; see: list --faint")
    kept, undecided = core.count_generated(workspace)
    if kept and with_generated:
        out.note(f"drawn by a run, and in: {counted(kept, 'sprite')}; a run learns their mistakes too")
    elif kept:
        out.note(f"drawn by a run, kept, but left out: {counted(kept, 'sprite')}; --with-generated trains on them too")
    if undecided and not kept_only:
        out.note(f"drawn by a run, so left out until kept: {counted(undecided, 'sprite')}; see: list --tag generated")


@click.command()
@with_workspace(write=False)
def versions(workspace: Workspace, out: Output) -> None:
    """List the versions, newest last."""
    from gandam_studio.core import versions as core

    found = core.versions(workspace)
    said = [_certificates(workspace, version) for version in found]
    out.json(
        [{**v.to_json(), "certificates": [one.to_json() for one in some]} for v, some in zip(found, said, strict=True)]
    )
    if not found:
        out.say("there is no version yet; create one with: gandam-studio commit -m 'why'")
        return
    out.table(
        ("version", "parent", "sprites", "digest", "at", "tags", "message"),
        ((v.label, v.parent_label or "", f"{v.sprites:,}", v.digest[:12], v.at, ", ".join(v.tags), v.message)
         for v in found),
        right=("sprites",),
    )  # fmt: skip
    for version, some in zip(found, said, strict=True):
        for one in some:
            out.say(f"{version.label}: {printable(one.summary)}")


def _certificates(workspace: Workspace, version: ManifestVersion) -> list[KeptCertificate]:
    """What reviews of fitness said of a version; nothing where its header is damaged, which `verify` tells."""
    from gandam_studio.core import versions as core

    try:
        return core.certificates_of(workspace, version)
    except UserError:
        return []


@click.command()
@click.argument("a")
@click.argument("b", default="now")
@with_workspace(write=False)
def diff(workspace: Workspace, out: Output, a: str, b: str) -> None:
    """Show what changed from version A to version B, or to the current state."""
    from gandam_studio.core import versions as core

    newer = None if b == "now" else core.find_version(workspace, b)
    found = core.diff(workspace, core.find_version(workspace, a), newer)
    out.json(found.to_json())
    out.say(found.summary)
    rows = [("added", e.id[:12], e.source, "") for e in found.added[:_MOST_ROWS]]
    rows += [("removed", r.entry.id[:12], r.entry.source, r.reason) for r in found.removed[:_MOST_ROWS]]
    changed = found.changed[:_MOST_ROWS]
    rows += [("changed", c.after.id[:12], c.after.source, ", ".join(c.reported_fields)) for c in changed]
    if rows:
        out.table(("", "id", "source", "what"), rows)
    more = len(found.added) + len(found.removed) + len(found.changed) - len(rows)
    if more:
        out.say(f"and {more:,} more; --json lists all")


@click.command()
@click.argument("version")
@with_workspace(write=True)
def restore(workspace: Workspace, out: Output, version: str) -> None:
    """Restore all decisions of a version, as one edit that can be undone."""
    from gandam_studio.core import versions as core

    report(out, "", workspace.apply(core.restore_edit(workspace, core.find_version(workspace, version))))


@click.command("tag-version")
@click.argument("version")
@click.option("--add", multiple=True, metavar="NAME", help="Give the version this name; may be repeated.")
@click.option("--remove", multiple=True, metavar="NAME", help="Remove this name; may be repeated.")
@with_workspace(write=True)
def tag_version(workspace: Workspace, out: Output, version: str, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
    """Give a version a name, such as "paper", that can be used instead of its number."""
    from gandam_studio.core import versions as core

    if not add and not remove:
        raise click.UsageError("use --add NAME or --remove NAME")
    named = core.tag_version(workspace, core.find_version(workspace, version), add=add, remove=remove)
    out.json(named.to_json())
    out.say(f"{named.label}: {', '.join(named.tags) or 'no names'}")


@click.command()
@with_workspace(write=False)
def verify(workspace: Workspace, out: Output) -> None:
    """Read all originals and manifests, and list those that are missing or altered."""
    from gandam_studio.core import versions as core

    with ConsoleJob() as job:
        found = core.verify(workspace, job=job)
    out.json(found.to_json())
    for item in found.damage:
        out.say(printable(item))
    if not found.ok:
        raise UserError(f"missing or altered: {counted(len(found.damage), 'file')}; see: gandam-studio relink")
    originals, manifests = counted(found.originals, "original"), counted(found.manifests, "version")
    out.say(f"no problems: {originals} and {manifests} checked, nothing missing or altered")


@click.command()
@click.argument("places", nargs=-1, required=True, metavar="PLACE...", type=click.Path(path_type=Path))
@with_workspace(write=True)
def relink(workspace: Workspace, out: Output, places: tuple[Path, ...]) -> None:
    """Find missing or altered originals among files, folders and packs, by digest, and restore them."""
    from gandam_studio.core import versions as core

    with ConsoleJob() as job:
        found = core.relink(workspace, places, job=job)
    out.json(found.to_json())
    out.say(f"{counted(len(found.found), 'original')} found again, {len(found.missing):,} still missing")
    for digest, names in list(found.missing.items())[:_MOST_ROWS]:
        out.say(f"  missing {digest[:12]}: {printable(', '.join(names[:3]))}")
