"""The page itself: head, style, script, sections; nothing in it is loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gandam_studio import __version__
from gandam_studio.core.reports.about import head
from gandam_studio.core.reports.charts import Chart, Frame, charts_of, places_across
from gandam_studio.core.reports.differing import data, differences
from gandam_studio.core.reports.facts import RunFacts, axis_of
from gandam_studio.core.reports.finals import Finals
from gandam_studio.core.reports.judging import verdicts
from gandam_studio.core.reports.markup import Markup, data_block, element
from gandam_studio.core.reports.pictures import Album
from gandam_studio.core.reports.samples import finals
from gandam_studio.core.reports.telling import reproducing, settings, story
from gandam_studio.core.reports.watching import watch, wipe
from gandam_studio.core.runs.samples import FIXED, RANDOM
from trainer.protocol.diagnosis_cards import summary
from trainer.protocol.resources import resource_path
from trainer.protocol.untrusted import shortened

DIGITS = 5
"""Significant digits of numbers for the script."""
_HEADING = re.compile(r'<section id="([a-z]+)"[^>]*><h2[^>]*>(.*?)</h2>')


@dataclass(frozen=True)
class Contents:
    """What a page is made of.

    Attributes:
        runs: none only beside an experiment. finals: of each run. first: sections before those about runs.
        title: "" names the runs. eye: what blind taste tests of the runs say, if there were any.
    """

    runs: Sequence[RunFacts]
    finals: Sequence[Finals]
    first: Sequence[Markup] = ()
    title: str = ""
    eye: Markup | None = None

    @cached_property
    def frame(self) -> Frame:
        """What charts and slider share. It stops wherever any run has saved samples."""
        axis = axis_of(self.runs)
        stops = {axis.place(facts, sample.iteration) for facts in self.runs for sample in facts.record.samples}
        last = max((axis.place(facts, facts.last) for facts in self.runs), default=0)
        return Frame(axis, sorted(stops), last)

    @cached_property
    def charts(self) -> list[Chart]:
        """The charts of the runs."""
        return charts_of(self.runs, self.frame)


def page(contents: Contents, album: Album) -> str:
    """The page as text."""
    runs = contents.runs
    style = resource_path("report", "report.css").read_text(encoding="utf-8") + places_across()
    script = resource_path("report", "report.js").read_text(encoding="utf-8")
    names = contents.title or ", ".join(shortened(facts.title, 80) for facts in runs)
    sections: list[Markup | None] = list(contents.first)
    if runs:
        sections += _about_runs(contents, album)
    made = f"Made by GANdam Studio {__version__}. "
    made += "This page is complete in itself: it loads nothing, sends nothing, and works without a network."
    body = [
        element("a", "Skip to the contents", href="#contents", class_="skip"),
        element(
            "header",
            element("p", "GANdam Studio · report", class_="maker"),
            element("h1", element("bdi", names)),
            element("div", [head(facts) for facts in runs], class_="heads"),
            _navigation(sections),
        ),
        element("main", sections, id="contents"),
        element("footer", element("p", made)),
        data_block("moments", _for_script(contents, album)),
    ]
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_source(style)}'; script-src '{_source(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    heading = [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="generator", content=f"GANdam Studio {__version__}"),
        element("title", f"Report: {names}"),
        element("link", rel="icon", href="data:,"),
        Markup(f"<style>{style}</style>"),
    ]
    ended = Markup(f"<script>{script}</script>")
    return f'<!doctype html>\n<html lang="en">{element("head", heading)}{element("body", body, ended)}</html>\n'


def _about_runs(contents: Contents, album: Album) -> list[Markup | None]:
    runs = contents.runs
    return [
        verdicts(runs),
        watch(runs, album, contents.charts, contents.frame),
        wipe(runs, album),
        finals(runs, contents.finals),
        contents.eye,
        differences(runs),
        data(runs),
        settings(runs),
        story(runs),
        reproducing(runs),
    ]


def _source(text: str) -> str:
    """The name by which a security policy allows a text that is part of the page."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _navigation(sections: Sequence[Markup | None]) -> Markup:
    """Links to the sections, from their own headings."""
    found = [match for one in sections if one and (match := _HEADING.match(one))]
    links = [element("li", element("a", Markup(match[2]), href=f"#{match[1]}")) for match in found]
    return element("nav", element("ul", links), aria_label="Contents")


def _for_script(contents: Contents, album: Album) -> dict[str, Any]:
    """What the script needs; of pictures, those that stand in the page itself are left out."""
    stand = {grids[FIXED][-1][1] for grids in album.grids if grids[FIXED]}
    frame = contents.frame
    return {
        "moments": list(frame.moments),
        "last": frame.last,
        "byPictures": frame.axis.pictures,
        "runs": [_run_for_script(facts, grids, frame) for facts, grids in zip(contents.runs, album.grids, strict=True)],
        "lines": {
            f"{number}.{at}": [_short(value) for value in line.values]
            for number, chart in enumerate(contents.charts)
            for at, line in enumerate(chart.lines)
        },
        "percent": [number for number, chart in enumerate(contents.charts) if chart.percent],
        "pictures": ["" if at in stand else uri for at, uri in enumerate(album.pictures)],
    }


def _run_for_script(facts: RunFacts, grids: dict[str, list[tuple[int, int]]], frame: Frame) -> dict[str, Any]:
    """A run's grids as [place on the axis, place among the pictures, iteration], and its verdicts likewise."""
    place = frame.axis.place
    return {
        "title": facts.title,
        "last": place(facts, facts.last),
        **{which: [(place(facts, at), picture, at) for at, picture in grids[which]] for which in (FIXED, RANDOM)},
        "found": [
            (place(facts, one.iteration), summary(one.diagnosis).title, one.iteration)
            for one in facts.record.diagnoses if one.diagnosis
        ],
    }  # fmt: skip


def _short(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.{DIGITS}g}")
