"""The export formats: their names, contents and optional dependencies."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from types import ModuleType

from gandam_studio.core.errors import UserError

NONE, COPY, LINK, RENDER, EDIT = PICTURES = ("none", "copy", "link", "render", "edit")
ALL = "all"
PICTURE = r"[^/]+-[0-9a-f]{12}\.[a-z0-9]+"
"""Names that exports give pictures (`source.picture_stem`), as a regular expression."""


@dataclass(frozen=True)
class Format:
    """One export format.

    Attributes:
        name: value of `--format`; its module in this package has the same name.
        title: description for users.
        path: its file or folder name in an export of all formats.
        pictures: the supported ways to include pictures, the default first.
        folder: whether it is a folder even without pictures. Other formats become one if pictures lie next to the file.
        embeds: whether pictures are stored inside its single file.
        classes: whether it supports classes.
        captions: whether it supports captions.
        held: regular expression for the relative paths of the files in its folder besides the marker; "" if it is never
            a folder. A folder is replaced only if everything in it matches.
        extra: the optional extra it needs, or "".
        needs: the package that the extra installs.
        hashes: whether it says the pHash of each sprite.
    """

    name: str
    title: str
    path: str
    pictures: tuple[str, ...]
    folder: bool = False
    embeds: bool = False
    classes: bool = False
    captions: bool = False
    held: str = ""
    extra: str = ""
    needs: str = ""
    hashes: bool = True

    def is_folder(self, pictures: str) -> bool:
        """Whether an export with these pictures is a folder rather than a single file."""
        return self.folder or (pictures != NONE and not self.embeds)

    def can_caption(self, pictures: str) -> bool:
        """Whether captions can be written for these pictures."""
        return self.captions and pictures != NONE

    def module(self) -> ModuleType:
        """Return the module with the format's `write`. Raises UserError if its optional dependency is not installed."""
        if problem := self.problem():
            raise UserError(problem)
        return importlib.import_module(f"gandam_studio.core.exporting.{self.name}")

    def problem(self) -> str:
        """Return why this format cannot be written here, or ""."""
        if self.needs and importlib.util.find_spec(self.needs) is None:
            return f"{self.name} needs {self.needs}: pip install 'gandam-studio[{self.extra}]'"
        return ""


def _table(name: str, title: str) -> Format:
    """A list of lines, with pictures in a folder beside it."""
    held = rf"manifest\.{name}|pictures/{PICTURE}"
    return Format(name, title, f"manifest.{name}", (NONE, COPY, LINK, RENDER), captions=True, held=held)


def _folder(
    name: str,
    title: str,
    held: str,
    *,
    pictures: tuple[str, ...] = (RENDER, COPY, LINK),
    tagged: bool = True,
    hashes: bool = True,
) -> Format:
    """A folder with pictures; `tagged` ones have places for classes and captions."""
    return Format(name, title, name, pictures, folder=True, classes=tagged, captions=tagged, held=held, hashes=hashes)


FORMATS = {
    form.name: form
    for form in (
        _folder(
            "pngs", "A plain folder of PNG files", r"[^/]+\.png", pictures=(EDIT, RENDER), tagged=False, hashes=False
        ),
        _table("jsonl", "The manifest itself: canonical JSON lines"),
        _table("csv", "A table for spreadsheets and pandas"),
        Format(
            "parquet",
            "A typed table with the pictures inside, for pandas, DuckDB and datasets",
            "manifest.parquet",
            (NONE, COPY, RENDER),
            embeds=True,
            extra="parquet",
            needs="pyarrow",
        ),
        _folder(
            "imagefolder",
            "A folder for Hugging Face datasets",
            rf"(train|test)/(metadata\.jsonl|([^/]+/)?{PICTURE})",
        ),
        Format("stylegan", "A zip for StyleGAN2 and StyleGAN3", "stylegan.zip", (RENDER,), embeds=True, classes=True),
        _folder(
            "webdataset",
            "Tar shards for WebDataset",
            r"(train|held-out)-[0-9]{6,}\.tar",
            pictures=(RENDER, COPY),
        ),
        _folder(
            "croissant",
            "A folder described by Croissant JSON-LD",
            rf"croissant\.json|sprites\.csv|pictures/{PICTURE}",
            tagged=False,
        ),
        _folder(
            "coco",
            "COCO annotations with categories from tags and facing",
            rf"annotations\.json|pictures/{PICTURE}",
        ),
        _folder("fiftyone", "A folder that FiftyOne loads", rf"metadata\.json|samples\.json|data/{PICTURE}"),
    )
}


def format_named(name: str) -> Format:
    """Return the format of that name. Raises UserError."""
    if name not in FORMATS:
        raise UserError(f"unknown format {name!r}; known: {', '.join(FORMATS)}, {ALL}")
    return FORMATS[name]
