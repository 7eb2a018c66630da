"""The options of an import and its summary."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.importing.sheets import WHOLE, Slicing, propose_key, sheet_from_json
from gandam_studio.core.pictures.decoding.limits import DEFAULT_LIMITS, Limits, is_limit
from gandam_studio.core.pictures.decoding.parts import INDEX_0, Color, Key, key_part
from gandam_studio.core.pictures.decoding.sniff import claims_picture, is_damage
from trainer.protocol.remedies import Remedy

FRAMES = ("first", "distinct")
KEY_AUTO = "auto"
CAPTIONS = ("", "tags")
ENGINES = ("local", "ray")
_LONGEST_KIND, _KINDS_LISTED = 12, 6
LISTED = 10_000  # rejected files that a summary lists; the workspace remembers all


@dataclass(frozen=True)
class ArchiveLimits:
    """Limits for one archive: its entries, its unpacked size in bytes, and the ratio of unpacked to packed size."""

    max_entries: int = 200_000
    max_bytes: int = 64 * 1024**3
    max_ratio: float = 200.0
    # Below this unpacked size any ratio is allowed: flat pixel art compresses a thousandfold.
    ratio_counts_from: int = 64 * 1024 * 1024


@dataclass(frozen=True)
class Cut:
    """How to cut one particular sheet.

    Attributes:
        sheet: the slicing; None takes the picture whole.
        key: the colour that stands for transparency, or None.
    """

    sheet: Slicing | None = None
    key: Key | None = None

    @property
    def mode(self) -> str:
        """Unique name of this cut; "" for a whole picture without a key colour."""
        parts = [self.sheet.mode] if self.sheet else []
        return "+".join([*parts, *([key_part(self.key)] if self.key else [])])

    def to_json(self) -> dict[str, Any]:
        """Return plain values for `items.Item.cut`."""
        values = self.sheet.to_json() if self.sheet else {"kind": WHOLE}
        return {**values, "key": list(self.key) if isinstance(self.key, tuple) else self.key}


@dataclass(frozen=True)
class ImportOptions:
    """How files become sprites.

    Attributes:
        frames: import the "first" frame of an animation or every "distinct" one.
        sheet: how to cut every picture into sprites (`sheets.Slicing`), or None.
        key: the colour that stands for transparency. KEY_AUTO finds it in each picture (`sheets.propose_key`);
            `parts.INDEX_0` is the first palette entry of pictures that have a palette.
        atlases: cut a sheet by the description next to it.
        whole: import sheets whole, even if an earlier import cut them; by default they are cut as before.
        limits: for one picture.
        archives: limits for one archive.
        workers: number of decoding processes; 0 for one per processor, at most 16.
        engine: "local" processes or a "ray" cluster.
        retry_rejected: examine files again that were rejected before.
        reread: examine every file again. Restores lost originals.
        ray_address: of the cluster; "" uses or starts one on this machine.
        names: encoding of archive names that are not marked as UTF-8; "" guesses it for each zip.
        folders_as_tags: tag every picture with the name of its folder, as one edit after the import.
        frame_tags: tag frames with the tags in their file (Aseprite), in the same edit.
        captions: "tags" tags pictures with the words of their caption files, in the same edit; "" only counts those.
        carry_over: copy decisions to the new sprites of edited files, as one edit after the import.
        cuts: how to cut particular sheets, by path or "archive!entry". Overrides `sheet`, `key` and `atlases`.
        encodings: as `names`, for particular archives, by path.
        untagged: tags from folders, captions and frames that are not wanted.
    """

    frames: str = "first"
    sheet: Slicing | None = None
    key: Color | str | None = None
    atlases: bool = True
    whole: bool = False
    limits: Limits = DEFAULT_LIMITS
    archives: ArchiveLimits = field(default_factory=ArchiveLimits)
    workers: int = 0
    engine: str = "local"
    retry_rejected: bool = False
    reread: bool = False
    ray_address: str = ""
    names: str = ""
    folders_as_tags: bool = False
    frame_tags: bool = False
    captions: str = ""
    carry_over: bool = False
    cuts: Mapping[str, Cut] = field(default_factory=dict)
    encodings: Mapping[str, str] = field(default_factory=dict)
    untagged: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.captions not in CAPTIONS:
            raise ValueError(f"captions must be one of {', '.join(map(repr, CAPTIONS))}, not {self.captions!r}")
        if self.frames not in FRAMES:
            raise ValueError(f"frames must be one of {', '.join(FRAMES)}, not {self.frames!r}")
        if self.engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {self.engine!r}")

    @property
    def key_mode(self) -> str:
        """Name of the key colour; "" without one."""
        if self.key is None:
            return ""
        return key_part(self.key) if isinstance(self.key, tuple) else f"key={self.key}"

    @property
    def mode(self) -> str:
        """Name of the way in which files are cut into sprites; "" for one sprite per file."""
        parts = [self.sheet.mode] if self.sheet else []
        if self.key_mode:
            parts.append(self.key_mode)
        if self.frames == "distinct":
            parts.append("frames=distinct")
        return "+".join(parts)


@dataclass(frozen=True)
class WorkSettings:
    """The settings of a worker, sent as JSON.

    Attributes:
        originals: folder of the originals; "" if the driver stores them.
        looks: import nothing, only fill `ItemOutcome.facts`.
        background: (r, g, b) on which sprites must be visible.
    """

    originals: str
    frames: str
    sheet: dict[str, Any] | None
    limits: dict[str, Any]
    key: list[int] | str | None = None
    looks: bool = False
    background: list[int] = field(default_factory=lambda: [255, 255, 255])

    @classmethod
    def of(
        cls,
        options: ImportOptions,
        originals: Path | None,
        *,
        looks: bool = False,
        background: Color = (255, 255, 255),
    ) -> WorkSettings:
        """Build the settings from the options of an import."""
        sheet = options.sheet.to_json() if options.sheet else None
        key = list(options.key) if isinstance(options.key, tuple) else options.key
        return cls(str(originals or ""), options.frames, sheet, asdict(options.limits), key, looks, list(background))

    @property
    def decoding_limits(self) -> Limits:
        """`limits` as an object."""
        return Limits(**self.limits)

    @property
    def slicing(self) -> Slicing | None:
        """`sheet` as an object."""
        return sheet_from_json(self.sheet) if self.sheet else None

    def key_of(self, rgba: NDArray[np.uint8]) -> Key | None:
        """Return the key colour of an (H, W, 4) RGBA picture; None if it has none."""
        if self.key is None:
            return None
        if self.key == INDEX_0:
            return INDEX_0
        if isinstance(self.key, str):
            return propose_key(rgba)
        red, green, blue = self.key
        return red, green, blue


@dataclass(frozen=True)
class Rejected:
    """A file (or "archive!entry") that gave no sprite, and the reason in plain words."""

    path: str
    reason: str


@dataclass(frozen=True)
class Edited:
    """A picture whose file has changed: its path, and the sprite ids before and after."""

    path: str
    before: str
    after: str


def kinds_listed(others: Mapping[str, int], hidden: int) -> str:
    """List the kinds of files that are no pictures, the most frequent first: "8 .txt, 2 .pdf"; "" for none."""
    kinds = sorted(others.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [f"{count:,} {kind or 'without a suffix'}" for kind, count in kinds[:_KINDS_LISTED]]
    if rest := sum(count for _, count in kinds[_KINDS_LISTED:]):
        parts.append(f"{rest:,} of other kinds")
    if hidden:
        parts.append(f"{hidden:,} hidden or made by the system")
    return ", ".join(parts)


@dataclass
class ImportSummary:
    """What an import did.

    Attributes:
        imported: new sprites.
        already: pictures that the workspace already had, by file or by pixels.
        copies: those of `already` from other files with equal pixels; they are merged.
        rejected: rejected pictures and archives, with reasons; the first LISTED of `rejected_count`.
        missing: files that were gone or could not be opened; these are not recorded.
        others: files that are no pictures: kind (".txt", "" without a suffix) -> count.
        hidden: hidden or system files and folders, which are skipped.
        too_large: how many were rejected because of a limit.
        notes: other things to know, one line each. remedies: note -> what a person can do about it.
        blank: how many of the new sprites are empty or of a single colour.
        faint: how many others of them are hard to see on the recipe's background (`workspace.faint`).
        captions: pictures with a caption, a text file of the same name.
        tagged: tag -> number of sprites that got it from folder names and captions.
        edited: pictures whose file has changed since an earlier import; the first LISTED of `edited_count`.
        carried: how many new sprites got the decisions of their predecessors.
        seconds: wall-clock time.
        named: files given by name rather than found in a folder or archive; always listed if rejected.
    """

    imported: int = 0
    already: int = 0
    copies: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    missing: list[Rejected] = field(default_factory=list)
    rejected_count: int = 0
    missing_count: int = 0
    others: dict[str, int] = field(default_factory=dict)
    hidden: int = 0
    too_large: int = 0
    notes: list[str] = field(default_factory=list)
    remedies: dict[str, Remedy] = field(default_factory=dict)
    blank: int = 0
    faint: int = 0
    captions: int = 0
    tagged: dict[str, int] = field(default_factory=dict)
    edited: list[Edited] = field(default_factory=list)
    edited_count: int = 0
    carried: int = 0
    seconds: float = 0.0
    named: frozenset[str] = frozenset()

    @property
    def already_imported(self) -> int:
        """Pictures that an earlier import read from the same file."""
        return self.already - self.copies

    @property
    def others_count(self) -> int:
        """Number of files that are no pictures."""
        return sum(self.others.values())

    def reject(self, path: str, reason: str) -> None:
        """Count a rejected file and list it up to LISTED; a file that is no picture is counted by its kind."""
        if path not in self.named and not claims_picture(path, reason):
            kind = os.path.splitext(path)[1].lower()
            kind = kind if len(kind) <= _LONGEST_KIND else ""
            self.others[kind] = self.others.get(kind, 0) + 1
            return
        self.too_large += is_limit(reason)
        self.rejected_count += 1
        if len(self.rejected) < LISTED:
            self.rejected.append(Rejected(path, reason))

    def miss(self, path: str, reason: str) -> None:
        """Count a missing file and list it up to LISTED."""
        self.missing_count += 1
        if len(self.missing) < LISTED:
            self.missing.append(Rejected(path, reason))

    def edit(self, pair: Edited) -> None:
        """Count an edited picture and list it up to LISTED."""
        self.edited_count += 1
        if len(self.edited) < LISTED:
            self.edited.append(pair)

    def note(self, text: str, remedy: Remedy | None = None) -> None:
        """Add a line to `notes` unless it is there already."""
        if text not in self.notes and len(self.notes) < LISTED:
            self.notes.append(text)
            if remedy:
                self.remedies[text] = remedy

    def left_out(self) -> str:
        """List the kinds of files that were left out (`kinds_listed`)."""
        return kinds_listed(self.others, self.hidden)

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield (verdict, path, reason) of what a person should check: rejected (damaged first), missing, edited."""
        for item in sorted(self.rejected, key=lambda item: not is_damage(item.reason)):
            yield "rejected", item.path, item.reason
        for item in self.missing:
            yield "missing", item.path, item.reason
        for pair in self.edited:
            yield "edited", pair.path, f"{pair.after[:12]} now, {pair.before[:12]} before"

    def to_json(self) -> dict[str, Any]:
        """Return plain values; the counts are exact even where the lists are truncated."""
        return {
            "imported": self.imported,
            "already": self.already,
            "copies": self.copies,
            "rejected": [asdict(item) for item in self.rejected],
            "rejected_count": self.rejected_count,
            "missing": [asdict(item) for item in self.missing],
            "missing_count": self.missing_count,
            "others": dict(sorted(self.others.items())),
            "hidden": self.hidden,
            "blank": self.blank,
            "faint": self.faint,
            "captions": self.captions,
            "tagged": self.tagged,
            "edited": [asdict(pair) for pair in self.edited],
            "edited_count": self.edited_count,
            "carried": self.carried,
            "notes": self.notes,
            "seconds": round(self.seconds, 3),
        }

    def sentence(self) -> str:
        """Return the summary in one line."""
        parts = [f"{self.imported:,} imported"]
        if self.copies:
            parts.append(f"{self.copies:,} exact {'copy' if self.copies == 1 else 'copies'} merged")
        if self.already_imported:
            parts.append(f"{self.already_imported:,} already imported")
        parts.append(f"{self.rejected_count:,} rejected")
        if self.missing_count:
            parts.append(f"{self.missing_count:,} missing")
        if self.edited_count:
            parts.append(f"{self.edited_count:,} edited since the last import")
        if self.others:
            parts.append(f"{self.others_count:,} other {'file' if self.others_count == 1 else 'files'} left out")
        if self.blank:
            parts.append(f"{self.blank:,} of the new ones blank")
        if self.faint:
            parts.append(f"{self.faint:,} hard to see")
        if self.captions:
            parts.append(f"captions beside {self.captions:,} {'picture' if self.captions == 1 else 'pictures'}")
        return ", ".join(parts)
