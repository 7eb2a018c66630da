"""A run's own name and note, given by the person: in about.json in the run's folder, so that they travel with it.

The folder keeps its name, which is the run's id. Programs that do not know the file ignore it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gandam_studio.core.errors import UserError
from gandam_studio.core.texts import LONGEST_LABEL, LONGEST_MESSAGE, checked
from trainer.protocol import files
from trainer.protocol.run_directory import ABOUT
from trainer.protocol.untrusted import Values, one_line, read_json_object

_BYTES = 1 << 20


@dataclass(frozen=True)
class Label:
    """What a person calls a run (one line) and notes about it (lines); "" for nothing."""

    name: str = ""
    note: str = ""


def label_of(folder: Path) -> Label:
    """The label of a run's folder; empty where there is none, or a damaged one."""
    try:
        found = Values(read_json_object(folder / ABOUT, max_bytes=_BYTES, follow_links=False))
        name = one_line(found.text("name", "", max_length=LONGEST_LABEL))
        return Label(name, found.text("note", "", max_length=LONGEST_MESSAGE))
    except (OSError, ValueError):
        return Label()


def set_label(folder: Path, *, name: str | None = None, note: str | None = None) -> Label:
    """Name a run, or note something about it; None keeps what is there, "" removes it. Returns the label.

    Raises UserError for text that cannot be stored and for a folder that cannot be written to.
    """
    before = label_of(folder)
    after = Label(
        before.name if name is None else checked(name, "the name", LONGEST_LABEL),
        before.note if note is None else checked(note, "the note", LONGEST_MESSAGE, lines=True),
    )
    path = folder / ABOUT
    try:
        if not folder.is_dir():
            raise UserError(f"there is no run at {folder}")
        if after == Label():
            files.refuse_link(folder)
            path.unlink(missing_ok=True)
        else:
            files.write_own_json(path, {"name": after.name, "note": after.note})
    except OSError as error:
        raise UserError(f"the name of {folder.name} cannot be saved: {error.strerror or error}") from None
    return after
