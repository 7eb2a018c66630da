"""Which sprites a command means: ids, names, or everything a filter lets through.

The filters are the same for every command, so only the help of `list` explains them; the others refer to it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gandam_studio.commands.arguments import NAME, listed_names
from gandam_studio.core.errors import NothingMatches, UserError

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace
    from gandam_studio.core.workspace.query import Filter
    from gandam_studio.core.workspace.seqsets import Seqs

F = TypeVar("F", bound=Callable[..., Any])

EXPLAINED_BY = "list"
"""The command whose help explains the filters."""


class FilterOption(click.Option):
    """An option that filters sprites."""


class SpriteCommand(click.Command):
    """A command with filters: its help has them in a section of their own, or names the command that explains them."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the section on filters."""
        records: dict[bool, list[tuple[str, str]]] = {False: [], True: []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record and record[1]:
                records[isinstance(parameter, FilterOption)].append(record)
        with formatter.section("Options"):
            formatter.write_dl(records[False])
        with formatter.section("Filters"):
            if self.name == EXPLAINED_BY:
                formatter.write_dl(records[True])
            else:
                formatter.write_text("Options such as --facing right choose sprites instead of naming them.")
                formatter.write_text(f"See: gandam-studio {EXPLAINED_BY} --help")


def _filter(*names: str, **settings: Any) -> Callable[[F], F]:
    return click.option(*names, cls=FilterOption, **settings)


_FILTERS = (
    _filter("--status", type=click.Choice(["undecided", "kept", "dropped", "not-dropped"]), help="In this state."),
    _filter(
        "--facing", "which_facing", type=click.Choice(["left", "right", "front", "unknown"]), help="Shown facing there."
    ),
    _filter("--tag", "with_tag", metavar="TAG", help="With this tag; -TAG for those without it."),
    _filter(
        "--source", type=NAME, metavar="TEXT", help="Imported from a place with this in it: a path, into archives too."
    ),
    _filter("--text", type=NAME, metavar="TEXT", help="With this in the name."),
    _filter("--family", metavar="NAME", help="Of this family; * for any."),
    _filter("--dropped-for", metavar="REASON", help="Dropped for this reason."),
    _filter("--flipped/--not-flipped", "is_flipped", default=None, help="Flipped, or not."),
    _filter("--blank/--not-blank", "is_blank", default=None, help="Showing nothing or one colour alone, or not."),
    _filter(
        "--faint/--not-faint",
        "is_faint",
        default=None,
        help="Hardly visible on the recipe's background, such as white on white, or not.",
    ),
    _filter("--min-side", type=click.IntRange(0), metavar="PIXELS", help="At least this long on the longer side."),
    _filter("--max-side", type=click.IntRange(0), metavar="PIXELS", help="At most this long on the longer side."),
)
_NAMES = ("status", "which_facing", "with_tag", "source", "text", "family", "dropped_for", "is_flipped",
          "is_blank", "is_faint", "min_side", "max_side")  # fmt: skip


def filter_options(function: F) -> F:
    """Give a command the filter options; it receives them as one `criteria` mapping for `make_filter`."""

    @functools.wraps(function)
    def wrapped(*args: Any, **options: Any) -> Any:
        criteria = {name: options.pop(name) for name in _NAMES}
        return function(*args, criteria=criteria, **options)

    for option in reversed(_FILTERS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def sprites_argument(function: F) -> F:
    """Give a command `SPRITE...` and the filter options, for `chosen`."""
    return click.argument("ids", nargs=-1, metavar="SPRITE...", type=NAME)(filter_options(function))


def make_filter(criteria: dict[str, Any], **more: Any) -> Filter:
    """The filter the options describe."""
    from gandam_studio.core.workspace.query import Filter

    return Filter(
        status=criteria["status"] or "",
        facing=criteria["which_facing"] or "",
        tag=criteria["with_tag"] or "",
        source=criteria["source"] or "",
        text=criteria["text"] or "",
        family=criteria["family"] or "",
        reason=criteria["dropped_for"] or "",
        flipped=criteria["is_flipped"],
        blank=criteria["is_blank"],
        faint=criteria["is_faint"],
        min_side=criteria["min_side"],
        max_side=criteria["max_side"],
        **more,
    )


def chosen(workspace: Workspace, ids: tuple[str, ...], criteria: dict[str, Any]) -> Seqs:
    """Row numbers of the named sprites, or of those that match a filter; "-" reads names from standard input.

    Raises UnknownSprite, and NothingMatches when there are none.
    """
    from gandam_studio.core.workspace.seqsets import as_seqs

    filtered = any(value is not None for value in criteria.values())
    if ids and filtered:
        raise click.UsageError("name sprites or give a filter, not both")
    if filtered:
        found = as_seqs(workspace.select(make_filter(criteria)))
        if not len(found):
            raise NothingMatches("no sprite matches the filter, so nothing was changed")
        return found
    if ids == ("-",):
        ids = listed_names()
        if not ids:
            raise NothingMatches("the list names no sprite, so nothing was changed")
    if not ids:
        raise click.UsageError("name at least one sprite (id, start of an id, or file name), or give a filter")
    if "" in ids:
        raise UserError("the name of a sprite must not be empty")
    return as_seqs(workspace.resolve(text) for text in ids)
