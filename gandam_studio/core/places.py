"""Where a sprite came from: a file, or an archive and an entry in it; and how such places are compared.

In the table `sources`, `path` names the file and `member` the entry and, after "#", the part or the mode of import.
"""

from __future__ import annotations

import re
import sqlite3

from gandam_studio.core.texts import contains, encodable, escaped, folded

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SUFFIX = re.compile(
    r"frame=\d{1,6}(?:\+key=[0-9a-f]{6})?|frames=distinct"
    r"|region=\d{1,6}(?:,\d{1,6}){3}(?:\+turn=[123])?(?:\+on=\d{1,6}(?:,\d{1,6}){3})?(?:\+key=[0-9a-f]{6})?"
    r"|(?:(?:grid|components)=(?:[0-9x+]+?(?:edges)?|auto)|atlas=[0-9a-f]{16})?"
    r"(?:\+?key=(?:auto|[0-9a-f]{6}))?(?:\+frames=distinct)?"
)
# Both separators, but for the backslash of "\xNN", which stands for an undecodable byte.
_SEPARATOR = re.compile(r"/|\\(?!x[0-9a-f]{2})")

PLACE = "(path || CASE WHEN member = '' THEN '' WHEN instr(member, '#') = 0 THEN '/' || member ELSE inside(member) END)"
"""SQL: the path of a row of `sources` and behind it the entry, as if the archive were a folder."""


def storable(text: str) -> str:
    """A path or name as rows keep it and people read it: undecodable bytes and control characters as \\xNN."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", encodable(text))


def join_member(entry: str, suffix: str = "") -> str:
    """The `member` column for an entry ("" in a plain file) and a part or mode."""
    if suffix:
        return f"{entry}#{suffix}"
    # A name that ends like a suffix gets an empty one of its own.
    return entry if split_member(entry) == (entry, "") else f"{entry}#"


def split_member(member: str) -> tuple[str, str]:
    """The inverse of `join_member`: (entry, suffix). Other "#" belong to the entry's name."""
    entry, mark, suffix = member.rpartition("#")
    if mark and (not suffix or _SUFFIX.fullmatch(suffix)):
        return entry, suffix
    return member, ""


def shown_place(path: str, member: str, separator: str = "!") -> str:
    """A row of `sources` as people read it: "set.zip!knight/001.png", "walk.gif!#frame=3"."""
    entry, suffix = split_member(member)
    inside = f"{entry}#{suffix}" if suffix else entry
    return f"{path}{separator}{inside}" if inside else path


def file_name(path: str, member: str = "") -> str:
    """The last part of a place: the file's own name, or its entry's."""
    entry, _ = split_member(member)
    if entry:
        return _SEPARATOR.split(entry)[-1]
    # A backslash is part of a name where paths begin with a slash.
    return path.rpartition("/")[2] if path.startswith(("/", "pasted:")) else _SEPARATOR.split(path)[-1]


def register(connection: sqlite3.Connection) -> None:
    """Give a connection the SQL function `inside`, which PLACE uses."""
    connection.create_function("inside", 1, _inside, deterministic=True)


def place_contains(text: str) -> tuple[str, list[str]]:
    """SQL that asks whether the place of a row of `sources` contains a text, and its parameters.

    Separators of both kinds are the same, and an archive's entry may stand behind "!" or "/".
    """
    terms: list[str] = []
    values: list[str] = []
    for variant in _variants(text):
        column = f"replace({PLACE}, '\\', '/')" if "/" in variant else PLACE
        sql, parameters = contains(column, variant)
        terms.append(sql)
        values += parameters
    return f"({' OR '.join(terms)})", values


def place_ends_with(text: str) -> tuple[str, list[str]]:
    """SQL that asks whether a place is, or ends in, a relative path; and its parameters."""
    column = f"folded(replace({PLACE}, '\\', '/'))"
    terms: list[str] = []
    values: list[str] = []
    for variant in _variants(text):
        terms.append(f"{column} = ? OR {column} LIKE ? ESCAPE '\\'")
        values += [folded(variant), f"%/{escaped(folded(variant).lstrip('/'))}"]
    return f"({' OR '.join(terms)})", values


def _variants(text: str) -> list[str]:
    """A text as typed, and with each of its first "!" taken for the border between an archive and its entry."""
    text = text.replace("\\", "/") if "/" in text or "\\" in text else text
    marks = [match.start() for match in re.finditer("!", text)][:4]
    return [text, *(f"{text[:mark]}/{text[mark + 1 :]}" for mark in marks)]


def _inside(member: str) -> str:
    entry, _ = split_member(member)
    return f"/{entry}" if entry else ""
