"""The section about an experiment: which change helped, with intervals, and what cannot be said.

It reads results.json (see docs/formats.md), which others may have written: whatever has another form is left out.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.folder import Experiment
from gandam_studio.core.experiments.plan import Plan
from gandam_studio.core.experiments.results import results as computed
from gandam_studio.core.experiments.scale import times
from gandam_studio.core.experiments.tasting import tastes_of
from gandam_studio.core.reports.markup import Markup, element
from gandam_studio.core.reports.parts import digest, facts_list, outside, plural, section, table
from gandam_studio.core.runs.scales import Linear, short_number
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import UntrustedError, path_inside, read_json_object

PLAN, RESULTS = "plan.json", "results.json"
LARGEST_FILE = 64 << 20
MOST_ROWS = 500
VERDICTS = {"better": "better", "worse": "worse"}
WIDEST = 100.0
"""Of ratios: how far the drawing goes to either side at most."""
_TICKS = [digit * 10.0**power for power in range(-2, 3) for digit in (1, 2, 5)]
_CLOSE_TICKS = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 1.8, 2.0]


def read_results(folder: Path) -> dict[str, Any]:
    """The results of an experiment's folder: of its cells as they are now, else as they were last written.

    What was last written lacks the newest cells and picks of an experiment that was killed. Raises UserError.
    """
    with contextlib.suppress(OSError, ValueError, UserError):
        plan = Plan.from_json(read_json_object(folder / PLAN, max_bytes=LARGEST_FILE, follow_links=False))
        experiment = Experiment(folder, plan)
        if experiment.outcomes():
            return computed(experiment)
    try:
        return read_json_object(folder / RESULTS, max_bytes=LARGEST_FILE, follow_links=False)
    except FileNotFoundError:
        raise UserError(f"{folder.name} has no results yet") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UserError(f"the results of {folder.name} cannot be read: {reason}") from None


def runs_of(results: dict[str, Any]) -> list[str]:
    """Names of the runs that were measured: the base, then the others in the plan's order."""
    cells = [cell for cell in _list(results.get("cells")) if cell.get("state") == "done"]
    cells.sort(key=lambda cell: _whole(cell.get("cell")))
    return [name for cell in cells if (name := _text(cell.get("run")))]


def shown_runs(experiment: Path, most: int) -> list[RunDirectory]:
    """The first runs of an experiment that are still there. Raises UserError."""
    runs = experiment.parent.parent / "runs"
    found: list[RunDirectory] = []
    for name in runs_of(read_results(experiment)):
        with contextlib.suppress(UntrustedError):
            path = path_inside(runs, name)
            if path.is_dir() and path.parent == runs and len(found) < most:
                found.append(RunDirectory(path))
    return found


def title_of(results: dict[str, Any]) -> str:
    """What the experiment is called."""
    return _text(results.get("title")) or _text(results.get("experiment")) or "Experiment"


def experiment_section(results: dict[str, Any]) -> Markup:
    """Question, verdicts with intervals, what the design can and cannot tell, every run, taste tests."""
    design, measure, plan = (_dict(results.get(name)) for name in ("design", "measure", "plan"))
    effects = _list(results.get("effects"))[:MOST_ROWS]
    done, total, missing = (_whole(results.get(name)) for name in ("done", "total", "missing"))
    kind = _text(design.get("kind")).replace("-", " ")
    counted = f"{done:,} of {plural(total, 'run')} measured"
    counted += f", {missing:,} failed and count as missing" if missing else ""
    counted += "" if results.get("complete") is True else "; it is not complete"
    return section(
        "experiment", "Which change helped?",
        element("p", _text(results.get("question"))),
        element("p", element("bdi", note), class_="note") if (note := _text(results.get("note"))) else None,
        facts_list((
            ("Design", f"{kind}, {plural(_whole(design.get('combinations')), 'combination')}" if kind else ""),
            ("Runs", counted),
            ("Each run", _budget(_dict(plan.get("budget")))),
            ("Seeds", ", ".join(f"{seed:,}" for seed in _any_list(plan.get("seeds"))[:MOST_ROWS] if type(seed) is int)),
            ("Data", _text(plan.get("version"))),
            ("Measured", _measure(measure)),
            ("Plan (SHA-256)", digest(_text(results.get("digest")))),
        )),
        [_forest(effects), _effects(effects)] if effects else element("p", "Nothing is measured yet."),
        element("p", _explained(_by_ratio(effects)), class_="hint"),
        element("p", f"To know: {known}.") if (known := _text(measure.get("note"))) else None,
        _changes(_list(plan.get("factors"))[:MOST_ROWS]),
        _sentences("What this design tells", design.get("tells")),
        _sentences("What it cannot tell", design.get("cannot_tell")),
        _growth(_dict(results.get("growth"))),
        taste_tests(_list(results.get("tastes"))[:MOST_ROWS]),
        _cells(_list(results.get("cells"))[:MOST_ROWS]),
    )  # fmt: skip


def eye_section(runs: Sequence[RunDirectory], titles: Mapping[str, str]) -> Markup | None:
    """Blind taste tests of these runs outside of experiments; `titles`: what to call runs, by their names."""
    found = [taste for taste in tastes_of(runs) if taste.left_picked][-MOST_ROWS:]
    names = {}
    for one in {name for taste in found for name in (taste.a, taste.b)}:
        run, _, iteration = one.rpartition("@")
        names[one] = f"{titles.get(run, run)}, iteration {int(iteration):,}" if iteration.isdecimal() else one
    told = taste_tests([taste.to_json(names) for taste in found])
    return None if told is None else section("eye", "Which looks better?", told)


def _budget(budget: dict[str, Any]) -> str:
    if pictures := _whole(budget.get("pictures")):
        return f"{pictures:,} training pictures"
    seconds = _float(budget.get("seconds"))
    return f"{short_number(seconds)} seconds of training" if seconds else ""


def _changes(factors: Sequence[dict[str, Any]]) -> Markup | None:
    """What every level sets: a name alone does not say what was tried."""
    rows = []
    for factor in factors:
        title = _text(factor.get("title")) or _text(factor.get("name"))
        for number, level in enumerate(_list(factor.get("levels"))[:MOST_ROWS]):
            sets = [f"{_text(path)}={_text(text)}" for path, text in _dict(level.get("settings")).items()][:MOST_ROWS]
            version = _text(level.get("version"))
            told = [element("code", one) for one in sets] + ([f"data {version}"] if version else [])
            parts = [part for one in told for part in (one, ", ")][:-1]
            name = _text(level.get("title")) + ("" if number else " (base)")
            rows.append((title, name, parts or "those of the base"))
    if not rows:
        return None
    heads = ("Change", "Level", "Settings")
    return element("div", element("h3", "What is varied"), table(heads, rows, "Levels and their settings"))


def _by_ratio(effects: Sequence[dict[str, Any]]) -> bool:
    """Whether effects are ratios; results of versions that knew differences alone do not say."""
    return any(_text(one.get("scale")) == "ratio" for one in effects)


def _explained(by_ratio: bool) -> str:
    what = "By how much quality (KID) is multiplied: below 1 is better." if by_ratio else (
        "Differences of quality (KID): below 0 is better."
    )  # fmt: skip
    true = "ratio" if by_ratio else "difference"
    return (
        f"{what} The interval holds the true {true} in 95 of 100 experiments; p is corrected for looking at several "
        "changes."
    )


def _told(effect: dict[str, Any], by_ratio: bool) -> tuple[float, float, float] | None:
    """(estimate, low, high) as ratios or as differences; None where it is unknown."""
    found = _dict(effect.get("ratio")) if by_ratio else effect
    estimate, low, high = (_float(found.get(name)) for name in ("estimate", "low", "high"))
    if estimate is None or low is None or high is None or (by_ratio and min(estimate, low, high) <= 0):
        return None
    return estimate, low, high


def _measure(measure: dict[str, Any]) -> str:
    if not measure:
        return ""
    name = {"kid": "quality (KID, lower is better)"}.get(_text(measure.get("name")), _text(measure.get("name")))
    against = _text(measure.get("against"))
    return (
        f"{name} by {plural(_whole(measure.get('samples')), 'new sample')}{f', against {against}' if against else ''}"
    )


def _name(effect: dict[str, Any]) -> str:
    factors = " × ".join(_texts(effect.get("factors")))
    level, against = _text(effect.get("level")), _text(effect.get("against"))
    return f"{factors}: {against} → {level}" if level or against else factors


def _effects(effects: Sequence[dict[str, Any]]) -> Markup:
    rows, by_ratio = [], _by_ratio(effects)
    for one in effects:
        words = _text(one.get("words")) or _text(one.get("verdict")) or "unknown"
        style = VERDICTS.get(_text(one.get("verdict")), "")
        beats = _dict(one.get("beats"))
        share = _interval(beats.get("share"), beats.get("low"), beats.get("high"), percent=True)
        rows.append((
            _name(one), element("span", words, class_=style or None),
            _effect(_told(one, by_ratio), by_ratio), share,
            _number(one.get("p")), _number(one.get("p_adjusted")), f"{_whole(one.get('seeds')):,}", _remarks(one),
        ))  # fmt: skip
    heads = (
        "Change",
        "Verdict",
        "KID, times (95 % interval)" if by_ratio else "Difference (95 % interval)",
        "Beats the other",
        "p",
        "p corrected",
        "Seeds",
        "To know",
    )
    return table(heads, rows, "Effects of the changes", "effects")


def _remarks(effect: dict[str, Any]) -> str:
    """Why there is no verdict, and whether what looks better copies or has collapsed."""
    told = [_text(effect.get("why"))]
    if dropped := [f"{seed:,}" for seed in _any_list(effect.get("dropped_seeds"))[:MOST_ROWS] if type(seed) is int]:
        told.append(f"without seed{'s' if len(dropped) > 1 else ''} {', '.join(dropped)}, where a run is missing")
    used, there = _whole(effect.get("comparisons")), _whole(effect.get("all_comparisons"))
    if 0 < used < there:
        told.append(f"from {used:,} of {there:,} comparisons: a run of the others is missing")
    judged = _whole(effect.get("judged"))
    for name, what in (("copies", "copy training pictures"), ("collapsed", "have collapsed")):
        if count := _whole(effect.get(name)):
            told.append(f"{count:,} of {judged:,} judged runs {what}")
    if aliases := [" × ".join(_texts(one)) for one in _any_list(effect.get("aliases"))[:MOST_ROWS]]:
        told.append(f"not told apart from {', '.join(aliases)}")
    if method := {"lenth": "by Lenth's method, without repeats"}.get(_text(effect.get("method"))):
        told.append(method)
    return outside("; ".join(filter(None, told)))


def _effect(told: tuple[float, float, float] | None, by_ratio: bool) -> str:
    if told is None:
        return ""
    estimate, low, high = map(times if by_ratio else short_number, told)
    return f"{estimate} ({low} to {high})"


def _forest(effects: Sequence[dict[str, Any]]) -> Markup | None:
    """The effects and their intervals as a picture; the table beside it has the numbers."""
    by_ratio = _by_ratio(effects)
    found = [
        (_name(one), told, _text(one.get("verdict"))) for one in effects if (told := _told(one, by_ratio)) is not None
    ]
    if not found:
        return None
    forward: Callable[[float], float] = _log if by_ratio else float
    ends = [forward(value) for _, told, _ in found for value in told]
    if by_ratio:
        ends = [min(max(end, -_log(WIDEST)), _log(WIDEST)) for end in ends]
    left, right = min(0.0, *ends), max(0.0, *ends)
    room = 0.06 * ((right - left) or 1.0)
    left, right = left - room, right + room

    def place(position: float) -> str:
        return f"{min(100.0, max(0.0, 100 * (position - left) / (right - left))):.2f}%"

    none = place(0.0)
    rows = []
    for name, told, verdict in found:
        estimate, low, high = (place(forward(value)) for value in told)
        words = _effect(told, by_ratio).replace(" (", ", interval ").rstrip(")")
        drawing = element(
            "svg", element("title", f"{name}: {words}"),
            element("line", class_="zero", x1=none, x2=none, y1="0", y2="100%"),
            element("line", class_="span", x1=low, x2=high, y1="50%", y2="50%"),
            element("circle", cx=estimate, cy="50%", r="4.5"),
            class_=f"effect {VERDICTS.get(verdict, '')}".strip(), role="img",
        )  # fmt: skip
        rows.append(element("div", element("span", name, class_="change"), drawing, class_="effect-row"))
    ticks = (
        _ratio_ticks(left, right) if by_ratio else [(tick, short_number(tick)) for tick in Linear().ticks(left, right)]
    )
    labels = [
        element("text", text, x=place(tick), y="0.8rem", text_anchor="middle", class_="tick") for tick, text in ticks
    ]
    axis = "better ← KID, times → worse" if by_ratio else "better ← difference → worse"
    scale = element("div", element("span", axis, class_="change"),
                    element("svg", labels, class_="effect scale", aria_hidden="true"), class_="effect-row")  # fmt: skip
    return element("div", rows, scale, class_="forest")


def _log(value: float) -> float:
    return math.log(min(max(value, 1e-9), 1e9))


def _ratio_ticks(left: float, right: float) -> list[tuple[float, str]]:
    """A few round ratios between two logarithms, 1 among them, and how they are written."""
    there = [tick for tick in _TICKS if left <= math.log(tick) <= right]
    if len(there) > 6:
        there = [tick for tick in there if math.log10(tick).is_integer()]
    if len(there) < 3:
        there = [tick for tick in _CLOSE_TICKS if left <= math.log(tick) <= right]
    return [(math.log(tick), times(tick)) for tick in there]


def _sentences(heading: str, found: Any) -> Markup | None:
    lines = [outside(line) for line in _texts(found)][:MOST_ROWS]
    if not lines:
        return None
    return element("div", element("h3", heading), element("ul", [element("li", line) for line in lines]))


def _growth(growth: dict[str, Any]) -> Markup | None:
    if not growth:
        return None
    heading = element("h3", "What would more sprites buy?")
    if growth.get("answer") != "predicted":
        return element("div", heading, element("p", f"Cannot tell. {_text(growth.get('why'))}".strip()))
    copying = {_whole(one.get("pictures")): one for one in _list(growth.get("copying"))}
    rows = []
    for one in _list(growth.get("kid"))[:MOST_ROWS]:
        pictures = _whole(one.get("pictures"))
        other = copying.get(pictures, {})
        rows.append((
            f"{pictures:,}", _interval(one.get("estimate"), one.get("low"), one.get("high")),
            _interval(other.get("estimate"), other.get("low"), other.get("high"), percent=True),
        ))  # fmt: skip
    why = _text(growth.get("why"))
    return element(
        "div", heading, table(("Sprites", "Quality (KID)", "Copying"), rows, "What more sprites would buy"),
        element("p", f"This holds {why}.", class_="hint") if why else None,
    )  # fmt: skip


def taste_tests(tastes: Sequence[dict[str, Any]]) -> Markup | None:
    """Blind taste tests, as in results.json: what an eye preferred without knowing which is which."""
    if not tastes:
        return None
    rows = []
    for one in tastes:
        share, picks = _dict(one.get("share_a")), _whole(one.get("picks"))
        checks = f"{_whole(one.get('checks_passed')):,} of {_whole(one.get('checks')):,}"
        names = _texts(one.get("names")) or [_text(one.get("a")), _text(one.get("b"))]
        rows.append((
            " or ".join(names), _text(one.get("words")),
            f"{_whole(one.get('for_a')):,} of {picks:,}",
            _interval(None, share.get("low"), share.get("high"), percent=True),
            checks,
        ))  # fmt: skip
    heads = ("Between", "Verdict", "Picks for the first", "Its true share", "Real sprites noticed")
    return element(
        "div", element("h3", "Blind taste tests"),
        element("p", "Pictures side by side, without names and with the sides shuffled. The verdict holds whenever the "
                "person stopped.", class_="hint"),
        table(heads, rows, "Blind taste tests"),
    )  # fmt: skip


def _cells(cells: Sequence[dict[str, Any]]) -> Markup | None:
    if not cells:
        return None
    rows = []
    for one in cells:
        copying, state = _dict(one.get("copying")), _text(one.get("state"))
        why = _text(one.get("why"))
        kid, error = _number(one.get("kid")), _number(one.get("kid_error"))
        rows.append((
            _text(one.get("run")) or "–", ", ".join(_text(level) for level in _dict(one.get("levels")).values()),
            f"{_whole(one.get('seed')):,}", f"{state}: {why}" if why else state,
            f"{kid} ± {error}" if kid else "–", _text(one.get("verdict")) or "–",
            _interval(copying.get("kappa"), copying.get("low"), copying.get("high"), percent=True) or "–",
        ))  # fmt: skip
    heads = ("Run", "Levels", "Seed", "State", "Quality (KID)", "Verdict", "Copying")
    return element(
        "details", element("summary", f"Every run ({len(rows):,})"), table(heads, rows, "Runs of the experiment")
    )


def _interval(value: Any, low: Any, high: Any, *, percent: bool = False) -> str:
    def words(number: Any) -> str:
        found = _float(number)
        return "" if found is None else f"{100 * found:.3g} %" if percent else short_number(found)

    middle, ends = words(value), [words(low), words(high)]
    span = " to ".join(ends) if all(ends) else ""
    return f"{middle} ({span})" if middle and span else middle or span


def _number(value: Any) -> str:
    found = _float(value)
    return "" if found is None else short_number(found)


def _float(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and abs(value) < 1e15 else None


def _whole(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 10**15 else 0


def _text(value: Any) -> str:
    return outside(value) if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    return [outside(one) for one in _any_list(value)[:MOST_ROWS] if isinstance(one, str)]


def _any_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _list(value: Any) -> list[dict[str, Any]]:
    return [one for one in _any_list(value) if isinstance(one, dict)]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
