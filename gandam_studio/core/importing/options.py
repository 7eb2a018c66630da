"""What an import is asked to do and what it says when it is done."""

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

FRAMES = ("first", "distinct")
KEY_AUTO = "auto"
CAPTIONS = ("", "tags")
ENGINES = ("local", "ray")
_LONGEST_KIND, _KINDS_TOLD = 12, 6
LISTED = 10_000  # refusals a summary lists; the workspace remembers all of them


@dataclass(frozen=True)
class ArchiveLimits:
    """What one archive may cost: entries, bytes when unpacked, and how many times its own size that may be."""

    max_entries: int = 200_000
    max_bytes: int = 64 * 1024**3
    max_ratio: float = 200.0
    # Below this an archive may pack as well as it likes: flat pixel art packs a thousandfold.
    ratio_counts_from: int = 64 * 1024 * 1024


@dataclass(frozen=True)
class Cut:
    """How one sheet is cut, chosen for it alone.

    Attributes:
        sheet: how it is cut; None takes the picture whole.
        key: what stands for transparency, or None.
    """

    sheet: Slicing | None = None
    key: Key | None = None

    @property
    def mode(self) -> str:
        """Names this cut among all others; "" for a picture taken whole as it is."""
        parts = [self.sheet.mode] if self.sheet else []
        return "+".join([*parts, *([key_part(self.key)] if self.key else [])])

    def to_json(self) -> dict[str, Any]:
        """Plain values, as an item carries them (`items.Item.cut`)."""
        values = self.sheet.to_json() if self.sheet else {"kind": WHOLE}
        return {**values, "key": list(self.key) if isinstance(self.key, tuple) else self.key}


@dataclass(frozen=True)
class ImportOptions:
    """How files become sprites.

    Attributes:
        frames: of animations, "first" or every "distinct" one.
        sheet: how every picture is cut into sprites (`sheets.Slicing`), or None.
        key: the colour that stands for transparency; KEY_AUTO finds it in each picture (`sheets.propose_key`),
            `parts.INDEX_0` is the palette's first entry, in pictures that have a palette.
        atlases: cut a sheet by the description that lies beside it.
        whole: take sheets whole, also those that an earlier import cut; else these are cut as before.
        limits: what one picture may cost.
        archives: what one archive may cost.
        workers: processes that decode; 0 takes one a processor, up to 16.
        engine: "local" processes or a "ray" cluster.
        retry_rejected: look again at files that were refused before.
        reread: look again at every file, known or not: brings back originals that were lost.
        ray_address: of the cluster; "" starts or finds one on this machine.
        names: encoding of names in archives that are not said to be UTF-8; "" proposes one for each zip.
        folders_as_tags: tag every picture with the name of the folder it lies in, as one edit after the import.
        frame_tags: tag frames with the tags that their file gives them (Aseprite), in the same edit.
        captions: "tags" tags pictures with the words of the text files beside them, in the same edit; "" counts those.
        carry_over: give the new sprites of edited files the decisions of the old ones, as one edit after the import.
        cuts: how some sheets are cut, by their path or "archive!entry", whatever else the options say.
        encodings: as `names`, of some archives, by their path.
        untagged: tags that folders, captions and frames would give and that nobody wants.
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
        """Names the key colour; "" without one."""
        if self.key is None:
            return ""
        return key_part(self.key) if isinstance(self.key, tuple) else f"key={self.key}"

    @property
    def mode(self) -> str:
        """What distinguishes this import's parts from a plain import's: "" for one sprite a file."""
        parts = [self.sheet.mode] if self.sheet else []
        if self.key_mode:
            parts.append(self.key_mode)
        if self.frames == "distinct":
            parts.append("frames=distinct")
        return "+".join(parts)


@dataclass(frozen=True)
class WorkSettings:
    """What a worker must know; travels as JSON. `originals` is "" when the driver keeps the originals itself.

    `looks`: it imports nothing and only says what it sees (`Outcome.facts`). `background`: (r, g, b) on which sprites
    must be seen.
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
        """The part of the options that concerns decoding."""
        sheet = options.sheet.to_json() if options.sheet else None
        key = list(options.key) if isinstance(options.key, tuple) else options.key
        return cls(str(originals or ""), options.frames, sheet, asdict(options.limits), key, looks, list(background))

    @property
    def decoding_limits(self) -> Limits:
        """The limits as an object."""
        return Limits(**self.limits)

    @property
    def slicing(self) -> Slicing | None:
        """The sheet as an object."""
        return sheet_from_json(self.sheet) if self.sheet else None

    def key_of(self, rgba: NDArray[np.uint8]) -> Key | None:
        """The key colour of a picture, (H, W, 4) RGBA; None when it has none."""
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
    """A file (or "archive!entry") that gave no sprite, and why in plain words."""

    path: str
    reason: str


@dataclass(frozen=True)
class Edited:
    """A picture whose file has changed: the file, and the ids of the sprites it gave before and gives now."""

    path: str
    before: str
    after: str


def kinds_told(others: Mapping[str, int], hidden: int) -> str:
    """Name kinds of files that are no pictures, the most frequent first: "8 .txt, 2 .pdf"; "" for none."""
    kinds = sorted(others.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [f"{count:,} {kind or 'without a suffix'}" for kind, count in kinds[:_KINDS_TOLD]]
    if rest := sum(count for _, count in kinds[_KINDS_TOLD:]):
        parts.append(f"{rest:,} of other kinds")
    if hidden:
        parts.append(f"{hidden:,} hidden or made by the system")
    return ", ".join(parts)


@dataclass
class ImportSummary:
    """What an import did.

    Attributes:
        imported: new sprites.
        already: pictures that were there before, by file or by pixels.
        copies: those of `already` that come from other files and are merged, because their pixels are equal.
        rejected: pictures and archives refused, with reasons; the first LISTED of `rejected_count`.
        missing: files that were gone or could not be opened when their turn came; they are not remembered.
        others: files that never claimed to be pictures: kind (".txt", "" without a suffix) -> how many.
        hidden: hidden files and folders, and those that systems make for themselves; not looked at.
        too_large: how many of those rejected were beyond the limits of what is decoded.
        notes: what a person should know besides, one line each.
        blank: how many of the new sprites show nothing, or one colour alone.
        faint: how many others of them can hardly be seen on the recipe's background (`workspace.faint`).
        captions: pictures with a caption beside them, a text file of the same name.
        tagged: tag -> how many sprites have got it, from folders' names and captions.
        edited: pictures whose file has changed since an earlier import; the first LISTED of `edited_count`.
        carried: how many new sprites have got the decisions of those before.
        seconds: wall-clock time.
        named: files that were named themselves, not found in a folder or archive: these are always listed when refused.
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
        """Pictures that an earlier import brought from the same file."""
        return self.already - self.copies

    @property
    def others_count(self) -> int:
        """Files that never claimed to be pictures."""
        return sum(self.others.values())

    def reject(self, path: str, reason: str) -> None:
        """Count, and list while there is room; a file that never claimed to be a picture is counted by its kind."""
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
        """Count, and list while there is room."""
        self.missing_count += 1
        if len(self.missing) < LISTED:
            self.missing.append(Rejected(path, reason))

    def edit(self, pair: Edited) -> None:
        """Count, and list while there is room."""
        self.edited_count += 1
        if len(self.edited) < LISTED:
            self.edited.append(pair)

    def note(self, text: str) -> None:
        """Keep a line for the person, once."""
        if text not in self.notes and len(self.notes) < LISTED:
            self.notes.append(text)

    def left_out(self) -> str:
        """Name the kinds of files that were left out (`kinds_told`)."""
        return kinds_told(self.others, self.hidden)

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """(verdict, path, reason) of what a person should look at: refused files, damaged first, missing and edited."""
        for item in sorted(self.rejected, key=lambda item: not is_damage(item.reason)):
            yield "rejected", item.path, item.reason
        for item in self.missing:
            yield "missing", item.path, item.reason
        for pair in self.edited:
            yield "edited", pair.path, f"{pair.after[:12]} now, {pair.before[:12]} before"

    def to_json(self) -> dict[str, Any]:
        """Plain values; the counts are exact even where the lists are cut."""
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
        """One line for people."""
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
