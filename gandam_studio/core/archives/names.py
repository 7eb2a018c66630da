"""Decode names of zip entries from an unknown code page, which is chosen by the user or guessed from the bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gandam_studio.core.archives.zips import ZipEntry, read_directory
from trainer.protocol.untrusted import UntrustedError, open_regular

# In order of preference where two fit equally well; CP437 is the zip format's default.
CODE_PAGES = ("cp932", "gbk", "cp1251", "cp866", "cp1252", "cp437")
_SHOWN = {"gbk": "GBK", "utf-8": "UTF-8"}
_MOST_ENTRIES = 200_000
_ENOUGH = 4_000  # names used for the guess
_LEAST = 0.35  # the lowest score at which a code page is preferred to CP437


def shown_encoding(encoding: str) -> str:
    """Return the name of an encoding for display."""
    return _SHOWN.get(encoding, encoding.upper())


def known_encoding(name: str) -> bool:
    """Whether Python has a text encoding of this name."""
    try:
        return isinstance(b"a".decode(name), str)
    except (LookupError, UnicodeError, ValueError):
        return False


def decode_names(entries: Sequence[ZipEntry], encoding: str = "") -> tuple[list[str], str]:
    """Return the entries' names, and the encoding used for those not marked as UTF-8 ("" if they are all ASCII).

    With `encoding` "", it is guessed. Undecodable bytes become \\xNN, and duplicate names get a number appended.
    """
    doubtful = [entry.raw_name for entry in entries if not entry.utf_8 and not entry.raw_name.isascii()]
    used = (encoding or propose(doubtful)) if doubtful else ""
    names: list[str] = []
    taken: set[str] = set()
    for entry in entries:
        raw = entry.raw_name
        codec = "utf-8" if entry.utf_8 or raw.isascii() else used
        name = first = raw.decode(codec, "backslashreplace")
        repeats = 1
        while name in taken:
            repeats += 1
            name = f"{first} ({repeats})"
        taken.add(name)
        names.append(name)
    return names, used


@dataclass(frozen=True)
class Names:
    """A zip whose names are in a code page that had to be guessed.

    Attributes:
        path: of the archive.
        used: the encoding that is proposed.
        examples: encoding -> how a few of the names read in it; only those in which all names can be read.
    """

    path: str
    used: str
    examples: dict[str, list[str]]


def names_in(path: str, shown: int = 5) -> Names | None:
    """Propose a code page for a zip's names, with examples; None where all are UTF-8, or it cannot be read."""
    try:
        with open_regular(path) as stream:
            entries = read_directory(stream, _MOST_ENTRIES)
    except (UntrustedError, OSError):
        return None
    doubtful = [entry.raw_name for entry in entries if not entry.utf_8 and not entry.raw_name.isascii()]
    used = propose(doubtful) if doubtful else ""
    if used in ("", "utf-8"):
        return None
    parts = list(dict.fromkeys(part for name in doubtful for part in re.split(rb"/", name) if not part.isascii()))
    examples = {}
    for encoding in CODE_PAGES:
        if encoding == used or _decoded(parts[:_ENOUGH], encoding) is not None:
            examples[encoding] = [part.decode(encoding, "backslashreplace") for part in parts[:shown]]
    return Names(path, used, examples)


def propose(names: Iterable[bytes]) -> str:
    """Guess the encoding of names that are not ASCII."""
    # Parts of paths, without repetitions, say as much as whole paths.
    parts = list(dict.fromkeys(part for name in names for part in re.split(rb"[/.]", name) if not part.isascii()))
    parts = parts[:_ENOUGH]
    if _decoded(parts, "utf-8") is not None:
        return "utf-8"
    best, best_score = "cp437", _LEAST
    for encoding in CODE_PAGES:
        texts = _decoded(parts, encoding)
        if texts is None:
            continue
        score = _SCORES[encoding](texts, encoding)
        if score > best_score:
            best, best_score = encoding, score
    return best


def _decoded(parts: Sequence[bytes], encoding: str) -> list[str] | None:
    try:
        texts = [part.decode(encoding) for part in parts]
    except UnicodeDecodeError:
        return None
    # Python's code pages decode unassigned bytes to control or private-use characters.
    return None if any(_IMPOSSIBLE.search(text) for text in texts) else texts


_IMPOSSIBLE = re.compile("[\x80-\x9f\ue000-\uf8ff]")
_KANA = re.compile("[\u3040-\u30ff]")
_HALF_KANA = re.compile("[\uff61-\uff9f]")
_LATIN = re.compile("[A-Za-z]")
_LETTERS = re.compile(r"[^\W\d_]+")


def _east_asian(texts: Sequence[str], encoding: str) -> float:
    """Score the share of characters in common use, judged by their position in the encoding."""
    score = count = 0.0
    for text in texts:
        for before, character, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
            if character.isascii():
                continue
            count += 1
            if _LATIN.match(before) and _LATIN.match(after):
                score -= 0.3  # within a Latin word
            elif encoding == "cp932" and _HALF_KANA.match(character):
                score -= 0.5
            elif encoding == "cp932" and _KANA.match(character):
                score += 1.0
            else:
                lead, trail = character.encode(encoding)[0], character.encode(encoding)[-1]
                score += _japanese(lead) if encoding == "cp932" else _chinese(lead, trail)
    return score / count if count else 0.0


def _japanese(lead: int) -> float:
    """Score a lead byte: JIS level 1 is 0x88 to 0x97, punctuation and full-width Latin are 0x81 and 0x82."""
    return 0.9 if 0x88 <= lead <= 0x97 else 0.6 if lead in (0x81, 0x82) else 0.1 if lead <= 0xEA else -1.0


def _chinese(lead: int, trail: int) -> float:
    """Score a character: GB 2312 level 1 is 0xB0 to 0xD7; the kana of rows 4 and 5 do not occur in Chinese names."""
    if trail < 0xA1 or lead < 0xA1:
        return -0.3
    return 0.9 if 0xB0 <= lead <= 0xD7 else 0.5 if lead in (0xA1, 0xA3) else 0.1 if lead >= 0xD8 else -0.3


def _cyrillic(texts: Sequence[str], encoding: str) -> float:
    """Score the share of letters in words that are entirely Cyrillic."""

    def fits(word: str, foreign: int) -> bool:
        return foreign == len(word) and all("\u0410" <= c <= "\u044f" or c in "\u0401\u0451" for c in word)

    return 0.8 * _share_in_words(texts, fits)


def _latin(texts: Sequence[str], encoding: str) -> float:
    """Score the share of characters that are accented letters in otherwise ASCII words."""

    def fits(word: str, foreign: int) -> bool:
        return 2 * foreign <= len(word) and all(c.isascii() or "\u00c0" <= c <= "\u017f" for c in word)

    return 0.7 * _share_in_words(texts, fits)


def _share_in_words(texts: Sequence[str], fits: Callable[[str, int], bool]) -> float:
    """Return the share of non-ASCII characters in words that fit and are lower case, upper case or title case.

    `fits` takes a word and the number of its letters that are not ASCII.
    """
    good = count = 0
    for text in texts:
        count += sum(not character.isascii() and not character.isalpha() for character in text)
        for word in _LETTERS.findall(text):
            foreign = sum(not character.isascii() for character in word)
            count += foreign
            if fits(word, foreign) and (word.islower() or word.isupper() or word.istitle()):
                good += foreign
    return good / count if count else 0.0


_SCORES: dict[str, Callable[[Sequence[str], str], float]] = {
    "cp932": _east_asian,
    "gbk": _east_asian,
    "cp1251": _cyrillic,
    "cp866": _cyrillic,
    "cp1252": _latin,
    "cp437": _latin,
}
