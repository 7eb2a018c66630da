"""Classes of an export: every sprite has one class, which is one of its tags."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gandam_studio.core.errors import UserError
from gandam_studio.core.texts import LONGEST_TAG, checked, folded
from trainer.protocol.untrusted import shortened

if TYPE_CHECKING:
    from trainer.protocol.manifest import ManifestEntry

EVERY_TAG = "*"
_NAMED = 5  # sprites named in an error message
_LONGEST_FOLDER = 200  # bytes; file systems take 255
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
# `datasets` treats a folder with one of these words in its name as a split, at any depth.
_SPLIT = re.compile(
    r"(?:.*[-._ 0-9])?(?:train|training|validation|valid|dev|val|test|testing|eval|evaluation)(?:[-._ 0-9].*)?"
)


@dataclass(frozen=True)
class Classes:
    """The classes of an export, numbered from 0 in the order of their folder names, as in `datasets`.

    Attributes:
        names: the tags.
        folders: their folder names, valid and distinct on every system.
        counts: number of sprites of each.
    """

    names: tuple[str, ...]
    folders: tuple[str, ...]
    counts: tuple[int, ...]

    def number(self, entry: ManifestEntry) -> int:
        """Return the number of a sprite's class."""
        return next(number for number, name in enumerate(self.names) if name in entry.tags)

    def check_folders(self) -> None:
        """Raise UserError if `datasets` would treat a class's folder as a split."""
        for name, folder in zip(self.names, self.folders, strict=True):
            if _SPLIT.fullmatch(folder):
                raise UserError(
                    f"datasets would treat the folder of the class {shortened(name)!r} as a split; rename that tag"
                )


def parse_classes(text: str) -> tuple[str, ...]:
    """Parse a list of tags such as "knight,slime", or EVERY_TAG alone. Raises UserError."""
    names = tuple(checked(part, "a tag", LONGEST_TAG) for part in text.split(",") if part.strip())
    if not names:
        raise UserError(f"give the tags that are classes, or {EVERY_TAG} for every tag")
    return names


def classes_of(entries: Iterable[ManifestEntry], wanted: Iterable[str], version: str) -> Classes:
    """Return the classes of a version's sprites; `version` is its label.

    Raises UserError if a sprite has none of the tags, or several.
    """
    names = set(wanted)
    every = EVERY_TAG in names
    counts: dict[str, int] = {}
    without: list[str] = []
    several: list[str] = []
    none = more = 0
    for entry in entries:
        found = [tag for tag in entry.tags if every or tag in names]
        for tag in found:
            counts[tag] = counts.get(tag, 0) + 1
        if not found:
            none += 1
            _keep(without, entry.source)
        elif len(found) > 1:
            more += 1
            _keep(several, f"{entry.source}: {' and '.join(found)}")
    if not every and (unknown := sorted(names - counts.keys())):
        raise UserError(f"no sprite of {version} has the tag {shortened(unknown[0])!r}")
    problems = []
    if none:
        problems.append(f"{_sprites(none)} none of the classes ({_shown(without, none)})")
    if more:
        problems.append(f"{_sprites(more)} several of them ({_shown(several, more)})")
    if problems:
        raise UserError(f"every sprite needs one class: {'; '.join(problems)}")
    folders = _folders(sorted(counts))
    ordered = sorted(counts, key=folders.__getitem__)
    return Classes(tuple(ordered), tuple(folders[name] for name in ordered), tuple(counts[name] for name in ordered))


def _keep(names: list[str], name: str) -> None:
    if len(names) < _NAMED:
        names.append(shortened(name, 60))


def _sprites(count: int) -> str:
    return f"{count:,} sprite has" if count == 1 else f"{count:,} sprites have"


def _shown(names: list[str], count: int) -> str:
    return ", ".join(names) + (", ..." if count > len(names) else "")


def _folders(names: list[str]) -> dict[str, str]:
    """Return a folder name for each class, as close to the class as every system allows."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        # `datasets` skips hidden folders, and those that begin with two underscores.
        plain = _UNSAFE.sub("-", name).lstrip("._ ").encode()[:_LONGEST_FOLDER].decode(errors="ignore").rstrip(". ")
        plain = f"{plain}-" if _RESERVED.fullmatch(plain) else plain or "class"
        folder, number = plain, 2
        while folded(folder) in taken:
            folder, number = f"{plain}-{number}", number + 1
        taken.add(folded(folder))
        found[name] = folder
    return found
