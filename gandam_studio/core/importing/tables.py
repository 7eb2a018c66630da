"""Metadata tables: metadata.jsonl or metadata.csv next to pictures, as in Hugging Face data sets.

A row names a picture ("file_name", relative to the table's folder) and may have tags, a caption and a class.
Columns: https://huggingface.co/docs/datasets/image_dataset#imagefolder
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.texts import LONGEST_TAG, checked
from trainer.protocol.untrusted import UntrustedError, decode_text

NAMES = ("metadata.jsonl", "metadata.csv")
MAXIMUM_TABLE_BYTES = 64 << 20
MAXIMUM_TAGS = 200
"""Most tags of one caption or row."""
_LISTS = ("tags", "labels")
_CAPTIONS = ("text", "caption", "prompt")
_CLASSES = ("label", "class", "category")
_LONGEST_FIELD = 1 << 20


def is_table_name(name: str) -> bool:
    """Whether a file is a table by its name. It counts as one if it names pictures in its folder or below."""
    return re.split(r"[/\\]", name)[-1].lower() in NAMES


def tags_in(text: str) -> frozenset[str]:
    """Return the tags in a text, separated by commas or line ends. Raises UserError if one is not valid."""
    parts = (part.strip() for part in re.split(r"[,\r\n]", text))
    return checked_tags(part for part in parts if part)


def checked_tags(found: Iterable[str]) -> frozenset[str]:
    """Return the tags without empty ones. Raises UserError if one is not valid or there are more than MAXIMUM_TAGS."""
    tags = frozenset(filter(None, (checked(part, "a tag", LONGEST_TAG) for part in found)))
    if len(tags) > MAXIMUM_TAGS:
        raise UserError(f"there are more than {MAXIMUM_TAGS} tags")
    return tags


def read_table(data: bytes, name: str) -> list[tuple[str, frozenset[str]]]:
    """Return (path of a picture relative to the table's folder, its tags) for every row that names a picture.

    Class numbers give no tags, since their meaning is unknown. Raises UserError or UntrustedError with the line number.
    """
    if len(data) > MAXIMUM_TABLE_BYTES:
        raise UserError(f"larger than {MAXIMUM_TABLE_BYTES >> 20} MiB")
    text = decode_text(data)
    found = []
    for line, row in _json_rows(text) if name.lower().endswith(".jsonl") else _csv_rows(text):
        place = row.get("file_name")
        if not isinstance(place, str) or not place.strip():
            continue
        try:
            found.append((place.strip().replace("\\", "/").removeprefix("./"), _tags(row)))
        except UserError as error:
            raise UserError(f"line {line}: {error}") from None
    return found


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, row in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if not row.strip():
            continue
        try:
            values = json.loads(row)
        except (ValueError, RecursionError):
            raise UntrustedError(f"line {line} is not JSON") from None
        if not isinstance(values, dict):
            raise UntrustedError(f"line {line} is not an object")
        yield line, values


def _csv_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # Imported here, because workers load this module but never need them.
    import csv
    import io

    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        rows = csv.DictReader(io.StringIO(text, newline=""))
        for row in rows:
            yield rows.line_num, row
    except csv.Error as error:
        raise UntrustedError(f"not a table: {error}") from None
    finally:
        csv.field_size_limit(before)


def _tags(row: dict[str, Any]) -> frozenset[str]:
    found: set[str] = set()
    for key, value in row.items():
        name = key.lower() if isinstance(key, str) else ""
        if name in _LISTS and isinstance(value, list):
            found |= checked_tags(part.strip() for part in value if isinstance(part, str))
        elif not isinstance(value, str) or not value.strip():
            continue
        elif name in (*_LISTS, *_CAPTIONS):
            found |= tags_in(value)
        elif name in _CLASSES and not value.strip().isdecimal():
            found |= checked_tags([value.strip()])
    return checked_tags(found)
