"""The sections about data, and about what differs between runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gandam_studio.core.reports.facts import RunFacts, picture_of, source_name
from gandam_studio.core.reports.markup import Markup, element
from gandam_studio.core.reports.parts import LONGEST, digest, facts_list, outside, plural, section, table
from gandam_studio.core.reports.pictures import EXACT, data_uri, fitted, share, sheet_of
from gandam_studio.core.runs.comparison import LIMIT, RunComparison, compare, manifest_difference, row_name, value_words
from trainer.protocol.untrusted import UntrustedError, parse_json, shortened

SHOWN = 24
"""Sprites shown of those added, removed or changed."""
COLUMNS = 12
LARGEST_STRIP = 300_000
"""Bytes of a strip of sprites of one or two runs; see `share`."""
FIELDS = {
    "flip": "flipped", "rotation": "turned", "crop": "cropped anew", "facing": "facing", "tags": "tags",
    "family": "family", "weight": "weight", "split": "held out or not",
}  # fmt: skip


def differences(runs: Sequence[RunFacts]) -> Markup | None:
    """What differs between two to four runs, and whether one thing explains their results; None for one run."""
    if not 2 <= len(runs) <= LIMIT:
        return None
    found = compare(facts.run.path for facts in runs)
    heads = ("What differs", *(facts.title for facts in runs))
    rows = [
        (
            row_name(row),
            *(element("b" if value != row.values[0] else "span", value_words(value)) for value in row.values),
        )
        for row in found.differences
    ]
    return section(
        "differences", "What differs between them",
        element("p", _verdict(found), class_="summary-line"),
        table(heads, rows, "Differences between the runs", "differences") if rows else None,
    )  # fmt: skip


def _verdict(found: RunComparison) -> Markup:
    """The window's words: see `gandam_studio.qt.runs.difference_table`."""
    if found.factors == 0:
        return element(
            "span", element("b", "No differences"), " in settings or data: if the results differ, that is luck."
        )
    if found.factors == 1:
        return element("span", element("b", "One thing"), " differs: it explains different results, apart from luck.")
    return element(
        "span", element("b", f"{found.factors} things"),
        " differ, so you cannot tell which one made the results differ (they are confounded).",
    )  # fmt: skip


def data(runs: Sequence[RunFacts]) -> Markup:
    """The versions trained on: their sprites, how these were prepared, and what differs between them."""
    parts: list[Any] = []
    several, most = len(runs) > 1, share(LARGEST_STRIP, len(runs))
    versions: dict[str, list[RunFacts]] = {}
    for facts in runs:
        versions.setdefault(facts.digest or facts.run.name, []).append(facts)
    for group in versions.values():
        names = ", ".join(facts.title for facts in group)
        parts.append(element("h3", element("bdi", names)) if several else None)
        parts.append(_version(group[0], most))
    first = runs[0]
    for group in list(versions.values())[1:]:
        parts.append(_difference(first, group[0], most))
    return section("data", "The sprites it learned from" if not several else "The sprites they learned from", parts)


def _version(facts: RunFacts, most: int) -> Markup:
    origin = facts.config.origin if facts.config else None
    entries = list((facts.entries or {}).values())
    facing = Counter(entry.facing for entry in entries)
    families = {entry.family for entry in entries} - {""}
    held = sum(entry.split != "train" for entry in entries)
    tags = Counter(tag for entry in entries for tag in entry.tags)
    shown = _some(facts, [entry.id for entry in entries], most)
    return element(
        "div",
        facts_list((
            ("Version", origin.version if origin else ""),
            ("Manifest (SHA-256)", digest(facts.digest)),
            ("Sprites", f"{len(entries):,}, {held:,} of them held out from training" if entries else ""),
            ("Facing", ", ".join(f"{count:,} {name}" for name, count in facing.most_common()) if entries else ""),
            ("Mirrored by hand", f"{sum(entry.flip for entry in entries):,}" if entries else ""),
            ("Families", f"{len(families):,}" if families else ""),
            ("Tags", outside(", ".join(f"{name} ({count:,})" for name, count in tags.most_common(20)))),
            ("Pictures", _prepared(facts)),
        )),
        shown,
    )  # fmt: skip


def _prepared(facts: RunFacts) -> str:
    """The recipe in words, as far as it can be read."""
    try:
        recipe = parse_json(facts.config.origin.recipe) if facts.config and facts.config.origin.recipe else {}
    except UntrustedError:
        recipe = {}
    if not isinstance(recipe, dict) or not recipe:
        shape = facts.pictures.shape if facts.pictures is not None else None
        return f"{shape[1]} × {shape[2]} pixels" if shape else ""
    size = value_words(recipe.get("size"))
    rest = ", ".join(f"{name} {value_words(value)}" for name, value in sorted(recipe.items()) if name != "size")
    return shortened(f"{size} × {size} pixels; {rest}", LONGEST)


def _some(facts: RunFacts, ids: Sequence[str], most: int) -> Markup | None:
    """Training pictures spread evenly over the version."""
    if not ids:
        return None
    places = sorted({round(at * (len(ids) - 1) / max(1, SHOWN - 1)) for at in range(SHOWN)})
    chosen = [ids[place] for place in places]
    text = f"{plural(len(chosen), 'sprite')} of {len(ids):,}, spread evenly over the version, as the network sees them"
    return _strip(facts, chosen, text, most)


def _strip(facts: RunFacts, ids: Sequence[str], text: str, most: int) -> Markup | None:
    found = [picture for one in ids if (picture := picture_of(facts, one)) is not None]
    if not found:
        return None
    columns = min(COLUMNS, len(found))
    rows = -(-len(found) // columns)
    sheet = sheet_of(found, columns, facts.background)
    encoded, bits, kept = fitted(sheet, most, rows)
    height = sheet.shape[0] // rows * kept
    text += f"; only {kept * columns} of them, to keep the page small" if kept < rows else ""
    text += "; colours are rounded" if bits < EXACT else ""
    image = element("img", src=data_uri(encoded), alt=text, width=sheet.shape[1], height=height, class_="sheet")
    return element("figure", element("div", image, class_="mat large"), element("figcaption", text), class_="strip")


def _difference(first: RunFacts, other: RunFacts, most: int) -> Markup:
    heading = element("h3", "From ", element("bdi", first.title), " to ", element("bdi", other.title))
    if first.entries is None or other.entries is None:
        return element("div", heading, element("p", "A list of sprites cannot be read, so they cannot be compared."))
    found = manifest_difference(first.entries, other.entries)
    fields = Counter(name for _, names in found.changed for name in names)
    parts: list[Any] = []
    for ids, facts, entries, what in (
        (found.added, other, other.entries, "added"), (found.removed, first, first.entries, "removed"),
        (tuple(one for one, _ in found.changed), other, other.entries, "changed"),
    ):  # fmt: skip
        if not ids:
            continue
        text = f"{plural(len(ids), 'sprite')} {what}"
        if what == "changed":
            text += f": {', '.join(f'{count:,} {FIELDS.get(name, name)}' for name, count in fields.most_common())}"
        if len(ids) > SHOWN:
            text += f"; the first {SHOWN} are shown"
        parts.append(_strip(facts, ids[:SHOWN], text, most) or element("p", text))
        names = [source_name(entries[one]) for one in ids[:500]]
        more = f" and {len(ids) - 500:,} more" if len(ids) > 500 else ""
        parts.append(
            element(
                "details",
                element("summary", f"Their names ({what})"),
                element("p", outside(", ".join(names), 20_000) + more),
            )
        )
    if not parts:
        parts = [element("p", "The same sprites, with equal decisions.")]
    return element("div", heading, parts)
