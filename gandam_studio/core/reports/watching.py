"""The section with the slider over samples and charts, and the one that compares two moments."""

from __future__ import annotations

from collections.abc import Sequence

from gandam_studio.core.reports.charts import Chart, Frame, drawn
from gandam_studio.core.reports.facts import RunFacts
from gandam_studio.core.reports.markup import Markup, element
from gandam_studio.core.reports.parts import alarm_words, facts_list, jump_words, plural, section
from gandam_studio.core.reports.pictures import Album
from gandam_studio.core.runs.diagnoses import verdict_changes
from gandam_studio.core.runs.samples import FIXED, RANDOM
from trainer.protocol.diagnosis_cards import summary
from trainer.protocol.measures import in_words
from trainer.protocol.untrusted import shortened

MOST_LINES = 200
"""Of the story of a run."""


def watch(runs: Sequence[RunFacts], album: Album, charts: Sequence[Chart], frame: Frame) -> Markup:
    """The slider over grids and charts."""
    figures = [_grid(number, facts, album) for number, facts in enumerate(runs)]
    drawings = [drawn(chart, number, frame, _marks(runs)) for number, chart in enumerate(charts)]
    has = any(album.grids[number][FIXED] for number in range(len(runs)))
    notable, moments = _notable(runs, frame), frame.moments
    controls = element(
        "div",
        element("button", "Play", type="button", id="play", aria_pressed="false"),
        element(
            "div",
            element("label", "Moment", for_="moment", class_="hidden"),
            element("input", type="range", id="moment", min=0, max=max(0, len(moments) - 1),
                    value=max(0, len(moments) - 1), step=1, list=None),
            class_="slide",
        ),
        element("output", frame.axis.words(moments[-1]) if moments else "", id="when", for_="moment"),
        element(
            "div",
            element("label", "Go to", for_="notable"),
            element("select", [element("option", text, value=at) for at, text in notable], id="notable"),
            class_="goto",
        ) if notable else None,
        class_="controls", id="controls", hidden=not moments,
    )  # fmt: skip
    choice = element(
        "fieldset",
        element("legend", "Samples shown", class_="hidden"),
        [
            element("label", element("input", type="radio", name="which", value=value, checked=value == FIXED), text)
            for value, text in ((FIXED, "The same samples over time"), (RANDOM, "New samples each time"))
        ],
        class_="which",
    )
    return section(
        "watch", "Watch it learn",
        element("p", "One slider moves the samples and the line in every chart. Arrow keys move it; so does a click "
                "in a chart.", class_="hint scripted"),
        element("p", "A step of these runs takes different numbers of pictures, so they are compared by pictures seen.",
                class_="hint") if frame.axis.pictures else None,
        element("noscript", element("p", "Without scripts, the last samples and all charts are shown.")),
        controls,
        element(
            "div",
            element(
                "div",
                choice if has else None,
                element("div", figures, class_=f"grids of{min(4, len(figures))}"),
                class_="seen",
            ),
            element("div", drawings or element("p", "There are no curves yet."), class_="charts"),
            class_="watching",
        ),
        left_out(runs, album) if has else None,
        element("p", "", id="spoken", class_="hidden", role="status", aria_live="polite"),
    )  # fmt: skip


def _grid(number: int, facts: RunFacts, album: Album) -> Markup:
    shown = album.grids[number]
    if not shown[FIXED]:
        text = "None of its samples can be read." if album.unreadable[number] else "It has no samples."
        return element("figure", element("p", text, class_="none"), class_="grid")
    iteration, place = shown[FIXED][-1]
    return element(
        "figure",
        element("figcaption", element("bdi", facts.title), " ",
                element("span", f"iteration {iteration:,}", class_="at")),
        element("div", element("img", src=album.pictures[place], alt=f"Samples at iteration {iteration:,}",
                               class_="sheet", data_picture=place), class_="mat"),
        element("p", "", class_="found"),
        class_="grid", data_run=number,
    )  # fmt: skip


def left_out(runs: Sequence[RunFacts], album: Album) -> Markup | None:
    """What the page does not hold, so that it stays small."""
    lines = []
    for number, facts in enumerate(runs):
        shown, known = album.shown(number), album.known[number]
        fresh = len(album.grids[number][RANDOM])
        if shown < known or fresh < shown:
            what = f"{shown:,} of {plural(known, 'moment')} with samples"
            what += f" (left out: {_left(facts, album, number)})" if shown < known else ""
            what += f"; {plural(album.unreadable[number], 'grid')} cannot be read" if album.unreadable[number] else ""
            if fresh < shown:
                what += f"; new samples at {fresh:,} of them"
            lines.append((facts.title, what))
    measure = album.measure
    if measure.rows < 1 and album.pictures:
        lines.append(("Every grid", f"the first {measure.rows:.0%} of its rows"))
    if measure.error and album.pictures:
        lines.append((
            "Colours",
            f"rounded, off by {measure.error} of 255 at most; exact at the first, the last and the best moment",
        ))  # fmt: skip
    if not lines:
        return element("p", "Every saved grid is in this page, with its exact pixels.", class_="hint")
    return element(
        "div", element("p", "To stay small, this page does not hold all samples. They are in the run's folder."),
        facts_list(lines), class_="hint",
    )  # fmt: skip


def _left(facts: RunFacts, album: Album, number: int) -> str:
    there = {at for at, _ in album.grids[number][FIXED]}
    gone = [f"{one.iteration:,}" for one in facts.record.samples if one.iteration not in there]
    return ", ".join(gone) if len(gone) <= 12 else f"{', '.join(gone[:8])} … {gone[-1]}"


def _marks(runs: Sequence[RunFacts]) -> list[tuple[int, str, str]]:
    """Lines below the curves: alarms, and sudden jumps while there are few."""
    if len(runs) != 1:
        return []
    record = runs[0].record
    marks = [
        (one.iteration, "alarm", f"{alarm_words(one)}, iteration {one.iteration:,}")
        for one in record.alarms if one.state == "raised"
    ]  # fmt: skip
    jumps = sorted(record.spikes, key=lambda one: -abs(one.z))[:12]
    marks += [(one.spike_iteration, "jump", jump_words(one)) for one in jumps]
    return sorted(marks)


def _notable(runs: Sequence[RunFacts], frame: Frame) -> list[tuple[int, str]]:
    """(stop of the slider, what happened there)."""
    moments = frame.moments
    if not moments:
        return []
    found: list[tuple[int, str]] = [(moments[0], "the first samples")]
    for facts in runs:
        whose = f" ({shortened(facts.title, 40)})" if len(runs) > 1 else ""
        own = [(one.iteration, "best quality") for one in facts.checkpoints if one.is_best]
        own += [
            (one.iteration, summary(one.diagnosis).title)
            for one in verdict_changes(facts.record.diagnoses) if one.diagnosis
        ]  # fmt: skip
        own += [(one.iteration, alarm_words(one)) for one in facts.record.alarms]
        jumps = sorted(facts.record.spikes, key=lambda one: -abs(one.z))[:8]
        own += [(one.spike_iteration, f"jump in {in_words(one.curve)}") for one in jumps]
        found += [(frame.axis.place(facts, at), f"{text}{whose}") for at, text in own]
    found.append((moments[-1], "the last samples"))
    return [(_stop(moments, at), f"{at:,}: {text}") for at, text in sorted(found)[:MOST_LINES]]


def _stop(moments: Sequence[int], place: int) -> int:
    later = [at for at, moment in enumerate(moments) if moment >= place]
    return later[0] if later else len(moments) - 1


def wipe(runs: Sequence[RunFacts], album: Album) -> Markup | None:
    """Two grids, one over the other, with an edge to be moved between them."""
    if sum(len(grids[FIXED]) for grids in album.grids) < 2:
        return None
    several = len(runs) > 1
    sides = []
    for side, letter in (("a", "Left"), ("b", "Right")):
        sides.append(element(
            "fieldset",
            element("legend", letter),
            element(
                "label", "Run ",
                element("select", [
                    element("option", facts.title, value=number)
                    for number, facts in enumerate(runs) if album.grids[number][FIXED]
                ], id=f"wipe-run-{side}"),
                hidden=not several,
            ),
            element("label", "Moment ", element("select", id=f"wipe-at-{side}")),
        ))  # fmt: skip
    return section(
        "wipe", "Compare two moments" if not several else "Compare two moments, or two runs",
        element("p", "Drag across the pictures, or use the slider and its arrow keys.", class_="hint scripted"),
        element(
            "div",
            element("div", sides, class_="sides"),
            element(
                "div",
                element("img", alt="", id="wipe-b", class_="sheet"),
                element("img", alt="", id="wipe-a", class_="sheet over"),
                element("div", "", class_="edge", aria_hidden="true"),
                class_="mat wiping large", id="wiping",
            ),
            element("label", "Left ", element("input", type="range", id="cut", min=0, max=100, value=50, step=1,
                                               aria_label="How much of the left picture is seen"), " Right",
                    class_="cut"),
            class_="scripted",
        ),
        element("noscript", element("p", "Comparing needs scripts.")),
    )  # fmt: skip
