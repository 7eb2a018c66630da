"""Reads a page back: its elements, checked to be nested properly."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.reports.writing import ReportPlan, write_report
from trainer.protocol.run_directory import RunDirectory

VOID = {"meta", "link", "img", "input", "br", "hr"}
STORED = ReportPlan(samples=0)
"""Takes the samples that the run has saved: no trainer is started."""


@dataclass
class Tag:
    """An element: its name, attributes, and the text in it."""

    name: str
    attributes: dict[str, str | None]
    text: str = ""
    inside: list[Tag] = field(default_factory=list)


class Page(HTMLParser):
    """A parsed page.

    Attributes:
        tags: all elements, in order. data: the JSON for the script.
    """

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.source = source
        self.tags: list[Tag] = []
        self._open: list[Tag] = []
        self.feed(source)
        self.close()
        assert self._open == [], [tag.name for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), attrs
        made = Tag(tag, dict(attrs))
        for outer in self._open:
            outer.inside.append(made)
        self.tags.append(made)
        if tag not in VOID:
            self._open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Tag(tag, dict(attrs))
        for outer in self._open:
            outer.inside.append(made)
        self.tags.append(made)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> ends nothing"
        assert self._open[-1].name == tag, f"</{tag}> within <{self._open[-1].name}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            tag.text += data

    def all(self, name: str, **attributes: str) -> list[Tag]:
        """Elements of this name and with these attributes."""
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        return [
            tag for tag in self.tags
            if tag.name == name and all(tag.attributes.get(key) == value for key, value in wanted.items())
        ]  # fmt: skip

    def one(self, name: str, **attributes: str) -> Tag:
        """The only such element."""
        (found,) = self.all(name, **attributes)
        return found

    def section(self, name: str) -> Tag:
        """A section by its id."""
        return self.one("section", id=name)

    @property
    def data(self) -> dict[str, Any]:
        (found,) = re.findall(r'<script type="application/json" id="moments">(.*?)</script>', self.source)
        return json.loads(found)

    @property
    def pictures(self) -> list[str]:
        """The album, with the pictures that stand in the page itself."""
        found = self.data["pictures"]
        for tag in self.all("img"):
            if (place := tag.attributes.get("data-picture")) is not None:
                found[int(place)] = tag.attributes["src"]
        return found


def written(
    runs: RunDirectory | list[RunDirectory], target: Path, plan: ReportPlan = STORED, job: Job = NULL_JOB
) -> Page:
    """A report, read back."""
    write_report(runs if isinstance(runs, list) else [runs], target, plan, force=True, job=job)
    return Page(target.read_text(encoding="utf-8"))


def decoded(uri: str) -> np.ndarray:
    """The pixels of a picture inside a page."""
    assert uri.startswith("data:image/webp;base64,")
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as picture:
        return np.array(picture.convert("RGB"))
