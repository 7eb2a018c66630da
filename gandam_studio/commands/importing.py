"""`import`: imports pictures from folders, files and archives."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gandam_studio.commands.console import Output, counted, printable, with_workspace
from gandam_studio.commands.progress import ConsoleJob
from gandam_studio.commands.remedies import helped
from gandam_studio.core.errors import UserError

if TYPE_CHECKING:
    from gandam_studio.core.importing import ImportOptions, ImportSummary, Slicing
    from gandam_studio.core.importing.looking import SourceFindings
    from gandam_studio.core.workspace import Workspace

_TOLD = 50
_TAGS_TOLD = 20
_GRID = re.compile(r"(\d+)x(\d+)(?:\+(\d+)\+(\d+))?(?::(\d+)(?:,(\d+))?)?")


@click.command("import")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...", type=click.Path(path_type=Path))
@click.option("--frames", type=click.Choice(["first", "distinct"]), default="first", show_default=True,
              help="Frames of animations: the first that is not blank, or all distinct ones.")  # fmt: skip
@click.option(
    "--grid",
    metavar="WxH[+X+Y][:GAP]|auto|none",
    help="Cut sheets into cells of W x H pixels, from (X, Y) on; cells over the edge are filled up. "
    "auto: by the gaps or shapes of each sheet. none: take sheets whole that an earlier import cut.",
)
@click.option("--shapes", type=click.IntRange(0, 64), metavar="JOIN",
              help="Cut sheets into separate shapes; gaps of up to JOIN pixels do not separate.")  # fmt: skip
@click.option("--names", default="", metavar="ENCODING",
              help="Encoding of names in archives that are not UTF-8, such as cp932, gbk or cp1251.")  # fmt: skip
@click.option("--key", metavar="RRGGBB|auto|index0",
              help="Make this colour transparent; auto: that of the border; index0: the palette's first.")  # fmt: skip
@click.option("--atlases/--no-atlases", default=True, show_default=True,
              help="Cut sheets by the descriptions (JSON, .tpsheet, Unity's .meta) next to them.")  # fmt: skip
@click.option("--folders-as-tags", is_flag=True,
              help="Tag pictures with the name of their folder (\"name\" for a folder 10_name).")  # fmt: skip
@click.option("--captions", type=click.Choice(["tags"]), default=None,
              help="Tag pictures with the comma-separated words of .txt and .caption files next to them.")  # fmt: skip
@click.option("--frame-tags", is_flag=True, help="Tag frames of Aseprite documents with their tags there.")
@click.option("--carry-over", is_flag=True,
              help="Transfer decisions to new sprites of edited files, and drop the old ones.")  # fmt: skip
@click.option("--look", is_flag=True,
              help="Import nothing; say what there is: sheets, animations, tags in folders and captions.")  # fmt: skip
@click.option("--reread", is_flag=True,
              help="Read all files again, also those whose size and date have not changed.")  # fmt: skip
@click.option("--retry-rejected", is_flag=True, help="Try files again that were refused before.")
@click.option("--max-pixels", type=click.IntRange(1), metavar="N", help="Refuse pictures of more pixels than this.")
@click.option("--workers", type=click.IntRange(0), default=0, metavar="N",
              help="Number of decoding processes; 0 is one per CPU.")  # fmt: skip
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True,
              help="Decode on this machine, or over a Ray cluster; the result is the same.")  # fmt: skip
@click.option("--ray-address", default="", metavar="ADDRESS", help="Address of the Ray cluster.")
@with_workspace(write=True)
def import_(
    workspace: Workspace,
    out: Output,
    sources: tuple[Path, ...],
    frames: str,
    grid: str | None,
    shapes: int | None,
    key: str | None,
    atlases: bool,
    names: str,
    folders_as_tags: bool,
    frame_tags: bool,
    captions: str | None,
    carry_over: bool,
    look: bool,
    reread: bool,
    retry_rejected: bool,
    max_pixels: int | None,
    workers: int,
    engine: str,
    ray_address: str,
) -> None:
    """Import pictures from folders, files, zip and tar archives. The files are not changed.

    Importing the same place again adds only new pictures. Refused files are listed with the reason. A file that was
    edited since gives a new sprite. Tags and decisions from options are edits that can be undone, and also apply to
    pictures that were imported before.
    """
    from gandam_studio.core.importing import ImportOptions, import_sources

    options = ImportOptions(
        frames=frames,
        sheet=_sheet(grid, shapes),
        key=_key(key),
        atlases=atlases,
        whole=grid == "none",
        workers=workers,
        engine=engine,
        retry_rejected=retry_rejected,
        reread=reread,
        ray_address=ray_address,
        names=_encoding(names),
        folders_as_tags=folders_as_tags,
        frame_tags=frame_tags,
        captions=captions or "",
        carry_over=carry_over,
    )
    if max_pixels:
        options = dataclasses.replace(options, limits=dataclasses.replace(options.limits, max_pixels=max_pixels))
    if look:
        from gandam_studio.core.importing.looking import look_over

        with ConsoleJob() as job:
            findings = look_over(workspace, sources, job=job, options=options)
        out.json(findings.to_json())
        _tell_findings(out, findings)
        return
    with ConsoleJob() as job:
        summary = import_sources(workspace, sources, job=job, options=options)
    out.json({**summary.to_json(), "notes": _notes(summary)})
    _tell(out, summary, options)
    if not summary.imported and not summary.already:
        raise UserError(_nothing(sources, summary))


def _key(text: str | None) -> tuple[int, int, int] | str | None:
    from gandam_studio.core.importing import KEY_AUTO
    from gandam_studio.core.pictures.decoding.parts import INDEX_0

    if text is None or text in (KEY_AUTO, INDEX_0):
        return text
    if not re.fullmatch("#?[0-9A-Fa-f]{6}", text):
        raise click.UsageError(f"{text!r} is not a colour; write for example ff00ff, auto or index0")
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue


def _sheet(grid: str | None, shapes: int | None) -> Slicing | None:
    from gandam_studio.core.importing import Components, Grid, Proposed

    if grid and shapes is not None:
        raise click.UsageError("cut sheets by --grid or by --shapes, not by both")
    if shapes is not None:
        return Components(join=shapes)
    if grid is None or grid == "none":
        return None
    if grid == "auto":
        return Proposed()
    match = _GRID.fullmatch(grid)
    if not match:
        raise click.UsageError(f"{grid!r} is not a grid; write for example 32x32, 32x32+8+8 or 32x32+0+0:1")
    width, height, left, top, gap_x, gap_y = (int(text) if text else None for text in match.groups())
    gap_y = gap_x if gap_y is None else gap_y
    try:
        return Grid(width or 0, height or 0, left or 0, top or 0, gap_x or 0, gap_y or 0)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _encoding(name: str) -> str:
    from gandam_studio.core.archives.names import known_encoding

    if name and not known_encoding(name):
        raise click.UsageError(f"{printable(name)!r} is not a known encoding; write for example cp932, gbk or cp1251")
    return name


def _tell(out: Output, summary: ImportSummary, options: ImportOptions) -> None:
    rows = list(itertools.islice(summary.rows(), _TOLD))
    if rows:
        out.table(("verdict", "file", "reason"), rows)
    more = summary.edited_count + summary.rejected_count + summary.missing_count - len(rows)
    if more > 0:
        out.say(f"and {more:,} more; --json lists them")
    for note in _notes(summary):
        out.note(printable(note))
    if summary.blank:
        out.note("blank sprites are empty, or of one colour alone; see: list --blank")
    if summary.faint:
        out.note("some can hardly be seen on the recipe's background, such as white on white; see: list --faint")
    if summary.captions and not options.captions:
        out.note(f"captions beside {counted(summary.captions, 'picture')}; --captions tags takes them as tags")
    if summary.edited_count and not options.carry_over:
        out.note(f"{counted(summary.edited_count, 'picture')} edited since the last import; --carry-over gives the "
                 "new sprites the decisions of the old ones")  # fmt: skip
    if left_out := summary.left_out():
        out.note(f"left out: {printable(left_out)}")
    if options.folders_as_tags or options.captions or options.frame_tags:
        out.say(_tagged(summary))
    if options.carry_over:
        out.say(f"decisions carried over to {counted(summary.carried, 'sprite')}")
    rate = f", {summary.imported / summary.seconds:,.0f} a second" if summary.imported and summary.seconds > 1 else ""
    out.say(summary.sentence() + rate)


def _notes(summary: ImportSummary) -> list[str]:
    return [helped(note, summary.remedies.get(note)) for note in summary.notes]


def _tell_findings(out: Output, found: SourceFindings) -> None:
    """Say what there is, and which option uses it."""
    from gandam_studio.core.importing.options import kinds_listed

    out.say(f"{counted(found.pictures, 'picture')}, {found.fresh:,} of them new")
    if found.telling_folders:
        out.say(f"folders (--folders-as-tags): {_counts(found.folders)}")
    if found.captions:
        words = f": {_counts(found.caption_tags)}" if found.caption_tags else ""
        out.say(f"captions beside {counted(found.captions, 'picture')} (--captions tags){words}")
    for sheets in found.sheets:
        more = f" and {len(sheets.labels) - 1:,} more" if len(sheets.labels) > 1 else ""
        size = f", {sheets.width} x {sheets.height}" if sheets.width else ""
        how = "cut by its description" if sheets.atlas else f"{sheets.cut.mode} (--grid auto)"
        how = how if sheets.is_sure else f"perhaps {how}"
        out.say(f"sheet: {printable(sheets.labels[0])}{more}{size}: {how}, {counted(sheets.sprites, 'sprite')}")
    if found.animations:
        out.say(f"{counted(found.animations, 'animation')} with {found.frames:,} frames (--frames distinct)")
    if found.frame_tags:
        out.say(f"tags of frames (--frame-tags): {_counts(found.frame_tags)}")
    for names in found.names:
        shown = ", ".join(map(printable, names.examples[names.used]))
        out.say(f"names in {printable(names.path)} read as {names.used} (--names): {shown}")
    if found.edited:
        out.say(f"{counted(len(found.edited), 'file')} edited since the last import (--carry-over)")
    if left_out := kinds_listed(found.others, found.hidden):
        out.say(f"left out: {printable(left_out)}")


def _tagged(summary: ImportSummary) -> str:
    return f"tagged: {_counts(summary.tagged)}" if summary.tagged else "no sprite got a new tag"


def _counts(tags: Mapping[str, int]) -> str:
    most = sorted(tags.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = ", ".join(f"{printable(tag)} ({count:,})" for tag, count in most[:_TAGS_TOLD])
    more = f" and {len(most) - _TAGS_TOLD:,} more" if len(most) > _TAGS_TOLD else ""
    return f"{shown}{more}"


def _nothing(sources: tuple[Path, ...], summary: ImportSummary) -> str:
    if summary.rejected or summary.missing:
        first = (summary.rejected + summary.missing)[0]
        more = summary.rejected_count + summary.missing_count - 1
        others = f", and {more:,} more" if more else ""
        return f"nothing was imported: {printable(first.path)}: {first.reason}{others}"
    return f"nothing was imported: there are no pictures in {printable(', '.join(map(str, sources)))}"
