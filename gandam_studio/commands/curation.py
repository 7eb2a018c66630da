"""`list`, `show`, `flip`, `drop`, `keep`, `undecide`, `tag`, `facing`: showing and editing sprites."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from gandam_studio.commands.arguments import NAME
from gandam_studio.commands.console import Output, counted, printable, with_workspace
from gandam_studio.commands.selection import SpriteCommand, chosen, filter_options, make_filter, sprites_argument
from gandam_studio.commands.workspaces import apply
from gandam_studio.core.places import is_earlier, shown_place
from gandam_studio.core.workspace.lineage import lineage_of
from gandam_studio.core.workspace.lookups import source_places
from gandam_studio.core.workspace.phashes import phashes

if TYPE_CHECKING:
    import numpy as np

    from gandam_studio.core.workspace import Workspace
    from gandam_studio.core.workspace.sprite import Sprite

_SHORT_ID = 12
# Larger pictures do not fit an ordinary terminal.
_PREVIEW_SIDE = 64


@click.command("list", cls=SpriteCommand)
@filter_options
@click.option("--order", default="imported", show_default=True, metavar="FIELD",
              help="imported, name, status, facing, size, aspect, colors or family.")  # fmt: skip
@click.option("--descending", is_flag=True, help="Largest or last first.")
@click.option("-n", "--limit", type=click.IntRange(1), help="At most this many.")
@with_workspace(write=False)
def list_(
    workspace: Workspace, out: Output, criteria: dict[str, Any], order: str, descending: bool, limit: int | None
) -> None:
    """List all sprites, or those that match a filter."""
    seqs = workspace.select(make_filter(criteria, order=order, descending=descending))[:limit]
    sprites = (workspace.sprite(seq) for seq in seqs) if order != "imported" or descending else workspace.sprites(seqs)
    if out.as_json:
        out.json_list({**sprite.to_json(), "phash": phash} for sprite, phash in phashes(workspace, sprites))
        return
    counts = workspace.counts()
    out.table(("id", "name", "size", "status", "facing", "edits", "tags"), (_row(sprite) for sprite in sprites))
    out.say(
        f"{len(seqs):,} of {counted(counts.total, 'sprite')}: {counts.kept:,} kept, {counts.undecided:,} undecided, "
        f"{counts.dropped:,} dropped; {counts.flipped:,} flipped"
    )


def _row(sprite: Sprite) -> tuple[str, ...]:
    status = f"{sprite.status} ({sprite.reason})" if sprite.reason else sprite.status
    size = f"{sprite.width}x{sprite.height}"
    return (
        sprite.id[:_SHORT_ID], sprite.name, size, status, sprite.shown_facing, _edits(sprite), ", ".join(sprite.tags)
    )  # fmt: skip


def _edits(sprite: Sprite) -> str:
    done = ["flipped"] if sprite.flipped else []
    done += [f"turned {90 * sprite.rotation}"] if sprite.rotation else []
    done += ["cropped"] if sprite.crop else []
    return ", ".join(done)


@click.command()
@click.argument("sprite", metavar="SPRITE", type=NAME)
@with_workspace(write=False)
def show(workspace: Workspace, out: Output, sprite: str) -> None:
    """Show everything about a sprite, and in a terminal the sprite itself."""
    found = workspace.sprite(workspace.resolve(sprite))
    places = list(source_places(workspace, found.seq))
    sources = [{"path": path, "member": member, "earlier": is_earlier(member)} for path, member in places]
    lineage = lineage_of(workspace, found)
    if out.as_json:
        ((_, phash),) = phashes(workspace, [found])
        drawn = lineage.to_json() if lineage else None
        out.json({**found.to_json(), "phash": phash, "sources": sources, "lineage": drawn})
        return
    for key, value in found.to_json().items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else value
        if text not in ("", None):
            out.say(f"{key:>14}  {printable(text)}")
    if lineage:
        at = "" if lineage.iteration is None else f" at iteration {lineage.iteration:,}"
        as_what = f", as {lineage.latent}" if lineage.latent else ""
        out.say(f"{'drawn by':>14}  {printable(lineage.run)}{at}{printable(as_what)}")
    for path, member in places:
        out.say(f"{'from':>14}  {printable(shown_place(path, member))}")
    if sys.stdout.isatty() and max(found.width, found.height) <= _PREVIEW_SIDE:
        _preview(workspace.picture(found))


def _preview(picture: np.ndarray) -> None:
    """The picture with two pixels per character: upper half blocks in foreground and background colours."""
    from rich.console import Console
    from rich.text import Text

    def colour(pixel: np.ndarray) -> str:
        return f"#{pixel[0]:02x}{pixel[1]:02x}{pixel[2]:02x}" if pixel[3] >= 128 else "default"

    console = Console(highlight=False)
    for y in range(0, picture.shape[0], 2):
        line = Text()
        for x in range(picture.shape[1]):
            upper = colour(picture[y, x])
            lower = colour(picture[y + 1, x]) if y + 1 < picture.shape[0] else "default"
            if upper == lower == "default":
                line.append(" ")
            elif upper == "default":
                line.append("▄", style=lower)
            else:
                line.append("▀", style=f"{upper} on {lower}")
        console.print(line)


@click.command(cls=SpriteCommand)
@sprites_argument
@with_workspace(write=True)
def flip(workspace: Workspace, out: Output, ids: tuple[str, ...], criteria: dict[str, Any]) -> None:
    """Mirror sprites left-right, or back. The originals are not changed."""
    from gandam_studio.core.workspace.edits import Flip

    apply(workspace, out, lambda: Flip(chosen(workspace, ids, criteria)))


@click.command(cls=SpriteCommand)
@sprites_argument
@click.option("--reason", default="", help="Why, in your own words.")
@with_workspace(write=True)
def drop(workspace: Workspace, out: Output, ids: tuple[str, ...], criteria: dict[str, Any], reason: str) -> None:
    """Leave sprites out of the next version, with or without a reason. Nothing is deleted."""
    from gandam_studio.core.workspace.edits import Drop

    apply(workspace, out, lambda: Drop(chosen(workspace, ids, criteria), reason))


@click.command(cls=SpriteCommand)
@sprites_argument
@with_workspace(write=True)
def keep(workspace: Workspace, out: Output, ids: tuple[str, ...], criteria: dict[str, Any]) -> None:
    """Keep sprites, including dropped ones."""
    from gandam_studio.core.workspace.edits import Keep

    apply(workspace, out, lambda: Keep(chosen(workspace, ids, criteria)))


@click.command(cls=SpriteCommand)
@sprites_argument
@with_workspace(write=True)
def undecide(workspace: Workspace, out: Output, ids: tuple[str, ...], criteria: dict[str, Any]) -> None:
    """Make sprites undecided again, neither kept nor dropped."""
    from gandam_studio.core.workspace.edits import Undecide

    apply(workspace, out, lambda: Undecide(chosen(workspace, ids, criteria)))


@click.command(cls=SpriteCommand)
@sprites_argument
@click.option("--add", multiple=True, metavar="TAG", help="Add this tag; may be repeated.")
@click.option("--remove", multiple=True, metavar="TAG", help="Remove this tag; may be repeated.")
@with_workspace(write=True)
def tag(
    workspace: Workspace,
    out: Output,
    ids: tuple[str, ...],
    criteria: dict[str, Any],
    add: tuple[str, ...],
    remove: tuple[str, ...],
) -> None:
    """Add tags to sprites and remove others."""
    from gandam_studio.core.workspace.edits import Tag

    if not add and not remove:
        raise click.UsageError("name the tags: --add TAG or --remove TAG")
    apply(workspace, out, lambda: Tag(chosen(workspace, ids, criteria), frozenset(add), frozenset(remove)))


@click.command(cls=SpriteCommand)
@sprites_argument
@click.option("--is", "direction", type=click.Choice(["left", "right", "front", "unknown"]), required=True,
              help="Which way they look, as shown.")  # fmt: skip
@with_workspace(write=True)
def facing(workspace: Workspace, out: Output, ids: tuple[str, ...], criteria: dict[str, Any], direction: str) -> None:
    """Set which way sprites look; then `flip --facing right` mirrors all that look right."""
    from gandam_studio.core.workspace.edits import SetFacing

    apply(workspace, out, lambda: SetFacing(chosen(workspace, ids, criteria), direction))
