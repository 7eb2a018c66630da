"""Export: check what is asked, write it beside its target, put it in place."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting.classes import classes_of
from gandam_studio.core.exporting.formats import ALL, FORMATS, PICTURES, Format, format_named
from gandam_studio.core.exporting.source import Source
from gandam_studio.core.exporting.target import MARKER, folder_kind, local_path, remote
from gandam_studio.core.exporting.writing import write_beside, write_folder
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.versions import files as version_files
from gandam_studio.core.versions.model import ManifestVersion
from trainer.protocol import outputs
from trainer.protocol.folders import files_under, scratch
from trainer.protocol.output_folders import FolderKind, new_folder, write_marker
from trainer.protocol.recipe import Recipe

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        out: where it lies, a path or an address.
        format, pictures, version, digest: what it is.
        sprites: how many it holds.
        files, bytes: how much was written.
        skipped: format -> why, when all formats were asked for and one could not be written here.
        classes: class -> how many sprites it has, where classes were chosen.
    """

    out: str
    format: str
    pictures: str
    version: str
    digest: str
    sprites: int
    files: int = 0
    bytes: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The contract of `gandam-studio export-manifest --json`."""
        return dict(self.__dict__)


def export(
    workspace: Workspace,
    version: ManifestVersion,
    out: Path | str,
    *,
    format: str = "jsonl",
    pictures: str = "",
    recipe: Recipe | None = None,
    classes: Iterable[str] = (),
    captions: bool = False,
    force: bool = False,
    job: Job = NULL_JOB,
) -> Exported:
    """Write a version for another tool.

    Args:
        workspace: where the version and the originals lie.
        version: what to export.
        out: file or folder, or an address such as s3://bucket/x.zip (with the `remote` extra).
        format: a key of `FORMATS`, or "all" for every one side by side in a folder.
        pictures: "none", "copy" (originals as they came), "link" (hard links to them: never edit those), or
            "render" (the recipe applied); "" for the format's default.
        recipe: another recipe than the version's own.
        classes: tags of which every sprite has one, its class; `classes.EVERY_TAG` for every tag there is.
        captions: put a text file with its tags beside every picture.
        force: replace what is there: a file, or an earlier export in the same format with nothing else in it.
        job: told of every sprite.

    The target is complete or untouched. Raises UserError and Cancelled.
    """
    recipe = recipe or version_files.recipe_of(workspace, version)
    forms = list(FORMATS.values()) if format == ALL else [format_named(format)]
    skipped = {form.name: form.problem() for form in forms if form.problem()}
    if format == ALL:
        forms = [form for form in forms if form.name not in skipped]
    elif skipped:
        raise UserError(skipped[format])
    source = Source(workspace, version, _pictures(forms, format, pictures), recipe, job)
    source = _with_words(source, forms, format, tuple(classes), captions=captions)
    result = Exported(
        str(out), format, pictures or ("" if format == ALL else source.pictures), version.label, version.digest,
        version.sprites, skipped=skipped if format == ALL else {},
        classes=dict(zip(source.classes.names, source.classes.counts, strict=True)) if source.classes else {},
    )  # fmt: skip
    with _told_as_ours(out):
        kind = _folder_kind(forms, format, source.pictures)
        path = local_path(out)
        if path is None:
            with remote(str(out), kind, force=force, job=job) as local:
                _write(source, forms, local, kind, format)
                return _sized(result, local)
        _write(source, forms, path, kind, format, force=force)
        return replace(_sized(result, path), out=str(path))


def _pictures(forms: list[Format], format: str, wanted: str) -> str:
    if wanted and wanted not in PICTURES:
        raise UserError(f"pictures must be one of {', '.join(PICTURES)}, not {wanted!r}")
    if format == ALL:
        return wanted
    form = forms[0]
    if wanted and wanted not in form.pictures:
        raise UserError(f"{form.name} cannot have pictures as {wanted!r}; it can: {', '.join(form.pictures)}")
    return wanted or form.pictures[0]


def _with_words(
    source: Source, forms: list[Format], format: str, classes: tuple[str, ...], *, captions: bool
) -> Source:
    """The source with classes and captions, if the formats have a place for them. Raises UserError."""
    if captions and format != ALL and not forms[0].can_caption(source.pictures):
        if forms[0].captions:
            raise UserError(f"captions lie beside pictures; choose some with --pictures for {format}")
        able = ", ".join(form.name for form in FORMATS.values() if form.captions)
        raise UserError(f"{format} has no place for captions; these have: {able}")
    if not classes:
        return replace(source, captions=captions)
    if format != ALL and not forms[0].classes:
        able = ", ".join(form.name for form in FORMATS.values() if form.classes)
        raise UserError(f"{format} has no place for classes; these have: {able}")
    found = classes_of(source.entries(), classes, source.version.label)
    if any(form.name == "imagefolder" for form in forms):
        found.check_folders()
    return replace(source, classes=found, captions=captions)


def _folder_kind(forms: list[Format], format: str, pictures: str) -> FolderKind | None:
    """The kind of folder that is to be written, None for a file."""
    return folder_kind(format) if format == ALL or forms[0].is_folder(pictures) else None


def _write(
    source: Source, forms: list[Format], path: Path, kind: FolderKind | None, format: str, *, force: bool = False
) -> None:
    near = [source.workspace.folder]
    if kind is None:
        with outputs.new_file(path, force=force, near=near) as stream:
            forms[0].module().write(source, stream)
        return
    with new_folder(path, kind, force=force, near=near) as folder:
        if format == ALL:
            _write_all(source, forms, folder)
            write_marker(folder / MARKER, {"format": ALL, **source.description()})
        else:
            write_folder(source, forms[0], folder)


@contextlib.contextmanager
def _told_as_ours(out: Path | str) -> Iterator[None]:
    """The system's refusals in one clear line."""
    try:
        yield
    except outputs.OutputError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror or error}") from None


def _sized(result: Exported, path: Path) -> Exported:
    if path.is_file():
        return replace(result, files=1, bytes=path.stat().st_size)
    count = total = 0
    for entry in files_under(path):
        count += 1
        total += entry.stat().st_size
    return replace(result, files=count, bytes=total)


def _write_all(source: Source, forms: list[Format], folder: Path) -> None:
    """Write each format under its own name; a picture is rendered once and kept for the formats that follow.

    A format that cannot carry the pictures asked for carries them its own way.
    """
    with scratch("gandam-rendered-") as spool:
        for form in forms:
            pictures = source.pictures if source.pictures in form.pictures else form.pictures[0]
            own = replace(
                source,
                pictures=pictures,
                spool=spool,
                classes=source.classes if form.classes else None,
                captions=source.captions and form.can_caption(pictures),
            )
            write_beside(own, form, folder / form.path)
