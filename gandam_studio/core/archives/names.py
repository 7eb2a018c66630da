"""Names of zip entries in whatever code page their maker's system had: proposed from the bytes, or chosen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from gandam_studio.core.archives.zips import ZipEntry

# In order of preference where two fit equally well; CP437 is what the format itself says.
CODE_PAGES = ("cp932", "gbk", "cp1251", "cp866", "cp1252", "cp437")
_SHOWN = {"gbk": "GBK", "utf-8": "UTF-8"}
_ENOUGH = 4_000  # names that are looked at
_LEAST = 0.35  # a proposal's score, from which on it is preferred to CP437


def shown_encoding(encoding: str) -> str:
    """How an encoding is named to people."""
    return _SHOWN.get(encoding, encoding.upper())


def known_encoding(name: str) -> bool:
    """Whether Python knows a text encoding of this name."""
    try:
        return isinstance(b"a".decode(name), str)
    except (LookupError, UnicodeError, ValueError):
        return False


def decode_names(entries: Sequence[ZipEntry], encoding: str = "") -> tuple[list[str], str]:
    """The entries' names, and the encoding of those not said to be UTF-8 ("" when all are plain).

    `encoding` "" proposes one. Bytes that do not fit become \\xNN, and equal names get a number: no two are the same.
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


def propose(names: Iterable[bytes]) -> str:
    """The likeliest encoding of names that are not ASCII."""
    # Folders come again and again, and words say as much as whole paths.
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
    # Python's code pages give control and private characters for bytes that stand for nothing.
    return None if any(_IMPOSSIBLE.search(text) for text in texts) else texts


_IMPOSSIBLE = re.compile("[\x80-\x9f\ue000-\uf8ff]")
_KANA = re.compile("[\u3040-\u30ff]")
_HALF_KANA = re.compile("[\uff61-\uff9f]")
_LATIN = re.compile("[A-Za-z]")
_LETTERS = re.compile(r"[^\W\d_]+")


def _east_asian(texts: Sequence[str], encoding: str) -> float:
    """Share of the characters that are in everyday use, by where the encoding keeps those."""
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
    """JIS level 1 begins with 0x88 to 0x97, punctuation and wide Latin with 0x81 and 0x82."""
    return 0.9 if 0x88 <= lead <= 0x97 else 0.6 if lead in (0x81, 0x82) else 0.1 if lead <= 0xEA else -1.0


def _chinese(lead: int, trail: int) -> float:
    """GB 2312 level 1 begins with 0xB0 to 0xD7; the Japanese letters of rows 4 and 5 are no Chinese name's."""
    if trail < 0xA1 or lead < 0xA1:
        return -0.3
    return 0.9 if 0xB0 <= lead <= 0xD7 else 0.5 if lead in (0xA1, 0xA3) else 0.1 if lead >= 0xD8 else -0.3


def _cyrillic(texts: Sequence[str], encoding: str) -> float:
    """Share of the letters that stand in words of Cyrillic letters alone."""

    def fits(word: str, foreign: int) -> bool:
        return foreign == len(word) and all("\u0410" <= c <= "\u044f" or c in "\u0401\u0451" for c in word)

    return 0.8 * _share_in_words(texts, fits)


def _latin(texts: Sequence[str], encoding: str) -> float:
    """Share of the characters that are accented letters within words otherwise plain."""

    def fits(word: str, foreign: int) -> bool:
        return 2 * foreign <= len(word) and all(c.isascii() or "\u00c0" <= c <= "\u017f" for c in word)

    return 0.7 * _share_in_words(texts, fits)


def _share_in_words(texts: Sequence[str], fits: Callable[[str, int], bool]) -> float:
    """Share of what is not ASCII that stands in words which fit, with capitals where words have them.

    `fits` is given a word and how many of its letters are not ASCII.
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
