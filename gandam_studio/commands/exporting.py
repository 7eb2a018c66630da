"""`export-manifest` and `import-manifest`: exporting versions for other tools, and importing them again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gandam_studio.commands.console import Output, counted, printable, with_workspace
from gandam_studio.commands.progress import ConsoleJob
from gandam_studio.core.errors import UserError

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace

# Repeated here, since the core is imported only when a command runs; a test compares them.
FORMATS = (
    "pngs", "jsonl", "csv", "parquet", "imagefolder", "stylegan", "webdataset", "croissant", "coco", "fiftyone", "all",
)  # fmt: skip


@click.command("export-manifest")
@click.option("--out", "target", required=True, metavar="PATH", help="File or folder to write, or s3://, hf:// ...")
@click.option("--version", metavar="V", default="latest", show_default=True, help="Version to export.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="jsonl", show_default=True,
              help="What to write; `all` writes every format side by side.")  # fmt: skip
@click.option("--pictures", type=click.Choice(["none", "copy", "link", "render", "edit"]), default=None,
              help="Originals, pictures as trained on, or edited at their own size [default: by format].")  # fmt: skip
@click.option("--classes", metavar="TAG[,TAG...]", default=None,
              help="Tags that are classes, one per sprite: folders, labels or categories. *: every tag.")  # fmt: skip
@click.option("--captions", is_flag=True, help="Write a .txt file with its tags next to every picture.")
@click.option("--force", is_flag=True, help="Replace a file, or an earlier export.")
@with_workspace(write=False)
def export_manifest(
    workspace: Workspace,
    out: Output,
    target: str,
    version: str,
    form: str,
    pictures: str | None,
    classes: str | None,
    captions: bool,
    force: bool,
) -> None:
    """Write a version as a manifest, a table, or a data set for another tool. Equal versions give equal bytes."""
    from gandam_studio.core.exporting import export, parse_classes
    from gandam_studio.core.versions import find_version

    with ConsoleJob() as job:
        done = export(
            workspace,
            find_version(workspace, version),
            target,
            format=form,
            pictures=pictures or "",
            classes=() if classes is None else parse_classes(classes),
            captions=captions,
            force=force,
            job=job,
        )
    out.json(done.to_json())
    sprites, files = counted(done.sprites, "sprite"), counted(done.files, "file")
    out.say(f"{done.version} -> {done.out}: {sprites}, {files}, {done.bytes / 1e6:,.1f} MB")
    if done.classes:
        out.say("classes: " + ", ".join(f"{printable(name)} ({count:,})" for name, count in done.classes.items()))
    for name, why in done.skipped.items():
        out.say(f"left out {name}: {why}")


@click.command("import-manifest")
@click.argument("export", metavar="EXPORT", type=click.Path(path_type=Path))
@with_workspace(write=True)
def import_manifest(workspace: Workspace, out: Output, export: Path) -> None:
    """Import an export: its pictures, and its decisions as one edit that can be undone.

    EXPORT is a manifest, an imagefolder, a StyleGAN zip, or an export folder with pictures.
    """
    from gandam_studio.core.exporting import take_back

    if not export.exists():
        raise UserError(f"there is nothing at {export}")
    with ConsoleJob() as job:
        done = take_back(workspace, export, job=job)
    out.json(done.to_json())
    out.say(f"{counted(done.imported, 'sprite')} imported, {done.decided:,} decided as in {export}")
    if done.missing:
        out.say(
            f"found neither there nor here: {counted(len(done.missing), 'picture')}, "
            f"such as {printable(done.missing[0])}"
        )
