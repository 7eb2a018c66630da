"""The section with the final samples and the training pictures nearest to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gandam_studio.core.reports.facts import RunFacts
from gandam_studio.core.reports.finals import Finals, Sheet
from gandam_studio.core.reports.markup import Markup, element
from gandam_studio.core.reports.parts import command, picture, section, table
from gandam_studio.core.reports.pictures import data_uri, fitted, share
from gandam_studio.core.reports.reproducing import (
    sample_command,
)
from gandam_studio.core.runs.diagnoses import GROUP, NEAREST, Finding
from trainer.protocol.picture_files import read_picture
from trainer.protocol.untrusted import path_inside

LARGEST_EVIDENCE = 400_000
"""Bytes of a picture behind a verdict of one or two runs; see `share`."""


def finals(runs: Sequence[RunFacts], found: Sequence[Finals]) -> Markup:
    """Samples that nobody picked, with what draws them again, and the training pictures nearest to them."""
    shown = [_final(facts, one, len(runs)) for facts, one in zip(runs, found, strict=True)]
    return section(
        "samples", "What it draws" if len(runs) == 1 else "What they draw",
        element("p", "The first samples of a seed, in their order. Nobody picked them.", class_="hint"),
        element("div", shown, class_="finals"),
    )  # fmt: skip


def _final(facts: RunFacts, found: Finals, runs: int) -> Markup:
    heading = element("h3", element("bdi", facts.title)) if runs > 1 else None
    if found.sheet is None:
        text = "It has no samples. " + found.why
        return element("article", heading, element("p", text.strip(), class_="none"))
    sheet = found.sheet
    averaged = " (averaged weights)" if found.weights == "ema" else ""
    which = f"samples 0 to {found.count - 1:,}"
    how = f"Seed {found.seed}, {which}, drawn by the checkpoint of iteration {found.iteration:,}{averaged}."
    if not found.drawn:
        at = f"at iteration {found.iteration:,}"
        how = f"Saved while it trained, {at}: seed {found.seed}, {which}{averaged}. {found.why}"
    exact = "" if sheet.bits == 8 else " Colours are rounded to keep the page small."
    kept = any(not one.is_best and one.iteration == found.iteration for one in facts.checkpoints)
    again = sample_command(facts, found.iteration if kept else None, found.count, found.seed) if found.drawn else ""
    return element(
        "article",
        heading,
        element(
            "div",
            element("p", how + exact),
            element("div", picture(sheet, f"{found.count} samples of seed {found.seed}, in order", class_="sheet"),
                    class_="mat"),
            element("p", "Draw them again:") if again else None,
            command(again) if again else None,
        ),
        element("div", _nearest(found), _evidence(facts, share(LARGEST_EVIDENCE, runs))),
    )  # fmt: skip


def _nearest(found: Finals) -> Markup | None:
    if found.compared is None:
        return None
    rows = []
    for index, near in enumerate(found.distances):
        cells = [f"{one.distance:.3f}{' (mirrored)' if one.mirrored else ''}" for one in near]
        rows.append((f"{found.seed}/{index}", *cells, *[""] * (found.compared.rows - 1 - len(cells))))
    count = found.compared.columns
    heads = ("Sample", *[f"{word} nearest" for word in ("1st", "2nd", "3rd")][: found.compared.rows - 1])
    least = min((one.distance for near in found.distances for one in near), default=0.0)
    return element(
        "div",
        element("h4", "Nearest training pictures"),
        element("p", f"Top row: the first {count} of these samples. Below each: the training pictures nearest to it "
                f"by its pixels, mirror images included. The smallest distance is {least:.3f}; 0 is equal, 1 is black "
                "against white. It sees where colours lie, so figures of one outline are always near.", class_="hint"),
        element("div", picture(found.compared, f"{count} samples above the training pictures nearest to each",
                               class_="sheet"), class_="mat large"),
        element("details", element("summary", "Distances"), table(heads, rows, "Distances of training pictures")),
    )  # fmt: skip


def _evidence(facts: RunFacts, most: int) -> Markup | None:
    """The sheets that the newest diagnosis kept: samples nearest to training pictures, and look-alikes."""
    newest = next((one for one in reversed(facts.record.diagnoses) if one.diagnosis is not None), None)
    if newest is None:
        return None
    texts = {
        NEAREST: (
            "The samples nearest to training pictures",
            "Of all that the diagnosis looked at, those that come nearest. Top: samples. Middle: the training picture "
            "nearest to each. Bottom: the nearest one held out from training. A copy resembles the middle, and not the "
            "bottom.",
        ),
        GROUP: ("The largest group of look-alikes", "The samples that look most alike, of all that were looked at."),
    }
    shown = []
    for name, (heading, text) in texts.items():
        sheet = _sheet_in(facts, newest, name, most)
        found = newest.diagnosis
        alone = name == GROUP and found is not None and found.variety.top_share * found.samples < 1.5
        if sheet is not None and not alone:
            told = f"{heading}, iteration {newest.iteration:,}"
            shown += [element("h4", told), element("p", text + _near(newest, name), class_="hint"),
                      element("div", picture(sheet, told, class_="sheet"), class_="mat")]  # fmt: skip
    return element("div", shown) if shown else None


def _near(finding: Finding, name: str) -> str:
    if name != NEAREST or not finding.nearest:
        return ""
    count = sum(1 for distance in finding.nearest if distance < 1)
    found = "None of them looks" if not count else "One of them looks" if count == 1 else f"{count} of them look"
    return f" {found} like its training picture (distance below 1; the smallest is {min(finding.nearest):.2f})."


def _sheet_in(facts: RunFacts, finding: Finding, name: str, most: int) -> Sheet | None:
    path = finding.pictures.get(name)
    if not path:
        return None
    try:
        found = read_picture(path_inside(facts.run.path, path), formats=["PNG"])
        if max(found.size) > 8192:
            return None
        pixels = np.array(found.convert("RGBA"))
    except (OSError, ValueError):
        return None
    encoded, bits, _ = fitted(pixels, most)
    return Sheet(data_uri(encoded), pixels.shape[1], pixels.shape[0], 1, 1, bits)
