"""Text from outside: what may be stored, and what counts as the same text."""

from __future__ import annotations

import sqlite3
import unicodedata

from gandam_studio.core.errors import UserError

LONGEST_REASON = 200
LONGEST_TAG = 100
LONGEST_NAME = 255
LONGEST_MESSAGE = 10_000
LONGEST_LABEL = 200

# They turn the direction of what follows, so that a line reads otherwise than it is stored.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def checked(text: str, what: str, longest: int, *, lines: bool = False) -> str:
    """Text fit to be stored: composed (NFC) and without space around it; `lines` allows several lines.

    `what` begins the message ("the reason"). Raises UserError for undecodable bytes, control characters, characters
    that turn the direction of writing, and what is longer than `longest` characters.
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
        raise UserError(f"{what} holds a control character ({code})")
    if character in _TURNING:
        raise UserError(f"{what} holds a character that turns the direction of writing ({code})")


def encodable(text: str) -> str:
    """Text that UTF-8 can hold: undecodable bytes and lone surrogates are escaped, as in `caf\\xe9`."""
    if text.isascii():
        return text
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that stand for no byte
        data = text.encode("utf-8", "backslashreplace")
    return data.decode("utf-8", "backslashreplace")


def forms(text: str) -> tuple[str, ...]:
    """The ways the same text may have been stored: as it is, composed, and decomposed (as macOS writes names)."""
    if text.isascii():
        return (text,)
    text = encodable(text)
    return tuple(dict.fromkeys((text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text))))


def folded(text: str) -> str:
    """Equal for texts that differ in case or composition only."""
    return (
        text.lower() if text.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    )


def contains(column: str, part: str) -> tuple[str, list[str]]:
    """SQL that asks whether a column holds `part` in any case and composition, and its parameters."""
    part = folded(encodable(part))
    if part.isascii():
        return rf"{column} LIKE ? ESCAPE '\'", [f"%{escaped(part)}%"]
    # Python is asked only about what is not plain ASCII, which GLOB finds out at once.
    return f"({column} GLOB '*[^ -~]*' AND instr(folded({column}), ?) > 0)", [part]


def escaped(text: str) -> str:
    """Text for LIKE ... ESCAPE '\\' with its wildcards made literal."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def register(connection: sqlite3.Connection) -> None:
    """Give a connection the SQL function `folded`; SQLite's own LIKE folds ASCII letters only."""
    connection.create_function("folded", 1, folded, deterministic=True)
