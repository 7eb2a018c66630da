"""Writes HTML. Every text is escaped unless it was made here, so that nothing from outside can become markup."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from gandam_studio.core.texts import encodable

VOID = frozenset({"meta", "link", "img", "input", "br", "hr", "line", "path", "circle", "rect"})
"""Elements without content."""
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_PATH = re.compile(r"""(?<![\w.…])(?:[A-Za-z]:)?[\\/](?=[^\s\\/])(?:[^\\/:'"<>|\n]{1,255}[\\/])+""")


class Markup(str):
    """HTML that is written as it stands."""

    __slots__ = ()


Child = str | None | Iterable[Any]


def element(name: str, /, *children: Child, **attributes: Any) -> Markup:
    """An element.

    Args:
        name: the tag.
        children: texts, which are escaped; `Markup`, which is not; lists of both; None is left out.
        attributes: a trailing "_" of a name is dropped, others become "-". None and False are left out, True has no
            value.
    """
    written = "".join(_attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{name}{written}>" if name not in ("line", "path", "circle", "rect") else f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")


def _attribute(name: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{html.escape(readable(str(value)))}"'


def joined(children: Child) -> Markup:
    """Children one after the other; see `element`."""
    if children is None:
        return Markup("")
    if isinstance(children, Markup):
        return children
    if isinstance(children, str):
        return Markup(html.escape(readable(children), quote=False))
    return Markup("".join(joined(child) for child in children))


def readable(text: str) -> str:
    """Text without characters that are not seen or change how others are read: they are spelled out."""
    text = encodable(text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"\\u{ord(character):04x}"
        if character in _BIDI or (unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t")
        else character
        for character in text
    )


def without_places(text: str) -> str:
    """Text in which full paths have lost their folders, which tell about the machine and its owner: "…/r1-dcgan"."""
    return _PATH.sub("…/", text)


def data_block(name: str, value: Any) -> Markup:
    """JSON inside the page, which scripts read by the id `name`."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(f'<script type="application/json" id="{html.escape(name)}">{text}</script>')
