"""Counts and durations in messages: "1 sprite", "2,023 sprites", "2 min 5 s"."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication


def counted(count: int, one: str, many: str) -> str:
    """`one` for a count of 1, else `many` with the count at "{0}"; both are translated already."""
    return one if count == 1 else many.replace("{0}", f"{count:,}")


def sprites(count: int) -> str:
    """A count of sprites: "1 sprite", "1,204 sprites"."""
    return counted(count, _tr("1 sprite"), _tr("{0} sprites"))


def families(count: int) -> str:
    """A count of families: "1 family", "12 families"."""
    return counted(count, _tr("1 family"), _tr("{0} families"))


def memory(megabytes: float) -> str:
    """An amount of memory: "820 MB", "1.5 GB"."""
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1024 else f"{megabytes:.0f} MB"


def _tr(text: str) -> str:
    return QCoreApplication.translate("counts", text)


def duration(seconds: float) -> str:
    """Format a duration: "8 s", "2 min 5 s", "3 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
