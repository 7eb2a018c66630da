"""The formats there are: what each is called, what it holds, and which optional part it needs."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from types import ModuleType

from gandam_studio.core.errors import UserError

NONE, COPY, LINK, RENDER = PICTURES = ("none", "copy", "link", "render")
ALL = "all"
PICTURE = r"[^/]+-[0-9a-f]{12}\.[a-z0-9]+"
"""Names that exports give pictures (`source.picture_stem`), as a regular expression."""


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
        held: what its folder holds besides the marker, as a regular expression of relative paths; "" when it is never
            one. Only folders in which everything matches are replaced.
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
    held: str = ""
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


FORMATS = {
    form.name: form
    for form in (
        Format(
            "jsonl",
            "The manifest itself: canonical JSON lines",
            "manifest.jsonl",
            (NONE, COPY, LINK, RENDER),
            captions=True,
            held=rf"manifest\.jsonl|pictures/{PICTURE}",
        ),
        Format(
            "csv",
            "A table for spreadsheets and pandas",
            "manifest.csv",
            (NONE, COPY, LINK, RENDER),
            captions=True,
            held=rf"manifest\.csv|pictures/{PICTURE}",
        ),
        Format(
            "parquet",
            "A typed table with the pictures inside, for pandas, DuckDB and datasets",
            "manifest.parquet",
            (NONE, COPY, RENDER),
            embeds=True,
            extra="parquet",
            needs="pyarrow",
        ),
        Format(
            "imagefolder",
            "A folder for Hugging Face datasets",
            "imagefolder",
            (RENDER, COPY, LINK),
            folder=True,
            classes=True,
            captions=True,
            held=rf"(train|test)/(metadata\.jsonl|([^/]+/)?{PICTURE})",
        ),
        Format("stylegan", "A zip for StyleGAN2 and StyleGAN3", "stylegan.zip", (RENDER,), embeds=True, classes=True),
        Format(
            "webdataset",
            "Tar shards for WebDataset",
            "webdataset",
            (RENDER, COPY),
            folder=True,
            classes=True,
            captions=True,
            held=r"(train|held-out)-[0-9]{6,}\.tar",
        ),
        Format(
            "croissant",
            "A folder described by Croissant JSON-LD",
            "croissant",
            (RENDER, COPY, LINK),
            folder=True,
            held=rf"croissant\.json|sprites\.csv|pictures/{PICTURE}",
        ),
        Format(
            "coco",
            "COCO annotations with categories from tags and facing",
            "coco",
            (RENDER, COPY, LINK),
            folder=True,
            classes=True,
            captions=True,
            held=rf"annotations\.json|pictures/{PICTURE}",
        ),
        Format(
            "fiftyone",
            "A folder that FiftyOne loads",
            "fiftyone",
            (RENDER, COPY, LINK),
            folder=True,
            classes=True,
            captions=True,
            held=rf"metadata\.json|samples\.json|data/{PICTURE}",
        ),
    )
}


def format_named(name: str) -> Format:
    """The format of that name. Raises UserError."""
    if name not in FORMATS:
        raise UserError(f"unknown format {name!r}; known: {', '.join(FORMATS)}, {ALL}")
    return FORMATS[name]
