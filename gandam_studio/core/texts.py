"""Text from outside the program: validation, normalization and comparison."""

from __future__ import annotations

import re
import sqlite3
import unicodedata

from gandam_studio.core.errors import UserError

LONGEST_REASON = 200
LONGEST_TAG = 100
LONGEST_NAME = 255
LONGEST_MESSAGE = 10_000
LONGEST_LABEL = 200

# Bidirectional controls: they make a line read differently from how it is stored.
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_DIGITS = re.compile("[0-9]+")


def checked(text: str, what: str, longest: int, *, lines: bool = False) -> str:
    """Return text ready to be stored: stripped and in NFC. `lines` allows more than one line.

    `what` begins the error message ("the reason"). Raises UserError for undecodable bytes, control characters,
    characters that change the writing direction, and text longer than `longest` characters.
    """
    if lines:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.strip()
    if not (text.isascii() and text.isprintable()):
        for character in text:
            _check(character, what, lines)
        text = unicodedata.normalize("NFC", text)
    if len(text) > longest:
        raise UserError(f"{what} is longer than {longest:,} characters")
    return text


def _check(character: str, what: str, lines: bool) -> None:
    category = unicodedata.category(character)
    code = f"U+{ord(character):04X}"
    if category == "Cs":
        raise UserError(f"{what} is not valid text: some of its bytes are not UTF-8")
    if character in "\n\u2028\u2029" and not lines:
        raise UserError(f"{what} must be on one line")
    if category in ("Cc", "Zl", "Zp") and character not in "\n\t":
        raise UserError(f"{what} contains a control character ({code})")
    if character in _BIDI_CONTROLS:
        raise UserError(f"{what} contains a character that changes the writing direction ({code})")


def encodable(text: str) -> str:
    """Return text that can be encoded as UTF-8: undecodable bytes and lone surrogates are escaped (`caf\\xe9`)."""
    if text.isascii():
        return text
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that do not stand for bytes
        data = text.encode("utf-8", "backslashreplace")
    return data.decode("utf-8", "backslashreplace")


def forms(text: str) -> tuple[str, ...]:
    """Return the forms in which the same text may be stored: as is, composed (NFC) and decomposed (NFD, macOS)."""
    if text.isascii():
        return (text,)
    text = encodable(text)
    return tuple(dict.fromkeys((text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text))))


def folded(text: str) -> str:
    """Return a key that is equal for texts that differ only in case or Unicode composition."""
    return (
        text.lower() if text.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    )


def natural_key(text: str) -> str:
    """Return a key that sorts texts as people do: numbers by their value ("2" before "10"), letters in any case alike.

    Each run of digits gets its length in front, without leading zeros.
    """
    folded_text = folded(text)
    return _DIGITS.sub(_measured, folded_text) if _DIGITS.search(folded_text) else folded_text


def _measured(match: re.Match[str]) -> str:
    digits = match[0].lstrip("0")
    return f"{len(digits)}{digits}" if len(digits) < 9 else f"9{len(digits):04}{digits}"


def contains(column: str, part: str) -> tuple[str, list[str]]:
    """Return an SQL condition that a column contains `part`, in any case and composition, and its parameters."""
    part = folded(encodable(part))
    slow = f"{_not_ascii(column)} AND instr(folded({column}), ?) > 0"
    if part.isascii():
        return rf"({column} LIKE ? ESCAPE '\' OR {slow})", [f"%{escaped(part)}%", part]
    return f"({slow})", [part]


def equals(column: str, text: str) -> tuple[str, list[str]]:
    """Return an SQL condition that a column is `text`, in any case and composition, and its parameters."""
    text = folded(encodable(text))
    slow = f"{_not_ascii(column)} AND folded({column}) = ?"
    if text.isascii():
        return rf"({column} LIKE ? ESCAPE '\' OR {slow})", [escaped(text), text]
    return f"({slow})", [text]


def _not_ascii(column: str) -> str:
    """Return an SQL condition that tells the rows for which SQLite's own LIKE is not enough, so that few are slow."""
    return f"{column} GLOB '*[^' || char(10) || ' -~]*'"


def escaped(text: str) -> str:
    """Escape the wildcards in text for LIKE ... ESCAPE '\\'."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def register(connection: sqlite3.Connection) -> None:
    """Register the SQL functions `folded` and `natural_key`; SQLite's own LIKE folds ASCII letters only."""
    connection.create_function("folded", 1, folded, deterministic=True)
    connection.create_function("natural_key", 1, natural_key, deterministic=True)
