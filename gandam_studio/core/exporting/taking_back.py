"""Import an export back into a workspace: its pictures, and its decisions as one undoable edit."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gandam_studio.core.archives.folder import ZipFolder
from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting.reading import ReadBack, read_export
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.pictures.decoding import DEFAULT_LIMITS, UnreadablePicture, decode, sprite_id
from gandam_studio.core.places import storable
from gandam_studio.core.versions.restore import decisions
from gandam_studio.core.versions.splits import assign_splits, inseparable
from gandam_studio.core.workspace.edits import SetValues
from gandam_studio.core.workspace.lineage import GENERATED
from gandam_studio.core.workspace.lookups import rename, seqs_by_id, sizes_by_id
from trainer.protocol.manifest import ManifestEntry, is_crop
from trainer.protocol.untrusted import read_regular, shortened

if TYPE_CHECKING:
    from gandam_studio.core.workspace import Workspace


@dataclass(frozen=True)
class TakenBack:
    """The result of `take_back`.

    Attributes:
        format: format of the export.
        imported: number of sprites that are new in the workspace.
        decided: number of sprites whose decisions were imported.
        missing: source names of entries whose picture is neither in the export nor in the workspace.
        edit: number of the edit in the history; 0 if nothing changed.
    """

    format: str
    imported: int
    decided: int
    missing: tuple[str, ...]
    edit: int

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**self.__dict__, "missing": list(self.missing)}


def take_back(workspace: Workspace, path: Path | str, *, job: Job = NULL_JOB) -> TakenBack:
    """Import an export in the format jsonl, imagefolder or stylegan.

    Facing, tags, status, family, weight and split are imported from all three formats. Flip, crop and rotation are
    imported with original pictures only, because they are already applied to rendered ones. A manifest without
    pictures sets the decisions of existing sprites. All decisions are one step of undo. Raises UserError and Cancelled.
    """
    workspace.require_writable()
    read = read_export(path)
    _check_sizes(workspace, path, read)
    before = workspace.counts().total
    if read.files:
        _import_pictures(workspace, read, job)
    ids = _ids(read, job)
    seqs = _rows(workspace, ids.values())
    rule = workspace.split_rule
    groups = {ids[entry.id]: entry.family for entry in read.entries if entry.id in ids}
    generated = {ids[entry.id] for entry in read.entries if entry.id in ids and GENERATED in entry.tags}
    ruled = assign_splits(groups, rule, inseparable(workspace), generated)
    values: dict[str, dict[int, Any]] = {}
    names: dict[int, str] = {}
    missing = []
    for entry in read.entries:
        seq = seqs.get(ids.get(entry.id, ""))
        if seq is None:
            missing.append(entry.source)
            continue
        names[seq] = entry.source
        fields = decisions(_without_geometry(entry) if read.rendered else entry, ruled[ids[entry.id]])
        for field, value in fields.items():
            values.setdefault(field, {})[seq] = value
    if not names:
        raise UserError(f"none of the {len(read.entries):,} sprites of {path} are in this workspace")
    _check_sizes(workspace, path, read)
    _rename_new(workspace, {seq: name for seq, name in names.items() if seq > before})
    changes = workspace.apply(SetValues(values, f"Decisions from {Path(path).name}"))
    return TakenBack(read.format, workspace.counts().total - before, len(names), tuple(missing), changes.edit)


def _without_geometry(entry: ManifestEntry) -> ManifestEntry:
    """Return the entry for a rendered picture, to which crop, rotation and flip are already applied."""
    return dataclasses.replace(entry, crop=None, rotation=0, flip=False)


def _import_pictures(workspace: Workspace, read: ReadBack, job: Job) -> None:
    from gandam_studio.core.importing import ImportOptions, import_sources

    places = [read.place] if read.format == "stylegan" and read.place else sorted(map(Path, read.files.values()))
    import_sources(workspace, places, job=job, options=ImportOptions(atlases=False))


def _ids(read: ReadBack, job: Job) -> dict[str, str]:
    """Return manifest id -> id of the exported picture, which differs if it was rendered."""
    if not read.rendered:
        return {entry.id: entry.id for entry in read.entries}
    job.start("Matching", len(read.files))
    found = {}
    with ExitStack() as stack:
        archive = stack.enter_context(ZipFolder(read.place)) if read.format == "stylegan" and read.place else None
        for old, place in read.files.items():
            try:
                if archive:
                    data = archive.read(place.removeprefix(f"{read.place}!"), DEFAULT_LIMITS.max_file_bytes)
                else:
                    data = read_regular(place, DEFAULT_LIMITS.max_file_bytes)
                found[old] = sprite_id(decode(data).rgba)
            except (OSError, ValueError, UnreadablePicture) as error:
                raise UserError(f"{place}: {error}") from None
            job.advance()
    return found


def _check_sizes(workspace: Workspace, path: Path | str, read: ReadBack) -> None:
    """Raise UserError if an entry's crop extends beyond its picture, or its size is not that of the sprite here."""
    if read.rendered:
        return
    sizes = sizes_by_id(workspace)
    for number, entry in enumerate(read.entries, start=1):
        stated = (entry.width, entry.height)
        if (size := sizes.get(entry.id, stated)) != stated:
            problem = f"width and height must be {size[0]} and {size[1]}, not {stated[0]} and {stated[1]}"
        elif entry.crop and not is_crop(entry.crop, *stated):
            problem = f"crop must lie within {stated[0]} x {stated[1]}, but is {list(entry.crop)}"
        else:
            continue
        where = f"line {number} ({shortened(entry.source)})" if read.format == "jsonl" else shortened(entry.source)
        raise UserError(f"{path} cannot be read as an export: {where}: {problem}")


def _rows(workspace: Workspace, ids: Iterable[str]) -> dict[str, int]:
    wanted = set(ids)
    return {sprite: seq for sprite, seq in seqs_by_id(workspace) if sprite in wanted}


def _rename_new(workspace: Workspace, names: dict[int, str]) -> None:
    """Give new sprites their names in the manifest, instead of the file names of the export."""
    rename(workspace, {seq: storable(name) or "picture" for seq, name in names.items()})
