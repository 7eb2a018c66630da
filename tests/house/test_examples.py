"""The example reports of the documentation say what the program says today: sentences that it lost are noticed."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.html"))
SPEAKING = (
    "gandam_studio/core/reports",
    "gandam_studio/core/runs",
    "gandam_studio/core/experiments",
    "trainer/protocol",
)
"""Packages whose texts stand in reports."""
VALUE = r".{1,80}?"
"""A number or a name that a text leaves open."""
NUMBER = r"(?:[\d.,]+(?: %)?)?"
NO_END = {"meta", "link", "br", "img", "input"}


class Read(HTMLParser):
    """Collects the headings and paragraphs of a page, `texts`: (tag, text without tags)."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[tuple[str, str]] = []
        self._open: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        if tag not in NO_END:
            self._open.append((tag, []))

    def handle_endtag(self, tag: str) -> None:
        """End it, and keep what it says itself."""
        if self._open and self._open[-1][0] == tag:
            _, parts = self._open.pop()
            if text := " ".join("".join(parts).split()):
                self.texts.append((tag, text))

    def handle_data(self, data: str) -> None:
        """Take its text."""
        if self._open:
            self._open[-1][1].append(data)


def parts_of(node: ast.AST) -> list[str | None]:
    """The texts of a literal, None for each value in it; nothing for other nodes."""
    if isinstance(node, ast.JoinedStr):
        return [part.value if isinstance(part, ast.Constant) else None for part in node.values]  # type: ignore[misc]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def pattern(parts: list[str | None]) -> str:
    """What a literal can become; "" for one that could become anything, as it has no words of its own."""
    texts = [part if part is None else " ".join(f"|{part}|".split())[1:-1] for part in parts]
    if len(re.findall("[A-Za-z]", "".join(text or "" for text in texts))) < 2:
        return ""
    inside = "".join(VALUE if text is None else re.escape(text) for text in texts).replace(r"\ ", " ")
    # What stands at an end may be another text: only a number is taken for its value.
    inside = re.sub(f"^{re.escape(VALUE)} ?", lambda _end: f"{NUMBER} ?", inside.strip())
    return re.sub(f" ?{re.escape(VALUE)}$", lambda _end: f" ?{NUMBER}", inside) + r"(?!\w)"


@functools.cache
def spoken() -> list[re.Pattern[str]]:
    """All that the program can say."""
    files = [path for package in SPEAKING for path in sorted((ROOT / package).rglob("*.py"))]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    found = {pattern(parts) for tree in trees for node in ast.walk(tree) if (parts := parts_of(node))}
    for path in sorted((ROOT / "resources" / "experiments").glob("*.toml")):
        template = tomllib.loads(path.read_text(encoding="utf-8"))
        found |= {re.escape(template[key]).replace(r"\ ", " ") for key in ("title", "question")}
    return [re.compile(one) for one in sorted(found - {""})]


def can_say(text: str) -> bool:
    """Whether a text is made of what the program says, one after the other."""
    reached, waiting = {0}, [0]
    while waiting:
        at = waiting.pop()
        for one in spoken():
            if one.fullmatch(text, at):
                return True
            if match := one.match(text, at):
                end = match.end()
                while end < len(text) and text[end] in " .:;,":
                    end += 1
                if end == len(text):
                    return True
                if end not in reached:
                    reached.add(end)
                    waiting.append(end)
    return False


def lost(page: str) -> Iterator[str]:
    """The headings and paragraphs of a page that the program does not say."""
    read = Read()
    read.feed(page)
    for tag, text in read.texts:
        if tag in ("p", "h2", "h4", "strong") and not can_say(text):
            yield text


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_examples_say_what_the_program_says(path: Path) -> None:
    remedy = "make them again: python docs/examples.py"
    assert list(lost(path.read_text(encoding="utf-8"))) == [], remedy


def test_a_sentence_that_was_dropped_is_noticed() -> None:
    assert len(EXAMPLES) == 3
    assert can_say("Settled")
    assert can_say("The samples have 31 % of the sharpness of real sprites. Copies and variety show later.")
    for old in (
        "As many real sprites, blurred as much, give 243.", "Usual until the learning rate has fallen.",
        "Settled, more or less", "31 %",
    ):  # fmt: skip
        assert list(lost(f"<p>{old}</p>")) == [old]
