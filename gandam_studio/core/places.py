"""Places that sprites were imported from: a file, or an entry in an archive; and how places are compared.

In the table `sources`, `path` is the file, and `member` is the entry followed by "#" and the part or import mode.
A trailing "was=0123456789ab" means that the file has changed since the import: the sprite comes from the earlier
content, whose SHA-256 begins with those digits.
"""

from __future__ import annotations

import re
import sqlite3

from gandam_studio.core.texts import contains, encodable, escaped, folded

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_WAS = re.compile(r"(.*?)\+?was=([0-9a-f]{12})")
_SUFFIX = re.compile(
    r"(?:frame=\d{1,6}(?:\+key=[0-9a-f]{6})?|frames=distinct"
    r"|region=\d{1,6}(?:,\d{1,6}){3}(?:\+turn=[123])?(?:\+on=\d{1,6}(?:,\d{1,6}){3})?(?:\+key=(?:[0-9a-f]{6}|index0))?"
    r"|(?:(?:grid|components)=(?:[0-9x+]+?(?:edges)?|auto)|atlas=[0-9a-f]{16})?"
    r"(?:\+?key=(?:auto|index0|[0-9a-f]{6}))?(?:\+frames=distinct)?"
    r")(?:\+?was=[0-9a-f]{12})?"
)
# Both separators, except the backslash of "\xNN", which stands for an undecodable byte.
SEPARATOR = re.compile(r"/|\\(?!x[0-9a-f]{2})")
"""Separator between the parts of an entry name, or of a path of any system."""

PLACE = "(path || CASE WHEN member = '' THEN '' WHEN instr(member, '#') = 0 THEN '/' || member ELSE inside(member) END)"
"""SQL: the path of a row of `sources` joined with its entry, as if the archive were a folder."""
CURRENT = "(instr(member, 'was=') = 0 OR NOT is_earlier(member))"
"""SQL: true if a row of `sources` describes the current content of its file, not an earlier one."""


def storable(text: str) -> str:
    """Return a path or name as it is stored and shown: undecodable bytes and control characters as \\xNN."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", encodable(text))


def join_member(entry: str, suffix: str = "") -> str:
    """Return the `member` column for an entry ("" for a plain file) and a part or mode."""
    if suffix:
        return f"{entry}#{suffix}"
    # A name that ends like a suffix gets an empty suffix, so that it can be split again.
    return entry if split_member(entry) == (entry, "") else f"{entry}#"


def split_member(member: str) -> tuple[str, str]:
    """The inverse of `join_member`: (entry, suffix). Any other "#" belongs to the entry's name."""
    entry, mark, suffix = member.rpartition("#")
    if mark and (not suffix or _SUFFIX.fullmatch(suffix)):
        return entry, suffix
    return member, ""


def earlier_suffix(suffix: str, digest: str) -> str:
    """Return the suffix for an earlier content of a file; `digest` is the SHA-256 of that content."""
    return f"{suffix}{'+' if suffix else ''}was={digest[:12]}"


def split_earlier(suffix: str) -> tuple[str, str]:
    """The inverse of `earlier_suffix`: (suffix, start of the digest), with "" for the current content."""
    match = _WAS.fullmatch(suffix)
    return (match[1], match[2]) if match else (suffix, "")


def is_earlier(member: str) -> bool:
    """Whether a row of `sources` describes an earlier content of its file."""
    return bool(split_earlier(split_member(member)[1])[1])


def shown_place(path: str, member: str, separator: str = "!") -> str:
    """Return a row of `sources` in readable form: "set.zip!knight/001.png", "walk.gif!#frame=3"."""
    entry, suffix = split_member(member)
    part, was = split_earlier(suffix)
    inside = f"{entry}#{part}" if part else entry
    place = f"{path}{separator}{inside}" if inside else path
    return f"{place} (before it was edited, {was})" if was else place


def file_name(path: str, member: str = "") -> str:
    """Return the last part of a place: the name of the file, or of the archive entry."""
    entry, _ = split_member(member)
    if entry:
        return SEPARATOR.split(entry)[-1]
    # Where paths begin with a slash, a backslash is part of a name.
    return path.rpartition("/")[2] if path.startswith(("/", "pasted:")) else SEPARATOR.split(path)[-1]


def register(connection: sqlite3.Connection) -> None:
    """Register the SQL functions `inside` (used by PLACE) and `is_earlier` (used by CURRENT) on a connection."""
    connection.create_function("inside", 1, _inside, deterministic=True)
    connection.create_function("is_earlier", 1, is_earlier, deterministic=True)


def place_contains(text: str) -> tuple[str, list[str]]:
    """Return an SQL condition that the place of a row of `sources` contains a text, and its parameters.

    "/" and "\\" are equivalent, and an archive entry may be separated by "!" or "/".
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
    """Return an SQL condition that a place is, or ends in, a relative path; and its parameters."""
    column = f"folded(replace({PLACE}, '\\', '/'))"
    terms: list[str] = []
    values: list[str] = []
    for variant in _variants(text):
        terms.append(f"{column} = ? OR {column} LIKE ? ESCAPE '\\'")
        values += [folded(variant), f"%/{escaped(folded(variant).lstrip('/'))}"]
    return f"({' OR '.join(terms)})", values


def _variants(text: str) -> list[str]:
    """The text as typed, and with each of its first four "!" read as the separator between archive and entry."""
    text = text.replace("\\", "/") if "/" in text or "\\" in text else text
    marks = [match.start() for match in re.finditer("!", text)][:4]
    return [text, *(f"{text[:mark]}/{text[mark + 1 :]}" for mark in marks)]


def _inside(member: str) -> str:
    entry, _ = split_member(member)
    return f"/{entry}" if entry else ""
