"""The formats there are: what each is called, what it holds, and which optional part it needs."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from types import ModuleType

from gandam_studio.core.errors import UserError

NONE, COPY, LINK, RENDER = PICTURES = ("none", "copy", "link", "render")
ALL = "all"


@dataclass(frozen=True)
class Format:
    """One export format.

    Attributes:
        name: as `--format` takes it; its module here has the same name.
        title: for people.
        path: what it is called inside an export of all formats.
        pictures: the ways it can carry pictures, its default first.
        folder: it is a folder even without pictures. A format that is not becomes one when pictures lie beside it.
        embeds: pictures lie inside its one file.
        classes: it has a place for every sprite's class.
        captions: it has a place for a text file beside every picture.
        extra: optional part of the installation it needs, or "".
        needs: the package that extra brings.
    """

    name: str
    title: str
    path: str
    pictures: tuple[str, ...]
    folder: bool = False
    embeds: bool = False
    classes: bool = False
    captions: bool = False
    extra: str = ""
    needs: str = ""

    def is_folder(self, pictures: str) -> bool:
        """Whether an export with those pictures is a folder rather than one file."""
        return self.folder or (pictures != NONE and not self.embeds)

    def can_caption(self, pictures: str) -> bool:
        """Whether text files can lie beside those pictures."""
        return self.captions and pictures != NONE

    def module(self) -> ModuleType:
        """The module with its `write`. Raises UserError when an optional part is not installed."""
        if problem := self.problem():
            raise UserError(problem)
        return importlib.import_module(f"gandam_studio.core.exporting.{self.name}")

    def problem(self) -> str:
        """Why this format cannot be written here, or ""."""
        if self.needs and importlib.util.find_spec(self.needs) is None:
            return f"{self.name} needs {self.needs}: pip install 'gandam-studio[{self.extra}]'"
        return ""


def _table(name: str, title: str) -> Format:
    """A list of lines, with pictures in a folder beside it."""
    return Format(name, title, f"manifest.{name}", (NONE, COPY, LINK, RENDER), captions=True)


def _folder(name: str, title: str, *, pictures: tuple[str, ...] = (RENDER, COPY, LINK), tagged: bool = True) -> Format:
    """A folder with pictures; `tagged` ones have places for classes and captions."""
    return Format(name, title, name, pictures, folder=True, classes=tagged, captions=tagged)


FORMATS = {
    form.name: form
    for form in (
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
        _folder("imagefolder", "A folder for Hugging Face datasets"),
        Format("stylegan", "A zip for StyleGAN2 and StyleGAN3", "stylegan.zip", (RENDER,), embeds=True, classes=True),
        _folder("webdataset", "Tar shards for WebDataset", pictures=(RENDER, COPY)),
        _folder("croissant", "A folder described by Croissant JSON-LD", tagged=False),
        _folder("coco", "COCO annotations with categories from tags and facing"),
        _folder("fiftyone", "A folder that FiftyOne loads"),
    )
}


def format_named(name: str) -> Format:
    """The format of that name. Raises UserError."""
    if name not in FORMATS:
        raise UserError(f"unknown format {name!r}; known: {', '.join(FORMATS)}, {ALL}")
    return FORMATS[name]
