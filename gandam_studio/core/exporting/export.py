"""Export a version: check the request, write next to the target, then move into place."""

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
from trainer.protocol.output_folders import FolderKind, check_folder, new_folder, write_marker
from trainer.protocol.recipe import Recipe
from trainer.protocol.remedies import Remedy

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace


@dataclass(frozen=True)
class Exported:
    """The result of `export`.

    Attributes:
        out: the target, a path or URL.
        format, pictures, version, digest: what was exported.
        sprites: number of sprites in it.
        files, bytes: number and total size of the files written.
        skipped: format -> reason, for formats that could not be written in an export of all formats.
        classes: class -> number of sprites, if classes were chosen.
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
        workspace: the workspace of the version.
        version: the version to export.
        out: a file or folder, or a URL such as s3://bucket/x.zip (with the `remote` extra).
        format: a key of `FORMATS`, or "all" for all formats, each in its own place in a folder.
        pictures: "none", "copy" (the original files), "link" (hard links to them, which must not be edited), "edit"
            (flipped, cropped and turned, at their own size), or "render" (the recipe applied); "" for the format's
            default.
        recipe: a recipe to use instead of the version's own.
        classes: tags that are classes; every sprite must have exactly one. `classes.EVERY_TAG` for all tags.
        captions: write a text file with the tags next to every picture.
        force: replace an existing file, or an earlier export in the same format with nothing else in it.
        job: receives progress for every sprite.

    The target is either complete or unchanged. Raises UserError and Cancelled.
    """
    recipe = recipe or version_files.recipe_of(workspace, version)
    forms = list(FORMATS.values()) if format == ALL else [format_named(format)]
    skipped = {form.name: form.problem() for form in forms if form.problem()}
    if format == ALL:
        forms = [form for form in forms if form.name not in skipped]
    elif skipped:
        raise UserError(skipped[format])
    hashes = any(form.hashes for form in forms)
    source = Source(workspace, version, _pictures(forms, format, pictures), recipe, job, hashes=hashes)
    source = _with_classes_and_captions(source, forms, format, tuple(classes), captions=captions)
    result = Exported(
        str(out), format, pictures or ("" if format == ALL else source.pictures), version.label, version.digest,
        version.sprites, skipped=skipped if format == ALL else {},
        classes=dict(zip(source.classes.names, source.classes.counts, strict=True)) if source.classes else {},
    )  # fmt: skip
    with _wrap_output_errors(out):
        kind = _folder_kind(forms, format, source.pictures)
        path = local_path(out)
        if path is None:
            with remote(str(out), kind, force=force, job=job) as local:
                _write(source, forms, local, kind, format)
                return _sized(result, local)
        _write(source, forms, path, kind, format, force=force)
        return replace(_sized(result, path), out=str(path))


def target_problem(out: Path | str, format: str, pictures: str, *, force: bool, near: Iterable[Path] = ()) -> str:
    """Why an export cannot be written to `out`, in one line, before anything is done; "" if it can, or for a URL.

    With `force`, reads the list of the files of an existing folder.
    """
    try:
        path = local_path(out)
        if path is None:
            return ""
        forms = list(FORMATS.values()) if format == ALL else [format_named(format)]
        kind = _folder_kind(forms, format, pictures or forms[0].pictures[0])
        if kind is None:
            outputs.check_file(path, force=force, near=near)
        else:
            check_folder(path, kind, force=force, near=near)
    except (outputs.OutputError, UserError) as error:
        return str(error)
    except OSError as error:
        return f"cannot write {out}: {error.strerror or error}"
    return ""


def _pictures(forms: list[Format], format: str, wanted: str) -> str:
    if wanted and wanted not in PICTURES:
        raise UserError(f"pictures must be one of {', '.join(PICTURES)}, not {wanted!r}")
    if format == ALL:
        return wanted
    form = forms[0]
    if wanted and wanted not in form.pictures:
        raise UserError(f"{form.name} does not support {wanted!r} for pictures; use one of: {', '.join(form.pictures)}")
    return wanted or form.pictures[0]


def _with_classes_and_captions(
    source: Source, forms: list[Format], format: str, classes: tuple[str, ...], *, captions: bool
) -> Source:
    """Return the source with classes and captions. Raises UserError if the format does not support them."""
    if captions and format != ALL and not forms[0].can_caption(source.pictures):
        if forms[0].captions:
            raise UserError(f"captions of {format} need pictures", Remedy.PICTURES)
        supported = ", ".join(form.name for form in FORMATS.values() if form.captions)
        raise UserError(f"{format} does not support captions; these formats do: {supported}")
    if not classes:
        return replace(source, captions=captions)
    if format != ALL and not forms[0].classes:
        supported = ", ".join(form.name for form in FORMATS.values() if form.classes)
        raise UserError(f"{format} does not support classes; these formats do: {supported}")
    found = classes_of(source.entries(), classes, source.version.label)
    if any(form.name == "imagefolder" for form in forms):
        found.check_folders()
    return replace(source, classes=found, captions=captions)


def _folder_kind(forms: list[Format], format: str, pictures: str) -> FolderKind | None:
    """Return the kind of folder to write; None for a file."""
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
def _wrap_output_errors(out: Path | str) -> Iterator[None]:
    """Turn OutputError and OSError into UserError."""
    try:
        yield
    except outputs.OutputError as error:
        raise UserError.of(error) from None
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
