"""Parts of which the sections of a page are built."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from gandam_studio.core.reports.finals import Sheet
from gandam_studio.core.reports.markup import Markup, element, without_places
from trainer.protocol import events as ev
from trainer.protocol.diagnosis_cards import Card, alarm_text
from trainer.protocol.measures import in_words
from trainer.protocol.untrusted import shortened

LONGEST = 500
TONES = {"good": "Good", "bad": "Bad", "neutral": "To know"}


def section(name: str, heading: str, *children: Any) -> Markup:
    """A section of the page with a heading, which the table of contents names."""
    return element(
        "section", element("h2", heading, id=f"{name}-title"), *children, id=name, aria_labelledby=f"{name}-title"
    )


def outside(text: str, longest: int = LONGEST) -> str:
    """Text that others wrote, without the folders of their machine."""
    return shortened(without_places(text), longest)


def plural(number: int, one: str, many: str = "") -> str:
    """ "1 run", "2 runs"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def picture(sheet: Sheet, text: str, **attributes: Any) -> Markup:
    """A sheet as a picture that is read aloud as `text`."""
    return element("img", src=sheet.uri, alt=text, width=sheet.width, height=sheet.height, **attributes)


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]], label: str, style: str = "") -> Markup:
    """A table whose rows begin with their heading; it scrolls sideways where it is too wide."""
    body = [
        element("tr", element("th", row[0], scope="row"), [element("td", cell) for cell in row[1:]]) for row in rows
    ]
    made = element(
        "table",
        element("caption", label, class_="hidden"),
        element("thead", element("tr", [element("th", head, scope="col") for head in heads])),
        element("tbody", body),
        class_=style or None,
    )
    return element("div", made, class_="wide", tabindex="0", role="region", aria_label=label)


def command(text: str) -> Markup:
    """A command to be copied."""
    return element("pre", element("code", text), tabindex="0")


def digest(text: str) -> Markup | str:
    """A digest; "" for none."""
    return element("code", text, class_="digest") if text else ""


def facts_list(pairs: Sequence[tuple[str, Any]]) -> Markup:
    """Names and values."""
    shown = [
        element("div", element("dt", name), element("dd", value)) for name, value in pairs if value not in ("", None)
    ]
    return element("dl", shown)


def day(wall_time: float) -> str:
    """A date in UTC, which reads the same everywhere; "" if it is unknown."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(wall_time)) if wall_time else ""


def sign(card: Card) -> Markup:
    """The tone of a card, as a word: colour alone would not be seen by everyone."""
    return element("span", TONES.get(card.tone, TONES["neutral"]), class_=f"tone {card.tone}")


def alarm_words(alarm: ev.Alarm) -> str:
    """An alarm in a sentence, with its evidence."""
    text = alarm_text(alarm.about, alarm.state, alarm.action)
    text = text[:1].upper() + text[1:]
    return f"{text} (evidence {alarm.evidence:.3g} to 1)" if alarm.evidence and alarm.state == "raised" else text


def jump_words(spike: ev.SpikeFound) -> str:
    """A sudden jump, in words."""
    return f"Sudden jump in {in_words(spike.curve)} at {spike.spike_iteration:,}"
